"""Defects of bearers: of sealed links, and of files that couriers carry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sim.planted.plants import Plants, defect

from detente.bearers import courier as files
from detente.bearers import sealed_link
from detente.bearers.lanes import TakeLane
from detente.bearers.packets import Fragment, read_packet
from detente.bearers.sealed_link import SealedEnd
from detente.core import link_keys
from detente.core.crypto import sha256
from detente.core.events import Effect, NewEntry, StoreBody, StoreEntries
from detente.node import courier
from detente.store.sqlite import SqliteStore

CARRIED = ("courier", "courier-again")


# --- sealed links -------------------------------------------------------------------------------


class _AnyCheck(bytes):
    """Equal to every check that comes."""

    __hash__ = bytes.__hash__

    def __ne__(self, _: object) -> bool:
        return False


@defect("fragments are joined without their check", "issue 6: a 4-byte check", cabled=True)
def _(plants: Plants) -> None:
    real = link_keys.DirectionKeys.check

    def check(keys: Any, fragment: int, held: tuple[int, int], rest: bytes) -> bytes:
        return _AnyCheck(real(keys, fragment, held, rest))

    plants.put(link_keys.DirectionKeys, "check", check)


@defect("fragments of two frames are joined", "issue 6: fragmenting", cabled=True)
def _(plants: Plants) -> None:
    real = TakeLane.take

    def take(lane: TakeLane, fragment: Fragment) -> list[bytes]:
        whole = real(lane, fragment)
        if whole:
            lane._frame += whole[-1][:1]  # the beginning of the last one stays
        return whole

    plants.put(TakeLane, "take", take)


@defect("the fresh bytes of an end are always the same", "F22: no nonce twice", cabled=True)
def _(plants: Plants) -> None:
    real = SealedEnd._begin

    def begin(end: SealedEnd) -> None:
        real(end)
        end._fresh = sha256(end._own)[: link_keys.FRESH_BYTES]

    plants.put(SealedEnd, "_begin", begin)


@defect("keys of an earlier life still open", "F22: an old link key", cabled=True)
def _(plants: Plants) -> None:
    come_up, read = SealedEnd._come_up, SealedEnd.read
    old: dict[int, list[Any]] = {}

    def came_up(end: SealedEnd, said: Any, now_s: float) -> None:
        come_up(end, said, now_s)
        old.setdefault(id(end), []).append(end.keys)

    def reads(end: SealedEnd, data: bytes) -> Any:
        found = read(end, data)
        for keys in old.get(id(end), ()) if found is None and end.keys is not None else ():
            wanted, sent = [t.below for t in end.takes], [s.confirmed for s in end.sends]
            found = found or read_packet(data, keys.takes, wanted, sent)
        return found

    plants.put(SealedEnd, "_come_up", came_up)
    plants.put(SealedEnd, "read", reads)


@defect("both directions of a link have one key", "F22: no nonce twice", cabled=True)
def _(plants: Plants) -> None:
    def one_key(
        secret: bytes, own: bytes, peer: bytes, own_fresh: bytes, peer_fresh: bytes
    ) -> link_keys.LinkKeys:
        low, high = sorted((own, peer))
        fresh = own_fresh + peer_fresh if own < peer else peer_fresh + own_fresh
        made = link_keys.link_key_bytes(secret, low, high, fresh)
        both = link_keys.DirectionKeys(*made[1:3])
        return link_keys.LinkKeys(made[0], both, both)

    plants.everywhere(link_keys.link_keys, one_key)


@defect(
    "FLASH waits behind all that a narrow link has",
    "issue 6: fragments interleaved",
    deeds=("bulk",),
    cabled=True,
)
def _(plants: Plants) -> None:
    plants.put(sealed_link, "URGENT_RUN", 0)


# --- files by courier ---------------------------------------------------------------------------


@defect(
    "what a courier brings is receipted and not stored",
    "issue 6: receipts are true",
    deeds=CARRIED,
)
def _(plants: Plants) -> None:
    read, apply, reading = courier._read, vars(SqliteStore)["apply"], []

    def reads(node: Any, chunks: Any, found: Any) -> None:
        reading.append(node.store)
        try:
            read(node, chunks, found)
        finally:
            reading.clear()

    def applied(store: Any, effect: Effect) -> None:
        if store in reading and isinstance(effect, StoreBody):
            return
        if store in reading and isinstance(effect, StoreEntries) and not effect.own:
            bare = tuple(
                NewEntry(new.entry._replace(salt=None, body=None), new.subtrees)
                for new in effect.entries
            )
            effect = replace(effect, entries=bare)
        apply(store, effect)

    plants.everywhere(read, reads)
    plants.put(SqliteStore, "apply", applied)


@defect("a file that came before is taken for new", "issue 6: taken twice", deeds=CARRIED)
def _(plants: Plants) -> None:
    real = courier._keep

    def keep(node: Any, line: Any, party: bytes, book: courier.Book) -> None:
        book.taken.clear()
        real(node, line, party, book)

    plants.everywhere(real, keep)


@defect("a hole in a file is joined over", "issue 6: a file cut anywhere", deeds=CARRIED)
def _(plants: Plants) -> None:
    def frames(chunks: Any) -> Iterator[bytes]:
        buffer = bytearray()
        for number in range(chunks._head.chunks):
            payload = chunks._chunk(number)
            if payload is None:
                chunks.lost.append(number)
                continue
            buffer += payload[2:]
            yield from files._cut(buffer, last=number == chunks._head.chunks - 1)

    plants.put(files.Chunks, "frames", frames)


@defect("what lies behind a cut is not found", "issue 6: a file cut anywhere", deeds=CARRIED)
def _(plants: Plants) -> None:
    real = files.Chunks.__init__

    def begin(chunks: Any, file: Any, head: Any) -> None:
        real(chunks, file, head)
        chunks._begins = chunks._begins[:1]

    plants.put(files.Chunks, "__init__", begin)
