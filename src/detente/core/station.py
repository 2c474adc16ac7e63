"""What a node knows between two inputs: its keys, its peers' cards, its lines and its links; and
one step from an input to its effects.

Everything here is either read from the store at start or lost without harm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from detente.core.errors import LocalError, Refusal
from detente.core.events import Effect, Entropy, Now, Send, StoreFlags, Tell
from detente.core.frames import Frame, Refuse, encode_frame
from detente.core.identity import Card, heads_name, holds_name, origin
from detente.core.leaf import Kind, LogId
from detente.core.line import Line
from detente.core.link import Link, Session
from detente.core.log import Log
from detente.core.revocation import Revocation
from detente.core.shelf import Shelf


class Keys(Protocol):
    """Our private keys, as far as this incarnation may use them. A seam: tests stub hedged ones."""

    @property
    def k(self) -> int:
        """The incarnation whose log and holds keys these are."""
        ...

    def sign_log(self, message: bytes) -> bytes:
        """Ed25519 by log key ``k``."""
        ...

    def sign_holds(self, message: bytes) -> bytes:
        """Ed25519 by holds key ``k``."""
        ...

    def sign_heads(self, message: bytes) -> bytes:
        """Ed25519 by the witness key, which is the same in every incarnation."""
        ...

    def sign_author(self, message: bytes) -> bytes:
        """ML-DSA-44 by the author key."""
        ...

    def sign_holds_pq(self, message: bytes) -> bytes:
        """ML-DSA-44 by the holds key."""
        ...


@dataclass(slots=True)
class Station:
    """The whole state of a node's core."""

    party: bytes
    card: Card
    keys: Keys
    shelf_of: Callable[[bytes], Shelf]
    cards: dict[bytes, Card] = field(default_factory=dict)  # trusted, ours included
    revoked: dict[bytes, Revocation] = field(default_factory=dict)  # by key, ours included
    lines: dict[bytes, Line] = field(default_factory=dict)
    links: dict[int, Link] = field(default_factory=dict)
    under_hold: set[bytes] = field(default_factory=set)  # lines whose purges a legal hold stops
    on_duty: bool = False
    clock_source: int = 0
    disciplined_s: int = 0
    last_wall_s: int = 0

    def new_log(self, line: Line, log: LogId) -> Log | None:
        """An empty log for a known member and listed key, or None."""
        party = line.party_of(log.member)
        card = None if party is None else self.cards.get(party)
        if party is None or card is None or log.k >= len(card.pairs):
            return None
        return Log(log, origin(line.id, party, log), card.pairs[log.k].log)

    def holds_key(self, line: Line, member: int, k: int) -> tuple[str, bytes] | None:
        """The name and public key of a member's Ed25519 holds cosigner, or None."""
        party = line.party_of(member)
        card = None if party is None else self.cards.get(party)
        if party is None or card is None or k >= len(card.pairs):
            return None
        return holds_name(party, k), card.pairs[k].holds

    def heads_key(self, line: Line, member: int) -> tuple[str, bytes] | None:
        """The name and public key of a member's witness, which states nothing of content."""
        party = line.party_of(member)
        card = None if party is None else self.cards.get(party)
        if party is None or card is None:
            return None
        return heads_name(party), card.heads_ed25519

    def cosigner(self, line: Line, member: int, k: int) -> tuple[str, bytes] | None:
        """The one key whose Ed25519 cosignatures count from a member: an observer's witness of
        heads, anybody else's holds key ``k`` (F2). None for an unknown one."""
        if line.reads(member):
            return self.holds_key(line, member, k)
        return self.heads_key(line, member)

    def sealing_key(self, party: bytes) -> bytes:
        """The X-Wing key that something may be sealed to for a trusted party.

        LocalError UNKNOWN_PARTY without its card, REVOKED where it has declared that key void.
        """
        card = self.cards.get(party)
        if card is None:
            raise LocalError(Refusal.UNKNOWN_PARTY, party.hex()[:16])
        if card.kem_xwing in self.revoked:
            raise LocalError(Refusal.REVOKED, "its key for sealed files; ask for its next card")
        return card.kem_xwing


@dataclass(slots=True)
class Step:
    """One call of ``handle``: the state, the clocks, the entropy, and the effects so far."""

    station: Station
    now: Now
    entropy: Entropy
    out: list[Effect] = field(default_factory=list)

    def line(self, line: bytes) -> Line:
        """A line of ours. LocalError UNKNOWN_LINE otherwise."""
        found = self.station.lines.get(line)
        if found is None:
            raise LocalError(Refusal.UNKNOWN_LINE, line.hex()[:16])
        return found

    def send(self, session: Session, frame: Frame, *, urgent: bool = False) -> None:
        """One frame on one session, behind the commit."""
        self.out.append(Send(session.link, encode_frame(session.channel, frame), urgent))

    def tell(self, word: str, line: Line, **facts: object) -> None:
        """Something people or the log should know."""
        self.out.append(Tell(word, line.id, facts))

    def decline(
        self, line: Line, session: Session, refusal: Refusal, log: LogId, index: int = 0
    ) -> None:
        """A refusal that is no fault of this peer: named to both sides, and not counted."""
        self.tell("refused", line, refusal=refusal.word, log=log.word, member=log.member)
        self.send(session, Refuse(refusal, log, index))


def fall_mute(step: Step, line: Line, reason: str) -> None:
    """From now on this line signs nothing; the reason survives a restart (F5)."""
    if line.mute:
        return
    line.mute = reason
    line.control = [draft for draft in line.control if draft.kind == Kind.ACCUSATION]
    line.greet_due = line.touched = True
    step.out.append(StoreFlags(line.id, reason))
    step.tell("mute", line, reason=reason)
