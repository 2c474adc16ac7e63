"""Defects of owing: what is to be done is forgotten at a restart, at an adoption, or for ever."""

from __future__ import annotations

from typing import Any

from sim.planted.plants import Plants, defect

from detente.core import protocol, restoring, session, speaking, streaming
from detente.core.events import Draft, TakeOutbox
from detente.core.extras import encode_clock
from detente.core.frames import WANT_BODY, WANT_COSIGNATURE, Want
from detente.core.leaf import Kind
from detente.core.line import Line, Queue
from detente.core.link import Session
from detente.core.log import Log
from detente.core.station import Station, Step
from detente.store.database import Database


@defect("an adopted node streams its new log to nobody", "promise 7: come back")
def _(plants: Plants) -> None:
    real = restoring.adopt

    def adopt(step: Step, line: Line, k: int) -> None:
        real(step, line, k)
        assert line.mine is not None
        for known in line.sessions.values():
            known.sent.pop(line.mine, None)

    plants.everywhere(real, adopt)
    plants.everywhere(session.greet_again, _not_again)


def _not_again(step: Step, line: Line) -> None:
    del step
    line.greet_due = False


@defect("a changed hello is not said again", "spec/session.md: hello", deeds=("restore",))
def _(plants: Plants) -> None:
    plants.everywhere(session.greet_again, _not_again)


@defect("the outbox is not read at a start", "lose the outbox")
def _(plants: Plants) -> None:
    real = protocol.load_line

    def load_line(*given: Any) -> Line:
        return real(*given[:5], (), *given[6:])

    plants.everywhere(real, load_line)


@defect("an adoption empties the outbox", "lose the outbox; F5", deeds=("restore",))
def _(plants: Plants) -> None:
    def drop(step: Step, line: Line) -> None:
        if line.queue.rows:
            step.out.append(TakeOutbox(line.id, tuple(sorted(line.queue.rows))))
        line.queue = Queue(next_number=line.queue.next_number)

    plants.everywhere(restoring._hold_back, drop)


@defect(
    "a restart forgets the receipts that are owed",
    "promise 6: within the charter's seconds",
    deeds=("kill",),
)
def _(plants: Plants) -> None:
    real = protocol._load_log

    def load_log(line: Line, log: Log) -> None:
        real(line, log)
        line.seen_due_ms = 0

    plants.everywhere(real, load_log)


@defect("what a peer asks for is not sent again", "promise 3: one transcript")
def _(plants: Plants) -> None:
    real = streaming.on_want

    def on_want(step: Step, line: Line, known: Session, frame: Want) -> None:
        if frame.what in (WANT_BODY, WANT_COSIGNATURE):
            real(step, line, known, frame)

    plants.everywhere(real, on_want)


@defect("bodies that never come are never named", "F12: `lacks`", needs=("no-body", "keeps-bodies"))
def _(plants: Plants) -> None:
    plants.everywhere(speaking._lack, lambda *_: None)


@defect("serials are not counted on", "promise 2: numbered as said")
def _(plants: Plants) -> None:
    real = Log.extend

    def extend(log: Log, *given: Any) -> None:
        serial = log.serial
        real(log, *given)
        log.serial = serial

    plants.put(Log, "extend", extend)


@defect("a mute node signs", "F5: a restored node signs nothing", deeds=("restore",))
def _(plants: Plants) -> None:
    plants.put(Line, "may_sign", lambda line: line.mine is not None and not line.awaits_hello)


@defect("the journal is kept in memory", "promise 1: torn tails", deeds=("power",))
def _(plants: Plants) -> None:
    real = vars(Database)["open_writer"].__func__

    def careless(cls: type[Database], *args: Any, **kwargs: Any) -> Database:
        database: Database = real(cls, *args, **kwargs)
        database.run("PRAGMA journal_mode = MEMORY")
        database.run("PRAGMA synchronous = OFF")
        return database

    plants.put(Database, "open_writer", classmethod(careless))


@defect("bodies go to members who are not addressed", "promise 4: nobody outside reads", members=3)
def _(plants: Plants) -> None:
    plants.put(Line, "entitled", lambda *_: True)


@defect("the window counts all that was ever signed", "F8: a small window")
def _(plants: Plants) -> None:
    real = speaking._window
    plants.everywhere(real, lambda line, own: real(line, own) - own.size)


@defect(
    "a clock that stepped back is stated for ever",
    "F13: a step backwards is an entry",
    deeds=("clock-back",),
)
def _(plants: Plants) -> None:
    real = protocol._watch_clock
    latest: dict[int, tuple[Station, int]] = {}  # beside its station, lest another get its number

    def watch(step: Step) -> None:
        real(step)
        _, before_s = latest.get(id(step.station), (step.station, 0))
        most_s = max(before_s, step.now.wall_s)
        latest[id(step.station)] = step.station, most_s
        for line in step.station.lines.values():
            if step.now.wall_s < most_s - 1 and line.touched:
                extra = encode_clock(step.now.wall_s - most_s)
                line.state(Draft(kind=Kind.CLOCK, audience=line.everyone(), extra=extra))

    plants.everywhere(real, watch)


@defect("a node forgets who is linked once it was silent", "promise 6: every silence named")
def _(plants: Plants) -> None:
    plants.everywhere(session.chores, lambda _, line: setattr(line, "chores_due_ms", 0))
