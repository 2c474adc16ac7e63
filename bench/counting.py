"""IP bytes between two nodes on one port of the loopback, counted by the kernel and not by us.

With nftables: two counters on the port, each packet once. Without root or ``nft``: the kernel's own
figures for the one connection (TCP_INFO), to which the headers of its segments are added.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Protocol

HEADER_BYTES = 52  # IPv4 and TCP with time stamps, as every segment after the first has them
TCP_INFO_BYTES = 256
_BYTES = struct.Struct("=QQ")  # acked, received: struct tcp_info of linux/tcp.h
_BYTES_AT = 120
_SEGMENTS = struct.Struct("=II")  # out, in
_SEGMENTS_AT = 136


class Count(NamedTuple):
    """What has passed both ways since the counter began."""

    ip_bytes: int
    packets: int

    def since(self, before: Count) -> Count:
        """The difference."""
        return Count(self.ip_bytes - before.ip_bytes, self.packets - before.packets)


class Counter(Protocol):
    """Reads what has passed so far."""

    @property
    def by(self) -> str:
        """Who counts: ``nftables`` or ``TCP_INFO``."""

    def read(self) -> Count:
        """Both directions together, pure acknowledgements included."""


@contextmanager
def counter(port: int) -> Iterator[Counter]:
    """The best counter this machine grants for one port."""
    table = f"detente_bench_{os.getpid()}"
    rules = (
        f"table inet {table} {{ chain input {{ type filter hook input priority 0;"
        f" tcp dport {port} counter; tcp sport {port} counter; }}; }}"
    )
    if shutil.which("nft") is None or not _nft(rules):
        yield SocketCounter(port)
        return
    try:
        yield RuleCounter(table)
    finally:
        _nft(f"delete table inet {table}")


def _nft(script: str) -> bool:
    done = subprocess.run(
        ["nft", "-f", "-"], input=script.encode(), capture_output=True, check=False
    )
    return done.returncode == 0


class RuleCounter:
    """Counters of nftables: every packet of the port as it comes in, IP header and all."""

    by = "nftables"

    def __init__(self, table: str) -> None:
        self._table = table

    def read(self) -> Count:
        """As ``Counter.read``."""
        listed = subprocess.run(
            ["nft", "-j", "list", "table", "inet", self._table], capture_output=True, check=True
        )
        ip_bytes = packets = 0
        for item in json.loads(listed.stdout)["nftables"]:
            for part in item.get("rule", {}).get("expr", ()):
                ip_bytes += part.get("counter", {}).get("bytes", 0)
                packets += part.get("counter", {}).get("packets", 0)
        return Count(ip_bytes, packets)


class SocketCounter:
    """TCP_INFO of this process's own connection to the port."""

    by = "TCP_INFO"

    def __init__(self, port: int) -> None:
        self._port = port

    def read(self) -> Count:
        """As ``Counter.read``; nothing before there is a connection."""
        for name in Path("/proc/self/fd").iterdir():
            with suppress(OSError):
                fd = os.dup(int(name.name))
                with socket.socket(fileno=fd) as sock:
                    if sock.family == socket.AF_INET and sock.getpeername()[1] == self._port:
                        return _count(sock)
        return Count(0, 0)


def _count(sock: socket.socket) -> Count:
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
    payload = sum(_BYTES.unpack_from(info, _BYTES_AT))
    packets = sum(_SEGMENTS.unpack_from(info, _SEGMENTS_AT))
    return Count(payload + HEADER_BYTES * packets, packets)
