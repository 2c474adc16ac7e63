"""A courier's file as QR codes (spec/bearer-courier.md §6): what comes back of them."""

from __future__ import annotations

import re

import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.bearers import paper
from detente.bearers.paper import PIECE_BYTES, codes_of, scanned
from detente.core.errors import LocalError, Refusal

MOST = PIECE_BYTES * paper.CODES_MAX


def test_a_code_is_these_very_letters() -> None:
    """The example of the specification, and what a code of version 20 at level M may have."""
    assert codes_of(b"detente") == ["DETENTE1 LUSZGNNP 1 1 MRSXIZLOORS5O34R2Y"]
    first, last = codes_of(b"\xff" * PIECE_BYTES + b"\x01")
    assert re.fullmatch(r"DETENTE1 [A-Z2-7]{8} 1 2 [A-Z2-7]{928}", first)
    assert last.startswith(first[:18] + "2 2 ")
    assert max(map(len, codes_of(bytes(MOST)))) <= 970


@settings(deadline=None, max_examples=40)
@given(st.binary(min_size=1, max_size=4000), st.data())
def test_codes_in_any_order_repeated_and_lost_are_a_file_with_holes(
    content: bytes, data: st.DataObject
) -> None:
    """What was scanned stands in its place, what was not is named and blank."""
    codes = codes_of(content)
    lines = data.draw(st.lists(st.sampled_from(codes), min_size=1, max_size=3 * len(codes)))
    files, strange = scanned(f"  {line}\r" for line in lines)
    (file,) = files
    lost = [at for at, code in enumerate(codes, 1) if code not in lines]
    assert (file.count, file.missing, strange) == (len(codes), lost, 0)
    expected = bytearray(content)
    for at in lost:
        piece = slice((at - 1) * PIECE_BYTES, at * PIECE_BYTES)
        expected[piece] = bytes(len(expected[piece]))
    last = max(at for at in range(1, len(codes) + 1) if at not in lost)
    assert file.data == bytes(expected[: last * PIECE_BYTES])


def test_codes_of_several_files_are_told_apart() -> None:
    """One heap of lines gives each file whole."""
    one, other = codes_of(b"1" * 1000), codes_of(b"2" * 2000)
    files, strange = scanned([other[1], one[1], other[0], "", other[3], one[0], other[2]])
    assert [file.data for file in files] == [b"2" * 2000, b"1" * 1000]
    assert strange == 0


def test_a_line_that_is_not_as_it_was_written_is_no_code() -> None:
    """Cut, changed, renumbered, in small letters or of another thing: counted, and not taken."""
    first, second = codes_of(b"1" * 1000)
    bad = [
        first[:-1],
        first[:-8],
        first.lower(),
        first.replace(" 1 2 ", " 2 2 "),
        first.replace(" 1 2 ", " 1 3 "),
        first.replace(" 1 2 ", " 3 2 "),
        first[:40] + ("A" if first[40] != "A" else "B") + first[41:],
        "DETENTE1 AAAAAAAA 1 2 A",
        "https://example.org",
        paper._text("AAAAAAAA", 1, 2, b"short"),
        paper._text("AAAAAAAA", 3, 2, b"1"),
        paper._text("AAAAAAAA", 1, 241, bytes(PIECE_BYTES)),
        paper._text("AAAAAAAA", 1, 1, b""),
        paper._text(second[9:17], 2, 2, b"said otherwise"),
    ]
    (file,), strange = scanned([second, *bad, first])
    assert file.data == b"1" * 1000
    assert strange == len(bad)


def test_too_much_for_paper_or_for_one_heap_is_refused() -> None:
    """The refusal says how many pages it would be; heaps hold a few files."""
    assert len(codes_of(bytes(MOST))) == paper.CODES_MAX
    with pytest.raises(LocalError, match="41 pages") as refused:
        codes_of(bytes(MOST + 1))
    assert refused.value.refusal is Refusal.OVERSIZE
    with pytest.raises(LocalError, match="16 files"):
        scanned(codes_of(bytes([at]))[0] for at in range(17))


def test_pages_hold_every_code_with_its_number() -> None:
    """Six codes to a page, drawn as the library draws them, each named beside it."""
    codes = codes_of(b"x" * (PIECE_BYTES * 7))
    page = paper.pages(codes)
    assert page.count('class="page"') == 2
    for at, text in enumerate(codes, 1):
        code = segno.make_qr(text, version=20, error="m", boost_error=False)
        assert (code.designator, code.mode) == ("20-M", "alphanumeric")
        assert code.svg_inline(omitsize=True, border=4) in page
        assert f">{text[9:17]} {at} / 7<" in page
