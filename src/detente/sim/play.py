"""A scenario as it happens: what is done, and from when on each side knows what of it.

What a side knows is read from its own store by the folds that its screen uses; what it sees of the
others is what its own node observed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from detente.core.events import Draft, Tell
from detente.core.extras import Grade, Mark, Rung, Stater, Translation
from detente.core.leaf import Kind, Precedence
from detente.core.line import Line
from detente.core.transcript import Entry
from detente.dossiers.dispatch import Dispatch, TranslationText, open_body
from detente.dossiers.ladder import Ladder, ladder
from detente.dossiers.presence import Observation, presence
from detente.node.sightings import Sightings
from detente.sim.couriers import Copy, bring
from detente.sim.deeds import deed, line_of, running, submit, submit_draft
from detente.sim.machine import Machine
from detente.sim.parties import NAMES, START_S
from detente.sim.plan import SETUP_MS, Deed
from detente.sim.record import Violation
from detente.sim.run import Simulation
from detente.sim.scenario import HERE, RECEIVED, SENT, TRANSLATED, Expectation, Scenario
from detente.sim.seam import seeded_signatures

STEP_MS = 1000
__all__ = ["Happening", "Play", "Verdict"]


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that is so from now on. ``what`` is the word of the event; ``rung``: ``who`` knows
    that ``message`` has come so far with ``of``, who states it at ``stated``; ``state``: so is
    ``of`` with ``who``."""

    at: str
    what: str
    who: str
    of: str = ""
    message: str = ""
    rung: str = ""
    stated: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an expectation was met, and what was so instead."""

    expected: Expectation
    met: bool
    found: str


Known = dict[tuple[str, str, str], str]  # message, of, rung -> when, as the stater says


class Play:
    """One playing of a scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.verdicts: list[Verdict] = []
        self.violations: tuple[Violation, ...] = ()
        self._known: list[Known] = [{} for _ in scenario.members]
        self._states: list[dict[str, str]] = [{} for _ in scenario.members]
        self._seen = [Sightings() for _ in scenario.members]
        self._fresh = False  # something was told since the last look
        self._ladders: dict[int, tuple[int, list[tuple[Entry, str, Ladder]]]] = {}  # at which size

    def happenings(self) -> Iterator[Happening]:
        """All of it, in order of time; ``verdicts`` and ``violations`` are known at the end."""
        with seeded_signatures():
            yield from self._play(Simulation(self.scenario.plan()))

    def _saw(self, machine: Machine, tell: Tell) -> None:
        self._fresh = True
        if machine.clerk.files:
            return  # what stands in a file is no sign of life
        now_s = machine.clock.now(machine.world.now_ms).wall_s
        self._seen[machine.number].note(tell, now_s)

    def _play(self, simulation: Simulation) -> Iterator[Happening]:
        scenario, world = self.scenario, simulation.world
        simulation.record.told_to.append(self._saw)
        simulation.begin()
        events = sorted(scenario.event, key=lambda one: scenario.ms(one.at))
        expected = sorted(scenario.expect, key=lambda one: scenario.ms(one.at))
        for now_ms in range(SETUP_MS, scenario.ms(scenario.ends) + 1, STEP_MS):
            world.run_until(now_ms)
            while events and scenario.ms(events[0].at) <= now_ms:
                one = events.pop(0)
                who, of = (one.who, "") if one.who else one.between
                yield Happening(scenario.clock(now_ms), one.do, who, of, one.message, one.rung)
            yield from self._look(simulation)
            while expected and scenario.ms(expected[0].at) <= now_ms:
                self.verdicts.append(self._judge(expected.pop(0)))
        self.violations = simulation.end().violations

    # --- what each side knows ---

    def _look(self, simulation: Simulation) -> Iterator[Happening]:
        world, fresh, self._fresh = simulation.world, self._fresh, False
        at = self.scenario.clock(world.now_ms)
        for number, machine in enumerate(world.machines):
            line = line_of(machine) if machine.process is not None else None
            if line is None:
                continue
            who, ladders = machine.name, self._folded(number, line)
            if fresh:
                known = self._read(line, ladders)
                for (message, of, rung), stated in known.items():
                    if (message, of, rung) not in self._known[number]:
                        yield Happening(at, "knows", who, of, message, rung, stated)
                self._known[number] = known
            states = self._presence(machine, line, [one for _, _, one in ladders])
            for of, state in states.items():
                if self._states[number].get(of) != state:
                    yield Happening(at, "state", who, of, rung=state)
            self._states[number] = states

    def _folded(self, number: int, line: Line) -> list[tuple[Entry, str, Ladder]]:
        size = sum(log.size - len(log.missing) for log in line.logs.values())
        if self._ladders.get(number, (-1,))[0] != size:
            self._ladders[number] = size, list(_ladders(line))
        return self._ladders[number][1]

    def _read(self, line: Line, ladders: list[tuple[Entry, str, Ladder]]) -> Known:
        known: Known = {}
        names = self.scenario.members
        for entry, text, rungs in ladders:
            message = self.scenario.name_of(text)
            author = names[entry.place.log.member]
            if entry.place.log.member == line.me:
                known[message, author, SENT] = self._clock(rungs.sent_s)
            else:
                known[message, names[line.me], HERE] = self._clock(rungs.sent_s)
            for one in rungs.translations:
                known[message, names[one.by], TRANSLATED] = self._clock(one.at_s)
            for reader in rungs.readers:
                of = names[reader.member]
                if reader.received is not None:
                    known[message, of, RECEIVED] = self._clock(reader.received.at_s)
                for step in reader.steps:
                    word = step.rung.name.lower().replace("_", "-")
                    known[message, of, word] = self._clock(step.at_s)
        return known

    def _presence(self, machine: Machine, line: Line, ladders: list[Ladder]) -> dict[str, str]:
        now = machine.clock.now(machine.world.now_ms)
        saw = self._seen[machine.number].of_line(line, now.steady_ms, now.wall_s)
        ours = [one for one in ladders if one.place.log.member == line.me]
        found = {}
        for member in line.charter.members:
            if member.number != line.me:
                waiting = [one for one in ours if _waits(one, member.number)]
                seen = saw.get(member.number, Observation())
                state = presence(line.charter, member.number, seen, waiting, now.wall_s)
                found[self.scenario.members[member.number]] = state.state.value
        return found

    def _clock(self, at_s: int) -> str:
        return self.scenario.clock((at_s - START_S) * 1000)

    def _judge(self, expected: Expectation) -> Verdict:
        number = self.scenario.members.index(expected.who)
        if expected.state:
            found = self._states[number].get(expected.of, "")
            return Verdict(expected, (found == expected.state) == expected.reached, found)
        known = self._known[number]
        stated = known.get((expected.message, expected.of, expected.rung))
        met = (stated is not None) == expected.reached
        if met and stated is not None and expected.stated:
            met = stated.startswith(expected.stated)
        return Verdict(expected, met, stated or "")


def _ladders(line: Line) -> Iterator[tuple[Entry, str, Ladder]]:
    """The dispatches held here, with their texts."""
    for place in line.shelf.of_kind((Kind.DISPATCH,)):
        entry = line.shelf.entry(*place)
        body = open_body(entry).body
        if isinstance(body, Dispatch):
            yield entry, body.text, ladder(line.shelf, line.charter, place)


def _waits(rungs: Ladder, member: int) -> bool:
    reader = rungs.reader(member)
    return reader is not None and (not reader.answered or bool(reader.first(Rung.DECLINED)))


# --- what only scenarios do -----------------------------------------------------------------------


@deed("tell")
def tell(simulation: Simulation, given: Deed) -> None:
    """A dispatch with these words to all readers, at the precedence of its number."""
    machine = running(simulation, given)
    line = line_of(machine)
    if machine is None or line is None:
        return
    now_s = machine.clock.now(simulation.world.now_ms).wall_s
    plain = Dispatch(language="en", dtg_s=now_s, subject="", text=given.text).encode()
    submit(machine, Kind.DISPATCH, plain, line.charter.readers(), given.number, text=given.text)


@deed("render")
def render(simulation: Simulation, given: Deed) -> None:
    """An official translation of the dispatch with these words, if it is here."""
    machine = running(simulation, given)
    line = line_of(machine)
    if machine is None or line is None:
        return
    entry = next((entry for entry, text, _ in _ladders(line) if text == given.text), None)
    if entry is not None:
        text = f"In the language of the reader: {given.text}"
        plain = TranslationText(language="uk", subject="", text=text).encode()
        grade = Translation(Grade.CERTIFIED, Stater.WATCH).encode()
        readers, refs = line.charter.readers(), (entry.hash,)
        submit(machine, Kind.TRANSLATION, plain, readers, refs=refs, extra=grade, text=text)


@deed("state")
def state(simulation: Simulation, given: Deed) -> None:
    """The watch states the rung of its number about the dispatch with these words, if it has it."""
    machine = running(simulation, given)
    line = line_of(machine)
    if machine is None or line is None:
        return
    for entry, text, _ in _ladders(line):
        if text == given.text:
            draft = Draft(
                kind=Kind.MARK,
                audience=line.charter.readers(),
                precedence=Precedence.PRIORITY,
                refs=(entry.hash,),
                extra=Mark(Rung(given.number), Stater.WATCH).encode(),
            )
            submit_draft(machine, draft)
            return


def _on_route(act: Callable[[Simulation, tuple[int, int]], None]) -> Callable[..., None]:
    def done(simulation: Simulation, given: Deed) -> None:
        act(simulation, sorted(simulation.world.routes)[given.who])

    return done


@deed("cut")
@_on_route
def cut(simulation: Simulation, pair: tuple[int, int]) -> None:
    """Nothing passes between two, until it is mended."""
    simulation.world.shut(pair, 0)
    simulation.world.shut(pair, 1)


@deed("mend")
@_on_route
def mend(simulation: Simulation, pair: tuple[int, int]) -> None:
    """The route is whole again."""
    simulation.world.heal(pair)


@deed("fade")
def fade(simulation: Simulation, given: Deed) -> None:
    """Nothing passes by the radio between two, until it is clear again."""
    pair = sorted(simulation.world.routes)[given.who]
    simulation.world.cables[pair].route.shut[:] = [True, True]


@deed("clear")
def clear(simulation: Simulation, given: Deed) -> None:
    """The radio carries again."""
    simulation.world.cables[sorted(simulation.world.routes)[given.who]].heal()


@deed("carry")
def carry(simulation: Simulation, given: Deed) -> None:
    """One writes a file for another, to whom it is brought later."""
    machine, machines = running(simulation, given), simulation.world.machines
    away_ms, receiver = divmod(given.number, len(NAMES))
    file = None if machine is None else simulation.couriers.write(machine, machines[receiver])
    if file is not None:
        copies = [Copy(file, file.data)]
        simulation.world.later(away_ms, lambda: bring(simulation, receiver, copies))


@deed("stop")
def stop(simulation: Simulation, given: Deed) -> None:
    """The node goes down, and stays down until it is started."""
    machine = simulation.world.machines[given.who]
    machine.kept_down = True
    machine.die("stopped")


@deed("start")
def start(simulation: Simulation, given: Deed) -> None:
    """The node is started."""
    machine = simulation.world.machines[given.who]
    machine.kept_down = False
    simulation.world.restart(machine)
