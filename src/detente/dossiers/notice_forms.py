"""Notices as they travel: forms in the text of a dispatch, readable without any program.

A form is a sheet (spec/identity.md §2) whose first line says what it is (spec/profile.md §8). What
it corrects, cancels, answers or rests on stands in the leaf's relations, as of every dispatch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from detente.core.encoding import malformed
from detente.core.errors import DetenteError
from detente.core.leaf import Kind
from detente.core.sheet import SheetReader, choice, fields, write_sheet
from detente.core.transcript import Entry
from detente.dossiers.dispatch import BodyState, Dispatch, open_body
from detente.dossiers.profile import Profile
from detente.dossiers.profile_reading import BYTES_MAX, parse_canonical

NOTICE = "detente notice v1"
CANCELLATION = "detente notice-cancellation v1"
ANSWER = "detente notice-answer v1"
STATEMENT = "detente notice-statement v1"
SUSPENSION = "detente notice-suspension v1"
PROFILE = "detente notice-profile v1"
FORM_BYTES_MAX = 65_536


class Reply(Enum):
    """What an answer says. Silence is none of them, and none of them is a permission."""

    RECEIVED = "received"
    READ_BACK = "read-back-matches"
    NO_OBJECTION = "no-objection"
    OBJECTION = "objection"
    CANNOT_COMPLY = "cannot-comply"


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice under an adopted profile. ``unknown`` names fields not known yet; ``late_s`` is the
    lateness that its releaser was shown and confirmed."""

    word: str
    values: Mapping[str, str]
    unknown: tuple[str, ...] = ()
    late_s: int = 0

    def text(self) -> str:
        """The form."""
        late = [("late-s", str(self.late_s))] if self.late_s else []
        values = [("field", f"{name} {value}") for name, value in sorted(self.values.items())]
        unknown = [("unknown", name) for name in sorted(self.unknown)]
        return _text(NOTICE, [("profile", self.word), *late, *values, *unknown])


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Takes back the notice that its leaf cancels."""

    word: str
    reason: str

    def text(self) -> str:
        """The form."""
        return _text(CANCELLATION, [("profile", self.word), ("reason", self.reason)])


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a notice; for READ_BACK with the fields as this side reads them."""

    reply: Reply
    values: Mapping[str, str]
    reason: str = ""

    def text(self) -> str:
        """The form."""
        reason = [("reason", self.reason)] if self.reason else []
        values = [("field", f"{name} {value}") for name, value in sorted(self.values.items())]
        return _text(ANSWER, [("answer", self.reply.value), *reason, *values])


@dataclass(frozen=True, slots=True)
class Statement:
    """A party's own words for the numbers of a profile that nobody has read in its source."""

    digest: str
    numbers: Mapping[str, str]

    def text(self) -> str:
        """The form."""
        numbers = [("number", f"{name} {said}") for name, said in sorted(self.numbers.items())]
        return _text(STATEMENT, [("digest", self.digest), *numbers])


@dataclass(frozen=True, slots=True)
class Suspension:
    """One party's word that it gives no more notices under an adoption, and why."""

    word: str
    reason: str

    def text(self) -> str:
        """The form."""
        return _text(SUSPENSION, [("profile", self.word), ("reason", self.reason)])


@dataclass(frozen=True, slots=True)
class ProfileText:
    """The text of a profile, so that all can be computed from the transcript alone."""

    profile: Profile

    def text(self) -> str:
        """The form: its first line, then the canonical bytes."""
        return f"{PROFILE}\n{self.profile.canonical.decode()}\n"


Read = TypeVar("Read", Notice, Cancellation, Answer, Statement, Suspension)
Form = Notice | Cancellation | Answer | Statement | Suspension | ProfileText


def form_of(entry: Entry) -> Form | None:
    """The form that an entry's dispatch holds; None for anything else, or where no body is here."""
    if entry.leaf is None or entry.leaf.kind != Kind.DISPATCH:
        return None
    opened = open_body(entry)
    if opened.state is not BodyState.HERE or not isinstance(opened.body, Dispatch):
        return None
    return read_form(opened.body.text)


def read_form(text: str) -> Form | None:
    """The form of a text, or None for a text that is no form in every detail."""
    first = text.partition("\n")[0]
    reader = _READERS.get(first)
    if reader is None:
        return None
    try:
        return reader(text.encode())
    except DetenteError:
        return None


def _profile(data: bytes) -> ProfileText:
    canonical = data[len(PROFILE) + 1 :]
    if not canonical.endswith(b"\n") or len(canonical) > BYTES_MAX + 1:
        raise malformed("a profile ends with a newline")
    return ProfileText(parse_canonical(canonical[:-1]))


def _notice(data: bytes) -> Notice:
    sheet = SheetReader(data, NOTICE, FORM_BYTES_MAX)
    word = sheet.value("profile")
    late = sheet.value("late-s") if sheet.next_key() == "late-s" else "0"
    if not late.isascii() or not late.isdigit() or len(late) > 10:
        raise malformed("late-s")
    values = _pairs(sheet, "field")
    return _done(sheet, data, Notice(word, values, sheet.values("unknown"), int(late)))


def _cancellation(data: bytes) -> Cancellation:
    sheet = SheetReader(data, CANCELLATION, FORM_BYTES_MAX)
    return _done(sheet, data, Cancellation(sheet.value("profile"), sheet.value("reason")))


def _answer(data: bytes) -> Answer:
    sheet = SheetReader(data, ANSWER, FORM_BYTES_MAX)
    reply = Reply(choice(sheet.value("answer"), [one.value for one in Reply]))
    reason = sheet.value("reason") if sheet.next_key() == "reason" else ""
    return _done(sheet, data, Answer(reply, _pairs(sheet, "field"), reason))


def _statement(data: bytes) -> Statement:
    sheet = SheetReader(data, STATEMENT, FORM_BYTES_MAX)
    return _done(sheet, data, Statement(sheet.value("digest"), _pairs(sheet, "number")))


def _suspension(data: bytes) -> Suspension:
    sheet = SheetReader(data, SUSPENSION, FORM_BYTES_MAX)
    return _done(sheet, data, Suspension(sheet.value("profile"), sheet.value("reason")))


_READERS: Mapping[str, Callable[[bytes], Form]] = {
    NOTICE: _notice,
    CANCELLATION: _cancellation,
    ANSWER: _answer,
    STATEMENT: _statement,
    SUSPENSION: _suspension,
    PROFILE: _profile,
}


def _pairs(sheet: SheetReader, key: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for line in sheet.values(key):
        name, value = fields(line, 2)
        pairs[name] = value
    return pairs


def _text(first: str, lines: list[tuple[str, str]]) -> str:
    return write_sheet(first, lines).decode()


def _done(sheet: SheetReader, data: bytes, form: Read) -> Read:
    """The form, if it is written in its one way."""
    sheet.done()
    if form.text().encode() != data:
        raise malformed("a form is written in one way only")
    return form
