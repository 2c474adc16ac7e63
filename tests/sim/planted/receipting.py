"""Defects of receipting: what is signed as held is not held, or not then."""

from __future__ import annotations

from typing import Any

from sim.planted.plants import Plants, defect

from detente.core import holding, protocol, speaking
from detente.core.events import SignedHead
from detente.core.frames import Presence
from detente.core.line import Line
from detente.core.link import Session
from detente.core.log import Log
from detente.core.station import Step
from detente.store.sealing import Sealed, Sealer


@defect(
    "a receipt is signed while bodies are missing",
    "T: receipt shown with attachment missing; F12",
    needs=("no-body", "keeps-bodies"),
)
def _(plants: Plants) -> None:
    def most(log: Log) -> int:
        found = log.size
        if log.disputed_from >= 0:
            found = min(found, log.disputed_from)
        return min(found, log.frozen) if log.frozen >= 0 else found

    plants.put(Log, "coverable_max", most)


@defect("what is only announced is stated as seen", "F4, F12: `seen` of what is held")
def _(plants: Plants) -> None:
    real = holding.coverable

    def coverable(line: Line, log: Log) -> SignedHead | None:
        head = real(line, log)
        for session in line.sessions.values():
            stated = session.heads.get(log.id)
            if stated is not None and (head is None or stated.head.size > head.size):
                head = SignedHead(stated.head.size, stated.head.root, stated.signature)
        return head

    plants.put(speaking, "coverable", coverable)


@defect("the clock of a peer is trusted", "trust a peer's clock; F13")
def _(plants: Plants) -> None:
    real, ahead = protocol.on_frame, {}

    def on_frame(step: Step, line: Line, session: Session, frame: Any) -> None:
        if isinstance(frame, Presence):
            ahead[id(step.station)] = frame.sent_s - step.now.wall_s
        real(step, line, session, frame)

    real_handle = protocol.handle

    def handle(station: Any, given: Any, now: Any, entropy: Any) -> Any:
        off_s = ahead.get(id(station), 0)
        return real_handle(station, given, now._replace(wall_s=now.wall_s + off_s), entropy)

    plants.everywhere(real, on_frame)
    plants.everywhere(real_handle, handle)


@defect("held_at is the author's time", "F1, F13: the clock as read")
def _(plants: Plants) -> None:
    def note_held(step: Step, line: Line, log: Log, before: int) -> None:
        del step
        if holding.coverable_size(line, log) > before and log.last is not None:
            log.held_at_s = log.last.time_s

    plants.everywhere(holding.note_held, note_held)


@defect(
    "the time of a cosignature only rises", "F13: never forced monotonic", deeds=("clock-step",)
)
def _(plants: Plants) -> None:
    real, most = holding.note_held, {}

    def note_held(step: Step, line: Line, log: Log, before: int) -> None:
        real(step, line, log, before)
        key = id(step.station), log.id.member
        log.held_at_s = most[key] = max(log.held_at_s, most.get(key, 0))

    plants.everywhere(real, note_held)


@defect("bodies lie in clear", "promise 4: sealed at rest", lasting=True)
def _(plants: Plants) -> None:
    plants.put(
        Sealer, "seal", lambda _, items: [Sealed(place[:1], plain) for place, plain in items]
    )
    plants.put(Sealer, "open", lambda _, __, ___, box: box)
