"""The real loop: sockets, timer, signals. Everything that decides is in the core."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from detente.bearers.tls import TlsIdentity, self_test
from detente.core.errors import DetenteError, MachineError
from detente.core.limits import WINDOW_ENTRIES_MAX
from detente.core.protocol import wake_ms
from detente.node import asked, control, web
from detente.node.commands import run_command
from detente.node.folder import Home
from detente.node.links import Links
from detente.node.logs import where
from detente.node.memory import keep_freed_memory, spare_what_stays
from detente.node.node import Node
from detente.node.opening import clock, open_node_parts
from detente.node.places import find_line
from detente.store.sealed import Opener, open_sealed

# Drafts enough for one transaction: half a window, so that the peer checks one half while we make
# the other; with a whole one, each node waited for the other (bench/, throughput).
DRAFTS_ENOUGH = WINDOW_ENTRIES_MAX // 2
# Of the event loop between two full steps: from socket to link to task, so that a confirmation
# that came meanwhile opens the window before the next step fills the outbox.
TURNS = 4
CHORES_S = 1.0  # how often the loop looks round though nothing came
PACE_MS = 5  # how often at most frames for a slow link, and what stays due, are tried again
WAIT_S = 30.0  # a command that waits for a receipt gives up after this, unless told otherwise
WAIT_S_MAX = 3600


class Loop:
    """Runs one node until it is stopped."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._tried_ms = 0  # when a step last ran what was due
        self._broken: MachineError | None = None  # what a command met; it ends the node

    async def run(self, ready: Callable[[list[str]], None]) -> None:
        """Serves until stopped. MachineError ends it at once."""
        keep_freed_memory()
        spare_what_stays()
        node, stop = self.node, asyncio.Event()
        node.stopping = stop.set
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._surprised)
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, stop.set)
        links = Links(node, identities(node.home), node.station.party)
        links.silent = node.emcon.silent()  # before anything listens or calls
        server, work = None, set()
        try:
            addresses = [await links.listen(a, node.pin) for a in node.home.config.listen]
            if node.home.config.websocket.listen:
                given = node.home.config.websocket.listen
                addresses.append(await links.listen_websocket(given, lambda: web.shared(node)))
            server = await control.serve(node.home.path, self._answer, self._follow)
            node.go_online(links)
            stepping = asyncio.ensure_future(self._step_forever(links))
            work = {stepping, asyncio.ensure_future(stop.wait())}
            ready(addresses)
            await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            if stepping.done():
                await stepping
            if self._broken is not None:
                raise self._broken
        finally:
            if server is not None:
                server.close()
                (node.home.path / control.SOCKET_FILE).unlink(missing_ok=True)
            node.ended.set()
            for task in work:
                task.cancel()
            await links.close()
            node.links = None

    async def _step_forever(self, links: Links) -> None:
        """Whatever came while the last commit ran is one group."""
        node, loop = self.node, asyncio.get_running_loop()
        chores_s = loop.time()  # whoever waited for the start is answered before the first round
        while True:
            await self._wait(links)
            groups = node.waiting(DRAFTS_ENOUGH)
            inputs = [given for group, _ in groups for given in group]
            now_ms = clock(node.home).steady_ms
            if inputs or self._due(now_ms):
                self._tried_ms = now_ms
                node.chores.follow(node.give(inputs).entries)
            for _, future in groups:
                if not future.done():
                    future.set_result(None)
            links.pace()
            if loop.time() - chores_s > CHORES_S:
                chores_s = loop.time()
                links.drop_silent(chores_s)
                node.chores.run()
            for _ in range(TURNS if len(inputs) >= DRAFTS_ENOUGH else 1):
                await asyncio.sleep(0)

    def _due(self, now_ms: int) -> bool:
        due = wake_ms(self.node.station)
        return due is not None and due <= now_ms and now_ms >= self._tried_ms + PACE_MS

    async def _wait(self, links: Links) -> None:
        """Until something comes or is due; what a step left due waits PACE_MS at the least."""
        due, wait_s = wake_ms(self.node.station), CHORES_S
        if due is not None:
            at_ms = max(due, self._tried_ms + PACE_MS)
            wait_s = min(wait_s, max(0.0, (at_ms - clock(self.node.home).steady_ms) / 1000))
        if links.pace():
            wait_s = min(wait_s, PACE_MS / 1000)
        await self.node.more(wait_s)

    async def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """One request of the control socket."""
        node = self.node
        try:
            result = run_command(node, request)
            if isinstance(result, asked.Apart):
                result = result.after(await asyncio.to_thread(result.work))
            if callable(result):
                wait_s = asked.whole(request, "timeout_s", int(WAIT_S), most=WAIT_S_MAX)
                result = await self._until_done(result, wait_s)
        except MachineError as error:
            self._broken = error
            node.stopping()
            return control.answer_of(error)
        except DetenteError as error:
            return control.answer_of(error)
        return {"ok": True, "result": result}

    def _surprised(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A mistake in a task of its own, such as one command's, is named and ends nothing else."""
        error = context.get("exception")
        if isinstance(error, asyncio.CancelledError):
            return  # a caller of the socket whom the end cut off: Python 3.11 reports that as well
        found = str(context.get("message", "")) if error is None else where(error)
        self.node.log.write("bug", detail=found)

    async def _until_done(self, look: Callable[[], dict[str, Any]], wait_s: float) -> Any:
        loop = asyncio.get_running_loop()
        until_s = loop.time() + wait_s
        while True:
            answer, left_s = look(), until_s - loop.time()
            if answer.get("done", True) or left_s <= 0:
                return answer
            await self.node.stepped(left_s)

    def _follow(self, request: dict[str, Any], tell: control.Tell) -> Callable[[], None]:
        """Tells a follower of one line or of all; gives what ends it."""
        node = self.node
        only = find_line(node.station, request["line"]).id.hex() if request.get("line") else ""

        def hear(answer: dict[str, Any]) -> None:
            if answer["result"]["line"] in ("", only) or not only:
                tell(answer)

        node.followers.append(hear)
        return lambda: node.followers.remove(hear)


def identities(home: Home) -> list[TlsIdentity]:
    """The TLS key on our card, then the one before it while a peer may still expect that."""
    keys = [home.keys.tls] if home.old_tls is None else [home.keys.tls, home.old_tls]
    return [TlsIdentity(key) for key in keys]


def open_node(home: Path, passphrases: Sequence[str], opener: Opener = open_sealed) -> Node:
    """A node without a network, for one command. LocalError IN_USE if one runs here."""
    return Node(open_node_parts(home, passphrases, opener))


def run(
    home: Path,
    passphrases: Sequence[str],
    *,
    opener: Opener = open_sealed,
    ready: Callable[[list[str]], None] = lambda _: None,
) -> None:
    """The daemon. Returns after a stop; raises LocalError at the start, MachineError at an end.

    ``opener`` may have begun to open the keys already (``store.sealed.open_ahead``).
    """
    self_test()
    node = open_node(home, passphrases, opener)
    try:
        asyncio.run(Loop(node).run(ready))
    except MachineError as error:
        node.log.write("machine", refusal=error.refusal.word, detail=error.detail)
        raise
    finally:
        node.close()
        sys.stderr.flush()
