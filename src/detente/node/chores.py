"""What a node does unasked: once a second while it runs, and once at its start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detente.core.errors import LocalError
from detente.core.events import Tell
from detente.core.leaf import Kind
from detente.core.line import Line
from detente.core.log import RECENT_ENTRIES_MAX
from detente.dossiers.linktest import due
from detente.node import link_secrets, renewal
from detente.node.folds import Folds, decode_folds
from detente.node.opening import clock
from detente.node.speaking import test

if TYPE_CHECKING:
    from detente.node.node import Node

KEEP_ROUNDS = 60  # rounds between two keepings of the derived state
ENFORCE_ROUNDS = 10  # rounds between two looks at revocations and old keys
FOLLOW_ENTRIES = RECENT_ENTRIES_MAX // 4  # what is in memory outlasts several large steps
READ_S = 0.05  # of one round, spent on reading on: a long record is read behind the traffic


class Chores:
    """What nobody asks for: link tests, cards to be announced, derived state to be kept."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._tested: dict[bytes, int] = {}
        self._rounds = 0
        self._unread = 0  # entries since the derived state was last brought up to them

    def run(self) -> None:
        """One round. A refusal of our own side is logged and ends nothing."""
        look = self._node.emcon.look
        for chore in (self._test, self._announce, self._deliver, self._read_on, look):
            try:
                chore()
            except LocalError as error:
                self._node.tell("refused", refusal=error.refusal.word)
        self._rounds += 1

    def _test(self) -> None:
        """Sends the link test of this turn on every open line that has not had it."""
        now_s = clock(self._node.home).wall_s
        for line in list(self._node.station.lines.values()):
            slot = now_s // line.charter.test_every_s
            silent = line.mute or line.left or not line.is_open()
            if self._tested.get(line.id) == slot or silent:
                continue
            self._tested[line.id] = slot
            if due(line.shelf, line.charter, line.me, now_s) is not None:
                test(self._node, {"line": line.id.hex()})

    def _announce(self) -> None:
        renewal.announce(self._node)
        if self._rounds % ENFORCE_ROUNDS == 0:
            renewal.enforce_all(self._node)
            renewal.forget_old_tls(self._node)

    def _deliver(self) -> None:
        link_secrets.deliver(self._node)

    def follow(self, entries: int) -> None:
        """Told of every step: what much traffic brings is read before it leaves the memory."""
        self._unread += entries
        if self._unread >= FOLLOW_ENTRIES:
            self._unread = 0
            for line in self._node.station.lines.values():
                self._node.folds(line).follow(line)

    def _read_on(self) -> None:
        for line in self._node.station.lines.values():
            folds = self._node.folds(line)
            left = folds.read_on(line, READ_S)
            folds.close(line, folds.frozen(self._node.station, line), READ_S)
            if not left:
                folds.read_forms(line, READ_S)
        if self._rounds % KEEP_ROUNDS == KEEP_ROUNDS - 1:
            self.keep_folds()

    def keep_folds(self) -> None:
        """Keeps how far the derived state has come, so that the next start reads only the rest."""
        for line_id, folds in self._node.known_folds.items():
            if folds.changed:
                self._node.store.put_meta(_meta(line_id), folds.encode())
                folds.changed = False


def _meta(line: bytes) -> str:
    return f"folds/{line.hex()}"


def kept_folds(node: Node, line: Line) -> Folds:
    """The derived state of a line as it was last kept."""
    return decode_folds(node.store.get_meta(_meta(line.id)))


def keep_proof(node: Node, tell: Tell) -> None:
    """A proven fork is a file, named for the line, the member, its log and the index: two lives of
    one member may part at one index, and neither proof may be written over the other."""
    proof = tell.facts.get("proof")
    if not isinstance(proof, bytes):
        return
    folder = node.home.path / "accusations"
    folder.mkdir(mode=0o700, exist_ok=True)
    log = f"{tell.facts.get('member')}-{tell.facts.get('log')}"
    name = f"{tell.line.hex()[:16]}-{log}-{tell.facts.get('index')}.fork"
    (folder / name).write_bytes(proof)


def replay_purges(node: Node) -> None:
    """Bodies of ours whose purge was entered and then cut short are destroyed at the start."""
    for line in node.station.lines.values():
        leaves = [
            line.shelf.entry(*place).leaf
            for place in line.shelf.of_kind((Kind.PURGED,))
            if place.log.member == line.me
        ]
        refs = [ref for leaf in leaves if leaf is not None for ref in leaf.refs]
        if line.id not in node.station.under_hold and any(_is_held(line, ref) for ref in refs):
            node.purge(line, refs)


def _is_held(line: Line, ref: bytes) -> bool:
    place = line.shelf.find(ref)
    return place is not None and line.shelf.entry(*place).body is not None
