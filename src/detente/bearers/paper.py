"""A courier's file on paper: QR codes, and what was scanned from them, in any order
(spec/bearer-courier.md §6)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import segno

from detente.core.errors import LocalError, Refusal

PIECE_BYTES = 576  # the most that fills a code of version 20 at level M, checked and in base32
CODES_A_PAGE = 6
PAGES_MAX = 40  # what somebody may still scan by hand: about a quarter of an hour
CODES_MAX = PAGES_MAX * CODES_A_PAGE
FILES_MAX = 16  # of which codes may lie in one heap
_MARK = "DETENTE1"
_LINE = re.compile(_MARK + r" ([A-Z2-7]{8}) ([1-9][0-9]{0,2}) ([1-9][0-9]{0,2}) ([A-Z2-7]+)")
_CHECK_BYTES = 4


def pages_for(size: int) -> int:
    """How many pages a file of so many bytes takes."""
    return -(-size // (PIECE_BYTES * CODES_A_PAGE))


def codes_of(data: bytes) -> list[str]:
    """The texts of a file's codes, in order. LocalError OVERSIZE for too many."""
    pages = pages_for(len(data))
    if pages > PAGES_MAX:
        raise LocalError(Refusal.OVERSIZE, f"{pages} pages, and {PAGES_MAX} are the most")
    file_id = base64.b32encode(hashlib.sha256(data).digest()[:5]).decode()
    pieces = [data[at : at + PIECE_BYTES] for at in range(0, len(data), PIECE_BYTES)]
    return [_text(file_id, at, len(pieces), piece) for at, piece in enumerate(pieces, 1)]


def _text(file_id: str, number: int, count: int, piece: bytes) -> str:
    label = f"{_MARK} {file_id} {number} {count} "
    check = hashlib.sha256(label.encode() + piece).digest()[:_CHECK_BYTES]
    return label + base64.b32encode(piece + check).decode().rstrip("=")


# --- back from paper --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scanned:
    """A file as far as its codes came: the piece of each number, from 1 to ``count``."""

    id: str
    count: int
    pieces: dict[int, bytes] = field(default_factory=dict)

    @property
    def missing(self) -> list[int]:
        """Numbers of the codes that did not come."""
        return [number for number in range(1, self.count + 1) if number not in self.pieces]

    @property
    def data(self) -> bytes:
        """The bytes to the last that came, each at its place; noughts where one is missing."""
        blank = bytes(PIECE_BYTES)
        return b"".join(self.pieces.get(at, blank) for at in range(1, max(self.pieces) + 1))


def scanned(lines: Iterable[str]) -> tuple[list[Scanned], int]:
    """The files whose codes these lines are, in any order, and how many lines are no code.

    An empty line is nothing; one that contradicts an earlier one of its number is no code.
    LocalError OVERSIZE for codes of more than FILES_MAX files.
    """
    found: dict[tuple[str, int], Scanned] = {}
    strange = 0
    for line in filter(None, map(str.strip, lines)):
        code = _code(line)
        if code is None:
            strange += 1
            continue
        file_id, number, count, piece = code
        file = found.setdefault((file_id, count), Scanned(file_id, count))
        if file.pieces.setdefault(number, piece) != piece:
            strange += 1
        if len(found) > FILES_MAX:
            raise LocalError(Refusal.OVERSIZE, f"codes of more than {FILES_MAX} files")
    return list(found.values()), strange


def _code(line: str) -> tuple[str, int, int, bytes] | None:
    """What a line says: file, number, count, piece. None where it is not a code as written."""
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    file_id, number, count = match[1], int(match[2]), int(match[3])
    try:
        piece = base64.b32decode(match[4] + "=" * (-len(match[4]) % 8))[:-_CHECK_BYTES]
    except binascii.Error:
        return None
    if not number <= count <= CODES_MAX or not 0 < len(piece) <= PIECE_BYTES:
        return None
    if number < count and len(piece) < PIECE_BYTES:
        return None
    return (file_id, number, count, piece) if _text(file_id, number, count, piece) == line else None


# --- pages ------------------------------------------------------------------------------------

_SIDE_MM = 84  # of a code with its quiet zone: 0.8 mm to a module
_STYLE = "@page{size:A4;margin:0}body{margin:0}.page{display:block;break-after:page}"


def pages(codes: Sequence[str]) -> str:
    """An HTML document of A4 pages: six codes each, with file, number and count beside them."""
    title = f"detente courier {codes[0].split()[1]}"
    drawn = "\n".join(_pages(title, codes))
    head = f'<meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n{drawn}\n</body></html>\n'


def _pages(title: str, codes: Sequence[str]) -> Iterator[str]:
    count = -(-len(codes) // CODES_A_PAGE)
    for page in range(count):
        yield '<svg class="page" width="210mm" height="296mm" viewBox="0 0 210 296">'
        yield _words(14, 12, f"{title}: {page + 1} / {count}")
        for at, code in enumerate(codes[page * CODES_A_PAGE :][:CODES_A_PAGE]):
            x, y = 14 + 98 * (at % 2), 15 + 91 * (at // 2)
            yield f'<svg x="{x}" y="{y}" width="{_SIDE_MM}" height="{_SIDE_MM}">'
            yield drawn_code(code) + "</svg>"
            _mark, file_id, number, total, _piece = code.split()
            yield _words(x + 4, y + _SIDE_MM + 2, f"{file_id} {number} / {total}")
        yield "</svg>"


def _words(x: int, y: int, text: str) -> str:
    return f'<text x="{x}" y="{y}" font-family="monospace" font-size="4">{text}</text>'


def drawn_code(text: str) -> str:
    """One code as SVG without a size: version 20, level M, so that all of a file are alike."""
    code = segno.make_qr(text, version=20, error="m", mode="alphanumeric", boost_error=False)
    return code.svg_inline(omitsize=True, border=4)
