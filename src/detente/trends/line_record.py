"""The line's own record, read from a transcript export (spec/proof.md §4).

Three exposures that are not one: that the line exists, that it was tested and answered, and that
somebody used it. Leaves alone are read; no body is opened but the charters'. Nothing is proven
here: ``detente verify`` does that.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate

from detente.core.charter import Charter, parse_charter
from detente.core.errors import LocalError, Refusal
from detente.core.export import EntryLine, LogStart, Preamble, Shown, read_export
from detente.core.extras import (
    Relation,
    Rung,
    decode_held_ahead,
    decode_mark,
    decode_relations,
)
from detente.core.identity import Origin, parse_origin
from detente.core.leaf import Kind, Leaf, LogId, decode_leaf
from detente.core.merkle import leaf_hash

ANSWERED, LATE, MISSED = "answered", "late", "missed"


@dataclass(frozen=True, slots=True)
class Call:
    """One dispatch as one of its readers had it. Seconds since the epoch, by the clock of whoever
    states it; None where the record ends without it."""

    entry: bytes  # its leaf hash: one dispatch has a call for each reader
    author: int
    reader: int
    precedence: int
    sent_s: int
    received_s: int | None
    answered_s: int | None
    asks: bool  # it answers and withdraws nothing itself, so an answer could follow


@dataclass(frozen=True, slots=True)
class Turn:
    """One scheduled link test (spec/ladder.md §7), over when the record ends."""

    member: int
    start_s: int
    end_s: int
    outcome: str  # ANSWERED by all in time, LATE, or MISSED: no test was sent


@dataclass(frozen=True, slots=True)
class Outage:
    """Link tests in a row that failed: from the start of the first to the end of the last."""

    start_s: int
    end_s: int
    turns: int


@dataclass(frozen=True, slots=True)
class Record:
    """What one export says of its line."""

    title: str
    drill: bool
    sha256: str
    began_s: int  # when the last of the parties had begun its log
    ended_s: int  # the last time that any entry bears
    members: int
    entries: int
    drill_entries: int  # left out of everything below
    calls: tuple[Call, ...]
    turns: tuple[Turn, ...]
    receipt_within_s: int
    answer_within_s: tuple[int, ...]  # by precedence

    def outages(self) -> tuple[Outage, ...]:
        """Runs of turns that were not answered in time."""
        found: list[Outage] = []
        for turn in self.turns:
            if turn.outcome == ANSWERED:
                continue
            last = found[-1] if found else None
            if last is not None and last.end_s == turn.start_s:
                found[-1] = Outage(last.start_s, turn.end_s, last.turns + 1)
            else:
                found.append(Outage(turn.start_s, turn.end_s, 1))
        return tuple(found)


def read_record(chunks: Iterable[bytes]) -> Record:
    """The record of an export. PeerError MALFORMED or OVERSIZE, with ``line_number``, for a file
    that is none; LocalError NOT_HELD where no log of a party is in it."""
    digest = hashlib.sha256()

    def hashed() -> Iterator[bytes]:
        for chunk in chunks:
            digest.update(chunk)
            yield chunk

    reading = _Reading()
    for item in read_export(hashed()):
        if isinstance(item, Preamble):
            reading.charter = parse_charter(item.charter)
        elif isinstance(item, LogStart):
            reading.begin(parse_origin(item.origin))
        elif isinstance(item, EntryLine):
            reading.take(item)
    return reading.record(digest.hexdigest())


@dataclass(frozen=True, slots=True)
class _Said:
    """A dispatch or a link test."""

    log: LogId
    index: int
    hash: bytes
    leaf: Leaf


@dataclass(slots=True)
class _Log:
    origin: Origin
    leaves: list[tuple[bytes, Leaf]] = field(default_factory=list)
    charter: bytes | None = None


@dataclass(slots=True)
class _Reading:
    """An export while it is read: leaves that matter, and who covers what."""

    charter: Charter | None = None
    logs: list[_Log] = field(default_factory=list)
    entries: int = 0

    def begin(self, origin: Origin) -> None:
        self.logs.append(_Log(origin))

    def take(self, line: EntryLine) -> None:
        log = self.logs[-1]
        leaf = decode_leaf(line.raw)
        if not log.leaves and leaf.kind == Kind.CHARTER and line.shown is Shown.OPENED:
            log.charter = line.body
        log.leaves.append((leaf_hash(line.raw), leaf))
        self.entries += 1

    def record(self, sha256: str) -> Record:
        charter = self.charter
        if charter is None or not any(log.leaves for log in self.logs):
            raise LocalError(Refusal.NOT_HELD, "no log in the transcript")
        numbers = self._numbers(charter)
        named = {
            LogId(numbers[log.origin.party], log.origin.k, log.origin.life): log.leaves
            for log in self.logs
            if log.origin.party in numbers and log.leaves
        }
        parties = sorted(one.number for one in charter.members if one.role == "party")
        began: dict[int, int] = {}
        for log, leaves in sorted(named.items()):
            began.setdefault(log.member, leaves[0][1].time_s)
        if not any(party in began for party in parties):
            raise LocalError(Refusal.NOT_HELD, "no log of a party in the transcript")
        began_s = max(began[party] for party in parties if party in began)
        ended_s = max(leaf.time_s for leaves in named.values() for _hash, leaf in leaves)
        holding = _Holding(named)
        drills = sum(leaf.drill for leaves in named.values() for _hash, leaf in leaves)
        return Record(
            title=charter.title,
            drill=charter.drill,
            sha256=sha256,
            began_s=began_s,
            ended_s=ended_s,
            members=len(charter.members),
            entries=self.entries,
            drill_entries=0 if charter.drill else drills,
            calls=tuple(_calls(named, holding, drill=charter.drill)),
            turns=tuple(_turns(charter, parties, named, holding, (began_s, ended_s))),
            receipt_within_s=charter.seen_within_s,
            answer_within_s=charter.answer_within_s,
        )

    def _numbers(self, first: Charter) -> dict[bytes, int]:
        """Members by party: of the founding charter, and of those that later logs begin with."""
        found = {one.party: one.number for one in first.entries()}
        for log in self.logs:
            if log.charter is not None:
                for one in parse_charter(log.charter).entries():
                    found.setdefault(one.party, one.number)
        return found


class _Holding:
    """Who states to hold what since when: by `seen` and by `held-ahead`. Quoted cosignatures are
    left out, so that a receipt here is never earlier than what its reader signed itself."""

    def __init__(self, named: dict[LogId, list[tuple[bytes, Leaf]]]) -> None:
        covers: dict[tuple[int, LogId], list[tuple[int, int]]] = defaultdict(list)
        self._ahead: dict[tuple[int, bytes], int] = {}
        for log, leaves in named.items():
            for _hash, leaf in leaves:
                for seen in leaf.seen:
                    covers[log.member, seen.log].append((seen.size, seen.held_at_s))
                if leaf.kind == Kind.HELD_AHEAD:
                    held = decode_held_ahead(leaf.extra)
                    key = log.member, held.leaf_hash
                    self._ahead[key] = min(held.held_at_s, self._ahead.get(key, held.held_at_s))
        self._covers = {}
        for who, pairs in covers.items():
            pairs.sort()
            # From each size on, the earliest time that any cover of at least that size bears.
            earliest = list(accumulate((at_s for _size, at_s in reversed(pairs)), min))[::-1]
            self._covers[who] = [size for size, _at_s in pairs], earliest

    def since_s(self, reader: int, said: _Said) -> int | None:
        """When a member first held an entry, by its own word; None if it never says so."""
        found = self._ahead.get((reader, said.hash))
        sizes, earliest = self._covers.get((reader, said.log), ((), ()))
        at = bisect_right(sizes, said.index)
        if at < len(sizes) and (found is None or earliest[at] < found):
            return earliest[at]
        return found


def _said(
    named: dict[LogId, list[tuple[bytes, Leaf]]], kind: Kind, *, drill: bool
) -> Iterator[_Said]:
    for log, leaves in sorted(named.items()):
        for index, (hash_, leaf) in enumerate(leaves):
            if leaf.kind == kind and (drill or not leaf.drill):
                yield _Said(log, index, hash_, leaf)


def _calls(
    named: dict[LogId, list[tuple[bytes, Leaf]]], holding: _Holding, *, drill: bool
) -> Iterator[Call]:
    answers, quiet = _answers(named)
    members = {log.member for log in named}
    for said in _said(named, Kind.DISPATCH, drill=drill):
        for reader in sorted(members - {said.log.member}):
            if said.leaf.reads(reader):
                yield Call(
                    entry=said.hash,
                    author=said.log.member,
                    reader=reader,
                    precedence=int(said.leaf.precedence),
                    sent_s=said.leaf.time_s,
                    received_s=holding.since_s(reader, said),
                    answered_s=answers.get((reader, said.hash)),
                    asks=said.hash not in quiet,
                )


def _answers(
    named: dict[LogId, list[tuple[bytes, Leaf]]],
) -> tuple[dict[tuple[int, bytes], int], set[bytes]]:
    """When who answered which entry, by a mark or a dispatch; and dispatches that ask nothing."""
    found: dict[tuple[int, bytes], int] = {}
    quiet: set[bytes] = set()
    for log, leaves in sorted(named.items()):
        for hash_, leaf in leaves:
            answered: list[bytes] = []
            if leaf.kind == Kind.MARK and decode_mark(leaf.extra).rung is Rung.ANSWERED:
                answered = list(leaf.refs)
            elif leaf.kind == Kind.DISPATCH and leaf.refs:
                relations = decode_relations(leaf.extra, len(leaf.refs))
                pairs = list(zip(leaf.refs, relations, strict=True))
                answered = [ref for ref, how in pairs if how is Relation.ANSWERS]
                if any(how in {Relation.ANSWERS, Relation.CANCELS} for _ref, how in pairs):
                    quiet.add(hash_)
            for ref in answered:
                key = log.member, ref
                found[key] = min(leaf.time_s, found.get(key, leaf.time_s))
    return found, quiet


def _turns(
    charter: Charter,
    parties: list[int],
    named: dict[LogId, list[tuple[bytes, Leaf]]],
    holding: _Holding,
    span_s: tuple[int, int],
) -> Iterator[Turn]:
    """Every turn of the link test that began and ended within the record, in order."""
    every_s, (began_s, ended_s) = charter.test_every_s, span_s
    tests: dict[tuple[int, int], _Said] = {}
    for said in _said(named, Kind.TEST, drill=True):
        tests.setdefault((said.leaf.time_s // every_s, said.log.member), said)
    first = -(-began_s // every_s)
    for number in range(first, (ended_s - charter.test_answer_within_s) // every_s):
        member = parties[number % len(parties)]
        test = tests.get((number, member))
        outcome = MISSED
        if test is not None:
            until_s = test.leaf.time_s + charter.test_answer_within_s
            held = [
                holding.since_s(reader.number, test)
                for reader in charter.members
                if reader.number != member and test.leaf.reads(reader.number)
            ]
            good = all(at_s is not None and at_s <= until_s for at_s in held)
            outcome = ANSWERED if good else LATE
        yield Turn(member, number * every_s, (number + 1) * every_s, outcome)
