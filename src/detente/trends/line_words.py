"""The line's own record as the report says it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf
from typing import Any

from detente.trends import words
from detente.trends.analysis import outage_ratio
from detente.trends.board import Board
from detente.trends.line_rates import (
    EXISTS,
    REACHED,
    RECEIVED,
    REPLIED,
    USED,
    Figure,
    figures,
    outage_weeks,
)
from detente.trends.line_record import Record
from detente.trends.plan import ALL, Plan
from detente.trends.tables import Sources, outcome_word, six
from detente.words import _, marked, ngettext, translate

EXPOSURES: Mapping[str, str] = {
    EXISTS: marked("The line exists"),
    REACHED: marked("Tested and answered"),
    USED: marked("Used"),
    RECEIVED: marked("Received in time"),
    REPLIED: marked("Answered"),
}
DAY_S = 86_400


def line_part(
    record: Record | None, name: str, plan: Plan, board: Board, sources: Sources
) -> dict[str, Any] | None:
    """What the report says of a transcript; None without one."""
    if record is None:
        return None
    provenance = sources.provenance
    file = provenance.file(name, record.sha256, entries=record.entries)
    found = list(figures(record))
    values = {
        f"{one.kind}_{one.precedence}".strip("_"): six(one.value)
        for one in found
        if one.value is not None
    }
    outages = record.outages()
    return {
        "title": record.title,
        "sha256": record.sha256,
        "prov": provenance.figure("line", values, [file]),
        "sentence": ngettext(
            "{count} outage: link tests in a row that were not answered in time. Existence, "
            "reachability and use are three exposures, not one.",
            "{count} outages: link tests in a row that were not answered in time. Existence, "
            "reachability and use are three exposures, not one.",
            len(outages),
        ).format(count=len(outages)),
        "drill_entries": record.drill_entries,
        "rows": [_row(one) for one in found],
        "outages": _outages(record, file, plan, board, sources),
    }


def _row(one: Figure) -> dict[str, str]:
    what, spell = _told(one)
    figure = spell(one.value) if one.value is not None else translate(words.STATES["no data"])
    ends = one.interval
    return {
        "exposure": translate(EXPOSURES[one.kind]),
        "what": f"{one.precedence}: {what}" if one.precedence else what,
        "figure": _("not reached") if one.value is None and one.of and ends else figure,
        "interval": f"{spell(ends.low)} – {spell(ends.high)}" if ends else "",
    }


def _told(one: Figure) -> tuple[str, Callable[[float], str]]:
    """What was counted, and how its figure is spelt."""
    if one.kind == EXISTS:
        what = _("{entries} entries of {members} members").format(entries=one.count, members=one.of)
        return what, _weeks
    if one.kind == USED:
        what = _("{count} dispatches in {weeks} weeks").format(count=one.count, weeks=one.of)
        return what, _per_week
    if one.kind == REPLIED:
        what = _(
            "median wait; {answered} of {count} were answered, the others waited to the end"
        ).format(answered=one.count, count=one.of)
        return what, wait
    text = {
        REACHED: _("{count} of {of} link tests answered in time"),
        RECEIVED: _("{count} of {of} received within the charter's seconds"),
    }[one.kind]
    return text.format(count=one.count, of=one.of), words.percent


def _weeks(value: float) -> str:
    return _("{weeks} weeks").format(weeks=f"{value:.1f}")


def _per_week(value: float) -> str:
    return _("{rate} a week").format(rate=f"{value:.2g}")


def wait(seconds: float) -> str:
    """A span of time in words; beyond any number «never»."""
    if seconds == inf:
        return _("longer than was watched")
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 2 * DAY_S else f"{seconds / DAY_S:.1f} d"


def _outages(
    record: Record, file: str, plan: Plan, board: Board, sources: Sources
) -> list[dict[str, Any]]:
    """Weeks with an outage beside the others, for each dyad and outcome of the plan."""
    out, span = outage_weeks(record, board.weeks)
    if not out.any() or out.all():
        return []
    rows = []
    for dyad in plan.dyads:
        for outcome in plan.outcomes:
            series = board.share(dyad, outcome).cut(span.start, span.stop)
            ratio, p, shifts = outage_ratio(series, out)
            values = {"ratio": None if ratio is None else six(ratio), "p": p, "shifts": shifts}
            behind = [file, *sources.of([dyad], [outcome, ALL])]
            who = "-".join(dyad)
            rows.append(
                {
                    "who": who,
                    "outcome_word": outcome_word(outcome),
                    "weeks_out": int(out.sum()),
                    "weeks_in": int((~out).sum()),
                    **values,
                    "prov": sources.provenance.figure(f"{who}/{outcome}/outages", values, behind),
                }
            )
    return rows
