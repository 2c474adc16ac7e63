"""Defects of deciding: what is sealed where it is not, or is not where it is (F9)."""

from __future__ import annotations

from typing import Any

from sim.planted.plants import Plants, defect

from detente.core import contested, decisions
from detente.core.decisions import State, _Case
from detente.core.leaf import OVERTAKING, Kind

SEALERS = ("two-seals", "unseal", "late-assent", "stale-seal", "late-withdrawal")


@defect("a seal is final before it is held by all", "F9 (4)", needs=SEALERS, lasting=True)
def _(plants: Plants) -> None:
    plants.put(_Case, "_not_holding", lambda *_: ())


@defect(
    "a later seal takes the place of the first", "T: two seals", needs=("two-seals",), lasting=True
)
def _(plants: Plants) -> None:
    def last_seal(case: Any) -> Any:
        seals = case._naming(Kind.SEAL, case.offer.hash)
        return next((s for s in reversed(seals) if s[0].log.member == case.terms.sealer), None)

    plants.put(_Case, "first_seal", last_seal)


@defect(
    "a withdrawn offer is sealed all the same",
    "T: assent after unreceipted withdrawal; F9 (3)",
    needs=("stale-seal", "late-assent"),
    lasting=True,
)
def _(plants: Plants) -> None:
    plants.put(_Case, "_withdrawals_of", lambda *_: [])


@defect(
    "a withdrawal after the seal undoes it",
    "F9 (3), (4)",
    needs=("late-withdrawal",),
    lasting=True,
)
def _(plants: Plants) -> None:
    real = _Case.sealed

    def sealed(case: Any, seal: Any, leaf: Any) -> Any:
        if case._withdrawals_of(case.offer):
            return case._standing(State.WITHDRAWN, "withdrawn by its author", seal=seal)
        return real(case, seal, leaf)

    plants.put(_Case, "sealed", sealed)


@defect(
    "a late fork undoes a seal",
    "T: seal un-sealed by late fork",
    needs=("unseal",),
    lasting=True,
)
def _(plants: Plants) -> None:
    plants.everywhere(contested.stands, lambda _, place, frozen: place.log not in frozen)


@defect(
    "a seal rests on an older seen than its author's",
    "T: `seen` older than own cosignature accepted; F9 (3)",
    needs=("stale-seal",),
    lasting=True,
)
def _(plants: Plants) -> None:
    real = decisions.causal_past

    def last_said(transcript: Any, place: Any, *ends: Any) -> Any:
        leaf = transcript.entry(*place).leaf
        past = real(transcript, place, *ends)
        for seen in () if leaf is None else leaf.seen:
            past[seen.log] = seen.size
        return past

    plants.everywhere(real, last_said)


@defect("an assent may overtake", "T: FLASH assent overtakes", needs=("assent-ahead",))
def _(plants: Plants) -> None:
    plants.everywhere(OVERTAKING, OVERTAKING | {Kind.ASSENT, Kind.SEAL})
