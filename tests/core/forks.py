"""Two histories under one key, for the tests of the search and of what is entered."""

from __future__ import annotations

from itertools import count

from core.lineage import LogBuilder, party
from liar import Liar, stated
from pair import End, World

from detente.core import events, notes
from detente.core.accusation import Finding, Form, Verdict, check, make_leaves
from detente.core.body import unpack
from detente.core.extras import Accused, decode_accused
from detente.core.frames import Heads
from detente.core.leaf import Kind, LogId
from detente.core.proof import CardKeys

THREE = ("alpha", "bravo", "charlie")
CHARLIE = LogId(2, 0, b"")

_said = count(1)


def forked(liar: Liar, at: int, ours: int, theirs: int) -> tuple[LogBuilder, LogBuilder]:
    """Two logs of the liar, of these sizes, that part at an index."""
    while liar.log.size < at:
        liar.say(f"shared {liar.log.size}")
    other = liar.log.fork(at)
    while liar.log.size < ours:
        liar.say(f"to one {liar.log.size}")
    return liar.log, grown(liar, other, theirs)


def grown(liar: Liar, log: LogBuilder, size: int) -> LogBuilder:
    """A log of the liar, filled up to a size with what stands in no other one."""
    while log.size < size:
        liar.say(f"said nowhere else: {next(_said)}", log)
    return log


def tell(liar: Liar, name: str, log: LogBuilder) -> int:
    """A link to a real end, on which the liar sends a log of his."""
    link = liar.greet(name, log=log)
    liar.entries(link, log)
    liar.world.run()
    return link


def split(at: int, ours: int, theirs: int) -> tuple[World, Liar, LogBuilder]:
    """Alpha follows one history of charlie's, bravo another; they are not linked yet."""
    world = World(names=THREE)
    world.open("alpha")
    world.open("bravo")
    charlie = Liar(world, "charlie")
    one, other = forked(charlie, at, ours, theirs)
    tell(charlie, "alpha", one)
    tell(charlie, "bravo", other)
    return world, charlie, other


def shown(at: int, ours: int, theirs: int) -> tuple[Liar, Liar, End, int, LogBuilder]:
    """Alpha holds one log of charlie's, who is not linked; bravo, also a liar, has relayed it and
    states the head of another one."""
    world = World(names=THREE)
    world.open("alpha")
    charlie, bravo = Liar(world, "charlie"), Liar(world, "bravo")
    one, other = forked(charlie, at, ours, theirs)
    link = bravo.greet("alpha")
    bravo.entries(link, one)
    bravo.entries(link)
    world.run(1)
    bravo.got(link)
    bravo.send(link, Heads((stated(other),)))
    return charlie, bravo, world.ends["alpha"], link, other


def larger(at: int, ours: int, theirs: int) -> tuple[Liar, Liar, End, int, LogBuilder]:
    """As ``shown``, for a head beyond what alpha holds: its entries are sent and do not fit."""
    charlie, bravo, alpha, link, other = shown(at, ours, theirs)
    bravo.entries(link, other, start=ours)
    alpha.world.run()
    return charlie, bravo, alpha, link, other


def proof_by_leaves(one: LogBuilder, other: LogBuilder, index: int) -> bytes:
    """What proves that two logs of one author differ at an index."""
    return make_leaves(one.proof(index, opened=False), other.proof(index, opened=False))


def enter(
    liar: Liar, link: int, log_id: LogId, index: int, proof: bytes, *, bodies: bool = True
) -> int:
    """The liar enters an accusation in his own log and sends it; gives its index."""
    at = liar.log.size
    extra = Accused(log_id, index).encode()
    liar.log.say(Kind.ACCUSATION, plain=proof, extra=extra, time_s=liar.world.wall_s)
    liar.entries(link, start=at, bodies=bodies)
    liar.world.run()
    return at


def verdicts(end: End) -> list[Verdict]:
    """What a stranger with the cards makes of every accusation in an end's own logs."""
    shelf = end.shelf(end.line.id)
    keys = CardKeys(party(name).card.card for name in end.world.names)
    entries = [shelf.entry(*place) for place in shelf.of_kind([Kind.ACCUSATION])]
    own = [entry for entry in entries if entry.place.log.member == end.line.me]
    found = [check(unpack(entry.body or b""), keys) for entry in own]
    for entry, verdict in zip(own, found, strict=True):
        assert entry.leaf is not None
        assert verdict.finding is Finding.PROVEN
        assert decode_accused(entry.leaf.extra) == Accused(verdict.log(2), verdict.index)
    return found


def convicted(end: End, *indices: int, form: Form | None = None) -> Verdict:
    """Charlie's log is frozen by the proofs in this end's own log, from these indices in turn;
    each names his key and log, and nobody else is suspected of anything."""
    found = verdicts(end)
    assert [verdict.index for verdict in found] == list(indices)
    for verdict in found:
        key = party("charlie").log(0).public()
        origin = end.line.logs[CHARLIE].origin
        assert verdict.key == notes.vkey(origin, notes.ED25519, key)
        assert verdict.log(2) == CHARLIE
    assert form in (None, found[-1].form)
    assert end.line.logs[CHARLIE].frozen == min(indices)
    assert end.line.accused == {CHARLIE: min(indices)}
    assert not end.line.disputes
    assert not end.line.mute
    assert all(log.frozen < 0 for log in end.line.logs.values() if log.id.member != 2)
    return found[-1]


def ends_link(end: End, link: int) -> None:
    """One link of an end goes down, and all comes to rest."""
    end.do(events.LinkDown(link))
    end.world.run()
