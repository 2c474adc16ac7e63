"""A hostile party, its card trusted, floods a node: memory and disk are bounded, others talk on.

A few seconds by default; DETENTE_FLOOD_S=60 for the whole measure.
"""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import brotli
import pytest

from detente.bearers.contract import framed
from detente.bearers.tls import Pin, TlsIdentity, TlsLink, connect
from detente.core.encoding import varint
from detente.core.errors import DetenteError, LocalError
from detente.core.events import Draft, FrameIn, LinkDown, LinkUp, Send, Submit
from detente.core.frames import WANT_ENTRIES, Notice, Want, encode_frame
from detente.core.leaf import Kind
from detente.core.limits import BODY_BYTES_MAX, FRAME_BYTES_MAX
from detente.node.node import Node
from detente.node.runner import open_node

FLOOD_S = float(os.environ.get("DETENTE_FLOOD_S", "6"))
RSS_MIB_MAX = 64
QUOTA_BYTES = 4 * 1024 * 1024
HOUSEKEEPING_BYTES = 8 * 1024 * 1024  # indexes, signatures, and the honest line's own traffic
WAL_BYTES_MAX = 64 * 1024 * 1024  # sqlite's log: a bound of its own, whoever writes
PASSPHRASE = "correct horse battery staple"


class Mallory:
    """Speaks for a trusted party with its real keys, and keeps no rule."""

    def __init__(self, node: Node, address: str, pin: Pin) -> None:
        self.node = node
        self.address = address
        self.pin = pin
        self.random = random.Random(7)
        (self.line,) = node.station.lines.values()
        self.links = 0

    @asynccontextmanager
    async def link(self) -> AsyncIterator[TlsLink]:
        link = await connect(self.address, TlsIdentity(self.node.home.keys.tls), self.pin)
        try:
            yield link
        finally:
            link.close("done")

    async def play(self, link: TlsLink, seconds: float) -> int:
        """Drives the real core over a link for a while; gives our channel."""
        self.links += 1
        number, until = self.links, time.monotonic() + seconds
        self._say(link, [LinkUp(number, self.pin.party)])
        while time.monotonic() < until:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    frames = await link.receive()
                    self._say(link, [FrameIn(number, frame) for frame in frames])
        channel = self.line.sessions[number].channel if number in self.line.sessions else 0
        self.node.stepper.run([LinkDown(number)])
        return channel

    def _say(self, link: TlsLink, inputs: list[Any]) -> None:
        for one in self.node.stepper.run(inputs).spoken:
            if isinstance(one, Send):
                link.send(one.data)

    # --- what it does ---

    async def garbage(self) -> None:
        """Frames of noise, until the link is closed for them."""
        async with self.link() as link:
            for _ in range(200):
                link.send(self.random.randbytes(self.random.randrange(1, 2000)))
                await asyncio.sleep(0)
            await asyncio.sleep(0.2)

    async def oversized(self) -> None:
        """A frame that says it is longer than any may be."""
        async with self.link() as link:
            link._engine.write(varint(FRAME_BYTES_MAX + 1) + bytes(100_000))
            link._emit()
            await link.closed()

    async def half(self) -> None:
        """Half of the longest frame, then nothing more."""
        async with self.link() as link:
            link._engine.write(framed(bytes(FRAME_BYTES_MAX))[: FRAME_BYTES_MAX // 2])
            link._emit()
            await asyncio.sleep(1)

    async def never_reading(self) -> None:
        """Asks for everything again and again, and takes nothing."""
        async with self.link() as link:
            channel = await self.play(link, 0.5)
            link._transport.pause_reading()
            log = self.line.logs[next(log for log in self.line.logs if log.member != self.line.me)]
            want = encode_frame(channel, Want(WANT_ENTRIES, log.id, 0))
            with suppress(DetenteError):
                for _ in range(20_000):
                    link.send(want)
                    if link.queued_bytes() > 1_000_000:
                        await asyncio.sleep(0.01)

    async def bombs(self) -> None:
        """Bodies of noise, and of 51 bytes that open to gigabytes, up to every quota."""
        bomb = b"\x01" + brotli.compress(bytes(200_000_000), quality=9)
        assert len(bomb) < BODY_BYTES_MAX
        for number in range(60):
            noise = b"\0" + self.random.randbytes(60_000)
            body = bomb if number % 2 else noise
            draft = Draft(kind=Kind.DISPATCH, audience=3, body=body, salt=os.urandom(16))
            self.node.stepper.run([Submit(self.line.id, draft)])
        async with self.link() as link:
            await self.play(link, 1.5)

    async def notices(self) -> None:
        """Charters and cards that nobody asked for."""
        async with self.link() as link:
            with suppress(DetenteError):
                for _ in range(2000):
                    noise = b"detente charter v1\n" + self.random.randbytes(8000)
                    link.send(encode_frame(0, Notice(noise)))
                    if link.queued_bytes() > 1_000_000:
                        await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)

    async def strangers(self) -> None:
        """Connections that never shake hands."""
        host, _, port = self.address.rpartition(":")
        ends = []
        for _ in range(200):
            with suppress(OSError):
                ends.append(await asyncio.open_connection(host, int(port)))
        for _, writer in ends:
            writer.write(self.random.randbytes(64))
        await asyncio.sleep(0.3)
        for _, writer in ends:
            writer.close()

    async def flood(self, seconds: float) -> dict[str, int]:
        """All of it, in turn, each at least once; gives how often."""
        attacks = (
            self.bombs,
            self.never_reading,
            self.notices,
            self.half,
            self.oversized,
            self.strangers,
            self.garbage,  # the last: who sends it is shut out for a while
        )
        until, done = time.monotonic() + seconds, dict.fromkeys((a.__name__ for a in attacks), 0)
        while time.monotonic() < until or not all(done.values()):
            for attack in attacks:
                with suppress(DetenteError, OSError):
                    await attack()
                done[attack.__name__] += 1
        return done


class Honest(threading.Thread):
    """Says IMMEDIATE messages to bravo one after another, and notes how long each receipt took."""

    def __init__(self, say: Callable[[str], dict[str, Any]]) -> None:
        super().__init__(daemon=True)
        self._say = say
        self.taken_s: list[float] = []
        self.lost: list[str] = []
        self.over = False

    def run(self) -> None:
        number = 0
        while not self.over:
            began = time.perf_counter()
            number += 1
            try:
                answer = self._say(f"honest {number}")
                if answer["state"] != "received":
                    self.lost.append(str(answer))
            except LocalError as error:
                self.lost.append(str(error))
            self.taken_s.append(time.perf_counter() - began)
            time.sleep(0.01)

    def end(self) -> list[float]:
        self.over = True
        self.join()
        return sorted(self.taken_s)


def rss_mib(pid: int) -> float:
    """Resident memory of a process, as the kernel counts it."""
    text = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in text.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def disk_bytes(folder: Path) -> dict[str, int]:
    """Bytes of each file below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.stat().st_size for path in files}


def measured(house: Any, line: str, seconds: float) -> Honest:
    """An honest thread on the line, once it has run for some seconds."""
    honest = Honest(
        lambda text: house.call(
            "say", line=line, text=text, precedence="IMMEDIATE", wait="received", timeout_s=30
        )
    )
    honest.start()
    time.sleep(seconds)
    return honest


@pytest.mark.timeout(120 + 4 * FLOOD_S)
def test_a_flood_leaves_memory_disk_and_others_in_peace(town: Any, until: Any) -> None:
    """Memory grows by at most 64 MiB, disk by the quota, and the honest line loses nothing."""
    from_conftest = town.folder  # homes, marks and logs of this test alone
    alpha, bravo = town.line("alpha", "bravo", quota_flash_per_day=1000)
    mallory = town.house("mallory")
    town.trust(alpha, mallory)
    proposed = alpha.call(
        "propose",
        title="Hostile",
        members=[{"party": "mallory"}],
        set={"quota_bytes_per_day": QUOTA_BYTES, "padding": False},
    )
    mallory.call("accept", charter_b64=proposed["charter_b64"])
    alpha.start()
    bravo.start()
    lines = alpha.call("lines")
    honest_line = next(line["line"] for line in lines if line["title"] == "Test line")
    until(
        lambda: all(x["open"] for x in alpha.call("lines") if x["line"] == honest_line), "the line"
    )
    calm = measured(alpha, honest_line, 2).end()
    node = open_node(mallory.home, [PASSPHRASE])
    attacker = Mallory(node, f"127.0.0.1:{alpha.port}", _pin(alpha))
    try:
        asyncio.run(_open(attacker))
        before, disk = rss_mib(alpha.process.pid), disk_bytes(alpha.home)
        log_before = alpha.log.stat().st_size
        peak = Peak(alpha.process.pid)
        honest = measured(alpha, honest_line, 0)
        done = asyncio.run(attacker.flood(FLOOD_S))
        taken = honest.end()
        shown = alpha.call("inbox", line="Hostile", limit=1000)["entries"]
        peak_mib = peak.end()
    finally:
        node.close()
    grown = {
        name: size - disk.get(name, 0)
        for name, size in disk_bytes(alpha.home).items()
        if size != disk.get(name, 0)
    }
    p99 = taken[int(len(taken) * 0.99)]
    print(  # noqa: T201  # the measure itself, for whoever runs it
        f"\nattacks {done}; rss {before:.0f} -> {peak_mib:.0f} MiB; honest {len(taken)} messages, "
        f"p50 {taken[len(taken) // 2] * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms "
        f"(calm p99 {calm[int(len(calm) * 0.99)] * 1000:.1f} ms); disk {grown} in {from_conftest}"
    )
    assert honest.lost == []
    said = [view for view in shown if view["kind"] == "dispatch"]
    assert {view["body_state"] for view in said} == {"unreadable"}
    assert alpha.process.poll() is None
    assert peak_mib - before <= RSS_MIB_MAX
    wal = grown.pop("store/detente.db-wal", 0)
    assert sum(grown.values()) + max(0, wal - WAL_BYTES_MAX) <= QUOTA_BYTES + HOUSEKEEPING_BYTES
    assert alpha.log.stat().st_size - log_before < 1_000_000
    assert '"event": "bug"' not in alpha.log.read_text()
    assert "Traceback" not in alpha.log.read_text()


class Peak(threading.Thread):
    """The highest resident memory of a process, looked at ten times a second."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._over = threading.Event()
        self.mib = 0.0
        self.start()

    def run(self) -> None:
        while not self._over.wait(0.1):
            with suppress(OSError):
                self.mib = max(self.mib, rss_mib(self._pid))

    def end(self) -> float:
        self._over.set()
        self.join()
        return self.mib


def _pin(house: Any) -> Pin:
    from detente.node.home import own_card

    card = own_card(house.home).card
    return Pin(card.tls_ed25519, card.party)


async def _open(attacker: Mallory) -> None:
    async with attacker.link() as link:
        await attacker.play(link, 1.0)
    assert attacker.line.is_open()
