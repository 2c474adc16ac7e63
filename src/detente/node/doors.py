"""Where a node takes calls; no door is open while nothing may be sent by its bearer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from detente.bearers.contract import Listener
from detente.core.errors import LocalError

AGAIN_S = 3.0  # until a door that could not be opened again is tried once more


@dataclass(slots=True)
class Door:
    """One address at which calls are taken; without a listener it is closed."""

    bearer: str
    address: str
    take_calls: Callable[[str], Coroutine[Any, Any, Listener]]
    listener: Listener | None = None


class Doors:
    """All doors of one node. ``refused`` is told why one could not be opened again."""

    def __init__(self, refused: Callable[[LocalError], None]) -> None:
        self._refused = refused
        self._doors: list[Door] = []
        self._silent: frozenset[str] = frozenset()

    async def open(self, door: Door) -> str:
        """Where it listens, or will once anything may be sent there."""
        if door.bearer not in self._silent:
            door.listener = await door.take_calls(door.address)
            door.address = door.listener.address
        self._doors.append(door)
        return door.address

    def be_silent(self, bearers: frozenset[str]) -> list[Coroutine[Any, Any, None]]:
        """Closes the doors of these kinds of bearer; gives the work of opening the others again."""
        self._silent = bearers
        for door in self._doors:
            if door.bearer in bearers:
                self._close(door)
        shut = (door for door in self._doors if door.bearer not in bearers)
        return [self._reopen(door) for door in shut if door.listener is None]

    def close(self) -> None:
        """No more calls."""
        for door in self._doors:
            self._close(door)

    @staticmethod
    def _close(door: Door) -> None:
        if door.listener is not None:
            door.listener.close()
            door.listener = None

    async def _reopen(self, door: Door) -> None:
        while door.bearer not in self._silent and door.listener is None:
            try:
                door.listener = await door.take_calls(door.address)
            except LocalError as error:
                self._refused(error)
                await asyncio.sleep(AGAIN_S)
