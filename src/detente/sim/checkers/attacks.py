"""Every attack ends in a refusal with a name, or in a proof that a stranger accepts (promise 2).

A fork of which honest parties hold both halves is proven, by a file that ``detente verify`` accepts
and that names its author; no file that it accepts names anybody who kept the rules; and what the
honest said to one another has come.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

from detente.core.body import unpack
from detente.core.decisions import State, state_of_offer
from detente.core.errors import PeerError, Refusal
from detente.core.extras import decode_accused
from detente.core.freezing import frozen_logs, unproven
from detente.core.leaf import Kind
from detente.core.line import Line
from detente.core.protocol import BLAMELESS
from detente.core.transcript import Entry
from detente.dossiers.verify import verify_file
from detente.sim.checkers.ends import entries, guilty, honest, line_of, members, still
from detente.sim.parties import START_S, card_of

if TYPE_CHECKING:
    from detente.sim.machine import Machine
    from detente.sim.run import Simulation

WORD = "attacks"
FALSE = ("false-quote", "accusation-unproven", "seen-contradicts", "void")


def check(simulation: Simulation) -> None:
    """What attackers did has come to an end that the promise allows."""
    _files(simulation)
    _forks(simulation)
    _mutes(simulation)
    _blames(simulation)
    _decisions(simulation)
    _unopened(simulation)
    for machine in simulation.world.machines:
        for what in () if machine.mouth is None else machine.mouth.unmet():
            simulation.record.fault(WORD, what)
    if "None" in simulation.record.refusals:
        simulation.record.fault(WORD, "a refusal without a name")


def _unopened(simulation: Simulation) -> None:
    """No frame is refused for what its bodies open to: they are not opened before they are kept."""
    for told in simulation.record.tells:
        machine, facts = simulation.world.machines[told.machine], told.tell.facts
        opened = facts.get("refusal") == Refusal.UNREADABLE.word and "link" in facts
        if machine.honest and told.tell.word == "refused" and opened:
            simulation.record.fault(WORD, f"{machine.name} opened a body before its leaf was kept")
            return


def proven_against(simulation: Simulation, data: bytes) -> set[str]:
    """The names of the parties whom an accusation file convicts before a stranger."""
    plan = simulation.plan
    cards = {name: card_of(name, real=plan.real) for name in plan.names}
    files = [signed.data for signed in cards.values()]
    now_s = simulation.world.machines[0].clock.now(simulation.world.now_ms).wall_s
    report = verify_file(data, files, now_s)
    parties = {one.party for one in report.findings if report.ok and one.finding == "proven"}
    return {name for name, signed in cards.items() if signed.card.party.hex() in parties}


def accusations(line: Line) -> Iterator[tuple[Entry, bytes]]:
    """Every accusation that a party holds, right or wrong, whose file can be read."""
    for place in line.shelf.of_kind((Kind.ACCUSATION,)):
        entry = line.shelf.entry(*place)
        try:
            yield entry, unpack(entry.body or b"")
        except PeerError:
            continue


def _files(simulation: Simulation) -> None:
    """No file convicts the honest; what froze a log convicts its author."""
    record, names = simulation.record, simulation.plan.names
    wicked = {names[member] for member in guilty(simulation)}
    judged: dict[bytes, set[str]] = {}
    for machine in honest(simulation):
        line = line_of(machine)
        if line is None:
            continue
        named: set[str] = set()
        for _, data in accusations(line):
            if data not in judged:
                judged[data] = proven_against(simulation, data)
            named |= judged[data]
        for name in sorted(named - wicked):
            record.fault(WORD, f"{machine.name} holds a proof against {name}, who kept the rules")
        for log in sorted(line.accused):
            if names[log.member] not in named:
                record.fault(WORD, f"{machine.name} froze log {log.member}/{log.word} unproven")
        _contested(simulation, machine, line)


def _contested(simulation: Simulation, machine: Machine, line: Line) -> None:
    """A log is contested from where any file that a party holds proves it forked (F10)."""
    for entry, data in accusations(line):
        leaf = entry.leaf
        try:
            accused = None if leaf is None else decode_accused(leaf.extra)
        except PeerError:
            continue
        log = None if accused is None else line.logs.get(accused.log)
        if accused is None or log is None or 0 <= log.frozen <= accused.index:
            continue
        if not unproven(machine.station, log, accused.index, data):
            what = f"has log {log.id.member}/{log.id.word} frozen at {log.frozen}"
            simulation.record.fault(
                WORD, f"{machine.name} {what}, and holds the proof of a fork at {accused.index}"
            )


def _forks(simulation: Simulation) -> None:
    """Two honest parties never end with two histories of one log, unless both hold the proof."""
    wicked = guilty(simulation)
    for one, other in combinations(members(simulation), 2):
        ours, theirs = line_of(one), line_of(other)
        if ours is None or theirs is None:
            continue
        for log_id in sorted(ours.logs.keys() & theirs.logs.keys()):
            if log_id.member not in wicked:
                continue
            at = _apart(entries(one).get(log_id, []), entries(other).get(log_id, []))
            if at < 0:
                continue
            for machine, line in ((one, ours), (other, theirs)):
                if not 0 <= line.logs[log_id].frozen <= at:
                    simulation.record.fault(
                        WORD,
                        f"{machine.name} has no proof of the fork of log "
                        f"{log_id.member}/{log_id.word} at {at}",
                    )


def _apart(ours: list[Entry], theirs: list[Entry]) -> int:
    """The first entry in which two holders of one log differ, or -1."""
    both = enumerate(zip(ours, theirs, strict=False))
    return next((index for index, (here, there) in both if here.hash != there.hash), -1)


def _mutes(simulation: Simulation) -> None:
    """Nobody honest believes its own log to have two histories, or another honest party to have
    stated what is false."""
    machines, wicked = simulation.world.machines, guilty(simulation)
    for told in simulation.record.tells:
        machine: Machine = machines[told.machine]
        word, facts = told.tell.word, told.tell.facts
        if not machine.honest:
            continue
        if word == "mute" and "histories" in str(facts):
            simulation.record.fault(WORD, f"{machine.name} was convicted of a fork by itself")
        if facts.get("about") in wicked:
            continue  # whoever was shown one history speaks the truth of it
        if word in FALSE and facts["member"] not in wicked:
            simulation.record.fault(WORD, f"{machine.name} told {word} of member {facts['member']}")


def _blames(simulation: Simulation) -> None:
    """No honest node counted a bad frame against another one."""
    machines = simulation.world.machines
    blameless = {refusal.word for refusal in BLAMELESS}
    for one in simulation.record.blamed:
        both = machines[one.by].honest and machines[one.of].honest
        if both and one.refusal not in blameless:
            simulation.record.fault(
                WORD,
                f"{machines[one.by].name} blamed {machines[one.of].name}, who kept the rules: "
                f"{one.refusal} {one.detail}",
            )


def _decisions(simulation: Simulation) -> None:
    """What was final once is final everywhere in the end, and an offer stands alike everywhere."""
    record, states = simulation.record, dict[bytes, dict[str, State]]()
    now_s = START_S + simulation.world.now_ms // 1000  # one instant: their clocks may differ
    for machine in members(simulation):
        line = line_of(machine)
        if line is None:
            continue
        frozen = frozen_logs(machine.station, line)
        shelf = still(machine, line)
        for place in shelf.of_kind((Kind.OFFER,)):
            standing = state_of_offer(shelf, place, now_s, frozen=frozen)
            states.setdefault(shelf.entry(*place).hash, {})[machine.name] = standing.state
    for offer in sorted(record.finals):
        if simulation.checkers.decisions.is_lost(offer):
            continue
        for name, state in states.get(offer, {}).items():
            if state is not State.FINAL:
                record.fault(WORD, f"a final offer is {state.value} at {name}")
    for offer, found in sorted(states.items()):
        if len(set(found.values())) > 1:
            words = ", ".join(f"{name}: {state.value}" for name, state in sorted(found.items()))
            record.fault(WORD, f"offer {offer.hex()[:12]} differs: {words}")
