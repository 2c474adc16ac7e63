"""Submit -> durable there -> receipt durable here, one dispatch after another (docs/benchmarks.md).

The stop-watch runs inside the sending node: from before the ``say`` command until the node tells
of the receipt, which it does after the commit that keeps it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.floors import Floor, floor_ms, latency_floor
from bench.ground import linked, make_ground, peer, running
from bench.hearing import Ear
from bench.plan import Figures, Plan
from bench.samples import request, texts
from bench.timing import percentile

from detente.core.line import Line
from detente.node.commands import run_command
from detente.node.node import Node

# What the sender's node tells when the receipt of such a dispatch is on its disk.
RECEIPT = {"ROUTINE": "cosigned", "FLASH": "receipt"}
FRAME_SIZES = (360, 110)  # one dispatch there, one receipt back, as sealed records
BLOCK_MESSAGES = 25
FLOOR_SAMPLES = 10
SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def measure(plan: Plan) -> Figures:
    """Milliseconds of ROUTINE and FLASH, and both over the floor of this run."""
    ground = make_ground(plan.folder / "latency")
    blocks = plan.sized(5, 40)
    text = next(texts(plan.seed))
    with peer(ground.bravo), latency_floor(plan.folder, text, FRAME_SIZES) as floor:
        taken = asyncio.run(_drive(plan, ground.alpha, floor, blocks))
    parts = floor.ms()
    least_ms = floor_ms(parts)
    figures: Figures = {"messages": blocks * BLOCK_MESSAGES}
    for precedence, prefix in (("ROUTINE", ""), ("FLASH", "flash_")):
        times = taken[precedence]
        for name, share in SHARES.items():
            figures[f"{prefix}{name}_ms"] = percentile(times, share) * 1000
        figures[f"{prefix}p50_over_floor"] = median(times) * 1000 / least_ms
    return figures | {"floor_ms": least_ms} | parts


async def _drive(plan: Plan, home: Path, floor: Floor, blocks: int) -> dict[str, list[float]]:
    """Messages and pieces of the floor in turn, so that a busy minute falls on both."""
    taken: dict[str, list[float]] = {precedence: [] for precedence in RECEIPT}
    source = texts(plan.seed)
    async with running(home) as node:
        line, ear = await linked(node), Ear(node)
        for precedence in RECEIPT:
            for _ in range(10):  # the first few fill caches
                await exchange(node, line, ear, source, precedence)
        for block in range(blocks):
            plan.done(block / blocks)
            floor.sample(FLOOR_SAMPLES)
            for precedence, times in taken.items():
                await exchange(node, line, ear, source, precedence)
                for _ in range(BLOCK_MESSAGES):
                    times.append(await exchange(node, line, ear, source, precedence))
    return taken


async def exchange(
    node: Node, line: Line, ear: Ear, source: Iterator[str], precedence: str
) -> float:
    """Seconds from the submission of one dispatch to its receipt on the sender's disk."""
    say = request(next(source), precedence)
    began_s = time.perf_counter()
    run_command(node, say)
    own = line.own
    assert own is not None
    return await ear.until(RECEIPT[precedence], own.size) - began_s
