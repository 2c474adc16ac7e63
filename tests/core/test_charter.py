"""The charter: one text, one meaning, and amendments that nobody can slip in sideways."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.core import charter as charters
from detente.core import limits
from detente.core.charter import Charter, Left, Member, check_amendment, parse_charter, propose
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.sheet import uninstant

RANDOM = bytes(range(16))


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """Every text is read in its own test: none is known from another."""
    parse_charter.cache_clear()


def party(name: str) -> bytes:
    """A party's id in these tests."""
    return hashlib.sha256(name.encode()).digest()


def member(number: int, role: str, name: str) -> Member:
    """A member whose party and card follow from its name."""
    return Member(number, role, party(name), party(f"card {name}"), name)


NORTH = member(0, "party", "General Staff (north)")
SOUTH = member(1, "party", "General Staff (south)")
MEDIATOR = member(2, "mediator", "Mission")
OBSERVER = member(3, "observer", "Спостерігач")


def staff_line() -> Charter:
    """The charter that spec/charter.md prints: nothing but the defaults."""
    return propose(
        random=RANDOM, title="Staff line", members=(NORTH, SOUTH), languages=("en", "uk")
    )


LINE = staff_line()
FOUR = propose(random=RANDOM, title="Talks", members=(OBSERVER, SOUTH, NORTH, MEDIATOR), drill=True)


def refusal_of(data: bytes) -> Refusal:
    """Why a charter's text is refused."""
    with pytest.raises(PeerError) as caught:
        parse_charter(data)
    return caught.value.refusal


def changed(old: str, new: str) -> bytes:
    """The text of LINE with one change."""
    text = LINE.encode().decode()
    assert old in text
    return text.replace(old, new, 1).encode()


def amended(old: Charter, **change: object) -> Charter:
    """The next charter after ``old``, with some fields changed."""
    values = {"number": old.number + 1, "predecessor": charters.charter_id(old.encode())}
    return replace(old, **(values | change))


def test_text_is_exactly_this() -> None:
    """The canonical text is as spec/charter.md prints it, line for line."""
    assert staff_line().encode().decode() == "\n".join(
        [
            "detente charter v1",
            "random 000102030405060708090a0b0c0d0e0f",
            "number 0",
            "predecessor -",
            "title Staff line",
            "drill no",
            f"member 0 party {NORTH.party.hex()} {NORTH.card.hex()} General Staff (north)",
            f"member 1 party {SOUTH.party.hex()} {SOUTH.card.hex()} General Staff (south)",
            "languages en uk",
            "receipt received",
            "seen-within-s 30",
            "lacks-after-s 60",
            "test-every-s 3600",
            "test-answer-within-s 600",
            "answer-within-s 86400 21600 10800 1800 600 600",
            "gap-within-s 600",
            "quota-entries-per-day 20000",
            "quota-bytes-per-day 67108864",
            "quota-flash-per-day 200",
            "padding steps",
            "release 1 1 1 1 1 1",
            "release-decisions no",
            "amend all",
            "ed25519-until 2031-01-01T00:00:00Z",
            "profiles none",
            "",
        ]
    )


def test_line_id_commits_to_the_text_with_a_zero_salt() -> None:
    """The line's id is the body commitment of the raw text under 16 zero bytes."""
    data = LINE.encode()
    expected = hashlib.sha256(b"detente body v1\n" + bytes(16) + data).digest()
    assert charters.charter_id(data) == expected
    other = replace(LINE, random=bytes(16))
    assert charters.charter_id(other.encode()) != expected


def test_spec_example() -> None:
    """The charter that spec/charter.md prints has the length and the line id that it prints."""
    data = LINE.encode()
    assert len(data) == 811
    assert charters.charter_id(data).hex() == (
        "ef0644be6dee344b1220f3d05ff1e11db863462dc71239ba3c675b96e8848e8e"
    )


def test_round_trip_of_every_field() -> None:
    """Each field takes another value and comes back as it was."""
    full = replace(
        amended(FOUR),
        title="Переговори",
        members=(NORTH, SOUTH, OBSERVER),
        left=(Left(2, MEDIATOR.party),),
        languages=("en", "ru", "uk", "zh-hant"),
        receipt="seen",
        seen_within_s=1,
        lacks_after_s=2,
        test_every_s=charters.SECONDS_MAX,
        test_answer_within_s=3,
        answer_within_s=(6, 5, 4, 3, 2, 1),
        gap_within_s=4,
        quota_entries_per_day=1,
        quota_bytes_per_day=2,
        quota_flash_per_day=3,
        padding=False,
        release=(1, 1, 1, 2, 3, 3),
        release_decisions=True,
        amend="all-but-affected",
        ed25519_until_s=uninstant("2029-12-31T23:59:59Z"),
        profiles=("notices.launch", "notices/air-2"),
    )
    assert parse_charter(full.encode()) == full
    assert full.encode().decode().split("\n")[6:10] == [
        charters._write_entry(entry)[0] + " " + charters._write_entry(entry)[1]
        for entry in (NORTH, SOUTH, Left(2, MEDIATOR.party), OBSERVER)
    ]


def test_members_readers_and_masks() -> None:
    """Observers are members and read no bodies; numbers and parties find each other."""
    assert FOUR.members == (NORTH, SOUTH, MEDIATOR, OBSERVER), "sorted when proposed"
    assert FOUR.everyone() == 0b1111
    assert FOUR.readers() == 0b0111
    assert FOUR.member(2) == MEDIATOR
    assert FOUR.member(9) is None
    assert FOUR.number_of(OBSERVER.party) == 3
    assert FOUR.number_of(party("nobody")) is None
    after = amended(
        FOUR,
        members=(NORTH, SOUTH),
        left=tuple(Left(m.number, m.party) for m in (MEDIATOR, OBSERVER)),
    )
    assert parse_charter(after.encode()).everyone() == 0b0011
    assert after.member(2) is None
    assert after.number_of(MEDIATOR.party) is None
    founder_gone = amended(
        FOUR, members=(SOUTH, MEDIATOR, member(4, "party", "West")), left=(Left(0, NORTH.party),)
    )
    assert parse_charter(founder_gone.encode()).everyone() == 0b10110
    assert founder_gone.readers() == 0b10110


@pytest.mark.parametrize(
    "start",
    [
        "cosignature/v1\ntime 1706083200\ndetente/v1/0/0/0\n117\n",
        "detente card v1\n",
        "\n",
        "\ufeff",
        " ",
        "— ",
    ],
)
def test_charter_begins_with_its_first_line(start: str) -> None:
    """A text that begins as another signed thing does is no charter, whatever follows (D1)."""
    assert refusal_of(start.encode() + LINE.encode()) is Refusal.MALFORMED


SECOND = f"member 1 party {SOUTH.party.hex()} {SOUTH.card.hex()} General Staff (south)\n"
FIRST = f"member 0 party {NORTH.party.hex()} {NORTH.card.hex()} General Staff (north)\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("random 00", "random 0"),
        ("random 00", "random 0A"),
        ("number 0", "number 00"),
        ("number 0", "number 1"),
        ("predecessor -", f"predecessor {'0' * 64}"),
        ("predecessor -", "predecessor none"),
        ("title Staff line", "title Staff  line"),
        ("title Staff line", "title Staff\u202eline"),
        ("title Staff line\n", ""),
        ("drill no", "drill No"),
        (SECOND, ""),
        (FIRST + SECOND, SECOND + FIRST),
        ("member 1", "member 0"),
        ("member 1", "member 32"),
        ("member 1", "member 01"),
        ("member 1 party", "member 1 mediator"),
        ("member 1 party", "member 1 judge"),
        (f"{SOUTH.party.hex()} ", ""),
        (SOUTH.party.hex(), NORTH.party.hex()),
        ("Staff (south)", "STAFF (north)"),
        (SECOND, SECOND + f"left 2 {party('gone').hex()}\n"),
        (SECOND, SECOND + "left 2\n"),
        ("languages en uk", "languages en en"),
        ("languages en uk", "languages EN"),
        ("languages en uk", "languages english"),
        ("languages en uk", "languages e"),
        ("receipt received", "receipt read"),
        ("seen-within-s 30", "seen-within-s 0"),
        ("seen-within-s 30", "seen-within-s 31622401"),
        ("seen-within-s 30", "seen-within-s 30.0"),
        ("lacks-after-s 60\n", ""),
        ("answer-within-s 86400 ", "answer-within-s "),
        ("600 600", "600 600 600"),
        ("quota-flash-per-day 200", "quota-flash-per-day 0"),
        ("padding steps", "padding padme"),
        ("release 1", "release 0"),
        ("release 1", "release 4"),
        ("release-decisions no", "release-decisions maybe"),
        ("amend all", "amend majority"),
        ("2031-01-01T00:00:00Z", "2031-01-01"),
        ("profiles none", "profiles none none"),
        ("profiles none", "profiles Notices"),
        ("profiles none", "profiles a a"),
        ("profiles none\n", "profiles none\nmore x\n"),
        ("profiles none\n", "profiles none"),
    ],
)
def test_other_texts_are_refused(old: str, new: str) -> None:
    """Each rule of the form, broken by itself, is MALFORMED."""
    assert refusal_of(changed(old, new)) is Refusal.MALFORMED


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("title Staff line", "title " + "x" * (limits.NAME_CHARS_MAX + 1)),
        ("Staff (south)", "x" * (limits.NAME_CHARS_MAX + 1)),
        ("languages en uk", "languages " + " ".join(f"a{n:c}" for n in range(97, 106))),
        ("profiles none", "profiles " + " ".join(f"p{n}" for n in range(33))),
        ("title Staff line", "title " + "x" * limits.CHARTER_BYTES_MAX),
    ],
)
def test_limits(old: str, new: str) -> None:
    """Longer names, more languages or profiles, or a larger text is OVERSIZE."""
    assert refusal_of(changed(old, new)) is Refusal.OVERSIZE


def test_as_many_languages_and_profiles_as_the_limit() -> None:
    """Eight languages and 32 profiles are read as they were written."""
    languages = tuple(f"a{n:c}" for n in range(97, 105))
    profiles = tuple(f"p{n}" for n in range(32))
    full = replace(LINE, languages=languages, profiles=profiles)
    assert parse_charter(full.encode()) == full


def test_a_full_line_fits() -> None:
    """Thirty-two members with long names in Cyrillic fit in one charter."""
    crowd = [member(n, "party", f"{n:02} {'Щ' * 77}") for n in range(limits.MEMBERS_MAX)]
    assert parse_charter(propose(random=RANDOM, title="Всі", members=crowd).encode()).members[31]


@pytest.mark.parametrize(
    "change",
    [
        {"members": (NORTH,)},
        {"members": (NORTH, NORTH)},
        {"members": (NORTH, MEDIATOR)},
        {"random": bytes(15)},
        {"title": ""},
        {"title": "two\nlines"},
        {"languages": ()},
        {"languages": ("en uk",)},
        {"profiles": ("none",)},
    ],
)
def test_nobody_proposes_what_none_could_accept(change: dict[str, object]) -> None:
    """A proposal that would not read back as itself is our operator's mistake."""
    values: dict[str, object] = {"random": RANDOM, "title": "Line", "members": (NORTH, SOUTH)}
    with pytest.raises(LocalError) as caught:
        propose(**(values | change))
    assert caught.value.refusal is Refusal.MALFORMED


def test_checked_returns_a_sound_charter() -> None:
    """Defaults are changed by replacing fields, and checked as a whole."""
    faster = replace(LINE, test_every_s=600)
    assert charters.checked(faster) is faster
    with pytest.raises(LocalError):
        charters.checked(replace(LINE, test_every_s=0))
    with pytest.raises(LocalError):
        charters.checked(replace(LINE, members=(SOUTH, NORTH)))
    with pytest.raises(LocalError) as caught:  # a number that somebody else left with
        charters.checked(amended(LINE, left=(Left(1, party("gone")),)))
    assert caught.value.refusal is Refusal.MALFORMED


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(tail: bytes) -> None:
    """Arbitrary bytes behind a true beginning raise a refusal and nothing else."""
    with pytest.raises(PeerError):
        parse_charter(LINE.encode()[:150] + tail)


# --- Amendments ------------------------------------------------------------------------------


def mismatch(old: Charter, new: Charter) -> str:
    """The reason for which one charter cannot follow another."""
    with pytest.raises(PeerError) as caught:
        check_amendment(old, new)
    assert caught.value.refusal is Refusal.CHARTER_MISMATCH
    return caught.value.detail


def test_amendments_in_order() -> None:
    """Members join under new numbers, leave, come back under their own, and change their card."""
    one = amended(LINE, members=(NORTH, SOUTH, MEDIATOR), test_every_s=600)
    check_amendment(LINE, one)
    two = amended(one, members=(NORTH, SOUTH), left=(Left(2, MEDIATOR.party),))
    check_amendment(one, two)
    back = MEDIATOR._replace(card=party("a new card"))
    three = amended(two, members=(NORTH, SOUTH, back, OBSERVER), left=(), title="Longer")
    check_amendment(two, three)
    for item in (one, two, three):
        assert parse_charter(item.encode()) == item


def test_amendment_counts_up_by_one() -> None:
    """The same, an earlier or a later number than the next is refused."""
    assert "number" in mismatch(LINE, LINE)
    assert "number" in mismatch(LINE, amended(LINE, number=2))
    assert "number" in mismatch(amended(LINE, number=5), amended(LINE))


def test_amendment_names_its_predecessor() -> None:
    """An amendment of another charter, or of this one in another version, is refused."""
    assert "replaces" in mismatch(LINE, amended(FOUR, drill=False))
    assert "replaces" in mismatch(replace(LINE, title="Other"), amended(LINE))


def test_amendment_keeps_drill_apart() -> None:
    """No amendment turns an exercise into the real line, or the other way."""
    assert "drill" in mismatch(LINE, amended(LINE, drill=True))
    assert "drill" in mismatch(FOUR, amended(FOUR, drill=False))


def test_amendment_never_gives_a_number_to_another() -> None:
    """A number, once given, is that party's for ever, also after it left."""
    other = SOUTH._replace(party=party("somebody else"))
    assert "another party" in mismatch(LINE, amended(LINE, members=(NORTH, other)))
    gone = amended(FOUR, members=(NORTH, SOUTH, OBSERVER), left=(Left(2, MEDIATOR.party),))
    taken = amended(gone, members=(NORTH, SOUTH, member(2, "mediator", "New"), OBSERVER), left=())
    assert "another party" in mismatch(gone, taken)


def test_amendment_forgets_nobody() -> None:
    """A member that is no more is listed as left, at once and ever after."""
    assert "neither" in mismatch(FOUR, amended(FOUR, members=(NORTH, SOUTH, OBSERVER)))
    gone = amended(FOUR, members=(NORTH, SOUTH, OBSERVER), left=(Left(2, MEDIATOR.party),))
    assert "neither" in mismatch(gone, amended(gone, left=()))
