"""Frames that no honest node sends: garbage, halves, replays, floods, bombs, and forged names."""

from __future__ import annotations

from dataclasses import replace

from detente.core import limits
from detente.core.body import commit
from detente.core.encoding import varint
from detente.core.events import Send
from detente.core.extras import Head
from detente.core.frames import (
    MLDSA_BYTES,
    WANT_ENTRIES,
    AskProof,
    Cosign,
    Heads,
    Hello,
    Notice,
    Presence,
    Quantum,
    StatedHead,
    Want,
)
from detente.core.leaf import Kind, LogId, Precedence, first_life
from detente.core.link import Session
from detente.core.wire import ENTRIES, tag
from detente.sim.attackers.forks import ahead
from detente.sim.attackers.hand import (
    EASY_BYTES,
    Hand,
    Way,
    dispatch,
    enter,
    kind_of,
    may_enter,
    tell,
    tell_raw,
)
from detente.sim.machine import Machine

KEPT_FRAMES_MAX = 64
FLASHES = 210  # a charter grants 200 a day
QUESTIONS = 300
# One MiB of zeros: 99 bytes of a body that opens to four times what is allowed.
BOMB = bytes.fromhex(
    "01f4ff1f004800c46381e4de07e8ff3f00900088c302d0bd0fd0ff7f002001108705a07b1fa0ffff004002200e0b40"
    "f73e40ffff018004401c1680ee7d80feff03000980382c00ddfb00fdff07001200715800baf701faff0f002400e2b0"
    "0074ef0306"
)


class Garbage(Way):
    """Bytes that mean nothing, some of them behind a true tag."""

    def begin(self) -> None:
        """Now and then."""
        self.often(self._act)

    def _act(self) -> bool:
        peer = self.peer()
        if peer is None:
            return False
        noise = self.dice.bytes(self.dice.spread(1, 2_000))
        if self.dice.happens(0.7):
            noise = tag(self.dice.between(0, 15), peer.channel) + noise
        tell_raw(self.machine, peer, noise)
        return True


class Truncate(Way):
    """Frames cut off in the middle."""

    def says(self, machine: Machine, send: Send) -> list[Send]:
        """Half of it, at times."""
        del machine
        if len(send.data) < 2 or not self.dice.happens(0.1):
            return [send]
        self.done()
        cut = self.dice.between(1, len(send.data) - 1)
        return [Send(send.link, send.data[:cut], send.urgent)]


class Stall(Way):
    """Half a frame for ever: a link stays up, and nothing whole comes on it any more."""

    def begin(self) -> None:
        """Now and then another link."""
        self._links: set[int] = set()
        self.often(self._act, 2)

    def _act(self) -> bool:
        peer = self.peer()
        if peer is None or peer.link in self._links:
            return False
        self._links.add(peer.link)
        return True

    def says(self, machine: Machine, send: Send) -> list[Send]:
        """Nothing, on such a link."""
        del machine
        return [] if send.link in self._links else [send]


class Flip(Way):
    """A bit of a frame turned over."""

    def says(self, machine: Machine, send: Send) -> list[Send]:
        """The frame, with one bit turned at times."""
        del machine
        if not send.data or not self.dice.happens(0.1):
            return [send]
        self.done()
        data = bytearray(send.data)
        data[self.dice.between(0, len(data) - 1)] ^= 1 << self.dice.between(0, 7)
        return [Send(send.link, bytes(data), send.urgent)]


class Replay(Way):
    """Frames of earlier, of any link, once more."""

    def begin(self) -> None:
        """Now and then."""
        self._kept: list[bytes] = []
        self.often(self._act, 12)

    def says(self, machine: Machine, send: Send) -> list[Send]:
        """All of it, and some is kept: presence of long ago as well."""
        del machine
        if len(self._kept) < KEPT_FRAMES_MAX and self.dice.happens(0.3):
            self._kept.append(send.data)
        return [send]

    def _act(self) -> bool:
        peer = self.peer()
        if peer is None or not self._kept:
            return False
        tell_raw(self.machine, peer, self.dice.one_of(self._kept))
        return True


class Reorder(Way):
    """One frame held back until others have gone before it."""

    def begin(self) -> None:
        """Nothing is held back yet."""
        self._held: dict[int, Send] = {}

    def says(self, machine: Machine, send: Send) -> list[Send]:
        """The frame, or later; or it and the one before, the wrong way round."""
        del machine
        held = self._held.pop(send.link, None)
        if held is not None:
            self.done()
            return [send, held]
        if self.dice.happens(0.15):
            self._held[send.link] = send
            return []
        return [send]


class Drop(Way):
    """Frames withheld at random."""

    def says(self, machine: Machine, send: Send) -> list[Send]:
        """Most of them."""
        del machine
        if not self.dice.happens(0.2):
            return [send]
        self.done()
        return []


class Oversize(Way):
    """Counts beyond every limit, in each frame that has a count, and a frame too long."""

    def begin(self) -> None:
        """Now and then."""
        self.often(self._act)

    def _act(self) -> bool:
        peer = self.peer()
        if peer is None:
            return False
        many = 1 << 40
        log = LogId(self.line.me, 0, b"").encode()
        frames = [
            tag(Heads.TYPE, peer.channel) + varint(many),
            tag(ENTRIES, peer.channel) + varint(many << 3) + bytes(64),
            tag(Notice.TYPE, 0) + varint(many),
            tag(13, peer.channel) + log + bytes((0, 1, 1)) + varint(many),
        ]
        if self.machine.connections[peer.link].route.bits_per_s > 1_000_000:
            frames.append(tag(ENTRIES, peer.channel) + bytes(limits.FRAME_BYTES_MAX))
        tell_raw(self.machine, peer, self.dice.one_of(frames))
        return True


class Bomb(Way):
    """Bodies that open to more than is allowed, or to nothing, well committed to (F15)."""

    def begin(self) -> None:
        """Now and then."""
        self.often(self._act)

    def _act(self) -> bool:
        broken = bytes((1,)) + self.dice.bytes(40)
        body = (self.dice.bytes(16), self.dice.one_of((BOMB, broken)))
        kind = self.dice.one_of((Kind.DISPATCH, Kind.ACCUSATION, Kind.OFFER, Kind.CARD))
        serial = {} if kind == Kind.DISPATCH else {"serial": 0}
        leaf, _ = dispatch(self.machine, "", kind=kind, commitment=commit(*body), **serial)
        return enter(self.machine, (leaf, body))


class Flood(Way):
    """More FLASH than the charter grants (F20)."""

    def begin(self) -> None:
        """Once or twice."""
        self.often(self._act, 2)

    def _act(self) -> bool:
        own = self.line.own
        if own is None or not may_enter(self.machine):
            return False
        made = []
        for number in range(FLASHES):
            leaf, body = dispatch(
                self.machine,
                f"flood {number}",
                precedence=Precedence.FLASH,
                serial=own.serial + 1 + number,
            )
            made.append((leaf, body))
        return enter(self.machine, *made)


class Questions(Way):
    """Floods of greetings and of requests for all there is."""

    def begin(self) -> None:
        """Once or twice."""
        self.often(self._act, 2)

    def _act(self) -> bool:
        peer = self.peer()
        if peer is None:
            return False
        logs = [log for log in self.line.logs.values() if log.size]
        for _ in range(QUESTIONS):
            log = self.dice.one_of(logs)
            inclusion = self.dice.happens(0.5)
            ask = AskProof(log.id, inclusion, self.dice.between(0, log.size), log.size)
            want = Want(self.dice.between(0, 3), log.id, self.dice.between(0, log.size))
            tell(self.machine, peer, ask if self.dice.happens(0.5) else want)
        for log in logs:
            tell(self.machine, peer, Want(WANT_ENTRIES, log.id, 0))
        return True


class Forge(Way):
    """Entries, heads and cosignatures in the name of others, or with no signature at all (F2)."""

    def begin(self) -> None:
        """Now and then."""
        self.often(self._act, 14)

    def says(self, machine: Machine, send: Send) -> list[Send]:
        """Everything but true cosignatures, which would leave no room for false ones."""
        del machine
        return [] if kind_of(send.data) == Cosign.TYPE else [send]

    def _act(self) -> bool:
        peer = self.peer()
        line = self.line
        others = sorted(log for log in line.logs if log.member != line.me and line.logs[log].size)
        if peer is None or not others:
            return False
        log = line.logs[self.dice.one_of(others)]
        way = self.dice.between(0, 6)
        if way == 0:  # as if its author had gone on
            hand = Hand.copy(self.machine, log)
            hand.add(*dispatch(self.machine, "in another's name"))
            tell_raw(self.machine, peer, hand.batch(peer.channel, log.size))
        elif way == 1:
            forged = StatedHead(Head(log.id, log.size + 5, self.dice.bytes(32)), EASY_BYTES)
            tell(self.machine, peer, Heads((forged,)))
        elif way == 2:
            size = log.size if log.id == first_life(peer.member) else 1
            tell(self.machine, peer, Cosign(None, size, 0, EASY_BYTES))
        elif way == 3:
            forged_pq = bytes(MLDSA_BYTES)
            tell(self.machine, peer, Quantum(log.id, log.size, 1_770_000_000, forged_pq))
        elif way == 4:
            hello = Hello(
                line=line.id,
                member=peer.member,
                mute=False,
                answer=False,
                nonce=bytes(16),
                current=log.id,
                heads=(),
            )
            tell(self.machine, peer, hello)
        elif way == 5:
            self._own_unsigned(peer.channel, peer.link)
        else:
            return self._flash_unsigned(peer)
        return True

    def _flash_unsigned(self, peer: Session) -> bool:
        """A FLASH ahead of a gap, which nobody has signed: to be shown as if somebody had."""
        own = self.line.own
        if own is None or peer.sent.get(own.id, 0) < own.size:
            return False
        hand = Hand.copy(self.machine, own)
        hand.add(*dispatch(self.machine, "before it"))
        flash = dispatch(self.machine, "never signed", precedence=Precedence.FLASH)
        hand.add(*flash)
        forged = ahead(hand, own.size, own.size + 1)
        tell(self.machine, peer, replace(forged, signature=EASY_BYTES))
        return True

    def _own_unsigned(self, channel: int, link: int) -> None:
        """One's own next entry, without a signature."""
        own = self.line.own
        if own is not None:
            hand = Hand.copy(self.machine, own)
            hand.add(*dispatch(self.machine, "unsigned"))
            data = hand.batch(channel, own.size)
            self.machine.send(Send(link, data[: -len(EASY_BYTES)] + EASY_BYTES))


class OldPresence(Way):
    """A heartbeat of long ago, which said that somebody was there (F14)."""

    def begin(self) -> None:
        """Now and then."""
        self._kept: bytes = b""
        self.often(self._act)

    def says(self, machine: Machine, send: Send) -> list[Send]:
        """Every frame but the true heartbeats."""
        del machine
        if kind_of(send.data) != Presence.TYPE:
            return [send]
        self._kept = self._kept or send.data
        return []

    def _act(self) -> bool:
        peer = self.peer()
        if peer is None or not self._kept:
            return False
        tell_raw(self.machine, peer, self._kept)
        return True


WAYS: dict[str, type[Way]] = {
    "garbage": Garbage,
    "truncate": Truncate,
    "half-frame": Stall,
    "flip": Flip,
    "replay": Replay,
    "reorder": Reorder,
    "withhold": Drop,
    "oversize": Oversize,
    "bomb": Bomb,
    "flood": Flood,
    "questions": Questions,
    "forge": Forge,
    "old-presence": OldPresence,
}
