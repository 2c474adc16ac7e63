"""IP bytes for one 500-byte dispatch and its receipt, one after another, without padding.

What else goes over the line is counted apart: the ML-DSA-44 signature that each author owes within
a minute, and the `seen` that follows a run of ROUTINE within the charter's seconds.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from bench.counting import Count, Counter, counter
from bench.floors import Floor, disk_floor
from bench.ground import ROOMY, SETTLED_S, linked, make_ground, peer, running
from bench.hearing import Ear
from bench.latency import exchange
from bench.plan import Figures, Plan
from bench.samples import TEXT_BYTES, texts

from detente.core.crypto import MLDSA44_SIGNATURE_BYTES
from detente.core.events import Draft, Submit
from detente.core.leaf import Kind
from detente.core.line import Line
from detente.node.node import Node

SEEN_WITHIN_S = 4  # longer than the run of ROUTINE before it
REST_S = 0.06  # longer than the kernel delays an acknowledgement
CARD_BODY = bytes(16)  # an entry that is ML-DSA-signed at once; its text is not looked at


def measure(plan: Plan) -> Figures:
    """Bytes for each precedence, back to back and with a rest after each; ML-DSA apart."""
    changes = dict(ROOMY) | {"seen-within-s": SEEN_WITHIN_S}
    ground = make_ground(plan.folder / "wire", changes=changes)
    with peer(ground.bravo), counter(ground.port) as count, disk_floor(plan.folder) as floor:
        figures = asyncio.run(_drive(plan, ground.alpha, count, floor))
    return figures | {"counted_by": count.by, "text_bytes": TEXT_BYTES} | floor.ms()


async def _drive(plan: Plan, home: Path, count: Counter, floor: Floor) -> Figures:
    figures: Figures = {}
    async with running(home) as node:
        line, ear = await linked(node), Ear(node)
        await _sequence(plan, node, line, ear, "ROUTINE", 10, 0)
        await asyncio.sleep(SEEN_WITHIN_S + SETTLED_S)
        steps = (("ROUTINE", "dispatch"), ("FLASH", "flash"))
        for number, (precedence, word) in enumerate(steps):
            plan.done(number / 3)
            floor.sample(10)
            for rest_s, ending in ((0.0, ""), (REST_S, "_at_rest")):
                messages = plan.sized(30, 300 if not rest_s else 40)
                before = count.read()
                await _sequence(plan, node, line, ear, precedence, messages, rest_s)
                spent = count.read().since(before)
                name = f"per_{word}_with_receipt{ending}"
                figures[f"ip_bytes_{name}"] = spent.ip_bytes / messages
                figures[f"packets_{name}"] = spent.packets / messages
            if precedence == "ROUTINE":
                figures["ip_bytes_per_seen"] = (await _seen(count, ear)).ip_bytes
        plan.done(2 / 3)
        figures["ip_bytes_per_mldsa_signature"] = await _quantum(node, line, count)
    return figures


async def _sequence(
    plan: Plan, node: Node, line: Line, ear: Ear, precedence: str, messages: int, rest_s: float
) -> None:
    source = texts(plan.seed)
    for _ in range(messages):
        await exchange(node, line, ear, source, precedence)
        if rest_s:
            await asyncio.sleep(rest_s)


async def _seen(count: Counter, ear: Ear) -> Count:
    """The entry by which the peer's log states everything of the run at once."""
    ear.forget("receipt")
    before = count.read()
    await ear.until("receipt")
    await asyncio.sleep(SETTLED_S)
    return count.read().since(before)


async def _quantum(node: Node, line: Line, count: Counter) -> float:
    """One of the ML-DSA signatures that follow an entry at once, author's and holder's alike: what
    such an entry takes beyond one that is signed within a minute."""
    spent = []
    for kind in (Kind.CARD, Kind.DISPATCH):
        audience = line.charter.readers()
        draft = Draft(kind=kind, audience=audience, body=CARD_BODY, salt=node.entropy(16))
        before, signed = count.read(), _signatures(node, line)
        node.submit(Submit(line.id, draft))
        await asyncio.sleep(SETTLED_S)
        spent.append((count.read().since(before).ip_bytes, _signatures(node, line) - signed))
    return (spent[0][0] - spent[1][0]) / (spent[0][1] - spent[1][1])


def _signatures(node: Node, line: Line) -> int:
    """ML-DSA signatures over alpha's log that alpha keeps."""
    assert line.mine is not None
    kept = node.store.cosignatures(line.id, line.mine, 1)
    return sum(len(one.signature) == MLDSA44_SIGNATURE_BYTES for one in kept)
