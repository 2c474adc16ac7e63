"""Two parties on one machine: homes, a line that both accepted, and a peer process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.children import child

from detente.core.line import Line
from detente.node.home import create_home
from detente.node.logs import NodeLog
from detente.node.node import Node
from detente.node.runner import Loop, open_node
from detente.store.sealed import Cost

PASSPHRASE = "correct horse battery staple"  # noqa: S105  # of homes that live for minutes
CHEAP = Cost(memory_kib=64, iterations=1, lanes=1)  # argon2id has a row of its own
NEVER_S = 86_400 * 30  # link tests and `seen` of a charter that must not come in between
PATIENCE_S = 60.0
SETTLED_S = 0.5  # charters are ML-DSA-signed at once; that is not what is measured

# Nothing may stop a run half-way; the sizes that the numbers are about stay as they are.
ROOMY: Mapping[str, object] = {
    "quota-entries-per-day": 10**9,
    "quota-bytes-per-day": 10**13,
    "quota-flash-per-day": 10**7,
    "test-every-s": NEVER_S,
}


@dataclass(frozen=True)
class Ground:
    """Two homes whose parties trust one another and have accepted one charter."""

    folder: Path
    port: int  # where bravo listens: the only port the two use

    @property
    def alpha(self) -> Path:
        """The home that the driver itself opens."""
        return self.folder / "alpha"

    @property
    def bravo(self) -> Path:
        """The home of the other process."""
        return self.folder / "bravo"


def free_port() -> int:
    """A port of the loopback that was free a moment ago."""
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def make_ground(
    folder: Path, *, changes: Mapping[str, object] = ROOMY, cost: Cost = CHEAP
) -> Ground:
    """Makes both homes below ``folder``. Only bravo listens, so that there is just one link."""
    folder.mkdir(parents=True)
    ground = Ground(folder, free_port())
    address = f"127.0.0.1:{ground.port}"
    cards = {}
    for home, addresses in ((ground.alpha, []), (ground.bravo, [address])):
        cards[home.name] = create_home(
            home,
            home.name,
            [PASSPHRASE],
            listen=addresses,
            bearers=addresses,
            mark=folder / "marks" / home.name,
            root_path=folder / f"{home.name}.root",
            now_s=int(time.time()),
            cost=cost,
        )
    with opened(ground.alpha) as alpha, opened(ground.bravo) as bravo:
        for node, peer in ((alpha, cards["bravo"]), (bravo, cards["alpha"])):
            node.execute(_trust(peer.data, peer.card.digits))
        proposed = alpha.execute(
            {
                "do": "propose",
                "title": "Bench",
                "members": [{"party": "bravo"}],
                "padding": False,
                "set": dict(changes),
            }
        )
        bravo.execute({"do": "accept", "charter_b64": proposed["charter_b64"]})
    return ground


def _trust(card: bytes, digits: str) -> dict[str, Any]:
    return {
        "do": "trust",
        "card_b64": b64encode(card).decode(),
        "method": "by-hand",
        "digits": digits,
    }


@contextmanager
def opened(home: Path) -> Iterator[Node]:
    """A node without a network in this process."""
    node = open_node(home, [PASSPHRASE])
    try:
        yield node
    finally:
        node.close()


@contextmanager
def peer(home: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """The daemon of a home, as a process of its own; ``command`` is what starts it otherwise."""
    with (home.parent / f"{home.name}.log").open("ab") as log:
        process = child(*(command or ("bench.peer", str(home))), out=log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@asynccontextmanager
async def running(home: Path) -> AsyncIterator[Node]:
    """The daemon of a home in this process, as ``detente node run`` runs it."""
    with opened(home) as node, (home.parent / f"{home.name}.log").open("a") as log:
        node.log = NodeLog(lambda: int(time.time()), stream=log)
        ready = asyncio.Event()
        driver = asyncio.current_task()
        assert driver is not None

        def ended(_: object) -> None:
            driver.cancel()  # by an interruption or a fault: nobody else would ever tell

        loop = asyncio.ensure_future(Loop(node).run(lambda _: ready.set()))
        loop.add_done_callback(ended)
        try:
            await asyncio.wait_for(ready.wait(), PATIENCE_S)
            yield node
        finally:
            loop.remove_done_callback(ended)
            node.stopping()
            await loop


def the_line(node: Node) -> Line:
    """The one line of a node."""
    (line,) = node.station.lines.values()
    return line


async def until(
    condition: Callable[[], bool], otherwise: str, patience_s: float = PATIENCE_S
) -> None:
    """Waits for what nobody tells. TimeoutError with these words after ``patience_s``."""
    end_s = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > end_s:
            raise TimeoutError(otherwise)
        await asyncio.sleep(0.02)


async def linked(node: Node, patience_s: float = PATIENCE_S) -> Line:
    """Waits until the line is open and the peer has said hello; then for the first exchange."""
    line = the_line(node)

    def met() -> bool:
        return line.is_open() and any(session.greeted for session in line.sessions.values())

    await until(met, "the two nodes do not meet", patience_s)
    await asyncio.sleep(SETTLED_S)
    return line


def rss_mib(pid: int | None = None) -> float:
    """Resident memory of a process, in MiB, as the kernel counts it."""
    pages = int(Path(f"/proc/{pid or os.getpid()}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1_048_576


def cpu_s(pid: int | None = None) -> float:
    """Seconds of processor a process has used, in the kernel and outside."""
    fields = Path(f"/proc/{pid or os.getpid()}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
