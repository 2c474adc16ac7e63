"""What the machine itself costs, measured in between the messages: disk, wire, signatures."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import median

import apsw
import brotli
from bench.echo import echoing

from detente.core import crypto
from detente.core.body import quality_for
from detente.core.encoding import b64

ROW_BYTES = 700  # an entry with its leaf, its body and its keys
MARK_BYTES = 173  # a record of the high-water mark
SLOT_BYTES = 4096
CHECKPOINT = "\n".join(("example.org/log/0123456789abcdef", "100000", b64(bytes(32)), "")).encode()

Piece = Callable[[], object]


class Floor:
    """The pieces of a floor, each timed in turn whenever ``sample`` is called."""

    def __init__(self, pieces: dict[str, Piece]) -> None:
        self._pieces = pieces
        self._taken_s: dict[str, list[float]] = {name: [] for name in pieces}

    def sample(self, repeats: int) -> None:
        """Times every piece so many times."""
        for name, piece in self._pieces.items():
            piece()  # what a pause has let grow cold is not the piece's own cost
            for _ in range(repeats):
                began_s = time.perf_counter()
                piece()
                self._taken_s[name].append(time.perf_counter() - began_s)

    def ms(self) -> dict[str, float]:
        """The median of each piece in milliseconds, by name."""
        return {f"{name}_ms": median(taken) * 1000 for name, taken in self._taken_s.items()}


@contextmanager
def disk_floor(folder: Path) -> Iterator[Floor]:
    """The commit and the mark write, in files beside those of the nodes."""
    with _commit(folder) as commit, _mark(folder) as mark:
        yield Floor({"commit": commit, "mark": mark})


@contextmanager
def latency_floor(folder: Path, text: str, sizes: tuple[int, int]) -> Iterator[Floor]:
    """Every piece that a dispatch and its receipt must pay; ``sizes`` go there and back."""
    plain, quality = text.encode(), quality_for(0)
    seed = bytes(range(32))
    public, signature = crypto.ed25519_public(seed), crypto.ed25519_sign(seed, CHECKPOINT)
    with _commit(folder) as commit, _mark(folder) as mark, echoing(sizes) as round_trip:
        yield Floor(
            {
                "commit": commit,
                "mark": mark,
                "compress": lambda: brotli.compress(
                    plain, mode=brotli.MODE_TEXT, quality=quality, lgwin=16
                ),
                "round_trip": round_trip,
                "sign": lambda: crypto.ed25519_sign(seed, CHECKPOINT),
                "verify": lambda: crypto.ed25519_verify(public, CHECKPOINT, signature),
            }
        )


def floor_ms(parts: dict[str, float]) -> float:
    """Three commits, two mark writes, one compression, one round trip, and sign, verify, cosign,
    verify: what nothing with these promises can avoid."""
    return (
        3 * parts["commit_ms"]
        + 2 * parts["mark_ms"]
        + parts["compress_ms"]
        + parts["round_trip_ms"]
        + 2 * parts["sign_ms"]
        + 2 * parts["verify_ms"]
    )


@contextmanager
def _commit(folder: Path) -> Iterator[Piece]:
    """One row of an entry's size into SQLite as the store opens it: WAL, synchronous FULL."""
    connection = apsw.Connection(str(folder / f"floor-{time.monotonic_ns()}.db"))
    connection.pragma("journal_mode", "WAL")
    connection.pragma("synchronous", "FULL")
    connection.execute("CREATE TABLE entry (id INTEGER PRIMARY KEY, row BLOB)")
    row = os.urandom(ROW_BYTES)

    def commit() -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO entry (row) VALUES (?)", (row,))
        connection.execute("COMMIT")

    try:
        yield commit
    finally:
        connection.close()


@contextmanager
def _mark(folder: Path) -> Iterator[Piece]:
    """One record written over into a file of fixed size, and fdatasync."""
    path = folder / f"floor-{time.monotonic_ns()}.mark"
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.pwrite(fd, bytes(2 * SLOT_BYTES), 0)
    os.fsync(fd)
    record, turn = os.urandom(MARK_BYTES), count()

    def write() -> None:
        os.pwrite(fd, record, next(turn) % 2 * SLOT_BYTES)
        os.fdatasync(fd)

    try:
        yield write
    finally:
        os.close(fd)
