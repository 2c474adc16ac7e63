"""Canonical bytes: what a writer would not have written is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.core import encoding
from detente.core.encoding import Reader
from detente.core.errors import PeerError, Refusal


@given(st.integers(0, encoding.VARINT_MAX))
def test_a_varint_reads_back_and_has_one_form(value: int) -> None:
    """Every number below 2**63 has one varint, and it reads back."""
    data = encoding.varint(value)
    reader = Reader(data)
    assert reader.varint() == value
    reader.done()
    assert len(data) <= encoding.VARINT_BYTES_MAX


@given(st.integers(-(2**61), 2**61))
def test_zigzag_folds_signed_numbers_and_back(value: int) -> None:
    """A signed number comes back from its fold, and small ones stay small."""
    assert encoding.unzigzag(encoding.zigzag(value)) == value
    assert encoding.zigzag(value) <= 2 * abs(value)


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (0x7F, "7f"),
        (0x80, "8001"),
        (0x3FFF, "ff7f"),
        (0x4000, "808001"),
        (0x1F_FFFF, "ffff7f"),
        (0x20_0000, "80808001"),
        (encoding.VARINT_MAX, "ff" * 8 + "7f"),
    ],
)
def test_a_varint_grows_by_a_byte_at_every_seventh_bit(value: int, data: str) -> None:
    """Both sides of each length have the bytes of LEB128, up to the largest number of all."""
    assert encoding.varint(value).hex() == data


@pytest.mark.parametrize(("value", "folded"), [(0, 0), (-1, 1), (1, 2), (-2, 3), (2, 4), (-3, 5)])
def test_a_fold_is_the_published_one(value: int, folded: int) -> None:
    """Signed numbers near 0 fold onto 0, 1, 2 … in the order that the specification names."""
    assert encoding.zigzag(value) == folded
    assert encoding.unzigzag(folded) == value


@pytest.mark.parametrize("value", [-1, 2**63])
def test_numbers_out_of_range_are_our_own_mistake(value: int) -> None:
    """No varint is made of a negative number or of one from 2**63 on."""
    with pytest.raises(ValueError, match="varint"):
        encoding.varint(value)


@pytest.mark.parametrize(
    "data", [b"", b"\x80", b"\x80\x00", b"\xff" * 10, b"\xff" * 8, b"\xff" * 9 + b"\x01"]
)
def test_other_forms_of_a_varint_are_refused(data: bytes) -> None:
    """Cut short, padded with zeros, or too long: MALFORMED."""
    with pytest.raises(PeerError) as caught:
        Reader(data).varint()
    assert caught.value.refusal is Refusal.MALFORMED


def test_a_reader_never_reads_past_its_end() -> None:
    """Whatever is asked for beyond the end is refused, and so is what is left over."""
    reader = Reader(b"\x01\x02\x03")
    assert (reader.u8(), reader.left()) == (1, 2)
    with pytest.raises(PeerError):
        reader.take(3)
    with pytest.raises(PeerError):
        reader.done()
    assert reader.u16() == 0x0203
    for read in (reader.u8, reader.u16, reader.u40):
        with pytest.raises(PeerError):
            read()


def test_a_reader_may_be_given_less_than_all() -> None:
    """Nothing is read before the given start nor behind the given end."""
    reader = Reader(b"\x01\x02\x03\x04", 1, 3)
    assert (reader.left(), reader.take(2)) == (2, b"\x02\x03")
    reader.done()
    with pytest.raises(PeerError):
        reader.u8()


def test_a_time_is_five_bytes_big_endian() -> None:
    """A time is written and read with its highest byte first."""
    assert encoding.u40(0x01_02_03_04_05) == b"\x01\x02\x03\x04\x05"
    assert Reader(b"\x01\x02\x03\x04\x05\x06").u40() == 0x01_02_03_04_05


def test_a_counted_string_is_bounded_before_it_is_read() -> None:
    """A length above the limit is OVERSIZE even where the bytes are not there."""
    assert Reader(encoding.counted(b"abc")).counted(3) == b"abc"
    with pytest.raises(PeerError) as caught:
        Reader(encoding.varint(4)).counted(3)
    assert caught.value.refusal is Refusal.OVERSIZE


@pytest.mark.parametrize("text", ["YQ", "YR==", "YQ==\n", "Y Q==", "YQ==YQ==", "é"])
def test_base64_has_one_form(text: str) -> None:
    """Padding, trailing bits and every other character are checked."""
    with pytest.raises(PeerError) as caught:
        encoding.unb64(text)
    assert caught.value.refusal is Refusal.MALFORMED
    assert encoding.unb64("YQ==", 1) == b"a"


def test_base64_of_another_length_is_refused() -> None:
    """Where a length belongs, another is refused."""
    with pytest.raises(PeerError):
        encoding.unb64("YQ==", 2)


@pytest.mark.parametrize("text", ["0A", "0X", "0g", "00 ", "000"])
def test_hex_is_lower_case_and_of_its_length(text: str) -> None:
    """Capitals, other characters and other lengths are refused."""
    with pytest.raises(PeerError):
        encoding.unhex(text, 1)
    assert encoding.unhex("0a", 1) == b"\n"
    assert encoding.unhex("00ff10", 3) == b"\0\xff\x10"


@pytest.mark.parametrize(
    "text", ["", "01", "+1", "-1", "X1", "1_0", "١", "9" * 20, "9223372036854775808"]
)
def test_decimals_have_one_form(text: str) -> None:
    """Signs, leading zeros, other digits and numbers out of range are refused."""
    with pytest.raises(PeerError):
        encoding.decimal(text)
    assert (encoding.decimal("0"), encoding.decimal("10")) == (0, 10)
    assert encoding.decimal(str(encoding.VARINT_MAX)) == encoding.VARINT_MAX


def test_text_is_utf8() -> None:
    """Bytes that are not UTF-8 are MALFORMED."""
    assert encoding.utf8("né".encode()) == "né"
    with pytest.raises(PeerError):
        encoding.utf8(b"\xff")
