"""Files for a courier as the core sees them: links that go one way (spec/bearer-courier.md §5).

Nobody answers while a file is written or read. So all in one is in full and names its log and
place, and what the other side holds is known from its signed words and its last file alone.
"""

from __future__ import annotations

from detente.core.cosigning import cosign, may_cosign
from detente.core.errors import LocalError, Refusal
from detente.core.events import Carry
from detente.core.fetching import ask_in_file
from detente.core.holding import coverable
from detente.core.judging import want_bodies
from detente.core.line import Line
from detente.core.link import Link, Session, Way
from detente.core.serving import enclose_recent
from detente.core.session import greet
from detente.core.speaking import sequence
from detente.core.station import Step

CHANNEL = 1  # of its one line, without a hello: the hello may be what was damaged


def begin(step: Step, given: Carry) -> Session:
    """A file of one line, from or to a member of it. LocalError UNKNOWN_LINE, UNKNOWN_PARTY, or
    NOT_ALLOWED for who is no member."""
    station, line = step.station, step.line(given.line)
    if given.party not in station.cards or given.party == station.party:
        raise LocalError(Refusal.UNKNOWN_PARTY, given.party.hex()[:16])
    member = line.charter.number_of(given.party)
    if member is None or line.left:
        raise LocalError(Refusal.NOT_ALLOWED, "not a member of this line")
    link = Link(given.link, given.party, wide=True, only=line.id, lines={CHANNEL: line.id})
    station.links[link.number] = link
    way = Way.OUT if given.out else Way.IN
    session = Session(link.number, member, CHANNEL, way=way, greeted=True, bare=given.bare)
    session.current = max((log for log in line.logs if log.member == member), default=None)
    line.sessions[link.number] = session
    return session


def address(step: Step, line: Line, session: Session) -> None:
    """What goes into a file to a member once its last one has been answered: our hello, with what
    is queued here already entered; every log that it is not known to hold, and our receipts; and
    questions about what is missing here, texts first."""
    said = 0 if line.mine is None else session.holds.get(line.mine, 0)
    known = None if session.current is None else line.logs.get(session.current)
    if known is not None and not session.mute:  # a mute node has lost some of what it once stated
        for log_id, size in known.stated.items():
            session.holds[log_id] = max(size, session.holds.get(log_id, 0))
    enclose_recent(line, session, said)
    logs = [log for log in line.logs.values() if log.size]
    for log in logs:
        theirs = log.id.member == session.member
        if session.mute or not theirs:
            session.sent.setdefault(log.id, 0)
        line.seen_now = line.seen_now or (log.id.member != line.me and log.called > log.covered)
    sequence(step, line)
    greet(step, line, step.station.links[session.link], answer=False)
    for log in logs:
        if log.missing:
            want_bodies(step, line, session, log)
        head = coverable(line, log) if log.id.member == session.member and log.called else None
        if head is not None and may_cosign(step, line):
            cosign(step, line, session, log, head)
    ask_in_file(step, line, session)
    line.touched = True


def rely_on_mark(line: Line) -> None:
    """The mark of a line is intact: the store has its root. That stands for a peer's hello where
    nobody can say one (F5), and a line that is mute stays so."""
    if not line.mute and line.own is not None:  # who joins has no mark yet
        line.awaits_hello = False
