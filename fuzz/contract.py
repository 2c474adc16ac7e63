"""What every decoder owes for any bytes: a value, or one of our named errors; never anything else.

And what was read is written again as the same bytes where the spec has one form, as the same value
elsewhere. Time and memory are bounded by whoever runs a target (``fuzz.one``, ``tests/fuzz``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from detente.core.errors import DetenteError, LocalError, MachineError, PeerError, Refusal

Value = TypeVar("Value")

NAMED = (PeerError, LocalError, MachineError)


class BrokenError(Exception):
    """A decoder that raised nothing and still broke its promise."""


@dataclass(frozen=True, slots=True)
class Target:
    """One family of decoders: what to do with bytes, what to begin from, and how far to go.

    ``run`` returns for whatever keeps the contract and raises for all else. ``words`` are pieces
    that mutations put in; ``tries`` is how many mutations each run of the tests makes.
    """

    name: str
    run: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    words: tuple[bytes, ...] = ()
    bytes_max: int = 4096
    tries: int = 1500


def read(decode: Callable[..., Value], *given: object) -> Value | None:
    """What was decoded, None for a refusal by name. Any other exception is a finding."""
    try:
        return decode(*given)
    except NAMED:
        return None


def outcome(decode: Callable[..., Value], *given: object) -> Value | tuple[Refusal, str]:
    """As ``read``, with the refusal: so that two ways of reading can be compared."""
    try:
        return decode(*given)
    except NAMED as error:
        return error.refusal, repr(sorted(error.facts.items()))


def same(found: object, wanted: object, what: str) -> None:
    """BrokenError unless the two are equal."""
    if found != wanted:
        raise BrokenError(f"{what}: {found!r} is not {wanted!r}")


def canonical(
    data: bytes, decode: Callable[[bytes], Value], encode: Callable[[Value], bytes]
) -> Value | None:
    """Reads, and writes again: the same bytes. An encoder that refuses is a finding as well."""
    value = read(decode, data)
    if value is not None:
        _written(value, encode, data)
    return value


def stable(
    data: bytes, decode: Callable[[bytes], Value], encode: Callable[[Value], bytes]
) -> Value | None:
    """Reads, writes again and reads that: the same value, by its bytes."""
    value = read(decode, data)
    if value is not None:
        written = encode(value)
        _written(decode(written), encode, written)
    return value


def _written(value: Value, encode: Callable[[Value], bytes], wanted: bytes) -> None:
    try:
        written = encode(value)
    except DetenteError as error:
        raise BrokenError(f"what was read cannot be written: {error}") from error
    same(written, wanted, f"{type(value).__name__} written again")


def split(data: bytes) -> Iterator[list[bytes]]:
    """The same bytes whole, byte by byte where they are few, and cut where they themselves say."""
    yield [data]
    if len(data) <= 512:
        yield [data[at : at + 1] for at in range(len(data))]
    step = 1 + (sum(data[:64]) % 61)
    yield [data[at : at + step] for at in range(0, len(data), step)]
    middle = len(data) * (1 + data[-1] % 7) // 8 if data else 0
    yield [data[:middle], b"", data[middle:]]


def alike(data: bytes, take: Callable[[list[bytes]], object]) -> object:
    """What ``take`` makes of the whole. BrokenError if it makes something else of any split."""
    ways = [take(chunks) for chunks in split(data)]
    for way in ways[1:]:
        same(way, ways[0], "split elsewhere")
    return ways[0]


def text_of(data: bytes) -> str:
    """Any text at all, lone surrogates among it."""
    return data.decode("utf-8", "surrogateescape")
