"""Trees of the second node: RFC 6962 roots, paths and frontiers, and one log as it is held.

Written from spec/log.md §2, §5 and session.md §6 alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from interop.peer_bytes import Leaf, check, leaf_or_none, sha


def split(size: int) -> int:
    """The largest power of two below a size of at least two (RFC 6962 §2.1)."""
    return 1 << (size - 1).bit_length() - 1


def tree_root(hashes: list[bytes]) -> bytes:
    """The root over leaf hashes (log.md §2.5)."""
    if len(hashes) < 2:
        return hashes[0] if hashes else sha()
    at = split(len(hashes))
    return sha(b"\1", tree_root(hashes[:at]), tree_root(hashes[at:]))


def inclusion_path(hashes: list[bytes], index: int) -> list[bytes]:
    """The path of a leaf (RFC 6962 §2.1.1)."""
    if len(hashes) < 2:
        return []
    at = split(len(hashes))
    if index < at:
        return [*inclusion_path(hashes[:at], index), tree_root(hashes[at:])]
    return [*inclusion_path(hashes[at:], index - at), tree_root(hashes[:at])]


def consistency_path(hashes: list[bytes], old: int, whole: bool = True) -> list[bytes]:
    """The path from an old size of at least one to this one (RFC 6962 §2.1.2)."""
    if old == len(hashes):
        return [] if whole else [tree_root(hashes)]
    at = split(len(hashes))
    if old <= at:
        return [*consistency_path(hashes[:at], old, whole), tree_root(hashes[at:])]
    return [*consistency_path(hashes[at:], old - at, False), tree_root(hashes[:at])]


def check_inclusion(leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> None:
    """Refuse a path that does not lead from the leaf to the root (log.md §2.6)."""

    def climb(index: int, size: int, path: list[bytes]) -> bytes:
        if size < 2:
            check(not path, "bad-proof")
            return leaf
        check(bool(path), "bad-proof")
        at = split(size)
        if index < at:
            return sha(b"\1", climb(index, at, path[:-1]), path[-1])
        return sha(b"\1", path[-1], climb(index - at, size - at, path[:-1]))

    check(index < size and climb(index, size, path) == root, "bad-proof")


def check_consistency(
    old: int, new: int, path: list[bytes], old_root: bytes, new_root: bytes
) -> None:
    """Refuse a path that does not lead from one root to the other (log.md §2.6)."""

    def climb(old: int, new: int, path: list[bytes], whole: bool) -> tuple[bytes, bytes]:
        if old == new:
            check(len(path) == (not whole), "bad-proof")
            return (old_root, old_root) if whole else (path[0], path[0])
        check(bool(path), "bad-proof")
        at = split(new)
        if old <= at:
            one, two = climb(old, at, path[:-1], whole)
            return one, sha(b"\1", two, path[-1])
        one, two = climb(old - at, new - at, path[:-1], False)
        return sha(b"\1", path[-1], one), sha(b"\1", path[-1], two)

    check(0 < old <= new and climb(old, new, path, True) == (old_root, new_root), "bad-proof")


def root_behind_gap(
    base: int, peaks: list[bytes], index: int, cover: list[bytes], leaf: bytes
) -> bytes:
    """The root behind a leaf, from a frontier at base and the subtrees between (session.md §6)."""
    stack = [(1 << bit, hash_) for bit, hash_ in zip(_bits(base), peaks, strict=True)]
    rest, at = list(cover), base
    while at <= index:
        size = 1
        if at < index:
            size = min(at & -at or 1 << 62, 1 << (index - at).bit_length() - 1)
            check(bool(rest), "bad-proof")
        stack.append((size, rest.pop(0) if at < index else leaf))
        at += size
        while len(stack) > 1 and stack[-1][0] == stack[-2][0]:
            (size, left), (_, right) = stack[-2:]
            stack[-2:] = [(2 * size, sha(b"\1", left, right))]
    check(not rest, "bad-proof")
    root = stack[-1][1]
    for _, left in reversed(stack[:-1]):
        root = sha(b"\1", left, root)
    return root


def _bits(number: int) -> list[int]:
    return [bit for bit in reversed(range(number.bit_length())) if number >> bit & 1]


def frontier(hashes: list[bytes]) -> list[bytes]:
    """The roots of the perfect subtrees of a tree, left to right (session.md §6)."""
    peaks, at = [], 0
    for bit in _bits(len(hashes)):
        peaks.append(tree_root(hashes[at : at + (1 << bit)]))
        at += 1 << bit
    return peaks


@dataclass
class Tape:
    """One log as it is held: leaves, bodies, signed heads, when each was held (log.md §5)."""

    leaves: list[bytes] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    bodies: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    heads: dict[int, bytes] = field(default_factory=dict)
    held_at: dict[int, int] = field(default_factory=dict)

    def root(self, size: int) -> bytes:
        """The root of the first so many leaves (log.md §2.5)."""
        return tree_root(self.hashes[:size])

    def leaf(self, index: int) -> Leaf | None:
        """The leaf there, or none where it is void (log.md §5.3)."""
        return leaf_or_none(self.leaves[index])
