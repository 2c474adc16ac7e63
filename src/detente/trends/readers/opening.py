"""Files as they lie on disk, plain or zipped, into numbered lines: a few megabytes at a time."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detente.trends.rejects import unreadable

CHUNK_BYTES: Final = 1 << 21
LINE_BYTES_MAX: Final = 1 << 24  # a "line" above this is no line of any format here
RECORDS: Final = 20_000  # of quoted files, in one batch
SNIFFED_BYTES: Final = 1 << 17
SNIFFED_LINES: Final = 50
LINE_SNIFFED: Final = 1 << 16  # characters
_END, _RETURN = b"\n\r"
# Stands for a byte that is not UTF-8. A noncharacter: no text has a use for it.
UNDECODABLE: Final = "\ufdd0"

# Of the lines of one batch, its last column holds the text: in LINES with their ends, and beside
# it how many cells each has (none: nothing is on it) and those cells that somebody asked for.
LINES: Final = pa.schema(
    [
        ("file", pa.int32()),
        ("line", pa.int64()),
        ("width", pa.int32()),
        ("p", pa.list_(pa.string())),
        ("text", pa.string()),
    ]
)
CELLS: Final = pa.schema([("file", pa.int32()), ("line", pa.int64()), ("f", pa.list_(pa.string()))])

_Ints = NDArray[np.intp]


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return UNDECODABLE, error.end


codecs.register_error("detente-mark", _mark)


def sha256_of(path: Path) -> str:
    """The digest of the file as it lies there, zipped or not."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size_of(path: Path) -> int:
    """Bytes of the text inside, as the zip states it; of the file where it is none or broken."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, OSError):
        return path.stat().st_size


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The text inside ``path`` as bytes; LocalError with a place where it cannot be had."""
    with path.open("rb") as file:
        magic = file.read(4)
    if magic[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise unreadable(path.name, 1, 1, "UTF-16; save it as UTF-8")
    if magic != b"PK\x03\x04":
        with path.open("rb") as file:
            yield file
        return
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) != 1:
                raise unreadable(path.name, 1, 1, f"a zip of {len(members)} files; zip one")
            with archive.open(members[0]) as file:
                yield file
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise unreadable(path.name, 1, 1, f"truncated or damaged zip ({error})") from error
    except (NotImplementedError, RuntimeError) as error:
        raise unreadable(path.name, 1, 1, f"zip that cannot be opened ({error})") from error


def head(path: Path) -> list[str]:
    """The first lines without their ends and without a byte order mark; [] of an empty file."""
    with opened(path) as file:
        start = file.read(SNIFFED_BYTES)
    if b"\0" in start:
        line = start[: start.index(b"\0")].count(b"\n") + 1
        raise unreadable(path.name, line, 1, "not text")
    text = start.removeprefix(codecs.BOM_UTF8).decode("utf-8", "detente-mark")
    lines = (line.rstrip("\r")[:LINE_SNIFFED] for line in text.split("\n")[:SNIFFED_LINES])
    return [line for line in lines if line]


def _utf8(block: bytes) -> bytes:
    """The same bytes, or with UNDECODABLE wherever they are not UTF-8."""
    try:
        block.decode()
    except UnicodeDecodeError:
        return block.decode("utf-8", "detente-mark").encode()
    return block


def lines(
    path: Path, number: int, delimiter: str, columns: Sequence[int]
) -> Iterator[pa.RecordBatch]:
    """Every line, as batches of LINES; ``number`` says which file they are of.

    ``columns`` are the cells to pick from each line, counted from 1 and in order. The first is
    entry 1 of ``p``, the second entry 3: between them lies the text between them, for Arrow's
    strings know no gap. A cell that the line does not reach is empty.
    """
    rest, first = b"", 1
    with opened(path) as file:
        while chunk := file.read(CHUNK_BYTES):
            if first == 1 and not rest:
                chunk = chunk.removeprefix(codecs.BOM_UTF8)
            cut = chunk.rfind(b"\n") + 1
            if not cut:
                rest += chunk
                if len(rest) > LINE_BYTES_MAX:
                    raise unreadable(path.name, first, 1, "no end of line for 16 MiB")
                continue
            block = b"".join((rest, memoryview(chunk)[:cut]))
            batch = _batch(_utf8(block), number, first, delimiter, columns)
            rest, first = chunk[cut:], first + len(batch)
            yield batch
    if rest:
        yield _batch(_utf8(rest) + b"\n", number, first, delimiter, columns)


def _batch(
    block: bytes, number: int, first: int, delimiter: str, columns: Sequence[int]
) -> pa.RecordBatch:
    """Whole lines as Arrow has them, without a Python object or a copy of any cell."""
    octets = np.frombuffer(block, np.uint8)
    marked = octets == ord(delimiter)
    marked |= octets == _END
    marks = np.flatnonzero(marked)  # each ends one cell
    last = np.flatnonzero(octets[marks] == _END)  # of each line, the mark that ends it
    width = np.diff(last, prepend=-1)
    ends = np.zeros(len(last) + 1, np.int32)
    ends[1:] = marks[last] + 1
    stops = marks if _RETURN not in block else _without_returns(octets, marks, last)
    picks = _picks(marks, stops, last, width, np.array(columns))
    width[(width == 1) & (stops[last] == ends[:-1])] = 0
    count, entries = len(last), 2 * len(columns)
    picked = _array(
        pa.list_(pa.string()),
        count,
        np.arange(0, count * entries + 1, entries, dtype=np.int32),
        children=[_array(pa.string(), count * entries, picks, block)],
    )
    return pa.record_batch(
        [
            _array(pa.int32(), count, np.full(count, number, np.int32)),
            _array(pa.int64(), count, np.arange(first, first + count)),
            _array(pa.int32(), count, width.astype(np.int32)),
            picked,
            _array(pa.string(), count, ends, block),
        ],
        schema=LINES,
    )


def _picks(marks: _Ints, stops: _Ints, last: _Ints, width: _Ints, columns: _Ints) -> _Ints:
    """Where each entry of ``p`` begins, line after line, and where the last one ends."""
    cells = (last - width)[:, None] + columns
    beyond = columns > width[:, None]
    np.minimum(cells, last[:, None], out=cells)
    found = np.empty((*cells.shape, 2), np.int32)
    found[..., 1] = stops[cells]
    cells -= 1
    found[..., 0] = marks[cells]
    found[..., 0] += 1
    found[0, cells[0] < 0, 0] = 0
    found[beyond, 0] = found[beyond, 1]
    return np.append(found, found[-1:, -1:, 1])


def _without_returns(octets: NDArray[np.uint8], marks: _Ints, last: _Ints) -> _Ints:
    """Where each cell ends if a carriage return, or several, before the end of line is none."""
    stops = marks.copy()
    while (found := last[octets[stops[last] - 1] == _RETURN]).size:
        stops[found] -= 1
    return stops


def _array(
    kind: pa.DataType, count: int, *buffers: object, children: Sequence[pa.Array] | None = None
) -> pa.Array:
    """What pa.array does, which also loads pandas: a third of a second and 40 MB."""
    held = [None, *map(pa.py_buffer, buffers)]
    return pa.Array.from_buffers(kind, count, held, children=children)


def cells(path: Path, number: int, delimiter: str) -> Iterator[pa.RecordBatch]:
    """Every record of a file in which quotes may hold delimiters and ends of line, as CELLS."""
    with opened(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="detente-mark", newline="")
        reader = csv.reader(text, delimiter=delimiter)
        numbers: list[int] = []
        records: list[list[str]] = []
        line = 1
        try:
            for record in reader:
                if any(record):
                    numbers.append(line)
                    records.append(record)
                line = reader.line_num + 1
                if len(records) == RECORDS:
                    yield _records(numbers, records, number)
                    numbers, records = [], []
        except csv.Error as error:
            raise unreadable(
                path.name, line, 1, f"unclosed quote or overlong cell ({error})"
            ) from error
        if records:
            yield _records(numbers, records, number)


def _records(numbers: list[int], records: list[list[str]], number: int) -> pa.RecordBatch:
    file = pa.array(np.full(len(numbers), number, np.int32))
    line = pa.array(numbers, pa.int64())
    return pa.record_batch([file, line, pa.array(records, CELLS.field("f").type)], schema=CELLS)
