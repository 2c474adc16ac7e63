"""A slow cable: two pseudo-terminals, and a thread that carries so many bits a second each way."""

from __future__ import annotations

import os
import pty
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

TICK_S = 0.005
LATE_S = 0.1  # a thread that was kept waiting makes up for no more than this


@contextmanager
def cable(bits_per_s: int) -> Iterator[tuple[str, str]]:
    """The names of its two devices. A byte is eight bits here, with nothing around it."""
    masters, names = [], []
    for _ in range(2):
        master, device = pty.openpty()
        os.set_blocking(master, False)
        masters.append(master)
        names.append(os.ttyname(device))
        os.close(device)
    stop = Event()
    ways = [
        Thread(target=_carry, args=(masters[way], masters[1 - way], bits_per_s, stop))
        for way in (0, 1)
    ]
    for way in ways:
        way.start()
    try:
        yield names[0], names[1]
    finally:
        stop.set()
        for way in ways:
            way.join()
        for master in masters:
            os.close(master)


def _carry(source: int, sink: int, bits_per_s: int, stop: Event) -> None:
    """A byte leaves once its bits have gone by; an idle way saves nothing up."""
    credit, last_s = 0.0, time.monotonic()
    while not stop.wait(TICK_S):
        now_s = time.monotonic()
        credit += min(now_s - last_s, LATE_S) * bits_per_s / 8
        last_s = now_s
        if credit < 1:
            continue
        try:
            data = os.read(source, int(credit))
            os.write(sink, data)
        except OSError:  # nothing waits, or nobody has the device open
            credit = 0.0
            continue
        credit -= len(data)
