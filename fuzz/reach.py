"""Which new inputs are worth keeping: those that take a way through the code no other took."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import FrameType
from typing import Any

from fuzz.contract import Target
from fuzz.seeds import ROOT

_SOURCE = str(ROOT / "src")
Step = tuple[str, int, int]  # file, from line, to line


def worth_keeping(
    target: Target, known: Iterable[bytes], new: Iterable[bytes], room: int
) -> Iterator[bytes]:
    """Of ``new``, the smallest first, what steps where neither ``known`` nor an earlier one did,
    up to ``room`` bytes in all."""
    taken: set[Step] = set()
    for data in known:
        taken |= steps(target, data)
    for data in sorted(new, key=lambda one: (len(one), one)):
        if len(data) <= room and (found := steps(target, data) - taken):
            taken |= found
            room -= len(data)
            yield data


def steps(target: Target, data: bytes) -> set[Step]:
    """Every pair of lines of ``detente`` that ran one after the other in one function."""
    found: set[Step] = set()
    last: dict[FrameType, int] = {}

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(_SOURCE):
            return None
        if event == "line":
            found.add((frame.f_code.co_filename, last.get(frame, 0), frame.f_lineno))
            last[frame] = frame.f_lineno
        elif event == "return":
            last.pop(frame, None)
        return trace

    sys.settrace(trace)
    try:
        with suppress(Exception):  # reason: a finding is told by the run itself
            target.run(data)
    finally:
        sys.settrace(None)
    return found
