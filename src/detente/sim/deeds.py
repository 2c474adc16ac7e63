"""How the words of a plan become deeds; and what people say and do. What goes wrong is in
``mishaps``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from detente.core.attachment import describe, enclose, seal
from detente.core.body import SALT_BYTES, commit, pack
from detente.core.events import Draft, SetDuty, Submit
from detente.core.extras import Duty, Grade, Mark, Relation, Rung, Stater, Translation
from detente.core.holding import purge
from detente.core.leaf import Kind, Precedence
from detente.core.line import Line
from detente.core.transcript import Entry
from detente.dossiers.dispatch import Accident, Comment, Dispatch, TestText, TranslationText
from detente.dossiers.linktest import slot_at
from detente.dossiers.neutral import sentence
from detente.sim.dice import Dice
from detente.sim.plan import Deed
from detente.sim.record import Submitted

if TYPE_CHECKING:
    from detente.sim.machine import Machine
    from detente.sim.run import Simulation

Act = Callable[["Simulation", Deed], None]
DEEDS: dict[str, Act] = {}
WORDS = ("we", "report", "movement", "of", "aircraft", "north", "the", "bridge", "no", "shots")


def deed(word: str) -> Callable[[Act], Act]:
    """Gives a function its word."""

    def register(act: Act) -> Act:
        DEEDS[word] = act
        return act

    return register


def do(simulation: Simulation, given: Deed) -> None:
    """Does one deed; one that needs a process waits for nobody if there is none, and none is done
    once the faults have stopped."""
    if not simulation.world.settled:
        DEEDS[given.word](simulation, given)


def running(simulation: Simulation, given: Deed) -> Machine | None:
    """The machine that a deed is about, if a process runs on it."""
    machine = simulation.world.machines[given.who]
    return machine if machine.process is not None else None


def line_of(machine: Machine | None) -> Line | None:
    """The line, if this machine has taken it up."""
    return None if machine is None else machine.station.lines.get(machine.world.line_id)


def throw(simulation: Simulation, given: Deed) -> Dice:
    """The throws of one deed."""
    return Dice(simulation.plan.seed, "deed", *given)


@deed("say")
def say(simulation: Simulation, given: Deed) -> None:
    """A dispatch or an accident report, of any precedence, to all readers or to one."""
    machine, dice = running(simulation, given), throw(simulation, given)
    if machine is None:
        return
    line = machine.station.lines.get(simulation.world.line_id)
    if line is None or not line.reads(line.me):
        return
    now_s = machine.clock.now(simulation.world.now_ms).wall_s
    text = given.text or " ".join(dice.some_of(WORDS, dice.spread(3, 200)))
    kind, body = (
        (Kind.ACCIDENT, Accident(language="en", dtg_s=now_s, what="fire", known=text).encode())
        if dice.happens(0.05)
        else (Kind.DISPATCH, Dispatch(language="en", dtg_s=now_s, subject="R", text=text).encode())
    )
    readers = line.charter.readers()
    others = [n for n in range(32) if readers >> n & 1 and n != line.me]
    audience = readers
    if len(others) > 1 and dice.happens(0.2):
        audience = 1 << line.me | 1 << dice.one_of(others)
    precedence = dice.one_of((0, 1, 1, 1, 1, 2, 2, 3, 4, 5))
    refs, extra = _relation(line, dice) if kind == Kind.DISPATCH else ((), b"")
    submit(machine, kind, body, audience, precedence, refs, extra, text=text)
    if precedence == Precedence.OVERRIDE and machine.process is not None:
        simulation.overridden(machine)


@deed("burst")
def burst(simulation: Simulation, given: Deed) -> None:
    """The day's traffic at once, and a FLASH into the middle of it."""
    dice = throw(simulation, given)
    many = dice.between(4, 14)
    for number in range(many):
        _talk(simulation, given, dice, Precedence.ROUTINE, 1_000 * number // many)
    _talk(simulation, given, dice, Precedence.FLASH, dice.between(100, 900))


def _talk(
    simulation: Simulation, given: Deed, dice: Dice, precedence: Precedence, delay_ms: int
) -> None:
    """A dispatch of some length to all readers, in a moment."""
    text = " ".join(dice.some_of(WORDS, dice.between(20, 120)))

    simulation.world.later(delay_ms, lambda: talk(simulation, given.who, precedence, text))


def talk(simulation: Simulation, who: int, precedence: Precedence, text: str) -> None:
    """A dispatch of these words to all readers, if a process runs there."""
    machine = simulation.world.machines[who]
    line = line_of(machine) if machine.process is not None else None
    if line is None or not line.reads(line.me):
        return
    now_s = machine.clock.now(simulation.world.now_ms).wall_s
    body = Dispatch(language="en", dtg_s=now_s, subject="R", text=text).encode()
    submit(machine, Kind.DISPATCH, body, line.charter.readers(), precedence, text=text)


def _relation(line: Line, dice: Dice) -> tuple[tuple[bytes, ...], bytes]:
    """What some dispatches are to an earlier one: an answer, or a correction of our own."""
    if not dice.happens(0.3):
        return (), b""
    entry = _drawn(line, dice, (Kind.DISPATCH,))
    if entry is None:
        return (), b""
    ours = (Relation.CORRECTS, Relation.CANCELS, Relation.SUPERSEDES)
    theirs = (Relation.ANSWERS, Relation.ANSWERS, Relation.REFERS)
    relation = dice.one_of(ours if entry.place.log.member == line.me else theirs)
    return (entry.hash,), bytes((relation,))


def _drawn(
    line: Line, dice: Dice, kinds: tuple[Kind, ...], *, ours: bool | None = None
) -> Entry | None:
    """An entry of these kinds that we may read; of our own, or of others alone, if it says so."""
    places = [
        place
        for place in line.shelf.of_kind(kinds)
        if ours is None or (place.log.member == line.me) is ours
    ]
    if not places:
        return None
    entry = line.shelf.entry(*dice.one_of(places))
    readable = entry.leaf is not None and entry.leaf.reads(line.me)
    return entry if readable else None


def submit(
    machine: Machine,
    kind: Kind,
    plain: bytes | None,
    audience: int,
    precedence: int = Precedence.ROUTINE,
    refs: tuple[bytes, ...] = (),
    extra: bytes = b"",
    *,
    text: str = "",
) -> bool:
    """Submits through the production step, and remembers what has a body if that returned."""
    packed, salt = None, b""
    if plain is not None:
        packed = pack(plain, 5, machine.world.charter.padding)
        salt = machine.dice.bytes(SALT_BYTES)
    draft = Draft(
        kind=kind,
        audience=audience,
        precedence=precedence,
        refs=refs,
        extra=extra,
        body=packed,
        salt=salt,
    )
    return submit_draft(machine, draft, text)


@deed("attach")
def attach(simulation: Simulation, given: Deed) -> None:
    """A dispatch to all readers with a file or two beside it, of a byte up to some pages."""
    machine, dice = running(simulation, given), throw(simulation, given)
    line = line_of(machine)
    if machine is None or line is None or not line.reads(line.me):
        return
    now_s = machine.clock.now(simulation.world.now_ms).wall_s
    text = f"see the files {given.number}"
    plain = Dispatch(language="en", dtg_s=now_s, subject="R", text=text).encode()
    files = [dice.bytes(dice.spread(1, 40_000)) for _ in range(dice.between(1, 2))]
    keys = [dice.bytes(32) for _ in files]
    pairs = list(zip(files, keys, strict=True))
    told = [describe("file", "text/plain", data, key) for data, key in pairs]
    draft = Draft(
        kind=Kind.DISPATCH,
        audience=line.charter.readers(),
        precedence=dice.one_of((0, 1, 1, 2, 4)),
        body=pack(enclose(told, plain), 5, machine.world.charter.padding),
        salt=dice.bytes(SALT_BYTES),
        attached=True,
    )
    submit_draft(machine, draft, text, tuple(seal(data, key) for data, key in pairs))


def submit_draft(
    machine: Machine, draft: Draft, text: str = "", boxes: tuple[tuple[bytes, ...], ...] = ()
) -> bool:
    """One draft; whether ``submit`` returned, so that it may not be lost."""
    world, k = machine.world, machine.station.keys.k
    commitment = b"" if draft.body is None else commit(draft.salt, draft.body)
    name, precedence, audience = machine.name, draft.precedence, draft.audience
    world.record.asked.add(
        (name, draft.kind, audience, precedence, draft.refs, draft.extra, commitment)
    )
    kept = (commitment, precedence, audience, k, draft.body or b"", text)
    one = Submitted(world.now_ms, machine.number, name, *kept)
    if draft.body is not None:
        world.record.attempted.append(one)
    outcome = machine.run([Submit(world.line_id, draft, boxes)])
    if outcome is None or outcome.refused:
        return False
    if draft.body is not None:
        world.record.submitted.append(one)
    return True


@deed("mark")
def mark(simulation: Simulation, given: Deed) -> None:
    """The watch states a rung about something of the others."""
    machine, dice = running(simulation, given), throw(simulation, given)
    line = line_of(machine)
    if machine is None or line is None:
        return
    entry = _drawn(line, dice, (Kind.DISPATCH, Kind.ACCIDENT))
    if entry is None or not line.reads(line.me):
        return
    ours = entry.place.log.member == line.me
    rungs = (Rung.SEEN, Rung.PASSED_ON, Rung.ANSWERED, Rung.DECLINED, Rung.MISDIRECTED)
    rung = Rung.MISDIRECTED if ours else dice.one_of(rungs)
    stated = Mark(rung, Stater.WATCH, dice.between(0, 3) if rung is Rung.MISDIRECTED else 0)
    comment = None
    if dice.happens(0.2):
        comment = Comment(language="en", text=f"comment {dice.between(0, 1 << 40)}").encode()
    submit(
        machine,
        Kind.MARK,
        comment,
        line.charter.readers(),
        Precedence.PRIORITY,
        (entry.hash,),
        stated.encode(),
    )


@deed("translate")
def translate(simulation: Simulation, given: Deed) -> None:
    """A translation beside its original, for the same readers."""
    machine, dice = running(simulation, given), throw(simulation, given)
    line = line_of(machine)
    if machine is None or line is None or not line.reads(line.me):
        return
    entry = _drawn(line, dice, (Kind.DISPATCH,))
    if entry is None or entry.leaf is None:
        return
    text = f"translated {dice.between(0, 1 << 40)}"
    submit(
        machine,
        Kind.TRANSLATION,
        TranslationText(language="uk", subject="R", text=text).encode(),
        entry.leaf.audience,
        refs=(entry.hash,),
        extra=Translation(dice.one_of(tuple(Grade)), Stater.WATCH).encode(),
        text=text,
    )


@deed("test")
def test(simulation: Simulation, given: Deed) -> None:
    """A link test with the neutral sentence of its turn."""
    machine = running(simulation, given)
    line = line_of(machine)
    if machine is None or line is None or not line.reads(line.me):
        return
    slot = slot_at(line.charter, machine.clock.now(simulation.world.now_ms).wall_s)
    said = sentence(slot.sentence, "en") or ""
    body = TestText(language="en", number=slot.sentence, text=said).encode()
    submit(machine, Kind.TEST, body, line.charter.readers())


@deed("purge")
def purge_one(simulation: Simulation, given: Deed) -> None:
    """A body of our own is purged, here and by all who hold it."""
    machine, dice = running(simulation, given), throw(simulation, given)
    line = line_of(machine)
    if machine is None or line is None:
        return
    places = [p for p in line.shelf.of_kind((Kind.DISPATCH,)) if p.log.member == line.me]
    if not places:
        return
    entry = line.shelf.entry(*dice.one_of(places))
    simulation.world.record.purged.append((machine.name, entry.hash, entry.salt or b""))
    submit(machine, Kind.PURGED, None, line.charter.everyone(), refs=(entry.hash,))
    if machine.process is not None:
        machine.change(lambda step: purge(step, line, line.me, (entry.hash,)))


@deed("duty")
def duty(simulation: Simulation, given: Deed) -> None:
    """Somebody signs on, or off; the line is told, as ``node.speaking`` does."""
    machine, on_duty = running(simulation, given), bool(given.number & 1)
    if machine is None:
        return
    machine.run([SetDuty(on_duty)])
    line = line_of(machine) if machine.process is not None else None
    if line is not None and line.is_open() and not (line.mute or line.left):
        word = bytes((Duty.ON if on_duty else Duty.OFF,))
        submit(machine, Kind.DUTY, None, line.charter.everyone(), extra=word)


@deed("backup")
def backup(simulation: Simulation, given: Deed) -> None:
    """The officers keep a backup."""
    machine = running(simulation, given)
    if machine is not None:
        simulation.officers.back_up(machine)
