"""The canonical bytes of bodies, and what may stand in them."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.core.body import commit, pack
from detente.core.encoding import counted, u40
from detente.core.errors import LocalError, PeerError
from detente.core.leaf import Kind, Leaf, LogId
from detente.core.transcript import Entry, Place
from detente.dossiers import dispatch
from detente.dossiers.dispatch import (
    Accident,
    BodyState,
    Comment,
    Dispatch,
    Label,
    Opened,
    TestText,
    TranslationText,
)

DTG_S = 1_770_292_800
SAID = Dispatch(language="en", dtg_s=DTG_S, subject="Air", text="Two lines\nand a\ttab.")
REPORT = Accident(
    label=Label.MEDIATOR,
    personal=True,
    language="uk",
    dtg_s=DTG_S,
    what="зіткнення",
    where="північ",
    time_s=DTG_S - 60,
    persons="двоє",
    known="Відомо мало.",
    asked="Тиша в ефірі.",
)
BODIES = {
    Kind.DISPATCH: SAID,
    Kind.ACCIDENT: REPORT,
    Kind.TRANSLATION: TranslationText(language="ru", subject="Воздух", text="Две строки"),
    Kind.MARK: Comment(label=Label.PUBLIC_ON_AGREEMENT, language="en", text="Read back."),
    Kind.TEST: TestText(language="en", number=300, text="A circle has no corners."),
}
TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Co", "Zl", "Zp"])).map(
    dispatch.clean
)
LINES = TEXTS.filter(lambda text: len(text) <= 200)


def changed(value, **fields):
    """A body with other fields."""
    return dataclasses.replace(value, **fields)


@pytest.mark.parametrize("kind", BODIES, ids=lambda kind: kind.name)
def test_a_body_reads_back_as_it_was_written(kind):
    """Every kind of body decodes to the value it was encoded from."""
    assert dispatch.CODECS[kind](BODIES[kind].encode()) == BODIES[kind]


def test_the_bytes_of_a_dispatch_are_as_specified():
    """The example of spec/dispatch.md, byte by byte."""
    said = Dispatch(
        label=Label.MEDIATOR, personal=True, language="en", dtg_s=DTG_S, subject="Air", text="ok"
    )
    assert said.encode() == bytes.fromhex("15 02656e 0069848640 03416972 6f6b")


def test_an_accident_report_may_be_blank():
    """Nothing but the date-time group is needed, and blanks are canonical."""
    blank = Accident(language="en", dtg_s=DTG_S)
    data = blank.encode()
    assert data == bytes.fromhex("10 02656e 0069848640 00 00 00 00")
    assert dispatch.decode_accident(data) == blank
    assert REPORT.encode()[0] == 0x1D


@given(TEXTS, LINES, st.sampled_from(Label), st.booleans())
def test_any_clean_text_travels_unchanged(text, subject, label, personal):
    """Text of any script, cleaned, comes out as it went in."""
    said = Dispatch(
        label=label, personal=personal, language="en", dtg_s=DTG_S, subject=subject, text=text
    )
    assert dispatch.decode_dispatch(said.encode()) == said


@given(st.sampled_from(list(BODIES)), st.binary(max_size=40))
def test_what_decodes_is_canonical(kind, data):
    """Bytes either are refused or are exactly what their value encodes to."""
    for given_bytes in (data, BODIES[kind].encode()[:9] + data):
        try:
            value = dispatch.CODECS[kind](given_bytes)
        except PeerError:
            continue
        assert value.encode() == given_bytes


def test_only_version_one_is_read():
    """Another version is named as such, not guessed at."""
    data = bytearray(SAID.encode())
    data[0] = 0x20
    with pytest.raises(PeerError, match="unknown-version"):
        dispatch.decode_dispatch(bytes(data))


@pytest.mark.parametrize("first", [0x13, 0x18, 0x1B])
def test_flags_without_a_meaning_are_refused(first):
    """No fourth label, and no time of an accident in a dispatch."""
    with pytest.raises(PeerError, match="malformed: body flags"):
        dispatch.decode_dispatch(bytes((first,)) + SAID.encode()[1:])


@pytest.mark.parametrize("language", ["", "e", "EN", "en_GB", "en-", "englisch", "en\n", "ен"])
def test_a_language_is_a_lower_case_tag(language):
    """A body says its language in the one form that charters use."""
    with pytest.raises(LocalError, match="malformed"):
        changed(SAID, language=language).encode()
    tag = language.encode()
    with pytest.raises(PeerError, match="malformed"):
        dispatch.decode_comment(b"\x10" + bytes((len(tag),)) + tag)


@pytest.mark.parametrize("time_s", [dispatch.TIME_S_MIN - 1, dispatch.TIME_S_END])
def test_a_date_time_group_lies_between_2000_and_2099(time_s):
    """Two digits of a year have one meaning."""
    with pytest.raises(LocalError, match="malformed"):
        changed(SAID, dtg_s=time_s).encode()
    with pytest.raises(PeerError, match="malformed"):
        dispatch.decode_dispatch(b"\x10\x02en" + u40(time_s) + b"\x00")


REFUSED = {
    "a bell": "\x07",
    "a carriage return": "\r",
    "a C1 control": "\x85",
    "a direction override": "\u202e",
    "a direction isolate": "\u2067",
    "a line separator": "\u2028",
    "a zero-width space": "\u200b",
    "a private character": "\ue000",
    "not in NFC": "e\u0301",
}


@pytest.mark.parametrize("name", REFUSED)
def test_text_that_hides_or_moves_something_is_refused(name):
    """Control, format and private characters and unnormalised text stand in no body."""
    bad = f"a{REFUSED[name]}b"
    with pytest.raises(LocalError, match="malformed"):
        changed(SAID, text=bad).encode()
    with pytest.raises(PeerError, match="malformed"):
        dispatch.decode_comment(b"\x10\x02en" + bad.encode())


def test_a_lone_surrogate_is_refused():
    """Half a character cannot be sent."""
    with pytest.raises(LocalError, match="malformed"):
        changed(SAID, text="\ud800").encode()


@pytest.mark.parametrize("text", ["\u200c", "\u200d", "\u200e", "\u200f", "\u061c", "\u00a0", "😀"])
def test_joiners_and_direction_marks_travel(text):
    """What other scripts need to be written right is no danger."""
    assert dispatch.decode_dispatch(changed(SAID, text=text).encode()).text == text


@pytest.mark.parametrize("subject", ["two\nlines", "a\ttab", "x" * 201])
def test_a_subject_is_one_short_line(subject):
    """Neither newline nor tab, and 200 characters at most."""
    with pytest.raises(LocalError, match="malformed"):
        changed(SAID, subject=subject).encode()
    data = b"\x10\x02en" + u40(DTG_S) + counted(subject.encode())
    with pytest.raises(PeerError, match="malformed"):
        dispatch.decode_dispatch(data)
    assert changed(SAID, subject="й" * 200).encode()


def test_an_endless_subject_is_oversize():
    """A count beyond what 200 characters can take is refused before it is read."""
    data = b"\x10\x02en" + u40(DTG_S) + b"\xa1\x06"
    with pytest.raises(PeerError, match="oversize"):
        dispatch.decode_dispatch(data)


def test_text_is_utf8():
    """Other encodings are refused."""
    with pytest.raises(PeerError, match="malformed: not UTF-8"):
        dispatch.decode_comment(b"\x10\x02en\xff")


def test_pasted_text_is_made_fit_to_be_sent():
    """Newlines of other systems, soft hyphens, byte order marks and loose accents are mended."""
    assert dispatch.clean("\ufeffa\r\nb\rc\u00adde\u0301") == "a\nb\ncd\u00e9"


# --- opening ------------------------------------------------------------------------------------

SALT = bytes(16)


def entry_of(plain, kind=Kind.DISPATCH, **fields):
    """An entry with a packed body, as a store would hand it out."""
    packed = pack(plain, 5, padding=True)
    leaf = Leaf(kind=kind, time_s=1, audience=3, serial=1, commitment=commit(SALT, packed))
    entry = Entry(Place(LogId(0, 0, b""), 1), bytes(32), leaf.encode(), leaf, SALT, packed)
    return entry._replace(**fields)


@pytest.mark.parametrize("kind", BODIES, ids=lambda kind: kind.name)
def test_a_body_that_is_here_opens(kind):
    """A held body opens to its value by the kind of its leaf."""
    opened = dispatch.open_body(entry_of(BODIES[kind].encode(), kind))
    assert opened == Opened(BodyState.HERE, BODIES[kind])


def test_a_body_that_makes_no_sense_is_unreadable():
    """Neither nonsense inside nor a broken packing raises: the entry is held all the same."""
    assert dispatch.open_body(entry_of(b"nonsense")) == Opened(BodyState.UNREADABLE)
    broken = entry_of(SAID.encode(), body=b"\x05")
    assert dispatch.open_body(broken) == Opened(BodyState.UNREADABLE)


def test_a_body_that_is_not_here_says_why():
    """Purged, absent, or never committed to."""
    purged = entry_of(SAID.encode(), body=None, salt=None, purged=True)
    assert dispatch.open_body(purged) == Opened(BodyState.PURGED)
    absent = entry_of(SAID.encode(), body=None, salt=None)
    assert dispatch.open_body(absent) == Opened(BodyState.ABSENT)
    assert dispatch.open_body(entry_of(b"", leaf=None)) == Opened(BodyState.NONE)
    bare = Leaf(kind=Kind.MARK, time_s=1, audience=3)
    assert dispatch.open_body(entry_of(b"", leaf=bare)) == Opened(BodyState.NONE)


def test_only_messages_are_opened_here():
    """The body of an offer or card is not ours to read."""
    with pytest.raises(LocalError, match="usage"):
        dispatch.open_body(entry_of(b"", Kind.OFFER))
