"""Hears what a node tells after its commits, and when: the far end of every stop-watch."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from bench.ground import PATIENCE_S

from detente.node.node import Node


class Ear:
    """Keeps the last size and the moment of each word that the node tells."""

    def __init__(self, node: Node) -> None:
        self.sizes: dict[str, int] = {}
        self.at_s: dict[str, float] = {}
        self._news = asyncio.Event()
        node.followers.append(self._hear)

    def _hear(self, answer: dict[str, Any]) -> None:
        now_s = time.perf_counter()
        event = answer["result"]
        word = str(event["event"])
        if word in {"over-quota", "refused", "refused-by-peer"}:
            raise RuntimeError(f"the nodes refuse one another: {event}")
        self.sizes[word] = int(event.get("size", 0))
        self.at_s[word] = now_s
        self._news.set()

    async def until(self, word: str, size: int = 0, patience_s: float = PATIENCE_S) -> float:
        """The moment at which a word with at least this size was told.

        TimeoutError when none came for ``patience_s``.
        """
        while self.sizes.get(word, -1) < size:
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), patience_s)
        return self.at_s[word]

    async def another(self, word: str) -> None:
        """Waits until the word is told once more."""
        last_s = self.at_s.get(word)
        while self.at_s.get(word) == last_s:
            self._news.clear()
            await self._news.wait()

    def forget(self, word: str) -> None:
        """As if the word had never been told."""
        self.sizes.pop(word, None)
        self.at_s.pop(word, None)
