"""From a home to a working node: lock, store, marks, cards, lines, and the verdict of each mark."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from detente.core.errors import LocalError, Refusal
from detente.core.events import Now
from detente.core.identity import Card, parse_card
from detente.core.leaf import LogId
from detente.core.merkle import root_at
from detente.core.protocol import load_line
from detente.core.station import Shelf, Station
from detente.node.config import CLOCK_SOURCES
from detente.node.home import Home, open_home
from detente.node.keys import HeldKeys
from detente.store.contract import Store
from detente.store.mark import MarkFolder, judge
from detente.store.sqlite import SqliteStore

LOCK_FILE = "run.lock"


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


def take_lock(path: Path) -> int:
    """One process to a home. LocalError IN_USE while another has it."""
    lock = os.open(path / LOCK_FILE, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        os.close(lock)
        raise LocalError(Refusal.IN_USE, "a node runs in this home already") from exc
    return lock


def open_node_parts(path: Path, passphrases: Sequence[str]) -> Opened:
    """Opens a home for one node. LocalError with the reason for whatever stands in the way."""
    lock = take_lock(path)
    try:
        home = open_home(path, passphrases)
        store = SqliteStore.open(home.store, home.keys.store, create=not home.store.exists())
        marks = MarkFolder.open(Path(home.config.mark), create=True, home=home.path)
    except BaseException:
        os.close(lock)
        raise
    card = home.card.card
    station = Station(card.party, card, HeldKeys(home.keys), lambda line: later(store, line))
    station.cards[card.party] = card
    station.clock_source = CLOCK_SOURCES.index(home.config.clock_source)
    opened = Opened(home, lock, store, marks, station)
    for trusted in latest_cards(store).values():
        station.cards[trusted.party] = trusted
    station.cards[card.party] = card
    for line in store.lines():
        reason = line.mute or _verdict(opened, line.line)
        load_line(
            station,
            line.line,
            line.charter,
            line.member,
            store.logs(line.line),
            store.outbox(line.line),
            reason,
        )
        for place in store.aheads(line.line):
            station.lines[line.line].ahead.setdefault(place.log, set()).add(place.index)
        if reason:
            opened.restored[line.line] = reason
    return opened


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
    """The card in force of each trusted party."""
    newest = {card.party: card.data for card in store.cards()}  # in order of serial
    return {party: parse_card(data).card for party, data in newest.items()}


def _verdict(opened: Opened, line: bytes) -> str:
    """Why a line must be mute, or nothing: the mark against the store (F5)."""
    own = opened.store.own_head(line)
    shelf = opened.store.shelf(line)
    member = next(entry.member for entry in opened.store.lines() if entry.line == line)

    def own_root(size: int) -> bytes:
        assert own is not None  # noqa: S101  # judge asks only below the own head
        log = LogId(member, own.incarnation, own.life)
        return root_at(lambda level, index: shelf.subtree(log, level, index), size)

    verdict = judge(opened.marks.read(line), own, own_root)
    return verdict.reason if verdict.restored else ""
