"""Cards renewed and keys revoked by parties that are trusted already, in band (spec/identity.md §8,
§9). Both roots signed them, so nobody is asked again; trusting a party for the first time is never
done here.

A renewed card and a revocation of ours are entered as `card` entries on every line. What we have of
others is applied when it comes, and once more from the transcript at each start: an entry is kept
before it is acted on, and the process may end in between.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from detente.core.body import SALT_BYTES, pack, unpack
from detente.core.crypto import sha256
from detente.core.ending import end_here
from detente.core.errors import LocalError, PeerError
from detente.core.events import Draft, StoreState, Submit
from detente.core.holding import coverable_size, note_held
from detente.core.identity import CARD_FIRST, Card, SignedCard, parse_card, supersedes
from detente.core.leaf import Kind, Precedence
from detente.core.line import Line
from detente.core.log import Log
from detente.core.revocation import REVOCATION_FIRST, Revocation, parse_revocation
from detente.core.station import Step, fall_mute
from detente.node.folder import OLD_TLS_FILE
from detente.node.opening import revoked_here
from detente.node.speaking import unheld

if TYPE_CHECKING:
    from detente.node.node import Node

FIRST_LINES = {CARD_FIRST: "card", REVOCATION_FIRST: "revocation"}
ANNOUNCED_AT = Precedence.PRIORITY  # before the day's traffic, behind what is urgent
OWN_KEY_REVOKED = "our log key is revoked"
_SERIAL = re.compile(rb"^serial ([0-9]{1,15})$", re.MULTILINE)
_QUALITY = 5  # keys and signatures do not compress


def used_k(node: Node, party: bytes) -> int:
    """The highest incarnation of a party that any log here has used; -1 for none."""
    ks = [
        log.id.k
        for line in node.station.lines.values()
        for log in line.logs.values()
        if line.party_of(log.id.member) == party
    ]
    return max(ks, default=-1)


# --- what others have renewed or revoked --------------------------------------------------------


def note_of(data: bytes) -> bytes:
    """The note that a peer offered: as it is, or packed as the body of an entry.

    PeerError UNREADABLE or OVERSIZE for a body that does not open.
    """
    return data if data.startswith(b"detente ") else unpack(data)


def kind_of(note: bytes) -> str:
    """«card», «revocation», or nothing."""
    first = note.partition(b"\n")[0]
    return FIRST_LINES.get(first.decode("ascii", "replace"), "")


def take_note(node: Node, note: bytes) -> bool:
    """Applies a card or a revocation of a party that is trusted already. False if it is for people
    to decide on. PeerError for one that is not what it says."""
    if kind_of(note) == "revocation":
        return take_revocation(node, note) is not None
    if kind_of(note) != "card":
        return False
    found = _SERIAL.search(note)
    for card in node.station.cards.values():
        said = found is not None and f"party {card.party.hex()}\n".encode() in note
        if said and found is not None and int(found.group(1)) <= card.serial:
            return True  # known, or older than what is known
    signed = parse_card(note)
    if signed.card.party == node.station.party:
        node.tell("own-card-newer", k=signed.card.serial)
        return True
    before = node.station.cards.get(signed.card.party)
    if before is None:
        return False
    renew(node, before, signed)
    return True


def renew(node: Node, before: Card, signed: SignedCard) -> None:
    """Puts a later card of a trusted party in force. BAD_CARD or STALE_CARD if it may not be."""
    card = signed.card
    supersedes(before, card, used_k(node, card.party))
    node.store.put_card(card.party, card.serial, signed.data, None)
    node.station.cards[card.party] = card
    facts = {"party": card.party.hex(), "serial": card.serial, "hash": signed.hash.hex()}
    node.note("card-renewed", facts)
    node.tell("card-renewed", party=card.party)
    node.after_trust()
    heed(node)


def take_revocation(node: Node, note: bytes) -> tuple[bytes, Revocation] | None:
    """Keeps a revocation and acts on it. None if no card here is its party's.

    PeerError BAD_CARD for one that its roots did not sign, STALE_CARD for a serial that is not
    above those kept.
    """
    for party, card in node.station.cards.items():
        if f"party {party.hex()}\n".encode() not in note:
            continue
        kept = [one for who, one in node.store.revocations() if who == party]
        held = [parse_revocation(one, card).revocation.serial for one in kept]
        known = note in kept
        revocation = parse_revocation(note, card, 0 if known else max(held, default=0)).revocation
        if not known:
            node.store.put_revocation(party, note)
            facts = {"key": revocation.key, "reason": revocation.reason}
            node.note("revocation", {"party": party.hex(), **facts})
            node.tell("revoked", party=party, which=revocation.key)
            heed(node)
        return party, revocation
    return None


# --- what a revocation does ---------------------------------------------------------------------


def heed(node: Node) -> None:
    """Puts what is revoked in force: in the core, which takes keys from cards; at the links; and
    at the logs of revoked log keys, which end."""
    station = node.station
    before = station.revoked
    station.revoked = revoked_here(node.store, station.cards)
    pinned = {card.tls_ed25519 for card in station.cards.values()}
    if pinned & (station.revoked.keys() - before.keys()):
        node.after_trust()
    enforce_all(node)


def enforce_all(node: Node) -> None:
    """Every revocation kept here once more: at the start, and when logs have grown."""
    if not node.station.revoked:
        return
    for line in node.station.lines.values():
        for log in list(line.logs.values()):
            revocation = node.station.revoked.get(log.key)
            if revocation is not None:
                end_log(node, line, log, revocation)


def end_log(node: Node, line: Line, log: Log, revocation: Revocation) -> None:
    """A log of a revoked log key ends where all members find its end. Nothing is taken into it
    beyond that, and what lies there already is contested.

    The end rises while others' logs come that had covered more. Our own log of a revoked key is
    mute: officers adopt the next incarnation; our old ones take back whatever a peer shows.
    """
    if log.id.member == line.me:
        if log.id == line.mine and not line.mute:
            node.change(lambda step: fall_mute(step, line, OWN_KEY_REVOKED))
        return
    end = end_here(line, log, revocation)
    frozen = min(end, line.accused.get(log.id, end))
    if log.frozen == frozen:
        return

    def freeze(step: Step) -> None:
        before = coverable_size(line, log)
        log.frozen = frozen
        line.charter_due = True  # what lies beyond the end is no seal, and a later one may be
        note_held(step, line, log, before)
        line.seen_due_ms = line.seen_due_ms or max(1, step.now.steady_ms)
        line.touched = True
        step.out.append(StoreState(line.id, log.id, log.encode()))
        step.tell("log-ended", line, member=log.id.member, log=log.id.word, size=end)

    node.change(freeze)


# --- what we have renewed or revoked ------------------------------------------------------------


def announce(node: Node) -> None:
    """Enters our card, if it is not the one that a line's charter names, and our revocations, on
    every line where that was not done. Lines that are not open, or mute, come to it later."""
    station = node.station
    notes = [note for party, note in node.store.revocations() if party == station.party]
    for line in station.lines.values():
        if line.mute or not line.is_open():
            continue
        named = line.charter.member(line.me)
        renewed = named is None or named.card != node.home.card.hash
        wanted = [*notes, *([node.home.card.data] if renewed else [])]
        missing = [note for note in wanted if (line.id, sha256(note)) not in node.announced]
        known = set(_announced(line)) if missing else set()
        for note in missing:
            if note not in known:
                _enter(node, line, note)
            node.announced.add((line.id, sha256(note)))


def _announced(line: Line) -> list[bytes]:
    """The notes that our own logs of a line hold, or that wait to be entered."""
    bodies = [
        line.shelf.entry(*place).body
        for place in line.shelf.of_kind((Kind.CARD,))
        if place.log.member == line.me
    ]
    for row in line.queue.rows.values():
        if row.draft.precedence == ANNOUNCED_AT:
            draft = row.draft if row.draft.kind >= 0 else line.shelf.outbox_draft(row.number)
            bodies += [draft.body] if draft.kind == Kind.CARD else []
    return [unpack(body) for body in bodies if body is not None]


def _enter(node: Node, line: Line, note: bytes) -> None:
    draft = Draft(
        kind=Kind.CARD,
        audience=line.charter.everyone(),
        precedence=ANNOUNCED_AT,
        body=pack(note, _QUALITY, line.charter.padding),
        salt=node.entropy(SALT_BYTES),
    )
    node.submit(Submit(line.id, draft))


def forget_old_tls(node: Node) -> None:
    """Once every member of every line has receipted our card, nobody expects the key before it."""
    lines = node.station.lines.values()
    if not lines or not (node.home.path / OLD_TLS_FILE).exists():
        return
    if not all(_everyone_knows(node, line) for line in lines):
        return
    os.unlink(node.home.path / OLD_TLS_FILE)
    node.note("old-tls-forgotten", {"serial": node.station.card.serial})
    if node.links is not None:
        del node.links.identities[1:]


def _everyone_knows(node: Node, line: Line) -> bool:
    for place in line.shelf.of_kind((Kind.CARD,)):
        body = line.shelf.entry(*place).body
        if place.log.member != line.me or body is None or unpack(body) != node.home.card.data:
            continue
        return not unheld(node, line, place.log, place.index, line.charter.readers())
    return False


def replay(node: Node) -> None:
    """What `card` entries say once more, from the transcript, at the start."""
    for line in node.station.lines.values():
        for place in line.shelf.of_kind((Kind.CARD,)):
            body = line.shelf.entry(*place).body
            if body is None or place.log.member == line.me:
                continue
            try:
                take_note(node, note_of(body))
            except (LocalError, PeerError) as error:
                node.tell("refused", line=line.id, refusal=error.refusal.word)
    enforce_all(node)
