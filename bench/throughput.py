"""Sustained ROUTINE, durable and cosigned: two processes, as many dispatches as they take."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bench.floors import Floor, disk_floor
from bench.flow import pipelined_per_s
from bench.ground import cpu_s, linked, make_ground, peer, running
from bench.hearing import Ear
from bench.latency import exchange
from bench.plan import Figures, Plan
from bench.samples import texts

WARM_ENTRIES = 512


def measure(plan: Plan) -> Figures:
    """Entries a second, pipelined and one at a time, and how busy both processes were."""
    ground = make_ground(plan.folder / "throughput")
    count = plan.sized(2_000, 40_000)
    with peer(ground.bravo) as other, disk_floor(plan.folder) as floor:
        figures = asyncio.run(_drive(plan, ground.alpha, other.pid, count, floor))
    return figures | {"entries": count} | floor.ms()


async def _drive(plan: Plan, home: Path, other: int, count: int, floor: Floor) -> Figures:
    source = texts(plan.seed)
    async with running(home) as node:
        line, ear = await linked(node), Ear(node)
        await pipelined_per_s(node, line, ear, source, WARM_ENTRIES)
        floor.sample(20)
        before_s = cpu_s(), cpu_s(other)
        rate = await pipelined_per_s(node, line, ear, source, count, plan.done)
        after_s = cpu_s(), cpu_s(other)
        floor.sample(20)
        lone = plan.sized(50, 500)
        alone_s = sum([await exchange(node, line, ear, source, "ROUTINE") for _ in range(lone)])
    taken_s = count / rate
    return {
        "entries_per_s": rate,
        "sequential_per_s": lone / alone_s,
        "sender_cpu_share": (after_s[0] - before_s[0]) / taken_s,
        "receiver_cpu_share": (after_s[1] - before_s[1]) / taken_s,
    }
