"""Defects of talking: what is owed to a peer is not sent, or too late, or for ever."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sim.planted.plants import Plants, defect

from detente.core import (
    bodies,
    holding,
    judging,
    overtaking,
    protocol,
    receiving,
    session,
    speaking,
    streaming,
)
from detente.core.errors import PeerError, Refusal
from detente.core.events import Effect, OutboxRow, Send
from detente.core.frames import Hello
from detente.core.leaf import UNCALLING
from detente.core.line import Line
from detente.core.link import Link, Session
from detente.core.log import Log
from detente.core.station import Step


@defect("a new session goes on where the lost one stopped", "promise 3: one transcript")
def _(plants: Plants) -> None:
    real = session.on_hello

    def on_hello(step: Step, link: Link, channel: int, hello: Hello) -> None:
        real(step, link, channel, hello)
        line = step.station.lines[hello.line]
        for log_id in line.sessions[link.number].sent:
            line.sessions[link.number].sent[log_id] = line.logs[log_id].size

    plants.everywhere(real, on_hello)


@defect("timers are lost", "promise 6: within the charter's seconds")
def _(plants: Plants) -> None:
    plants.everywhere(protocol.wake_ms, lambda _: None)


@defect("nothing that was confirmed is remembered", "promise 3: one transcript")
def _(plants: Plants) -> None:
    plants.everywhere(holding.confirm, lambda *_: None)


@defect("what was lost on the way is never asked for", "promise 3: one transcript")
def _(plants: Plants) -> None:
    plants.everywhere(receiving.ask, lambda *_: None)


@defect(
    "the full form is never asked for",
    "F4: on any mismatch ask for the full form",
    needs=("misfits",),
)
def _(plants: Plants) -> None:
    plants.everywhere(receiving._ask_full, lambda *_: None)


@defect("an elision that does not fit is blamed on its sender", "T: elision mismatch blamed")
def _(plants: Plants) -> None:
    def blame(step: Step, session: Session, log: Log, start: int) -> None:
        del step, session
        raise PeerError(Refusal.BAD_SIGNATURE, f"log {log.id.word}", log=log.id, index=start)

    plants.everywhere(receiving._ask_full, blame)


@defect("missing bodies are never asked for", "F12: every body addressed here", members=3)
def _(plants: Plants) -> None:
    plants.everywhere(judging.want_bodies, lambda *_: None)
    plants.everywhere(bodies.late_bodies, lambda *_: None)


@defect("a receipt calls for a receipt", "T: ack-of-ack loop")
def _(plants: Plants) -> None:
    plants.everywhere(UNCALLING, frozenset())


@defect(
    "no log is had from a third",
    "T: third party's silence stops the other two",
    members=3,
)
def _(plants: Plants) -> None:
    plants.everywhere(session._is_wanted, lambda *_: False)
    plants.everywhere(receiving.ask, _ask_author_alone(receiving.ask))


def _ask_author_alone(real: Any) -> Any:
    def ask(step: Step, session: Session, log: Log) -> None:
        if log.id.member == session.member:
            real(step, session, log)

    return ask


@defect(
    "an entry waits for what its seen names",
    "T: third party's silence stops the other two",
    members=3,
)
def _(plants: Plants) -> None:
    real = receiving._admit

    def admit(
        step: Step, line: Line, session: Session, log: Log, new: Any, frontier: Any, head: Any
    ) -> None:
        for _, _, item, _ in new:
            for seen in () if item.leaf is None else item.leaf.seen:
                known = line.logs.get(seen.log)
                if known is None or known.size < seen.size:
                    raise PeerError(Refusal.NOT_HELD, "its causal past", log=log.id, index=log.size)
        real(step, line, session, log, new, frontier, head)

    plants.everywhere(real, admit)


@defect("FLASH is entered last", "promise 5: FLASH first", deeds=("burst",))
def _(plants: Plants) -> None:
    real = speaking._next_rows

    def next_rows(step: Step, line: Line, room: int) -> list[OutboxRow]:
        queue = line.queue.by_precedence
        flash, queue[4:] = queue[4:], [type(queue[4])(), type(queue[5])()]
        try:
            rows = real(step, line, room)
        finally:
            queue[4:] = flash
        return rows or real(step, line, room)

    plants.everywhere(real, next_rows)


@defect("FLASH waits for what was sent before it", "F8: overtakes", deeds=("burst",))
def _(plants: Plants) -> None:
    plants.everywhere(streaming._overtake, lambda *_, **__: None)


@defect("urgent frames wait their turn", "promise 5: FLASH first", deeds=("burst",))
def _(plants: Plants) -> None:
    def change(effect: Effect) -> Effect:
        return replace(effect, urgent=False) if isinstance(effect, Send) else effect

    plants.effects(change)


@defect("a gap is never closed", "T: gap never filled", needs=("fork-ahead",))
def _(plants: Plants) -> None:
    plants.everywhere(overtaking.close_gap, lambda *_: None)


@defect("what overtook is not sent again in its turn", "T: gap never filled")
def _(plants: Plants) -> None:
    real = streaming._stream

    def stream(step: Step, line: Line, session: Session, log: Log) -> None:
        if log.id != line.mine or not session.ahead_sent:
            real(step, line, session, log)

    plants.everywhere(real, stream)


@defect(
    "a log over its quota rests for ever",
    "F20: until the next UTC day",
    needs=("sated",),
)
def _(plants: Plants) -> None:
    plants.everywhere(streaming._paused, lambda _, session, log: log in session.paused)
