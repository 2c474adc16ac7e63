"""Promise 2: what an honest node keeps of others' signatures verifies, and what it covers agrees
with what it holds, or the proof of why not came first (F2, F9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detente.core.errors import PeerError
from detente.core.events import StoreCosignature
from detente.core.extras import decode_accused
from detente.core.identity import Card, heads_name, holds_name
from detente.core.leaf import Kind, LogId, Seen
from detente.core.notes import verify_cosignature_ed25519
from detente.core.transcript import Entry
from detente.sim.checkers.ends import dice_of, entries, guilty, honest, line_of

if TYPE_CHECKING:
    from detente.core.line import Line
    from detente.sim.machine import Machine
    from detente.sim.run import Simulation

FAULT = "covers"
DRAWN = 3  # cosignatures of each honest cosigner on each log


def check(simulation: Simulation) -> None:
    """At every honest node."""
    for machine in honest(simulation):
        line = line_of(machine)
        if line is not None:
            _cosignatures(simulation, machine, line)
            if len(simulation.plan.names) > 2 and guilty(simulation):
                _contradicted(simulation, machine, line)


# --- cosignatures -------------------------------------------------------------------------------


def _cosignatures(simulation: Simulation, machine: Machine, line: Line) -> None:
    """Some of each cosigner, and all of who attacks: each under the key of its name."""
    dice = dice_of(simulation, f"covers/{machine.number}")
    wicked = guilty(simulation)
    for log in sorted(line.logs):
        kept: dict[str, list[StoreCosignature]] = {}
        for one in machine.clerk.store.cosignatures(line.id, log, 0):
            kept.setdefault(one.name, []).append(one)
        for name, found in sorted(kept.items()):
            drawn = found
            if found[0].member not in wicked:
                drawn = [dice.one_of(found) for _ in range(DRAWN)]
            bad = [one for one in drawn if not _verifies(machine, line, log, one)]
            if bad:
                what = f"{name} on {bad[0].size} of log {log.member}/{log.word}"
                simulation.record.fault(
                    FAULT, f"{machine.name} keeps a false cosignature by {what}"
                )


def _verifies(machine: Machine, line: Line, log: LogId, one: StoreCosignature) -> bool:
    """Whether its key signed the head that is held here. Those of ML-DSA are the proofs' matter."""
    party = line.party_of(one.member)
    card = None if party is None else machine.station.cards.get(party)
    root = line.shelf.root_at(log, one.size)
    if party is None or card is None or root is None:
        return True
    public = _named(party, card, one.name)
    checkpoint = line.logs[log].checkpoint(one.size, root)
    return public is None or verify_cosignature_ed25519(
        checkpoint, public, one.time_s, one.signature
    )


def _named(party: bytes, card: Card, name: str) -> bytes | None:
    if name == heads_name(party):
        return card.heads_ed25519
    return next((p.holds for k, p in enumerate(card.pairs) if name == holds_name(party, k)), None)


# --- what is covered ----------------------------------------------------------------------------


def _contradicted(simulation: Simulation, machine: Machine, line: Line) -> None:
    """Our log covers no statement of another history of what was held here when that statement
    came, unless a proof of the fork stood in some log by then. Where a disk was lost in between,
    what is held here now without a break since then is judged, and nothing else."""
    proofs, done = _proofs(simulation, machine, line), dict[LogId, int]()
    for entry in [] if line.mine is None or line.mute else entries(machine).get(line.mine, []):
        said_ms = _since(simulation, machine, entry)
        for one in [one for seen in _seen(entry) for one in _behind(machine, seen, done)]:
            came_ms = _since(simulation, machine, one)
            if said_ms is None or came_ms is None or came_ms > said_ms:
                continue
            known = {log: index for log, index, at_ms in proofs if at_ms <= said_ms}
            other = _apart(simulation, machine, line, one, came_ms, known)
            if other >= 0:
                place = one.place
                where = f"{place.log.member}/{place.log.word}:{place.index}"
                what = f"{where} in {entry.place.index}, which knows another log {other}"
                simulation.record.fault(FAULT, f"{machine.name} covers {what}")
                return


def _since(simulation: Simulation, machine: Machine, entry: Entry) -> int | None:
    """Since when an entry has been held here without a break."""
    return simulation.checkers.held.kept_ms(machine, entry.place.log, entry.place.index + 1)


def _seen(entry: Entry) -> tuple[Seen, ...]:
    return () if entry.leaf is None else entry.leaf.seen


def _behind(machine: Machine, seen: Seen, done: dict[LogId, int]) -> list[Entry]:
    """What one `seen` covers that none before it did."""
    first = done.get(seen.log, 0)
    done[seen.log] = max(first, seen.size)
    return entries(machine).get(seen.log, [])[first : seen.size]


def _proofs(simulation: Simulation, machine: Machine, line: Line) -> list[tuple[LogId, int, int]]:
    """Which log is proven forked, from where, and since when the proof has stood in some log: the
    lowest last."""
    found = []
    for place in line.shelf.of_kind((Kind.ACCUSATION,)):
        entry = line.shelf.entry(*place)
        at_ms = _since(simulation, machine, entry)
        try:
            accused = None if entry.leaf is None else decode_accused(entry.leaf.extra)
        except PeerError:
            continue
        if accused is None or at_ms is None or accused.log not in line.accused:
            continue
        if accused.index >= line.accused[accused.log]:  # else it convinced nobody
            found.append((accused.log, accused.index, at_ms))
    return sorted(found, key=lambda one: -one[1])


def _apart(
    simulation: Simulation,
    machine: Machine,
    line: Line,
    entry: Entry,
    came_ms: int,
    proofs: dict[LogId, int],
) -> int:
    """Of which member an entry states another history than was held here when it came, or -1."""
    for seen in _seen(entry):
        root = line.shelf.root_at(seen.log, seen.size)
        if root in (None, seen.root) or seen.log == entry.place.log:
            continue
        held_ms = simulation.checkers.held.kept_ms(machine, seen.log, seen.size)
        proven = proofs.get(seen.log, seen.size) < seen.size
        if not proven and held_ms is not None and held_ms < came_ms:
            return seen.log.member
    return -1
