"""The peer was away: how fast it is brought up to date, against the pipelined rate."""

from __future__ import annotations

import asyncio

from bench.floors import Floor, disk_floor
from bench.flow import cosigned, pipelined_per_s, submit_all
from bench.ground import Ground, linked, make_ground, peer, running, until
from bench.hearing import Ear
from bench.plan import Figures, Plan
from bench.samples import texts

from detente.core.limits import OUTBOX_ENTRIES_MAX

WARM_ENTRIES = 512
RECONNECT_S = 120.0  # both sides back off up to a minute


def measure(plan: Plan) -> Figures:
    """Missed entries a second from the peer's hello on, over the rate before and after."""
    ground = make_ground(plan.folder / "catchup")
    with disk_floor(plan.folder) as floor:
        figures = asyncio.run(_drive(plan, ground, floor))
    return figures | floor.ms()


async def _drive(plan: Plan, ground: Ground, floor: Floor) -> Figures:
    source = texts(plan.seed)
    missed = plan.sized(2_000, OUTBOX_ENTRIES_MAX)
    async with running(ground.alpha) as node:
        ear = Ear(node)
        with peer(ground.bravo):
            line = await linked(node)
            await pipelined_per_s(node, line, ear, source, WARM_ENTRIES)
            floor.sample(20)
            streamed = plan.sized(2_000, 20_000)
            before = await pipelined_per_s(node, line, ear, source, streamed)
        await until(lambda: not line.sessions, "the peer does not leave")
        await submit_all(node, line, source, missed, lambda share: plan.done(share / 2))
        floor.sample(20)
        ear.forget("greeted")
        with peer(ground.bravo):
            met_s = await ear.until("greeted", patience_s=RECONNECT_S)
            rate = missed / (await cosigned(line, ear) - met_s)
            after = await pipelined_per_s(node, line, ear, source, streamed)
    pipelined = (before + after) / 2  # around the catching up: the disk's mood changes
    return {
        "missed": missed,
        "entries_per_s": rate,
        "pipelined_per_s": pipelined,
        "over_pipelined": rate / pipelined,
    }
