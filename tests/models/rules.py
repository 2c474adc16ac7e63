"""What must hold in every state of a search, and when everything has come to rest."""

from __future__ import annotations

from itertools import combinations

from models.table import BrokenError, State, Table, peer_of
from pair import End, heads

from detente.core import events
from detente.core.decisions import Standing, state_of_offer
from detente.core.decisions import State as Decision
from detente.core.encoding import Reader
from detente.core.frames import Cosign, Got, Quantum, read_frame
from detente.core.freezing import frozen_logs
from detente.core.leaf import Kind, LogId, Seen
from detente.core.protocol import BLAMELESS
from detente.core.wire import ENTRIES, read_tag

# What nobody may ever hear of an honest party, and what is not heard while all are honest.
ACCUSING = frozenset(
    {"fork-suspected", "fork-proven", "accusation-unproven", "false-quote", "void"}
)
ALARMS = frozenset({"seen-contradicts", "false-own-head", "own-log-differs"})
HARMLESS = frozenset(refusal.word for refusal in BLAMELESS)


def check_step(before: State, table: Table) -> None:
    """Every rule of one step, for the ends it has touched."""
    for end, effect in table.said:
        if isinstance(effect, events.StoreEntries) and effect.own:
            _check_own(before, end, effect)
        elif isinstance(effect, events.StoreCosignature):
            if effect.member == end.line.me and effect.log.member != effect.member:
                _must_hold(end, effect.log, effect.size, "cosigned")
        elif isinstance(effect, events.Tell):
            _check_tell(table.state, end, effect)
        elif isinstance(effect, events.CloseLink):
            raise BrokenError(f"{end.name} closes a link to an honest party")
    for end, frame in table.spoken:
        _check_frame(before, end, frame)
    for name, end in table.touched.items():
        if end.station.lines:
            _check_accused(table.state, end)
            _check_finals(table.state, name, end)
            for other in table.state.ends.values():
                if other.name != name and other.station.lines:
                    _check_agree(table.state, end, other)


def _was_mute(before: State, end: End) -> str:
    old = before.ends[end.name]
    return old.line.mute if old.station.lines else ""


def _check_own(before: State, end: End, effect: events.StoreEntries) -> None:
    first = effect.entries[0].entry
    begins = first.place.index == 0 and first.leaf is not None and first.leaf.kind == Kind.RESUME
    mute = _was_mute(before, end)
    if mute and not begins and effect.log in before.ends[end.name].line.logs:
        raise BrokenError(f"{end.name} is mute and signs: {mute}")
    for new in effect.entries:
        leaf = new.entry.leaf
        if leaf is None:
            raise BrokenError(f"{end.name} enters a void leaf")
        for seen in leaf.seen:
            _must_hold(end, seen.log, seen.size, "stated as seen", seen)
        if leaf.kind == Kind.HELD_AHEAD:
            shelf = end.shelf(end.line.id)
            known = {ahead.entry.hash for ahead in shelf.held_ahead.values()}
            if leaf.refs[0] not in known and shelf.find(leaf.refs[0]) is None:
                raise BrokenError(f"{end.name} receipted an entry ahead that is not stored")


def _must_hold(end: End, log: LogId, size: int, what: str, seen: Seen | None = None) -> None:
    shelf = end.shelf(end.line.id)
    if shelf.size(log) < size:
        raise BrokenError(f"{end.name} {what} {size} of {log}, and has stored {shelf.size(log)}")
    if seen is not None and shelf.root_at(log, size) != seen.root:
        raise BrokenError(f"{end.name} {what} another root of {log} at {size} than it has stored")
    lacked = end.line.logs[log].lacked if log in end.line.logs else set()
    for entry in shelf.entries(log, 0, size):
        leaf = entry.leaf
        if leaf is None or leaf.commitment is None or entry.purged:
            continue
        owed = end.line.entitled(leaf, log.member, end.line.me)
        if owed and entry.body is None and entry.place.index not in lacked:
            raise BrokenError(f"{end.name} {what} a body of {log} that is not stored")


def _check_frame(before: State, end: End, frame: bytes) -> None:
    reader = Reader(frame)
    kind, _ = read_tag(reader)
    if kind == ENTRIES:
        return
    said = read_frame(kind, reader)
    if isinstance(said, Got) and end.shelf(end.line.id).size(said.log) < said.size:
        raise BrokenError(f"{end.name} confirms {said.size} of {said.log} before it is stored")
    if isinstance(said, Cosign | Quantum) and _was_mute(before, end) and end.line.mute:
        raise BrokenError(f"{end.name} is mute and cosigns")


def _check_tell(state: State, end: End, tell: events.Tell) -> None:
    about = tell.facts.get("member")
    if about is not None and state.names[int(str(about))] not in state.ends:
        return  # of the dishonest one anything may be heard
    if tell.word in ACCUSING:
        raise BrokenError(f"{end.name} hears {tell.word} of {about}")
    link = tell.facts.get("link")
    blamed = link is not None and peer_of(end.name, int(str(link)), state) in state.ends
    if tell.word == "refused" and blamed and str(tell.facts["refusal"]) not in HARMLESS:
        raise BrokenError(f"{end.name} refuses a frame: {tell.facts}")
    if tell.word in ALARMS and len(state.names) == len(state.ends):
        raise BrokenError(f"{end.name} hears {tell.word} of {about}")


def _check_accused(state: State, end: End) -> None:
    for log in set(end.line.accused) | {
        log.id for log in end.line.logs.values() if log.frozen >= 0
    }:
        if state.names[log.member] in state.ends:
            raise BrokenError(f"{end.name} has accused {state.names[log.member]}, who is honest")


def _check_agree(state: State, one: End, other: End) -> None:
    """What both hold of an honest party's log is the same."""
    for log in set(one.line.logs) & set(other.line.logs):
        if state.names[log.member] not in state.ends:
            continue
        mine, theirs = one.line.logs[log], other.line.logs[log]
        sizes = [mine.size, theirs.size, *(at for at in (mine.frozen, theirs.frozen) if at >= 0)]
        shelves = one.shelf(one.line.id), other.shelf(other.line.id)
        if min(sizes) and len({shelf.root_at(log, min(sizes)) for shelf in shelves}) > 1:
            raise BrokenError(f"{one.name} and {other.name} hold two histories of {log}")


def standings(end: End) -> dict[bytes, Standing]:
    """What an end shows of every offer it holds."""
    shelf = end.shelf(end.line.id)
    frozen = frozen_logs(end.station, end.line)
    now_s = end.world.now().wall_s
    return {
        shelf.entry(*place).hash: state_of_offer(shelf, place, now_s, frozen=frozen)
        for place in shelf.of_kind([Kind.OFFER])
    }


def _check_finals(state: State, name: str, end: End) -> None:
    shown = standings(end)
    final = {offer for offer, standing in shown.items() if standing.state is Decision.FINAL}
    undone = state.final[name] - final
    if undone:
        states = [shown[offer].state.value for offer in undone if offer in shown]
        raise BrokenError(f"{name} has un-sealed what was final: {states}")
    state.final[name] = frozenset(final)
    for offer, standing in shown.items():
        bound = any(offer in known for known in state.final.values())
        if bound and standing.state in (Decision.WITHDRAWN, Decision.VOID):
            raise BrokenError(f"final for one, and {standing.state.value} for {name}")


def check_rest(state: State) -> None:
    """All is delivered, the links are up, and time has passed: everybody holds and shows the
    same, everything that calls for a receipt has one, and nothing waits."""
    ends = [end for end in state.ends.values() if end.station.lines]
    for end in ends:
        if end.line.queue.rows or end.line.control:
            raise BrokenError(f"{end.name} still has something to say")
        if end.line.mute:
            raise BrokenError(f"{end.name} is still mute: {end.line.mute}")
        for log in end.line.logs.values():
            if log.id.member != end.line.me and log.frozen < 0 and log.covered < log.called:
                raise BrokenError(f"{end.name} never receipted {log.id} beyond {log.covered}")
    for one, other in combinations(ends, 2):
        if _unfrozen(one) != _unfrozen(other):
            raise BrokenError(f"{one.name} and {other.name} do not come to hold the same")
        mine, theirs = standings(one), standings(other)
        if {k: s.state for k, s in mine.items()} != {k: s.state for k, s in theirs.items()}:
            raise BrokenError(f"{one.name} and {other.name} show different states of an offer")
        if one.line.charter != other.line.charter:
            raise BrokenError(f"{one.name} and {other.name} are under different charters")


def _unfrozen(end: End) -> dict[LogId, tuple[int, bytes]]:
    return {log: head for log, head in heads(end).items() if end.line.logs[log].frozen < 0}
