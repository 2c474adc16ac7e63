"""What a node does beside its core: cards and revocations that come, or are its own to tell,
secrets of sealed links, files for couriers.

All of it is ``node.renewal``, ``node.link_secrets`` and ``node.courier``, given just so much of a
node as they ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, cast

from detente.core.errors import LocalError, MachineError, PeerError, Refusal
from detente.core.events import Input, Now, Offered, Send, Submit, Tell
from detente.core.identity import SignedCard
from detente.core.link_keys import LINK_KEY_FIRST
from detente.core.station import Station, Step
from detente.node import link_secrets, renewal
from detente.node.step import Outcome
from detente.sim.checkers.ends import held_by
from detente.sim.deeds import submit_draft
from detente.sim.marks import SimMarks
from detente.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from detente.node.node import Node
    from detente.sim.machine import Machine
    from detente.sim.network import Connection


class OwnKeys(NamedTuple):
    """The seeds of the keys that a home holds, but for those that sign entries."""

    tls: bytes
    kem: bytes
    store: bytes


class SerialRow(NamedTuple):
    """A serial port of the configuration: whom it leads to."""

    peer: str


class WebRow(NamedTuple):
    """There are no WebSockets here."""

    listen: str = ""


class OwnConfig(NamedTuple):
    """What is asked for here of a configuration."""

    serial: tuple[SerialRow, ...] = ()
    websocket: WebRow = WebRow()


@dataclass(frozen=True, slots=True)
class OwnHome:
    """What is asked for here of a home."""

    card: SignedCard
    keys: OwnKeys
    config: OwnConfig


class _NoFolds:
    """Nobody reads on here while a file is taken."""

    def follow(self, entries: int) -> None:
        """As ``node.chores``."""


class _Opened(NamedTuple):
    marks: SimMarks


class _Wire(NamedTuple):
    wide: bool


class _Live(NamedTuple):
    number: int
    link: _Wire


@dataclass(eq=False)
class Clerk:
    """Stands for the node of one process."""

    machine: Machine
    station: Station
    store: SqliteStore
    home: OwnHome
    announced: set[tuple[bytes, bytes]] = field(default_factory=set)
    secrets_sent: set[int] = field(default_factory=set)
    distrusted: frozenset[bytes] = frozenset()  # nobody takes trust back here
    files: dict[int, list[bytes]] = field(default_factory=dict)
    reading_s: int | None = None  # when the file that is being taken was written
    letter: Connection | None = None  # stands for the file that is being written
    enforced: list[object] = field(default_factory=list)  # what was held when all was enforced
    chores: _NoFolds = field(default_factory=_NoFolds)

    @property
    def _node(self) -> Node:
        return cast("Node", self)

    @property
    def _gone(self) -> bool:
        process = self.machine.process
        return process is None or process.station is not self.station

    # --- what is asked of a node ---

    @property
    def opened(self) -> _Opened:
        """The marks' device."""
        return _Opened(self.machine.marks)

    @property
    def links(self) -> Clerk:
        """The links of this node."""
        return self

    def trusted(self) -> list[bytes]:
        """The others whose card counts."""
        return [party for party in self.station.cards if party != self.station.party]

    def url_of(self, party: bytes) -> None:
        """Nobody is called by one."""

    def now(self) -> Now:
        """What this machine's clocks say."""
        return self.machine.clock.now(self.machine.world.now_ms)

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

    def give(self, inputs: Sequence[Input]) -> Outcome:
        """One step. MachineError if the process is gone by the end of it."""
        outcome = None if self._gone else self.machine.run(list(inputs))
        if outcome is None:
            raise MachineError(Refusal.DISK, "the process is gone")
        return outcome

    # --- what is asked of its links ---

    def linked(self, party: bytes) -> list[_Live]:
        """The links to a party."""
        return [
            _Live(link, _Wire(connection.route.wide))
            for link, connection in self.machine.connections.items()
            if self.machine.peer_of(connection) == party
        ]

    def send(self, number: int, frame: bytes) -> None:
        """One frame on a link."""
        self.machine.send(Send(number, frame))

    def reopen(self, party: bytes) -> None:
        """The secret shared with a party has changed."""
        self.machine.world.cables.reopen(self.machine, party)

    # --- when it is asked ---

    def begin(self) -> None:
        """At the start: what ``card`` entries say, once more."""
        self.safely(lambda: renewal.replay(self._node))

    def take(self, given: Offered) -> None:
        """A card, a revocation or the secret of a link that a peer has entered or sent."""
        if given.data.startswith(LINK_KEY_FIRST):
            self.safely(lambda: link_secrets.take(self._node, given))
        else:
            self.safely(lambda: renewal.take_note(self._node, renewal.note_of(given.data)))

    def revoke(self, note: bytes) -> None:
        """A revocation that our own officers bring."""
        self.safely(lambda: renewal.take_revocation(self._node, note))

    def go_round(self) -> None:
        """Now and then: our own cards and revocations, and what revoked keys may do."""
        self.safely(lambda: renewal.announce(self._node))
        if self._held() != self.enforced:
            self.safely(lambda: renewal.enforce_all(self._node))
            self.enforced = self._held()

    def _held(self) -> list[object]:
        if self._gone:
            return []
        return [held_by(self.machine, line) for line in self.station.lines.values()]

    def deliver(self) -> None:
        """The secret of a sealed link, over a wide link that is new."""
        self.safely(lambda: link_secrets.deliver(self._node))

    def secret_of(self, party: bytes) -> bytes | None:
        """The secret shared with a party."""
        return None if self._gone else link_secrets.secret_of(self._node, party)

    def safely(self, act: Callable[[], object]) -> None:
        """Something that is refused by word, or ends the process."""
        if self._gone:
            return
        try:
            act()
        except MachineError as error:
            self.machine.die(str(error))
        except (LocalError, PeerError) as error:
            self.tell("refused", refusal=error.refusal.word)
