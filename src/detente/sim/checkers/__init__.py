"""One checker per promise (design, promises 1 to 8), each in a file of its own.

A checker reads only what the nodes stored and showed, and what was submitted to them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from detente.sim.checkers import attacks, innocent, nothing_lost, one_transcript, rest

if TYPE_CHECKING:
    from detente.sim.run import Simulation

Check = Callable[["Simulation"], None]
AT_END: tuple[Check, ...] = (
    rest.check,
    one_transcript.check,
    nothing_lost.check,
    innocent.check,
    attacks.check,
)


def check(simulation: Simulation) -> None:
    """Every checker, at the end of a simulation."""
    for one in AT_END:
        one(simulation)
