"""What verified entries mean for this node's own state. Meaning for people is the dossiers'.

Nothing here refuses: what a signed entry says wrongly is void, told, and stays in the record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from detente.core import limits
from detente.core.accusing import enter_accusation, learn_frozen
from detente.core.body import unpack
from detente.core.cosigning import QUANTUM_AT_ONCE, judge_quote, quote_late
from detente.core.errors import PeerError
from detente.core.events import Offered, StoreState
from detente.core.fetching import expect
from detente.core.frames import WANT_BODY, Want
from detente.core.freezing import contradicts
from detente.core.holding import confirm, entry_at, known_root, purge
from detente.core.leaf import UNCALLING, Kind, Leaf, LogId, Precedence, Seen
from detente.core.line import Line
from detente.core.link import Session
from detente.core.log import Log
from detente.core.station import Step
from detente.core.transcript import Entry, Place

WANTED_BODIES_MAX = 16  # asked of one session at a time
LATE_S = 7 * 86_400  # so long after a seal's expiry, covers from before it are waited for


# --- heads that entries state -------------------------------------------------------------------


def judge_heads(
    step: Step,
    line: Line,
    session: Session,
    log: Log,
    entries: Sequence[Entry],
    stated: Mapping[LogId, int],
) -> None:
    """Every head stated: one that agrees confirms, one that contradicts stops our cover (F9).

    ``stated`` is what the log had stated before these entries.
    """
    before, late_s = dict(stated), step.now.wall_s - LATE_S
    for entry in entries:
        if entry.leaf is None:
            continue
        for seen in entry.leaf.seen:
            if seen.log == log.id:
                continue  # nobody holds himself; the fold calls it void
            last = before.get(seen.log, 0)
            if contradicts(line, seen):
                _dispute(step, line, log, entry, seen)
            elif seen.size <= _size(line, seen.log):
                _agree(step, line, session, log, seen, last)
            if log.id.member != line.me and _holds_a_seal(line, seen, last):
                line.seen_now = True
                line.seen_precedence = max(line.seen_precedence, Precedence.IMMEDIATE)
            closing = seen.log.life and not last and seen.log in line.logs
            if closing and log.id.member != line.me:  # our own may come back after a restore
                line.quantum_for.add(log.id)
            before[seen.log] = max(last, seen.size)
            # A cover of so long ago, as in an old log that a peer gives back, may end what is
            # not waited for any more.
            line.charter_due = line.charter_due or seen.held_at_s < late_s
    if line.sealing:
        line.charter_due = True


def _size(line: Line, log_id: LogId) -> int:
    log = line.logs.get(log_id)
    return 0 if log is None else log.size


def _holds_a_seal(line: Line, seen: Seen, last: int) -> bool:
    """Whether this is a first cover of a seal that is not final yet. It is covered at once, before
    anybody here is shown that the seal is final: else its author took it back by a fork."""
    if not (line.sealing or line.charter_due):
        return False
    seals = line.shelf.of_kind((Kind.SEAL,))
    return any(place.log == seen.log and last <= place.index < seen.size for place in seals)


def _dispute(step: Step, line: Line, log: Log, entry: Entry, seen: Seen) -> None:
    if log.disputed_from < 0:
        log.disputed_from = entry.place.index
    step.tell("seen-contradicts", line, member=log.id.member, about=seen.log.member)


def _agree(step: Step, line: Line, session: Session, log: Log, seen: Seen, last: int) -> None:
    # What it held by a log of before it was restored, it may have lost with that disk.
    current = log.id == session.current and not session.mute
    if current and known_root(line, seen.log, seen.size) == seen.root:
        confirm(line, session, seen.log, seen.size)
    if seen.log == line.mine and seen.size > last:
        step.tell("receipt", line, member=log.id.member, size=seen.size)
        quote_late(line, log.id.member, last, seen)


# --- what entries do ----------------------------------------------------------------------------


def judge_meaning(step: Step, line: Line, log: Log, entries: Sequence[Entry]) -> None:
    """Purges, accusations, quotes, cards and seals, after the entries are handed to the store."""
    for entry in entries:
        leaf = entry.leaf
        if leaf is None:
            step.tell("void", line, member=log.id.member, index=entry.place.index)
            continue
        if leaf.kind in QUANTUM_AT_ONCE and log.id.member != line.me:
            line.quantum_for.add(log.id)
        if leaf.kind == Kind.PURGED:
            purge(step, line, log.id.member, leaf.refs)
            step.out.append(StoreState(line.id, log.id, log.encode()))
        elif leaf.kind == Kind.QUOTE:
            judge_quote(step, line, log.id, entry, leaf)
        elif leaf.kind == Kind.SEAL:
            line.charter_due = True
        else:
            judge_body(step, line, log, entry, leaf)
    if entries[0].place.index == 0:
        learn_frozen(step, line, log)


def judge_body(step: Step, line: Line, log: Log, entry: Entry, leaf: Leaf) -> None:
    """What an entry does by its body, which may come after it."""
    if leaf.kind == Kind.ACCUSATION:
        enter_accusation(step, line, log, entry, leaf)
    elif leaf.kind == Kind.CARD:
        _card(step, line, log, entry)
    elif leaf.kind == Kind.OFFER and (line.sealing or line.shelf.referring(entry.hash)):
        line.charter_due = True  # its seal may have come before it
    elif leaf.attached:
        expect(step, line, entry, leaf)


def _card(step: Step, line: Line, log: Log, entry: Entry) -> None:
    """A card that a member entered is for our officers to look at."""
    party = line.party_of(log.id.member)
    if entry.body is None or party is None:
        return
    try:
        step.out.append(Offered(party, unpack(entry.body)))
    except PeerError:
        step.tell("void", line, member=log.id.member, index=entry.place.index)


def want_bodies(step: Step, line: Line, session: Session, log: Log) -> None:
    """Asks a peer for bodies that are missing here, not named in a `lacks` yet, and addressed to
    it as well."""
    hoped_for = [index for index in log.missing if index not in log.lacked]
    if len(hoped_for) > WANTED_BODIES_MAX:
        # Of our own old logs no `lacks` takes out what nobody has: others have their turn too.
        start = session.lacked_rounds * WANTED_BODIES_MAX % len(hoped_for)
        hoped_for = (hoped_for[start:] + hoped_for[:start])[:WANTED_BODIES_MAX]
    _want(step, line, session, log, hoped_for)


def want_lacked(step: Step, line: Line, session: Session, log: Log) -> None:
    """The same for bodies that our log has named as lacking: a few of them, others each time."""
    given_up = sorted(log.lacked & log.missing.keys())
    start = session.lacked_rounds * WANTED_BODIES_MAX % max(1, len(given_up))
    some = (given_up[start:] + given_up[:start])[:WANTED_BODIES_MAX]
    asked = _want(step, line, session, log, some)
    session.lacked_open.update(Place(log.id, index) for index in asked)


def _want(step: Step, line: Line, session: Session, log: Log, indices: Iterable[int]) -> list[int]:
    """Asks for these as far as the peer may have them, and says for which."""
    asked = []
    # Beyond that a third may hold another leaf, and be blamed for a body that opens that one.
    held = max(log.frozen, session.holds.get(log.id, 0))
    if log.frozen < 0 and log.id.member == session.member:
        held = log.size
    for index in indices:
        if index >= held:
            continue
        leaf = entry_at(line, log, index).leaf
        # The text of a final amendment is every member's, whoever it was addressed to.
        if leaf is not None and (
            leaf.kind == Kind.OFFER or line.entitled(leaf, log.id.member, session.member)
        ):
            step.send(session, Want(WANT_BODY, log.id, index))
            asked.append(index)
    return asked


def call(step: Step, line: Line, log: Log, entries: Sequence[Entry]) -> None:
    """What these entries call for: a cosignature, a `seen`, now or within the charter's seconds."""
    calling = [e.leaf for e in entries if e.leaf is None or e.leaf.kind not in UNCALLING]
    if not calling:
        return
    urgent = [leaf.precedence for leaf in calling if leaf is not None and _is_urgent(leaf)]
    if urgent:
        line.seen_now = True
        line.seen_precedence = max(line.seen_precedence, *urgent)
        due = step.now.steady_ms + limits.COSIGN_WITHIN_S * 1000
        line.cosign_due_ms = min(line.cosign_due_ms or due, due)
    else:
        line.cosign_now = True
        due = step.now.steady_ms + line.charter.seen_within_s * 1000
        line.seen_due_ms = min(line.seen_due_ms or due, due)
    step.tell("received", line, member=log.id.member, log=log.id.word, size=log.size)


def _is_urgent(leaf: Leaf) -> bool:
    if leaf.kind == Kind.MARK:
        return False
    at_once = leaf.kind in (Kind.RESUME, Kind.ACCUSATION)  # spec/registry.md §2
    return at_once or leaf.precedence >= Precedence.IMMEDIATE
