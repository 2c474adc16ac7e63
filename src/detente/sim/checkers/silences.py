"""Every silence named: what is shown of another's presence is one of the named states, and says
no more than this node has seen and the other has signed. Who announced that it sends nothing is
shown so, is late with nothing meanwhile, and sends nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detente.core.events import Tell
from detente.core.extras import ReceiveOnly, decode_receive_only
from detente.core.freezing import frozen_logs
from detente.core.leaf import Kind
from detente.core.limits import PRESENCE_LEASE_S
from detente.core.transcript import Place
from detente.dossiers.deadlines import Overdue, overdue_of
from detente.dossiers.emcon import announced
from detente.dossiers.fold import counts, end_of
from detente.dossiers.ladder import Ladder, ladder
from detente.dossiers.presence import Observation, Presence, Source, State, presence
from detente.node.sightings import SIGNS, Sightings
from detente.sim.checkers.ends import guilty, honest, line_of, members, still

if TYPE_CHECKING:
    from detente.core.contested import FrozenLogs
    from detente.core.line import Line
    from detente.sim.machine import Machine
    from detente.sim.network import Connection
    from detente.sim.run import Simulation

FAULT = "silences"
OURS = 3  # the last of our own messages are what silence is judged by
SAID = {State.ON_DUTY: True, State.ON_DUTY_UNANSWERED: True, State.NOBODY_ON_DUTY: False}


class Silences:
    """What each running process has seen of the others, as ``node`` keeps it."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._seen: dict[int, tuple[object, Sightings]] = {}
        self._duty: dict[tuple[int, int], tuple[int, bool]] = {}  # the world's time, what came
        simulation.record.told_to.append(self.told)
        simulation.record.leaving_to.append(self.leaving)

    def leaving(self, machine: Machine, link: Connection, _data: bytes, _urgent: bool) -> None:
        """A frame leaves a machine. A courier is seen by nobody who listens for radios."""
        if machine.silent and not link.by_hand:
            what = f"{machine.name} sends though it is receive-only"
            self._simulation.record.fault(FAULT, what)

    def told(self, machine: Machine, tell: Tell) -> None:
        """A sign of life, perhaps."""
        if tell.word not in SIGNS or machine.clerk.files:
            return  # what stands in a file is no sign of life
        now_ms = self._simulation.world.now_ms
        self._sightings(machine).note(tell, machine.clock.now(now_ms).wall_s)
        member = tell.facts.get("member")
        if tell.word == "presence" and isinstance(member, int):
            self._duty[machine.number, member] = now_ms, bool(tell.facts.get("on_duty"))

    def _sightings(self, machine: Machine) -> Sightings:
        """Those of this process: a restart forgets them."""
        known = self._seen.get(machine.number)
        if known is None or known[0] is not machine.process:
            known = self._seen[machine.number] = machine.process, Sightings()
        return known[1]

    def look(self) -> None:
        """At some moment: how every other member is shown at every honest node."""
        for machine in honest(self._simulation):
            line = line_of(machine)
            if line is None or line.mine is None or line.joining:
                continue
            now = machine.clock.now(self._simulation.world.now_ms)
            seen = self._sightings(machine).of_line(line, now.steady_ms, now.wall_s)
            ours = self._ours(machine, line)
            frozen = frozen_logs(machine.station, line)
            silent = announced(still(machine, line), frozen)
            for member in line.charter.members:
                if member.number != line.me:
                    saw = seen.get(member.number, Observation())
                    shown = presence(line.charter, member.number, saw, ours, now.wall_s, silent)
                    fault = self._more_than(machine, line, member.number, shown, ours)
                    late = [
                        one
                        for rungs in ours
                        for one in overdue_of(line.charter, rungs, now.wall_s, silent)
                        if one.member == member.number
                    ]
                    said = _announcements(machine, line, frozen, member.number)
                    fault = fault or _of_emcon(said, shown, late, now.wall_s)
                    if fault:
                        what = f"{machine.name} shows {member.name} as {shown.state.value}: {fault}"
                        self._simulation.record.fault(FAULT, what)

    def check(self) -> None:
        """In the end all who keep the rules have been linked for long, and are shown as alive."""
        machines = {machine.name: machine for machine in members(self._simulation)}
        for machine in machines.values():
            line = line_of(machine)
            if line is None or line.joining or line.left:
                continue
            now = machine.clock.now(self._simulation.world.now_ms)
            seen = self._sightings(machine).of_line(line, now.steady_ms, now.wall_s)
            for member in line.charter.members:
                name = self._simulation.plan.names[member.number]
                if member.number == line.me or name not in machines:
                    continue
                saw = seen.get(member.number, Observation())
                shown = presence(line.charter, member.number, saw, (), now.wall_s)
                if shown.state is State.NO_SIGN_OF_LIFE:
                    what = f"{machine.name} has no sign of life of {name}, who is there"
                    self._simulation.record.fault(FAULT, what)

    @staticmethod
    def _ours(machine: Machine, line: Line) -> list[Ladder]:
        shelf = still(machine, line)
        places = [
            place
            for place in shelf.of_kind((Kind.DISPATCH, Kind.ACCIDENT))
            if place.log == line.mine
        ]
        frozen = frozen_logs(machine.station, line)
        return [ladder(shelf, line.charter, place, frozen) for place in places[-OURS:]]

    def _more_than(
        self, machine: Machine, line: Line, member: int, shown: Presence, ours: list[Ladder]
    ) -> str:
        """What is claimed beyond what was seen and signed, or nothing."""
        now_ms = self._simulation.world.now_ms
        steady_ms = machine.clock.now(now_ms).steady_ms
        heard = [s.heard_ms for s in line.sessions.values() if s.member == member and s.heard_ms]
        fresh = any(steady_ms - one < PRESENCE_LEASE_S * 1000 for one in heard)
        if shown.state is State.NO_SIGN_OF_LIFE:
            return "its frames have come all along" if fresh else ""
        if shown.source is Source.OBSERVED and shown.state is not State.ALIVE:
            return "that is nothing one can observe"
        if shown.state in SAID:
            at_ms, said = self._duty.get((machine.number, member), (0, None))
            if said is not SAID[shown.state]:
                return f"its last word was {said}, at {at_ms}"
        wicked = member in guilty(self._simulation)  # some of what it states counts for nothing
        if not wicked and shown.state in (
            State.NOT_RECEIPTING,
            State.ON_DUTY_UNANSWERED,
            State.DECLINED,
        ):
            return _unfounded(line, member, shown, ours)
        return ""


def _of_emcon(
    said: list[tuple[int, ReceiveOnly]], shown: Presence, late: list[Overdue], now_s: int
) -> str:
    """What contradicts the last announcement of a member that was made by now, or nothing."""
    made = [one for one in said if one[0] <= now_s]
    if not made:
        return "it announced nothing" if shown.state is State.RECEIVE_ONLY else ""
    at_s, last = made[-1]
    from_s = max(at_s, last.from_s)
    holds = from_s <= now_s < last.until_s
    if holds and shown.state is not State.RECEIVE_ONLY:
        return "it announced that it sends nothing"
    missed = [one.place.index for one in late if one.due_s >= from_s]
    if holds and missed:
        return f"it is receive-only, and called late with {missed[0]}"
    # One that takes back the one before ends it when it is made, whatever end it names.
    over_s = max(at_s, last.until_s) + PRESENCE_LEASE_S
    if shown.state is State.RECEIVE_ONLY and now_s > over_s:
        return "that was over at the time it announced"
    return ""


def _announcements(
    machine: Machine, line: Line, frozen: FrozenLogs, member: int
) -> list[tuple[int, ReceiveOnly]]:
    """When a member made each of its announcements that count, and what it says, in order."""
    shelf, found = still(machine, line), []
    for place in sorted(one for one in shelf.of_kind((Kind.DUTY,)) if one.log.member == member):
        leaf = shelf.entry(*place).leaf
        if leaf is None or not counts(shelf, place, frozen):
            continue
        said = decode_receive_only(leaf.extra)
        if said is not None:
            found.append((leaf.time_s, said))
    return found


def _unfounded(line: Line, member: int, shown: Presence, ours: list[Ladder]) -> str:
    """Why the entry that a silence is about does not bear it out, or nothing."""
    if shown.entry is None or not any(one.place == shown.entry for one in ours):
        return "about no entry of ours"
    if shown.state is State.NOT_RECEIPTING and _stated(line, member, shown.entry):
        return "it has stated that very entry"
    leaf = line.shelf.entry(*shown.entry).leaf
    if leaf is None or not leaf.reads(member):
        return "about an entry that was not addressed to it"
    return ""


def _stated(line: Line, member: int, place: Place) -> bool:
    """Whether any log of a member says that it holds an entry, by what is in memory. What an old
    log says beyond its end counts for nothing (spec/ladder.md §2.3, §3)."""
    for log in line.logs.values():
        stated = log.stated.get(place.log, 0) > place.index
        if log.id.member == member and log.frozen < 0 and stated:
            end = end_of(line.shelf, log.id)
            if end is None or end >= log.size:
                return True
    return False
