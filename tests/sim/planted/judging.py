"""Defects of judging: forks that stay unproven, proofs that are none, keys that are nobody's."""

from __future__ import annotations

from typing import Any

from sim.planted.plants import Plants, defect

from detente.core import accusing, disputes, freezing, holding, notes, quotas, receiving
from detente.core.events import StoreState
from detente.core.leaf import Seen
from detente.core.line import Line
from detente.core.log import Log
from detente.core.station import Step

FORKS = ("equivocate", "forked-heads", "fork-ahead", "many-forks", "split-view")


class _Equal:
    """Equal to anything: what a check that was left out compares with."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False


@defect(
    "a head is taken without its signature",
    "F2: the author's signature is required",
    needs=("forge", "split-view"),
)
def _(plants: Plants) -> None:
    plants.put(Log, "verifies", lambda *_: True)


@defect(
    "a body is taken without its commitment",
    "F15: open, commit, leaf, signature",
    needs=("split-body", "wrong-salt", "flip"),
)
def _(plants: Plants) -> None:
    plants.put(receiving, "commit", lambda *_: _Equal())


@defect(
    "a cosignature is taken without its signature",
    "F2: forged receipts",
    needs=("forge", "false-quote"),
)
def _(plants: Plants) -> None:
    plants.everywhere(notes.verify_cosignature_ed25519, lambda *_: True)


@defect("the consistency check is skipped", "skip the consistency check; F3", needs=FORKS)
def _(plants: Plants) -> None:
    plants.everywhere(disputes.suspect, lambda *_: True)
    plants.everywhere(accusing.prove_leaves, lambda *_: None)


@defect("a head that differs is not looked into", "F3: equivocation", needs=FORKS)
def _(plants: Plants) -> None:
    plants.everywhere(disputes.suspect, lambda *_: True)


@defect("another leaf at one index proves nothing", "F3 (a)", needs=("equivocate", "many-forks"))
def _(plants: Plants) -> None:
    plants.everywhere(accusing.prove_leaves, lambda *_: None)


@defect("heads of unequal sizes prove nothing", "T: fork at unequal sizes unproven", needs=FORKS)
def _(plants: Plants) -> None:
    plants.everywhere(accusing.prove_roots, lambda *_: None)
    plants.everywhere(accusing.prove_roots_apart, lambda *_: None)


@defect("what overtook is not held against what came", "F7", needs=("fork-ahead",))
def _(plants: Plants) -> None:
    plants.everywhere(accusing.prove_ahead, lambda *_: None)


@defect("a forked log is not frozen", "F10: frozen at the largest agreed prefix", needs=FORKS)
def _(plants: Plants) -> None:
    def freeze(step: Step, line: Line, log: Log, index: int) -> None:
        line.accused[log.id] = index
        step.out.append(StoreState(line.id, log.id, log.encode()))

    plants.everywhere(freezing.freeze, freeze)


@defect(
    "a proof higher up hides a lower fork",
    "F10; spec/log.md §9: the lowest",
    needs=("many-forks",),
)
def _(plants: Plants) -> None:
    plants.everywhere(freezing.settled, lambda line, log, _: log in line.accused)


@defect(
    "an accusation is believed unproven",
    "F3: only a proof is proven; never an innocent",
    needs=("false-accusation",),
)
def _(plants: Plants) -> None:
    plants.everywhere(freezing.unproven, lambda *_: "")


@defect(
    "a seen that contradicts is covered all the same",
    "F9 (5): not covered until the proof is entered",
    needs=(*FORKS, "invented-seen"),
    members=3,
)
def _(plants: Plants) -> None:
    def contradicts(line: Line, seen: Seen, read: Any = None) -> bool:
        del line, seen, read
        return False

    plants.everywhere(freezing.contradicts, contradicts)


@defect(
    "a seen that contradicts stops its sender for ever",
    "F4: never an innocent; F9 (5)",
    needs=FORKS,
    members=3,
)
def _(plants: Plants) -> None:
    plants.everywhere(freezing._still_disputed, lambda _, __, log: log.disputed_from)


@defect("quotas are not counted", "F20: charter quotas per author", needs=("flood",))
def _(plants: Plants) -> None:
    plants.everywhere(quotas.charge, lambda *_: None)


@defect(
    "a purge is not remembered for what comes later",
    "F23: purged stays purged",
    needs=("resurrect",),
)
def _(plants: Plants) -> None:
    plants.everywhere(holding.comes_purged, lambda *_: False)


@defect("a purge destroys nothing at the others", "F23: purged stays purged", deeds=("purge",))
def _(plants: Plants) -> None:
    real = holding.purge

    def purge(step: Step, line: Line, member: int, refs: Any) -> None:
        if member == line.me:
            real(step, line, member, refs)

    plants.everywhere(real, purge)
