"""Promise 2, nothing altered: what stands of an honest author is what it submitted, in its order,
under its own signatures; and nothing stands that nobody submitted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detente.core.body import commit
from detente.core.extras import Stater, decode_mark
from detente.core.leaf import SERIAL, Kind, Leaf, LogId
from detente.core.merkle import Frontier, leaf_hash
from detente.core.transcript import Entry
from detente.sim.checkers.ends import author_of, dice_of, entries, honest, line_of, wicked

if TYPE_CHECKING:
    from detente.sim.machine import Machine
    from detente.sim.run import Simulation

# What a node says by itself; everything else is submitted by somebody.
ITS_OWN = frozenset(
    {
        Kind.CHARTER,
        Kind.RESUME,
        Kind.SEEN,
        Kind.QUOTE,
        Kind.HELD_AHEAD,
        Kind.LACKS,
        Kind.ACCUSATION,
        Kind.OVER_QUOTA,
        Kind.CLOCK,
    }
)
DRAWN = 3  # signatures of each log, beside the last; all of them are checked by proofs.py
FAULT = "nothing altered"


def check(simulation: Simulation) -> None:
    """Every store of an honest party. What was looked at in one is only compared in the others."""
    looked: dict[LogId, list[bytes]] = {}
    liars = wicked(simulation)
    for machine in honest(simulation):
        for log, found in entries(machine).items():
            where = f"{machine.name}'s copy of {log.member}/{log.word}"
            known = looked.get(log) == [entry.raw for entry in found]
            author = author_of(machine, log.member)
            fault = _leaves(found) or _signed(simulation, machine, found, 0 if known else DRAWN)
            if not known and author not in liars:
                fault = fault or _said(simulation, author, found)
                looked[log] = [entry.raw for entry in found]
            if fault:
                simulation.record.fault(FAULT, f"{where}: {fault}")
            for entry in found:
                if entry.body is not None and not _opens(entry):
                    simulation.record.fault(
                        FAULT, f"{where}: body {entry.place.index} is another than committed to"
                    )


def _opens(entry: Entry) -> bool:
    leaf = entry.leaf
    if leaf is None or entry.body is None:
        return False
    return leaf.commitment == commit(entry.salt or b"", entry.body)


def _leaves(found: list[Entry]) -> str:
    """That each leaf stands in its place and has its own hash."""
    for index, entry in enumerate(found):
        if entry.place.index != index or leaf_hash(entry.raw) != entry.hash:
            return f"entry {index} is not what its hash says"
    return ""


def _said(simulation: Simulation, author: str, found: list[Entry]) -> str:
    """That an honest author said each of these, and counted them right."""
    serial = 0
    for index, entry in enumerate(found):
        leaf = entry.leaf
        if leaf is None:
            return f"entry {index} of an honest author is void"
        serial += leaf.kind in SERIAL
        if leaf.serial != (serial if leaf.kind in SERIAL else 0):
            return f"entry {index} has serial {leaf.serial} where {serial} was due"
        said = (
            author,
            leaf.kind,
            leaf.audience,
            leaf.precedence,
            leaf.refs,
            leaf.extra,
            leaf.commitment or b"",
        )
        if not _its_own(leaf) and said not in simulation.record.asked:
            return f"entry {index}, a {Kind(leaf.kind).name}, was never submitted"
    return ""


def _its_own(leaf: Leaf) -> bool:
    disputes = leaf.kind == Kind.MARK and decode_mark(leaf.extra).stater is Stater.NODE
    return disputes or leaf.kind in ITS_OWN


def _signed(simulation: Simulation, machine: Machine, found: list[Entry], drawn: int) -> str:
    """That the author's signatures stand over these very leaves: the last, and some drawn."""
    line, process, log = line_of(machine), machine.process, found[0].place.log
    if line is None or process is None or log not in line.logs:
        return "a log that the node does not know"
    heads = list(process.store.heads(line.id, log, 1 if drawn else len(found)))
    if not heads or heads[-1].size != len(found):
        return "its last entries are not signed"
    dice = dice_of(simulation, f"altered/{machine.number}/{log.member}")
    sizes = {dice.one_of(heads).size for _ in range(drawn)} | {len(found)}
    roots, frontier = {}, Frontier()
    for size, entry in enumerate(found, 1):
        frontier.append(entry.hash)
        if size in sizes:
            roots[size] = frontier.root()
    for head in heads:
        if head.size not in sizes:
            continue
        if head.root != roots[head.size]:
            return f"the root at size {head.size} is not that of its leaves"
        if not line.logs[log].verifies(head.size, head.root, head.signature):
            return f"the signature at size {head.size} is not its author's"
    return ""
