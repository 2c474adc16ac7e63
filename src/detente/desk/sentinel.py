"""The desk's own watch: looks at the node without being asked, keeps what stands, enters each step
of an alarm in the journal, and rings every open page. It works with no page open at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from detente.core.errors import DetenteError, LocalError, MachineError, Refusal
from detente.desk import noting
from detente.desk.alarm_words import as_data
from detente.desk.alarms import (
    Alarm,
    Condition,
    Contact,
    Kept,
    Severity,
    alarms,
    conditions,
    of_notices,
)
from detente.desk.cabinet import Cabinet
from detente.desk.node_side import NodeSide, gone
from detente.desk.people import Person
from detente.desk.refusing import refusal
from detente.words import marked

EVERY_S = 2.0  # deadlines pass without an event
LEAST_S = 0.2  # between two looks: a line in full flow is not asked after every entry
DOCTOR_EVERY_S = 60  # its checks read the disk
NOTICES_EVERY_S = 60
CONTACTS_MAX = 40
MINUTES_MAX = 24 * 60
TEXT_CHARS_MAX = 80


@dataclass
class Sentinel:
    """What stands now. ``more`` gives what the desk itself finds wrong, such as a late relief."""

    cabinet: Cabinet
    node: NodeSide
    clock: Callable[[], int]
    ring: Callable[[], None]
    tell: Callable[[], Awaitable[object]]  # hands what is noted to the node
    more: Callable[[int], Sequence[Condition]]
    now: tuple[Alarm, ...] = ()
    trouble: str = ""  # what a look was refused with
    status: dict[str, Any] | None = None
    findings: list[dict[str, Any]] = field(default_factory=list)
    _kept: dict[str, Kept] | None = None
    _saved: dict[str, Kept] = field(default_factory=dict)
    _unsaid: list[tuple[str, int, dict[str, Any]]] = field(default_factory=list)
    _urgent: set[str] = field(default_factory=set)
    _contacts: tuple[Contact, ...] = ()
    _disk_s: int | None = None
    _gone_s: int | None = None
    _examined_s: int = 0
    _listed_s: int = 0
    _notices: dict[str, dict[str, Any]] = field(default_factory=dict)  # by line
    _last: list[Condition] = field(default_factory=list)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Looks whenever the node tells of something, and every EVERY_S seconds."""
        self.node.on_event(lambda _event: self._bell.set())
        while True:
            try:
                await self.look()
            except DetenteError as error:  # shown to administrators; the next look may do better
                self.trouble = f"{error.refusal.word}: {error.detail}"
            await asyncio.sleep(LEAST_S)
            try:
                await asyncio.wait_for(self._bell.wait(), EVERY_S)
            except TimeoutError:
                continue
            self._bell.clear()

    async def look(self) -> None:
        """One look, and everything that follows from it."""
        now_s = self.clock()
        found = await self._conditions(now_s)
        with suppress(MachineError):
            found += self.more(now_s)
        if self._disk_s is not None:
            found.append(Condition("cabinet", "cabinet", Severity.URGENT, since_s=self._disk_s))
        kept = self._known()
        for one in found:
            kept.setdefault(one.key, Kept(now_s))
        self._urgent = {one.key for one in found if one.severity is Severity.URGENT}
        stand = alarms(found, kept, self.contacts(), now_s)
        for alarm in stand:
            key, level = alarm.condition.key, kept[alarm.condition.key].level
            if alarm.condition.severity > Severity.NOTICE and alarm.level > level:
                kept[key] = replace(kept[key], level=alarm.level)
                word = "alarm-raised" if level < 0 else "alarm-escalated"
                self._unsaid.append((word, now_s, as_data(alarm)))
        for key in kept.keys() - {one.key for one in found}:
            ended = kept.pop(key)
            if ended.level >= 0:
                data = {"key": key, "first_s": ended.first_s}
                self._unsaid.append(("alarm-ended", now_s, data))
        self._save(now_s)
        if self.status is not None:
            with suppress(MachineError):
                await self.tell()
        changed = [_shown(one) for one in stand] != [_shown(one) for one in self.now]
        self.now = tuple(stand)
        if changed:
            self.ring()

    async def _conditions(self, now_s: int) -> list[Condition]:
        try:
            self.status = await self.node.look("status")
            if now_s - self._examined_s >= DOCTOR_EVERY_S:
                self.findings, self._examined_s = await self.node.look("doctor"), now_s
            if now_s - self._listed_s >= NOTICES_EVERY_S:
                await self._list(self.status["lines"])
                self._listed_s = now_s
        except LocalError as error:
            if not gone(error):
                raise
            # What was wrong is wrong still, and deadlines pass while nobody can look.
            self._gone_s = self._gone_s or now_s
            self.status = None
            return [*conditions(None, (), now_s, gone_s=self._gone_s), *self._last]
        self._gone_s = None
        self._last = conditions(self.status, self.findings, now_s)
        for line in self.status["lines"]:
            if line["line"] in self._notices:
                self._last += of_notices(line, self._notices[line["line"]], now_s)
        return list(self._last)

    async def _list(self, lines: Sequence[dict[str, Any]]) -> None:
        """Asks for the notices of every line that goes on. A line whose list is refused keeps the
        last one, and administrators are shown why: the other alarms do not wait for it."""
        going = [one["line"] for one in lines if one["open"] and not one["left"]]
        listed = {name: self._notices[name] for name in going if name in self._notices}
        for name in going:
            try:
                listed[name] = await self.node.look("notice_list", line=name, meet=False, last=0)
            except LocalError as error:
                if gone(error):
                    raise
                self.trouble = f"{error.refusal.word}: {error.detail}"
        self._notices = listed

    # --- what is kept ---

    def _known(self) -> dict[str, Kept]:
        if self._kept is None:
            self._kept = {
                key: Kept(*rest)
                for key, *rest in self.cabinet.rows(
                    "SELECT key, first_s, level, silenced_level, silenced_severity FROM alarm"
                )
            }
            self._saved = dict(self._kept)
        return self._kept

    def _save(self, now_s: int) -> None:
        """Keeps what has changed. A disk that takes nothing is an alarm of its own, and ends no
        other: what stands is in memory as well."""
        kept = self._known()
        if kept == self._saved and self._disk_s is None and not self._unsaid:
            return
        try:
            if self._disk_s is not None:
                self.cabinet.reopen()
            with self.cabinet.change():
                for key in self._saved.keys() - kept.keys():
                    self.cabinet.run("DELETE FROM alarm WHERE key = ?", key)
                for key, one in kept.items():
                    if self._saved.get(key) != one:
                        self._save_one(key, one)
                for word, at_s, data in self._unsaid:
                    noting.put(self.cabinet, word, at_s, **data)
        except DetenteError:
            self._disk_s = self._disk_s or now_s
            return
        self._unsaid.clear()
        self._saved, self._disk_s = dict(kept), None

    def _save_one(self, key: str, one: Kept) -> None:
        self.cabinet.run("DELETE FROM alarm WHERE key = ?", key)
        self.cabinet.insert(
            "alarm",
            key=key,
            first_s=one.first_s,
            level=one.level,
            urgent=key in self._urgent,
            silenced_level=one.silenced_level,
            silenced_severity=one.silenced_severity,
        )

    # --- what people do ---

    async def silence(self, key: str, person: Person) -> None:
        """Silences an alarm at this desk until its next step. Nothing leaves the desk: the line
        is not told, no ladder changes. LocalError NOT_FOUND for one that does not stand."""
        one = next((one for one in self.now if one.condition.key == key), None)
        if one is None:
            raise refusal(
                Refusal.NOT_FOUND,
                marked("This alarm does not stand any more"),
                marked("There is nothing to silence: load the page again."),
            )
        known = self._known()
        known[key] = replace(
            known[key], silenced_level=one.level, silenced_severity=int(one.condition.severity)
        )
        data = {"who": person.name, **as_data(one)}
        self._unsaid.append(("alarm-silenced", self.clock(), data))
        await self.look()

    def contacts(self) -> tuple[Contact, ...]:
        """The escalation list, in order of its steps; the last one read where the disk fails."""
        with suppress(MachineError):
            self._contacts = tuple(
                Contact(*row)
                for row in self.cabinet.rows(
                    "SELECT after_min, name, how FROM escalation ORDER BY after_min, number"
                )
            )
        return self._contacts

    async def set_contacts(self, contacts: Sequence[Contact], person: Person) -> None:
        """A new list, whole. LocalError USAGE for a row that nobody could be called by."""
        if len(contacts) > CONTACTS_MAX:
            raise LocalError(Refusal.USAGE, f"the list has at most {CONTACTS_MAX} rows")
        for one in contacts:
            texts = (one.name, one.how)
            if not 0 <= one.after_min <= MINUTES_MAX:
                raise LocalError(Refusal.USAGE, f"minutes are 0 to {MINUTES_MAX}")
            if not all(t.strip() and t.isprintable() and len(t) <= TEXT_CHARS_MAX for t in texts):
                raise LocalError(Refusal.USAGE, f"{one.name}: a name, and a telephone or call sign")
        with self.cabinet.change():
            self.cabinet.run("DELETE FROM escalation")
            for one in contacts:
                self.cabinet.insert(
                    "escalation",
                    after_min=one.after_min,
                    name=one.name.strip(),
                    how=one.how.strip(),
                )
            rows = [[one.after_min, one.name, one.how] for one in contacts]
            now_s = self.clock()
            noting.put(self.cabinet, "escalation-list", now_s, who=person.name, list=rows)
        await self.look()


def _shown(alarm: Alarm) -> tuple[object, ...]:
    """What a page shows of an alarm."""
    facts = tuple(sorted((name, str(value)) for name, value in alarm.condition.facts.items()))
    return (alarm.condition.key, alarm.level, alarm.silenced, facts)
