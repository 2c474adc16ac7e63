"""Sheets: one form for equal values, and nothing in them that a screen could hide."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.core import sheet
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.sheet import SheetReader, write_sheet

FIRST = "detente test v1"


def read(data: bytes, bytes_max: int = 1000) -> SheetReader:
    """A reader of a sheet with the first line of these tests."""
    return SheetReader(data, FIRST, bytes_max)


def refused(data: bytes, bytes_max: int = 1000) -> Refusal:
    """The refusal that reading the whole of ``data`` as lines of key ``a`` meets."""

    def read_all() -> None:
        reader = read(data, bytes_max)
        reader.values("a")
        reader.done()

    with pytest.raises(PeerError) as caught:
        read_all()
    return caught.value.refusal


def test_round_trip() -> None:
    """A sheet reads back line by line as it was written."""
    data = write_sheet(FIRST, [("a", "one two"), ("b-1", "три"), ("b-1", "чотири"), ("c", "x")])
    assert data == "detente test v1\na one two\nb-1 три\nb-1 чотири\nc x\n".encode()
    reader = read(data)
    assert reader.value("a") == "one two"
    assert reader.values("b-1") == ("три", "чотири")
    assert reader.values("b-1") == ()
    assert reader.next_key() == "c"
    assert reader.value("c") == "x"
    assert reader.next_key() == ""
    reader.done()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"detente test v1",
        b"detente test v2\na 1\n",
        b"\ndetente test v1\na 1\n",
        b"detente test v1 \na 1\n",
        b"cosignature/v1\ndetente test v1\na 1\n",
        b"detente test v1\na 1",
        b"detente test v1\n\na 1\n",
        b"detente test v1\na 1\n\n",
        b"detente test v1\r\na 1\r\n",
        b"detente test v1\na\n",
        b"detente test v1\n 1\n",
        b"detente test v1\na \n",
        b"detente test v1\na  1\n",
        b"detente test v1\na 1 \n",
        b"detente test v1\na 1  2\n",
        b"detente test v1\na 1\x00\n",
        b"detente test v1\na\t1\n",
        b"detente test v1\na 1\t2\n",
        b"detente test v1\na 1\x7f\n",
        b"detente test v1\na \xff\n",
        b"detente test v1\nA 1\n",
        b"detente test v1\nb 1\n",
    ],
)
def test_other_forms_are_refused(data: bytes) -> None:
    """No bytes but the canonical ones are a sheet: MALFORMED."""
    assert refused(data) is Refusal.MALFORMED


@pytest.mark.parametrize("line", [b"A 1\n", b"a.b 1\n", b" 1\n", b"\xd1\x97 1\n"])
def test_every_line_is_checked_before_the_first_is_read(line: bytes) -> None:
    """A line whose key no kind of sheet has is refused even where nobody comes to read it."""
    with pytest.raises(PeerError) as caught:
        read(b"detente test v1\na 1\n" + line)
    assert caught.value.refusal is Refusal.MALFORMED


def test_oversize_is_refused_before_anything_is_read() -> None:
    """A sheet above its limit is OVERSIZE, whatever it holds; one as long as the limit is read."""
    assert refused(b"\xff" * 11, bytes_max=10) is Refusal.OVERSIZE
    data = b"detente test v1\na 1\n"
    assert read(data, bytes_max=len(data)).values("a") == ("1",)
    assert refused(data, bytes_max=len(data) - 1) is Refusal.OVERSIZE


BAD_VALUES = {
    "C1 control": "a\u0085b",
    "non-breaking space": "a\u00a0b",
    "ideographic space": "a\u3000b",
    "line separator": "a\u2028b",
    "right-to-left override": "a\u202eb",
    "isolate": "a\u2066b",
    "right-to-left mark": "a\u200fb",
    "arabic letter mark": "a\u061cb",
    "zero-width space": "a\u200bb",
    "byte order mark": "\ufeffa",
    "soft hyphen": "a\u00adb",
    "private use": "a\ue000b",
    "unassigned": "a\u0378b",
    "not NFC": "e\u0301",
    "newline": "a\nb",
    "empty": "",
    "leading space": " a",
    "trailing space": "a ",
    "double space": "a  b",
}


@pytest.mark.parametrize("value", BAD_VALUES.values(), ids=BAD_VALUES)
def test_hidden_characters_are_refused_both_ways(value: str) -> None:
    """What a screen would hide, turn or show as another is neither read nor written."""
    with pytest.raises(LocalError) as caught:
        write_sheet(FIRST, [("a", value)])
    assert caught.value.refusal is Refusal.MALFORMED
    assert refused(f"{FIRST}\na {value}\n".encode()) is Refusal.MALFORMED


def test_lone_surrogate_is_not_written() -> None:
    """A lone surrogate is no text, so it meets the same refusal and no encoding error."""
    with pytest.raises(LocalError):
        write_sheet(FIRST, [("a", "\ud800")])


@pytest.mark.parametrize("value", ["Ї і ё", "Генеральний штаб", "می‌خواهم", "a-b «c» — d", "日本"])
def test_ordinary_text_of_many_scripts_is_kept(value: str) -> None:
    """Letters of any script, with the joiners some need, pass unchanged."""
    assert read(write_sheet(FIRST, [("a", value)])).value("a") == value


@given(st.lists(st.text(max_size=12), max_size=4))
def test_whatever_is_written_reads_back(values: list[str]) -> None:
    """Any text is either refused by the writer or read back as itself."""
    try:
        data = write_sheet(FIRST, [("a", value) for value in values])
    except LocalError:
        assert any(sheet.fault(value) for value in values)
    else:
        assert read(data).values("a") == tuple(values)


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(tail: bytes) -> None:
    """Arbitrary bytes never raise anything but a refusal, and what is read is canonical."""
    data = FIRST.encode() + b"\na " + tail
    try:
        values = read(data).values("a")
    except PeerError:
        return
    assert write_sheet(FIRST, [("a", value) for value in values]) in data


def test_reader_refuses_lines_out_of_place() -> None:
    """A line of another key, one missing, and one too many are MALFORMED."""
    reader = read(b"detente test v1\na 1\n")
    with pytest.raises(PeerError):
        reader.value("b")
    with pytest.raises(PeerError):
        reader.done()
    reader.value("a")
    with pytest.raises(PeerError):
        reader.value("a")


def test_fields_choice_and_flags() -> None:
    """Fields are counted, words come from their list, flags are yes or no."""
    assert sheet.fields("a b c d", 3) == ["a", "b", "c d"]
    assert sheet.choice("b", ("a", "b")) == "b"
    assert [sheet.yes("yes"), sheet.yes("no")] == [True, False]
    assert [sheet.yes_no(True), sheet.yes_no(False)] == ["yes", "no"]
    for too_few in ("a b", "a\tb c"):  # nothing but U+0020 parts words
        with pytest.raises(PeerError):
            sheet.fields(too_few, 3)
    with pytest.raises(PeerError):
        sheet.choice("c", ("a", "b"))
    with pytest.raises(PeerError):
        sheet.yes("Yes")


@given(st.integers(0, 253_402_300_799))
def test_instants_round_trip(time_s: int) -> None:
    """Every second up to the year 9999 has one written form."""
    assert sheet.uninstant(sheet.instant(time_s)) == time_s


@pytest.fixture
def far_east(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose own clock shows five and three quarter hours more than UTC."""
    monkeypatch.setenv("TZ", "EAST-05:45")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("far_east")
def test_an_instant_is_of_utc_wherever_the_machine_stands() -> None:
    """Two sides in other time zones write and read the same second."""
    assert time.localtime(0).tm_hour == 5
    assert sheet.instant(1_770_282_000) == "2026-02-05T09:00:00Z"
    assert sheet.uninstant("2026-02-05T09:00:00Z") == 1_770_282_000


@pytest.mark.parametrize(
    "value",
    [
        "2026-02-05T09:00:00",
        "2026-02-05T09:00:00+00:00",
        "2026-02-05 09:00:00Z",
        "2026-2-5T9:0:0Z",
        "2026-02-30T09:00:00Z",
        "2026-02-05T24:00:00Z",
        "2026-02-05T09:00:61Z",
        "1969-12-31T23:59:59Z",
        "２０26-02-05T09:00:00Z",
        "2026-02-05T09:00:00.5Z",
        "20260205T090000Z",
        "2026-W06-4T09:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "\ud800026-02-05T09:00:00Z",
        "",
    ],
)
def test_other_instants_are_refused(value: str) -> None:
    """Another form, another zone, no such time, or one before 1970 is MALFORMED."""
    with pytest.raises(PeerError) as caught:
        sheet.uninstant(value)
    assert caught.value.refusal is Refusal.MALFORMED


@pytest.mark.parametrize("time_s", [253_402_300_800, 1 << 80])
def test_instants_past_9999_are_not_written(time_s: int) -> None:
    """Nothing with five digits of year, and no integer beyond all time, is written."""
    with pytest.raises(LocalError) as caught:
        sheet.instant(time_s)
    assert caught.value.refusal is Refusal.MALFORMED


def test_read_back_names_the_refusal() -> None:
    """What would be refused, or read as another, is our mistake and not the peer's."""

    def refuse() -> str:
        raise PeerError(Refusal.OVERSIZE, "long")

    sheet.read_back("a", lambda: "a")
    with pytest.raises(LocalError) as caught:
        sheet.read_back("a", refuse)
    assert caught.value.refusal is Refusal.OVERSIZE
    with pytest.raises(LocalError) as caught:
        sheet.read_back("a", lambda: "b")
    assert caught.value.refusal is Refusal.MALFORMED
