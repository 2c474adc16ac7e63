"""Amendments as people deal with them: offered, assented to, sealed, and who joins by them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from detente.core import limits
from detente.core.body import unpack
from detente.core.charter import (
    Charter,
    Member,
    charter_id,
    check_amendment,
    checked,
    join_texts,
    parse_charter,
)
from detente.core.contested import ends_of
from detente.core.crypto import sha256
from detente.core.decisions import state_of_offer
from detente.core.errors import LocalError, Refusal
from detente.core.extras import AMENDMENT, Offer, decode_offer
from detente.core.leaf import Kind
from detente.core.line import Line
from detente.core.succession import required_signatories
from detente.core.transcript import Entry
from detente.node import asked
from detente.node.lines import changed, check_cards, send_notice
from detente.node.offers import party_named
from detente.node.opening import clock
from detente.node.places import entry_word, find_entry, find_line
from detente.node.speaking import submit
from detente.node.views import word

if TYPE_CHECKING:
    from detente.node.node import Node

Request = Mapping[str, Any]
OFFER_S = 7 * 86_400  # an offer stands a week unless it says otherwise


def amend(node: Node, request: Request) -> Callable[[], dict[str, Any]]:
    """Offers an amended charter. In two parties the other seals; else a mediator, else we.

    Who would become a member by it is offered it too, with ``send``, behind the founding one.
    """
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
        base = _with_more(node, base, asked.rows(request, "members"))
        charter = changed(base, asked.mapping(request, "set"))
        text = charter.encode()
    check_amendment(line.charter, charter)
    new = [one for one in charter.members if line.charter.member(one.number) is None]
    check_cards(node, new)
    signatories = required_signatories(line.charter, charter) | 1 << line.me
    expires_s = asked.whole(request, "expires_s", now_s + OFFER_S, least=now_s)
    offer = Offer(AMENDMENT, _sealer(line, signatories), signatories, expires_s)
    look = submit(
        node,
        line,
        Kind.OFFER,
        request,
        body=text,
        audience=line.charter.everyone() | charter.everyone(),
        extra=offer.encode(),
    )
    if not new:
        return look
    both = join_texts(line.charter_text, text)
    if asked.flag(request, "send", False):
        send_notice(node, both, [one.party for one in new])
    shown = {"joining_b64": base64.b64encode(both).decode()}
    return lambda: look() | shown


def _with_more(node: Node, charter: Charter, rows: Sequence[Mapping[str, Any]]) -> Charter:
    """The charter with more members: under the number they had, or the next that nobody ever had.

    It then names the cards of all that are in force here: who joins knows no earlier ones.
    """
    if not rows:
        return charter
    members, left = list(charter.members), list(charter.left)
    for row in rows:
        party, role = party_named(node, asked.text(row, "party")), asked.text(row, "role", "party")
        if charter.number_of(party) is not None:
            raise LocalError(Refusal.USAGE, f"{node.station.cards[party].name} is a member already")
        known = next((one for one in left if one.party == party), None)
        if known is not None:
            left.remove(known)
        given = [one.number for one in members] + [one.number for one in charter.left]
        number = 1 + max(given)
        if known is None and number >= limits.MEMBERS_MAX:
            raise LocalError(Refusal.NOT_ALLOWED, "every number of this line has been given")
        name = node.station.cards[party].name
        members.append(Member(known.number if known else number, role, party, b"", name))
    cards = {one.party: node.station.cards.get(one.party) for one in members}
    named = [
        one if (card := cards[one.party]) is None else one._replace(card=sha256(card.encode()))
        for one in sorted(members)
    ]
    return checked(replace(charter, members=tuple(named), left=tuple(left)))


def show_charter(node: Node, request: Request) -> dict[str, Any]:
    """The charter in force, and behind the founding one, as a party that joins needs them both;
    with ``send`` they are offered to that party, if it is linked."""
    line = find_line(node.station, request.get("line"))
    text = line.charter.encode()
    both = join_texts(line.charter_text, text) if line.charter.number else text
    sent = None
    if request.get("send") is not None:
        sent = send_notice(node, both, [party_named(node, asked.text(request, "send"))])
    return {
        "line": line.id.hex(),
        "number": line.charter.number,
        "text": text.decode(),
        "joining_b64": base64.b64encode(both).decode(),
        "sent": sent,
    }


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


def _check_newcomers(node: Node, line: Line, entry: Entry) -> None:
    """Nobody signs in a party whose card its own officers have not compared: its log could not be
    verified here."""
    if entry.body is None:
        raise LocalError(Refusal.CONTEXT_INCOMPLETE, "the text of this offer is not here")
    charter = parse_charter(unpack(entry.body))
    check_cards(node, [one for one in charter.members if line.charter.member(one.number) is None])


def assent(node: Node, request: Request) -> Callable[[], dict[str, Any]]:
    """Our assent to an offer; of the sealer, its seal is the assent."""
    line, entry, terms = _offer_at(node, request)
    if not terms.signatories >> line.me & 1:
        raise LocalError(Refusal.NOT_ALLOWED, "our signature is not asked for")
    _check_newcomers(node, line, entry)
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
    _check_newcomers(node, line, entry)
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
    now_s, ends = clock(node.home).wall_s, ends_of(line.shelf, frozen)
    shown = []
    for place in line.shelf.of_kind((Kind.OFFER,)):
        entry = line.shelf.entry(*place)
        standing = state_of_offer(
            line.shelf,
            place,
            now_s,
            release_required=line.charter.release_decisions,
            frozen=frozen,
            ends=ends,
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
