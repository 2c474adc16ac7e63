"""Which dispatches of a line hold a form of a notice (spec/profile.md §8).

Each is opened once, behind the traffic, so that a list of notices costs what it lists and not what
the record is long.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field

from detente.core.holding import entries_of
from detente.core.leaf import Kind, LogId
from detente.core.line import Line
from detente.core.log import Log
from detente.core.transcript import Entry, Place
from detente.dossiers.notice import check
from detente.dossiers.notice_forms import Form, Notice, ProfileText, form_of
from detente.dossiers.notices import may_close
from detente.node.geometry import AS_SENT
from detente.node.walking import read_on

READ_ENTRIES = 64  # between two looks at the clock


@dataclass
class Formed:
    """Of one line. ``known`` are the dispatches that hold a form, and those whose body has yet to
    come; each with its form where that was read since the start."""

    scanned: dict[LogId, int] = field(default_factory=dict)  # how far each log was read
    known: dict[Place, Form | None] = field(default_factory=dict)
    ends_s: dict[Place, int | None] = field(default_factory=dict)  # of notices: their validity

    def read_on(self, line: Line, budget_s: float) -> int:
        """Opens what nobody has opened yet; gives how many entries are left after ``budget_s``."""

        def read(log: Log, stop: int) -> None:
            for entry in entries_of(line, log, self.scanned.get(log.id, 0), stop):
                self._take(line, entry)
            self.scanned[log.id] = stop

        return read_on(line, self.scanned, read, READ_ENTRIES, budget_s)

    def closed(self, now_s: int, last: int, besides: Container[Place]) -> dict[Place, Form]:
        """Notices whose validity has ended and that nothing rests on, but for those ``besides`` and
        the ``last`` of each log. One that was not read since the start is not among them."""
        forms = self.known.items()
        texts = [form.profile for _, form in forms if isinstance(form, ProfileText)]
        by_digest = {one.digest: one for one in texts}
        close = {digest for digest, one in by_digest.items() if may_close(one, texts)}
        found: dict[Place, Form] = {}
        for place, form in forms:
            digest = form.word.rpartition("/")[2] if isinstance(form, Notice) else ""
            if isinstance(form, Notice) and digest in close and place not in besides:
                if place not in self.ends_s:
                    checked = check(by_digest[digest], form.values, AS_SENT, unknown=form.unknown)
                    self.ends_s[place] = checked.times.valid_until_s
                end_s = self.ends_s[place]
                if end_s is not None and end_s <= now_s:
                    found[place] = form
        by_log: dict[LogId, list[Place]] = {}
        for place in sorted(found) if last else ():
            by_log.setdefault(place.log, []).append(place)
        for places in by_log.values():
            for place in places[-last:]:
                del found[place]
        return found

    def _take(self, line: Line, entry: Entry) -> None:
        leaf = entry.leaf
        if leaf is None or leaf.kind != Kind.DISPATCH or not leaf.reads(line.me):
            return
        form = form_of(entry)
        if form is not None or (entry.body is None and not entry.purged):
            self.known[entry.place] = form
