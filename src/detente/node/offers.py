"""Cards and what peers offer: trusted by people who compared digits, never by arriving."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from detente.core.charter import FIRST as CHARTER_FIRST
from detente.core.charter import parse_charter
from detente.core.crypto import sha256
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.events import Offered
from detente.core.identity import (
    CARD_FIRST,
    REVOCATION_FIRST,
    Ceremony,
    SignedCard,
    parse_card,
    parse_ceremony,
    parse_revocation,
    same_digits,
    supersedes,
)
from detente.node.opening import clock

if TYPE_CHECKING:
    from detente.node.node import Node

Request = Mapping[str, Any]
OFFERED_MAX = 64  # kept until people look; the oldest gives way
_META = "offered"


def party_named(node: Node, name: object) -> bytes:
    """A trusted party by id (or its beginning) or by display name. LocalError NOT_FOUND."""
    text = str(name)
    found = [
        party
        for party, card in node.station.cards.items()
        if card.name == text or (len(text) >= 4 and party.hex().startswith(text))
    ]
    if len(found) != 1:
        raise LocalError(Refusal.NOT_FOUND, f"{len(found)} trusted parties are called {text}")
    return found[0]


def used_k(node: Node, party: bytes) -> int:
    """The highest incarnation of a party that any log here has used; -1 for none."""
    ks = [
        log.id.k
        for line in node.station.lines.values()
        for log in line.logs.values()
        if line.party_of(log.id.member) == party
    ]
    return max(ks, default=-1)


def cards(node: Node, _: Request) -> list[dict[str, Any]]:
    """Every card in force, with the ceremony by which it came to be trusted."""
    sheets = {stored.party: stored.ceremony for stored in node.store.cards()}
    shown = []
    for party, card in node.station.cards.items():
        sheet = sheets.get(party)
        ceremony = None if sheet is None else parse_ceremony(sheet)
        shown.append(
            {
                "party": party.hex(),
                "name": card.name,
                "serial": card.serial,
                "digits": card.digits,
                "own": party == node.station.party,
                "bearers": list(card.bearers),
                "ceremony": None
                if ceremony is None
                else {
                    "method": ceremony.method,
                    "compared_at_s": ceremony.compared_at_s,
                    "words": ceremony.words,
                },
            }
        )
    return shown


def trust(node: Node, request: Request) -> dict[str, Any]:
    """Trusts a card whose digits people have compared. A later card needs no new ceremony."""
    signed = parse_card(base64.b64decode(request["card_b64"], validate=True))
    card = signed.card
    if card.party == node.station.party:
        raise LocalError(Refusal.NOT_ALLOWED, "this is our own card")
    before = node.station.cards.get(card.party)
    ceremony = None
    if before is not None:
        supersedes(before, card, used_k(node, card.party))
    else:
        ceremony = _ceremony(node, signed, request)
    node.store.put_card(card.party, card.serial, signed.data, ceremony)
    node.station.cards[card.party] = card
    node.note(
        "trust", {"party": card.party.hex(), "serial": card.serial, "hash": signed.hash.hex()}
    )
    node.after_trust()
    return {
        "party": card.party.hex(),
        "name": card.name,
        "digits": card.digits,
        "serial": card.serial,
    }


def _ceremony(node: Node, signed: SignedCard, request: Request) -> bytes:
    method = str(request.get("method") or "")
    heard = str(request.get("digits") or "")
    card = signed.card
    if method != "unchecked" and not same_digits(card.digits, heard):
        raise LocalError(Refusal.BAD_CARD, "the digits that were read are not this card's")
    sheet = Ceremony(
        party=card.party,
        digits=card.digits,
        method=method,
        compared_at_s=clock(node.home).wall_s,
        words=str(request.get("words") or "-"),
    )
    return sheet.encode()


def revoke(node: Node, request: Request) -> dict[str, Any]:
    """Keeps a revocation signed by a party's roots; its TLS key is dropped at once."""
    data = base64.b64decode(request["revocation_b64"], validate=True)
    for party, card in node.station.cards.items():
        try:
            signed = parse_revocation(data, card)
        except PeerError as error:
            if error.refusal == Refusal.BAD_CARD:
                continue
            raise
        node.store.put_revocation(party, data)
        node.apply_revocation(party, signed.revocation)
        node.note("revocation", {"party": party.hex(), "key": signed.revocation.key})
        return {"party": party.hex(), "key": signed.revocation.key}
    raise LocalError(Refusal.UNKNOWN_PARTY, "no trusted card for this revocation")


def new_card(node: Node, request: Request) -> dict[str, Any]:
    """Our own next card takes its place here, after `party rotate` wrote keys and card."""
    signed = parse_card(base64.b64decode(request["card_b64"], validate=True))
    if signed.card.party != node.station.party:
        raise LocalError(Refusal.NOT_ALLOWED, "this is another party's card")
    supersedes(node.station.card, signed.card, used_k(node, node.station.party))
    node.note("own-card", {"serial": signed.card.serial, "hash": signed.hash.hex()})
    return {"serial": signed.card.serial, "restart": True}


# --- what peers offer -------------------------------------------------------------------------


def keep_offer(node: Node, given: Offered) -> None:
    """Keeps a charter or card that a trusted peer sent, for people to look at."""
    kept = _load(node)
    digest = sha256(given.data).hex()
    if any(one["sha256"] == digest for one in kept):
        return
    kind, name = _kind_of(given.data)
    kept.append(
        {
            "party": given.party.hex(),
            "kind": kind,
            "name": name,
            "sha256": digest,
            "at_s": clock(node.home).wall_s,
            "data_b64": base64.b64encode(given.data).decode(),
        }
    )
    node.store.put_meta(_META, json.dumps(kept[-OFFERED_MAX:]).encode())


def _kind_of(data: bytes) -> tuple[str, str]:
    first = data.partition(b"\n")[0]
    try:
        if first == CHARTER_FIRST.encode():
            return "charter", parse_charter(data).title
        if first == CARD_FIRST.encode():
            return "card", parse_card(data).card.name
    except PeerError as error:
        return "unreadable", error.refusal.word
    return ("revocation" if first == REVOCATION_FIRST.encode() else "unknown"), ""


def _load(node: Node) -> list[dict[str, Any]]:
    data = node.store.get_meta(_META)
    return [] if data is None else list(json.loads(data))


def offered(node: Node, _: Request) -> list[dict[str, Any]]:
    """What trusted peers have sent and nobody here has acted on."""
    return _load(node)
