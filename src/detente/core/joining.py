"""Accepting a charter: the one that begins a line, or an amended one by which we join it later.

Signing checkpoint 1 of our log signs the founding charter (F16). Who joins by an amendment signs
nothing at all before that amendment is final in what it holds itself (spec/charter.md §5.1): an
offer may be withdrawn, expire, or come again with another number, and no leaf 0 is taken back.
"""

from __future__ import annotations

from detente.core.amending import (
    EVERY_MS,
    admit,
    charters_of,
    take_over,
    want_texts,
)
from detente.core.body import ZERO_SALT
from detente.core.charter import Charter, charter_id, check_descent, parse_charter
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.events import Accept, Draft, StoreLine
from detente.core.leaf import Kind, LogId, Precedence
from detente.core.line import Line
from detente.core.quotas import DAY_S
from detente.core.restoring import stream_anew
from detente.core.session import greet
from detente.core.speaking import append
from detente.core.station import Station, Step


def accept(step: Step, given: Accept) -> None:
    """Takes up a line by its founding charter, or waits to join it by an amended one.

    LocalError NOT_ALLOWED for a charter that is accepted already or does not name us,
    UNKNOWN_PARTY without a card of everyone it names, CHARTER_MISMATCH for two charters that
    cannot be of one line.
    """
    founding = parse_charter(given.charter)
    if given.amended:
        _accept_amended(step, founding, given)
    else:
        _accept_founding(step, founding, given.charter)


def _accept_founding(step: Step, charter: Charter, text: bytes) -> None:
    """Begins a line with its charter as leaf 0 of our log."""
    station, line_id = step.station, charter_id(text)
    me = charter.number_of(station.party)
    if line_id in station.lines or charter.number != 0:
        raise LocalError(Refusal.NOT_ALLOWED, "this charter is accepted already, or amends another")
    if me is None:
        raise LocalError(Refusal.NOT_ALLOWED, "this charter does not name us")
    _check_cards(station, charter)
    line = Line(line_id, charter, text, me, station.shelf_of(line_id))
    _check_keys(station, line)
    station.lines[line_id] = line
    step.out.append(StoreLine(line_id, text, me))
    _begin(step, line)
    _greet(step, line)


def _accept_amended(step: Step, founding: Charter, given: Accept) -> None:
    """From now on we mirror the line and look for the seal. Nothing of ours is entered."""
    station, line_id = step.station, charter_id(given.charter)
    try:
        amended = parse_charter(given.amended)
        check_descent(founding, amended)
    except PeerError as error:
        raise LocalError(error.refusal, error.detail) from error
    me, line = amended.number_of(station.party), station.lines.get(line_id)
    if me is None:
        raise LocalError(Refusal.NOT_ALLOWED, "this charter does not name us")
    if line is not None and not (line.left or line.joining):
        raise LocalError(Refusal.NOT_ALLOWED, "we are a member of this line already")
    if line is None and founding.number_of(station.party) is not None:
        raise LocalError(Refusal.NOT_ALLOWED, "the founding charter names us: accept that one")
    _check_cards(station, founding)
    _check_cards(station, amended)
    if line is None:
        line = Line(line_id, founding, given.charter, me, station.shelf_of(line_id))
        _check_keys(station, line, amended)
        station.lines[line_id] = line
    elif line.me != me and (line.left or line.mine is not None):
        raise LocalError(Refusal.CHARTER_MISMATCH, f"we are member {line.me} of this line for ever")
    if line.left:
        line.sessions.clear()  # what was stated there of our own log was not looked at
    line.me, line.charter, line.joining, line.left = me, amended, given.amended, False
    line.sealing = line.charter_due = True
    step.out.append(StoreLine(line_id, given.charter, me, given.amended))
    step.tell("joining", line, number=amended.number)
    _greet(step, line)


def _check_cards(station: Station, charter: Charter) -> None:
    """Whose logs cannot be verified leave a gap in what everybody else's rest on, also if left."""
    for entry in charter.entries():
        if entry.party not in station.cards:
            who = f"member {entry.number}, {entry.party.hex()}"
            raise LocalError(Refusal.UNKNOWN_PARTY, f"no trusted card for {who}")


def _check_keys(station: Station, line: Line, charter: Charter | None = None) -> None:
    line.charter = charter or line.charter
    log = station.new_log(line, LogId(line.me, station.keys.k, b""))
    if log is None:
        raise LocalError(Refusal.NOT_ALLOWED, "our card lists no such key pair")
    if log.key in station.revoked:
        raise LocalError(Refusal.REVOKED, "our own log key; adopt the next incarnation first")


def _greet(step: Step, line: Line) -> None:
    line.touched = True
    for link in step.station.links.values():
        if line.charter.number_of(link.party) is not None:
            greet(step, line, link, answer=True)


def _begin(step: Step, line: Line) -> None:
    """Our leaf 0: the founding charter, as of every member, at whatever time it comes."""
    log = step.station.new_log(line, LogId(line.me, step.station.keys.k, b""))
    assert log is not None  # noqa: S101  # our own card lists what our keyring loads
    line.logs[log.id], line.mine = log, log.id
    line.begun_day = step.now.wall_s // DAY_S
    stream_anew(line, log.id)
    draft = Draft(
        kind=Kind.CHARTER,
        audience=line.everyone(),
        precedence=Precedence.ROUTINE,
        body=line.charter_text,
        salt=ZERO_SALT,
    )
    append(step, line, [draft])


# --- joining ------------------------------------------------------------------------------------


def seek(step: Step, line: Line) -> None:
    """Looks whether the amended charter that our officers accepted is final in what is held here,
    and joins if it is: it, and every amendment before and behind it, in unbroken order."""
    offers = line.shelf.of_kind((Kind.OFFER,))
    line.charter_due = False
    line.charter_next_ms = step.now.steady_ms + EVERY_MS * len(offers)
    if line.awaits_hello:
        return  # a peer may yet show that we have spoken here before
    charter, found = line.founding, False
    try:
        for amended in charters_of(step.station, line):
            charter = amended.charter
            found = found or charter.encode() == line.joining
            admit(line, amended)
    except LocalError as error:
        want_texts(step, line)
        step.tell("charter-incomplete", line, detail=error.detail)
        return
    if not found:
        return
    line.joining = b""
    step.out.append(StoreLine(line.id, line.charter_text, line.me))
    take_over(step, line, charter)
    line.charter_due = line.touched = True
    if not line.left:
        step.tell("joined", line, number=charter.number)
    if line.mine is None and not (line.left or line.mute):
        _begin(step, line)
