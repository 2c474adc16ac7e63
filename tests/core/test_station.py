"""What a node knows: whom it may speak for, over which link, and whose keys count."""

from __future__ import annotations

from dataclasses import replace

import pytest
from core.lineage import party
from liar import Liar
from pair import World

from detente.core import events
from detente.core.errors import LocalError, Refusal
from detente.core.frames import Want
from detente.core.leaf import Kind, LogId
from detente.core.line import Line
from detente.core.link import Session, Way
from detente.core.station import Step, fall_mute

THREE = ("alpha", "bravo", "charlie")


def a_line(*roles: str) -> tuple[World, Line]:
    """Alpha's line of three that nobody has been linked on."""
    world = World(names=THREE, roles=roles)
    world.open("alpha")
    return world, world.ends["alpha"].line


def a_step(world: World) -> Step:
    end = world.ends["alpha"]
    return Step(end.station, end.world.now(), end.entropy)


def over(line: Line, *sessions: Session) -> list[Session]:
    """These sessions alone, in the order in which their links came up."""
    line.sessions = {session.link: session for session in sessions}
    return list(sessions)


# --- what may be signed -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "shut", [{"mute": "restored"}, {"awaits_hello": True}, {"left": True}, {"joining": b"text"}]
)
def test_one_reason_is_enough_to_sign_nothing(shut: dict[str, object]) -> None:
    """Mute, unheard since the start, no member any more or not yet: each alone."""
    world = World()
    world.open()
    alpha = world.ends["alpha"]
    assert alpha.line.may_sign()
    for field, value in shut.items():
        setattr(alpha.line, field, value)
    size = alpha.own().size
    alpha.line.state(events.Draft(kind=Kind.ACCUSATION, audience=3))
    alpha.do(events.Tick())
    assert not alpha.line.may_sign()
    assert alpha.own().size == size


def test_a_line_is_open_once_every_founding_member_has_begun() -> None:
    """Not before, though nobody waits to join; nor where we wait to come back ourselves."""
    world, line = a_line()
    assert not line.is_open()
    liars = [Liar(world, name) for name in THREE[1:]]
    for liar in liars:
        assert not line.is_open()
        liar.entries(liar.greet("alpha"))
    assert line.is_open()
    line.joining = b"another text"
    assert not line.is_open()


def test_who_falls_mute_keeps_what_proves_a_fork_and_drops_what_it_would_have_said() -> None:
    """The proof is entered once the node is adopted; the rest is of a state that is lost."""
    world, line = a_line()
    line.mute = ""
    for kind in (Kind.LACKS, Kind.ACCUSATION, Kind.SEEN):
        line.state(events.Draft(kind=kind, audience=1))
    fall_mute(a_step(world), line, "restored")
    line.state(events.Draft(kind=Kind.LACKS, audience=1))
    assert [draft.kind for draft in line.control] == [Kind.ACCUSATION]


# --- over which link --------------------------------------------------------------------------


def test_the_best_session_is_a_wide_one_and_then_the_oldest() -> None:
    """Whatever came up before: another member's, a file, or one that nobody has greeted on."""
    _, line = a_line()
    others = [
        Session(1, 1, greeted=True, way=Way.OUT),
        Session(2, 1, greeted=True, way=Way.HEARD),
        Session(3, 2, greeted=True),
        Session(4, 1),
    ]
    narrow, late = (Session(link, 1, greeted=True, wide=False) for link in (5, 6))
    wide, last = (Session(link, 1, greeted=True) for link in (7, 8))
    over(line, *others)
    assert line.session_of(1) is None
    over(line, *others, narrow, late)
    assert line.session_of(1) is narrow
    over(line, *others, narrow, late, wide, last)
    assert line.session_of(1) is wide
    over(line, *others, wide, narrow, last)
    assert line.session_of(1) is wide


@pytest.mark.parametrize(
    ("way", "greeted", "listens"),
    [
        (Way.HEARD, True, True),
        (Way.HEARD, False, False),
        (Way.LINK, True, False),
        (Way.IN, True, False),
    ],
)
def test_a_line_listens_where_a_peer_is_heard_in_silence(
    way: Way, greeted: bool, listens: bool
) -> None:
    """Not on a link that may be answered, in a file, or before a hello."""
    _, line = a_line()
    over(line, Session(1, 1, greeted=greeted, way=way))
    assert line.listens() is listens


def test_what_is_sent_waits_its_turn_unless_it_is_urgent() -> None:
    """A frame stands ahead of others on its link only where its sender says so."""
    world, line = a_line()
    (session,) = over(line, Session(1, 1, channel=1))
    step = a_step(world)
    want = Want(0, LogId(1, 0, b""), 0)
    step.send(session, want)
    step.send(session, want, urgent=True)
    assert [one.urgent for one in step.out if isinstance(one, events.Send)] == [False, True]


# --- whose keys count -------------------------------------------------------------------------


def test_no_key_is_known_of_a_stranger_or_beyond_a_card() -> None:
    """Of a number nobody has, of a member whose card is not trusted, of a seventeenth pair."""
    world, line = a_line("party", "party", "observer")
    station = world.ends["alpha"].station
    bravo, charlie = (party(name).card.card for name in THREE[1:])
    assert station.cosigner(line, 1, 15) == station.holds_key(line, 1, 15)
    assert station.cosigner(line, 2, 0) == station.heads_key(line, 2)
    last = station.new_log(line, LogId(1, 15, bytes(8)))
    assert last is not None
    assert last.key == bravo.pairs[15].log
    assert station.new_log(line, LogId(1, 16, bytes(8))) is None
    assert station.holds_key(line, 1, 16) is None
    del station.cards[bravo.party], station.cards[charlie.party]
    for member in (1, 2, 9):
        assert station.new_log(line, LogId(member, 0, b"")) is None
        assert station.holds_key(line, member, 0) is None
        assert station.heads_key(line, member) is None
        assert station.cosigner(line, member, 0) is None


def test_nothing_is_sealed_to_a_stranger_or_to_a_key_declared_void() -> None:
    """The first has no card here, the second has said that another will come."""
    world, _ = a_line()
    station = world.ends["alpha"].station
    bravo = party("bravo").card.card
    assert station.sealing_key(bravo.party) == bravo.kem_xwing
    for change, refusal in (
        ({"revoked": {bravo.kem_xwing: None}}, Refusal.REVOKED),
        ({"cards": {}}, Refusal.UNKNOWN_PARTY),
    ):
        with pytest.raises(LocalError) as caught:
            replace(station, **change).sealing_key(bravo.party)
        assert caught.value.refusal is refusal
