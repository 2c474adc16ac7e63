"""A program: two network namespaces, and between them a wire that is as bad as it is told to be.

The kernel's own impairment (netem) is missing from many kernels, so the wire is this process: each
namespace has a TUN device, and what one sends is read here, delayed, dropped, held back, and
written to the other. The namespaces have no name: they go with the last process that is in them.

Standard output says ``{"namespaces": [path, path]}``, or ``{"lacks": why}`` where the machine lacks
a right. Each line of standard input is ``{"0": {…}, "1": {…}}``: what holds from now on of the way
from side 0, and of the way from side 1 (the fields of ``Way``); it is answered with both ways'
counts. The end of standard input ends the process.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import socket
import struct
import sys
import time
from dataclasses import dataclass, field
from itertools import count

ADDRESSES = ("192.0.2.1", "192.0.2.2")  # TEST-NET-1, RFC 5737; each namespace has its own
MTU = 1400
CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
SIOCSIFADDR, SIOCSIFDSTADDR, SIOCSIFMTU, SIOCSIFFLAGS = 0x8916, 0x8918, 0x8922, 0x8914
IFF_UP, IFF_RUNNING = 0x1, 0x40
SEED = 20_260_207  # the same packets are lost in every run, as far as the traffic is the same


@dataclass
class Way:
    """One direction: what it does to packets, and how many it has carried, lost and turned away."""

    delay_ms: float = 0
    jitter_ms: float = 0  # added at random, to each packet for itself: later ones may overtake
    loss: float = 0  # of each packet, 0 to 1
    rate_bit_s: float = 0  # 0: no limit
    queue_bytes: int = 65_536  # what waits for a slow wire; packets beyond it are dropped
    dark: bool = False  # everything vanishes, and nobody is told
    carried: int = 0
    lost: int = 0
    free_at_s: float = field(default=0, repr=False)

    def due_s(self, size: int, now_s: float, chance: random.Random) -> float | None:
        """When a packet comes out at the other end; None if it never does."""
        backlog_bytes = max(0.0, self.free_at_s - now_s) * self.rate_bit_s / 8
        if self.dark or backlog_bytes > self.queue_bytes or chance.random() < self.loss:
            self.lost += 1
            return None
        self.carried += 1
        if self.rate_bit_s:
            self.free_at_s = max(now_s, self.free_at_s) + size * 8 / self.rate_bit_s
        late_ms = self.delay_ms + chance.uniform(0, self.jitter_ms)
        return max(now_s, self.free_at_s) + late_ms / 1000


def new_namespace() -> int:
    """Moves this process into a new network namespace, and gives what keeps it alive."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "the right to make a network namespace")
    return os.open("/proc/self/ns/net", os.O_RDONLY)


def new_device(near: str, far: str) -> int:
    """A TUN device of the present namespace, up, with the far address at its other end."""
    try:
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH14x", b"wire", IFF_TUN | IFF_NO_PI))
    except OSError as exc:
        raise OSError(exc.errno, "a TUN device (/dev/net/tun)") from exc
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:

        def tell(request: int, name: bytes, value: bytes) -> None:
            fcntl.ioctl(sock, request, struct.pack("16s16s8x", name, value))

        for request, address in ((SIOCSIFADDR, near), (SIOCSIFDSTADDR, far)):
            plain = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))
            tell(request, b"wire", plain)
        tell(SIOCSIFMTU, b"wire", struct.pack("i12x", MTU))
        for name in (b"wire", b"lo"):
            tell(SIOCSIFFLAGS, name, struct.pack("h14x", IFF_UP | IFF_RUNNING))
    return fd


class Wire:
    """Carries packets between two devices until standard input ends."""

    def __init__(self, devices: list[int]) -> None:
        self._devices = devices
        self._ways = [Way(), Way()]
        self._chance = random.Random(SEED)
        self._numbers = count()
        self._under_way: list[tuple[float, int, int, bytes]] = []

    def run(self) -> None:
        """One turn for each packet that comes in or is due, and for each order."""
        while True:
            wait_s = None
            if self._under_way:
                wait_s = max(0.0, self._under_way[0][0] - time.monotonic())
            ready, _, _ = select.select([*self._devices, sys.stdin], [], [], wait_s)
            for side, device in enumerate(self._devices):
                if device in ready:
                    self._take(side)
            self._deliver()
            if sys.stdin in ready and not self._obey(sys.stdin.readline()):
                return

    def _take(self, side: int) -> None:
        packet = os.read(self._devices[side], 65_536)
        if packet[0] >> 4 != 4:
            return  # IPv6 talks to itself on every new device
        due_s = self._ways[side].due_s(len(packet), time.monotonic(), self._chance)
        if due_s is not None:
            heapq.heappush(self._under_way, (due_s, next(self._numbers), 1 - side, packet))

    def _deliver(self) -> None:
        now_s = time.monotonic()
        while self._under_way and self._under_way[0][0] <= now_s:
            _, _, side, packet = heapq.heappop(self._under_way)
            os.write(self._devices[side], packet)

    def _obey(self, order: str) -> bool:
        if not order:
            return False
        for side, settings in json.loads(order).items():
            way = self._ways[int(side)]
            self._ways[int(side)] = Way(**settings, carried=way.carried, lost=way.lost)
        if any(way.dark for way in self._ways):  # what is under way vanishes with the wire
            self._under_way = [one for one in self._under_way if not self._ways[1 - one[2]].dark]
            heapq.heapify(self._under_way)
        say([{"carried": way.carried, "lost": way.lost} for way in self._ways])
        return True


def say(value: object) -> None:
    """One line of JSON."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Makes both sides, says where they are, and carries."""
    try:
        made = [
            (new_namespace(), new_device(near, far))
            for near, far in (ADDRESSES, reversed(ADDRESSES))
        ]
    except OSError as exc:
        say({"lacks": f"{exc.strerror}: {os.strerror(exc.errno or 0)}"})
        return
    say({"namespaces": [f"/proc/{os.getpid()}/fd/{held}" for held, _ in made]})
    Wire([device for _, device in made]).run()


if __name__ == "__main__":
    main()
