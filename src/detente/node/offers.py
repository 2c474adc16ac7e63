"""Cards and what peers offer: trusted by people who compared digits, never by arriving."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from detente.core.ceremony import METHODS, Ceremony, parse_ceremony
from detente.core.charter import FIRST as CHARTER_FIRST
from detente.core.charter import charter_id, check_descent, parse_charter, split_texts
from detente.core.crypto import sha256
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.events import Offered
from detente.core.identity import SignedCard, parse_card, same_digits, supersedes
from detente.core.link_keys import LINK_KEY_FIRST
from detente.node import asked
from detente.node.link_secrets import take
from detente.node.opening import clock
from detente.node.renewal import kind_of, note_of, renew, take_note, take_revocation, used_k

if TYPE_CHECKING:
    from detente.node.node import Node

Request = Mapping[str, Any]
OFFERS_MAX = 16  # kept of one party until people look; its oldest gives way
OFFERS_PER_HOUR_MAX = 32  # taken from one party: each is written to the disk
HOUR_S = 3600


def party_named(node: Node, text: str) -> bytes:
    """A trusted party by id (or its beginning) or by display name. LocalError NOT_FOUND."""
    found = [
        party
        for party, card in node.station.cards.items()
        if card.name == text or (len(text) >= 4 and party.hex().startswith(text))
    ]
    if len(found) != 1:
        raise LocalError(Refusal.NOT_FOUND, f"{len(found)} trusted parties are called {text}")
    return found[0]


def cards(node: Node, _: Request) -> list[dict[str, Any]]:
    """Every card in force, with the ceremony by which its party came to be trusted."""
    sheets = ceremonies(node)
    shown = []
    for party, card in node.station.cards.items():
        ceremony = sheets.get(party)
        shown.append(
            {
                "party": party.hex(),
                "name": card.name,
                "serial": card.serial,
                "digits": card.digits,
                "own": party == node.station.party,
                "trusted": party not in node.distrusted,
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


def distrusted(node: Node, party: bytes) -> bool:
    """Whether people here have taken back their trust in a party whose card is known."""
    return bool(node.store.get_meta(_distrust_meta(party)))


def _distrust_meta(party: bytes) -> str:
    return f"distrusted/{party.hex()}"


def distrust(node: Node, request: Request) -> dict[str, Any]:
    """Takes back the trust in a party: its links end, and only another ceremony brings it back.

    Its card stays known: what it signed on a line stays checked, and provable.
    """
    party = party_named(node, asked.text(request, "party"))
    if party == node.station.party or party in node.distrusted:
        raise LocalError(Refusal.NOT_ALLOWED, "this party is not trusted, or it is our own")
    card = node.station.cards[party]
    facts = {"party": party.hex(), "serial": card.serial}
    node.note("distrust", facts | {"reason": asked.text(request, "reason")})
    node.store.put_meta(_distrust_meta(party), str(clock(node.home).wall_s).encode())
    node.distrusted.add(party)
    node.after_trust()
    lines = []
    for line in node.station.lines.values():
        members = {member.party for member in line.charter.members}
        if party in members:
            others = len(members - node.distrusted) - 1  # besides ourselves
            facts = {"line": line.id.hex(), "title": line.charter.title, "others": others}
            lines.append(facts)
    return {"party": party.hex(), "name": card.name, "lines": lines}


def ceremonies(node: Node) -> dict[bytes, Ceremony]:
    """The last ceremony held over any card of each party: a later card needs no new one."""
    return {
        stored.party: parse_ceremony(stored.ceremony)
        for stored in node.store.cards()
        if stored.ceremony is not None
    }


def trust(node: Node, request: Request) -> dict[str, Any]:
    """Trusts a card whose digits people have compared. A later card needs no new ceremony; the
    same card may come to a better one.

    ``offered`` names a card that a peer has sent, in place of the card itself.
    """
    named = request.get("offered") is not None
    data = _offered_card(node, asked.text(request, "offered")) if named else None
    signed = parse_card(asked.data(request, "card_b64") if data is None else data)
    card = signed.card
    if card.party == node.station.party:
        raise LocalError(Refusal.NOT_ALLOWED, "this is our own card")
    before = node.station.cards.get(card.party)
    if before is not None and before != card:
        supersedes(before, card, used_k(node, card.party))
    if before is None or before == card or card.party in node.distrusted:
        ceremony = _ceremony(node, signed, request)
        kept = _as_kept(node, signed) if before == card else None
        node.store.put_card(card.party, card.serial, kept or signed.data, ceremony)
        node.store.put_meta(_distrust_meta(card.party), b"")
        node.distrusted.discard(card.party)
        node.station.cards[card.party] = card
        facts = {"party": card.party.hex(), "serial": card.serial, "hash": signed.hash.hex()}
        node.note("trust", facts)
        node.after_trust()
    else:
        renew(node, before, signed)
    return {
        "party": card.party.hex(),
        "name": card.name,
        "digits": card.digits,
        "serial": card.serial,
    }


def _as_kept(node: Node, signed: SignedCard) -> bytes | None:
    """The file of this card that is kept: two files of one text are one card."""
    wanted = (signed.card.party, signed.card.serial)
    return next((c.data for c in node.store.cards() if (c.party, c.serial) == wanted), None)


def _ceremony(node: Node, signed: SignedCard, request: Request) -> bytes:
    method = asked.text(request, "method")
    card = signed.card
    if method not in METHODS:
        raise LocalError(Refusal.USAGE, f"method is one of {', '.join(METHODS)}")
    if method != "unchecked":
        _compare(card.digits, asked.text(request, "digits"))
    sheet = Ceremony(
        party=card.party,
        digits=card.digits,
        method=method,
        compared_at_s=clock(node.home).wall_s,
        words=asked.text(request, "words", ""),
    )
    return sheet.encode()


def _compare(digits: str, heard: str) -> None:
    """LocalError WRONG_DIGITS with the groups that differ, USAGE for what is not 40 digits."""
    if same_digits(digits, heard):
        return
    typed = "".join(heard.split())
    groups = digits.split(" ")
    differ = [
        str(number)
        for number, group in enumerate(groups, 1)
        if typed[(number - 1) * len(group) : number * len(group)] != group
    ]
    raise LocalError(Refusal.WRONG_DIGITS, f"groups {', '.join(differ)} of {len(groups)}")


def revoke(node: Node, request: Request) -> dict[str, Any]:
    """Keeps a revocation signed by a party's roots, and acts on it at once."""
    taken = take_revocation(node, asked.data(request, "revocation_b64"))
    if taken is None:
        raise LocalError(Refusal.UNKNOWN_PARTY, "no trusted card for this revocation")
    party, revocation = taken
    return {"party": party.hex(), "key": revocation.key}


def new_card(node: Node, request: Request) -> dict[str, Any]:
    """Checks that a card made by `party rotate` may follow ours; it is taken up at the next start,
    with the keys behind it."""
    signed = parse_card(asked.data(request, "card_b64"))
    if signed.card.party != node.station.party:
        raise LocalError(Refusal.NOT_ALLOWED, "this is another party's card")
    supersedes(node.station.card, signed.card, used_k(node, node.station.party))
    node.note("own-card", {"serial": signed.card.serial, "hash": signed.hash.hex()})
    return {"serial": signed.card.serial, "restart": True}


# --- what peers offer -------------------------------------------------------------------------


def take_offer(node: Node, given: Offered) -> None:
    """Something a trusted peer sent: a card or revocation of a trusted party is applied, a link key
    kept, the rest kept for people to look at. Nothing is dropped without a word."""
    try:
        _within_rate(node, given.party)
        if given.data.startswith(LINK_KEY_FIRST):
            take(node, given)
            return
        note = note_of(given.data)
        if not take_note(node, note):
            _keep(node, given.party, note)
    except (LocalError, PeerError) as error:
        node.tell("refused", party=given.party, refusal=error.refusal.word)


def _within_rate(node: Node, party: bytes) -> None:
    hour = clock(node.home).wall_s // HOUR_S
    taken = node.offers_taken.get(party, (hour, 0))
    count = taken[1] + 1 if taken[0] == hour else 1
    node.offers_taken[party] = (hour, count)
    if count > OFFERS_PER_HOUR_MAX:
        raise PeerError(Refusal.OVER_QUOTA, "offers of one party in an hour")


def _keep(node: Node, party: bytes, note: bytes) -> None:
    kind, name = _named(note)
    kept, digest = _load(node, party), sha256(note).hex()
    if any(one["sha256"] == digest for one in kept):
        return
    kept.append(
        {
            "party": party.hex(),
            "kind": kind,
            "name": name,
            "sha256": digest,
            "at_s": clock(node.home).wall_s,
            "data_b64": base64.b64encode(note).decode(),
        }
    )
    node.store.put_meta(_meta(party), json.dumps(kept[-OFFERS_MAX:]).encode())
    node.tell("offered", party=party, kind=kind)


def _named(note: bytes) -> tuple[str, str]:
    """What kind of offer this is, and whose or what. PeerError MALFORMED for anything else."""
    if note.startswith(CHARTER_FIRST.encode() + b"\n"):
        text, amended = split_texts(note)
        if not amended:
            return "charter", parse_charter(text).title
        later = parse_charter(amended)
        check_descent(parse_charter(text), later)
        return "joining", later.title
    if kind_of(note) == "card":
        return "card", parse_card(note).card.name
    raise PeerError(Refusal.MALFORMED, "neither a charter nor a card")


def _meta(party: bytes) -> str:
    return f"offered/{party.hex()}"


def _load(node: Node, party: bytes) -> list[dict[str, Any]]:
    data = node.store.get_meta(_meta(party))
    return [] if data is None else list(json.loads(data))


def offered(node: Node, _: Request) -> list[dict[str, Any]]:
    """What trusted peers have sent and nobody here has acted on, oldest first, from number 1;
    of a card also whose it says it is."""
    found = [
        one | {"from": card.name}
        for party, card in node.station.cards.items()
        for one in _load(node, party)
        if _waits(node, one)
    ]
    found.sort(key=lambda one: int(one["at_s"]))
    for number, one in enumerate(found, 1):
        one["number"] = number
        if one["kind"] == "card":
            one["card"] = parse_card(base64.b64decode(one["data_b64"])).card.party.hex()
    return found


def _offered_card(node: Node, text: str) -> bytes:
    """The newest card among those offered that a number or the beginning of a party id names.

    LocalError NOT_FOUND for none, or for those of two parties.
    """
    found = [
        parse_card(base64.b64decode(one["data_b64"]))
        for one in offered(node, {})
        if one["kind"] == "card"
        and (str(one["number"]) == text or (len(text) >= 4 and one["card"].startswith(text)))
    ]
    if len({signed.card.party for signed in found}) != 1:
        raise LocalError(Refusal.NOT_FOUND, f"{len(found)} offered cards are called {text}")
    return max(found, key=lambda signed: signed.card.serial).data


def _waits(node: Node, one: Mapping[str, Any]) -> bool:
    note = base64.b64decode(one["data_b64"])
    if one["kind"] == "charter":
        return charter_id(note) not in node.station.lines
    if one["kind"] == "joining":
        text, amended = split_texts(note)
        line = node.station.lines.get(charter_id(text))
        return line is None or line.left or line.joining not in (b"", amended)
    return not any(f"party {party.hex()}\n".encode() in note for party in node.station.cards)
