"""Defects of attachments: stated before they are stored, or taken without end."""

from __future__ import annotations

from sim.planted.plants import Plants, defect

from detente.core import fetching
from detente.core.events import Effect, StoreChunks
from detente.core.line import Arriving


@defect(
    "attachments are stated with the first chunk",
    "T: receipt shown with attachment missing",
    deeds=("attach",),
)
def _(plants: Plants) -> None:
    plants.put(Arriving, "is_whole", property(lambda self: any(one.held for one in self.parts)))


@defect(
    "chunks are stated and not stored",
    "T: receipt shown with attachment missing; persist, then speak",
    deeds=("attach",),
)
def _(plants: Plants) -> None:
    def change(effect: Effect) -> Effect | None:
        return None if isinstance(effect, StoreChunks) else effect

    plants.stored(change)


@defect(
    "the grant of attachments is not kept",
    "F20: quotas per peer",
    needs=("hoard",),
)
def _(plants: Plants) -> None:
    plants.everywhere(fetching.charge, lambda *_: True)
