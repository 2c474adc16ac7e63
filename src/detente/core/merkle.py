"""RFC 6962 Merkle trees over SHA-256: frontiers, paths, and what a path proves (spec/log.md).

A perfect subtree is named (level, index): it covers the 2**level leaves from index << level on.
Only perfect ones are ever read or sent; every other root is folded from them, so each function
here takes a number of steps in the order of the logarithm of the tree's size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from detente.core.encoding import VARINT_MAX, Reader, malformed, varint
from detente.core.errors import LocalError, PeerError, Refusal

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

SubtreeReader = Callable[[int, int], bytes]
"""Gives the hash of the perfect subtree (level, index); level 0 holds the leaf hashes."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of one leaf: SHA-256(0x00 || data) (RFC 6962 §2.1)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees: SHA-256(0x01 || left || right) (RFC 6962 §2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def _fold(peaks: Sequence[bytes]) -> bytes:
    """The root over perfect subtrees that lie side by side, largest first."""
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


def _bad_proof(detail: str) -> PeerError:
    return PeerError(Refusal.BAD_PROOF, detail)


def _checked(path: Sequence[bytes]) -> list[bytes]:
    """The path, if all are hashes: bytes moved between two of them would leave a root the same."""
    for item in path:
        if len(item) != HASH_BYTES:
            raise _bad_proof("a path is made of 32-byte hashes")
    return list(path)


@dataclass(slots=True)
class Frontier:
    """The roots of the perfect subtrees of a growing tree, left to right, largest first.

    There is one for each bit set in ``size``: what it takes to append and to know the root.
    """

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def copy(self) -> Frontier:
        """Another frontier of the same tree, which grows on its own."""
        return Frontier(self.size, self.peaks.copy())

    def append(self, hash_: bytes) -> list[bytes]:
        """Adds one leaf hash. Returns the hashes of the perfect subtrees of level 1, 2, …
        that this leaf completed, bottom up: none when the size was even before."""
        completed = []
        size = self.size
        while size & 1:
            hash_ = node_hash(self.peaks.pop(), hash_)
            completed.append(hash_)
            size >>= 1
        self.peaks.append(hash_)
        self.size += 1
        return completed

    def push(self, level: int, hash_: bytes) -> None:
        """Adds a perfect subtree of 2**level leaves at once.

        PeerError MALFORMED where such a subtree cannot stand next, or the hash is not one.
        """
        step = 1 << level
        if self.size % step or self.size + step > VARINT_MAX or len(hash_) != HASH_BYTES:
            raise malformed("no such subtree can stand here")
        size = self.size >> level
        while size & 1:
            hash_ = node_hash(self.peaks.pop(), hash_)
            size >>= 1
        self.peaks.append(hash_)
        self.size += step

    def root(self) -> bytes:
        """The root of the whole tree (RFC 6962 §2.1, Merkle Tree Hash)."""
        return _fold(self.peaks) if self.peaks else EMPTY_ROOT

    def encode(self) -> bytes:
        """The size as a varint, then the peaks, 32 bytes each."""
        return varint(self.size) + b"".join(self.peaks)

    @classmethod
    def decode(cls, data: bytes) -> Frontier:
        """Reads what ``encode`` wrote. PeerError MALFORMED for anything else."""
        reader = Reader(data)
        size = reader.varint()
        peaks = [reader.take(HASH_BYTES) for _ in range(size.bit_count())]
        reader.done()
        return cls(size, peaks)


# --- Reading a stored tree -------------------------------------------------------------------


def _cover(start: int, end: int) -> Iterator[tuple[int, int]]:
    """The fewest perfect subtrees (level, index) side by side from ``start`` to ``end``."""
    if not 0 <= start <= end:
        raise LocalError(Refusal.BAD_PROOF, f"no leaves from {start} to {end}")
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        yield level, start >> level
        start += 1 << level


def _range_root(read: SubtreeReader, start: int, end: int) -> bytes:
    """The root over the leaves of one subtree that starts on a boundary of its size."""
    return _fold([read(level, index) for level, index in _cover(start, end)])


def frontier_at(read: SubtreeReader, size: int) -> Frontier:
    """The frontier the tree had at ``size`` leaves."""
    return Frontier(size, [read(level, index) for level, index in _cover(0, size)])


def root_at(read: SubtreeReader, size: int) -> bytes:
    """The root the tree had at ``size`` leaves."""
    return frontier_at(read, size).root()


def _split(size: int) -> int:
    """The largest power of two below ``size`` > 1: where RFC 6962 §2.1 divides a tree."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_path(read: SubtreeReader, index: int, size: int) -> list[bytes]:
    """The audit path of leaf ``index`` in the tree of ``size``, sibling first (RFC 6962 §2.1.1).

    LocalError BAD_PROOF when the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise LocalError(Refusal.BAD_PROOF, f"no leaf {index} in a tree of {size}")
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_root(read, middle, end))
            end = middle
        else:
            path.append(_range_root(read, start, middle))
            start = middle
    path.reverse()
    return path


def consistency_path(read: SubtreeReader, old: int, new: int) -> list[bytes]:
    """The proof that the tree of ``new`` leaves begins with that of ``old`` (RFC 6962 §2.1.2).

    Empty when both are the same size. LocalError BAD_PROOF unless 0 < old <= new: every tree
    begins with the empty one, so there is no path from it.
    """
    if not 0 < old <= new:
        raise LocalError(Refusal.BAD_PROOF, f"no path from {old} to {new}")
    path: list[bytes] = []
    start, end = 0, new
    while old < end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_range_root(read, middle, end))
            end = middle
        else:
            path.append(_range_root(read, start, middle))
            start = middle
    if start:
        # Only when the old tree is the left edge of the new one is its root known already.
        path.append(_range_root(read, start, end))
    path.reverse()
    return path


def cover(read: SubtreeReader, start: int, end: int) -> list[tuple[int, bytes]]:
    """The fewest perfect subtrees (level, hash) that take a frontier from ``start`` to ``end``."""
    return [(level, read(level, index)) for level, index in _cover(start, end)]


def push_cover(frontier: Frontier, hashes: Sequence[bytes], end: int) -> None:
    """Pushes the hashes of a ``cover`` from the frontier's size to ``end``.

    Their levels follow from the two sizes alone. PeerError BAD_PROOF, with the frontier as it
    was, when there is not exactly one hash for each or ``end`` lies behind.
    """
    if not frontier.size <= end <= VARINT_MAX:
        raise _bad_proof(f"no cover from {frontier.size} to {end}")
    steps = list(_cover(frontier.size, end))
    if len(steps) != len(hashes):
        raise _bad_proof(f"{len(hashes)} hashes where {len(steps)} belong")
    for (level, _), item in zip(steps, _checked(hashes), strict=True):
        frontier.push(level, item)


# --- What a path proves ----------------------------------------------------------------------


def root_from_inclusion(leaf_hash: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root of the tree of ``size`` leaves that holds ``leaf_hash`` at ``index``.

    The algorithm is that of RFC 9162 §2.1.3.2, for the same trees.
    PeerError BAD_PROOF when the path has the wrong length or the tree no such leaf.
    """
    if not 0 <= index < size:
        raise _bad_proof(f"no leaf {index} in a tree of {size}")
    if len(leaf_hash) != HASH_BYTES:
        raise _bad_proof("a leaf hash is 32 bytes long")
    position, last = index, size - 1
    root = leaf_hash
    for item in _checked(path):
        if last == 0:
            raise _bad_proof("an inclusion path too long")
        if position & 1 or position == last:
            root = node_hash(item, root)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            root = node_hash(root, item)
        position >>= 1
        last >>= 1
    if last:
        raise _bad_proof("an inclusion path too short")
    return root


def verify_inclusion(
    leaf_hash: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> None:
    """Holds when ``leaf_hash`` is at ``index`` under ``root``. PeerError BAD_PROOF if not."""
    if root_from_inclusion(leaf_hash, index, size, path) != root:
        raise _bad_proof("an inclusion path to another root")


def consistency_roots(
    old: int, new: int, path: Sequence[bytes], old_root: bytes
) -> tuple[bytes, bytes]:
    """The old and the new root that a consistency path implies, for 0 < old <= new.

    The algorithm is that of RFC 9162 §2.1.4.2. Where the implied new root is signed, an implied
    old root other than a signed root of the same size shows a fork. Where ``old`` is a power of
    two or equal to ``new``, its root is not in the path and is taken from ``old_root``, which is
    not used otherwise; there the fork shows in the new root instead.
    PeerError BAD_PROOF when the path has the wrong length.
    """
    if not 0 < old <= new:
        raise _bad_proof(f"no path from {old} to {new}")
    hashes = _checked(path)
    if old & (old - 1) == 0 or old == new:
        hashes.insert(0, old_root)
    if not hashes:
        raise _bad_proof("a consistency path too short")
    position, last = (0, 0) if old == new else (old - 1, new - 1)
    while position & 1:
        position >>= 1
        last >>= 1
    older = newer = hashes[0]
    for item in hashes[1:]:
        if last == 0:
            raise _bad_proof("a consistency path too long")
        if position & 1 or position == last:
            older = node_hash(item, older)
            newer = node_hash(item, newer)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            newer = node_hash(newer, item)
        position >>= 1
        last >>= 1
    if last:
        raise _bad_proof("a consistency path too short")
    return older, newer


def verify_consistency(
    old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """Holds when the tree of ``new`` leaves begins with the tree of ``old`` leaves.

    PeerError BAD_PROOF if not, and for ``old`` 0: every tree begins with the empty one, so a path
    from it would say nothing about ``new_root``, and nobody must believe that it did.
    """
    if consistency_roots(old, new, path, old_root) != (old_root, new_root):
        raise _bad_proof("a consistency path to another root")
