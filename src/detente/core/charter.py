"""The charter: leaf 0 of every member's log, and its amendments (spec/charter.md).

A party signs the charter by signing checkpoint 1 of its log, never as a note of its own: so no
text that a peer proposed is ever handed to a signing key (protocol review D1, F16).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from detente.core import limits
from detente.core.body import ZERO_SALT, commit
from detente.core.encoding import decimal, malformed, unhex
from detente.core.errors import PeerError, Refusal
from detente.core.sheet import (
    SheetReader,
    choice,
    fields,
    instant,
    read_back,
    uninstant,
    write_sheet,
    yes,
    yes_no,
)

FIRST = "detente charter v1"
RANDOM_BYTES = 16
ROLES = ("party", "mediator", "observer")
PARTIES_MIN = 2
PRECEDENCES = 6  # DEFERRED to OVERRIDE, in the order of leaf.Precedence
RELEASERS_MAX = 3
SECONDS_MAX = 366 * 86_400  # no deadline of a line is longer than a year
LANGUAGES_MAX = 8
PROFILES_MAX = 32

_NO_PREDECESSOR = "-"
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,3}")  # BCP 47, in lower case
_PROFILE = re.compile(r"[a-z0-9][a-z0-9./-]{0,63}")


class Member(NamedTuple):
    """One member of the line. ``card`` is the hash of the card's text (identity.SignedCard)."""

    number: int
    role: str
    party: bytes
    card: bytes
    name: str


class Left(NamedTuple):
    """A member that is one no more; nobody else ever gets its number."""

    number: int
    party: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Charter:
    """What the members of a line agreed. Spans are whole seconds, quotas are per author."""

    random: bytes
    number: int  # 0 for the first; amendments count up
    predecessor: bytes | None  # charter_id of the charter this one replaces
    title: str
    drill: bool
    members: tuple[Member, ...]  # by number
    left: tuple[Left, ...]  # by number
    languages: tuple[str, ...]
    receipt: str  # "received" or "seen": the rung that is the legal receipt
    seen_within_s: int
    lacks_after_s: int
    test_every_s: int
    test_answer_within_s: int
    answer_within_s: tuple[int, ...]  # one for each precedence
    gap_within_s: int
    quota_entries_per_day: int
    quota_bytes_per_day: int
    quota_flash_per_day: int
    padding: bool
    release: tuple[int, ...]  # releasers required for each precedence
    release_decisions: bool  # assents and seals need a release record
    amend: str  # "all" or "all-but-affected"
    ed25519_until_s: int
    profiles: tuple[str, ...]

    def encode(self) -> bytes:
        """The canonical text, which is the body of leaf 0 (spec/charter.md §3)."""
        predecessor = self.predecessor.hex() if self.predecessor else _NO_PREDECESSOR
        return write_sheet(
            FIRST,
            [
                ("random", self.random.hex()),
                ("number", str(self.number)),
                ("predecessor", predecessor),
                ("title", self.title),
                ("drill", yes_no(self.drill)),
                *map(_write_entry, sorted(self.entries(), key=_number)),
                ("languages", " ".join(self.languages)),
                ("receipt", self.receipt),
                ("seen-within-s", str(self.seen_within_s)),
                ("lacks-after-s", str(self.lacks_after_s)),
                ("test-every-s", str(self.test_every_s)),
                ("test-answer-within-s", str(self.test_answer_within_s)),
                ("answer-within-s", _join(self.answer_within_s)),
                ("gap-within-s", str(self.gap_within_s)),
                ("quota-entries-per-day", str(self.quota_entries_per_day)),
                ("quota-bytes-per-day", str(self.quota_bytes_per_day)),
                ("quota-flash-per-day", str(self.quota_flash_per_day)),
                ("padding", "steps" if self.padding else "none"),
                ("release", _join(self.release)),
                ("release-decisions", yes_no(self.release_decisions)),
                ("amend", self.amend),
                ("ed25519-until", instant(self.ed25519_until_s)),
                ("profiles", " ".join(self.profiles) or "none"),
            ],
        )

    def entries(self) -> list[Member | Left]:
        """All who are members or were."""
        return [*self.members, *self.left]

    def member(self, number: int) -> Member | None:
        """The member with this number, if it is one now."""
        return next((m for m in self.members if m.number == number), None)

    def number_of(self, party: bytes) -> int | None:
        """The number of this party, if it is a member now."""
        for member in self.members:  # asked for with every frame, hence no generator
            if member.party == party:
                return member.number
        return None

    def readers(self) -> int:
        """The audience mask of all who may read bodies: everyone but observers."""
        mask = 0
        for member in self.members:  # asked for with every entry, hence no generator
            if member.role != "observer":
                mask |= 1 << member.number
        return mask

    def everyone(self) -> int:
        """The audience mask of all members."""
        mask = 0
        for member in self.members:
            mask |= 1 << member.number
        return mask


def charter_id(data: bytes) -> bytes:
    """The commitment to a charter's text. That of charter 0 is the line's id for ever."""
    return commit(ZERO_SALT, data)


@lru_cache(maxsize=64)
def parse_charter(data: bytes) -> Charter:
    """The charter of its canonical text (spec/charter.md §3).

    PeerError MALFORMED or OVERSIZE for anything else.
    """
    sheet = SheetReader(data, FIRST, limits.CHARTER_BYTES_MAX)
    random = unhex(sheet.value("random"), RANDOM_BYTES)
    number = decimal(sheet.value("number"))
    predecessor = sheet.value("predecessor")
    title, drill = sheet.value("title"), yes(sheet.value("drill"))
    members, left = _read_entries(sheet)
    charter = Charter(
        random=random,
        number=number,
        predecessor=None if predecessor == _NO_PREDECESSOR else unhex(predecessor, 32),
        title=title,
        drill=drill,
        members=members,
        left=left,
        languages=tuple(sheet.value("languages").split(" ")),
        receipt=choice(sheet.value("receipt"), ("received", "seen")),
        seen_within_s=_span(sheet.value("seen-within-s")),
        lacks_after_s=_span(sheet.value("lacks-after-s")),
        test_every_s=_span(sheet.value("test-every-s")),
        test_answer_within_s=_span(sheet.value("test-answer-within-s")),
        answer_within_s=tuple(map(_span, fields(sheet.value("answer-within-s"), PRECEDENCES))),
        gap_within_s=_span(sheet.value("gap-within-s")),
        quota_entries_per_day=_positive(sheet.value("quota-entries-per-day")),
        quota_bytes_per_day=_positive(sheet.value("quota-bytes-per-day")),
        quota_flash_per_day=_positive(sheet.value("quota-flash-per-day")),
        padding=choice(sheet.value("padding"), ("none", "steps")) == "steps",
        release=tuple(map(_releasers, fields(sheet.value("release"), PRECEDENCES))),
        release_decisions=yes(sheet.value("release-decisions")),
        amend=choice(sheet.value("amend"), ("all", "all-but-affected")),
        ed25519_until_s=uninstant(sheet.value("ed25519-until")),
        profiles=_read_profiles(sheet.value("profiles")),
    )
    sheet.done()
    _check(charter)
    if charter.encode() != data:
        raise malformed("members not in order of their numbers")
    return charter


def propose(
    *,
    random: bytes,
    title: str,
    members: Sequence[Member],
    languages: Sequence[str] = ("en",),
    drill: bool = False,
    padding: bool = True,
    profiles: Sequence[str] = (),
    release_decisions: bool = False,
) -> Charter:
    """A first charter with the defaults of spec/charter.md §4, around 16 fresh random bytes.

    Change a default with ``dataclasses.replace`` and check it with ``checked``. LocalError
    MALFORMED or OVERSIZE for what nobody could accept.
    """
    return checked(
        Charter(
            random=random,
            number=0,
            predecessor=None,
            title=title,
            drill=drill,
            members=tuple(sorted(members)),
            left=(),
            languages=tuple(languages),
            receipt="received",
            seen_within_s=30,
            lacks_after_s=60,
            test_every_s=3_600,
            test_answer_within_s=600,
            answer_within_s=(86_400, 21_600, 10_800, 1_800, 600, 600),
            gap_within_s=600,
            quota_entries_per_day=20_000,
            quota_bytes_per_day=67_108_864,
            quota_flash_per_day=200,
            padding=padding,
            release=(1, 1, 1, 1, 1, 1),
            release_decisions=release_decisions,
            amend="all",
            ed25519_until_s=uninstant("2031-01-01T00:00:00Z"),
            profiles=tuple(profiles),
        )
    )


def checked(charter: Charter) -> Charter:
    """The same charter. LocalError MALFORMED or OVERSIZE if its text would not read back as it."""
    read_back(charter, lambda: parse_charter(charter.encode()))
    return charter


def check_amendment(old: Charter, new: Charter) -> None:
    """Refuses ``new`` as the charter after ``old``: CHARTER_MISMATCH (spec/charter.md §5)."""
    if new.number != old.number + 1:
        raise _mismatch(f"number {new.number} after {old.number}")
    if new.predecessor != charter_id(old.encode()):
        raise _mismatch("it replaces another charter")
    _check_kept(old, new)


def _check_kept(old: Charter, new: Charter) -> None:
    """What no amendment changes: drill or real, and whose each number is."""
    if new.drill != old.drill:
        raise _mismatch("a drill stays a drill, and a real line a real one")
    now = _parties(new)
    for number, party in _parties(old).items():
        if number not in now:
            raise _mismatch(f"member {number} is neither there nor left")
        if now[number] != party:
            raise _mismatch(f"number {number} given to another party")


def check_descent(founding: Charter, later: Charter) -> None:
    """Refuses ``later`` as an amended charter of the line of ``founding``: CHARTER_MISMATCH.

    Of those between the two nothing is known here: that each followed from the one before it, the
    transcript shows (spec/charter.md §5.1).
    """
    if founding.number != 0 or later.number < 1:
        raise _mismatch("one founding charter and one amended one belong here")
    if later.number == 1 and later.predecessor != charter_id(founding.encode()):
        raise _mismatch("it replaces another charter")
    _check_kept(founding, later)


def join_texts(founding: bytes, amended: bytes) -> bytes:
    """Both charters in one file, for a party that is to join: the founding one first."""
    return founding + amended


def split_texts(data: bytes) -> tuple[bytes, bytes]:
    """The founding charter's text and the amended one's, which may be missing: then it is empty.

    A charter's first line stands nowhere else in it. Nothing is checked here.
    """
    head = f"{FIRST}\n".encode()
    at = data.find(b"\n" + head) + 1
    return (data[:at], data[at:]) if at else (data, b"")


def _parties(charter: Charter) -> dict[int, bytes]:
    return {entry.number: entry.party for entry in charter.entries()}


def _mismatch(detail: str) -> PeerError:
    return PeerError(Refusal.CHARTER_MISMATCH, detail)


def _number(entry: Member | Left) -> int:
    return entry.number


def _write_entry(entry: Member | Left) -> tuple[str, str]:
    if isinstance(entry, Left):
        return "left", f"{entry.number} {entry.party.hex()}"
    ids = f"{entry.party.hex()} {entry.card.hex()}"
    return "member", f"{entry.number} {entry.role} {ids} {entry.name}"


def _join(numbers: Iterable[int]) -> str:
    return " ".join(map(str, numbers))


def _read_entries(sheet: SheetReader) -> tuple[tuple[Member, ...], tuple[Left, ...]]:
    members, left = [], []
    while (key := sheet.next_key()) in ("member", "left"):
        value = sheet.value(key)
        if key == "member":
            number, role, party, card, name = fields(value, 5)
            role = choice(role, ROLES)
            ids = unhex(party, 32), unhex(card, 32)
            members.append(Member(_member_number(number), role, *ids, name))
        else:
            number, party = fields(value, 2)
            left.append(Left(_member_number(number), unhex(party, 32)))
    return tuple(members), tuple(left)


def _member_number(value: str) -> int:
    return decimal(value, limits.MEMBERS_MAX - 1)


def _positive(value: str, most: int | None = None) -> int:
    number = decimal(value) if most is None else decimal(value, most)
    if number < 1:
        raise malformed("nought where at least 1 belongs")
    return number


def _span(value: str) -> int:
    return _positive(value, SECONDS_MAX)


def _releasers(value: str) -> int:
    return _positive(value, RELEASERS_MAX)


def _read_profiles(value: str) -> tuple[str, ...]:
    return () if value == "none" else tuple(value.split(" "))


def _check(charter: Charter) -> None:
    """What holds within one charter, beyond the form of each line (spec/charter.md §3)."""
    if (charter.number == 0) != (charter.predecessor is None):
        raise malformed("the first charter, and no other, is without a predecessor")
    if charter.number == 0 and charter.left:
        raise malformed("nobody has left a line before it began")
    _check_words("language", charter.languages, LANGUAGES_MAX, _LANGUAGE)
    _check_words("profile", charter.profiles, PROFILES_MAX, _PROFILE)
    for name in (charter.title, *(m.name for m in charter.members)):
        if len(name) > limits.NAME_CHARS_MAX:
            raise PeerError(Refusal.OVERSIZE, f"a name of {len(name)} characters")
    entries = charter.entries()
    if len({e.number for e in entries}) != len(entries):
        raise malformed("a member number twice")
    if len({e.party for e in entries}) != len(entries):
        raise malformed("a party under two numbers")
    if len({m.name.casefold() for m in charter.members}) != len(charter.members):
        raise malformed("two members of one name")
    if sum(m.role == "party" for m in charter.members) < PARTIES_MIN:
        raise malformed(f"a line has at least {PARTIES_MIN} parties")


def _check_words(what: str, words: tuple[str, ...], most: int, form: re.Pattern[str]) -> None:
    if len(words) > most:
        raise PeerError(Refusal.OVERSIZE, f"{len(words)} {what}s where {most} are allowed")
    if len(set(words)) != len(words) or not all(map(form.fullmatch, words)):
        raise malformed(f"a {what} named twice, or not in its one form")
