"""Charters of the second node, written from spec/charter.md alone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from interop.peer_bytes import LogId, check, commitment, read_decimal, read_hex
from interop.peer_cards import Card, read_instant, read_sheet


@dataclass(frozen=True)
class Member:
    """One line `member` or `left` of a charter (charter.md §2)."""

    number: int
    role: str  # empty: left
    party: str
    card: str
    name: str


@dataclass(frozen=True)
class Charter:
    """A charter that was read and found good (charter.md §3)."""

    text: bytes
    number: int
    predecessor: str
    drill: bool
    members: list[Member]
    values: dict[str, str]

    @property
    def id(self) -> bytes:
        """The commitment under a zero salt: of a first charter the line's id (charter.md)."""
        return commitment(bytes(16), self.text)

    @property
    def everyone(self) -> int:
        """The audience mask of all members (charter.md §2)."""
        return sum(1 << member.number for member in self.members if member.role)

    @property
    def readers(self) -> int:
        """The mask of all who read bodies (charter.md §2.1)."""
        return sum(1 << one.number for one in self.members if one.role in ("party", "mediator"))

    @property
    def padded(self) -> bool:
        """Whether bodies are padded (charter.md §3)."""
        return self.values["padding"] == "steps"

    def origin(self, line: bytes, log: LogId) -> str:
        """The origin of a member's log (identity.md §5)."""
        party = next(member.party for member in self.members if member.number == log[0])
        return f"detente/v1/{line.hex()}/{party}/{log[1]}" + (f".{log[2].hex()}" if log[2] else "")


_TAIL = """languages receipt seen-within-s lacks-after-s test-every-s test-answer-within-s
answer-within-s gap-within-s quota-entries-per-day quota-bytes-per-day quota-flash-per-day padding
release release-decisions amend ed25519-until profiles"""
CHARTER_TAIL = _TAIL.split()
_PROFILE = "[a-z0-9][a-z0-9./-]{0,63}"


def read_charter(text: bytes) -> Charter:
    """Read a charter and refuse every text but its one form (charter.md §3)."""
    pairs = read_sheet(text, "detente charter v1", 16384)
    head = ["random", "number", "predecessor", "title", "drill"]
    middle = pairs[5 : len(pairs) - len(CHARTER_TAIL)]
    check(
        [key for key, _ in pairs[:5]] == head
        and all(key in ("member", "left") for key, _ in middle)
    )
    check([key for key, _ in pairs[5 + len(middle) :]] == CHARTER_TAIL)
    values = dict(pairs)
    read_hex(values["random"], 16)
    number = read_decimal(values["number"])
    if values["predecessor"] != "-":
        read_hex(values["predecessor"], 32)
    check((number == 0) == (values["predecessor"] == "-"))
    check(len(values["title"]) <= 80 and len(middle) <= 32, "oversize")
    members = [_member(key, value) for key, value in middle]
    numbers = [one.number for one in members]
    check(numbers == sorted(set(numbers)) and all(one < 32 for one in numbers))
    check(
        sum(one.role == "party" for one in members) >= 2
        and len({one.party for one in members}) == len(members)
    )
    names = [one.name.casefold() for one in members if one.role]
    check(len(set(names)) == len(names) and (number > 0 or all(one.role for one in members)))
    _check_rules(values)
    return Charter(text, number, values["predecessor"], values["drill"] == "yes", members, values)


def _member(key: str, value: str) -> Member:
    parts = value.split(" ", 2 if key == "left" else 4)
    if key == "left":
        check(len(parts) == 2)
        return Member(read_decimal(parts[0]), "", read_hex(parts[1], 32).hex(), "", "")
    check(len(parts) == 5 and parts[1] in ("party", "mediator", "observer"))
    check(len(parts[4]) <= 80, "oversize")
    return Member(
        read_decimal(parts[0]),
        parts[1],
        read_hex(parts[2], 32).hex(),
        read_hex(parts[3], 32).hex(),
        parts[4],
    )


def _check_rules(values: dict[str, str]) -> None:
    languages, profiles = values["languages"].split(" "), values["profiles"].split(" ")
    check(len(languages) <= 8 and len(profiles) <= 32, "oversize")
    check(len(set(languages)) == len(languages) and len(set(profiles)) == len(profiles))
    check(
        all(re.fullmatch("[a-z]{2,3}(-[a-z0-9]{2,8}){0,3}", one) is not None for one in languages)
    )
    check(profiles == ["none"] or all(re.fullmatch(_PROFILE, one) for one in profiles))
    words = {
        "drill": ("yes", "no"), "receipt": ("received", "seen"), "padding": ("none", "steps"),
        "release-decisions": ("yes", "no"), "amend": ("all", "all-but-affected"),
    }  # fmt: skip
    check(all(values[key] in allowed for key, allowed in words.items()))
    answers, release = values["answer-within-s"].split(" "), values["release"].split(" ")
    check(len(answers) == 6 == len(release) and all(one in ("1", "2", "3") for one in release))
    singles = (
        "seen-within-s",
        "lacks-after-s",
        "test-every-s",
        "test-answer-within-s",
        "gap-within-s",
    )
    for text in [*answers, *(values[key] for key in singles)]:
        check(1 <= read_decimal(text) <= 31622400)
    check(
        all(
            read_decimal(values[f"quota-{one}-per-day"]) >= 1
            for one in ("entries", "bytes", "flash")
        )
    )
    read_instant(values["ed25519-until"])


def write_charter(
    title: str, cards: list[Card], random: bytes, until: str = "2031-01-01T00:00:00Z"
) -> bytes:
    """Write a first charter of parties alone, with the usual rules (charter.md §4)."""
    lines = [
        "detente charter v1",
        f"random {random.hex()}",
        "number 0",
        "predecessor -",
        f"title {title}",
        "drill no",
    ]
    lines += [
        f"member {number} party {card.party} {card.hash} {card.name}"
        for number, card in enumerate(cards)
    ]
    rules = ["en", "received", "30", "60", "31622400", "600", "86400 21600 10800 1800 600 600"]
    rules += ["600", "20000", "67108864", "200", "steps", "1 1 1 1 1 1", "no", "all", until, "none"]
    lines += [f"{key} {value}" for key, value in zip(CHARTER_TAIL, rules, strict=True)]
    text = ("\n".join(lines) + "\n").encode()
    read_charter(text)
    return text
