"""Trees, paths and frontiers against RFC 6962's own recursive definitions and published cases."""

from __future__ import annotations

import base64
import hashlib
import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.core import merkle
from detente.core.encoding import VARINT_MAX, varint
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.merkle import Frontier

VECTORS = Path(__file__).resolve().parents[2].parent / "shared" / "vectors" / "merkle"
SIZE_MAX = 70  # past 64, so that the last subtree of every size and shape occurs
LEAVES = [merkle.leaf_hash(bytes((number,))) for number in range(SIZE_MAX)]
SIZES = st.integers(0, SIZE_MAX)


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = naive_split(len(leaves))
    return hashlib.sha256(b"\1" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_split(size: int) -> int:
    """The largest power of two below ``size``."""
    k = 1
    while 2 * k < size:
        k *= 2
    return k


def naive_inclusion(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962 §2.1.1."""
    if len(leaves) == 1:
        return []
    k = naive_split(len(leaves))
    if index < k:
        return [*naive_inclusion(index, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_inclusion(index - k, leaves[k:]), naive_root(leaves[:k])]


def naive_consistency(old: int, leaves: list[bytes], known: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 6962 §2.1.2."""
    if old == len(leaves):
        return [] if known else [naive_root(leaves)]
    k = naive_split(len(leaves))
    if old <= k:
        return [*naive_consistency(old, leaves[:k], known), naive_root(leaves[k:])]
    return [*naive_consistency(old - k, leaves[k:], False), naive_root(leaves[:k])]


class Stored:
    """A stored tree as a log keeps it: filled from ``append``; knows perfect subtrees only."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.hashes: dict[tuple[int, int], bytes] = {}
        self.reads = 0
        frontier = Frontier()
        for index, leaf in enumerate(leaves):
            for level, hash_ in enumerate([leaf, *frontier.append(leaf)]):
                self.hashes[level, index >> level] = hash_

    def read(self, level: int, index: int) -> bytes:
        """A KeyError here means that something other than a perfect subtree was asked for."""
        self.reads += 1
        return self.hashes[level, index]


STORED = Stored(LEAVES)


def grown(size: int) -> Frontier:
    """The frontier after ``size`` leaves, one by one."""
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.append(leaf)
    return frontier


def bad_proof(call, *args) -> None:
    """The call raises PeerError BAD_PROOF."""
    with pytest.raises(PeerError) as caught:
        call(*args)
    assert caught.value.refusal is Refusal.BAD_PROOF


def mutations(path: list[bytes]) -> list[list[bytes]]:
    """Paths near this one that must not verify."""
    out = [[*path, LEAVES[0]], [LEAVES[0], *path]]
    for at, item in enumerate(path):
        out.append(path[:at] + path[at + 1 :])
        out.append([*path[:at], bytes((item[0] ^ 1,)) + item[1:], *path[at + 1 :]])
        out.append([*path[:at], item[:-1], *path[at + 1 :]])
        out.append([*path[:at], item + b"\0", *path[at + 1 :]])
    # Moved bytes keep the concatenation that is hashed, so only the length can tell.
    out.extend(
        [*path[:at], left + right[:1], right[1:], *path[at + 2 :]]
        for at, (left, right) in enumerate(pairwise(path))
    )
    return out


def test_hashes_separate_leaves_from_nodes():
    """A leaf hashes behind 0x00, a node behind 0x01, the empty tree as nothing."""
    assert merkle.leaf_hash(b"ab") == hashlib.sha256(b"\0ab").digest()
    assert merkle.node_hash(b"a", b"b") == hashlib.sha256(b"\1ab").digest()
    assert hashlib.sha256(b"").digest() == merkle.EMPTY_ROOT


def test_a_frontier_knows_the_root_of_every_size():
    """Appending one by one gives RFC 6962's root at each size, and one peak per set bit."""
    frontier = Frontier()
    assert frontier.root() == merkle.EMPTY_ROOT
    for size, leaf in enumerate(LEAVES, 1):
        completed = frontier.append(leaf)
        assert frontier.size == size
        assert frontier.root() == naive_root(LEAVES[:size])
        assert len(frontier.peaks) == size.bit_count()
        whole = [level for level in range(1, 8) if size % (1 << level) == 0]
        assert completed == [naive_root(LEAVES[size - (1 << level) : size]) for level in whole]


def test_a_copy_grows_on_its_own():
    """What is appended to a copy does not reach the first frontier."""
    frontier = grown(5)
    copy = frontier.copy()
    assert copy == frontier
    copy.append(LEAVES[5])
    assert frontier == grown(5)
    assert copy == grown(6)


def test_push_equals_appending_the_leaves():
    """A pushed subtree leaves the frontier where its leaves one by one would."""
    for size in range(33):
        for level in range(5):
            frontier = grown(size)
            end = size + (1 << level)
            if size % (1 << level):
                with pytest.raises(PeerError) as caught:
                    frontier.push(level, LEAVES[0])
                assert caught.value.refusal is Refusal.MALFORMED
                assert frontier == grown(size)
            else:
                frontier.push(level, naive_root(LEAVES[size:end]))
                assert frontier == grown(end)


def test_push_refuses_what_is_no_hash_or_too_large():
    """A hash has 32 bytes, and a tree less than 2**63 leaves."""
    for level, item in ((0, b"short"), (63, LEAVES[0])):
        with pytest.raises(PeerError) as caught:
            Frontier().push(level, item)
        assert caught.value.refusal is Refusal.MALFORMED
    frontier = Frontier()
    frontier.push(62, LEAVES[0])
    assert frontier == Frontier(1 << 62, [LEAVES[0]])


def test_a_tree_may_be_as_large_as_a_size_can_say():
    """The last leaf of all is taken, alone or as a cover; the one behind it is not."""
    last = Frontier(VARINT_MAX - 1, [LEAVES[0]] * (VARINT_MAX - 1).bit_count())
    covered = last.copy()
    last.push(0, LEAVES[1])
    merkle.push_cover(covered, [LEAVES[1]], VARINT_MAX)
    assert last == covered
    assert last.size == VARINT_MAX
    with pytest.raises(PeerError):
        last.push(0, LEAVES[1])


def test_an_encoded_frontier_reads_back():
    """Every size encodes as its varint and peaks, and decodes to itself."""
    for size in range(SIZE_MAX + 1):
        data = grown(size).encode()
        assert data == varint(size) + b"".join(grown(size).peaks)
        assert Frontier.decode(data) == grown(size)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        b"\x01" + bytes(31),
        b"\x01" + bytes(33),
        b"\x03" + bytes(32),
        b"\x00" + bytes(1),
        b"\x81\x00" + bytes(32),
    ],
)
def test_another_frontier_is_malformed(data: bytes):
    """Cut, overlong and padded encodings are refused."""
    with pytest.raises(PeerError) as caught:
        Frontier.decode(data)
    assert caught.value.refusal is Refusal.MALFORMED


@given(SIZES)
def test_a_stored_tree_gives_every_root_and_frontier(size: int):
    """Root and frontier at any past size come from perfect subtrees alone."""
    assert merkle.root_at(STORED.read, size) == naive_root(LEAVES[:size])
    assert merkle.frontier_at(STORED.read, size) == grown(size)


@settings(deadline=None)
@given(st.data())
def test_inclusion_paths_are_those_of_the_rfc(data):
    """Each path equals the recursive definition, verifies, and no neighbour of it does."""
    size = data.draw(st.integers(1, SIZE_MAX))
    index = data.draw(st.integers(0, size - 1))
    path = merkle.inclusion_path(STORED.read, index, size)
    root = naive_root(LEAVES[:size])
    assert path == naive_inclusion(index, LEAVES[:size])
    assert merkle.root_from_inclusion(LEAVES[index], index, size, path) == root
    merkle.verify_inclusion(LEAVES[index], index, size, path, root)
    for other in mutations(path):
        bad_proof(merkle.verify_inclusion, LEAVES[index], index, size, other, root)
    bad_proof(merkle.verify_inclusion, merkle.leaf_hash(b"another"), index, size, path, root)
    if size > 1:
        wrong = (index + 1) % size
        bad_proof(merkle.verify_inclusion, LEAVES[index], wrong, size, path, root)


@settings(deadline=None)
@given(st.integers(1, SIZE_MAX), st.integers(1, SIZE_MAX))
def test_consistency_paths_are_those_of_the_rfc(one: int, two: int):
    """Each path equals the recursive definition, verifies, and no neighbour of it does."""
    old, new = sorted((one, two))
    path = merkle.consistency_path(STORED.read, old, new)
    old_root, new_root = naive_root(LEAVES[:old]), naive_root(LEAVES[:new])
    assert path == naive_consistency(old, LEAVES[:new])
    assert merkle.consistency_roots(old, new, path, old_root) == (old_root, new_root)
    merkle.verify_consistency(old, new, path, old_root, new_root)
    for other in mutations(path):
        bad_proof(merkle.verify_consistency, old, new, other, old_root, new_root)
    bad_proof(merkle.verify_consistency, old, new, path, LEAVES[1], new_root)
    bad_proof(merkle.verify_consistency, old, new, path, old_root, LEAVES[1])


def test_a_path_shows_the_fork_of_an_old_head():
    """A path to the newer head implies an old root: a forked signed root of that size differs."""
    for old in range(1, 40):
        forked = [*LEAVES[: old - 1], merkle.leaf_hash(b"another")]
        for new in range(old + 1, 41):
            path = merkle.consistency_path(STORED.read, old, new)
            roots = merkle.consistency_roots(old, new, path, naive_root(forked))
            assert roots != (naive_root(forked), naive_root(LEAVES[:new]))
            if old & (old - 1):
                assert roots == (naive_root(LEAVES[:old]), naive_root(LEAVES[:new]))


def test_nothing_is_proven_from_an_empty_tree():
    """Size 0 has no path: one would say nothing about the newer root (RFC 6962: 0 < m)."""
    bad_proof(merkle.verify_consistency, 0, 0, [], merkle.EMPTY_ROOT, merkle.EMPTY_ROOT)
    bad_proof(merkle.verify_consistency, 0, 9, [], merkle.EMPTY_ROOT, LEAVES[0])


def test_sizes_that_cannot_be_are_refused():
    """Indices outside the tree and sizes that go back: ours when we ask, a bad proof from them."""
    for call, args in (
        (merkle.inclusion_path, (5, 5)),
        (merkle.inclusion_path, (-1, 5)),
        (merkle.consistency_path, (6, 5)),
        (merkle.consistency_path, (0, 5)),
        (merkle.cover, (6, 5)),
        (merkle.root_at, (-1,)),
    ):
        with pytest.raises(LocalError) as caught:
            call(STORED.read, *args)
        assert caught.value.refusal is Refusal.BAD_PROOF
    bad_proof(merkle.root_from_inclusion, LEAVES[0], 5, 5, [])
    bad_proof(merkle.root_from_inclusion, LEAVES[0], 1, 1, [])
    bad_proof(merkle.root_from_inclusion, LEAVES[0], -1, 5, [])
    bad_proof(merkle.root_from_inclusion, b"short", 0, 1, [])
    bad_proof(merkle.consistency_roots, 6, 5, [], LEAVES[0])
    bad_proof(merkle.consistency_roots, 0, 5, [], LEAVES[0])
    bad_proof(merkle.consistency_roots, 3, 5, [], LEAVES[0])
    bad_proof(merkle.push_cover, grown(5), [], 4)
    bad_proof(merkle.push_cover, grown(5), [LEAVES[0]] * 63, VARINT_MAX + 1)


@settings(deadline=None)
@given(SIZES, SIZES)
def test_a_cover_takes_a_frontier_from_size_to_size(one: int, two: int):
    """Pushed as levels or as bare hashes, a cover ends at the frontier of the larger size."""
    start, end = sorted((one, two))
    cover = merkle.cover(STORED.read, start, end)
    frontier = grown(start)
    for level, item in cover:
        frontier.push(level, item)
    assert frontier == grown(end)
    hashes = [item for _, item in cover]
    frontier = grown(start)
    merkle.push_cover(frontier, hashes, end)
    assert frontier == grown(end)
    assert len(cover) == fewest(start, end)
    for wrong in ([*hashes, LEAVES[0]], hashes[1:] if hashes else [b""]):
        frontier = grown(start)
        bad_proof(merkle.push_cover, frontier, wrong, end)
        assert frontier == grown(start)
    if hashes:
        bad_proof(merkle.push_cover, grown(start), [*hashes[:-1], b"short"], end)


def fewest(start: int, end: int) -> int:
    """The least number of aligned subtrees from start to end, by trying every one (slow)."""
    least = {end: 0}
    for at in range(end - 1, start - 1, -1):
        steps = [1 << level for level in range(7) if at % (1 << level) == 0]
        least[at] = 1 + min(least[at + step] for step in steps if at + step <= end)
    return least[start]


def test_a_large_tree_takes_few_reads():
    """In a tree of 2**62 leaves each path and root takes at most two reads for each level."""
    stored = Stored([])

    def read(level: int, index: int) -> bytes:
        stored.reads += 1
        return hashlib.sha256(b"%d %d" % (level, index)).digest()

    size = (1 << 62) - 1
    for call, args in (
        (merkle.root_at, (size,)),
        (merkle.inclusion_path, (1, size)),
        (merkle.inclusion_path, (size - 1, size)),
        (merkle.consistency_path, (12345678901, size)),
        (merkle.cover, (1, size)),
    ):
        stored.reads = 0
        call(read, *args)
        assert stored.reads <= 2 * 62


def published(name: str) -> list[dict]:
    """The published cases of one file, or a skip that says so."""
    path = VECTORS / f"{name}.jsonl"
    if not path.exists():
        pytest.skip("published Merkle vectors are not beside this tree")
    return [json.loads(line) for line in path.read_text().splitlines()]


def judged(call, *args) -> bool:
    """Whether the call refused as BAD_PROOF."""
    try:
        call(*args)
    except PeerError as exc:
        return exc.refusal is Refusal.BAD_PROOF
    return False


def test_published_inclusion_cases():
    """Every published inclusion case is accepted or refused as published."""
    cases = published("inclusion")
    for case in cases:
        path = [base64.b64decode(item) for item in case["proof"] or []]
        leaf, root = base64.b64decode(case["leafHash"]), base64.b64decode(case["root"])
        args = (leaf, case["leafIdx"], case["treeSize"], path, root)
        assert judged(merkle.verify_inclusion, *args) == case["wantErr"], case["name"]
    assert len(cases) == 98


def test_published_consistency_cases():
    """Every published consistency case is accepted or refused as published."""
    cases = published("consistency")
    for case in cases:
        path = [base64.b64decode(item) for item in case["proof"] or []]
        roots = base64.b64decode(case["root1"]), base64.b64decode(case["root2"])
        args = (case["size1"], case["size2"], path, *roots)
        assert judged(merkle.verify_consistency, *args) == case["wantErr"], case["name"]
    assert len(cases) == 98
