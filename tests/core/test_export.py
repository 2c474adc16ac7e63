"""Transcript files: one form, both ways, a line at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache

import pytest
from core.lineage import BUILD, START_S, Line, LogBuilder, cosign, cosign_pq, line
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.core import identity
from detente.core.encoding import b64
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.export import (
    LINE_BYTES_MAX,
    Cosigned,
    End,
    EntryLine,
    HeadLine,
    Item,
    LogStart,
    PqSigned,
    Preamble,
    Shown,
    Signed,
    entry_line,
    read_export,
    write_export,
)
from detente.core.leaf import Kind, LogId
from detente.core.transcript import Entry, Transcript


@pytest.fixture(scope="module")
def two() -> Line:
    """Two members; the first has said one thing, the second has seen it."""
    made = line("Aland", "Bland")
    made.logs[0].say(plain=b"hello", serial=1)
    made.logs[1].seen(made.logs[0])
    return made


def preamble(made: Line, *sheets: str) -> Preamble:
    """What stands before the logs."""
    return Preamble(0, made.id, BUILD, tuple(made.card_files()), made.charter_text, tuple(sheets))


@cache
def heads(log: LogBuilder, size: int) -> list[Signed | PqSigned | Cosigned]:
    """Every signature there is over a log: the author's each time, the others' at the end."""
    made, builder = log.line, log
    out: list[Signed | PqSigned | Cosigned] = [
        Signed(0, size, signature) for size, signature in sorted(builder.signed.items())
    ]
    cp = builder.checkpoint()
    name = identity.author_name(builder.author.id)
    pq = cosign_pq(cp, name, builder.author.author_pq())
    out.append(PqSigned(0, cp.size, START_S, pq.data[8:]))
    assert cp.size == size  # part of what the cached answer depends on
    holder = made.parties[1 - log.id.member]
    name = identity.holds_name(holder.id, 0)
    cosignature = cosign(cp, name, holder.holds(0))
    out.append(Cosigned(0, cp.size, name, START_S, cosignature.data[8:]))
    name = identity.holds_pq_name(holder.id)
    cosignature = cosign_pq(cp, name, holder.holds_pq())
    out.append(Cosigned(0, cp.size, name, START_S, cosignature.data[8:]))
    return out


def exported(
    made: Line,
    *sheets: str,
    reader: int | None = 0,
    transcript: Transcript | None = None,
    signed: bool = True,
) -> bytes:
    """The whole file, with every signature there is or with none."""

    def kept(log: LogId) -> Iterable[HeadLine]:
        builder = made.logs[log.member]
        return heads(builder, builder.size) if signed else ()

    return b"".join(
        write_export(
            made.transcript() if transcript is None else transcript,
            preamble(made, *sheets),
            reader=reader,
            origin=lambda log: identity.origin(made.id, made.parties[log.member].id, log),
            heads=kept,
        )
    )


class Shrunk:
    """A transcript that holds nothing of one log more, or not the bodies of another."""

    def __init__(
        self, inner: Transcript, empty: LogId | None = None, closed: LogId | None = None
    ) -> None:
        self._inner = inner
        self._empty = empty
        self._closed = closed

    def size(self, log: LogId) -> int:
        """None of the empty one."""
        return 0 if log == self._empty else self._inner.size(log)

    def entry(self, log: LogId, index: int) -> Entry:
        """Of the closed one without salt and body."""
        entry = self._inner.entry(log, index)
        return entry._replace(salt=None, body=None) if log == self._closed else entry

    def __getattr__(self, name: str):
        return getattr(self._inner, name)


def sealed(text: str) -> bytes:
    """A text under a last line that agrees with it."""
    data = text.encode()
    return data + f"end {hashlib.sha256(data).hexdigest()}\n".encode()


def refusal(data: bytes) -> Refusal:
    """How a file is refused."""
    with pytest.raises(PeerError) as caught:
        list(read_export([data]))
    assert isinstance(caught.value.facts["line_number"], int)
    return caught.value.refusal


def test_a_file_begins_as_specified_and_ends_with_its_digest(two: Line) -> None:
    """Line by line the file is what spec/proof.md shows."""
    data = exported(two, "read aloud")
    lines = data.decode().splitlines()
    words = [one.split(" ")[0] for one in lines]
    log = ["log", "entry", "signed", "entry", "signed", "pq", "cosigned", "cosigned"]
    assert words == [
        *("detente", "line", "build", "card", "card", "charter", "ceremony"),
        *(2 * log),
        "end",
    ]
    assert lines[0] == "detente transcript v1"
    assert lines[1] == f"line {two.id.hex()}"
    assert lines[2] == f"build {BUILD}"
    body = data[: data.rindex(b"end ")]
    assert lines[-1] == f"end {hashlib.sha256(body).hexdigest()}"


def test_what_is_written_reads_back(two: Line) -> None:
    """Every value of the transcript and of its signatures comes out again, in order."""
    items = list(read_export([exported(two, "one", "two")]))
    assert items[0] == preamble(two, "one", "two")._replace(number=8)
    expected: list[Item] = []
    for log in two.logs:
        expected.append(LogStart(0, log.origin))
        kept = heads(log, log.size)
        for index in range(log.size):
            entry = log.entry(index)
            shown = Shown.NONE if entry.body is None else Shown.OPENED
            expected.append(EntryLine(0, entry.raw, shown, entry.salt or b"", entry.body or b""))
            expected += [head for head in kept if head.size == index + 1]
    assert [item._replace(number=0) for item in items[1:-1]] == expected
    file = exported_once(two)
    digest = hashlib.sha256(file[: file.rindex(b"end ")]).digest()
    assert list(read_export([file]))[-1] == End(file.count(b"\n"), digest)
    assert [item.number for item in items[1:]] == list(range(9, 9 + len(items) - 1))


@given(st.integers(40, 9000))
@settings(deadline=None)
def test_chunks_may_end_anywhere(two: Line, step: int) -> None:
    """However the bytes arrive, the items are the same."""
    data = exported_once(two)
    chunks = [data[at : at + step] for at in range(0, len(data), step)]
    assert list(read_export(chunks)) == list(read_export([data]))


_ONCE: dict[int, bytes] = {}


def exported_once(made: Line) -> bytes:
    """One file of a line, kept: ML-DSA signatures differ each time they are made."""
    return _ONCE.setdefault(id(made), exported(made))


def test_what_is_lacking_is_said(two: Line) -> None:
    """A body is opened, purged, missing or not mine; a leaf without one says nothing."""
    entry = two.logs[0].entry(1)
    closed = entry._replace(salt=None, body=None)
    assert entry.leaf is not None
    for shown, line_ in (
        ("purged", entry_line(closed._replace(purged=True), 0)),
        ("missing", entry_line(closed, 1)),
        ("notmine", entry_line(closed, 5)),
        ("notmine", entry_line(closed, None)),
    ):
        assert line_ == f"entry {b64(entry.raw)} {shown}"
    assert entry_line(two.logs[1].entry(1), 0) == f"entry {b64(two.logs[1].raws[1])}"
    void = entry._replace(leaf=None)
    assert entry_line(void, 0) == f"entry {b64(entry.raw)}"


def test_those_words_read_back(two: Line) -> None:
    """What a line says of a body is what the reader gives."""
    start = exported_once(two).decode().partition("log ")[0] + "log x\n"
    entry = f"entry {b64(b'leaf')}"
    for shown in (Shown.PURGED, Shown.MISSING, Shown.NOT_MINE):
        items = list(read_export([sealed(f"{start}{entry} {shown.value}\n")]))
        assert items[2] == EntryLine(start.count("\n") + 1, b"leaf", shown, b"", b"")


def test_an_empty_log_is_left_out(two: Line) -> None:
    """A log of which nothing is held is not begun, and hides none behind it."""
    for empty, other in ((0, 1), (1, 0)):
        file = exported(two, transcript=Shrunk(two.transcript(), empty=two.logs[empty].id))
        items = list(read_export([file]))
        origins = [item.origin for item in items if isinstance(item, LogStart)]
        assert origins == [two.logs[other].origin]


def test_a_log_that_nobody_has_signed_yet_is_written(two: Line) -> None:
    """Entries stand in the file without a signature behind them, and it has its last line."""
    items = list(read_export([exported(two, signed=False)]))
    assert [type(item) for item in items[1:-1]] == 2 * [LogStart, EntryLine, EntryLine]


@pytest.mark.parametrize(("reader", "shown"), [(1, "missing"), (5, "notmine"), (None, "notmine")])
def test_a_file_says_what_its_own_writer_lacks(two: Line, reader: int | None, shown: str) -> None:
    """A body that is not held is missing to whom it was addressed, and is not others' to hold."""
    transcript = Shrunk(two.transcript(), closed=two.logs[0].id)
    items = list(read_export([exported(two, reader=reader, transcript=transcript)]))
    raw = two.logs[0].entry(1).raw
    found = [item.shown for item in items if isinstance(item, EntryLine) and item.raw == raw]
    assert found == [Shown(shown)]


def test_heads_out_of_order_are_our_own_mistake(two: Line) -> None:
    """A signature above what is held, or behind its place, is not left out in silence."""
    for size in (3, 0):
        with pytest.raises(LocalError) as caught:
            list(
                write_export(
                    two.transcript(),
                    preamble(two),
                    reader=0,
                    origin=lambda log: f"log-{log.member}",
                    heads=lambda log, size=size: [Signed(0, size, bytes(64))],
                )
            )
        assert caught.value.refusal is Refusal.USAGE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("detente transcript v1\n", "detente transcript v2\n"),
        ("\nline ", "\nlines "),
        ("\nline ", "\nline 0"),
        ("\nbuild ", "\nbuilt "),
        ("\nbuild ", "\nbuild a "),
        ("\nbuild detente/0.1.0-test", "\nbuild "),
        ("\nbuild ", f"\nbuild {'x' * 64}"),
        ("\ncharter ", "\nchart "),
        ("\ncharter ", "\ncharter ="),
        ("\nlog ", "\nentry "),
        ("\nlog ", "\nceremony\nlog "),
        ("\nsigned 1 ", "\nentry\nsigned 1 "),
        ("\nentry ", "\nentry  "),
        ("\nentry ", "\nentry AQ== half\nentry "),
        ("\nentry ", "\nentry AQ== x y "),
        ("\nentry ", "\nentry AQ== AQ== "),
        ("\nentry ", "\nentry AR== "),
        ("\nentry ", "\nentries "),
        ("\nsigned 1 ", "\nsigned 01 "),
        ("\nsigned 1 ", "\nsigned 1 AQ==\nsigned 1 "),
        ("\nsigned 1 ", "\nsigned 1 2 "),
        ("\nsigned 1 ", "\nsigned 1\t"),
        ("\nsigned 1 ", "\nsigned  1 "),
        ("\nsigned 1 ", "\nsigned\nsigned 1 "),
        (f"\npq 2 {START_S} ", f"\npq 2 {1 << 40} "),
        ("\npq 2 ", "\npqs 2 "),
        ("\npq 2 ", "\ncosigned 2 "),
        (f"/0 {START_S} ", f"/0 {1 << 40} "),
        ("\npq 2 ", "\npq "),
        ("\ncosigned 2 ", "\ncosigned 2 x 5 AQ==\ncosigned 2 "),
        ("\ncosigned 2 ", "\ncosigned 2 two words 5 "),
        ("\nend ", "\n\nend "),
    ],
)
def test_other_forms_are_refused(two: Line, old: str, new: str) -> None:
    """What no writer would write is MALFORMED, even under a digest that agrees."""
    text = exported_once(two).decode()
    assert old in text
    changed = text.replace(old, new, 1)
    assert refusal(sealed(changed[: changed.rindex("end ")])) is Refusal.MALFORMED


def test_a_log_stands_once(two: Line) -> None:
    """A second log of the same origin is refused: it could be another history."""
    text = exported_once(two).decode()
    body = text[: text.rindex("end ")]
    log = body[body.index("log ") :]
    assert refusal(sealed(body + log)) is Refusal.MALFORMED


@pytest.mark.parametrize(
    "tail", ["end 00\n", "end " + "0" * 64 + "\n", "", "end", "end \n", "log x\n"]
)
def test_the_last_line_must_agree(two: Line, tail: str) -> None:
    """A file cut short, or under another digest, is refused."""
    data = exported_once(two)
    assert refusal(data[: data.rindex(b"end ")] + tail.encode()) is Refusal.MALFORMED


def test_a_file_cut_short_is_refused_with_the_line_that_is_missing(two: Line) -> None:
    """A cut behind any line, or within the next, names the first line that is not whole."""
    lines = exported_once(two).splitlines(keepends=True)
    for count in (0, 1, 2, len(lines) - 1):
        for more in (b"", lines[count][:-1]):
            with pytest.raises(PeerError) as caught:
                list(read_export([*lines[:count], more]))
            assert caught.value.refusal is Refusal.MALFORMED
            assert caught.value.facts["line_number"] == count + 1


@pytest.mark.parametrize("behind", [b"x", b"\n", b"log x\n"])
def test_nothing_stands_behind_the_last_line(two: Line, behind: bytes) -> None:
    """Bytes after the digest are refused, in the same chunk or a later one."""
    data = exported_once(two)
    assert refusal(data + behind) is Refusal.MALFORMED
    with pytest.raises(PeerError):
        list(read_export([data, b"", behind]))


def test_an_early_end_is_no_end(two: Line) -> None:
    """A last line in the middle closes the file there, and the rest is refused."""
    data = exported_once(two)
    cut = data.index(b"log ")
    assert refusal(sealed(data[:cut].decode()) + data[cut:]) is Refusal.MALFORMED
    assert len(list(read_export([sealed(data[:cut].decode())]))) == 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\nentry ", f"\nentry {b64(bytes(4097))} notmine\nentry "),
        ("\nentry ", f"\nentry AQ== {b64(bytes(16))} {b64(bytes(65_537))}\nentry "),
        ("\nbuild ", "\nbuild " + "x" * (LINE_BYTES_MAX + 1)),
        ("\ncard ", f"\ncard {b64(bytes(16_385))}\ncard "),
        ("\ncharter ", "\ncard AQ==" * 130 + "\ncharter "),
        ("\ncharter ", "\nrevocation AQ==" * 257 + "\ncharter "),
        ("\nlog ", f"\nceremony {b64(bytes(4097))}\nlog "),
        ("\nlog ", "\nceremony AQ==" * 65 + "\nlog "),
    ],
)
def test_there_is_a_bound_for_everything(two: Line, old: str, new: str) -> None:
    """Leaves, bodies, cards, sheets and lines have a longest form, and counts a highest."""
    text = exported_once(two).decode()
    changed = text.replace(old, new, 1)
    assert refusal(sealed(changed[: changed.rindex("end ")])) is Refusal.OVERSIZE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\nentry ", f"\nentry {b64(bytes(4096))} notmine\nentry "),
        ("\nentry ", f"\nentry AQ== {b64(bytes(16))} {b64(bytes(65_536))}\nentry "),
        ("\nlog ", "\nlog " + "x" * (LINE_BYTES_MAX - 4) + "\nlog "),
        ("\ncard ", f"\ncard {b64(bytes(16_384))}\ncard "),
        ("\ncharter ", "\ncard AQ==" * 126 + "\ncharter "),
        ("\ncharter ", "\nrevocation AQ==" * 256 + "\ncharter "),
        ("\nlog ", f"\nceremony {b64(bytes(4096))}\nlog "),
        ("\nlog ", "\nceremony AQ==" * 64 + "\nlog "),
    ],
)
def test_what_reaches_a_bound_is_read(two: Line, old: str, new: str) -> None:
    """The longest leaf, body, card, sheet or line, and the highest count, is within the form."""
    text = exported_once(two).decode()
    changed = text.replace(old, new, 1)
    items = list(read_export([sealed(changed[: changed.rindex("end ")])]))
    assert items[-1].number == changed.count("\n")


@pytest.mark.parametrize("build", ["x", "!~", "x" * 64])
def test_any_printable_word_is_a_build(two: Line, build: str) -> None:
    """One character to 64, from the first printable one to the last."""
    changed = exported_once(two).decode().replace(f"\nbuild {BUILD}\n", f"\nbuild {build}\n")
    first = next(read_export([sealed(changed[: changed.rindex("end ")])]))
    assert isinstance(first, Preamble)
    assert first.build == build


def test_a_line_without_end_is_given_up() -> None:
    """A stream that never ends a line costs the reader one line's memory and no more."""
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield b"x" * 4096

    with pytest.raises(PeerError) as caught:
        list(read_export(endless()))
    assert caught.value.refusal is Refusal.OVERSIZE
    assert len(taken) == LINE_BYTES_MAX // 4096 + 1


@given(st.data())
def test_no_byte_can_be_changed(two: Line, draw: st.DataObject) -> None:
    """A change anywhere in the file is refused at latest by its last line."""
    data = exported_once(two)
    position = draw.draw(st.integers(0, len(data) - 1))
    byte = draw.draw(st.integers(0, 255).filter(lambda value: value != data[position]))
    with pytest.raises(PeerError):
        list(read_export([data[:position] + bytes((byte,)) + data[position + 1 :]]))


@given(st.binary(max_size=300))
def test_garbage_is_refused_by_name(garbage: bytes) -> None:
    """Whatever bytes come, the answer is a refusal and never another error."""
    start = b"detente transcript v1\nline " + b"0" * 64 + b"\nbuild x\ncharter AQ==\nlog x\n"
    for data in (garbage, start + garbage):
        with pytest.raises(PeerError):
            list(read_export([data]))


def test_kinds_do_not_matter_to_the_file(two: Line) -> None:
    """A void entry travels like every other: its bytes were signed."""
    made = line("Aland", "Bland")
    made.logs[0].add_raw(b"not a leaf")
    items = [item for item in read_export([exported(made)]) if isinstance(item, EntryLine)]
    assert items[1].raw == b"not a leaf"
    assert made.logs[0].entry(0).leaf.kind == Kind.CHARTER
