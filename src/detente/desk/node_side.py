"""The desk's way to its node: the control socket, asked from the desk's loop.

Many desks look at the same page: one question is asked once, and its answer serves everybody until
the node tells of something new, or a second has passed.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from detente.core.errors import LocalError, Refusal
from detente.node import control

FRESH_S = 1.0  # how long an answer serves: deadlines pass without an event
PATIENCE_S = 30.0
AGAIN_S = 1.0  # between two looks for a node that is not there


class NodeSide:
    """Asks the node of one home, and hears what it tells."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.changes = 0  # counts what the node told; pages made before it are old
        self.alive = False
        self._kept: dict[str, tuple[int, float, asyncio.Task[Any]]] = {}
        self._heard: list[Callable[[dict[str, Any]], None]] = []
        self._stopping = threading.Event()

    async def ask(self, do: str, **arguments: Any) -> Any:
        """Has the node run one command. LocalError UNREACHABLE where none runs, or its refusal."""
        request = {"do": do, **{name: it for name, it in arguments.items() if it is not None}}
        patience_s = float(arguments.get("timeout_s", PATIENCE_S)) + PATIENCE_S
        return await asyncio.to_thread(control.call, self.home, request, patience_s)

    async def look(self, do: str, **arguments: Any) -> Any:
        """A question that changes nothing: asked once for everybody who wants the same now."""
        name = json.dumps([do, arguments], sort_keys=True)
        kept = self._kept.get(name)
        now_s = time.monotonic()
        if kept is None or kept[0] != self.changes or now_s - kept[1] > FRESH_S or _failed(kept[2]):
            self._forget(now_s)
            kept = (self.changes, now_s, asyncio.ensure_future(self.ask(do, **arguments)))
            self._kept[name] = kept
        return await asyncio.shield(kept[2])

    def _forget(self, now_s: float) -> None:
        for name in [n for n, kept in self._kept.items() if now_s - kept[1] > FRESH_S]:
            del self._kept[name]

    # --- what the node tells ---

    def on_event(self, hear: Callable[[dict[str, Any]], None]) -> None:
        """``hear`` is called on the desk's loop with each event of the node."""
        self._heard.append(hear)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Listens from now on, in a thread that ends with the process."""
        threading.Thread(target=self._listen, args=(loop,), name="follow", daemon=True).start()

    def stop(self) -> None:
        """No event is passed on from now on."""
        self._stopping.set()

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stopping.is_set():
            try:
                control.call(self.home, {"do": "lines"}, PATIENCE_S)  # it answers: tell so
                loop.call_soon_threadsafe(self._tell, {"event": "node-back", "line": ""})
                for event in control.follow(self.home, {"do": "follow"}):
                    if self._stopping.is_set():
                        return
                    loop.call_soon_threadsafe(self._tell, event)
            except LocalError as error:
                gone = {"event": "node-gone", "line": "", "detail": error.detail}
                loop.call_soon_threadsafe(self._tell, gone)
            except RuntimeError:  # the loop has ended, and the desk with it
                return
            self._stopping.wait(AGAIN_S)

    def _tell(self, event: dict[str, Any]) -> None:
        self.changes += 1
        was, self.alive = self.alive, event.get("event") != "node-gone"
        if event.get("event") == "node-gone" and not was:
            return  # still gone: nothing new to show
        for hear in list(self._heard):
            hear(event)


def _failed(task: asyncio.Task[Any]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def gone(error: LocalError) -> bool:
    """Whether the node is not there at all, rather than refusing something."""
    return error.refusal is Refusal.UNREACHABLE
