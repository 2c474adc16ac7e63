"""The demo's figures, each computed from what was submitted and from what both homes export.

No counter of the demo, of a node or of a store enters: whoever has the folder gets the same figures
from the same bytes, and other ones if a single delivery were dropped, repeated or swapped.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from detente.core.body import unpack
from detente.core.charter import Charter, parse_charter
from detente.core.errors import PeerError
from detente.core.export import EntryLine, LogStart, Preamble, Shown, read_export
from detente.core.identity import parse_origin
from detente.core.leaf import Kind, Leaf, LogId, Precedence
from detente.core.merkle import Frontier, leaf_hash
from detente.core.proof import decoded
from detente.core.transcript import Entry, MemoryTranscript, Place
from detente.dossiers.dispatch import decode_dispatch
from detente.dossiers.receipts import receipts


class Submitted(NamedTuple):
    """A dispatch as it was handed to its author's node, in order."""

    author: str
    precedence: str
    sha256: str  # of the text, which is there once


def text_hash(text: str) -> str:
    """What tells one text from every other."""
    return hashlib.sha256(text.encode()).hexdigest()


def write_submitted(submitted: Sequence[Submitted]) -> str:
    """The list as JSON."""
    return json.dumps([one._asdict() for one in submitted], indent=1) + "\n"


def read_submitted(data: str) -> list[Submitted]:
    """What ``write_submitted`` wrote."""
    return [Submitted(**one) for one in json.loads(data)]


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of the submitted dispatches. Names as `detente demo --json` prints them.

    ``dispatches`` stand in both copies; ``receipts`` counts those that every reader's own log
    states as stored, as the author's copy shows it. ``lost`` are missing from a copy;
    ``duplicated`` and ``reordered`` count entries over both copies, and ``unexpected`` are
    dispatches that nobody submitted. ``incarnations`` counts the logs of each party.
    """

    dispatches: int
    receipts: int
    lost: int
    reordered: int
    duplicated: int
    unexpected: int
    marks: int
    translations: int
    precedences: dict[str, int]
    incarnations: dict[str, int]
    checkpoints_equal: bool


class Delivered(NamedTuple):
    """A dispatch as it stands in one copy."""

    sha256: str
    place: Place
    serial: int
    precedence: str


@dataclass(slots=True)
class Copy:
    """One home's export, read entry by entry as far as it can be read."""

    charter: Charter | None = None
    transcript: MemoryTranscript = field(default_factory=MemoryTranscript)
    trees: dict[str, Frontier] = field(default_factory=dict)
    logs: list[LogId] = field(default_factory=list)
    dispatches: list[Delivered] = field(default_factory=list)
    kinds: Counter[int] = field(default_factory=Counter)

    def name(self, member: int) -> str:
        """A member as the demo calls it: its name in small letters."""
        found = None if self.charter is None else self.charter.member(member)
        return str(member) if found is None else found.name.lower()

    def of(self, author: str) -> list[Delivered]:
        """The dispatches of one author, in the order of its log."""
        return [one for one in self.dispatches if self.name(one.place.log.member) == author]

    def heads(self) -> dict[str, tuple[int, bytes]]:
        """Size and root of every log."""
        return {origin: (tree.size, tree.root()) for origin, tree in self.trees.items()}


def read_copy(chunks: Iterable[bytes]) -> Copy:
    """The copy in an export. What cannot be read ends it: checking it is for ``verify``."""
    copy = Copy()
    origin = ""
    try:
        for item in read_export(chunks):
            if isinstance(item, Preamble):
                copy.charter = parse_charter(item.charter)
            elif isinstance(item, LogStart):
                origin = item.origin
                copy.trees[origin] = Frontier()
                copy.logs.append(_log_id(copy, origin))
            elif isinstance(item, EntryLine):
                _take(copy, copy.trees[origin], item)
    except PeerError:
        pass  # the file is not what was exported; the figures show what is left of it
    return copy


def _log_id(copy: Copy, text: str) -> LogId:
    origin = parse_origin(text)
    number = None if copy.charter is None else copy.charter.number_of(origin.party)
    return LogId(-1 if number is None else number, origin.k, origin.life)


def _take(copy: Copy, tree: Frontier, item: EntryLine) -> None:
    place = Place(copy.logs[-1], tree.size)
    hash_, leaf = leaf_hash(item.raw), decoded(item.raw)
    tree.append(hash_)
    opened = item.shown is Shown.OPENED
    body = item.body if opened else None
    copy.transcript.add(Entry(place, hash_, item.raw, leaf, item.salt if opened else None, body))
    if leaf is None:
        return
    copy.kinds[leaf.kind] += 1
    if leaf.kind == Kind.DISPATCH and body is not None:
        _deliver(copy, place, leaf, body)


def _deliver(copy: Copy, place: Place, leaf: Leaf, body: bytes) -> None:
    try:
        text = decode_dispatch(unpack(body)).text
    except PeerError:
        return  # not to be read, so not delivered: it counts as lost
    precedence = Precedence(leaf.precedence).name
    copy.dispatches.append(Delivered(text_hash(text), place, leaf.serial, precedence))


def recount(submitted: Sequence[Submitted], exports: Mapping[str, Iterable[bytes]]) -> Figures:
    """The figures of ``submitted`` and of each home's export, by the home's name."""
    copies = {name: read_copy(chunks) for name, chunks in exports.items()}
    wanted = {one.sha256 for one in submitted}
    found = {name: Counter(d.sha256 for d in copy.dispatches) for name, copy in copies.items()}
    lost = {sha256 for sha256 in wanted if any(not counts[sha256] for counts in found.values())}
    delivered = [one for one in submitted if one.sha256 not in lost]
    lives: Counter[str] = Counter()
    for copy in copies.values():
        lives |= Counter(copy.name(log.member) for log in set(copy.logs))  # the larger of both
    heads = [copy.heads() for copy in copies.values()]
    return Figures(
        dispatches=len(delivered),
        receipts=sum(_receipted(copies[one.author], one.sha256) for one in submitted),
        lost=len(lost),
        reordered=len(_out_of_order(submitted, copies)),
        duplicated=sum(count - 1 for counts in found.values() for count in counts.values()),
        unexpected=sum(sha256 not in wanted for counts in found.values() for sha256 in counts),
        marks=min(copy.kinds[Kind.MARK] for copy in copies.values()),
        translations=min(copy.kinds[Kind.TRANSLATION] for copy in copies.values()),
        precedences=dict(Counter(one.precedence for one in delivered)),
        incarnations=dict(sorted(lives.items())),
        checkpoints_equal=all(head == heads[0] for head in heads) and bool(heads[0]),
    )


def _receipted(copy: Copy, sha256: str) -> bool:
    """Whether every reader's own log states, in the author's copy, that it stores this text."""
    for one in copy.dispatches:
        if one.sha256 != sha256:
            continue
        leaf = copy.transcript.entry(*one.place).leaf
        readers = 0 if leaf is None else leaf.audience & ~(1 << one.place.log.member)
        given = receipts(copy.transcript, one.place, readers)
        return readers != 0 and len(given) == readers.bit_count()
    return False


def _out_of_order(
    submitted: Sequence[Submitted], copies: Mapping[str, Copy]
) -> set[tuple[str, Place]]:
    """Entries that stand behind something that must stand behind them.

    Within one precedence an author's dispatches stand as they were submitted; over all of them by
    their serials; and in another's copy exactly as in the author's own.
    """
    order = {one.sha256: number for number, one in enumerate(submitted)}
    wrong: set[tuple[str, Place]] = set()
    for author in {one.author for one in submitted}:
        own = {one.sha256: n for n, one in enumerate(copies[author].of(author))}
        for name, copy in copies.items():
            said = copy.of(author)
            for precedence in {one.precedence for one in said}:
                level = [one for one in said if one.precedence == precedence]
                wrong |= {(name, place) for place in _falls(level, order)}
            wrong |= {(name, place) for place in _falls(said, own)}
            serials = {one.sha256: one.serial for one in said}
            wrong |= {(name, place) for place in _falls(said, serials)}
    return wrong


def _falls(said: Sequence[Delivered], order: Mapping[str, int]) -> list[Place]:
    """The entries that come directly behind one of a higher number; unknown ones are passed."""
    known = [one for one in said if one.sha256 in order]
    return [
        later.place for one, later in pairwise(known) if order[later.sha256] < order[one.sha256]
    ]
