"""From a home to a working node: lock, store, marks, cards, lines, and the verdict of each mark."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

from detente.core.cosigning import recall
from detente.core.errors import LocalError, MachineError, PeerError, Refusal
from detente.core.events import Now, StoreFlags
from detente.core.identity import Card, parse_card
from detente.core.leaf import LogId
from detente.core.merkle import root_at
from detente.core.protocol import load_line
from detente.core.revocation import Revocation, parse_revocation, revoked_keys
from detente.core.shelf import Shelf
from detente.core.station import Station
from detente.node.config import CLOCK_SOURCES
from detente.node.folder import Home, open_home, take_lock
from detente.node.keys import HeldKeys
from detente.store.contract import Store, StoredLine, StoreReader
from detente.store.mark import Mark, MarkFolder, Marks, Verdict, judge
from detente.store.sealed import Opener, open_sealed
from detente.store.sqlite import SqliteStore

OTHER_KEYS = "keys of another incarnation"


@dataclass
class Opened:
    """Everything a node stands on, before it listens or speaks."""

    home: Home
    lock: int
    store: Store
    marks: MarkFolder
    station: Station
    restored: dict[bytes, str] = field(default_factory=dict)  # line -> why it is mute

    def close(self) -> None:
        """Lets go of the store, the marks and the lock, in this order."""
        self.store.close()
        self.marks.close()
        os.close(self.lock)


def clock(home: Home) -> Now:
    """The machine's clocks, with the error that the operator claims."""
    return Now(int(time.time()), time.monotonic_ns() // 1_000_000, home.config.clock_error_s)


def open_node_parts(path: Path, passphrases: Sequence[str], opener: Opener = open_sealed) -> Opened:
    """Opens a home for one node. LocalError with the reason for whatever stands in the way."""
    with ExitStack() as undo:
        lock = take_lock(path)
        undo.callback(os.close, lock)
        home = open_home(path, passphrases, opener)
        marks = MarkFolder.open(Path(home.config.mark), create=True, home=home.path)
        undo.callback(marks.close)
        store = SqliteStore.open(home.store, home.keys.store, create=not home.store.exists())
        undo.callback(store.close)
        opened = Opened(home, lock, store, marks, _station(home, store))
        opened.restored = load_lines(opened.station, store, marks)
        undo.pop_all()
    return opened


def load_lines(station: Station, store: Store, marks: Marks) -> dict[bytes, str]:
    """Every line the store keeps, loaded into the core; which of them are mute, and why.

    The keyring of ``station`` holds the pair of the incarnation that this node believes to be in.
    MachineError DISK if what came back, from wherever, contradicts itself, or a line cannot be
    loaded from it: no officer should adopt that, and a backup does better.
    """
    restored = {}
    if any(judged(store, marks, line).restored for line in store.lines()):
        damage = store.damage()
        if damage:
            raise MachineError(Refusal.DISK, f"this store is damaged: {damage}")
    for line in store.lines():
        if store.get_meta(legal_hold(line.line)):
            station.under_hold.add(line.line)
        verdict = judged(store, marks, line)
        reason = _verdict(station, store, verdict, line) or line.mute
        if not verdict.restored:
            _make_good(store, marks, line)
        elif verdict is not Verdict.NO_MARK and not line.mute:
            _keep_mute(store, line, reason)
        try:
            _load(station, store, line, reason)
        except (LocalError, PeerError) as error:
            raise MachineError(Refusal.DISK, f"this store is damaged: {error}") from error
        if reason:
            restored[line.line] = reason
    return restored


def _load(station: Station, store: Store, line: StoredLine, mute: str) -> None:
    loaded = load_line(
        station,
        line.line,
        line.charter,
        line.member,
        store.logs(line.line),
        store.outbox(line.line),
        mute,
        line.joining,
    )
    recall(loaded, partial(store.cosignatures, line.line))
    for place in store.aheads(line.line):
        loaded.ahead.setdefault(place.log, set()).add(place.index)


def legal_hold(line: bytes) -> str:
    """The name under which the store keeps the reason of a legal hold on a line."""
    return f"legal-hold/{line.hex()}"


def _station(home: Home, store: Store) -> Station:
    card = home.card.card
    station = Station(card.party, card, HeldKeys(home.keys), lambda line: later(store, line))
    station.clock_source = CLOCK_SOURCES.index(home.config.clock_source)
    station.cards.update(latest_cards(store))
    station.cards[card.party] = card
    station.revoked = revoked_here(store, station.cards)
    return station


class _Later:
    """The shelf of a line whose first row is written in the step that asks for it."""

    def __init__(self, store: Store, line: bytes) -> None:
        self._store = store
        self._line = line

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store.shelf(self._line), name)
        setattr(self, name, found)
        return found


def later(store: Store, line: bytes) -> Shelf:
    """A shelf that is looked up when it is first read."""
    return cast(Shelf, _Later(store, line))


def latest_cards(store: Store) -> dict[bytes, Card]:
    """The card in force of each trusted party; their keys were checked when they were trusted."""
    newest = {card.party: card.data for card in store.cards()}  # in order of serial
    return {party: parse_card(data, checked=True).card for party, data in newest.items()}


def revoked_here(store: Store, cards: Mapping[bytes, Card]) -> dict[bytes, Revocation]:
    """Every key that a trusted party's kept revocations declare void. ``cards`` are in force."""
    revocations = [
        parse_revocation(note, cards[party]).revocation
        for party, note in store.revocations()
        if party in cards
    ]
    if not revocations:
        return {}
    serials = {one.party: cards[one.party].serial for one in revocations}
    known = [
        parse_card(one.data, checked=True).card
        for one in store.cards()
        if serials.get(one.party, one.serial) != one.serial
    ]
    return revoked_keys(revocations, [*cards.values(), *known])


def _keep_mute(store: Store, line: StoredLine, reason: str) -> None:
    """Remembers that a store came back from an older one. Once its peers have brought the rest, the
    mark has no word against it; but its outbox still has rows that were entered long ago."""
    store.begin()
    store.apply(StoreFlags(line.line, reason))
    store.commit()


def _verdict(station: Station, store: Store, verdict: Verdict, line: StoredLine) -> str:
    """Why a line must be mute, or nothing: the mark against the store (F5), the keys against both.

    The keys differ after an adoption that was cut short: they are replaced before it is entered.
    """
    if verdict.restored:
        return verdict.reason
    own = store.own_head(line.line)
    if own is not None and own.incarnation != station.keys.k:
        return OTHER_KEYS
    return ""


def _make_good(store: Store, marks: Marks, line: StoredLine) -> None:
    """Brings the mark up to a store that is ahead of it, after a stop between commit and mark.

    What was committed then is spoken after the next hello, and no entry is spoken that the mark
    does not know of (spec/log.md §5): a copy of before it could sign another in its place.
    """
    own, mark = store.own_head(line.line), marks.read(line.line)
    if own is not None and mark is not None and mark.size < own.size:
        root = _own_root(store, line, own.size)
        marks.advance(line.line, mark, Mark(own.incarnation, own.life, own.size, root))


def judged(store: StoreReader, marks: Marks, line: StoredLine) -> Verdict:
    """What the mark of a line says of the store (F5); the node may run or not."""
    own = store.own_head(line.line)
    return judge(marks.read(line.line), own, partial(_own_root, store, line))


def _own_root(store: StoreReader, line: StoredLine, size: int) -> bytes:
    """The root of our own newest log, which there is, at a size."""
    own = store.own_head(line.line)
    assert own is not None  # noqa: S101  # asked for only below the own head
    shelf, log = store.shelf(line.line), LogId(line.member, own.incarnation, own.life)
    return root_at(lambda level, index: shelf.subtree(log, level, index), size)
