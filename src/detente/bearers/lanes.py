"""Lanes of a sealed link: frames cut into fragments, sent again where lost, put together.

Pure: what came and the time go in, what is to be sent comes out (spec/bearer-sealed.md §5). Each
lane counts its fragments apart, so that nothing in one waits for what was lost in another, but a
frame that was queued ``behind`` frames of the other lane.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from detente.bearers.packets import WINDOW, Fragment, Held
from detente.core.errors import PeerError, Refusal
from detente.core.limits import FRAME_BYTES_MAX

TAG_BYTES = 16
CONFIRM_FRAGMENTS = 4  # so many fragments are confirmed at once
NEVER_S = float("inf")
FIRST_S = 4.0
AGAIN_S_MAX = 60.0  # the longest wait before a fragment that nobody confirms is sent once more


@dataclass(slots=True)
class Timing:
    """How long a confirmation takes on this way, after RFC 6298; FIRST_S until one is known.

    ``held_back_s`` is for how long the peer may wait for more to confirm: not behind the end of a
    frame, nor where it misses something.
    """

    held_back_s: float
    mean_s: float | None = None
    spread_s: float = 0.0

    def sample(self, took_s: float) -> None:
        """A fragment that was sent once was confirmed after so long."""
        if self.mean_s is None:
            self.mean_s, self.spread_s = took_s, took_s / 2
            return
        self.spread_s += (abs(took_s - self.mean_s) - self.spread_s) / 4
        self.mean_s += (took_s - self.mean_s) / 8

    def again_s(self, tries: int, *, at_once: bool) -> float:
        """How long to wait for a confirmation before the next try; ``at_once``: not held back."""
        wait_s = FIRST_S if self.mean_s is None else self.mean_s + max(4 * self.spread_s, 0.1)
        held_back_s = self.held_back_s / CONFIRM_FRAGMENTS if at_once else self.held_back_s
        return min(wait_s * 2.0 ** min(tries - 1, 8), AGAIN_S_MAX) + held_back_s


@dataclass(slots=True)
class UnderWay:
    """A fragment that was sent and is not confirmed."""

    fragment: Fragment
    turn: int = 0  # which transmission of this link: who confirms a later one lacks this one
    sent_s: float = 0.0
    due_s: float = 0.0  # when it is to be sent again
    tries: int = 0


class SendLane:
    """The sending half of one lane: sealed frames in, fragments out, in order, until confirmed."""

    def __init__(self, lane: int) -> None:
        self.lane = lane
        self.number = 0  # of the next fresh fragment
        self.confirmed = 0  # all below are held by the peer
        self.under_way: dict[int, UnderWay] = {}
        self.queued_bytes = 0
        self._newest = -1  # the highest number that the peer holds
        self.due_s = NEVER_S  # nothing is to be sent again before
        self._frames: deque[tuple[int, bytes]] = deque()
        self._at = 0  # how far the first of them is cut
        self.frames_held = 0  # so many frames the peer has whole, and all before them
        self._ends: deque[int] = deque()  # where frames end that it may not have

    def queue(self, sealed: bytes, behind: int = 0) -> None:
        """One more frame, behind those that wait and so many of the other lane."""
        self._frames.append((behind, sealed))
        self.queued_bytes += len(sealed)

    def has_fresh(self, frames_held: int) -> bool:
        """Whether something not sent yet may be sent, when the peer has so many frames of the other
        lane."""
        if not self._frames or self._frames[0][0] > frames_held:
            return False
        return self.number < self.confirmed + WINDOW

    def is_empty(self) -> bool:
        """Whether all that was queued is confirmed."""
        return not self._frames and not self.under_way

    def due(self, now_s: float) -> UnderWay | None:
        """The first fragment that is to be sent again: known to be lost, or not heard of."""
        if now_s < self.due_s:
            return None
        self.due_s = NEVER_S
        for each in self.under_way.values():
            if each.due_s <= now_s:
                self.due_s = now_s
                return each
            self.due_s = min(self.due_s, each.due_s)
        return None

    def give_up(self, tries: int, now_s: float) -> bool:
        """Repeats nothing that was sent so often, as if the peer had it: it is known to listen and
        to confirm nothing. Whether there was any."""
        spent = [
            number
            for number, each in self.under_way.items()
            if each.tries >= tries and each.due_s <= now_s
        ]
        for number in spent:
            del self.under_way[number]
        self._confirm(min(self.under_way, default=self.number))
        return bool(spent)

    def _confirm(self, below: int) -> None:
        self.confirmed = max(self.confirmed, below)
        while self._ends and self._ends[0] <= self.confirmed:
            self._ends.popleft()
            self.frames_held += 1

    def fresh(self, piece_bytes: int) -> UnderWay:
        """Cuts the next fragment, of its frame's share of so many bytes at most; ``has_fresh`` must
        hold."""
        frame = self._frames[0][1]
        left = len(frame) - self._at
        size = -(-left // -(-left // piece_bytes))  # no small rest with a head of its own
        piece, last = frame[self._at : self._at + size], size == left
        each = UnderWay(Fragment(self.lane, self.number, last, piece))
        self.under_way[self.number] = each
        self.number += 1
        self.queued_bytes -= len(piece)
        self._at += size
        if last:
            self._frames.popleft()
            self._ends.append(self.number)
            self._at = 0
        return each

    def sent(self, each: UnderWay, turn: int, sent_s: float, timing: Timing) -> None:
        """A fragment leaves, for the first time or once more."""
        each.tries += 1
        each.turn, each.sent_s = turn, sent_s
        each.due_s = self._again_s(each, timing)
        self.due_s = min(self.due_s, each.due_s)

    def _again_s(self, each: UnderWay, timing: Timing) -> float:
        at_once = each.fragment.last or each.fragment.number < self._newest
        return each.sent_s + timing.again_s(each.tries, at_once=at_once)

    def never_sent(self, fragment: Fragment) -> None:
        """The transmission of a fragment was broken off: it is due again at once."""
        each = self.under_way.get(fragment.number)
        if each is not None:
            each.due_s = self.due_s = 0.0

    def holds(self, held: Held, now_s: float, timing: Timing) -> int:
        """Takes what the peer says it holds; how many bytes of it are new. What was sent before a
        fragment that arrived, and did not arrive itself, is lost."""
        self._confirm(min(held.below, self.number))
        arrived = [
            self.under_way.pop(number)
            for number in list(self.under_way)
            if number < held.below or number in held.beyond
        ]
        if not arrived:
            return 0
        self._newest = max(self._newest, *(each.fragment.number for each in arrived))
        newest = max(arrived, key=lambda each: each.turn)
        if newest.tries == 1:
            timing.sample(now_s - newest.sent_s)
        for each in self.under_way.values():
            each.tries = min(each.tries, 2)  # somebody is there: no more growing waits
            again_s = 0.0 if each.turn < newest.turn else self._again_s(each, timing)
            each.due_s = min(each.due_s, again_s)
            self.due_s = min(self.due_s, each.due_s)
        return sum(len(each.fragment.piece) for each in arrived)


class TakeLane:
    """The receiving half of one lane: fragments in any order in, sealed frames in order out.

    Memory is bounded by WINDOW fragments and one frame, and ends with the link.
    """

    def __init__(self) -> None:
        self.below = 0  # all fragments below are here
        self._beyond: dict[int, Fragment] = {}
        self._frame = bytearray()

    def held(self) -> Held:
        """What is here."""
        return Held(self.below, frozenset(self._beyond))

    def has_gap(self) -> bool:
        """Whether a fragment is missing before one that is here."""
        return bool(self._beyond)

    def lacks(self, fragment: Fragment) -> bool:
        """Whether a fragment is not here, and not too far ahead to be kept."""
        ahead = fragment.number - self.below
        return 0 <= ahead <= WINDOW and fragment.number not in self._beyond

    def take(self, fragment: Fragment) -> list[bytes]:
        """Takes a fragment that it lacks, and gives the sealed frames that are whole now.
        PeerError OVERSIZE for a frame without end."""
        if not self.lacks(fragment):
            return []
        self._beyond[fragment.number] = fragment
        whole = []
        while self.below in self._beyond:
            found = self._beyond.pop(self.below)
            self.below += 1
            self._frame += found.piece
            if len(self._frame) > FRAME_BYTES_MAX + TAG_BYTES:
                raise PeerError(Refusal.OVERSIZE, "fragments of no end")
            if found.last:
                whole.append(bytes(self._frame))
                self._frame.clear()
        return whole
