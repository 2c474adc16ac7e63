"""The whole transcript as a text file, written and read as a stream (spec/proof.md §4).

One line, one fact, so that a file of any size is checked in the memory of one line. Reading here
is parsing alone: what the lines claim is proven by ``dossiers.verify``.
"""

from __future__ import annotations

import hashlib
from binascii import Error as BinasciiError
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import NamedTuple

from detente.core import limits
from detente.core.crypto import ED25519_SIGNATURE_BYTES, MLDSA44_SIGNATURE_BYTES
from detente.core.encoding import b64, decimal, malformed, unhex, utf8
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.leaf import LogId
from detente.core.transcript import Entry, Transcript

FIRST_LINE = "detente transcript v1"
LINE_BYTES_MAX = 131_072  # one entry: a leaf, a salt and a body in base64, with room
SHEETS_MAX = 64  # ceremony sheets: two parties may have compared digits more than once
CARDS_MAX = 128  # of 32 members, some of them after a rotation
REVOCATIONS_MAX = 256  # of 32 members, eight keys each
SHEET_BYTES_MAX = 4096  # one page of text
BUILD_CHARS_MAX = 64  # the version word of the program that wrote the file
SALT_BYTES = 16
TIME_MAX_S = (1 << 40) - 1


class Shown(Enum):
    """What an entry line says of the body its leaf commits to."""

    NONE = ""  # the leaf commits to no body
    OPENED = "opened"  # salt and body stand in the line
    PURGED = "purged"  # held once, and destroyed since
    MISSING = "missing"  # addressed to the writer and not held by it
    NOT_MINE = "notmine"  # never addressed to the writer of the file


class Preamble(NamedTuple):
    """What stands before the first log. ``number`` is that of its last line."""

    number: int
    line: bytes
    build: str
    cards: tuple[bytes, ...]
    charter: bytes
    sheets: tuple[str, ...]
    revocations: tuple[bytes, ...] = ()


class LogStart(NamedTuple):
    """A log begins; every line up to the next of these belongs to it."""

    number: int
    origin: str


class EntryLine(NamedTuple):
    """The next entry of the log: its raw leaf, and what is shown of its body."""

    number: int
    raw: bytes
    shown: Shown
    salt: bytes
    body: bytes


class Signed(NamedTuple):
    """The author's Ed25519 signature over the log at ``size``: the entries listed so far."""

    number: int
    size: int
    signature: bytes


class PqSigned(NamedTuple):
    """The author's dated ML-DSA-44 signature over the log at ``size``."""

    number: int
    size: int
    time_s: int
    signature: bytes


class Cosigned(NamedTuple):
    """A cosigner's dated signature over the log at ``size``: Ed25519 or ML-DSA-44 by its length."""

    number: int
    size: int
    name: str
    time_s: int
    signature: bytes


class End(NamedTuple):
    """The last line agreed with every byte before it."""

    number: int
    digest: bytes


HeadLine = Signed | PqSigned | Cosigned
Item = Preamble | LogStart | EntryLine | Signed | PqSigned | Cosigned | End


# --- Writing ---------------------------------------------------------------------------------


def write_export(
    transcript: Transcript,
    preamble: Preamble,
    *,
    reader: int | None,
    origin: Callable[[LogId], str],
    heads: Callable[[LogId], Iterable[HeadLine]],
) -> Iterator[bytes]:
    """The lines of an export, one at a time, each ending in a newline.

    ``reader`` is the member number of whoever writes the file (None for a stranger): a body it
    should hold and does not is *missing*, any other is *notmine*. ``heads`` gives the signatures
    kept for a log, by rising size, none above the size held. Line numbers of what goes in are
    not looked at. LocalError USAGE for heads out of order or beyond the entries.
    """
    digest = hashlib.sha256()
    for text in _lines(transcript, preamble, reader=reader, origin=origin, heads=heads):
        line = text.encode() + b"\n"
        digest.update(line)
        yield line
    yield f"end {digest.hexdigest()}\n".encode()


def _lines(
    transcript: Transcript,
    preamble: Preamble,
    *,
    reader: int | None,
    origin: Callable[[LogId], str],
    heads: Callable[[LogId], Iterable[HeadLine]],
) -> Iterator[str]:
    yield FIRST_LINE
    yield f"line {preamble.line.hex()}"
    yield f"build {preamble.build}"
    for card in preamble.cards:
        yield f"card {b64(card)}"
    for revocation in preamble.revocations:
        yield f"revocation {b64(revocation)}"
    yield f"charter {b64(preamble.charter)}"
    for sheet in preamble.sheets:
        yield f"ceremony {b64(sheet.encode())}"
    for log in transcript.logs():
        size = transcript.size(log)
        if not size:
            continue
        yield f"log {origin(log)}"
        signed = iter(heads(log))
        head = next(signed, None)
        for index in range(size):
            yield entry_line(transcript.entry(log, index), reader)
            while head is not None and head.size == index + 1:
                yield head_line(head)
                head = next(signed, None)
        if head is not None:
            raise LocalError(
                Refusal.USAGE, f"a signed size {head.size} out of order or above {size}"
            )


def entry_line(entry: Entry, reader: int | None) -> str:
    """The line of one entry, without its newline."""
    start = f"entry {b64(entry.raw)}"
    leaf = entry.leaf
    if leaf is None or leaf.commitment is None:
        return start
    if entry.purged:
        return f"{start} {Shown.PURGED.value}"
    if entry.body is not None and entry.salt is not None:
        return f"{start} {b64(entry.salt)} {b64(entry.body)}"
    mine = reader is not None and leaf.reads(reader)
    return f"{start} {(Shown.MISSING if mine else Shown.NOT_MINE).value}"


def head_line(head: HeadLine) -> str:
    """The line of one signature over a head, without its newline."""
    if isinstance(head, Signed):
        return f"signed {head.size} {b64(head.signature)}"
    if isinstance(head, PqSigned):
        return f"pq {head.size} {head.time_s} {b64(head.signature)}"
    return f"cosigned {head.size} {head.name} {head.time_s} {b64(head.signature)}"


# --- Reading ---------------------------------------------------------------------------------


def read_export(chunks: Iterable[bytes]) -> Iterator[Item]:
    """What an export states, item by item; chunks may end anywhere.

    The first item is always the Preamble and the last always the End, whose digest has been
    compared. PeerError MALFORMED for what ``write_export`` would not write, OVERSIZE for a line
    beyond LINE_BYTES_MAX; both carry ``line_number``. Nothing is proven by this alone.
    """
    lines = _Lines(chunks)
    try:
        yield from _items(lines)
    except PeerError as exc:
        exc.facts.setdefault("line_number", lines.number)
        raise


def _items(lines: _Lines) -> Iterator[Item]:
    preamble, word, rest = _preamble(lines)
    yield preamble
    origins: set[str] = set()
    while word != b"end":
        if word == b"log":
            origin = utf8(rest)
            if origin in origins:
                raise malformed("a log that stands twice")
            origins.add(origin)
            yield LogStart(lines.number, origin)
        elif not origins:
            raise malformed("an entry before its log")
        elif word == b"entry":
            yield _entry(lines.number, rest)
        else:
            yield _head(lines.number, word, rest)
        word, rest = lines.next()
    digest = unhex(utf8(rest), 32)
    if digest != lines.digest_before_end:
        raise malformed("the last line is not the digest of what is before it")
    lines.finish()
    yield End(lines.number, digest)


def _preamble(lines: _Lines) -> tuple[Preamble, bytes, bytes]:
    """The preamble, and the line after it as word and rest."""
    if b" ".join(lines.next()) != FIRST_LINE.encode():
        raise malformed("not a transcript")
    word, rest = lines.next()
    if word != b"line":
        raise malformed("no line id where it belongs")
    line = unhex(utf8(rest), 32)
    word, rest = lines.next()
    build = utf8(rest)
    if word != b"build" or not is_build_word(build):
        raise malformed("no build where it belongs")
    cards, word, rest = _repeated(lines, b"card", CARDS_MAX, limits.CARD_BYTES_MAX)
    answers: tuple[bytes, ...] = ()
    if word == b"revocation":
        first = _counted_b64(rest, limits.CARD_BYTES_MAX)
        more, word, rest = _repeated(
            lines, b"revocation", REVOCATIONS_MAX - 1, limits.CARD_BYTES_MAX
        )
        answers = (first, *more)
    if word != b"charter":
        raise malformed("no charter where it belongs")
    charter = _counted_b64(rest, limits.CHARTER_BYTES_MAX)
    number = lines.number
    sheets, word, rest = _repeated(lines, b"ceremony", SHEETS_MAX, SHEET_BYTES_MAX)
    texts = tuple(utf8(sheet) for sheet in sheets)
    return Preamble(number + len(sheets), line, build, cards, charter, texts, answers), word, rest


def _repeated(
    lines: _Lines, wanted: bytes, most: int, bytes_max: int
) -> tuple[tuple[bytes, ...], bytes, bytes]:
    found: list[bytes] = []
    word, rest = lines.next()
    while word == wanted:
        if len(found) == most:
            raise PeerError(Refusal.OVERSIZE, f"more than {most} lines {utf8(wanted)}")
        found.append(_counted_b64(rest, bytes_max))
        word, rest = lines.next()
    return tuple(found), word, rest


def _unb64(text: bytes) -> bytes:
    """As ``encoding.unb64``, on bytes: this runs for every line of a file of any length."""
    try:
        data = a2b_base64(text)
    except BinasciiError as exc:
        raise malformed("not base64") from exc
    if b2a_base64(data, newline=False) != text:
        raise malformed("base64 not canonical")
    return data


def _exactly(data: bytes, length: int) -> bytes:
    if len(data) != length:
        raise malformed(f"{len(data)} bytes where {length} belong")
    return data


def _counted_b64(text: bytes, most: int) -> bytes:
    data = _unb64(text)
    if len(data) > most:
        raise PeerError(Refusal.OVERSIZE, f"{len(data)} bytes where {most} are allowed")
    return data


def is_build_word(text: str) -> bool:
    """Whether a text may stand as the version word of a program: printable ASCII, no spaces."""
    return 0 < len(text) <= BUILD_CHARS_MAX and all("!" <= char <= "~" for char in text)


_WITHOUT_BODY = {
    shown.value.encode(): shown for shown in (Shown.PURGED, Shown.MISSING, Shown.NOT_MINE)
}


def _entry(number: int, rest: bytes) -> EntryLine:
    parts = rest.split(b" ")
    raw = _unb64(parts[0])
    if len(raw) > limits.LEAF_BYTES_MAX:
        raise PeerError(Refusal.OVERSIZE, f"leaf of {len(raw)} bytes")
    if len(parts) == 1:
        return EntryLine(number, raw, Shown.NONE, b"", b"")
    if len(parts) == 2:
        shown = _WITHOUT_BODY.get(parts[1])
        if shown is None:
            raise malformed("an entry with half a body")
        return EntryLine(number, raw, shown, b"", b"")
    if len(parts) != 3:
        raise malformed("an entry with too many parts")
    salt = _exactly(_unb64(parts[1]), SALT_BYTES)
    return EntryLine(number, raw, Shown.OPENED, salt, _counted_b64(parts[2], limits.BODY_BYTES_MAX))


def _head(number: int, word: bytes, rest: bytes) -> HeadLine:
    parts = rest.split(b" ")
    size = decimal(utf8(parts[0]))
    signature = _unb64(parts[-1])
    if word == b"signed" and len(parts) == 2:
        return Signed(number, size, _exactly(signature, ED25519_SIGNATURE_BYTES))
    if word == b"pq" and len(parts) == 3:
        time_s = decimal(utf8(parts[1]), TIME_MAX_S)
        return PqSigned(number, size, time_s, _exactly(signature, MLDSA44_SIGNATURE_BYTES))
    if word == b"cosigned" and len(parts) == 4:
        if len(signature) not in {ED25519_SIGNATURE_BYTES, MLDSA44_SIGNATURE_BYTES}:
            raise malformed("a cosignature of no known length")
        time_s = decimal(utf8(parts[2]), TIME_MAX_S)
        return Cosigned(number, size, utf8(parts[1]), time_s, signature)
    raise malformed("a line that means nothing")


class _Lines:
    """Lines out of chunks, each as its first word and the rest; hashes all up to the last."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.number = 0
        self.digest_before_end = b""
        self._hash = hashlib.sha256()
        self._chunks = iter(chunks)
        self._tail = b""
        self._ready: Iterator[bytes] = iter(())

    def next(self) -> tuple[bytes, bytes]:
        """The next line. PeerError MALFORMED when the file ends before one is whole."""
        line = next(self._ready, None)
        while line is None:
            self._fill()
            line = next(self._ready, None)
        self.number += 1
        if len(line) > LINE_BYTES_MAX:
            raise PeerError(Refusal.OVERSIZE, f"a line of {len(line)} bytes")
        word, space, rest = line.partition(b" ")
        if not space:  # else a line whose rest is empty would have two forms
            raise malformed("a line of one word")
        return word, rest

    def _fill(self) -> None:
        chunk = next(self._chunks, None)
        if chunk is None:
            self.number += 1
            raise malformed("cut short: no last line")
        block = self._tail + chunk
        cut = block.rfind(b"\n") + 1
        whole, self._tail = block[:cut], block[cut:]
        if len(self._tail) > LINE_BYTES_MAX:
            raise PeerError(Refusal.OVERSIZE, "a line without an end")
        at = 0 if whole.startswith(b"end ") else whole.find(b"\nend ") + 1
        if at or whole.startswith(b"end "):
            self._hash.update(whole[:at])
            self.digest_before_end = self._hash.digest()
        else:
            self._hash.update(whole)
        self._ready = iter(whole.split(b"\n")[:-1])

    def finish(self) -> None:
        """Refuses anything behind the last line."""
        if self._tail or next(self._ready, None) is not None or any(self._chunks):
            raise malformed("something behind the last line")
