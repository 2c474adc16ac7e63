"""One end of a sealed link: packets and time in, packets and frames out (spec/bearer-sealed.md).

Pure: what it needs of the world it is given, so that a simulator can drive it. Whoever drives it
sends what ``packet`` gives as soon as the way is free, and asks again at ``wake_s``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from detente.bearers.lanes import CONFIRM_FRAGMENTS, NEVER_S, SendLane, TakeLane, Timing
from detente.bearers.packets import LANES, URGENT, Fragment, Held, Packet, read_packet
from detente.bearers.rates import Measured, Meter
from detente.core.crypto import AEAD_NONCE_BYTES
from detente.core.errors import PeerError, Refusal
from detente.core.link_keys import (
    ANNOUNCEMENT_BYTES,
    FRESH_BYTES,
    NOBODY,
    Announcement,
    LinkKeys,
    announce,
    link_keys,
    read_announcement,
)

PIECE_S = 1.0  # a fragment of what may wait takes about so long on the way, within these bounds
PIECE_BYTES_MIN = 64  # less, and heads and checks are an eighth of everything
URGENT_PIECE_BYTES_MIN = 180  # nothing overtakes these: a head in six would be airtime lost
PIECE_BYTES_MAX = (180, 180, 120)  # with each error correction: a packet fills one of its blocks
URGENT_RUN = 8  # urgent fragments in a row while others wait; then one of those
ANNOUNCE_S_MIN = 0.5  # between two announcements, and at least four times their airtime
ANNOUNCE_S_MAX = 60.0
RETIRED_MAX = 256  # fresh bytes of the peer's earlier lives; then our own begin anew
SILENT_TRIES = 8  # a fragment sent so often, with nothing heard meanwhile, has nobody to hear it
SILENT_S_MIN = 60.0
UNHEARD_TRIES = 4  # of a fragment for a peer that is known to listen and to confirm nothing


class Outgoing(NamedTuple):
    """What is sent next. ``fragment`` is the piece of a frame in it, if it has one."""

    data: bytes
    fragment: Fragment | None = None


class SealedEnd:
    """One end. ``life`` counts the lives of the link, which is up while ``keys`` are there;
    ``met`` once the peer's end is known to be up too; ``why`` says how the last one ended.

    ``unheard`` is set while the peer is known to receive and to send nothing (spec §5): its silence
    ends no life, and fragments are repeated so often and no more. What it missed then, and all
    behind it, comes again in the next life only; ``gave_up`` says whether that may be anything.
    """

    def __init__(
        self,
        secret: bytes,
        own: bytes,
        peer: bytes,
        bits_per_s: int,
        entropy: Callable[[int], bytes],
        now_s: float = 0.0,
    ) -> None:
        self._secret, self._own, self._peer = secret, own, peer
        self._bits_per_s = bits_per_s
        self._entropy = entropy
        self._meter = Meter()
        self._retired: set[bytes] = set()
        self._candidate = NOBODY
        self._wait_s = self._calm_s = max(ANNOUNCE_S_MIN, 4 * self.airtime_s(ANNOUNCEMENT_BYTES))
        self._said_s: float | None = None  # when we last announced
        self._answer = False
        self.life = 0
        self.heard_s: float | None = None
        self.level = self.level_wished = (
            0  # of error correction: what the peer asks for, what we do
        )
        self.why = ""
        self.unheard = False
        self.keys: LinkKeys | None = None
        self._peer_fresh = NOBODY
        self._begin()
        self._announce_s = now_s

    def _begin(self) -> None:
        """Nothing of an earlier life is left, and none of its keys can be made again."""
        self.keys = None
        self._fresh = self._entropy(FRESH_BYTES)
        self._retired.clear()  # none of them echoes these
        self._reset()

    def _reset(self) -> None:
        self.met = self.gave_up = False
        self._meter.rest()
        self.sends = [SendLane(lane) for lane in range(LANES)]
        self.takes = [TakeLane() for _ in range(LANES)]
        self._timing = Timing(CONFIRM_FRAGMENTS * self.airtime_s(PIECE_BYTES_MAX[0]))
        self._sealed = [0] * LANES  # frames so far, in each lane
        self._opened = [0] * LANES
        self._turn = self._run = 0
        self._news = [False] * LANES  # lanes with fragments not confirmed yet
        self._unconfirmed = 0
        self._confirm_s: float | None = None

    def airtime_s(self, count: int) -> float:
        """How long so many bytes take on this way."""
        return 8 * count / self._bits_per_s

    # --- frames ---

    def send(self, frame: bytes, *, urgent: bool = False) -> None:
        """Queues a frame; ``keys`` must be there. Urgent ones go before others, and one that may
        wait begins when the peer has all urgent ones queued before it."""
        if self.keys is None:
            raise PeerError(Refusal.UNREACHABLE, "the link is not up")
        lane, behind = (URGENT, 0) if urgent else (0, self._sealed[URGENT])
        self.sends[lane].queue(self.keys.sends.seal(lane, self._sealed[lane], frame), behind)
        self._sealed[lane] += 1

    def queued_bytes(self) -> int:
        """Sealed bytes that were not sent yet."""
        return sum(lane.queued_bytes for lane in self.sends)

    def measured(self) -> Measured:
        """What the way lately carried."""
        return self._meter.measured(self._timing.mean_s)

    def urgent_waits(self) -> bool:
        """Whether an urgent fragment could be sent at once."""
        return self._has_fresh(URGENT)

    def _has_fresh(self, lane: int) -> bool:
        return self.met and self.sends[lane].has_fresh(self.sends[URGENT].frames_held)

    # --- what comes ---

    def read(self, data: bytes) -> Packet | Announcement | None:
        """What a packet says, if it is of this link; nothing changes."""
        if self.keys is not None:
            wanted = [lane.below for lane in self.takes]
            sent = [lane.confirmed for lane in self.sends]
            packet = read_packet(data, self.keys.takes, wanted, sent)
            if packet is not None:
                return packet
        return read_announcement(self._secret, self._peer, self._own, data)

    def take(self, said: Packet | Announcement, now_s: float) -> list[bytes]:
        """Takes what ``read`` gave. The frames that are whole now, in order.

        A frame that does not open, or has no end, ends this life of the link.
        """
        if isinstance(said, Announcement):
            self._on_announcement(said, now_s)
            return []
        self.met = True
        self.level = min(said.level, len(PIECE_BYTES_MAX) - 1)
        for lane, held in enumerate(said.held):
            came = 0 if held is None else self.sends[lane].holds(held, now_s, self._timing)
            if came:
                self.heard_s = now_s
                self._meter.confirmed(came, now_s, more=any(one.under_way for one in self.sends))
        if said.fragment is None:
            return []
        if self.takes[said.fragment.lane].lacks(said.fragment):
            self.heard_s = now_s  # a replay says nothing of who is there
        try:
            return self._on_fragment(said.fragment, now_s)
        except PeerError as error:
            self.end(str(error), now_s)
            return []

    def _on_fragment(self, fragment: Fragment, now_s: float) -> list[bytes]:
        lane, keys = fragment.lane, self.keys
        assert keys is not None  # noqa: S101  # it opened under them
        taking = self.takes[lane]
        whole = taking.take(fragment)
        self._news[lane] = True
        self._unconfirmed += 1
        at_once = self._unconfirmed >= CONFIRM_FRAGMENTS or fragment.last
        wait_s = 0.0 if at_once else self.airtime_s(PIECE_BYTES_MAX[0]) * (2 - taking.has_gap())
        due_s = now_s + wait_s
        self._confirm_s = due_s if self._confirm_s is None else min(self._confirm_s, due_s)
        frames = []
        for sealed in whole:
            frames.append(keys.takes.open(lane, self._opened[lane], sealed))
            self._opened[lane] += 1
        return frames

    def _on_announcement(self, said: Announcement, now_s: float) -> None:
        if said.own in self._retired:
            return  # of an earlier life: a replay
        if said.own != self._candidate:
            self._candidate, self._wait_s = said.own, self._calm_s
        self._answer = self._answer or said.asks or self.keys is None
        if said.heard != self._fresh:
            return
        if self.keys is None or said.own != self._peer_fresh:
            if len(self._retired) >= RETIRED_MAX:
                self.end("too many lives of the peer", now_s)
                return
            self._come_up(said, now_s)
        elif said.asks:
            return
        self.met = self.met or not said.asks
        self._confirm_s = now_s  # if the peer is up, any packet tells it that we are

    def _come_up(self, said: Announcement, now_s: float) -> None:
        """A life begins with the fresh bytes of both."""
        if self.keys is not None:
            self.why = "the peer has begun anew"
            self._retired.add(self._peer_fresh)
            self._reset()
        self._answer = said.asks
        self._wait_s = self._calm_s
        self._peer_fresh = said.own
        self.keys = link_keys(self._secret, self._own, self._peer, self._fresh, said.own)
        self.life += 1
        self.heard_s = now_s

    # --- what goes ---

    def packet(self, now_s: float) -> Outgoing | None:
        """What is to be sent now that the way is free; None if there is nothing."""
        if self._announces_s() <= now_s:
            return self._announcement(now_s)
        if self.keys is None:
            return None
        if self._is_silent(now_s):
            self.end("nobody answers", now_s)
            return None
        fragment = self._choose(now_s)
        due = self._confirm_s is not None and (fragment is not None or self._confirm_s <= now_s)
        if fragment is None and not due:
            return None
        held: list[Held | None] = [None, None]
        if due:
            for lane in range(LANES):
                held[lane] = self.takes[lane].held() if self._news[lane] else None
                self._news[lane] = False
            self._confirm_s, self._unconfirmed = None, 0
        packet = Packet(fragment, (held[0], held[1]), self.level_wished)
        return Outgoing(packet.encode(self.keys.sends), fragment)

    def _choose(self, now_s: float) -> Fragment | None:
        """The next fragment: an urgent one, but after URGENT_RUN of them one that has waited."""
        lanes = range(LANES)
        if self.unheard:
            for each_lane in self.sends:
                self.gave_up |= each_lane.give_up(UNHEARD_TRIES, now_s)
        waits = [self._has_fresh(n) or self.sends[n].due(now_s) is not None for n in lanes]
        if not any(waits):
            return None
        lane = URGENT if waits[URGENT] and (self._run < URGENT_RUN or not waits[0]) else 0
        self._run = self._run + 1 if lane == URGENT and waits[0] else 0
        sending, self._turn = self.sends[lane], self._turn + 1
        each, size = sending.due(now_s), self._piece_bytes(lane)
        each = sending.fresh(size) if each is None else each
        self._meter.sent(now_s, again=each.tries > 0)
        sending.sent(each, self._turn, now_s + self.airtime_s(size), self._timing)
        return each.fragment

    def _piece_bytes(self, lane: int) -> int:
        least = URGENT_PIECE_BYTES_MIN if lane == URGENT else PIECE_BYTES_MIN
        most = PIECE_BYTES_MAX[max(self.level, self.level_wished)]
        return min(max(int(self._bits_per_s * PIECE_S / 8), least), most)

    def wish(self, level: int, now_s: float) -> None:
        """A block came in vain, or one after which another error correction is asked of the peer:
        it is told with the next packet, and once more as long as blocks come in vain."""
        self.level_wished = level
        if self.keys is not None and self._confirm_s is None:
            self._confirm_s = now_s + self.airtime_s(PIECE_BYTES_MAX[0])

    def broken_off(self, outgoing: Outgoing) -> None:
        """A packet was not sent to its end: what was in it is due again."""
        if outgoing.fragment is not None:
            self.sends[outgoing.fragment.lane].never_sent(outgoing.fragment)

    def _announces_s(self) -> float:
        """When the next announcement is due."""
        if self._answer:
            return 0.0 if self._said_s is None else self._said_s + self._calm_s
        return NEVER_S if self.met else self._announce_s

    def _announcement(self, now_s: float) -> Outgoing:
        self._said_s, self._answer = now_s, False
        self._announce_s = now_s + self._wait_s
        self._wait_s = min(2 * self._wait_s, max(ANNOUNCE_S_MAX, self._calm_s))
        asks = self.keys is None or self._candidate != self._peer_fresh
        said = Announcement(self._fresh, self._candidate, asks)
        nonce = self._entropy(AEAD_NONCE_BYTES)
        return Outgoing(announce(self._secret, self._own, self._peer, said, nonce))

    def wake_s(self) -> float | None:
        """When ``packet`` may have something though nothing comes and nothing is sent."""
        due = [self._announces_s()]
        if self.keys is not None:
            due += [lane.due_s for lane in self.sends]
            due += [0.0 for lane in range(LANES) if self._has_fresh(lane)]
            due += [self._confirm_s] if self._confirm_s is not None else []
        found = min(due)
        return None if found == NEVER_S else found

    # --- the end of a life ---

    def _is_silent(self, now_s: float) -> bool:
        if self.unheard:
            return False
        heard_s = self.heard_s or 0.0
        tries = max((e.tries for lane in self.sends for e in lane.under_way.values()), default=0)
        return tries > SILENT_TRIES and now_s - heard_s > SILENT_S_MIN

    def end(self, reason: str, now_s: float) -> None:
        """Ends this life of the link, if it is up; the next one has other keys."""
        if self.keys is None:
            return
        self.why = reason
        self._begin()
        self._peer_fresh = NOBODY
        self._wait_s, self._announce_s = self._calm_s, now_s
