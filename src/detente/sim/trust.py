"""What a node does with the cards and revocations of parties it trusts: production code, which
asks of its node no more than a machine here has (``node.renewal``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from detente.core.errors import LocalError, PeerError
from detente.core.events import Offered, Tell
from detente.core.station import Station, Step
from detente.node import renewal
from detente.node.opening import revoked_here
from detente.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from detente.node.node import Node
    from detente.sim.machine import Machine


@dataclass(slots=True)
class Trust:
    """A machine, as far as ``node.renewal`` knows a node."""

    machine: Machine
    station: Station
    store: SqliteStore

    def note(self, word: str, data: dict[str, object]) -> None:
        """No journal is kept here; the trace has it."""
        self.machine.world.record.note(self.machine, word, **data)

    def tell(self, word: str, *, line: bytes = b"", **facts: object) -> None:
        """As a node tells its people."""
        self.machine.world.record.told(self.machine, Tell(word, line, facts))

    def after_trust(self) -> None:
        """Links are made by the world, which knows no TLS keys."""

    def change(self, act: Callable[[Step], None]) -> None:
        """One change of the core's state, kept before it is spoken of."""
        if self.machine.process is not None:
            self.machine.change(act)


def _node(machine: Machine) -> Node:
    process = machine.process
    assert process is not None  # noqa: S101  # asked while it runs
    return cast("Node", Trust(machine, process.station, process.store))


def take(machine: Machine, offered: Offered) -> None:
    """A note that a peer has sent or entered: a card or a revocation of a trusted party is acted
    on, one that is false is refused by name, anything else is for people."""
    if machine.process is None:
        return  # what came before in the same step was too much for it
    node = _node(machine)
    try:
        renewal.take_note(node, renewal.note_of(offered.data))
    except (LocalError, PeerError) as error:
        node.tell("refused", refusal=error.refusal.word)


def replay(machine: Machine) -> None:
    """What cards and revocations kept here say once more, at the start of a process."""
    node = _node(machine)
    node.station.revoked = revoked_here(node.store, node.station.cards)
    renewal.replay(node)
