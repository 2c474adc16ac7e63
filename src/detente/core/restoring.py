"""Coming back: noticing that this node was restored, staying mute, and the next incarnation (F5).

A node that lost its disk must never append to a log whose end it cannot know. It says so, stores
and shows what comes, and signs nothing until its officers adopt it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from detente.core.body import commit
from detente.core.errors import LocalError, Refusal
from detente.core.events import Draft, QueueOutbox, StoreFlags, StoreState, TakeOutbox
from detente.core.extras import Head, Resume
from detente.core.frames import StatedHead
from detente.core.leaf import LIFE_BYTES, Kind, Leaf, LogId, Precedence
from detente.core.line import Line, Queue
from detente.core.log import Log
from detente.core.speaking import append, loaded
from detente.core.station import Step, fall_mute
from detente.core.transcript import Entry

# A draft and the entry that it became, as far as they can be compared.
Likeness = tuple[object, ...]


def judge_own_head(step: Step, line: Line, theirs: StatedHead, root: bytes | None) -> bool:
    """A head of one of our own logs that we do not hold, believed only with our own signature.

    ``root`` is ours at its size, if we hold so much. False if the signature is not ours.
    """
    log_id = theirs.head.log
    log = line.logs.get(log_id) or step.station.new_log(line, log_id)
    if log is None or not log.verifies(theirs.head.size, theirs.head.root, theirs.signature):
        step.tell("false-own-head", line, log=log_id.word)
        return False
    if root is not None and log_id != line.mine:
        step.tell("own-log-differs", line, log=log_id.word)
    else:
        judge_own_log(step, line, log)
    return True


def judge_own_log(step: Step, line: Line, log: Log) -> None:
    """Something signed by us has come back that we did not hold. Of the current log, of a later
    one, or of any beside a log that is not a resumed one, it means that we were restored."""
    mine = line.mine
    if line.mute:
        return
    if mine is None:
        fall_mute(step, line, "a peer shows a log of ours that we do not hold")
    elif log.id == mine:
        fall_mute(step, line, "a peer shows more of our own log than we hold")
    elif log.id.k > mine.k or not mine.life:
        fall_mute(step, line, "a peer shows an incarnation of ours that we do not know")
    elif log.id.k == mine.k:
        step.tell("own-log-concurrent", line, log=log.id.word)


# --- adoption -----------------------------------------------------------------------------------


def check_adopt(step: Step, line: Line, k: int) -> None:
    """LocalError NOT_ALLOWED unless ``k`` is above every incarnation of ours known here, our card
    lists its keys and the keyring holds them; REVOKED where its log key is."""
    highest = max((log.k for log in line.logs if log.member == line.me), default=-1)
    if k <= highest:
        raise LocalError(Refusal.NOT_ALLOWED, f"incarnation {highest} is known; adopt a higher one")
    log = step.station.new_log(line, LogId(line.me, k, b""))
    if step.station.keys.k != k or log is None:
        raise LocalError(Refusal.NOT_ALLOWED, f"key pair {k} is not loaded, or not in our card")
    if log.key in step.station.revoked:
        raise LocalError(Refusal.REVOKED, f"log key {k}; adopt a higher incarnation")


def adopt(step: Step, line: Line, k: int) -> None:
    """Begins incarnation ``k`` with a `resume` that names every log of ours and all we hold.

    ``check_adopt`` has passed. Everything others said is covered and cosigned anew.
    """
    known = sorted(log for log in line.logs if log.member == line.me)
    life = step.entropy(LIFE_BYTES)
    log = step.station.new_log(line, LogId(line.me, k, life))
    assert log is not None  # noqa: S101  # check_adopt
    logs = [line.logs[old] for old in known]
    heads = tuple(Head(old.id, old.size, old.root) for old in logs if old.size)
    line.logs[log.id] = log
    line.mine = log.id
    line.mute, line.awaits_hello, line.quantum = "", False, None
    line.cosigned_by.clear()  # of the log before: quoted as of this one they would be false
    line.greet_due = line.touched = line.cosign_now = True
    line.charter_due = line.charter_due or bool(line.joining)
    step.out.append(StoreFlags(line.id, ""))
    stream_anew(line, log.id)
    for other in line.logs.values():
        if other.id.member != line.me:
            other.covered = other.cosigned = 0
            step.out.append(StoreState(line.id, other.id, other.encode()))
    _hold_back(step, line)
    resume = Draft(
        kind=Kind.RESUME,
        audience=line.everyone(),
        precedence=Precedence.IMMEDIATE,
        extra=Resume(k, life, heads).encode(),
    )
    append(step, line, [resume])
    step.tell("adopted", line, k=k)


def stream_anew(line: Line, log_id: LogId) -> None:
    """Who is linked is streamed a log of ours that was not here at its hello, from its beginning:
    nobody asks an author for what it says itself (spec/session.md §4)."""
    for session in line.sessions.values():
        session.sent[log_id] = 0


def _hold_back(step: Step, line: Line) -> None:
    """Outbox rows wait for a person; those that a peer already holds are done."""
    rows = [loaded(line, row) for row in line.queue.rows.values()]
    entered = _entered(line, {row.draft.kind for row in rows})
    line.queue = Queue(next_number=line.queue.next_number)
    done = []
    for row in rows:
        if _of_draft(row.draft) in entered:
            done.append(row.number)
            continue
        line.queue.rows[row.number] = held = row._replace(awaits_release=True)
        step.out.append(QueueOutbox(line.id, held))
    if done:
        step.out.append(TakeOutbox(line.id, tuple(done)))


def is_entered(line: Line, draft: Draft) -> bool:
    """Whether what a row says stands in one of our logs: one party's equal commitments, or equal
    statements without a body, are one dispatch."""
    return _of_draft(draft) in _entered(line, {draft.kind})


def drop_entered(step: Step, line: Line, entries: Sequence[Entry]) -> None:
    """An entry of ours that comes back after the adoption takes its row out of the outbox."""
    came = {_of_leaf(entry.leaf) for entry in entries if entry.leaf is not None}
    done = [
        number
        for number, row in line.queue.rows.items()
        if row.awaits_release and _of_draft(loaded(line, row).draft) in came
    ]
    for number in done:
        del line.queue.rows[number]
    if done:
        step.out.append(TakeOutbox(line.id, tuple(done)))


def _entered(line: Line, kinds: Iterable[int]) -> set[Likeness]:
    found = set()
    for place in line.shelf.of_kind(sorted(kinds)):
        leaf = line.shelf.entry(*place).leaf if place.log.member == line.me else None
        if leaf is not None:
            found.add(_of_leaf(leaf))
    return found


def _of_leaf(leaf: Leaf) -> Likeness:
    if leaf.commitment is not None:
        return leaf.kind, leaf.commitment
    return leaf.kind, leaf.audience, leaf.refs, leaf.extra, leaf.release


def _of_draft(draft: Draft) -> Likeness:
    if draft.body is not None:
        return draft.kind, commit(draft.salt, draft.body)
    return draft.kind, draft.audience, draft.refs, draft.extra, draft.release
