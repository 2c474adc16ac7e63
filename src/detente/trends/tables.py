"""The document of a report: every table as plain values, with the provenance of each row.

HTML, Markdown and JSON are three forms of it. Numbers keep six significant digits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from detente import __version__
from detente.trends import words
from detente.trends.analysis import ALONE, RATE, SHARE, Analysis, Cell, Unfit
from detente.trends.board import Board, Counted
from detente.trends.calibration import calibrated
from detente.trends.estimate import Estimate
from detente.trends.lake import FileRead
from detente.trends.plan import OUTCOME_WORDS, Dyad, Plan
from detente.trends.prov import Provenance
from detente.trends.verdict import Verdict, largest_left
from detente.words import _, marked, ngettext, translate

CHANCE = 0.05  # how often the verdict rule fires where nothing happened, as measured
SMALL_COUNT = 200  # distinct stories in both windows together
LONG_BEFORE_WEEKS = 78
PLACEBO_HELD_MIN = 0.8  # of 90 % intervals; neighbouring dates share weeks, so not nearer to .9
PLACEBOS_MIN = 19  # so that a rank p can reach .05
FILES_MAX = 60  # rows of the table; prov.json has every file

_MEASURES = {
    SHARE: marked("share of all stories of the two"),
    RATE: marked("rate beside all stories of the world"),
    ALONE: marked("share, among stories that name no other dyad"),
}


@dataclass(frozen=True, slots=True)
class Sources:
    """What figures are derived from: ids of weekly counts, by dyad and outcome."""

    provenance: Provenance
    series: Mapping[tuple[Dyad, str], str]

    def of(self, dyads: Sequence[Dyad], outcomes: Sequence[str]) -> list[str]:
        """The ids behind some dyads and outcomes."""
        return [self.series[dyad, outcome] for dyad in dyads for outcome in outcomes]


def six(value: float) -> float:
    """A number at six significant digits: what a report says is not exacter."""
    return float(f"{value:.6g}")


def outcome_word(outcome: str) -> str:
    """An outcome as it is shown: in the reader's language where the program names it."""
    return translate(OUTCOME_WORDS[outcome]) if outcome in OUTCOME_WORDS else outcome


def cell_row(cell: Cell, sources: Sources, outcomes: Sequence[str]) -> dict[str, Any]:
    """One row of the first two tables."""
    numbers = {
        "before": asdict(cell.before),
        "after": asdict(cell.after),
        "raw": _raw(cell.before, cell.after),
        **_estimate(cell.level),
        "twin": _estimate(cell.twin),
        "whole": None if cell.whole is None else _estimate(cell.whole),
        "beside": None if cell.beside is None else _estimate(cell.beside),
        "placebo": {
            "p": six(cell.placebo.p),
            "n": cell.placebo.n,
            "smallest_p": six(cell.placebo.smallest_p),
        },
        "calibrated": _calibrated(cell),
        "detectable": six(cell.detectable),
        "p_adjusted": six(cell.p_adjusted),
    }
    prov = sources.provenance.figure(cell.key, _flat(numbers), sources.of(cell.dyads, outcomes))
    limit = largest_left(cell.level, cell.twin)
    return {
        "key": cell.key,
        "who": cell.who,
        "outcome": cell.outcome,
        "outcome_word": outcome_word(cell.outcome),
        "measure": cell.measure,
        "measure_word": translate(_MEASURES[cell.measure]),
        **numbers,
        "direction": words.direction(cell.level.p_up),
        "verdict": cell.verdict.value,
        "verdict_word": words.verdict_word(cell.verdict.value, limit),
        "sentences": words.sentences(
            cell.verdict.value,
            _("{who}, {outcome}").format(who=cell.who, outcome=outcome_word(cell.outcome)),
            cell.level,
            detectable=cell.detectable,
            limit=limit,
        ),
        "exploratory": cell.exploratory,
        "prov": prov,
    }


def _flat(numbers: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Numbers of a row as attributes of its PROV entity."""
    found: dict[str, Any] = {}
    for key, value in numbers.items():
        if isinstance(value, Mapping):
            found.update(_flat(value, f"{before}{key}_"))
        elif isinstance(value, list):
            found.update({f"{before}{key}_{at}": one for at, one in enumerate(value)})
        elif value is not None:
            found[before + key] = value
    return found


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {
        "ratio": six(estimate.ratio),
        "half": [six(estimate.half.low), six(estimate.half.high)],
        "ninety": [six(estimate.ninety.low), six(estimate.ninety.high)],
        "p_up": six(words.bounded(estimate.p_up)),
    }


def _calibrated(cell: Cell) -> dict[str, Any] | None:
    """The 90 % interval with the method's own error at placebos allowed for."""
    if cell.calibration is None:
        return None
    _p, ends = calibrated(cell.level, cell.calibration)
    return {
        "ninety": [six(ends.low), six(ends.high)],
        "held": round(cell.calibration.covered * cell.calibration.n),
        "n": cell.calibration.n,
    }


def _raw(before: Counted, after: Counted) -> float | None:
    """The ratio of the two windows as counted; None where one of them has nothing to divide by."""
    if not before.count or not before.of or not after.of:
        return None
    return six(after.count / after.of / (before.count / before.of))


def unfit_row(unfit: Unfit) -> str:
    """A cell that is not in a table, and why."""
    return _("Not estimated: {who}, {outcome}: {why}.").format(
        who=unfit.who, outcome=outcome_word(unfit.outcome), why=unfit.why
    )


def ripple_sentence(cells: Sequence[Cell]) -> str:
    """How many cells moved, and how many would by chance alone."""
    moved = sum(cell.verdict is Verdict.MOVED for cell in cells)
    return ngettext(
        "Ripple: {moved} of {count} cell moved; by chance alone {chance} would be expected to.",
        "Ripple: {moved} of {count} cells moved; by chance alone {chance} would be expected to.",
        len(cells),
    ).format(moved=moved, count=len(cells), chance=f"{len(cells) * CHANCE:.1f}")


# --- rivals and confidence ------------------------------------------------------------------------


def rivals(plan: Plan, board: Board, found: Analysis) -> list[dict[str, str]]:
    """Other readings of the same numbers, each checked or not checked."""
    rows = [_season(found), _attention(found), _break(plan, board), *_calendar(plan)]
    rows.append(
        (
            _("The date was chosen after looking"),
            plan.frozen,
            _("the plan's hash was fixed before the run")
            if plan.frozen
            else _("the plan was not frozen"),
        )
    )
    rows.append((_("Mistakes of the machine that coded the stories"), False, "–"))
    return [
        {"what": what, "checked_word": translate(words.CHECKED[checked]), "found": said}
        for what, checked, said in rows
    ]


Row = tuple[str, bool, str]


def _told(found: Mapping[str, Estimate]) -> str:
    return "; ".join(
        f"{key.removesuffix('/' + SHARE).replace('/', ' ')}: {words.times(one.ratio)} "
        f"({words.span(one.ninety.low, one.ninety.high)})"
        for key, one in found.items()
    )


def _season(found: Analysis) -> Row:
    what = _("The season: the same weeks a year earlier")
    return what, bool(found.a_year_before), _told(found.a_year_before) or _("no such weeks here")


def _attention(found: Analysis) -> Row:
    what = _("Attention: all stories of the dyad, beside the world's")
    return what, bool(found.attention), _told(found.attention) or _("too few weeks")


def _break(plan: Plan, board: Board) -> Row:
    first = max(board.starts - plan.before_weeks, 0)
    last = min(board.starts + plan.after_weeks, len(board.weeks))
    before = sum(not kept for kept in board.keep[first : board.starts])
    after = sum(not kept for kept in board.keep[board.starts : last])
    told = _("weeks without data: {before} before, {after} after").format(
        before=before, after=after
    )
    return _("A break in the data"), True, told


def _calendar(plan: Plan) -> list[Row]:
    if not plan.rivals:
        return [(_("Other events in the window"), False, _("the plan has no calendar of them"))]
    weeks = plan.weeks()
    last = weeks[-1] if weeks else plan.last
    return [
        (
            rival.what,
            True,
            _("in the window after the date")
            if rival.meets(plan.starts, last)
            else _("outside the window after the date"),
        )
        for rival in plan.rivals
    ]


def conditions(
    board: Board, span: tuple[int, int], found: Analysis, reads: Sequence[FileRead]
) -> list[words.Condition]:
    """The list that the confidence is read off; each row says its figure."""
    kept = board.keep[span[0] : span[1]]
    share = float(kept.mean()) if len(kept) else 0.0
    main = [cell for cell in found.stakeholders if cell.measure == SHARE]
    stories = min((cell.before.of + cell.after.of for cell in main), default=0)
    placebos = min((cell.placebo.n for cell in main), default=0)
    before = min((cell.before.weeks for cell in main), default=0)
    known = [cell.calibration.covered for cell in main if cell.calibration is not None]
    held = min(known, default=None)
    agree = sum((cell.level.ratio > 1) == (cell.twin.ratio > 1) for cell in main)
    sources = sorted({read.source for read in reads if read.read})
    return [
        words.Condition(
            _("At least 95 % of the weeks are covered"),
            share >= 0.95,
            f"{int(kept.sum())} / {len(kept)}",
        ),
        words.Condition(
            _("At least {count} distinct stories for each dyad").format(count=SMALL_COUNT),
            stories >= SMALL_COUNT,
            str(stories),
        ),
        words.Condition(
            _("More than one source was read"), len(sources) > 1, ", ".join(sources) or "–"
        ),
        words.Condition(
            _("At least {count} placebos for each cell").format(count=PLACEBOS_MIN),
            placebos >= PLACEBOS_MIN,
            str(placebos),
        ),
        words.Condition(
            _("At least {count} weeks before the date").format(count=LONG_BEFORE_WEEKS),
            before >= LONG_BEFORE_WEEKS,
            str(before),
        ),
        words.Condition(
            _("In every cell at least {share} of the placebo intervals hold ×1").format(
                share=words.percent(PLACEBO_HELD_MIN)
            ),
            held is not None and held >= PLACEBO_HELD_MIN if main else None,
            "–" if held is None else words.percent(held),
        ),
        words.Condition(
            _("Both models point the same way in every cell"),
            bool(main) and agree == len(main),
            f"{agree} / {len(main)}",
        ),
    ]


def condition_rows(found: Sequence[words.Condition]) -> list[dict[str, str]]:
    """The list, as rows."""
    met = {True: _("yes"), False: _("no"), None: _("not checked")}
    return [{"says": one.says, "met_word": met[one.met], "detail": one.detail} for one in found]


# --- data -----------------------------------------------------------------------------------------


def coverage_sentence(board: Board) -> str:
    """How many weeks are in which state."""
    counted = {state: board.states.count(state) for state in words.STATES}
    told = ", ".join(f"{translate(words.STATES[one])} {count}" for one, count in counted.items())
    return _(
        "Weeks by state: {told}. Nothing was filled in where data were missing or a source failed."
    ).format(told=told)


def file_rows(reads: Sequence[FileRead]) -> list[dict[str, Any]]:
    """The files held, each line of them read or rejected."""
    return [
        {
            "path": read.path,
            "source": read.source,
            "rows": read.rows,
            "read": read.read,
            "rejected": read.failed
            or ", ".join(f"{why} {count}" for why, count in sorted(read.rejected.items())),
            "sha256": read.sha256,
        }
        for read in reads[:FILES_MAX]
    ]


def likelihood_rows() -> list[dict[str, str]]:
    """The terms of likelihood with what they stand for."""
    bounds = [least for least, _term in words.LIKELIHOODS]
    tops = [99, *bounds[:-1]]
    return [
        {"term": translate(term), "span": f"{max(least, 1)}–{top} %"}
        for (least, term), top in reversed(list(zip(words.LIKELIHOODS, tops, strict=True)))
    ]


PROGRAM = f"detente {__version__}"
