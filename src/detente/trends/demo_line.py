"""A made-up transcript for the demo: link tests with outages, dispatches, some of them unanswered.

Nothing in it is signed, so `detente verify` refuses it: it is there to be read, not believed.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from detente.core import charter as charters
from detente.core import identity
from detente.core.body import ZERO_SALT
from detente.core.encoding import b64
from detente.core.export import FIRST_LINE
from detente.core.extras import Mark, Rung, Stater
from detente.core.leaf import Kind, Leaf, LogId, Precedence, Seen
from detente.core.merkle import Frontier, leaf_hash

TEST_EVERY_S = 21_600
WEEK_S = 604_800
HOUR_S = 3_600
OUTAGES = ((5, 3.5), (11, 9.0), (19, 2.0), (27, 12.0))  # from this week on, for so many days
PER_WEEK = 4  # dispatches


@dataclass(slots=True)
class _Log:
    """One party's log while it is written."""

    id: LogId
    origin: str
    lines: list[str] = field(default_factory=list)
    size: int = 0
    frontier: Frontier = field(default_factory=Frontier)

    def say(self, leaf: Leaf, body: tuple[bytes, bytes] | None = None) -> bytes:
        """Appends an entry; its body is shown, or the reader of the file was no addressee."""
        raw = leaf.encode()
        shown = "" if leaf.commitment is None else " notmine"
        if body is not None:
            shown = f" {b64(body[0])} {b64(body[1])}"
        self.lines.append(f"entry {b64(raw)}{shown}")
        hash_ = leaf_hash(raw)
        self.frontier.append(hash_)
        self.size += 1
        return hash_

    def seen(self, other: _Log, at_s: int) -> None:
        """States to hold all of the other log."""
        held = Seen(other.id, other.size, other.frontier.root(), at_s)
        self.say(Leaf(kind=Kind.SEEN, time_s=at_s, audience=3, seen=(held,)))


def demo_transcript(starts_s: int, weeks: int) -> bytes:
    """A transcript of two parties over so many weeks, the same bytes each time."""
    chance = random.Random(f"demo line {starts_s} {weeks}")  # noqa: S311  # from a seed
    parties = [hashlib.sha256(f"demo {number}".encode()).digest() for number in (0, 1)]
    members = [
        charters.Member(number, "party", party, hashlib.sha256(party).digest(), name)
        for number, (party, name) in enumerate(zip(parties, ("Alpha", "Bravo"), strict=True))
    ]
    charter = charters.checked(
        replace(
            charters.propose(random=parties[0][:16], title="Demo line", members=members),
            test_every_s=TEST_EVERY_S,
        )
    )
    text = charter.encode()
    line = charters.charter_id(text)
    logs = []
    for number, party in enumerate(parties):
        log = LogId(number, 0, b"")
        logs.append(_Log(log, identity.origin(line, party, log)))
        first = Leaf(kind=Kind.CHARTER, time_s=starts_s, audience=3, commitment=line)
        logs[-1].say(first, (ZERO_SALT, text))
    for at_s, kind in sorted(_plan(chance, starts_s, weeks)):
        _happen(chance, logs, at_s, kind, starts_s)
    rows = [FIRST_LINE, f"line {line.hex()}", "build detente/demo", f"charter {b64(text)}"]
    for log_ in logs:
        rows += [f"log {log_.origin}", *log_.lines]
    body = "".join(f"{row}\n" for row in rows).encode()
    return body + f"end {hashlib.sha256(body).hexdigest()}\n".encode()


def _plan(chance: random.Random, starts_s: int, weeks: int) -> Iterator[tuple[int, Kind]]:
    for slot_s in range(starts_s, starts_s + weeks * WEEK_S, TEST_EVERY_S):
        yield slot_s - slot_s % TEST_EVERY_S + 60 + chance.randrange(60), Kind.TEST
    for week in range(weeks):
        for _number in range(PER_WEEK):
            yield starts_s + week * WEEK_S + chance.randrange(WEEK_S - 8 * HOUR_S), Kind.DISPATCH


def _happen(chance: random.Random, logs: list[_Log], at_s: int, kind: Kind, starts_s: int) -> None:
    """One test or dispatch, its receipt, and perhaps an answer."""
    down = any(
        starts_s + week * WEEK_S <= at_s < starts_s + week * WEEK_S + days * 86_400
        for week, days in OUTAGES
    )
    if kind is Kind.TEST:
        author = at_s // TEST_EVERY_S % 2
        precedence = Precedence.ROUTINE
    else:
        author = chance.randrange(2)
        precedence = chance.choice((Precedence.ROUTINE, Precedence.PRIORITY, Precedence.IMMEDIATE))
    mine, other = logs[author], logs[1 - author]
    leaf = Leaf(
        kind=kind,
        time_s=at_s,
        audience=3,
        precedence=precedence,
        serial=mine.size,
        commitment=hashlib.sha256(f"{at_s} {kind}".encode()).digest(),
    )
    hash_ = mine.say(leaf)
    if down:
        return
    other.seen(mine, at_s + 2 + chance.randrange(20))
    if kind is Kind.DISPATCH and chance.random() < 0.8:
        after_s = at_s + 300 + int(chance.expovariate(1 / (2 * HOUR_S / (1 + precedence))))
        mark = Mark(Rung.ANSWERED, Stater.WATCH).encode()
        other.say(Leaf(kind=Kind.MARK, time_s=after_s, audience=3, refs=(hash_,), extra=mark))
