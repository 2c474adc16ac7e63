"""Bodies that come apart from their leaves: taken, and stated as held (spec/log.md §4)."""

from __future__ import annotations

from collections.abc import Sequence

from detente.core.body import commit
from detente.core.errors import PeerError, Refusal
from detente.core.events import Draft, StoreBody, StoreState
from detente.core.extras import HeldAhead
from detente.core.frames import Body
from detente.core.holding import coverable_size, entry_at, note_held
from detente.core.judging import call, judge_body
from detente.core.leaf import Kind, Leaf
from detente.core.line import Line
from detente.core.log import Log
from detente.core.station import Step
from detente.core.transcript import Entry
from detente.core.wire import Item


def late_bodies(step: Step, line: Line, log: Log, start: int, items: Sequence[Item]) -> None:
    """Entries that were held already may bring bodies that were not."""
    for index, item in enumerate(items, start):
        if index in log.missing and item.body is not None and item.salt is not None:
            _take_body(step, line, log, index, item.salt, item.body)


def on_body(step: Step, line: Line, frame: Body) -> None:
    """A body for a leaf held here. NOT_HELD without the leaf, PURGED if its author destroyed it,
    BAD_COMMITMENT if it does not open it; one that is held already changes nothing."""
    log = line.logs.get(frame.log)
    if log is None or frame.index >= log.size:
        raise PeerError(Refusal.NOT_HELD, "a body without its leaf")
    if frame.index in log.missing:
        _take_body(step, line, log, frame.index, frame.salt, frame.body)
    elif entry_at(line, log, frame.index).purged:
        raise PeerError(Refusal.PURGED, f"entry {frame.index}", log=log.id, index=frame.index)


def _take_body(step: Step, line: Line, log: Log, index: int, salt: bytes, body: bytes) -> None:
    entry = entry_at(line, log, index)
    leaf = entry.leaf
    if leaf is None or leaf.commitment != commit(salt, body):
        raise PeerError(Refusal.BAD_COMMITMENT, f"entry {index}", log=log.id, index=index)
    before = coverable_size(line, log)
    line.ask_anew()
    del log.missing[index]
    entry = entry._replace(salt=salt, body=body)
    if index in log.recent:
        log.recent[index] = entry
    if index in log.lacked:
        log.lacked.discard(index)
        state_held(step, line, entry, leaf)
    note_held(step, line, log, before)
    call(step, line, log, [entry])
    step.out.append(StoreBody(line.id, log.id, index, salt, body))
    judge_body(step, line, log, entry, leaf)
    step.out.append(StoreState(line.id, log.id, log.encode()))


def state_held(step: Step, line: Line, entry: Entry, leaf: Leaf) -> None:
    """A receipt of its own for an entry outside the order of its log, at its own precedence."""
    held = HeldAhead(*entry.place, entry.hash, step.now.wall_s)
    line.state(
        Draft(
            kind=Kind.HELD_AHEAD,
            audience=line.everyone(),
            precedence=leaf.precedence,
            refs=(entry.hash,),
            extra=held.encode(),
        )
    )
