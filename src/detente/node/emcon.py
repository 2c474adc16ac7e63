"""Receive-only at this node (EMCON): ordered, announced, kept to, ended (spec/session.md §8.1).

The order is kept in the store, apart from what was said of it on any line: a node that starts
again in its midst sends nothing, whether or not anybody was told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from detente.core.errors import LocalError, Refusal
from detente.core.events import Draft, Submit
from detente.core.extras import ReceiveOnly, decode_receive_only
from detente.core.leaf import Kind, Precedence
from detente.core.limits import RECEIVE_ONLY_S_MAX
from detente.core.line import Line
from detente.dossiers.emcon import Spans, span_at, whole
from detente.dossiers.receipts import receipts
from detente.node import asked
from detente.node.opening import clock
from detente.node.places import entry_word

if TYPE_CHECKING:
    from detente.node.node import Node

Request = Mapping[str, Any]
BEARERS = ("tls", "serial", "websocket")  # by bit (spec/registry.md §6)
LEAD_S = 60  # from the order to the silence, unless told otherwise: the others are to know of it
META = "emcon"


class Emcon:
    """What our officers ordered, and whether it holds."""

    def __init__(self, node: Node) -> None:
        self._node = node
        kept = node.store.get_meta(META)
        self.order = None if not kept else decode_receive_only(kept)

    def _now_s(self) -> int:
        return clock(self._node.home).wall_s

    def silent(self) -> frozenset[str]:
        """The kinds of bearer over which nothing may be sent now."""
        order = self.order
        if order is None or not order.from_s <= self._now_s() < order.until_s:
            return frozenset()
        return frozenset(names(order.bearers) or BEARERS)

    def begin(self, order: ReceiveOnly) -> None:
        """Announces it on every line, in place of what was ordered before."""
        self._keep(order)
        self._announce(order)
        self._node.note("emcon-ordered", {"begins_s": order.from_s, "ends_s": order.until_s})
        self._node.tell("emcon-ordered", from_s=order.from_s, until_s=order.until_s)
        self.look()

    def end(self, why: str = "") -> None:
        """Takes the order back, and says so as soon as there is a link again."""
        if self.order is None:
            return
        now_s = self._now_s()
        self._over(why)
        self._announce(ReceiveOnly(now_s, now_s, 0))
        self.look()

    def override(self) -> None:
        """Our own officer said something at OVERRIDE: it goes out over every bearer."""
        if self.silent():
            self.end("OVERRIDE")

    def _keep(self, order: ReceiveOnly | None) -> None:
        self.order = order
        self._node.store.put_meta(META, b"" if order is None else order.encode())

    def _over(self, why: str) -> None:
        self._keep(None)
        self._node.note("emcon-ended", {"why": why})
        self._node.tell("emcon-ended", why=why)

    def _announce(self, order: ReceiveOnly) -> None:
        for line in list(self._node.station.lines.values()):
            if _speaks(line):
                everyone, extra = line.charter.everyone(), order.encode()
                precedence = Precedence.IMMEDIATE  # before what waits, and receipted at once
                draft = Draft(kind=Kind.DUTY, audience=everyone, precedence=precedence, extra=extra)
                self._node.submit(Submit(line.id, draft))

    def look(self) -> None:
        """Begins and ends it by the clock; an OVERRIDE that waits ends it. Says to the links over
        what nothing is sent, and which parties announced the same."""
        order, links = self.order, self._node.links
        if order is not None and self._now_s() >= order.until_s:
            self._over("")
        elif self.silent() and self._override_waits():  # since before it began
            self.end("OVERRIDE")
            return
        if links is not None:
            if links.silent != self.silent():
                links.be_silent(self.silent())
            links.not_heard(self._not_heard())

    def _override_waits(self) -> bool:
        lines = self._node.station.lines.values()
        return any(_speaks(one) and one.queue.by_precedence[Precedence.OVERRIDE] for one in lines)

    def _not_heard(self) -> set[bytes]:
        """The parties that announced that nothing comes of them by a serial port now."""
        now_s, found = self._now_s(), set()
        for line in self._node.station.lines.values():
            folds = self._node.folds(line)
            for member, spans in folds.silent(line, folds.frozen(self._node.station, line)).items():
                span, party = span_at(spans, now_s), line.party_of(member)
                if span is not None and party and "serial" in (names(span.bearers) or BEARERS):
                    found.add(party)
        return found - {self._node.station.party}

    # --- what people see ---

    def until_s(self) -> int | None:
        """When at the latest what is queued goes out, where nothing is sent at all until then."""
        return self.order.until_s if self.order and self.silent() >= set(BEARERS) else None

    def view(self, line: Line) -> dict[str, Any] | None:
        """What our officers ordered, whether it holds, and who has received the announcement."""
        order = self.order
        if order is None:
            return None
        folds = self._node.folds(line)
        frozen = folds.frozen(self._node.station, line)
        ours = folds.silent(line, frozen).get(line.me, ())
        span = next((one for one in ours if one.until_s == order.until_s), None)
        told = {}
        if span is not None:
            statements = folds.statements(line, frozen)
            everyone = line.charter.everyone()
            told = receipts(line.shelf, span.place, everyone, frozen, statements)
        return {
            "from_s": order.from_s,
            "until_s": order.until_s,
            "bearers": list(names(order.bearers)),
            "holds": bool(self.silent()),
            "told": [
                {
                    "name": member.name,
                    "at_s": told[member.number].at_s if member.number in told else None,
                }
                for member in line.charter.members
                if member.number != line.me
            ],
        }


def _speaks(line: Line) -> bool:
    return line.is_open() and not (line.mute or line.left)


def names(bearers: int) -> tuple[str, ...]:
    """The kinds of bearer that a mask means; none of them for all."""
    return tuple(name for bit, name in enumerate(BEARERS) if bearers >> bit & 1)


def announced_view(line: Line, spans: Spans, now_s: int) -> dict[str, Any] | None:
    """What a member announced that holds now, of all bearers or of some."""
    span = span_at(whole(spans), now_s) or span_at(spans, now_s)
    if span is None:
        return None
    return {
        "from_s": span.from_s,
        "until_s": span.until_s,
        "bearers": list(names(span.bearers)),
        "entry": entry_word(line.shelf.entry(*span.place)),
    }


def quiet(node: Node, request: Request) -> dict[str, Any]:
    """Orders it until a time, at most a week ahead, or ends it."""
    if asked.flag(request, "end", False):
        node.emcon.end()
        return {"ordered": False}
    now_s = clock(node.home).wall_s
    from_s = asked.whole(request, "from_s", now_s + LEAD_S)
    until_s = asked.whole(request, "until_s")
    if not max(now_s, from_s) < until_s <= now_s + RECEIVE_ONLY_S_MAX:
        detail = f"the end is behind the beginning, and at most {RECEIVE_ONLY_S_MAX} s from now"
        raise LocalError(Refusal.USAGE, detail)
    wanted = asked.texts(request, "bearers")
    if not set(wanted) <= set(BEARERS):
        raise LocalError(Refusal.USAGE, f"bearers are {', '.join(BEARERS)}")
    mask = sum(1 << BEARERS.index(name) for name in set(wanted))
    whole_mask = (1 << len(BEARERS)) - 1
    node.emcon.begin(ReceiveOnly(max(from_s, now_s), until_s, 0 if mask == whole_mask else mask))
    return {"ordered": True, "from_s": max(from_s, now_s), "until_s": until_s}
