"""What the bodies of messages say: their canonical bytes (spec/dispatch.md §2, §3).

A body is what a person wrote, in that person's language. Everything that a fold needs stands in
the leaf instead, so that an observer's ladder is the same as a reader's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, IntEnum

from detente.core import limits
from detente.core.attachment import Attachment, disclose
from detente.core.body import unpack
from detente.core.encoding import Reader, counted, malformed, u40, utf8, varint
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.leaf import Kind, Leaf
from detente.core.transcript import Entry

VERSION = 1
# A date-time group has two digits for its year (spec/dispatch.md §5).
TIME_S_MIN = 946_684_800  # 2000-01-01
TIME_S_END = 4_102_444_800  # 2100-01-01

_LABEL_BITS = 0x03
_PERSONAL = 0x04
_TIME_KNOWN = 0x08
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,3}")  # as in charters
# Joiners shape letters, marks set their direction; every other format character hides something.
_FORMAT_ALLOWED = "\u200c\u200d\u200e\u200f\u061c"
_CATEGORIES_REFUSED = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


class Label(IntEnum):
    """Who may be shown a body, by the parties' joint rule (spec/registry.md, Labels)."""

    PARTIES_ONLY = 0
    MEDIATOR = 1
    PUBLIC_ON_AGREEMENT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """What every body carries first: joint label, personal data or not, and its language."""

    label: Label = Label.PARTIES_ONLY
    personal: bool = False
    language: str

    def head(self, bits: int = 0) -> bytes:
        """Version, ``bits``, personal, label in one byte; then the language."""
        if _LANGUAGE.fullmatch(self.language) is None:
            raise LocalError(Refusal.MALFORMED, f"«{self.language}» is not a language tag")
        first = VERSION << 4 | bits | (_PERSONAL if self.personal else 0) | self.label
        return bytes((first, len(self.language))) + self.language.encode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch(Handling):
    """A text message. ``dtg_s`` is the author's date-time group in seconds since the epoch."""

    dtg_s: int
    subject: str
    text: str

    def encode(self) -> bytes:
        """LocalError MALFORMED for what ``decode_dispatch`` would refuse."""
        subject = _write(self.subject, line=True)
        return self.head() + _write_time(self.dtg_s) + counted(subject) + _write(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accident(Handling):
    """A report that can be written in a minute. Every field but ``dtg_s`` may be blank."""

    dtg_s: int
    what: str = ""  # the kind of accident in a word or two
    where: str = ""
    time_s: int | None = None  # when it happened; None: not known yet
    persons: str = ""
    known: str = ""
    asked: str = ""

    def encode(self) -> bytes:
        """LocalError MALFORMED for what ``decode_accident`` would refuse."""
        parts = [self.head(0 if self.time_s is None else _TIME_KNOWN), _write_time(self.dtg_s)]
        if self.time_s is not None:
            parts.append(_write_time(self.time_s))
        parts.extend(
            counted(_write(text, line=True)) for text in (self.what, self.where, self.persons)
        )
        parts += [counted(_write(self.known)), _write(self.asked)]
        return b"".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslationText(Handling):
    """A translation of the entry that its leaf refers to, into ``language``."""

    subject: str = ""
    text: str

    def encode(self) -> bytes:
        """LocalError MALFORMED for what ``decode_translation_text`` would refuse."""
        return self.head() + counted(_write(self.subject, line=True)) + _write(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment(Handling):
    """The words beside a mark: what was read back, or why it was declined."""

    text: str

    def encode(self) -> bytes:
        """LocalError MALFORMED for what ``decode_comment`` would refuse."""
        return self.head() + _write(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestText(Handling):
    """A numbered sentence of ``dossiers.neutral``, as it was sent."""

    __test__ = False  # not a test for pytest to collect

    number: int
    text: str

    def encode(self) -> bytes:
        """LocalError MALFORMED for what ``decode_test_text`` would refuse."""
        return self.head() + varint(self.number) + _write(self.text, line=True)


Body = Dispatch | Accident | TranslationText | Comment | TestText


def clean(text: str) -> str:
    """A text as people paste it, made fit to be sent: NFC, newlines, no invisible hyphens."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n").translate({0xAD: None, 0xFEFF: None})
    return unicodedata.normalize("NFC", plain)


def decode_dispatch(data: bytes) -> Dispatch:
    """The dispatch of canonical bytes. PeerError MALFORMED, OVERSIZE or UNKNOWN_VERSION."""
    reader = Reader(data)
    _, label, personal, language = _read_head(reader)
    return Dispatch(
        label=label,
        personal=personal,
        language=language,
        dtg_s=_read_time(reader),
        subject=_read_line(reader),
        text=_read_rest(reader),
    )


def decode_accident(data: bytes) -> Accident:
    """The accident report of canonical bytes. PeerError as ``decode_dispatch``."""
    reader = Reader(data)
    time_known, label, personal, language = _read_head(reader, _TIME_KNOWN)
    return Accident(
        label=label,
        personal=personal,
        language=language,
        dtg_s=_read_time(reader),
        time_s=_read_time(reader) if time_known else None,
        what=_read_line(reader),
        where=_read_line(reader),
        persons=_read_line(reader),
        known=_text(reader.counted(limits.PLAIN_BYTES_MAX)),
        asked=_read_rest(reader),
    )


def decode_translation_text(data: bytes) -> TranslationText:
    """The translation of canonical bytes. PeerError as ``decode_dispatch``."""
    reader = Reader(data)
    _, label, personal, language = _read_head(reader)
    return TranslationText(
        label=label,
        personal=personal,
        language=language,
        subject=_read_line(reader),
        text=_read_rest(reader),
    )


def decode_comment(data: bytes) -> Comment:
    """The comment of canonical bytes. PeerError as ``decode_dispatch``."""
    reader = Reader(data)
    _, label, personal, language = _read_head(reader)
    return Comment(label=label, personal=personal, language=language, text=_read_rest(reader))


def decode_test_text(data: bytes) -> TestText:
    """The test sentence of canonical bytes. PeerError as ``decode_dispatch``."""
    reader = Reader(data)
    _, label, personal, language = _read_head(reader)
    return TestText(
        label=label,
        personal=personal,
        language=language,
        number=reader.varint(),
        text=_read_rest(reader, line=True),
    )


CODECS: dict[int, Callable[[bytes], Body]] = {
    Kind.DISPATCH: decode_dispatch,
    Kind.ACCIDENT: decode_accident,
    Kind.MARK: decode_comment,
    Kind.TRANSLATION: decode_translation_text,
    Kind.TEST: decode_test_text,
}


class BodyState(Enum):
    """What can be said of a body on this node; the leaf and its standing are untouched by it."""

    NONE = "none"  # the leaf commits to no body, or is void
    HERE = "here"
    ABSENT = "absent"  # not addressed to us, or not here yet
    PURGED = "purged"
    UNREADABLE = "unreadable"  # it opens its commitment and makes no sense


@dataclass(frozen=True, slots=True)
class Opened:
    """A body as far as it can be shown: ``body`` for HERE alone."""

    state: BodyState
    body: Body | None = None
    attachments: tuple[Attachment, ...] = ()


def read_message(leaf: Leaf, plain: bytes) -> tuple[Body, tuple[Attachment, ...]]:
    """The message of a leaf's unpacked body, and the attachments it names. Its kind is in
    ``CODECS``. PeerError MALFORMED, OVERSIZE or UNKNOWN_VERSION."""
    attachments, rest = disclose(plain) if leaf.attached else ((), plain)
    return CODECS[leaf.kind](rest), attachments


def attachment_form(one: Attachment) -> dict[str, object]:
    """What people see, authorise and compare of an attachment: neither its key nor its root."""
    return {
        "name": one.name,
        "media_type": one.media_type,
        "size_bytes": one.size_bytes,
        "sha256": one.sha256.hex(),
    }


def open_body(entry: Entry) -> Opened:
    """The body of an entry whose kind is in ``CODECS``. LocalError USAGE for another kind."""
    leaf = entry.leaf
    if leaf is None or leaf.commitment is None:
        return Opened(BodyState.NONE)
    if leaf.kind not in CODECS:
        raise LocalError(Refusal.USAGE, f"kind {leaf.kind} is not a message")
    if entry.purged:
        return Opened(BodyState.PURGED)
    if entry.body is None:
        return Opened(BodyState.ABSENT)
    try:
        return Opened(BodyState.HERE, *read_message(leaf, unpack(entry.body)))
    except PeerError:
        return Opened(BodyState.UNREADABLE)


# --- fields -------------------------------------------------------------------------------------


def _fault(text: str, *, line: bool) -> str | None:
    """Why a text cannot stand in a body, or None (spec/dispatch.md §3)."""
    if line and len(text) > limits.SUBJECT_CHARS_MAX:
        return f"{len(text)} characters where {limits.SUBJECT_CHARS_MAX} are allowed"
    allowed = "" if line else "\n\t"
    plain = text if line else text.replace("\n", "").replace("\t", "")
    if plain.isascii() and plain.isprintable():
        return None  # as nearly all are: a quarter of what making a dispatch took (bench/)
    for char in set(text):
        if char in allowed or char in _FORMAT_ALLOWED:
            continue
        if unicodedata.category(char) in _CATEGORIES_REFUSED:
            return f"U+{ord(char):04X} is not allowed"
    return None if unicodedata.is_normalized("NFC", text) else "not in NFC"


def _write(text: str, *, line: bool = False) -> bytes:
    wrong = _fault(text, line=line)
    if wrong is not None:
        raise LocalError(Refusal.MALFORMED, wrong)
    return text.encode("utf-8")


def _text(data: bytes, *, line: bool = False) -> str:
    text = utf8(data)
    wrong = _fault(text, line=line)
    if wrong is not None:
        raise malformed(wrong)
    return text


def _read_line(reader: Reader) -> str:
    return _text(reader.counted(4 * limits.SUBJECT_CHARS_MAX), line=True)


def _read_rest(reader: Reader, *, line: bool = False) -> str:
    return _text(reader.take(reader.left()), line=line)


def _write_time(time_s: int) -> bytes:
    if not TIME_S_MIN <= time_s < TIME_S_END:
        raise LocalError(Refusal.MALFORMED, "a time outside 2000 to 2099")
    return u40(time_s)


def _read_time(reader: Reader) -> int:
    time_s = reader.u40()
    if not TIME_S_MIN <= time_s < TIME_S_END:
        raise malformed("a time outside 2000 to 2099")
    return time_s


def _read_head(reader: Reader, bits: int = 0) -> tuple[int, Label, bool, str]:
    first = reader.u8()
    if first >> 4 != VERSION:
        raise PeerError(Refusal.UNKNOWN_VERSION, f"body version {first >> 4}")
    label = first & _LABEL_BITS
    if label > Label.PUBLIC_ON_AGREEMENT or first & _TIME_KNOWN & ~bits:
        raise malformed("body flags")
    language = utf8(reader.take(reader.u8()))
    if _LANGUAGE.fullmatch(language) is None:
        raise malformed("not a language tag")
    return first & bits, Label(label), bool(first & _PERSONAL), language
