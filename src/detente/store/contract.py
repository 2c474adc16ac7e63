"""What the node asks of a store; ``tests/store/test_{contract,reading}.py`` hold every store to it.

Atomic: between ``begin`` and ``commit`` either everything is kept or nothing. Durable: what
``commit`` has returned from survives the process and the power. Ordered: a log grows at its end,
one index after the other. Read-your-writes: a shelf sees what the open transaction has applied.
A store knows nothing of signatures and meanings: what it is given, the core has verified.

Every method may raise MachineError DISK: the disk did not keep what it was given. From then on
the store refuses everything, and the process ends rather than guess. For one thread at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from detente.core.events import (
    CloseAttachments,
    DropBody,
    DropStaged,
    Effect,
    OpenAttachments,
    OutboxRow,
    QueueOutbox,
    StageChunks,
    StoreAhead,
    StoreBody,
    StoreChunks,
    StoreCosignature,
    StoreEntries,
    StoreFlags,
    StoreLine,
    StoreState,
    TakeOutbox,
)
from detente.core.leaf import LogId
from detente.core.shelf import Shelf
from detente.core.transcript import Place
from detente.store.journal import Journal
from detente.store.mark import OwnHead

StoreEffect = (
    StoreLine
    | StoreEntries
    | StoreState
    | StoreBody
    | DropBody
    | StageChunks
    | DropStaged
    | OpenAttachments
    | StoreChunks
    | CloseAttachments
    | StoreAhead
    | StoreCosignature
    | QueueOutbox
    | TakeOutbox
    | StoreFlags
)
"""The effects that ``Store.apply`` takes; every other one is for the bearers or for people."""

NOT_LOADED = -1
"""The kind of the placeholder that stands for an outbox row's draft until it is asked for."""


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A line as the node starts with it. ``mute`` holds the reason, or nothing; ``joining`` the
    amended charter that is not found to be final yet, or nothing."""

    line: bytes
    charter: bytes
    member: int
    mute: str
    joining: bytes = b""


class StoredHead(NamedTuple):
    """A head its author signed, and when it came to be held here."""

    size: int
    root: bytes
    signature: bytes
    held_at_s: int


@dataclass(frozen=True, slots=True)
class StoredCard:
    """A trusted card in its signed form; ``ceremony`` is the sheet of how it came to be trusted."""

    party: bytes
    serial: int
    data: bytes
    ceremony: bytes | None


class StoreReader(Protocol):
    """What can be asked of a store, by the node at its start and by readers beside it.

    LocalError UNKNOWN_LINE for a line that was never stored, except where it says otherwise.
    """

    def lines(self) -> Sequence[StoredLine]:
        """Every line, in the order of acceptance."""
        ...

    def logs(self, line: bytes) -> Sequence[tuple[LogId, bytes]]:
        """The last stored state of every log of a line, in order of id."""
        ...

    def outbox(self, line: bytes) -> Sequence[OutboxRow]:
        """The rows of a line's outbox by rising number. Each draft is a placeholder of kind
        NOT_LOADED with the right precedence; ``Shelf.outbox_draft`` gives the real one."""
        ...

    def aheads(self, line: bytes) -> Sequence[Place]:
        """The entries that overtook and whose gaps are still open, in order of place."""
        ...

    def ahead(self, line: bytes, log: LogId, index: int) -> StoreAhead | None:
        """An entry that overtook, with its proof; kept after the gap is filled only where
        another leaf then came to stand at that index, since the two are evidence."""
        ...

    def heads(self, line: bytes, log: LogId, at_least: int) -> Iterator[StoredHead]:
        """The signed heads of a log of at least that size, by rising size, read in pages."""
        ...

    def cosignatures(self, line: bytes, log: LogId, at_least: int) -> Iterator[StoreCosignature]:
        """The cosignatures on a log's heads of at least that size, by rising size, then in the
        order in which their cosigners were first met, then by time; read in pages."""
        ...

    def signed_up_to(self, line: bytes, log: LogId, name: str) -> int:
        """The largest size of a log on which the cosigner of that name stands; 0 for none."""
        ...

    def own_head(self, line: bytes) -> OwnHead | None:
        """Our newest log of a line that has an entry, for the high-water mark to judge."""
        ...

    def damage(self) -> str:
        """What of the whole store contradicts itself, in a few words; nothing where all is well.

        A disk that loses what it said to have kept can lose the middle and keep the end.
        """
        ...

    def shelf(self, line: bytes) -> Shelf:
        """What the core reads of one line; empty until the line is stored."""
        ...

    def get_meta(self, name: str) -> bytes | None:
        """The bytes kept under a name, or None."""
        ...

    def cards(self) -> Sequence[StoredCard]:
        """Every card of every party, old serials included, in order of party and serial."""
        ...

    def revocations(self) -> Sequence[tuple[bytes, bytes]]:
        """Every revocation as (party, signed form), in the order of arrival."""
        ...

    def snapshot(self) -> bytes:
        """The whole store in one piece, as of one commit: what a backup carries."""
        ...

    def close(self) -> None:
        """Lets go of the files; an open transaction is rolled back."""
        ...


class Store(StoreReader, Protocol):
    """What can be asked of the one writer."""

    def begin(self) -> None:
        """Opens a transaction. LocalError USAGE if one is open, IN_USE if another writes."""
        ...

    def apply(self, effect: Effect) -> None:
        """Does one effect within the open transaction. A refusal rolls all of it back.

        LocalError USAGE without a transaction, for an effect that is no StoreEffect, and for one
        that breaks the order of a log; UNKNOWN_LINE, NOT_HELD or NOT_FOUND for one about
        something that is not here. A purge wins over a body whichever comes first.
        """
        ...

    def commit(self) -> None:
        """Makes the transaction durable; after it returns nothing of it can be lost.

        LocalError USAGE if none is open.
        """
        ...

    def rollback(self) -> None:
        """Forgets the open transaction; without one it does nothing."""
        ...

    def put_meta(self, name: str, value: bytes) -> None:
        """Keeps bytes under a name, in the open transaction or in one of its own."""
        ...

    def put_card(self, party: bytes, serial: int, data: bytes, ceremony: bytes | None) -> None:
        """Keeps a card. The same card again may add a ceremony; another card under a serial that
        is taken is LocalError STALE_CARD."""
        ...

    def put_revocation(self, party: bytes, data: bytes) -> None:
        """Keeps a revocation; the same one again changes nothing."""
        ...

    @property
    def journal(self) -> Journal:
        """The party's own private log; appends join the open transaction or make their own."""
        ...

    def rebuild_indexes(self) -> None:
        """Derives every index again from the entries, in a transaction of its own."""
        ...


Entropy = Callable[[int], bytes]
"""Draws that many random bytes; the keys of bodies at rest come from it."""
