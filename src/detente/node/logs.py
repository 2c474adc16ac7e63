"""The node's own log: one JSON object a line, by allow-list, so that no content can slip in."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
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
QUIET = frozenset({"presence", "received", "receipt", "cosigned"})  # only at debug


class NodeLog:
    """Writes events to a stream; ``wall_s`` gives UTC seconds."""

    def __init__(
        self, wall_s: Callable[[], int], *, debug: bool = False, stream: TextIO | None = None
    ) -> None:
        self._wall_s = wall_s
        self._debug = debug
        self._stream = stream or sys.stderr

    def write(self, word: str, **facts: object) -> None:
        """One event, with the facts that the allow-list lets through."""
        if word in QUIET and not self._debug:
            return
        shown = {
            name: value.hex()[:16] if isinstance(value, bytes) else value
            for name, value in facts.items()
            if name in ALLOWED and value not in ("", b"", None)
        }
        record = {"at_s": self._wall_s(), "event": word, **shown}
        self._stream.write(json.dumps(record, ensure_ascii=False, default=str) + "\n")
        self._stream.flush()
