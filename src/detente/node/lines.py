"""Lines as people deal with them: proposed, and accepted, at their beginning or later."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from detente.core.charter import (
    RANDOM_BYTES,
    Charter,
    Member,
    charter_id,
    check_descent,
    checked,
    parse_charter,
    propose,
    split_texts,
)
from detente.core.crypto import sha256
from detente.core.errors import LocalError, Refusal
from detente.core.events import Accept, Send, StoreFlags, StoreLine
from detente.core.frames import Notice, encode_frame
from detente.core.protocol import load_line
from detente.core.station import Step
from detente.node import asked
from detente.node.offers import party_named

if TYPE_CHECKING:
    from detente.node.node import Node

Request = Mapping[str, Any]
LOST_DISK = "a mark, and no record"


def _is(kind: type) -> Callable[[object], bool]:
    return lambda value: type(value) is kind  # a bool is no whole number here


def _are(kind: type) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(type(one) is kind for one in value)


_FITS = {
    "bool": _is(bool),
    "int": _is(int),
    "str": _is(str),
    "tuple[int, ...]": _are(int),
    "tuple[str, ...]": _are(str),
}
# Fields of a charter that `set` may give, and whether a value is of their kind; the rest follow
# from who proposes what.
SETTABLE = {
    field.name: _FITS[str(field.type)]
    for field in fields(Charter)
    if str(field.type) in _FITS and field.name != "number"
}


def propose_line(node: Node, request: Request) -> dict[str, Any]:
    """Writes a charter, accepts it for us, and with ``send`` offers it to linked members."""
    members = _members(node, asked.rows(request, "members"))
    charter = propose(
        random=node.entropy(RANDOM_BYTES),
        title=asked.text(request, "title"),
        members=members,
        languages=asked.texts(request, "languages") or ("en",),
        drill=asked.flag(request, "drill", False),
        padding=asked.flag(request, "padding", True),
    )
    charter = changed(charter, asked.mapping(request, "set"))
    text = charter.encode()
    node.submit(Accept(text))
    node.note("line", {"line": charter_id(text).hex(), "title": charter.title})
    if asked.flag(request, "send", False):
        send_notice(node, text, [member.party for member in members])
    return {"line": charter_id(text).hex(), "charter_b64": base64.b64encode(text).decode()}


def _members(node: Node, rows: Sequence[Mapping[str, Any]]) -> list[Member]:
    """Ourselves first unless we are named, then the others in the order given."""
    wanted = [
        (party_named(node, asked.text(row, "party")), asked.text(row, "role", "party"))
        for row in rows
    ]
    if all(party != node.station.party for party, _ in wanted):
        wanted.insert(0, (node.station.party, "party"))
    members = []
    for number, (party, role) in enumerate(wanted):
        card = node.station.cards[party]
        if party in node.distrusted:
            raise LocalError(Refusal.UNKNOWN_PARTY, f"{card.name} is trusted no more")
        members.append(Member(number, role, party, sha256(card.encode()), card.name))
    return members


def changed(charter: Charter, changes: Mapping[str, Any]) -> Charter:
    """The charter with other values for some fields, checked. LocalError USAGE for no field, or
    a value of another kind than the field's."""
    values: dict[str, Any] = {}
    for name, given in changes.items():
        key = name.replace("-", "_")
        if key not in SETTABLE:
            raise LocalError(Refusal.USAGE, f"a charter has no field {name} that can be set")
        if not SETTABLE[key](given):
            raise LocalError(Refusal.USAGE, f"{name} cannot be {given!r}")
        values[key] = tuple(given) if isinstance(given, list) else given
    return checked(replace(charter, **values)) if values else charter


def accept_line(node: Node, request: Request) -> dict[str, Any]:
    """Accepts a charter that another proposed: our log of that line begins with it. Behind the
    founding one an amended one that makes us a member: then once that is found to be final."""
    text, amended = split_texts(asked.data(request, "charter_b64"))
    charter = parse_charter(amended or text)
    if amended:
        check_descent(parse_charter(text), charter)
    elif charter.number:
        raise LocalError(Refusal.USAGE, "an amended charter is accepted behind the founding one")
    line_id = charter_id(text)
    known = {"line": line_id.hex(), "title": charter.title}
    mark = node.opened.marks.read(line_id)
    if mark is not None and mark.size and line_id not in node.station.lines:
        _rejoin(node, charter, text, amended)
        return known
    check_cards(node, charter.members)
    node.submit(Accept(text, amended))
    node.note("line", dict(known))
    return known | {"joining": bool(amended)}


def check_cards(node: Node, members: Iterable[Member]) -> None:
    """That ours are the very cards these members are named with. LocalError UNKNOWN_PARTY without
    one, CHARTER_MISMATCH for another."""
    for member in members:
        card = node.station.cards.get(member.party)
        if card is None or member.party in node.distrusted:
            raise LocalError(Refusal.UNKNOWN_PARTY, f"no trusted card for {member.name}")
        if sha256(card.encode()) != member.card:
            raise LocalError(
                Refusal.CHARTER_MISMATCH, f"the charter names another card of {member.name}"
            )


def _rejoin(node: Node, charter: Charter, text: bytes, amended: bytes) -> None:
    """A line of which a mark is left and no store: we have signed on it, and lost the disk.

    It is taken up mute, with nothing; its members show what we had, and officers adopt.
    """
    me = charter.number_of(node.station.party)
    if me is None:
        raise LocalError(Refusal.NOT_ALLOWED, "this charter does not name us")
    line_id = charter_id(text)

    def take_up(step: Step) -> None:
        line = load_line(step.station, line_id, text, me, (), (), LOST_DISK, amended)
        line.greet_due = line.touched = True
        step.out += [StoreLine(line_id, text, me, amended), StoreFlags(line_id, LOST_DISK)]
        step.tell("mute", line, reason=LOST_DISK)

    node.change(take_up)
    node.note("line-rejoined", {"line": line_id.hex(), "title": charter.title})


def send_notice(node: Node, data: bytes, parties: list[bytes]) -> int:
    """Sends a charter or a card to linked parties, for their officers to look at."""
    sent = 0
    for live in [] if node.links is None else list(node.links.live.values()):
        if live.link.peer in parties:
            node.speak([Send(live.number, encode_frame(0, Notice(data)))])
            sent += 1
    return sent
