"""Keys and cards that must not count: unsafe ones, old ones, other people's, and revoked ones."""

from __future__ import annotations

from dataclasses import replace

from detente.core.body import commit, pack
from detente.core.crypto import ed25519_public
from detente.core.frames import Notice, encode_frame
from detente.core.identity import Card, sign_by_roots
from detente.core.leaf import Kind
from detente.core.revocation import Revocation, Stand, make_revocation
from detente.sim.attackers.hand import Way, dispatch, enter, tell_raw
from detente.sim.parties import card_of, root_signers, secret

SMALL_ORDER = bytes((1,)) + bytes(31)  # the neutral point
NOT_CANONICAL = b"\xff" * 31 + b"\x7f"  # a y-coordinate beyond the field

FIELD = 2**255 - 19


def mixed_order(public: bytes) -> bytes:
    """An Ed25519 key plus the point of order two, which is (-x, -y): some libraries take it."""
    number = int.from_bytes(public, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    return ((sign ^ 1) << 255 | (FIELD - y)).to_bytes(32, "little")


class CardNotes(Way):
    """A note sent to one peer, or entered for all."""

    def offer(self, note: bytes) -> bool:
        """One way or the other."""
        peer = self.peer()
        if peer is None:
            return False
        if self.dice.happens(0.5):
            tell_raw(self.machine, peer, encode_frame(0, Notice(note)))
            return True
        return self.enter_note(note)

    def enter_note(self, note: bytes) -> bool:
        """As a `card` entry."""
        body = (self.dice.bytes(16), pack(note, 5, self.line.charter.padding))
        leaf, _ = dispatch(self.machine, "", kind=Kind.CARD, serial=0, commitment=commit(*body))
        return enter(self.machine, (leaf, body))


class BadCard(CardNotes):
    """Cards with unsafe keys, with a pair exchanged that a log has used, and of others (F19, T)."""

    def begin(self) -> None:
        """Now and then."""
        self.often(self._act)

    def _act(self) -> bool:
        name = self.machine.name
        card = self._card(name)
        pair, other = card.pairs[0], ed25519_public(secret("another"))
        bad = self.dice.one_of(
            (
                replace(card, tls_ed25519=mixed_order(card.tls_ed25519)),
                replace(card, tls_ed25519=SMALL_ORDER),
                replace(card, heads_ed25519=NOT_CANONICAL),
                replace(card, pairs=(pair._replace(log=other), *card.pairs[1:])),
                self._card(next(one for one in self.machine.world.names if one != name)),
            )
        )
        return self.offer(sign_by_roots(bad.encode(), bad.party, *root_signers(name)))

    def _card(self, name: str) -> Card:
        card = card_of(name, real=self.machine.real).card
        return replace(card, serial=card.serial + 7)


class OldCard(CardNotes):
    """An earlier card once more, after a later one is in force (F17, T)."""

    def begin(self) -> None:
        """A later one first, then now and then the first."""
        self._renewed = False
        self.often(self._act, 6)

    def _act(self) -> bool:
        name, real = self.machine.name, self.machine.real
        if not self._renewed:
            self._renewed = self.enter_note(card_of(name, 2, real=real).data)
            return False
        return self.offer(card_of(name, 1, real=real).data)


class Revoked(CardNotes):
    """Its log key is revoked, and it goes on signing with it (F17)."""

    def begin(self) -> None:
        """Once; then it goes on."""
        self._gone = False
        self.often(self._act)

    def _act(self) -> bool:
        own = self.line.own
        if own is None:
            return False
        if not self._gone:
            self._gone = self._revoke()
            return False
        return enter(self.machine, dispatch(self.machine, "signed by a thief"))

    def _revoke(self) -> bool:
        own, name = self.line.own, self.machine.name
        if own is None:
            return False
        card = card_of(name, real=self.machine.real).card
        now_s = self.machine.clock.now(self.simulation.world.now_ms).wall_s
        stand = Stand(own.origin, own.size, own.root)
        revocation = Revocation(card.party, 1, f"log {own.id.k}", "stolen", now_s, (stand,))
        return self.enter_note(make_revocation(revocation, card, *root_signers(name)))


WAYS: dict[str, type[Way]] = {"bad-card": BadCard, "old-card": OldCard, "revoked": Revoked}
