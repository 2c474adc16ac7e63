"""What the core asks of a store for one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from detente.core.attachment import Progress
from detente.core.events import Draft, SignedHead, StoreAhead
from detente.core.leaf import LogId
from detente.core.transcript import Entry, Place, Transcript


class Shelf(Transcript, Protocol):
    """What the core asks of the store for one line, beyond the transcript itself.

    It shows every effect of earlier calls of ``handle``, committed or not.
    """

    def entries(self, log: LogId, start: int, stop: int) -> Sequence[Entry]:
        """Entries start..stop-1, with their bodies."""
        ...

    def kept(self, member: int, leaf_hash: bytes) -> Sequence[Place]:
        """Where a member's entries with this leaf hash stand that are not purged, in order."""
        ...

    def purges(self, member: int, leaf_hash: bytes) -> bool:
        """Whether an entry of this member declares the body of this leaf purged."""
        ...

    def subtree(self, log: LogId, level: int, index: int) -> bytes:
        """The root of a perfect subtree; level 0 are leaf hashes."""
        ...

    def signed_head(self, log: LogId, at_least: int, at_most: int) -> SignedHead | None:
        """The largest head its author signed with at_least <= size <= at_most."""
        ...

    def outbox_draft(self, number: int) -> Draft:
        """The draft of an outbox row."""
        ...

    def ahead(self, log: LogId, index: int) -> Entry | None:
        """An entry that overtook and whose gap is still open."""
        ...

    def ahead_proof(self, log: LogId, index: int) -> StoreAhead | None:
        """An entry that overtook, as it was stored."""
        ...

    def attachments(self, log: LogId, index: int) -> Sequence[Progress]:
        """How far each attachment of an entry is here, in order; none where none was opened."""
        ...

    def open_attachments(self) -> Sequence[Place]:
        """The entries whose attachments were opened and not closed, in order of place."""
        ...

    def chunks(self, log: LogId, index: int, number: int, start: int, stop: int) -> Sequence[bytes]:
        """Sealed chunks start..stop-1 of one attachment."""
        ...

    def attached_bytes(self, member: int, day: int) -> int:
        """What a member's attachments take up that were charged to a UTC day, in whole chunks."""
        ...
