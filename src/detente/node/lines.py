"""Lines as people deal with them: proposed, accepted, amended by offers and seals."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from detente.core.charter import (
    RANDOM_BYTES,
    Charter,
    Member,
    charter_id,
    check_amendment,
    checked,
    parse_charter,
    propose,
)
from detente.core.crypto import sha256
from detente.core.decisions import required_signatories, state_of_offer
from detente.core.errors import LocalError, Refusal
from detente.core.events import Accept, Send, StoreFlags, StoreLine
from detente.core.extras import AMENDMENT, Offer, decode_offer
from detente.core.frames import Notice, encode_frame
from detente.core.leaf import Kind
from detente.core.protocol import load_line
from detente.core.station import Line, Step
from detente.core.transcript import Entry
from detente.node import asked
from detente.node.offers import party_named
from detente.node.opening import clock
from detente.node.places import entry_word, find_entry, find_line
from detente.node.speaking import submit
from detente.node.views import word

if TYPE_CHECKING:
    from detente.node.node import Node

Request = Mapping[str, Any]
LOST_DISK = "a mark, and no record"
OFFER_S = 7 * 86_400  # an offer stands a week unless it says otherwise


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
    charter = _changed(charter, asked.mapping(request, "set"))
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
        members.append(Member(number, role, party, sha256(card.encode()), card.name))
    return members


def _changed(charter: Charter, changes: Mapping[str, Any]) -> Charter:
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
    """Accepts a charter that another proposed: our log of that line begins with it."""
    text = asked.data(request, "charter_b64")
    charter = parse_charter(text)
    line_id = charter_id(text)
    known = {"line": line_id.hex(), "title": charter.title}
    mark = node.opened.marks.read(line_id)
    if mark is not None and mark.size and line_id not in node.station.lines:
        _rejoin(node, charter, text)
        return known
    for member in charter.members:
        card = node.station.cards.get(member.party)
        if card is None:
            raise LocalError(Refusal.UNKNOWN_PARTY, f"no trusted card for {member.name}")
        if sha256(card.encode()) != member.card:
            raise LocalError(
                Refusal.CHARTER_MISMATCH, f"the charter names another card of {member.name}"
            )
    node.submit(Accept(text))
    node.note("line", dict(known))
    return known


def _rejoin(node: Node, charter: Charter, text: bytes) -> None:
    """A line of which a mark is left and no store: we have signed on it, and lost the disk.

    It is taken up mute, with nothing; its members show what we had, and officers adopt.
    """
    me = charter.number_of(node.station.party)
    if me is None or charter.number != 0:
        raise LocalError(Refusal.NOT_ALLOWED, "this charter does not name us, or amends another")
    line_id = charter_id(text)

    def take_up(step: Step) -> None:
        line = load_line(step.station, line_id, text, me, (), (), LOST_DISK)
        line.greet_due = line.touched = True
        step.out += [StoreLine(line_id, text, me), StoreFlags(line_id, LOST_DISK)]
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


# --- amendments -------------------------------------------------------------------------------


def amend(node: Node, request: Request) -> Callable[[], dict[str, Any]]:
    """Offers an amended charter. In two parties the other seals; else a mediator, else we."""
    line = find_line(node.station, request.get("line"))
    now_s = clock(node.home).wall_s
    if request.get("text_b64"):
        text = asked.data(request, "text_b64")
        charter = parse_charter(text)
    else:
        base = replace(
            line.charter,
            number=line.charter.number + 1,
            predecessor=charter_id(line.charter.encode()),
        )
        charter = _changed(base, asked.mapping(request, "set"))
        text = charter.encode()
    check_amendment(line.charter, charter)
    signatories = required_signatories(line.charter, charter) | 1 << line.me
    expires_s = asked.whole(request, "expires_s", now_s + OFFER_S, least=now_s)
    offer = Offer(AMENDMENT, _sealer(line, signatories), signatories, expires_s)
    return submit(
        node,
        line,
        Kind.OFFER,
        request,
        body=text,
        audience=line.charter.everyone(),
        extra=offer.encode(),
    )


def _sealer(line: Line, signatories: int) -> int:
    others = [
        m for m in line.charter.members if signatories >> m.number & 1 and m.number != line.me
    ]
    if len(others) == 1:
        return others[0].number
    mediator = next((m.number for m in others if m.role == "mediator"), None)
    return line.me if mediator is None else mediator


def _offer_at(node: Node, request: Request) -> tuple[Line, Entry, Offer]:
    line = find_line(node.station, request.get("line"))
    entry = find_entry(line, asked.text(request, "entry"))
    if entry.leaf is None or entry.leaf.kind != Kind.OFFER:
        raise LocalError(Refusal.NOT_FOUND, "that entry is no offer")
    return line, entry, decode_offer(entry.leaf.extra)


def assent(node: Node, request: Request) -> Callable[[], dict[str, Any]]:
    """Our assent to an offer; of the sealer, its seal is the assent."""
    line, entry, terms = _offer_at(node, request)
    if not terms.signatories >> line.me & 1:
        raise LocalError(Refusal.NOT_ALLOWED, "our signature is not asked for")
    audience = line.charter.everyone()
    return submit(node, line, Kind.ASSENT, request, refs=(entry.hash,), audience=audience)


def withdraw(node: Node, request: Request) -> Callable[[], dict[str, Any]]:
    """Takes back our offer, or our assent to one. It counts if the seal has not come before."""
    line, entry, _ = _offer_at(node, request)
    audience = line.charter.everyone()
    return submit(node, line, Kind.WITHDRAWAL, request, refs=(entry.hash,), audience=audience)


def seal(node: Node, request: Request) -> Callable[[], dict[str, Any]]:
    """Seals an offer whose sealer we are, naming every assent."""
    line, entry, terms = _offer_at(node, request)
    if terms.sealer != line.me:
        raise LocalError(Refusal.NOT_ALLOWED, "the offer names another sealer")
    now_s = clock(node.home).wall_s
    standing = state_of_offer(
        line.shelf,
        entry.place,
        now_s,
        release_required=line.charter.release_decisions,
        frozen=node.folds(line).frozen(node.station, line),
    )
    missing = [n for n in standing.waiting_for if n != line.me]
    if missing:
        names = ", ".join(str(number) for number in missing)
        raise LocalError(Refusal.NOT_ALLOWED, f"members {names} have not assented")
    refs = (entry.hash, *(line.shelf.entry(*place).hash for place in standing.assents))
    audience = line.charter.everyone()
    return submit(node, line, Kind.SEAL, request, refs=refs, audience=audience)


def decisions(node: Node, request: Request) -> list[dict[str, Any]]:
    """Every offer of a line and what has become of it."""
    line = find_line(node.station, request.get("line"))
    frozen = node.folds(line).frozen(node.station, line)
    now_s = clock(node.home).wall_s
    shown = []
    for place in line.shelf.of_kind((Kind.OFFER,)):
        entry = line.shelf.entry(*place)
        standing = state_of_offer(
            line.shelf,
            place,
            now_s,
            release_required=line.charter.release_decisions,
            frozen=frozen,
        )
        terms = standing.terms
        shown.append(
            {
                "entry": entry_word(entry),
                "state": word(standing.state),
                "reason": standing.reason,
                "expires_s": None if terms is None else terms.expires_s,
                "sealer": None if terms is None else terms.sealer,
                "waiting_for": list(standing.waiting_for),
            }
        )
    return shown
