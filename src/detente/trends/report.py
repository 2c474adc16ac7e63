"""The report: one document, written as HTML, Markdown and JSON, with its provenance beside it.

Same inputs, same bytes: there is no clock in it, and nothing in it depends on the machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from detente import words as language
from detente.plain import plain
from detente.trends import charts, tables, words
from detente.trends.analysis import (
    SHARE,
    Analysis,
    Cell,
    Progress,
    analyse,
    cells_asked,
    series_of,
    span,
)
from detente.trends.board import Board, board_of, question_of
from detente.trends.counts import WeekCount
from detente.trends.coverage import WeekCoverage
from detente.trends.estimate import Band
from detente.trends.lake import FileRead
from detente.trends.ledger import Entry
from detente.trends.line_record import Record
from detente.trends.line_words import line_part
from detente.trends.monitor import monitor
from detente.trends.plan import ALL, Dyad, Plan
from detente.trends.prov import Provenance, hashes_behind
from detente.words import _

_FOLDER = Path(__file__).with_name("templates")
HTML, MARKDOWN, JSON, PROV = "report.html", "report.md", "report.json", "prov.json"


@dataclass(frozen=True, slots=True)
class Given:
    """All that a report is made of."""

    plan: Plan
    counts: Sequence[WeekCount]
    covered: Sequence[WeekCoverage]
    reads: Sequence[FileRead]
    engine: str  # the words that the engine was asked with
    attributions: Mapping[str, str]  # source → what its owners ask to be said
    also: tuple[Dyad, ...] = ()  # beside the plan: exploratory
    record: Record | None = None
    record_name: str = ""
    ledger: tuple[Entry, ...] = ()  # forecasts made before


@dataclass(frozen=True, slots=True)
class Made:
    """A report: its files by name, and what it found."""

    files: Mapping[str, bytes]
    document: Mapping[str, Any]
    analysis: Analysis
    board: Board


def steps(plan: Plan, also: Sequence[Dyad] = ()) -> int:
    """How many steps ``make`` tells its progress of."""
    return len(cells_asked(plan, also)) + 1


def make(given: Given, progress: Progress) -> Made:
    """Estimates everything and writes it down, in the language in use."""
    plan, question = given.plan, question_of(given.plan, given.also)
    board = board_of(plan, question, given.counts, given.covered)
    found = analyse(plan, board, given.also, progress)
    provenance = Provenance(plan.sha256, frozen=plan.frozen, engine=given.engine)
    lake = provenance.lake(given.reads)
    series = {
        key: provenance.series(f"{'-'.join(key[0])}-{key[1]}", rows, lake)
        for key, rows in board.rows.items()
    }
    sources = tables.Sources(provenance, series)
    document = _document(given, board, found, sources)
    pictures = _charts(given, board, found, document)
    progress(steps(plan, given.also))
    graph = provenance.document()
    behind = hashes_behind(graph)
    document["figures"] = [
        {"id": short, "key": key, "files": len(behind[short])}
        for key, short in provenance.figures.items()
    ]
    html = _render("report.html", document | pictures)
    markdown = _render("report.md", document | pictures)
    return Made(
        {
            HTML: html.encode(),
            MARKDOWN: markdown.encode(),
            JSON: _json(document),
            PROV: _json(graph),
        },
        document,
        found,
        board,
    )


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False).encode() + b"\n"


def _document(
    given: Given, board: Board, found: Analysis, sources: tables.Sources
) -> dict[str, Any]:
    plan = given.plan
    listed = tables.conditions(board, span(plan, board), found, given.reads)
    return {
        "program": tables.PROGRAM,
        "language": language.language(),
        "plan": plan.as_json(),
        "plan_sha256": plan.sha256,
        "frozen": plan.frozen,
        "stakeholders": [_row(cell, sources) for cell in found.stakeholders],
        "ripple": [_row(cell, sources) for cell in found.ripple],
        "ripple_sentence": tables.ripple_sentence(found.ripple) if found.ripple else "",
        "unfit": [tables.unfit_row(one) for one in found.unfit],
        **monitor(plan, board, given.ledger).rows(sources),
        "line": line_part(given.record, given.record_name, plan, board, sources),
        "rivals": tables.rivals(plan, board, found),
        "confidence": words.confidence(listed),
        "confidence_word": _(words.CONFIDENCES[words.confidence(listed)]),
        "conditions": tables.condition_rows(listed),
        "coverage": [
            {"week": week.isoformat(), "state": state}
            for week, state in zip(board.weeks, board.states, strict=True)
        ],
        "coverage_sentence": tables.coverage_sentence(board),
        "files": tables.file_rows(given.reads),
        "files_more": max(len(given.reads) - tables.FILES_MAX, 0),
        "likelihoods": tables.likelihood_rows(),
        "engine": given.engine,
        "attributions": [
            {"source": source, "text": text} for source, text in sorted(given.attributions.items())
        ],
    }


def _row(cell: Cell, sources: tables.Sources) -> dict[str, Any]:
    return tables.cell_row(cell, sources, (cell.outcome, ALL))


# --- charts ---------------------------------------------------------------------------------------


def _charts(
    given: Given, board: Board, found: Analysis, document: Mapping[str, Any]
) -> dict[str, Any]:
    """One figure for each dyad and outcome, and the calendar of the weeks covered."""
    provs = {row["key"]: row["prov"] for row in document["stakeholders"]}
    titles = {row["key"]: row for row in document["stakeholders"]}
    drawn = []
    for number, cell in enumerate(cell for cell in found.stakeholders if cell.measure == SHARE):
        row = titles[cell.key]
        title = _("{who}: {outcome}, {measure}, by week").format(
            who=row["who"], outcome=row["outcome_word"], measure=row["measure_word"]
        )
        drawn.append(
            {
                "key": f"c{number}",
                "title": title,
                "prov": provs[cell.key],
                "weekly": _weekly(given.plan, board, found, cell, f"c{number}", title),
                "histogram": charts.histogram(
                    cell.placebo.estimates,
                    cell.level.ratio,
                    f"p{number}",
                    _("Placebo estimates: {count}").format(count=cell.placebo.n),
                    _("the date looked at: {times}").format(times=words.times(cell.level.ratio)),
                )
                if cell.placebo.n
                else "",
            }
        )
    calendar = charts.calendar(
        list(zip(board.weeks, board.states, strict=True)), "cal", _("Weeks covered by the files")
    )
    return {"charts": drawn, "calendar": calendar}


def _weekly(plan: Plan, board: Board, found: Analysis, cell: Cell, key: str, title: str) -> Markup:
    first, last = span(plan, board)
    series, bands = series_of(board, cell).cut(first, last), found.bands[cell.key]
    starts = board.starts - first
    after = [at >= starts for at in range(last - first)]
    chart = charts.Weekly(
        weeks=board.weeks[first:last],
        seen=[
            float(y / exposure) if kept and exposure else None
            for y, exposure, kept in zip(series.y, series.exposure, series.keep, strict=True)
        ],
        starts=starts,
        transition=plan.transition_weeks,
        half=_pairs(bands.level, "half"),
        ninety=_pairs(bands.level, "ninety"),
        beside_half=_masked(_pairs(bands.counterfactual, "half"), after),
        beside_ninety=_masked(_pairs(bands.counterfactual, "ninety"), after),
        scale="share",
    )
    about = _("Weekly values with 50 % and 90 % bands; hatched weeks have no data.")
    return charts.weekly(chart, key, title, (plan.starts.isoformat(), about))


def _pairs(band: Band, width: str) -> list[tuple[float, float] | None]:
    if width == "half":
        return list(zip(band.half_low, band.half_high, strict=True))
    return list(zip(band.ninety_low, band.ninety_high, strict=True))


def _masked(
    band: Sequence[tuple[float, float] | None], keep: Iterable[bool]
) -> list[tuple[float, float] | None]:
    return [pair if kept else None for pair, kept in zip(band, keep, strict=True)]


# --- templates ------------------------------------------------------------------------------------


def _environment() -> jinja2.Environment:
    found = jinja2.Environment(  # Markdown is no HTML; its cells are escaped below
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=lambda name: str(name).endswith(".html"),  # noqa: S701  # Markdown is none
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    found.globals |= {"_": language.translate, "ngettext": language.ngettext}
    found.filters |= {
        "times": words.times,
        "maybe_times": lambda value: "–" if value is None else words.times(value),
        "span": lambda pair: words.span(*pair),
        "p": _p_value,
        "count": lambda value: f"{value:,}".replace(",", "\u202f"),
        "number": lambda value: f"{value:.3g}",
        "slug": lambda text: text.partition(" ×")[0].replace(",", "").replace(" ", "-"),
        "cell": lambda text: plain(str(text)).replace("\\", "\\\\").replace("|", "\\|"),
    }
    return found


def _p_value(value: float) -> str:
    if value < 0.0005:
        return "< 0.001"
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


_SHEETS = _environment()


def _render(name: str, document: Mapping[str, Any]) -> str:
    return _SHEETS.get_template(name).render(doc=document, language=language.language())
