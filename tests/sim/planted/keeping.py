"""Defects of keeping: what is said is not on the disk, or what comes back is believed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sim.planted.plants import Plants, defect

from detente.core import restoring, speaking
from detente.core.errors import MachineError, Refusal
from detente.core.events import (
    Effect,
    NewEntry,
    QueueOutbox,
    StoreBody,
    StoreEntries,
    StoreFlags,
    TakeOutbox,
)
from detente.core.line import Line
from detente.core.station import Step
from detente.node import opening
from detente.node.step import Outcome, Stepper
from detente.sim.fuse import PowerCut
from detente.store import mark
from detente.store.database import Database
from detente.store.mark import Verdict
from detente.store.sqlite import SqliteStore


@defect("a node speaks before it commits", "acknowledge before commit")
def _(plants: Plants) -> None:
    commits_every(plants, 2)


@defect("only every third step is committed", "acknowledge before commit", deeds=("kill",))
def _(plants: Plants) -> None:
    commits_every(plants, 3)


def commits_every(plants: Plants, steps: int) -> None:
    """Commits what several steps have changed in one, after all but the last have spoken."""
    commit, begin, counts = vars(SqliteStore)["commit"], vars(SqliteStore)["begin"], {}

    def late(store: SqliteStore) -> None:
        counts[id(store)] = counts.get(id(store), 0) + 1
        if counts[id(store)] % steps == 0:
            commit(store)

    def again(store: SqliteStore) -> None:
        if not store._database.in_transaction:
            begin(store)

    plants.put(SqliteStore, "commit", late)
    plants.put(SqliteStore, "begin", again)


@defect("nothing is ever synced", "design, promise 1: on stable storage", deeds=("power",))
def _(plants: Plants) -> None:
    real = vars(Database)["open_writer"].__func__

    def careless(cls: type[Database], *args: Any, **kwargs: Any) -> Database:
        database: Database = real(cls, *args, **kwargs)
        database.run("PRAGMA synchronous = OFF")
        return database

    plants.put(Database, "open_writer", classmethod(careless))


@defect("an error of the disk is tried again", "T: commit error retried", deeds=("fail-sync",))
def _(plants: Plants) -> None:
    real = vars(Stepper)["_keep"]

    def stubborn(stepper: Stepper, take: Any) -> Outcome:
        try:
            return real(stepper, take)  # type: ignore[no-any-return]
        except MachineError as error:
            if isinstance(error.__cause__, PowerCut):
                raise
            stepper._failed = stepper._open = False
            return Outcome()

    plants.put(Stepper, "_keep", stubborn)
    plants.put(Database, "_broken", _unbroken)


def _unbroken(_: Database, error: Exception) -> MachineError:
    return MachineError(Refusal.DISK, str(error))


@defect("a refused write of the store is passed over", "T: commit error retried")
def _(plants: Plants) -> None:
    real = vars(SqliteStore)["commit"]

    def easy(store: SqliteStore) -> None:
        try:
            real(store)
        except MachineError as error:
            if isinstance(error.__cause__, PowerCut):
                raise
            store.rollback()

    plants.put(SqliteStore, "commit", easy)
    plants.put(Database, "_broken", _unbroken)


@defect("the mark stays where it began", "F5: index reused after rollback", needs=("lying-hello",))
def _(plants: Plants) -> None:
    plants.put(Stepper, "_advance", _only_first(vars(Stepper)["_advance"]))


def _only_first(real: Any) -> Any:
    def advance(stepper: Stepper, line: bytes, fresh: mark.Mark) -> None:
        if stepper._mark(line) is None or not fresh.size:
            real(stepper, line, fresh)

    return advance


@defect("the mark follows a step late", "F5: written before the signature leaves", deeds=("lie",))
def _(plants: Plants) -> None:
    real, waits = vars(Stepper)["_advance"], {}

    def advance(stepper: Stepper, line: bytes, fresh: mark.Mark) -> None:
        late = waits.pop((id(stepper), line), None)
        if late is not None:
            real(stepper, line, late)
        if not fresh.size:
            real(stepper, line, fresh)
        else:
            waits[id(stepper), line] = fresh

    plants.put(Stepper, "_advance", advance)


def _verdict_less(plants: Plants, *believed: Verdict) -> None:
    real = mark.judge

    def judge(*given: Any) -> Verdict:
        verdict = real(*given)
        return Verdict.NORMAL if verdict in believed else verdict

    plants.everywhere(real, judge)


@defect("a store behind its mark is believed", "accept a stale head; F5", needs=("lying-hello",))
def _(plants: Plants) -> None:
    _verdict_less(plants, Verdict.BEHIND)


@defect(
    "a store without its mark is believed",
    "F5: a node that fails its mark never appends",
    needs=("lying-hello",),
)
def _(plants: Plants) -> None:
    _verdict_less(plants, Verdict.NO_MARK)


@defect("whatever is on the disk is believed", "T: index reused after rollback", deeds=("restore",))
def _(plants: Plants) -> None:
    plants.everywhere(opening._verdict, lambda *_: "")


@defect("a submitted draft is not written down", "lose the outbox")
def _(plants: Plants) -> None:
    plants.stored(lambda effect: None if isinstance(effect, QueueOutbox) else effect)


@defect("a draft that was entered stays in the outbox", "F8: sequenced once")
def _(plants: Plants) -> None:
    plants.stored(lambda effect: None if isinstance(effect, TakeOutbox) else effect)
    plants.everywhere(speaking._stands, lambda *_: False)  # else the next start would find it


@defect("bodies of others are receipted and not stored", "receipt without storing")
def _(plants: Plants) -> None:
    def change(effect: Effect) -> Effect:
        if not isinstance(effect, StoreEntries) or effect.own:
            return effect
        bare = tuple(
            NewEntry(new.entry._replace(salt=None, body=None), new.subtrees)
            for new in effect.entries
        )
        return replace(effect, entries=bare)

    plants.stored(change)


@defect(
    "a body that comes late is not stored", "T: receipt shown with attachment missing", members=3
)
def _(plants: Plants) -> None:
    plants.stored(lambda effect: None if isinstance(effect, StoreBody) else effect)


@defect("muteness is forgotten at a restart", "F5: survives a restart")
def _(plants: Plants) -> None:
    plants.stored(lambda effect: None if isinstance(effect, StoreFlags) else effect)


@defect(
    "an adopted node goes on in its old log",
    "T: append to old incarnation after restore",
    deeds=("restore",),
)
def _(plants: Plants) -> None:
    def stay(step: Step, line: Line, k: int) -> None:
        del k
        if line.own is None:
            return
        step.station.keys.k = line.own.id.k  # type: ignore[misc]
        line.mute, line.awaits_hello = "", False
        line.greet_due = line.touched = True
        step.out.append(StoreFlags(line.id, ""))

    plants.everywhere(restoring.adopt, stay)


@defect(
    "released rows are not looked for in what came back",
    "promise 1: nothing twice; F5",
    deeds=("restore",),
)
def _(plants: Plants) -> None:
    plants.everywhere(restoring._entered, lambda *_: set())
    plants.everywhere(restoring.drop_entered, lambda *_: None)
