"""Files beside a dispatch: named in its body, sealed, cut, and checked run by run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.core import limits
from detente.core.attachment import (
    BOX_BYTES,
    Attachment,
    Progress,
    begin,
    beside,
    chunks_of,
    describe,
    disclose,
    enclose,
    root_of,
    run_end,
    seal,
    unseal,
)
from detente.core.crypto import sha256
from detente.core.encoding import counted, varint
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.merkle import inclusion_path, leaf_hash, verify_inclusion

KEY = bytes(range(32))


def file_of(size: int) -> bytes:
    return bytes(at * 7 % 251 for at in range(size))


def _told(size: int = 5000, **changes: object) -> Attachment:
    return replace(describe("map.png", "image/png", file_of(size), KEY), **changes)  # type: ignore[arg-type]


def _runs(data: bytes, longest: list[int]) -> list[tuple[bytes, list[bytes]]]:
    """What a server sends, run by run, in frames that may have so many chunks in turn."""
    boxes = seal(data, KEY)
    out, first = [], 0
    while first < len(boxes):
        stop = run_end(first, len(boxes), longest[len(out) % len(longest)])
        hashes = [root_of(boxes[a:b]) for a, b in beside(first, stop, len(boxes))]
        out.append((b"".join(boxes[first:stop]), hashes))
        first = stop
    return out


@settings(max_examples=40)
@given(
    st.integers(1, 140 * limits.CHUNK_BYTES),
    st.lists(st.sampled_from((1, 16, 64)), min_size=1, max_size=5),
)
def test_every_run_is_checked_against_the_root_and_no_hash_is_sent_twice(
    size: int, longest: list[int]
) -> None:
    """Whatever the length, and whichever bearers take turns: each run proves itself, the file comes
    out, and the hashes beside it are at most one a chunk."""
    data = file_of(size)
    told = describe("a", "text/plain", data, KEY)
    progress, got, hashes_sent = begin(told), [], 0
    for boxes, hashes in _runs(data, longest):
        found, progress = progress.take(boxes, hashes)
        got += found
        hashes_sent += len(hashes)
    assert progress.is_whole
    assert not progress.ahead
    assert hashes_sent < max(1, chunks_of(size))
    assert unseal(told, got) == data


def test_the_root_is_that_of_rfc_6962() -> None:
    """An inclusion path of any other implementation leads from a sealed chunk to the root."""
    boxes = seal(file_of(5 * limits.CHUNK_BYTES), KEY)
    leaves = [leaf_hash(box) for box in boxes]

    def read(level: int, index: int) -> bytes:
        return root_of(boxes[index << level : (index + 1) << level])

    root = root_of(boxes)
    for index, leaf in enumerate(leaves):
        verify_inclusion(leaf, index, 5, inclusion_path(read, index, 5), root)


def test_one_chunk_goes_over_a_narrow_bearer_and_many_over_a_wide_one() -> None:
    """A run is a subtree: as long as where it begins allows, and 64 chunks at most."""
    assert [run_end(first, 1000, 1) for first in (0, 1, 64)] == [1, 2, 65]
    assert [run_end(first, 1000, 64) for first in (0, 1, 2, 64, 960)] == [
        64,
        2,
        4,
        128,
        1000,
    ]


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (lambda b, h: (b[:-1] + bytes((b[-1] ^ 1,)), h), Refusal.BAD_PROOF),
        (lambda b, h: (b[:-1], h), Refusal.MALFORMED),
        (lambda b, h: (b"", h), Refusal.MALFORMED),
        (lambda b, h: (b + b[:1], h), Refusal.MALFORMED),
        (lambda b, h: (b[:BOX_BYTES], h), Refusal.BAD_PROOF),
        (lambda b, h: (b[: 3 * BOX_BYTES], h), Refusal.BAD_PROOF),
        (lambda b, h: (b, [*h, bytes(32)]), Refusal.BAD_PROOF),
        (lambda b, h: (b, [bytes(32)] * len(h)), Refusal.BAD_PROOF),
    ],
)
def test_what_is_not_the_file_that_was_named_is_refused(change: object, refusal: Refusal) -> None:
    """A changed byte, another length than the size says, too few chunks, other hashes: nothing of
    such a run is taken."""
    boxes, hashes = _runs(file_of(100 * limits.CHUNK_BYTES), [64])[0]
    start = begin(describe("a", "text/plain", file_of(100 * limits.CHUNK_BYTES), KEY))
    with pytest.raises(PeerError) as caught:
        start.take(*change(boxes, hashes))  # type: ignore[operator]
    assert caught.value.refusal is refusal


def test_a_size_that_lies_ends_at_the_first_run() -> None:
    """Fewer or more bytes than were named never become a file."""
    data = file_of(3 * limits.CHUNK_BYTES)
    boxes = b"".join(seal(data, KEY))
    for size in (len(data) - 1, len(data) + 1, 1):
        with pytest.raises(PeerError):
            Progress(size, 0, begin(_told()).ahead).take(boxes, ())


def test_a_body_names_its_attachments_before_its_text() -> None:
    """What was enclosed is disclosed, and the text stands behind it as it was."""
    told = (_told(), _told(1, name="zwei.txt", media_type="text/plain"))
    assert disclose(enclose(told, b"text")) == (told, b"text")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "../x"},
        {"name": "a\\b"},
        {"name": "c:d"},
        {"name": ".hidden"},
        {"name": "a" * 81},
        {"name": "a\u202eb"},
        {"name": "e\u0301"},
        {"name": "two\nrows"},
        {"media_type": "text"},
        {"media_type": "text/html; charset=utf-8"},
        {"size_bytes": 0},
    ],
)
def test_names_types_and_sizes_that_could_deceive_are_refused(changes: dict[str, object]) -> None:
    """No way into a folder, nothing invisible, one row, a plain type, at least a byte."""
    with pytest.raises(LocalError) as caught:
        enclose([_told(**changes)], b"")
    assert caught.value.refusal is Refusal.MALFORMED
    with pytest.raises(PeerError):
        disclose(varint(1) + _told(**changes).encode())


@pytest.mark.parametrize("name", ["X", "Xylograph (2).X", "\u00fc" * limits.NAME_CHARS_MAX])
def test_a_name_is_of_one_to_eighty_characters_of_any_language(name: str) -> None:
    """The shortest, the longest and a usual name come out as they were given."""
    told = _told(name=name, media_type="a" * 63 + "/" + "b" * 63)
    assert disclose(enclose([told], b""))[0] == (told,)


@pytest.mark.parametrize("changes", [{"name": "\U00010348" * 81}, {"media_type": "a/" + "b" * 126}])
def test_more_bytes_than_a_name_or_a_type_can_have_are_oversize(changes: dict[str, object]) -> None:
    """80 characters are 320 bytes at most, and a type 127: longer ones are not even read."""
    with pytest.raises(LocalError) as caught:
        enclose([_told(**changes)], b"")
    assert caught.value.refusal is Refusal.OVERSIZE


def test_an_entry_has_so_many_attachments_of_so_many_bytes() -> None:
    """None where some are announced, more than eight, and more than 16 MiB together."""
    for bad, refusal in (
        ([], Refusal.MALFORMED),
        ([_told(1)] * 9, Refusal.OVERSIZE),
        ([_told(size_bytes=limits.ATTACHED_BYTES_MAX), _told(1)], Refusal.OVERSIZE),
    ):
        with pytest.raises(LocalError) as caught:
            enclose(bad, b"")
        assert caught.value.refusal is refusal
    for most in ([_told(size_bytes=limits.ATTACHED_BYTES_MAX)], [_told(1)] * 8):
        assert disclose(enclose(most, b""))[0] == tuple(most)
    with pytest.raises(PeerError):
        disclose(varint(1) + counted(b"a"))


def test_chunks_that_open_to_another_file_are_unreadable() -> None:
    """An author may name a root, a key and a hash that do not belong together."""
    data = file_of(2000)
    told = describe("a", "text/plain", data, KEY)
    boxes = seal(data, KEY)
    for lie in (
        replace(told, key=bytes(32)),
        replace(told, sha256=sha256(b"")),
        replace(told, size_bytes=1999),
    ):
        with pytest.raises(PeerError) as caught:
            unseal(lie, boxes)
        assert caught.value.refusal is Refusal.UNREADABLE
    with pytest.raises(PeerError):
        unseal(told, reversed(boxes))
