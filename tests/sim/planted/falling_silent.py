"""Defects of receive-only: what is sent all the same, and what is held against who announced it."""

from __future__ import annotations

from collections.abc import Iterable

from sim.planted.plants import Plants, defect

from detente.core import protocol
from detente.core.events import Effect
from detente.core.station import Step
from detente.dossiers import emcon
from detente.dossiers.emcon import Span


@defect("an answer leaves in a silence", "EMCON: a receipt is sending", deeds=("quiet",))
def _(plants: Plants) -> None:
    def said(step: Step) -> list[Effect]:
        return step.out

    plants.everywhere(protocol._unsaid, said)


@defect(
    "a receipt is called overdue though its silence was announced",
    "EMCON: delayed receipts are no faults",
    deeds=("quiet",),
    lasting=True,
)
def _(plants: Plants) -> None:
    def at_once(_spans: Iterable[Span], start_s: int, _within_s: int) -> int:
        return start_s

    plants.everywhere(emcon.begins_s, at_once)


@defect(
    "a silence that was announced is shown as one",
    "EMCON: a state of its own",
    deeds=("quiet",),
    lasting=True,
)
def _(plants: Plants) -> None:
    def never(_spans: Iterable[Span], _now_s: int, _grace_s: int = 0) -> None:
        return None

    plants.everywhere(emcon.span_at, never)
