"""Defects of coming and going: what who joined or left gets, and should not."""

from __future__ import annotations

from sim.planted.plants import Plants, defect

from detente.core import amending
from detente.core.charter import Charter
from detente.core.leaf import CONTENT, Leaf
from detente.core.line import Line
from detente.core.station import Step


@defect("who joins is sent what was said before", "promise 4: nobody outside", deeds=("join",))
def _(plants: Plants) -> None:
    real = vars(Line)["entitled"]

    def entitled(line: Line, leaf: Leaf, author: int, member: int) -> bool:
        if line.founding.member(member) is None:
            return leaf.kind not in CONTENT or line.reads(member)
        return bool(real(line, leaf, author, member))

    plants.put(Line, "entitled", entitled)


@defect("who has left goes on being told", "promise 4: nobody outside", deeds=("leave",))
def _(plants: Plants) -> None:
    def take_over(step: Step, line: Line, charter: Charter) -> None:
        line.charter = charter
        line.left = charter.member(line.me) is None
        line.greet_due = True
        step.tell("charter", line, number=charter.number)

    plants.everywhere(amending.take_over, take_over)
