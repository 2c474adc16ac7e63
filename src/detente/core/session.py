"""A session: one line on one link. The transition table, blind to role (spec/session.md §2, §4).

state      | hello          | any other frame        | link down
-----------|----------------|------------------------|----------
silent     | -> greeted     | refused OUT_OF_TURN    | gone
greeted    | greeted afresh | taken                  | gone

Who has left a line answers hellos there, gives what it is asked for, and takes nothing.
"""

from __future__ import annotations

from detente.core import limits
from detente.core.bodies import on_body
from detente.core.cosigning import ask_cosignature, on_cosign, on_quantum
from detente.core.disputes import give_up_late, on_show_proof, serve_proof, suspect
from detente.core.errors import PeerError, Refusal
from detente.core.events import Send
from detente.core.fetching import forget_chunks, on_chunks, on_chunks_refused
from detente.core.frames import (
    WANT_CHUNKS,
    WANT_FULL,
    Ahead,
    AskProof,
    Body,
    Chunks,
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
from detente.core.freezing import heads_to_come
from detente.core.holding import confirm, known_root
from detente.core.judging import want_bodies, want_lacked
from detente.core.leaf import LogId
from detente.core.line import Line
from detente.core.link import Link, Session, Way
from detente.core.log import Log
from detente.core.overtaking import on_ahead
from detente.core.quotas import MISSING_MAX, log_for
from detente.core.receiving import ask
from detente.core.restoring import judge_own_head
from detente.core.serving import on_want_chunks
from detente.core.speaking import stated
from detente.core.station import Step
from detente.core.streaming import on_got, on_refuse, on_want
from detente.core.transcript import Place

CHORES_EVERY_MS = 5000
HEADS_DECLINED_MAX = 64  # of thirds whose card we may not know, between two chores


# --- hello ------------------------------------------------------------------------------------


def greet(step: Step, line: Line, link: Link, *, answer: bool) -> None:
    """Says hello on a link: who we are on this line, what we hold. What we stream begins anew."""
    member = line.charter.number_of(link.party)
    if member is None or link.heard_only or link.only not in (b"", line.id):
        return
    session = line.sessions.get(link.number)
    if line.left and session is None:
        return  # it only answers
    if session is None:
        session = Session(link.number, member, wide=link.wide)
        line.sessions[link.number] = session
    first = line.id not in link.channels
    session.channel = link.channels.setdefault(line.id, len(link.channels) + 1)
    session.implied.clear()
    session.quantum_size = 0
    logs = [log for log in line.logs.values() if log.size][-limits.HEADS_MAX :]
    hello = Hello(
        line=line.id,
        member=line.me,
        mute=bool(line.mute) or line.left,
        answer=answer,
        nonce=step.entropy(16),
        current=line.mine,
        heads=tuple(stated(log) for log in logs),
    )
    # Nothing of this line may come before the first: on a slow bearer FLASH would overtake it.
    step.out.append(Send(link.number, encode_frame(session.channel, hello), urgent=first))
    now_ms = max(1, step.now.steady_ms)
    line.chores_due_ms = line.chores_due_ms or now_ms + CHORES_EVERY_MS


def greet_again(step: Step, line: Line) -> None:
    """Tells every member that is linked that our hello has changed."""
    line.greet_due = False
    for link in step.station.links.values():
        # A new member's hello was refused so far, and has to come again.
        greet(step, line, link, answer=link.number not in line.sessions)


def on_hello(step: Step, link: Link, channel: int, hello: Hello) -> None:
    """A peer's hello: opens its channel, says what it holds, and may show that we were restored."""
    line = step.station.lines.get(hello.line)
    member = None if line is None else line.charter.number_of(link.party)
    only = b"" if line is not None and line.left else hello.line  # who has left reads no files
    if line is None or member is None or link.only not in (b"", only):
        if len(link.unheard) < limits.CHANNELS_REFUSED_MAX:
            link.unheard.add(channel)
        raise PeerError(Refusal.UNKNOWN_LINE, hello.line.hex()[:16])
    if hello.member != member or channel == 0:
        raise PeerError(Refusal.NOT_ALLOWED, "a hello in another member's name")
    if hello.current is not None and hello.current.member != member:
        raise PeerError(Refusal.NOT_ALLOWED, "a hello with another member's log")
    if link.lines.get(channel, line.id) != line.id:
        raise PeerError(Refusal.NOT_ALLOWED, "a channel of another line")
    old = line.sessions.get(link.number) or Session(link.number, member)
    way = Way.HEARD if link.heard_only else old.way
    fresh = Session(link.number, member, old.channel, wide=link.wide, way=way, choked=old.choked)
    fresh.bare = old.bare
    fresh.sent = {log: at for log, at in old.sent.items() if log.member != line.me}  # asked for
    fresh.chunks_asked, fresh.chunks_due = old.chunks_asked, old.chunks_due
    # Who asks for a hello begins its session anew, and has forgotten what it asked for.
    fresh.chunks_owed = None if hello.answer else old.chunks_owed
    fresh.chunks_late, fresh.proofs_late = old.chunks_late, old.proofs_late
    line.sessions[link.number] = fresh
    link.lines = {known: id_ for known, id_ in link.lines.items() if id_ != line.id}
    link.lines[channel] = line.id
    link.unheard.discard(channel)
    fresh.greeted, fresh.mute, fresh.current = True, hello.mute, hello.current
    line.touched = line.heads_due = line.cosign_now = True
    line.charter_due = line.charter_due or bool(line.joining)
    if fresh.way is Way.LINK:
        _meet(step, line, link, fresh, hello)
    on_heads(step, line, fresh, hello.heads)


def _meet(step: Step, line: Line, link: Link, fresh: Session, hello: Hello) -> None:
    """A peer that is there now, and not in a file that it wrote once."""
    fresh.heard_ms = step.now.steady_ms
    line.awaits_hello = line.awaits_hello and line.left  # who comes back is judged first
    line.presence_due_ms = line.quiet_due_ms = 0
    if not fresh.channel or hello.answer:
        greet(step, line, link, answer=False)
    step.tell("greeted", line, member=fresh.member, mute=hello.mute)
    for log in line.logs.values():
        if log.id.member == line.me:
            fresh.sent[log.id] = 0


def on_heads(step: Step, line: Line, session: Session, heads: tuple[StatedHead, ...]) -> None:
    """What a peer states that it holds, each head signed by its author. One that is not is named
    and passed over; the peer is blamed only for its own log and for ours. Who has left asks for
    nothing and searches nothing: it notes what the peer holds, to leave that out."""
    if line.left:
        for head in heads:
            if known_root(line, head.head.log, head.head.size) == head.head.root:
                confirm(line, session, head.head.log, head.head.size)
        return
    blamed = False
    for head in heads:
        if _take_head(step, line, session, head):
            continue
        log_id = head.head.log
        if log_id.member in (line.me, session.member) or len(session.unsigned) > HEADS_DECLINED_MAX:
            blamed = True
        elif log_id not in session.unsigned:
            session.unsigned.add(log_id)
            step.decline(line, session, Refusal.BAD_SIGNATURE, log_id, head.head.size)
    catch_up(step, line, session)
    if blamed:
        raise PeerError(Refusal.BAD_SIGNATURE, "a stated head")


def _take_head(step: Step, line: Line, session: Session, head: StatedHead) -> bool:
    """One stated head: what they hold, what we lack, or a fork. False if its author did not sign
    it, as far as we know its key."""
    log_id, size, root = head.head
    if log_id in session.unsigned:
        return False
    ours = known_root(line, log_id, size)
    if ours == root:
        confirm(line, session, log_id, size)
        return True
    if log_id.member == line.me:
        if not judge_own_head(step, line, head, ours):
            return False
    else:
        log = line.logs.get(log_id) or step.station.new_log(line, log_id)
        if log is None or not log.verifies(size, root, head.signature):
            return False
        if ours is not None and suspect(step, line, session, log, head):
            return True
    if log_id in session.heads or len(session.heads) < limits.HEADS_MAX:
        if session.heads.get(log_id) != head:
            line.ask_anew()
        session.heads[log_id] = head
        session.shown_ms.setdefault(log_id, step.now.steady_ms)
    return True


def catch_up(step: Step, line: Line, session: Session) -> None:
    """Asks for what this peer holds and we do not. Its own log it sends by itself; a third's is
    asked for when its author is not here, or has not sent it within seconds."""
    for log_id, head in list(session.heads.items()):
        if not _is_wanted(step, line, session, log_id, head):
            continue
        try:
            log = log_for(step, line, log_id)
        except PeerError as error:
            step.decline(line, session, error.refusal, log_id)
            _let_go(session, log_id)
            continue
        # One of a revoked key that ends at 0 would be refused when it comes.
        if not log.closed() or log.id in line.accused:
            ask(step, session, log)


def _is_wanted(step: Step, line: Line, session: Session, log_id: LogId, head: StatedHead) -> bool:
    log = line.logs.get(log_id)
    if log is not None and log.size >= head.head.size:
        if _is_looked_at(step, line, session, log, head):
            _let_go(session, log_id)
        return False
    if log is not None and log.closed():
        return bool(heads_to_come(step.station, line, log, log.size))
    if log_id.member == session.member and not _is_revoked(step, line, log_id):
        return False
    late_ms = step.now.steady_ms - session.shown_ms.get(log_id, 0)
    return line.session_of(log_id.member) is None or late_ms > limits.RELAY_AFTER_S * 1000


def _let_go(session: Session, log_id: LogId) -> None:
    """A stated head is dealt with: its place is free for another."""
    del session.heads[log_id]
    session.shown_ms.pop(log_id, None)


def _is_revoked(step: Step, line: Line, log_id: LogId) -> bool:
    """Whether a log is of a revoked key. Its author sends one, too, that was refused at its end,
    only once it is asked again: the end rises while others' logs come."""
    log = line.logs.get(log_id) or step.station.new_log(line, log_id)
    return log is not None and log.key in step.station.revoked


def _is_looked_at(step: Step, line: Line, session: Session, log: Log, head: StatedHead) -> bool:
    """Whether a head no larger than what is held agrees with it, or is being searched. One that
    must wait for another search is kept, else that would hide where this one parts."""
    own = log.id.member == line.me  # judged when it was stated
    if known_root(line, log.id, head.head.size) == head.head.root:
        confirm(line, session, log.id, head.head.size)  # it may be asked for bodies from now on
        return True
    return own or suspect(step, line, session, log, head)


# --- the other frames -------------------------------------------------------------------------


def on_frame(step: Step, line: Line, session: Session, frame: Frame) -> None:
    """One frame of a greeted session. A peer's fault raises PeerError with its name."""
    match frame:
        case Cosign():
            on_cosign(step, line, session, frame)
        case Got():
            on_got(line, session, frame)
        case Want() if frame.what == WANT_CHUNKS:
            on_want_chunks(step, line, session, frame)
        case Want():
            on_want(step, line, session, frame)
        case Heads():
            on_heads(step, line, session, frame.heads)
        case Body():
            on_body(step, line, frame)
            _has_come(step, line, session, Place(frame.log, frame.index))
        case Ahead():
            on_ahead(step, line, session, frame)
        case Chunks():
            on_chunks(step, line, session, frame)
        case Refuse():
            on_chunks_refused(session, frame)
            on_refuse(step, line, session, frame)
        case Presence():
            session.presence = frame
            facts = {"on_duty": frame.on_duty, "lease_s": frame.lease_s}
            step.tell("presence", line, member=session.member, **facts)
        case Quantum():
            on_quantum(step, line, session, frame)
        case AskProof():
            serve_proof(step, line, session, frame)
        case ShowProof():
            on_show_proof(step, line, session, frame)
        case _:
            raise PeerError(Refusal.OUT_OF_TURN, "a frame of the link on a line")


# --- chores -----------------------------------------------------------------------------------


def chores_soon(step: Step, line: Line) -> None:
    """Something has happened: its chores are done within seconds."""
    if line.sessions:
        soon_ms = max(1, step.now.steady_ms) + CHORES_EVERY_MS
        line.chores_due_ms = min(line.chores_due_ms or soon_ms, soon_ms)


def chores(step: Step, line: Line) -> None:
    """Heartbeats, missing bodies, and logs to be had from another member: every few seconds while
    anything is outstanding, else with the heartbeats."""
    now_ms = max(1, step.now.steady_ms)
    line.chores_due_ms = 0
    if line.left:
        return
    if now_ms >= line.presence_due_ms:
        line.presence_due_ms = now_ms + limits.PRESENCE_EVERY_S * 1000
        _presence(step, line)
    give_up_late(step, line)
    for session in line.greeted():
        session.unsigned.clear()
        session.failed = 0
        _unchoke(step, line, session)
        _ask_again(step, line, session, now_ms)
        ask_cosignature(step, line, session)
    if _is_idle(line):
        line.chores_due_ms = line.presence_due_ms if line.sessions else 0
    else:
        line.touched = True
        chores_soon(step, line)


def _ask_again(step: Step, line: Line, session: Session, now_ms: int) -> None:
    """Asks again for entries and bodies that did not come, each time after twice as long, or who
    does not have them, or takes nothing in, would be asked for ever."""
    due = now_ms >= session.ask_due_ms
    if due:
        session.asked.clear()
    before = len(step.out)
    catch_up(step, line, session)
    _want_missing(step, line, session, now_ms, due=due)
    if due and len(step.out) > before:
        longest_ms = limits.ASK_AGAIN_S_MAX * 1000
        session.ask_wait_ms = min(2 * session.ask_wait_ms, longest_ms) or CHORES_EVERY_MS
        session.ask_due_ms = now_ms + session.ask_wait_ms


def _want_missing(step: Step, line: Line, session: Session, now_ms: int, *, due: bool) -> None:
    """Bodies that may yet come are asked for when that is ``due``; those that our log has named as
    lacking seldom, or one leaf whose author keeps its body would have all members ask for ever."""
    seldom = now_ms >= session.lacked_due_ms
    if seldom:
        session.lacked_open.clear()
        forget_chunks(line, session)
    for log in line.logs.values():
        if log.missing and _holds_some(session, log):
            if due:
                want_bodies(step, line, session, log)
            if seldom:
                want_lacked(step, line, session, log)
    if seldom:
        session.lacked_due_ms = now_ms + limits.LACKED_EVERY_S * 1000
        session.lacked_rounds += 1


def _holds_some(session: Session, log: Log) -> bool:
    """Whether a peer holds entries of a log as they are here: it confirmed some, or showed a head
    behind the end of a frozen one. That is never asked for, and so never confirmed; below the
    freeze both histories are one (spec/log.md §9)."""
    return session.holds.get(log.id, 0) > 0 or (log.closed() and log.id in session.heads)


def _has_come(step: Step, line: Line, session: Session, place: Place) -> None:
    """Who has sent every body of a round of those named as lacking is asked for more at once."""
    if place not in session.lacked_open:
        return
    session.lacked_open.remove(place)
    if not session.lacked_open:
        session.lacked_due_ms = 0
        session.lacked_rounds -= 1  # those behind have moved up to where these stood
        chores_soon(step, line)


def _is_idle(line: Line) -> bool:
    """Whether nothing is outstanding that only the passing of time would move."""
    if line.disputes:
        return False
    if line.may_sign() and (line.control or any(line.queue.by_precedence)):
        return False
    if any(log.missing.keys() - log.lacked for log in line.logs.values()):
        return False
    return not any(
        session.heads
        or session.unsigned
        or session.failed
        or session.asked_full
        or session.paused
        or session.uncosigned_ms
        for session in line.sessions.values()
    )


def _unchoke(step: Step, line: Line, session: Session) -> None:
    """A log that was declined for its missing bodies is asked for once there is room again."""
    for log_id in list(session.choked):
        log = line.logs[log_id]
        if len(log.missing) < MISSING_MAX:
            session.choked.discard(log_id)
            step.send(session, Want(WANT_FULL, log_id, log.size))


def _presence(step: Step, line: Line) -> None:
    """A heartbeat on every session, on slow links in every second round: leased, never entered in a
    log."""
    station, now_ms = step.station, step.now.steady_ms
    for session in line.greeted():
        if session.way is not Way.LINK or now_ms < session.beat_due_ms:
            continue
        slow = station.links[session.link].slow
        if slow:
            session.beat_due_ms = now_ms + limits.PRESENCE_SLOW_EVERY_S * 1000
        frame = Presence(
            station.on_duty,
            limits.PRESENCE_SLOW_LEASE_S if slow else limits.PRESENCE_LEASE_S,
            step.now.error_s,
            station.clock_source,
            station.disciplined_s,
            step.now.wall_s,
        )
        step.send(session, frame)
