"""Server-sent events: every open page is told that something changed, and fetches itself anew.

No content travels in an event: what a page may show is decided where pages are made.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

from detente.core.errors import MachineError

BEAT_S = 15.0  # a comment that keeps proxies and the browser's patience
SETTLE_S = 0.01  # what comes together, such as a receipt and what brought it, is one change
WATCHERS_MAX = 500


class Live:
    """Everybody who has a page open."""

    def __init__(self) -> None:
        self._bells: set[asyncio.Event] = set()

    def ring(self, _event: dict[str, Any] | None = None) -> None:
        """Something changed."""
        for bell in self._bells:
            bell.set()

    @property
    def watchers(self) -> int:
        """How many pages are open."""
        return len(self._bells)

    async def stream(self, beat: Callable[[], None]) -> AsyncIterator[bytes]:
        """One page's events, until it closes. Rings that come together are one; ``beat`` is called
        every BEAT_S in which nothing rang."""
        if len(self._bells) >= WATCHERS_MAX:
            yield b"event: full\ndata:\n\n"
            return
        bell = asyncio.Event()
        self._bells.add(bell)
        try:
            yield b"retry: 1000\nevent: hello\ndata:\n\n"
            while True:
                try:
                    await asyncio.wait_for(bell.wait(), BEAT_S)
                except TimeoutError:
                    with suppress(MachineError):  # a full disk has an alarm of its own
                        beat()
                    yield b"event: beat\ndata:\n\n"
                    continue
                await asyncio.sleep(SETTLE_S)
                bell.clear()
                yield b"event: change\ndata:\n\n"
        finally:
            self._bells.discard(bell)
