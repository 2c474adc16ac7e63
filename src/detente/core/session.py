"""A session: one line on one link. The transition table, blind to role (spec/session.md §2, §4).

state      | hello          | any other frame        | link down
-----------|----------------|------------------------|----------
silent     | -> greeted     | refused UNKNOWN_LINE   | gone
greeted    | greeted afresh | taken                  | gone
"""

from __future__ import annotations

from contextlib import suppress

from detente.core import limits
from detente.core.body import commit
from detente.core.disputes import on_show_proof, serve_proof, suspect
from detente.core.encoding import malformed
from detente.core.errors import PeerError, Refusal
from detente.core.events import Send, StoreCosignature, Tell
from detente.core.frames import (
    WANT_BODY,
    WANT_COSIGNATURE,
    WANT_ENTRIES,
    WANT_FULL,
    Ahead,
    AskProof,
    Body,
    Cosign,
    Frame,
    Got,
    Heads,
    Hello,
    Presence,
    Quantum,
    Refuse,
    ShowProof,
    StatedHead,
    Want,
    encode_frame,
)
from detente.core.identity import author_name, holds_pq_name
from detente.core.notes import verify_cosignature_ed25519, verify_cosignature_mldsa44
from detente.core.receiving import ask, known_root, on_ahead, on_body
from detente.core.restoring import judge_own_head
from detente.core.speaking import cosign, coverable, presence, send, stated, tell
from detente.core.station import Line, Link, Session, Step

CHORES_EVERY_MS = 5000


# --- hello ------------------------------------------------------------------------------------


def greet(step: Step, line: Line, link: Link, *, answer: bool) -> None:
    """Says hello on a link: who we are on this line and what we hold."""
    member = line.charter.number_of(link.party)
    if member is None:
        return
    session = line.sessions.get(link.number)
    if session is None:
        session = Session(link.number, member)
        line.sessions[link.number] = session
    if not session.channel:
        session.channel = link.next_channel
        link.next_channel += 1
    logs = [log for log in line.logs.values() if log.size][: limits.HEADS_MAX]
    hello = Hello(
        line=line.id,
        member=line.me,
        mute=bool(line.mute),
        answer=answer,
        nonce=step.entropy(16),
        current=line.mine,
        heads=tuple(stated(log) for log in logs),
    )
    step.out.append(Send(link.number, encode_frame(session.channel, hello)))
    if not line.chores_due_ms:
        line.chores_due_ms = step.now.steady_ms + CHORES_EVERY_MS


def on_hello(step: Step, link: Link, channel: int, hello: Hello) -> None:
    """A peer's hello: opens its channel, says what it holds, and may show that we were restored."""
    line = step.station.lines.get(hello.line)
    member = None if line is None else line.charter.number_of(link.party)
    if line is None or member is None:
        raise PeerError(Refusal.UNKNOWN_LINE, hello.line.hex()[:16])
    if hello.member != member or channel == 0:
        raise PeerError(Refusal.NOT_ALLOWED, "a hello in another member's name")
    if hello.current is not None and hello.current.member != member:
        raise PeerError(Refusal.NOT_ALLOWED, "a hello with another member's log")
    session = line.sessions.get(link.number)
    if session is None:
        session = Session(link.number, member)
        line.sessions[link.number] = session
    old = session.channel
    line.sessions[link.number] = fresh = Session(link.number, member, old)
    link.lines[channel] = line.id
    fresh.greeted = True
    fresh.mute = hello.mute
    fresh.current = hello.current
    fresh.heard_ms = step.now.steady_ms
    line.touched = True
    if not old or hello.answer:
        greet(step, line, link, answer=False)
    for head in hello.heads:
        _take_head(step, line, fresh, head)
    line.awaits_hello = False
    for log in line.logs.values():
        if log.id.member == line.me:
            fresh.sent.setdefault(log.id, min(fresh.holds.get(log.id, 0), log.size))
    _catch_up(step, line, fresh)
    tell(step, "greeted", line, member=member, mute=hello.mute)


def _take_head(step: Step, line: Line, session: Session, head: StatedHead) -> None:
    """One stated head: what they hold, what we lack, or a fork."""
    log_id, size, root = head.head
    log = line.logs.get(log_id)
    ours = known_root(line, log_id, size)
    if log_id.member == line.me and (ours is None or ours != root):
        judge_own_head(step, line, head, ours)
    if ours == root:
        session.holds[log_id] = max(session.holds.get(log_id, 0), size)
        return
    session.heads[log_id] = head
    if ours is None:
        return
    assert log is not None  # noqa: S101  # a root is known, so the log is
    if log_id.member != line.me:
        suspect(step, line, session, log, head)


def _catch_up(step: Step, line: Line, session: Session) -> None:
    """Asks for what this peer holds and we do not. Its own log it sends by itself."""
    for log_id, head in list(session.heads.items()):
        log = line.logs.get(log_id) or step.station.new_log(line, log_id)
        if log is None or log.size >= head.head.size or log_id in line.accused:
            continue
        author = line.session_of(log_id.member)
        if log_id.member == session.member or (author is not None and not _stale(step, author)):
            continue
        ask(step, line, session, log)


def _stale(step: Step, session: Session) -> bool:
    return step.now.steady_ms - session.heard_ms > limits.RELAY_AFTER_S * 1000


# --- the other frames -------------------------------------------------------------------------


def on_frame(step: Step, line: Line, session: Session, frame: Frame) -> None:
    """One frame of a greeted session. A peer's fault raises PeerError with its name."""
    if isinstance(frame, Cosign):
        _on_cosign(step, line, session, frame)
    elif isinstance(frame, Got):
        _on_got(line, session, frame)
    elif isinstance(frame, Want):
        _on_want(step, line, session, frame)
    elif isinstance(frame, Heads):
        for head in frame.heads:
            _take_head(step, line, session, head)
        _catch_up(step, line, session)
    elif isinstance(frame, Body):
        on_body(step, line, session, frame)
    elif isinstance(frame, Ahead):
        on_ahead(step, line, session, frame)
    elif isinstance(frame, Refuse):
        _on_refuse(step, line, session, frame)
    elif isinstance(frame, Presence):
        session.presence = frame
        tell(step, "presence", line, member=session.member, on_duty=frame.on_duty)
    elif isinstance(frame, Quantum):
        _on_quantum(step, line, session, frame)
    elif isinstance(frame, AskProof):
        serve_proof(step, line, session, frame)
    elif isinstance(frame, ShowProof):
        on_show_proof(step, line, session, frame)
    else:
        raise PeerError(Refusal.OUT_OF_TURN, "a frame of the link on a line")


def _on_cosign(step: Step, line: Line, session: Session, frame: Cosign) -> None:
    log_id = frame.log or line.mine
    log = None if log_id is None else line.logs.get(log_id)
    if log is None or not 0 < frame.size <= log.size or session.current is None:
        raise PeerError(Refusal.NOT_HELD, "a cosignature on a head that is not held here")
    key = step.station.holds_key(line, session.member, session.current.k)
    root = known_root(line, log.id, frame.size)
    if key is None or root is None:
        raise PeerError(Refusal.UNKNOWN_PARTY, "no holds key")
    last = log.recent.get(frame.size - 1) or line.shelf.entry(log.id, frame.size - 1)
    time_s = (0 if last.leaf is None else last.leaf.time_s) + frame.late_s
    if not 0 <= time_s < 1 << 40:
        raise malformed("time of a cosignature")
    name, public = key
    checkpoint = log.checkpoint(frame.size, root)
    if not verify_cosignature_ed25519(checkpoint, public, time_s, frame.signature):
        raise PeerError(Refusal.BAD_SIGNATURE, "cosignature")
    session.holds[log.id] = max(session.holds.get(log.id, 0), frame.size)
    step.out.append(
        StoreCosignature(line.id, log.id, frame.size, name, session.member, time_s, frame.signature)
    )
    tell(step, "cosigned", line, member=session.member, size=frame.size)


def _on_got(line: Line, session: Session, frame: Got) -> None:
    log = line.logs.get(frame.log)
    if log is None or frame.size > log.size:
        raise PeerError(Refusal.NOT_HELD, "a size that is not held here")
    session.holds[log.id] = max(session.holds.get(log.id, 0), frame.size)


def _on_want(step: Step, line: Line, session: Session, frame: Want) -> None:
    log = line.logs.get(frame.log)
    if log is None or frame.index > log.size:
        raise PeerError(Refusal.NOT_HELD, "entries that are not held here")
    if frame.what in (WANT_ENTRIES, WANT_FULL):
        session.sent[log.id] = frame.index
        session.implied.pop(log.id, None)
        session.holds[log.id] = min(session.holds.get(log.id, 0), frame.index)
        if frame.what == WANT_FULL:
            session.full.add(log.id)
        return
    if frame.what == WANT_COSIGNATURE:
        head = coverable(line, log)
        if head is not None and not line.mute and line.reads(line.me):
            cosign(step, line, log, head)
        return
    entry = line.shelf.entry(log.id, frame.index)
    if entry.leaf is None or not entry.leaf.reads(session.member):
        raise PeerError(Refusal.NOT_IN_AUDIENCE, f"entry {frame.index}")
    if entry.body is None or entry.salt is None:
        refusal = Refusal.PURGED if entry.purged else Refusal.NOT_HELD
        raise PeerError(refusal, f"entry {frame.index}", log=log.id, index=frame.index)
    send(step, session, Body(log.id, frame.index, entry.salt, entry.body))


def _on_refuse(step: Step, line: Line, session: Session, frame: Refuse) -> None:
    facts = {"member": session.member, "refusal": frame.refusal.word}
    step.out.append(Tell("refused-by-peer", line.id, facts))
    if frame.refusal == Refusal.OVER_QUOTA and frame.log is not None:
        left_s = 86_400 - step.now.wall_s % 86_400
        session.paused_until_ms = step.now.steady_ms + left_s * 1000 + 1
        session.sent[frame.log] = frame.index
        session.implied.pop(frame.log, None)


def _on_quantum(step: Step, line: Line, session: Session, frame: Quantum) -> None:
    """ML-DSA-44 by the author of the log, or as a holder by the member who sends it."""
    log = line.logs.get(frame.log)
    root = None if log is None else known_root(line, log.id, frame.size)
    if log is None or root is None:
        if len(session.quantum) < limits.HEADS_MAX:
            session.quantum[frame.log] = frame  # on a head still under way: looked at again
        return
    members = [line.charter.member(log.id.member), line.charter.member(session.member)]
    checkpoint = log.checkpoint(frame.size, root)
    for member in members:
        card = None if member is None else step.station.cards.get(member.party)
        if member is None or card is None:
            continue
        by_author = member.number == log.id.member
        name = author_name(member.party) if by_author else holds_pq_name(member.party)
        public = card.log_mldsa44 if by_author else card.holds_mldsa44
        if verify_cosignature_mldsa44(name, checkpoint, public, frame.time_s, frame.signature):
            step.out.append(
                StoreCosignature(
                    line.id,
                    log.id,
                    frame.size,
                    name,
                    member.number,
                    frame.time_s,
                    frame.signature,
                )
            )
            tell(step, "quantum", line, member=member.number, size=frame.size)
            return
    raise PeerError(Refusal.BAD_SIGNATURE, "ML-DSA cosignature")


def quantum_again(step: Step, line: Line) -> None:
    """Looks again at ML-DSA signatures that came before the entries they cover."""
    for session in line.sessions.values():
        for log_id, frame in list(session.quantum.items()):
            log = line.logs.get(log_id)
            if log is not None and log.size >= frame.size:
                del session.quantum[log_id]
                with suppress(PeerError):  # a false one proves nothing and costs nothing more
                    _on_quantum(step, line, session, frame)


# --- chores -----------------------------------------------------------------------------------


def chores(step: Step, line: Line) -> None:
    """Every few seconds: heartbeats, missing bodies, and logs to be had from another member."""
    now_ms = step.now.steady_ms
    line.chores_due_ms = now_ms + CHORES_EVERY_MS if line.sessions else 0
    if now_ms >= line.presence_due_ms:
        line.presence_due_ms = now_ms + limits.PRESENCE_EVERY_S * 1000
        presence(step, line)
    for session in line.sessions.values():
        if not session.greeted:
            continue
        session.asked.clear()
        _catch_up(step, line, session)
        for log in line.logs.values():
            for index in list(log.missing)[:16]:
                if session.holds.get(log.id, 0) > index:
                    send(step, session, Want(WANT_BODY, log.id, index))


def line_of(charter_text: bytes) -> bytes:
    """The id of the line that a first charter opens."""
    return commit(bytes(16), charter_text)
