"""Promise 8, proofs stand alone: one file and the cards say what the store says, in the hands of a
stranger; and equal heads show equal ladders to all, at the same instant (promise 3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, cast

from detente.core.errors import DetenteError, Refusal
from detente.core.export import Preamble, write_export
from detente.core.freezing import frozen_logs
from detente.core.identity import origin
from detente.core.leaf import Kind, LogId
from detente.core.proof import join_bundle
from detente.core.transcript import Entry
from detente.dossiers.dispatch import BodyState, attachment_form, open_body
from detente.dossiers.ladder import ladder
from detente.dossiers.receipts import receipts
from detente.dossiers.report import Report, StatementShown
from detente.dossiers.verify import verify_file
from detente.node.proving import BUILD, _head_lines, proof_of
from detente.sim.checkers.ends import dice_of, entries, honest, line_of, members, still, wicked
from detente.sim.parties import card_of

if TYPE_CHECKING:
    from detente.core.line import Line
    from detente.node.node import Node
    from detente.sim.machine import Machine
    from detente.sim.run import Simulation

FAULT = "proofs"
EXPORTS = 0.1  # of all seeds: every entry and every signature is checked then
PROOFS = 0.25  # of all seeds
LADDERS = 3


def check(simulation: Simulation) -> None:
    """Ladders in every seed, proofs and whole exports in a drawn share of them."""
    dice = dice_of(simulation, "proofs")
    exports, proofs = dice.happens(EXPORTS), dice.happens(PROOFS)
    _ladders(simulation)
    machines = [m for m in honest(simulation) if line_of(m) is not None]
    if not machines:
        return
    if proofs:
        prove(simulation, dice.one_of(machines))
    if exports:
        export(simulation, dice.one_of(machines))


def _verified(
    simulation: Simulation, machine: Machine, data: bytes, *, expired: bool = False
) -> Report:
    """What a stranger finds, who has the first cards of all, and nothing else; also where Ed25519
    alone proves nothing any more."""
    cards = [card_of(name, real=machine.real).data for name in simulation.plan.names]
    now_s = machine.clock.now(simulation.world.now_ms).wall_s
    return verify_file(data, cards, now_s, ed25519_until_s=now_s if expired else None)


# --- one entry ----------------------------------------------------------------------------------


def prove(simulation: Simulation, machine: Machine) -> None:
    """A drawn message with the receipts of it, as ``detente prove --bundle`` writes them."""
    line = line_of(machine)
    places = [] if line is None else line.shelf.of_kind((Kind.DISPATCH, Kind.ACCIDENT))
    if line is None or not places:
        return
    place = dice_of(simulation, "proved").one_of(places)
    log = line.logs[place.log]
    if log.frozen >= 0 or log.key in machine.station.revoked:
        return  # what verify says of these is attacks.py's, and the revocations' own tests'
    entry = line.shelf.entry(*place)
    given = receipts(
        still(machine, line), place, line.everyone(), frozen_logs(machine.station, line)
    )
    held = [line.shelf.entry(*one.place) for one in given.values()]
    node = cast("Node", machine.clerk)
    parts = [proof_of(node, line, one) for one in (entry, *held)]
    report = _verified(simulation, machine, join_bundle(parts))
    found = [one for one in report.statements if one.hash == entry.hash.hex()]
    fault = "" if report.bad is None else f"{report.bad.refusal} {report.bad.detail}"
    if not fault:
        fault = _differs(entry, found[0]) if found else "it is not in its own proof"
    later = _verified(simulation, machine, join_bundle(parts), expired=True)
    if not all(one.pq for one in later.statements):
        fault = fault or "what Ed25519 alone has signed counts after its date"
    if fault:
        where = f"{machine.name}'s proof of {place.log.member}/{place.log.word}:{place.index}"
        simulation.record.fault(FAULT, f"{where}: {fault}")


def _differs(entry: Entry, shown: StatementShown) -> str:
    """Where a stranger reads something else than stands in the store, or nothing."""
    leaf = entry.leaf
    if leaf is None or (shown.time_s, shown.serial, shown.index) != (
        leaf.time_s,
        leaf.serial,
        entry.place.index,
    ):
        return "another time, serial or place"
    opened = open_body(entry)
    if opened.state is BodyState.HERE and opened.body is not None:
        files = [attachment_form(one) for one in opened.attachments]
        said = asdict(opened.body) | ({"attachments": files} if files else {})
        return "" if shown.said == said else "other words"
    return "" if shown.said is None else "words that are not in the store"


# --- the whole transcript -----------------------------------------------------------------------


def export(simulation: Simulation, machine: Machine) -> None:
    """All of it, as ``detente transcript export`` writes it."""
    line = line_of(machine)
    if line is None or machine.process is None:
        return
    report = _verified(simulation, machine, b"".join(_export(machine, line)))
    names, liars = simulation.plan.names, wicked(simulation)
    where = f"{machine.name}'s export"
    if report.bad is not None and not _torn(machine, report.bad.refusal):
        what = f"{report.bad.refusal} {report.bad.detail} at {report.bad.log}:{report.bad.index}"
        simulation.record.fault(FAULT, f"{where}: {what}")
    for one in report.findings:
        named = {n for n in names if card_of(n, real=machine.real).card.party.hex() == one.party}
        if one.finding == "proven" and not one.revoked and not named <= liars:
            simulation.record.fault(FAULT, f"{where} convicts {sorted(named)}: {one.reason}")
    sizes = {one.log: one.size for one in report.logs}
    held = {line.logs[log].origin: len(found) for log, found in entries(machine).items()}
    if report.bad is None and sizes != held:
        simulation.record.fault(FAULT, f"{where} has {sizes} where the store has {held}")


def _torn(machine: Machine, refusal: str) -> bool:
    """Whether the signature may be one that a lying disk has left in pieces of two times: one of
    ML-DSA-44 lies on two pages, and SQLite cannot tell. Whoever checks the file is told so by name,
    and nobody is blamed for it: more no node can promise of a disk that lies (design §4, 1)."""
    return machine.disk.has_lied and refusal == Refusal.BAD_SIGNATURE.word


def _export(machine: Machine, line: Line) -> Iterator[bytes]:
    cards = [stored.data for stored in machine.clerk.store.cards()]
    own = machine.clerk.home.card.data
    preamble = Preamble(
        number=0,
        line=line.id,
        build=BUILD,
        cards=(own, *(card for card in cards if card != own)),
        charter=line.charter_text,
        sheets=(),
        revocations=tuple(note for _, note in machine.clerk.store.revocations()),
    )

    def party(log: LogId) -> bytes:
        return line.party_of(log.member) or b""

    return write_export(
        line.shelf,
        preamble,
        reader=line.me,
        origin=lambda log: origin(line.id, party(log), log),
        heads=lambda log: _head_lines(machine.clerk.store, line.id, log, party(log)),
    )


# --- equal heads, equal dossiers ----------------------------------------------------------------


def _ladders(simulation: Simulation) -> None:
    """A few ladders are the same at all who hold the same."""
    looked: dict[tuple[object, ...], tuple[str, list[object]]] = {}
    for machine in members(simulation):
        line = line_of(machine)
        if line is None or line.joining or line.left:
            continue
        frozen = frozen_logs(machine.station, line)
        held = tuple(sorted((log.id, log.size, log.root) for log in line.logs.values()))
        ended = tuple(sorted(log.id for log in line.logs.values() if log.frozen >= 0))
        dice = dice_of(simulation, "ladders")
        shelf = still(machine, line)
        places = shelf.of_kind((Kind.DISPATCH, Kind.ACCIDENT))
        drawn = [dice.one_of(places) for _ in range(LADDERS)] if places else []
        try:
            shown: list[object] = [ladder(shelf, line.charter, p, frozen) for p in drawn]
        except DetenteError as error:
            simulation.record.fault(FAULT, f"{machine.name} cannot show a ladder: {error}")
            continue
        shown.append(line.charter)
        other, before = looked.setdefault((held, ended), (machine.name, shown))
        if before != shown:
            what = f"{machine.name} and {other} hold the same and show different ladders"
            simulation.record.fault(FAULT, what)
