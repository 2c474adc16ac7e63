"""What one author may use up of us in a UTC day, and in all (spec/charter.md §4, F20)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from detente.core import limits
from detente.core.ending import end_here
from detente.core.errors import PeerError, Refusal
from detente.core.events import Draft
from detente.core.extras import OverQuota, decode_over_quota
from detente.core.leaf import UNCALLING, Kind, Leaf, LogId, Precedence
from detente.core.line import Line
from detente.core.log import Log
from detente.core.station import Step
from detente.core.wire import Item

DAY_S = 86_400
LEAD_DAYS = 7  # how long before us another member may have begun its log of a line
JOINED_DAYS = 3653  # how old a line may be that we join, or of which we lost our own log: ten years
MISSING_MAX = 4096  # bodies of one log that may be missing here at a time
# Which grant is used up (spec/registry.md, Quotas).
ENTRIES, BYTES, FLASH, ATTACHMENTS = 1, 2, 3, 4


def charge(step: Step, line: Line, log: Log, items: Sequence[Item]) -> None:
    """Counts entries against their author's grants. OVER_QUOTA, and nothing is counted, if a
    grant of today is used up; our log then says so, once a day.

    An entry is charged to the first day with room from the day it states on, today at the latest:
    so a backlog of many days is caught up, and nobody saves up more than the days there were.
    """
    today = step.now.wall_s // DAY_S
    day = log.day or _first_day(line, log, today)
    used = list(log.used)
    grants = _grants(line)
    for item in items:
        stated = day if item.leaf is None else item.leaf.time_s // DAY_S
        if day < min(stated, today):
            day, used = min(stated, today), [0, 0, 0]
        more = _uses(item.raw, item.leaf, item.body)
        while over := _over(used, more, grants):
            if day >= today:
                _refuse(step, line, log, over, today)
            day, used = day + 1, [0, 0, 0]
        used = [a + b for a, b in zip(used, more, strict=True)]
    log.day, log.used = day, used


def _first_day(line: Line, log: Log, today: int) -> int:
    """The first day an author can have used up: a while before we began, or was itself admitted."""
    founder = line.founding.member(line.me) is not None
    first = line.begun_day - LEAD_DAYS if founder and line.begun_day else today - JOINED_DAYS
    return max(first, line.admitted.get(log.id.member, 0) - LEAD_DAYS)


def _grants(line: Line) -> tuple[int, int, int]:
    charter = line.charter
    return (
        charter.quota_entries_per_day,
        charter.quota_bytes_per_day,
        charter.quota_flash_per_day,
    )


def _uses(raw: bytes, leaf: Leaf | None, body: bytes | None) -> tuple[int, int, int]:
    """What answers a FLASH at its own precedence is not a FLASH of its author's."""
    flash = leaf is not None and leaf.precedence >= Precedence.FLASH and leaf.kind not in UNCALLING
    return 1, len(raw) + len(body or b""), int(flash)


def _over(used: Sequence[int], more: Sequence[int], grants: Sequence[int]) -> int:
    for which, (a, b, most) in enumerate(zip(used, more, grants, strict=True), ENTRIES):
        if a + b > most:
            return which
    return 0


def _refuse(step: Step, line: Line, log: Log, which: int, day: int) -> None:
    line.quota_said = {known for known in line.quota_said if known[1] == day}
    if not line.quota_said:  # none today, or none since a restart
        line.quota_said = {(over.log, day) for over in said(line, day) if over.which != ATTACHMENTS}
    if (log.id, day) not in line.quota_said:
        line.quota_said.add((log.id, day))
        extra = OverQuota(log.id, log.size, which, day).encode()
        line.state(Draft(kind=Kind.OVER_QUOTA, audience=line.everyone(), extra=extra))
        step.tell("over-quota", line, member=log.id.member, which=which)
    raise PeerError(Refusal.OVER_QUOTA, f"log {log.id.member}", log=log.id, index=log.size)


def said(line: Line, day: int) -> Iterator[OverQuota]:
    """What our logs have stated of grants that were used up on a day, before a restart too."""
    for place in line.shelf.of_kind((Kind.OVER_QUOTA,)):
        leaf = line.shelf.entry(*place).leaf if place.log.member == line.me else None
        if leaf is not None and (over := decode_over_quota(leaf.extra)).day == day:
            yield over


def log_for(step: Step, line: Line, log_id: LogId) -> Log:
    """A log by its id, empty if nothing of it is held here. UNKNOWN_LOG without a card that lists
    its key, OVER_QUOTA for more lives of one member than a card has pairs.

    A new one of a revoked key ends where the transcript says by now, which may be further than its
    party stands by: who lost all of it must come to hold what the others do (spec/identity.md §9).
    """
    log = line.logs.get(log_id)
    if log is not None:
        return log
    log = step.station.new_log(line, log_id)
    if log is None or (log_id.life and not log_id.k):
        raise PeerError(Refusal.UNKNOWN_LOG, f"log {log_id.member}/{log_id.word}", log=log_id)
    if sum(known.member == log_id.member for known in line.logs) >= limits.INCARNATIONS_MAX:
        raise PeerError(Refusal.OVER_QUOTA, "more lives of one member than a card has pairs")
    revocation = step.station.revoked.get(log.key)
    if revocation is not None and log_id.member != line.me:
        log.frozen = end_here(line, log, revocation)
    return log
