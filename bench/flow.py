"""Many ROUTINE dispatches handed over as fast as they are taken, until all are cosigned."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from itertools import islice

from bench.hearing import Ear
from bench.samples import submission

from detente.core.body import SALT_BYTES
from detente.core.limits import BATCH_ENTRIES_MAX
from detente.core.line import Line
from detente.node.node import Node

HANDS = 2  # groups under way: while one is being committed the next is made
STALLED_S = 120.0  # nothing was cosigned for so long


async def submit_all(
    node: Node, line: Line, source: Iterator[str], count: int, done: Callable[[float], None]
) -> None:
    """Hands ``count`` dispatches to the node's queue, as many peers of its desk would at once.

    Returns when all are durable here. Making them (text, compression, salt) is part of the work.
    """
    left = iter(range(count))

    async def hand() -> None:
        while chosen := list(islice(left, BATCH_ENTRIES_MAX // HANDS)):
            queued = len(line.queue.rows)
            group = [
                submission(line, next(source), queued + number, node.entropy(SALT_BYTES))
                for number in range(len(chosen))
            ]
            await node.take(list(group))
            done(chosen[-1] / count)

    await asyncio.gather(*(hand() for _ in range(HANDS)))


async def cosigned(line: Line, ear: Ear) -> float:
    """The moment at which the peer's cosignature over all that was submitted is on our disk."""
    while line.queue.rows:
        await asyncio.wait_for(ear.another("cosigned"), STALLED_S)
    own = line.own
    assert own is not None
    return await ear.until("cosigned", own.size, STALLED_S)


async def pipelined_per_s(
    node: Node,
    line: Line,
    ear: Ear,
    source: Iterator[str],
    count: int,
    done: Callable[[float], None] = lambda _: None,
) -> float:
    """Entries a second, from the first submission to the last cosignature on our disk."""
    began_s = time.perf_counter()
    await submit_all(node, line, source, count, done)
    return count / (await cosigned(line, ear) - began_s)
