"""Files beside a dispatch: how they are named in its body, sealed and cut (spec/attachments.md).

A body names each with the key that opens it and the root of the tree over its sealed chunks, so a
chunk is checked before anything is opened, by who has no key too. The tree is RFC 6962's; chunks
come in their order, each run with the hashes beside it that were not given before.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from detente.core import limits
from detente.core.crypto import AEAD_KEY_BYTES, AEAD_NONCE_BYTES, aead_open, aead_seal, sha256
from detente.core.encoding import Reader, counted, malformed, utf8, varint
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.merkle import Frontier, leaf_hash, node_hash

TAG_BYTES = 16
BOX_BYTES = limits.CHUNK_BYTES + TAG_BYTES
_LABEL = b"detente attachment v1\n"
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,62}/[a-z0-9][a-z0-9.+-]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """What a body says of one file. ``name`` and ``media_type`` are its author's words."""

    name: str
    media_type: str
    size_bytes: int
    key: bytes
    root: bytes  # over the sealed chunks
    sha256: bytes  # of the file itself, for people and for other tools

    @property
    def chunks(self) -> int:
        """How many chunks it is cut into."""
        return chunks_of(self.size_bytes)

    def encode(self) -> bytes:
        """Counted name, counted type, varint size, 32 bytes each of key, root and hash."""
        head = counted(self.name.encode()) + counted(self.media_type.encode())
        return head + varint(self.size_bytes) + self.key + self.root + self.sha256


def chunks_of(size_bytes: int) -> int:
    """How many chunks a file of that size has: the last may be shorter."""
    return -(-size_bytes // limits.CHUNK_BYTES)


def count_of(boxes: bytes) -> int:
    """How many sealed chunks these bytes are, if they are some."""
    return -(-len(boxes) // BOX_BYTES)


def box_bytes(size_bytes: int, chunk: int) -> int:
    """How long a sealed chunk of a file of that size is."""
    return min(limits.CHUNK_BYTES, size_bytes - chunk * limits.CHUNK_BYTES) + TAG_BYTES


# --- in a body ------------------------------------------------------------------------------------


def enclose(attachments: Sequence[Attachment], plain: bytes) -> bytes:
    """The plain bytes of a body with attachments: their list, then what it says without them.

    LocalError MALFORMED or OVERSIZE for a list that ``disclose`` would refuse.
    """
    data = varint(len(attachments)) + b"".join(one.encode() for one in attachments)
    try:
        _read_list(Reader(data))
    except PeerError as error:
        raise LocalError(error.refusal, error.detail) from error
    return data + plain


def disclose(plain: bytes) -> tuple[tuple[Attachment, ...], bytes]:
    """The attachments of a body whose leaf says that it has some, and what it says besides.

    PeerError MALFORMED, or OVERSIZE for more, or longer ones, than an entry may have.
    """
    reader = Reader(plain)
    found = _read_list(reader)
    return found, reader.take(reader.left())


def _read_list(reader: Reader) -> tuple[Attachment, ...]:
    count = reader.varint()
    if not count:
        raise malformed("no attachment where some are said to be")
    if count > limits.ATTACHMENTS_MAX:
        raise PeerError(Refusal.OVERSIZE, f"{count} attachments")
    found = tuple(_read(reader) for _ in range(count))
    if sum(one.size_bytes for one in found) > limits.ATTACHED_BYTES_MAX:
        raise PeerError(Refusal.OVERSIZE, "attachments of one entry")
    return found


def _read(reader: Reader) -> Attachment:
    name = utf8(reader.counted(4 * limits.NAME_CHARS_MAX))
    media_type = utf8(reader.counted(127))
    size_bytes = reader.varint()
    if not _is_name(name) or _MEDIA_TYPE.fullmatch(media_type) is None or not size_bytes:
        raise malformed("attachment")
    return Attachment(
        name=name,
        media_type=media_type,
        size_bytes=size_bytes,
        key=reader.take(AEAD_KEY_BYTES),
        root=reader.take(32),
        sha256=reader.take(32),
    )


def _is_name(name: str) -> bool:
    """Whether a file may be called so: one row, NFC, nothing invisible, no way into a folder."""
    if not 0 < len(name) <= limits.NAME_CHARS_MAX or not unicodedata.is_normalized("NFC", name):
        return False
    return name.isprintable() and not set(name) & set("/\\:") and name.strip(" .") == name


# --- sealing --------------------------------------------------------------------------------------


def seal(data: bytes, key: bytes) -> tuple[bytes, ...]:
    """The sealed chunks of a file, under a key that is used for nothing else."""
    step = limits.CHUNK_BYTES
    return tuple(
        aead_seal(key, _nonce(number), data[start : start + step], _LABEL)
        for number, start in enumerate(range(0, len(data), step))
    )


def describe(name: str, media_type: str, data: bytes, key: bytes) -> Attachment:
    """What a body says of a file that is sealed under this key."""
    return Attachment(
        name=name,
        media_type=media_type,
        size_bytes=len(data),
        key=key,
        root=root_of(seal(data, key)),
        sha256=sha256(data),
    )


def unseal(found: Attachment, boxes: Iterable[bytes]) -> bytes:
    """The file. PeerError UNREADABLE where its chunks do not open, or are not what was named."""
    opened = []
    try:
        for number, box in enumerate(boxes):
            opened.append(aead_open(found.key, _nonce(number), box, _LABEL))
    except PeerError as error:
        raise PeerError(Refusal.UNREADABLE, "a chunk does not open") from error
    data = b"".join(opened)
    if len(data) != found.size_bytes or sha256(data) != found.sha256:
        raise PeerError(Refusal.UNREADABLE, "not the file that was named")
    return data


def _nonce(number: int) -> bytes:
    return number.to_bytes(AEAD_NONCE_BYTES, "big")


# --- the tree -------------------------------------------------------------------------------------


def root_of(boxes: Iterable[bytes]) -> bytes:
    """The root over sealed chunks (RFC 6962 §2.1)."""
    frontier = Frontier()
    for box in boxes:
        frontier.append(leaf_hash(box))
    return frontier.root()


def run_end(first: int, chunks: int, longest: int) -> int:
    """Where the run that begins at a chunk ends: so many chunks that they are a subtree, and no
    more than ``longest``, a power of two."""
    aligned = first & -first if first else longest
    return min(first + min(aligned, longest), chunks)


def beside(first: int, stop: int, chunks: int) -> Iterator[tuple[int, int]]:
    """The subtrees behind the run [first, stop) whose hashes were not given with earlier ones, as
    (start, end), largest first. PeerError BAD_PROOF where the run is no subtree."""
    end = _known_end(first, chunks)
    while end > stop:
        middle = first + _left(end - first)
        yield middle, end
        end = middle
    if end != stop:
        raise PeerError(Refusal.BAD_PROOF, "a run that is no subtree")


def _known_end(first: int, chunks: int) -> int:
    """Where the largest subtree ends that begins at a chunk: its hash is known by then."""
    start, end = 0, chunks
    while start != first:
        middle = start + _left(end - start)
        start, end = (middle, end) if first >= middle else (start, middle)
    return end


def _left(size: int) -> int:
    """The largest power of two below a size above 1 (RFC 6962 §2.1)."""
    return 1 << ((size - 1).bit_length() - 1)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the chunks of one file are here, in their order, and what the next ones must hash to:
    the roots of the subtrees behind them, the nearest last."""

    size_bytes: int
    held: int
    ahead: tuple[bytes, ...]

    @property
    def is_whole(self) -> bool:
        """Whether every chunk is here."""
        return self.held == chunks_of(self.size_bytes)

    def take(self, boxes: bytes, hashes: Sequence[bytes]) -> tuple[tuple[bytes, ...], Progress]:
        """The next run as single chunks, and how far they are then. MALFORMED for another length
        than the size says, BAD_PROOF for chunks that are not those of the root."""
        chunks = chunks_of(self.size_bytes)
        stop = self.held + count_of(boxes)
        if not self.held < stop <= min(chunks, self.held + limits.RUN_CHUNKS_MAX):
            raise malformed("chunks")
        found = tuple(boxes[at : at + BOX_BYTES] for at in range(0, len(boxes), BOX_BYTES))
        if len(found[-1]) != box_bytes(self.size_bytes, stop - 1):
            raise malformed("a chunk of another length than the size says")
        if len(hashes) != sum(1 for _ in beside(self.held, stop, chunks)):
            raise PeerError(Refusal.BAD_PROOF, "hashes beside a run of chunks")
        root = root_of(found)
        for right in reversed(hashes):
            root = node_hash(root, right)
        if root != self.ahead[-1]:
            raise PeerError(Refusal.BAD_PROOF, "chunks of another file")
        return found, Progress(self.size_bytes, stop, (*self.ahead[:-1], *hashes))

    def take_on(
        self, first: int, boxes: bytes, hashes: Sequence[bytes]
    ) -> tuple[tuple[bytes, ...], Progress]:
        """As ``take``, of a run that begins at ``first`` and goes on beyond what is here: what is
        here of it is passed over, and what its rest must hash to is known by then."""
        if first == self.held or not boxes:  # none at all are refused as well
            return self.take(boxes, hashes)
        found, progress, chunks = list[bytes](), self, chunks_of(self.size_bytes)
        rest = boxes[(self.held - first) * BOX_BYTES :]
        while rest:
            length = (_known_end(progress.held, chunks) - progress.held) * BOX_BYTES
            more, progress = progress.take(rest[:length], ())
            found += more
            rest = rest[length:]
        return tuple(found), progress


def begin(found: Attachment) -> Progress:
    """Nothing of a file is here, and its root is known."""
    return Progress(found.size_bytes, 0, (found.root,))
