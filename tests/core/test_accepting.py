"""Accepting a charter: what is refused, what it sets going, and what a joiner tells and awaits."""

from __future__ import annotations

from dataclasses import replace

from core.joins import (
    NAMES,
    accept,
    founded,
    grown,
    joined,
    leave,
    member,
    offer,
    refused,
    seal,
    successor,
)
from liar import Liar
from pair import World

from detente.core.courier import rely_on_mark
from detente.core.errors import Refusal
from detente.core.events import Accept, FrameIn, LinkUp
from detente.core.frames import Hello, encode_frame
from detente.core.quotas import DAY_S
from detente.core.revocation import Revocation


def test_a_founding_charter_is_accepted_once_by_who_is_named_in_it() -> None:
    """Nobody else's line, no amendment in its place, and no second beginning."""
    world = founded()
    alpha, bravo, charlie = (world.ends[name] for name in NAMES)
    text = world.charter().encode()
    assert refused(lambda: alpha.do(Accept(text))) is Refusal.NOT_ALLOWED
    assert refused(lambda: charlie.do(Accept(text))) is Refusal.NOT_ALLOWED
    amended = grown(alpha).encode()
    assert refused(lambda: bravo.do(Accept(amended))) is Refusal.NOT_ALLOWED
    assert len(bravo.station.lines) == 1
    assert charlie.station.lines == {}


def test_nothing_is_joined_under_a_revoked_log_key() -> None:
    """The next incarnation is adopted first."""
    world = founded()
    charlie = world.ends["charlie"]
    key = charlie.station.card.pairs[0].log
    charlie.station.revoked[key] = Revocation(charlie.id, 1, "log 0", "stolen", 0, ())
    assert refused(lambda: accept(charlie, grown(world.ends["alpha"]))) is Refusal.REVOKED
    assert charlie.station.lines == {}


def test_who_accepts_while_linked_asks_for_an_answer() -> None:
    """Its hello comes unasked, and the peer's tells what it holds; the day counts from then."""
    world = World()
    alpha, bravo = world.ends["alpha"], Liar(world, "bravo")
    link = bravo.link("alpha")
    alpha.do(Accept(world.charter().encode()))
    assert [hello.answer for hello in bravo.answers(link, Hello)] == [True]
    assert alpha.line.begun_day == world.wall_s // DAY_S


def test_who_comes_back_by_one_text_accepts_no_other_number_by_the_next() -> None:
    """Its log of before is its number for ever, also while it waits for the seal."""
    world = founded()
    alpha, charlie = world.ends["alpha"], world.ends["charlie"]
    joined(world)
    gone = leave(world)
    accept(charlie, successor(alpha, members=(*gone.members, member(2, "charlie")), left=()))
    other = successor(alpha, members=(*gone.members, member(3, "charlie")), left=())
    assert refused(lambda: accept(charlie, other)) is Refusal.CHARTER_MISMATCH
    assert charlie.line.me == 2


def test_a_second_text_is_looked_for_in_what_is_here_already() -> None:
    """Who waited for one that nobody sealed has all that the sealed one needs."""
    world = founded()
    alpha, bravo, charlie = (world.ends[name] for name in NAMES)
    charter = grown(alpha)
    accept(charlie, replace(charter, title="Nobody's"))
    seal(bravo, offer(alpha, charter))
    world.run(70)
    world.link("alpha", "charlie")
    world.run(70)
    assert charlie.line.joining
    assert not charlie.line.charter_due, "looked for, and not found"
    world.cut("alpha", "charlie")
    accept(charlie, charter)
    world.run(1)
    assert charlie.line.charter == charter
    assert not charlie.line.joining


def test_who_was_restarted_while_it_joins_has_all_it_needs_once_it_is_greeted() -> None:
    """Nothing more has to come than a hello, for which nothing on its own disk stands."""
    world = founded()
    alpha, bravo, charlie = (world.ends[name] for name in NAMES)
    charter = grown(alpha)
    accept(charlie, replace(charter, title="Nobody's"))
    seal(bravo, offer(alpha, charter))
    world.run(70)
    world.link("alpha", "charlie")
    world.run(70)
    charlie.restart()
    accept(charlie, charter)
    world.run(1)
    assert charlie.line.joining
    rely_on_mark(charlie.line)
    assert charlie.line.awaits_hello, "there is no mark before the first entry"
    link = next(world.numbers)
    charlie.do(LinkUp(link, alpha.id))
    own = alpha.own().id
    fields = {"mute": False, "answer": False, "nonce": bytes(16), "current": own, "heads": ()}
    hello = Hello(line=charlie.line.id, member=0, **fields)
    charlie.do(FrameIn(link, encode_frame(1, hello)))
    world.run(1)
    assert charlie.line.charter == charter
    assert not charlie.line.joining


def test_a_joiner_looks_again_behind_its_joining_and_not_at_once() -> None:
    """Ten milliseconds for each offer on the line."""
    world = founded()
    alpha, bravo, charlie = (world.ends[name] for name in NAMES)
    charter = grown(alpha)
    accept(charlie, charter)
    seal(bravo, offer(alpha, charter))
    world.run(70)
    world.link("alpha", "charlie")
    for _ in range(70):
        world.run()
        if not charlie.line.joining:
            break
        world.wall_s += 1
        world.steady_ms += 1000
    assert charlie.line.charter_due
    assert charlie.line.charter_next_ms == world.steady_ms + 10
