"""Who is on watch, and how one watch follows the other: the relief signs on first.

Names stay on this ground: the line is told that the desk is attended, and «watch relieved».
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from detente.core.errors import Refusal
from detente.desk import noting
from detente.desk.alarms import Condition, Severity
from detente.desk.cabinet import Cabinet
from detente.desk.node_side import NodeSide
from detente.desk.people import People, Person
from detente.desk.refusing import refusal
from detente.words import marked

HOURS_MAX = 24  # both numbers stand in sentences below
NOTE_CHARS_MAX = 4000


@dataclass(frozen=True, slots=True)
class Watch:
    """One person's time on watch. ``until_s`` is when the relief is due."""

    number: int
    person: Person
    began_s: int
    until_s: int


@dataclass(frozen=True, slots=True)
class HandOver:
    """What the outgoing officer leaves: a note, and what was open when it was offered."""

    number: int
    watch: Watch
    note: str
    matters: dict[str, Any]
    offered_s: int


class Watches:
    """The watch of one desk, in its cabinet. One officer has it at a time."""

    def __init__(
        self,
        cabinet: Cabinet,
        node: NodeSide,
        clock: Callable[[], int],
    ) -> None:
        self._cabinet = cabinet
        self._people = People(cabinet)
        self._node = node
        self._clock = clock

    def current(self) -> Watch | None:
        """Who is on watch now."""
        row = self._cabinet.row(
            "SELECT number, person, began_s, until_s FROM watch WHERE ended_s IS NULL"
        )
        person = None if row is None else self._people.get(row[1])
        return None if row is None or person is None else Watch(row[0], person, row[2], row[3])

    def offered(self) -> HandOver | None:
        """The hand-over that waits for a relief."""
        watch = self.current()
        row = None
        if watch is not None:
            row = self._cabinet.row(
                "SELECT number, note, matters, offered_s FROM handover"
                " WHERE watch = ? AND taken_s IS NULL ORDER BY number DESC",
                watch.number,
            )
        if watch is None or row is None:
            return None
        return HandOver(row[0], watch, row[1], json.loads(row[2]), row[3])

    def on_watch(self, person: Person) -> bool:
        """Whether this person has the watch: then they do not simply go."""
        watch = self.current()
        return watch is not None and watch.person.number == person.number

    async def take(self, person: Person, hours: int, *, over: bool = False) -> None:
        """Takes a watch that nobody has; ``over``, one that somebody has who cannot hand it over.
        LocalError IN_USE if somebody has it, USAGE."""
        self._check_hours(hours)
        watch = self.current()
        if watch is not None and not (over and watch.person.number != person.number):
            raise refusal(
                Refusal.IN_USE,
                marked("Somebody has the watch"),
                marked("Relieve them, on the page of the watch."),
            )
        now_s = self._clock()
        await self._node.ask("duty", on=True, relieved=watch is not None, who=person.name)
        with self._cabinet.change():
            data: dict[str, Any] = {"who": person.name, "until_s": now_s + 3600 * hours}
            if watch is not None:
                self._end(watch, now_s)
                data |= {"relieved": watch.person.name, "handed_over": False}
            self._begin(person, now_s, hours)
            noting.put(self._cabinet, "watch-taken", now_s, **data)

    def offer(self, person: Person, note: str, matters: dict[str, Any]) -> None:
        """The outgoing officer hands over. They keep the watch until somebody signs on.

        LocalError NOT_ALLOWED for anybody else, OVERSIZE for a note that nobody would read.
        """
        watch = self.current()
        if watch is None or watch.person.number != person.number:
            raise refusal(
                Refusal.NOT_ALLOWED,
                marked("You do not have the watch"),
                marked("Whoever has it hands it over."),
            )
        if len(note) > NOTE_CHARS_MAX:
            raise refusal(
                Refusal.OVERSIZE,
                marked("A note has at most 4,000 characters"),
                marked("Go back and shorten it."),
            )
        now_s = self._clock()
        with self._cabinet.change():
            self._cabinet.run(
                "DELETE FROM handover WHERE watch = ? AND taken_s IS NULL", watch.number
            )
            self._cabinet.insert(
                "handover", watch=watch.number, note=note, matters=matters, offered_s=now_s
            )
            data = {"who": person.name, "note": note, "matters": matters}
            noting.put(self._cabinet, "hand-over", now_s, **data)

    async def relieve(self, person: Person, number: int, hours: int) -> None:
        """The relief signs on, and the relief is complete. LocalError NOT_FOUND for a hand-over
        that was changed since it was read, NOT_ALLOWED for the outgoing officer."""
        self._check_hours(hours)
        waiting = self.offered()
        if waiting is None or waiting.number != number:
            raise refusal(
                Refusal.NOT_FOUND,
                marked("This hand-over has changed"),
                marked("Read it again, then sign on."),
            )
        outgoing = waiting.watch.person
        if outgoing.number == person.number:
            raise refusal(
                Refusal.NOT_ALLOWED,
                marked("Nobody relieves himself"),
                marked("Another officer signs on."),
            )
        now_s = self._clock()
        await self._node.ask("duty", on=True, relieved=True, who=person.name)
        with self._cabinet.change():
            self._cabinet.run(
                "UPDATE handover SET taken_by = ?, taken_s = ? WHERE number = ?",
                person.number,
                now_s,
                number,
            )
            self._end(waiting.watch, now_s)
            self._begin(person, now_s, hours)
            data = {"relieved": outgoing.name, "until_s": now_s + 3600 * hours}
            noting.put(self._cabinet, "hand-over-taken", now_s, who=person.name, **data)

    async def leave(self, person: Person) -> None:
        """Leaves the watch to nobody: the line is told that nobody is on duty. NOT_ALLOWED."""
        watch = self.current()
        if watch is None or watch.person.number != person.number:
            raise refusal(
                Refusal.NOT_ALLOWED,
                marked("You do not have the watch"),
                marked("Whoever has it leaves it."),
            )
        now_s = self._clock()
        await self._node.ask("duty", on=False, who=person.name)
        with self._cabinet.change():
            self._end(watch, now_s)
            noting.put(self._cabinet, "watch-left", now_s, who=person.name)

    def conditions(self, now_s: int) -> Sequence[Condition]:
        """What is wrong with the watch itself."""
        watch, waiting = self.current(), self.offered()
        if watch is None:
            return [Condition("no-watch", "no-watch", Severity.NOTICE)]
        found = []
        name = {"name": watch.person.name, "due_s": watch.until_s}
        if now_s > watch.until_s:
            key = f"relief-overdue/{watch.number}"
            late = Condition(
                key, "relief-overdue", Severity.WARNING, since_s=watch.until_s, facts=name
            )
            found.append(late)
        if waiting is not None:
            key = f"hand-over/{waiting.number}"
            found.append(Condition(key, "hand-over", Severity.NOTICE, facts=name))
        return found

    def _check_hours(self, hours: int) -> None:
        if not 1 <= hours <= HOURS_MAX:
            raise refusal(
                Refusal.USAGE,
                marked("A watch lasts 1 to 24 hours"),
                marked("Go back and write another number."),
            )

    def _begin(self, person: Person, now_s: int, hours: int) -> None:
        self._cabinet.insert(
            "watch", person=person.number, began_s=now_s, until_s=now_s + 3600 * hours
        )

    def _end(self, watch: Watch, now_s: int) -> None:
        self._cabinet.run("UPDATE watch SET ended_s = ? WHERE number = ?", now_s, watch.number)
