"""What a node does beside its core when cards and revocations come, or are its own to tell.

All of it is ``node.renewal``, given just so much of a node as that asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from detente.core.errors import LocalError, MachineError, PeerError
from detente.core.events import Submit, Tell
from detente.core.identity import SignedCard
from detente.core.station import Station, Step
from detente.node import renewal
from detente.sim.deeds import submit_draft
from detente.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from detente.node.node import Node
    from detente.sim.machine import Machine


@dataclass(frozen=True, slots=True)
class OwnCard:
    """The one thing of a home that is asked for here."""

    card: SignedCard


@dataclass(eq=False)
class Clerk:
    """Stands for the node of one process."""

    machine: Machine
    station: Station
    store: SqliteStore
    home: OwnCard
    announced: set[tuple[bytes, bytes]] = field(default_factory=set)

    @property
    def _node(self) -> Node:
        return cast("Node", self)

    @property
    def _gone(self) -> bool:
        process = self.machine.process
        return process is None or process.station is not self.station

    # --- what renewal asks of a node ---

    def tell(self, word: str, line: bytes = b"", **facts: object) -> None:
        """Something for people or the log."""
        self.machine.world.record.told(self.machine, Tell(word, line, facts))

    def note(self, word: str, facts: dict[str, object]) -> None:
        """The journal is no matter here."""

    def after_trust(self) -> None:
        """Neither are the keys that links expect."""

    def entropy(self, count: int) -> bytes:
        """Random bytes."""
        return self.machine.dice.bytes(count)

    def submit(self, given: Submit) -> None:
        """A draft of the node's own making."""
        if not self._gone:
            submit_draft(self.machine, given.draft)

    def change(self, act: Callable[[Step], None]) -> None:
        """A change of the core's state."""
        if not self._gone:
            self.machine.change(act)

    # --- when it is asked ---

    def begin(self) -> None:
        """At the start: what ``card`` entries say, once more."""
        self._do(lambda: renewal.replay(self._node))

    def take(self, data: bytes) -> None:
        """A card or a revocation that a peer has entered or sent."""
        self._do(lambda: renewal.take_note(self._node, renewal.note_of(data)))

    def revoke(self, note: bytes) -> None:
        """A revocation that our own officers bring."""
        self._do(lambda: renewal.take_revocation(self._node, note))

    def chores(self) -> None:
        """Now and then: our own cards and revocations, and what revoked keys may do."""
        self._do(lambda: renewal.announce(self._node))
        self._do(lambda: renewal.enforce_all(self._node))

    def _do(self, act: Callable[[], object]) -> None:
        if self._gone:
            return
        try:
            act()
        except MachineError as error:
            self.machine.die(str(error))
        except (LocalError, PeerError) as error:
            self.tell("refused", refusal=error.refusal.word)
