"""Memory and disk stay bounded, whoever attacks: every table of a node within its limit, and a
store that grows by what is entered and by nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detente.core import limits
from detente.core.cosigning import COSIGNED_MAX
from detente.core.leaf import UNCALLING, Precedence
from detente.core.link import Session
from detente.core.log import RECENT_ENTRIES_MAX, RECENT_HEADS_MAX
from detente.core.quotas import DAY_S, MISSING_MAX
from detente.core.streaming import IN_FLIGHT_MAX
from detente.sim.checkers.ends import entries, honest, line_of

if TYPE_CHECKING:
    from detente.core.line import Line
    from detente.sim.machine import Machine
    from detente.sim.run import Simulation

FAULT = "bounded"
CONTROL_MAX = 4 * limits.BATCH_ENTRIES_MAX  # statements that wait for room in our log
BASE_BYTES = 2_000_000  # an empty store, its cards, indexes and the slack of its pages
LOG_BYTES = 17_000_000  # the write-ahead log: 4,000 pages and a commit, then it is taken over
TIMES = 8  # what is entered stands in rows, indexes, heads and the log before them
SIGNED_BYTES = 4_000  # for each entry: its head, and cosignatures of both kinds
"""Generous: a leak of what peers send is megabytes more within a seed."""


def look(simulation: Simulation) -> None:
    """At some moment: the tables of every honest node."""
    for machine in honest(simulation):
        line = line_of(machine)
        for what, size, most in () if line is None else _tables(machine, line):
            if size > most:
                simulation.record.fault(FAULT, f"{machine.name} keeps {size} {what}, over {most}")


def _tables(machine: Machine, line: Line) -> list[tuple[str, int, int]]:
    members = len(line.founding.members) + len(line.charter.members)
    logs_max = limits.INCARNATIONS_MAX * members
    links_max = limits.LINKS_PER_PEER_MAX * len(machine.station.cards)
    found = [
        ("links", len(machine.station.links), links_max),
        ("sessions", len(line.sessions), links_max),
        ("logs", len(line.logs), logs_max),
        ("members that purged", len(line.purgers), members),
        ("own statements", len(line.control), CONTROL_MAX),
        ("searches", len(line.disputes), logs_max),
        ("attachments under way", len(line.arriving), limits.ATTACHED_OPEN_MAX * members),
        ("grants of attachments", len(line.granted), members),
        ("quotas told", len(line.quota_said), logs_max),
        ("sizes cosigned", len(line.kept), 2 * logs_max * members),
        ("logs held ahead", len(line.ahead), logs_max),
    ]
    found += [("entries ahead", len(held), limits.HELD_AHEAD_MAX) for held in line.ahead.values()]
    found += [("cosignatures", len(kept), COSIGNED_MAX) for kept in line.cosigned_by.values()]
    for log in line.logs.values():
        found += [
            ("recent entries", len(log.recent), RECENT_ENTRIES_MAX),
            ("recent heads", len(log.heads), RECENT_HEADS_MAX),
            ("missing bodies", len(log.missing), MISSING_MAX),
            ("logs stated", len(log.stated), logs_max),
        ]
    for session in line.sessions.values():
        found += _session(session, logs_max)
    return found


def _session(session: Session, logs_max: int) -> list[tuple[str, int, int]]:
    most = 2 * max(logs_max, limits.HEADS_MAX)
    tables = (
        session.holds,
        session.heads,
        session.shown_ms,
        session.sent,
        session.asked,
        session.implied,
        session.expected,
        session.full,
        session.asked_full,
        session.announced,
        session.unsigned,
        session.paused,
    )
    return [
        *(("rows in a session", len(table), most) for table in tables),
        ("entries sent ahead", len(session.ahead_sent), limits.HELD_AHEAD_MAX),
        ("batches under way", len(session.flight), 2 * IN_FLIGHT_MAX),
    ]


def _granted(simulation: Simulation, machine: Machine, line: Line) -> None:
    """Of no other author more FLASH is taken than the days that it states were granted: from each
    day on that it has stated, what counts is that day and those up to now."""
    stepped = any(  # then its own days were ahead for a while
        deed.word == "clock-step" and deed.who == machine.number for deed in simulation.plan.deeds
    )
    today = machine.clock.now(simulation.world.now_ms).wall_s // DAY_S
    grant = max(line.charter.quota_flash_per_day, line.founding.quota_flash_per_day)
    for log, found in entries(machine).items():
        if log.member == line.me:
            continue
        day, used = 0, 0  # the latest day stated yet, and FLASH since it was stated first
        for entry in found:
            leaf = entry.leaf
            if leaf is None or leaf.precedence < Precedence.FLASH or leaf.kind in UNCALLING:
                continue
            stated = min(leaf.time_s // DAY_S, today)
            day, used = (stated, 1) if stated > day else (day, used + 1)
            days = today - day + 1 + 2 * stepped
            if used > grant * days:
                what = f"{used} FLASH of log {log.member}/{log.word} in {days} days"
                simulation.record.fault(FAULT, f"{machine.name} has taken {what}")
                break


def check(simulation: Simulation) -> None:
    """In the end: the tables once more, and the bytes of every store."""
    look(simulation)
    for machine in honest(simulation):
        line = line_of(machine)
        if line is not None:
            _granted(simulation, machine, line)
        entered = [entry for found in entries(machine).values() for entry in found]
        content = sum(len(entry.raw) + len(entry.body or b"") for entry in entered)
        most = BASE_BYTES + TIMES * content + SIGNED_BYTES * len(entered)
        ahead = sum(len(f.data) for name, f in machine.disk.files.items() if name.endswith("-wal"))
        stored = machine.disk.stored_bytes() - ahead
        if ahead > LOG_BYTES:
            simulation.record.fault(FAULT, f"{machine.name}'s write-ahead log has {ahead} bytes")
        if stored > most:
            what = f"{stored} bytes for {len(entered)} entries of {content}"
            simulation.record.fault(FAULT, f"{machine.name} stores {what}")
