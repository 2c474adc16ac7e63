"""What a report is made of, fetched: counts and coverage from a lake, a line's transcript."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detente.core.errors import LocalError, MachineError, Refusal
from detente.trends.board import Board, board_of, question_of
from detente.trends.counts import engine, weekly_counts
from detente.trends.coverage import coverage
from detente.trends.lake import FileRead, Lake
from detente.trends.ledger import Entry
from detente.trends.licences import attribution
from detente.trends.line_record import Record, read_record
from detente.trends.plan import Dyad, Plan
from detente.trends.report import Given
from detente.words import _

CHUNK_BYTES = 1_048_576


def given(
    plan: Plan,
    lake: Lake,
    also: tuple[Dyad, ...] = (),
    line: Path | None = None,
    held: tuple[Entry, ...] = (),
) -> Given:
    """Everything that ``report.make`` needs. Raises what the lake, the plan's window and the
    transcript raise: LocalError NOT_FOUND for an empty window, PeerError for no transcript."""
    question = question_of(plan, also)
    reads = lake.files()
    return Given(
        plan=plan,
        counts=weekly_counts(lake, question),
        covered=coverage(lake, question),
        reads=reads,
        engine=engine(question),
        attributions={one.source: _attribution(one.source, reads) for one in reads if one.read},
        also=also,
        record=None if line is None else record_of(line),
        record_name="" if line is None else line.name,
        ledger=held,
    )


def _attribution(source: str, reads: Sequence[FileRead]) -> str:
    """What a source asks to be said, and when its files were had, where somebody said so."""
    ours = [read for read in reads if read.source == source and read.read]
    days = sorted({read.accessed.isoformat() for read in ours if read.accessed is not None})
    texts = list(dict.fromkeys(attribution(read.licence) for read in ours))
    had = (
        _("Had on {days}.").format(days=", ".join(days)) if days else _("Day of access not given.")
    )
    return " ".join([*texts, had])


def board_for(plan: Plan, lake: Lake) -> Board:
    """The counts of a plan, as series."""
    question = question_of(plan)
    return board_of(plan, question, weekly_counts(lake, question), coverage(lake, question))


Row = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]


def placebo_series(plan: Plan, board: Board) -> Mapping[str, Row]:
    """Counts, exposures and weeks kept of every outcome and dyad before the date looked at, and of
    the dyads compared: series in which nothing is known to have happened."""
    until = board.starts - plan.transition_weeks
    found = {}
    for dyad in (*plan.dyads, *plan.comparison):
        for outcome in plan.outcomes:
            series = board.share(dyad, outcome).cut(0, until)
            found[f"{'-'.join(dyad)}/{outcome}"] = (series.y, series.exposure, series.keep)
    return found


def record_of(path: Path) -> Record:
    """The record of a transcript in a file. LocalError NOT_FOUND without it."""

    def chunks() -> Iterator[bytes]:
        try:
            with path.open("rb") as source:
                while chunk := source.read(CHUNK_BYTES):
                    yield chunk
        except FileNotFoundError as exc:
            raise LocalError(Refusal.NOT_FOUND, f"{path}: {exc.strerror}") from exc
        except OSError as exc:
            raise MachineError(Refusal.DISK, f"{path}: {exc.strerror}") from exc

    return read_record(chunks())
