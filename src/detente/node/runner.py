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
from detente.core.protocol import wake_ms
from detente.node import control
from detente.node.commands import run_command
from detente.node.links import Links
from detente.node.node import Node
from detente.node.opening import clock, open_node_parts

INPUTS_MAX = 2048  # taken into one transaction
POLL_S = 0.02  # how often a command that waits for a receipt looks
CHORES_S = 1.0


class Loop:
    """Runs one node until it is stopped."""

    def __init__(self, node: Node) -> None:
        self.node = node

    async def run(self, ready: Callable[[list[str]], None]) -> None:
        """Serves until stopped. MachineError ends it at once."""
        node, stop = self.node, asyncio.Event()
        node.stopping = stop.set
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, stop.set)
        links = Links(node, TlsIdentity(node.home.keys.tls), node.station.party, node.log)
        node.links = links
        addresses = [await links.listen(a, node.pin) for a in node.home.config.listen]
        server = await control.serve(node.home.path, self._answer, self._follow)
        node.call_everyone()
        stepping = asyncio.ensure_future(self._step_forever(links))
        stopped = asyncio.ensure_future(stop.wait())
        ready(addresses)
        try:
            await asyncio.wait({stepping, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if stepping.done():
                await stepping
        finally:
            server.close()
            stepping.cancel()
            stopped.cancel()
            await links.close()
            node.links = None
            (node.home.path / control.SOCKET_FILE).unlink(missing_ok=True)

    async def _step_forever(self, links: Links) -> None:
        """Whatever came while the last commit ran is one group."""
        node, chores_s = self.node, 0.0
        loop = asyncio.get_running_loop()
        while True:
            await self._wait(links)
            groups = node.waiting(INPUTS_MAX)
            inputs = [given for group, _ in groups for given in group]
            if inputs or self._due():
                node.give(inputs)
            for _, future in groups:
                if not future.done():
                    future.set_result(None)
            links.pace()
            if loop.time() - chores_s > CHORES_S:
                chores_s = loop.time()
                links.drop_silent(chores_s)
                node.test_if_due()
            await asyncio.sleep(0)

    def _due(self) -> bool:
        due = wake_ms(self.node.station)
        return due is not None and due <= clock(self.node.home).steady_ms

    async def _wait(self, links: Links) -> None:
        due = wake_ms(self.node.station)
        wait_s = CHORES_S
        if due is not None:
            wait_s = min(wait_s, max(0.0, (due - clock(self.node.home).steady_ms) / 1000))
        if links.pace():
            wait_s = min(wait_s, 0.005)
        await self.node.more(wait_s)

    async def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """One request of the control socket."""
        node = self.node
        try:
            result = run_command(node, request)
            if callable(result):
                result = await self._poll(result, float(request.get("timeout_s") or 30))
        except MachineError as error:
            node.log.write("machine", refusal=error.refusal.word, detail=error.detail)
            node.stopping()
            return control.answer_of(error)
        except DetenteError as error:
            return control.answer_of(error)
        return {"ok": True, "result": result}

    async def _poll(self, result: Callable[[], Any], timeout_s: float) -> Any:
        loop = asyncio.get_running_loop()
        until_s = loop.time() + timeout_s
        while True:
            answer = result()
            if answer.get("done", True) or loop.time() >= until_s:
                return answer
            await asyncio.sleep(POLL_S)

    def _follow(
        self, _request: dict[str, Any], tell: Callable[[dict[str, Any]], None]
    ) -> Callable[[], None]:
        self.node.followers.append(tell)
        return lambda: self.node.followers.remove(tell)


def open_node(home: Path, passphrases: Sequence[str]) -> Node:
    """A node without a network, for one command. LocalError IN_USE if one runs here."""
    return Node(open_node_parts(home, passphrases))


def run(
    home: Path, passphrases: Sequence[str], *, ready: Callable[[list[str]], None] = lambda _: None
) -> None:
    """The daemon. Returns after a stop; raises LocalError at the start, MachineError at an end."""
    self_test()
    node = open_node(home, passphrases)
    try:
        asyncio.run(Loop(node).run(ready))
    except MachineError as error:
        node.log.write("machine", refusal=error.refusal.word, detail=error.detail)
        raise
    finally:
        node.close()
        sys.stderr.flush()
