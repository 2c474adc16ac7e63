"""Coming back: noticing that this node was restored, staying mute, and the next incarnation (F5).

A node that lost its disk must never append to a log whose end it cannot know. It says so, stores
and shows what comes, and signs nothing until its officers adopt it.
"""

from __future__ import annotations

from dataclasses import replace

from detente.core.body import commit
from detente.core.errors import LocalError, Refusal
from detente.core.events import Draft, QueueOutbox, SignedHead, StoreFlags, TakeOutbox, Tell
from detente.core.extras import Head, Resume
from detente.core.frames import StatedHead
from detente.core.leaf import LIFE_BYTES, Kind, LogId, Precedence
from detente.core.log import Log
from detente.core.speaking import append, everyone
from detente.core.station import Line, Queue, Step


def fall_mute(step: Step, line: Line, reason: str) -> None:
    """From now on this line signs nothing; the reason survives a restart."""
    if line.mute:
        return
    line.mute = reason
    line.control.clear()
    step.out.append(StoreFlags(line.id, reason))
    step.out.append(Tell("mute", line.id, {"reason": reason}))


def show_own_head(step: Step, line: Line, log: Log, head: SignedHead | None) -> None:
    """A peer shows a signed end of our own log that we do not hold: we were restored."""
    reason = (
        "a peer shows an own log this node lacks"
        if head is None
        else ("a peer shows an own head this node lacks")
    )
    fall_mute(step, line, reason)


def judge_own_head(step: Step, line: Line, stated: StatedHead, root: bytes | None) -> None:
    """A head of one of our own logs in a hello: believed only with our own signature on it."""
    log_id = stated.head.log
    log = line.logs.get(log_id) or step.station.new_log(line, log_id)
    if log is None or not log.verifies(stated.head.size, stated.head.root, stated.signature):
        step.out.append(Tell("false-own-head", line.id, {"log": log_id.word}))
        return
    if log_id not in line.logs:
        fall_mute(step, line, "a peer shows an incarnation of ours this node does not know")
    elif stated.head.size > log.size:
        fall_mute(step, line, "a peer shows an own head this node lacks")
    elif root != stated.head.root:
        fall_mute(step, line, "a peer shows an own head that differs from this node's")


def adopt(step: Step, line: Line, k: int) -> None:
    """Begins incarnation ``k`` with a `resume` that names every log of ours and all we hold.

    LocalError NOT_ALLOWED if ``k`` is not above every incarnation of ours known here.
    """
    known = [log for log in line.logs.values() if log.id.member == line.me]
    if not known:
        return  # nothing was ever signed here: the line begins as any other
    highest = max(log.id.k for log in known)
    if k <= highest and not all(log.id.k < k for log in known):
        raise LocalError(Refusal.NOT_ALLOWED, f"incarnation {highest} is known; adopt a higher one")
    life = step.entropy(LIFE_BYTES)
    log = step.station.new_log(line, LogId(line.me, k, life))
    if log is None:
        raise LocalError(Refusal.NOT_ALLOWED, f"our card lists no key pair {k}")
    heads = tuple(Head(own.id, own.size, own.root) for own in known if own.size)
    line.logs[log.id] = log
    line.mine = log.id
    line.mute = ""
    line.awaits_hello = False
    step.out.append(StoreFlags(line.id, ""))
    for other in line.logs.values():
        other.covered = 0 if other.id.member != line.me else other.covered
        other.cosigned = 0
    _hold_back(step, line)
    extra = Resume(k, life, heads).encode()
    draft = Draft(
        kind=Kind.RESUME, audience=everyone(line), precedence=Precedence.IMMEDIATE, extra=extra
    )
    append(step, line, [draft])
    for session in line.sessions.values():
        session.sent[log.id] = 0
        for own in known:
            session.sent.setdefault(own.id, session.holds.get(own.id, 0))
    step.out.append(Tell("adopted", line.id, {"k": k}))


def _hold_back(step: Step, line: Line) -> None:
    """Outbox rows wait for a person; those that a peer already holds are done."""
    rows = list(line.queue.rows.values())
    line.queue = Queue(next_number=line.queue.next_number)
    for row in rows:
        draft = row.draft if row.draft.kind >= 0 else line.shelf.outbox_draft(row.number)
        if _entered(line, draft):
            step.out.append(TakeOutbox(line.id, (row.number,)))
            continue
        held = replace(row, draft=draft, awaits_release=True)
        line.queue.rows[row.number] = held
        step.out.append(QueueOutbox(line.id, held))


def _entered(line: Line, draft: Draft) -> bool:
    """One party's equal commitments are one dispatch."""
    if draft.body is None:
        return False
    wanted = commit(draft.salt, draft.body)
    for place in line.shelf.of_kind([draft.kind]):
        if place.log.member == line.me:
            leaf = line.shelf.entry(place.log, place.index).leaf
            if leaf is not None and leaf.commitment == wanted:
                return True
    return False
