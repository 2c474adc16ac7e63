"""The node's own log: one JSON object a line, by allow-list, so that no content can slip in."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

# Facts that may appear. Everything else is left out, not masked.
ALLOWED = frozenset(
    {
        "address",
        "bearer",
        "detail",
        "fault",
        "index",
        "k",
        "kind",
        "left_out",
        "line",
        "link",
        "log",
        "member",
        "mute",
        "party",
        "reason",
        "refusal",
        "seconds",
        "size",
        "version",
        "which",
    }
)
# only at debug
QUIET = frozenset(
    {"presence", "received", "receipt", "receipt-ahead", "cosigned", "witnessed", "attached"}
)
DETAIL_CHARS_MAX = 200  # words of our own; a peer's never stand in one
PER_MINUTE_MAX = 120  # of one word: a peer must not fill our disk by being refused


class NodeLog:
    """Writes events to a stream; ``wall_s`` gives UTC seconds."""

    def __init__(
        self, wall_s: Callable[[], int], *, debug: bool = False, stream: TextIO | None = None
    ) -> None:
        self._wall_s = wall_s
        self._debug = debug
        self._stream = stream or sys.stderr
        self._minute = 0
        self._counts: dict[str, int] = {}

    def write(self, word: str, **facts: object) -> None:
        """One event, with the facts that the allow-list lets through.

        Of one word PER_MINUTE_MAX are written in a minute, and then how many were left out.
        """
        if word in QUIET and not self._debug:
            return
        now_s = self._wall_s()
        if now_s // 60 != self._minute:
            self._minute, counts, self._counts = now_s // 60, self._counts, {}
            for old, count in counts.items():
                if count > PER_MINUTE_MAX:
                    self._line(now_s, old, {"left_out": count - PER_MINUTE_MAX})
        self._counts[word] = count = self._counts.get(word, 0) + 1
        if self._debug or count <= PER_MINUTE_MAX:
            self._line(now_s, word, facts)

    def _line(self, now_s: int, word: str, facts: dict[str, object]) -> None:
        shown = {
            name: _short(value)
            for name, value in facts.items()
            if name in ALLOWED and value not in ("", b"", None)
        }
        record = {"at_s": now_s, "event": word, **shown}
        self._stream.write(json.dumps(record, ensure_ascii=False, default=str) + "\n")
        self._stream.flush()


def _short(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()[:16]
    return value[:DETAIL_CHARS_MAX] if isinstance(value, str) else value


def where(error: BaseException) -> str:
    """The kind of an error and the line it came from: never its words, which may quote content."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    if at is None:
        return type(error).__name__
    return f"{type(error).__name__} at {Path(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}"
