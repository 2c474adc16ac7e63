"""Copies and digests of a core's whole state, quick enough to be made for every state of a search.

What is frozen is shared between copies; what can change is copied once for each place it stands in.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections import OrderedDict, deque
from collections.abc import Callable
from enum import Enum
from typing import Any

from pair import End, MemoryShelf

from detente.core.charter import Charter
from detente.core.leaf import LogId
from detente.core.line import Line
from detente.core.log import Log
from detente.core.station import Station

Memo = dict[int, Any]
Copier = Callable[[Any, Memo], Any]
Teller = Callable[[Any], Any]
# What no later behaviour can depend on: constants of a model, histories that only tests read, and
# caches of what the shelf says.
LEFT_OUT: dict[type, tuple[str, ...]] = {
    End: ("name", "world", "told", "offered", "closed"),
    Station: ("party", "card", "cards", "shelf_of"),
    Line: ("id", "charter_text", "founding", "shelf"),
}


def clone_end(end: End) -> End:
    """A copy of one party's end, with its shelves, that shares nothing that can change."""
    copy: End = _clone(end, {id(end.world): end.world, id(end.station.cards): end.station.cards})
    copy.station.shelf_of = copy.shelf
    return copy


def clone_shelves(shelves: dict[bytes, MemoryShelf]) -> dict[bytes, MemoryShelf]:
    """A copy of a store, as a backup is one."""
    copy: dict[bytes, MemoryShelf] = _clone(shelves, {})
    return copy


def digest(value: Any) -> bytes:
    """Equal for values that differ only in what ``LEFT_OUT`` names and in the order of keys."""
    return hashlib.blake2b(repr(_plain(value)).encode(), digest_size=16).digest()


# --- copying ------------------------------------------------------------------------------------
# Containers are of one kind: where the first item is shared, every other one is.


def _clone(value: Any, memo: Memo) -> Any:
    copier = _copier_of(type(value))
    return value if copier is None else copier(value, memo)


def _copier_of(kind: type) -> Copier | None:
    """How values of a type are copied; None where they are shared."""
    if kind not in _COPIERS:
        _COPIERS[kind] = _copier(kind)
    return _COPIERS[kind]


def _mapping(value: dict[Any, Any], memo: Memo) -> Any:
    known = memo.get(id(value))
    if known is None:
        known = memo[id(value)] = value.copy()
        copier = _copier_of(type(next(iter(value.values()), None)))
        if copier is not None:
            for key, item in value.items():
                known[key] = copier(item, memo)
    return known


def _row(value: list[Any], memo: Memo) -> Any:
    copier = _copier_of(type(value[0])) if value else None
    return value.copy() if copier is None else [copier(item, memo) for item in value]


def _deque(value: deque[Any], memo: Memo) -> Any:
    return value.copy()


def _set(value: set[Any], memo: Memo) -> Any:
    return value.copy()


def _copier(kind: type) -> Copier | None:
    params = getattr(kind, "__dataclass_params__", None)
    if (params is None or params.frozen) and kind is not MemoryShelf:
        return None
    names = _fields(kind)

    def copy(value: Any, memo: Memo) -> Any:
        known = memo.get(id(value))
        if known is None:
            known = memo[id(value)] = object.__new__(kind)
            for name in names:
                item = getattr(value, name)
                copier = _COPIERS.get(type(item), _clone)
                setattr(known, name, item if copier is None else copier(item, memo))
        return known

    return copy


def _fields(kind: type) -> list[str]:
    if dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind)]
    return list(vars(kind()))


_COPIERS: dict[type, Copier | None] = {
    dict: _mapping,
    OrderedDict: _mapping,
    list: _row,
    deque: _deque,
    set: _set,
}

# --- digests ------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    kind = type(value)
    teller = _TELLERS.get(kind)
    if teller is None:
        teller = _TELLERS[kind] = _teller(kind)
    return teller(value)


def _itself(value: Any) -> Any:
    return value


def _items(value: dict[Any, Any]) -> Any:
    teller = _TELLERS.get(type(next(iter(value.values()), None)), _plain)
    if teller is _itself:
        return sorted(value.items())
    return [(key, teller(value[key])) for key in sorted(value)]


def _members(value: Any) -> Any:
    return [_plain(item) for item in value]


def _log(value: Log) -> Any:
    return value.encode(), list(value.recent), list(value.heads)


def _shelf(value: MemoryShelf) -> Any:
    held = [
        (log, b"".join(e.hash for e in entries), [e.body is None for e in entries])
        for log, entries in sorted(value._logs.items())
    ]
    heads = [(log, list(value.heads[log])) for log in sorted(value.heads)]
    signed = sorted({(c.log, c.size, c.name, c.member, c.time_s) for c in value.cosignatures})
    waiting = _items(value.outbox), _items(value.held_ahead)
    flags = value.mute, value.member, value.joining
    return held, heads, sorted(value.states.items()), signed, waiting, flags


def _teller(kind: type) -> Teller:
    if issubclass(kind, Enum):
        return repr
    if issubclass(kind, tuple):
        return _members
    names = [name for name in _fields(kind) if name not in LEFT_OUT.get(kind, ())]
    return lambda value: [_plain(getattr(value, name)) for name in names]


_TELLERS: dict[type, Teller] = {
    type(None): _itself,
    bool: _itself,
    int: _itself,
    str: _itself,
    bytes: _itself,
    LogId: _itself,
    dict: _items,
    OrderedDict: _items,
    set: sorted,
    frozenset: sorted,
    list: _members,
    deque: _members,
    Charter: lambda charter: charter.number,
    Log: _log,
    MemoryShelf: _shelf,
}
