"""One amendment at a time: what a party has signed keeps it from signing another one meanwhile."""

from __future__ import annotations

from itertools import combinations

import pytest
from core.lineage import line
from core.test_amending import THREE, enter, offer, opened, state, successor
from core.test_decisions import EXPIRES_S, NOW_S, answer
from core.test_decisions import offer as terms_of
from pair import End, World

from detente.core import events
from detente.core.decisions import State, engages, state_of_offer
from detente.core.errors import LocalError, Refusal
from detente.core.extras import AMENDMENT, Offer
from detente.core.leaf import Kind
from detente.core.line import Queue
from detente.core.transcript import Place


def refuses(end: End, kind: int, *refs: bytes, extra: bytes = b"") -> str:
    """What a party is told that tries to sign."""
    with pytest.raises(LocalError) as refused:
        enter(end, kind, *refs, extra=extra)
    assert refused.value.refusal is Refusal.NOT_ALLOWED
    return refused.value.detail


def another(end: End, lasts_s: int = 60) -> bytes:
    """The terms of one more offer."""
    return Offer(AMENDMENT, 1 - end.line.me, 3, end.world.wall_s + lasts_s).encode()


def pair() -> tuple[World, End, End]:
    world = opened()
    return world, world.ends["alpha"], world.ends["bravo"]


def assented(world: World) -> tuple[bytes, bytes, bytes]:
    """Alpha's and bravo's offers to all three, and charlie's assent to the first."""
    alpha, bravo, charlie = (world.ends[name] for name in THREE)
    first = offer(alpha, successor(world, title="First"), sealer=0, signatories=7)
    second = offer(bravo, successor(world, title="Second"), sealer=1, signatories=7)
    return first, second, enter(charlie, Kind.ASSENT, first)


def where(end: End, made: bytes) -> str:
    place = end.shelf(end.line.id).find(made)
    assert place is not None
    return f"{place.log.member}/{place.log.word}:{place.index}, which we signed"


def submits(end: End, kind: int, *refs: bytes, extra: bytes = b"") -> None:
    """A draft goes into the outbox, and into the log if a peer is there."""
    audience = end.line.charter.everyone()
    draft = events.Draft(kind=kind, audience=audience, refs=refs, extra=extra)
    end.do(events.Submit(end.line.id, draft))
    end.world.run()


def heal(world: World) -> None:
    """What was dropped comes over new links."""
    world.dropping.clear()
    for one, other in combinations(world.names, 2):
        world.cut(one, other)
        world.link(one, other)
    world.run(70)


def test_of_two_offers_that_cross_one_is_withdrawn_before_the_other_is_sealed() -> None:
    """Neither side seals beside its own offer, nor before it is known that nobody can seal that."""
    world, alpha, bravo = pair()
    ours = offer(alpha, successor(world, title="First"))
    theirs = offer(bravo, successor(world, title="Second"), sealer=0)
    assert where(bravo, theirs) in refuses(bravo, Kind.SEAL, ours)
    assert where(alpha, ours) in refuses(alpha, Kind.SEAL, theirs)
    world.dropping.add(("bravo", "alpha"))
    enter(bravo, Kind.WITHDRAWAL, theirs)
    refuses(bravo, Kind.SEAL, ours)  # alpha may have sealed it by now
    heal(world)
    enter(bravo, Kind.SEAL, ours)
    world.run(70)
    assert state(alpha, ours) is state(bravo, ours) is State.FINAL
    assert alpha.line.charter == bravo.line.charter
    assert alpha.line.charter.title == "First"


def test_who_has_offered_an_amendment_offers_no_other_until_it_has_ended() -> None:
    """Final or expired: then the next one may be offered."""
    world, alpha, bravo = pair()
    first = offer(alpha, successor(world, title="First"), lasts_s=90)
    assert where(alpha, first) in refuses(alpha, Kind.OFFER, extra=another(alpha))
    enter(bravo, Kind.SEAL, first)
    world.run(70)
    second = offer(alpha, successor(world, title="Second"), lasts_s=30)
    world.run(30)
    assert state(alpha, second) is State.EXPIRED
    third = offer(alpha, successor(world, title="Third"))
    assert state(alpha, third) is State.OPEN


def test_who_has_sealed_an_amendment_signs_no_other_until_it_is_held_or_expires() -> None:
    """A seal that the other side has not stated to hold may be final there already."""
    world, alpha, bravo = pair()
    ours = offer(alpha, successor(world, title="First"), lasts_s=60)
    world.dropping.add(("alpha", "bravo"))
    submits(bravo, Kind.SEAL, ours)
    assert state(bravo, ours) is State.SEALED
    assert where(bravo, ours) in refuses(bravo, Kind.OFFER, extra=another(bravo))
    world.run(60)
    submits(bravo, Kind.OFFER, extra=another(bravo))


def test_what_waits_in_the_outbox_counts_and_signing_the_same_one_again_does_not() -> None:
    """It will be entered; a second seal of one offer changes nothing."""
    world, alpha, bravo = pair()
    ours = offer(alpha, successor(world, title="First"), lasts_s=60)
    world.cut("alpha", "bravo")
    for _ in range(2):
        submits(bravo, Kind.SEAL, ours)
    submits(bravo, Kind.WITHDRAWAL, ours)
    assert len(bravo.line.queue.rows) == 3
    told = "another amendment that we sign is in the outbox"
    assert refuses(bravo, Kind.OFFER, extra=another(bravo)) == told
    world.run(60)
    submits(alpha, Kind.OFFER, extra=another(alpha))
    assert refuses(alpha, Kind.OFFER, extra=another(alpha)) == told


def test_a_row_that_an_adoption_held_back_is_no_second_signature_when_it_is_released() -> None:
    """While it waits for a person it binds nobody; then it is looked at like one that is new."""
    world, alpha, bravo = pair()
    ours = offer(alpha, successor(world, title="First"), lasts_s=600)
    world.cut("alpha", "bravo")
    submits(bravo, Kind.SEAL, ours)
    (number,) = bravo.line.queue.rows
    row = bravo.line.queue.rows[number]
    bravo.line.queue = Queue({number: row._replace(awaits_release=True)}, next_number=number + 1)
    world.link("alpha", "bravo")
    world.run(5)
    theirs = offer(bravo, successor(world, title="Second"), sealer=0, lasts_s=60)
    with pytest.raises(LocalError) as refused:
        bravo.do(events.Release(bravo.line.id, number, send=True))
    assert where(bravo, theirs) in refused.value.detail
    assert bravo.line.queue.rows[number].awaits_release
    world.run(60)
    bravo.do(events.Release(bravo.line.id, number, send=True))
    world.run(70)
    assert state(alpha, ours) is State.FINAL


def test_an_assent_binds_until_its_withdrawal_is_covered_by_the_sealer() -> None:
    """Among three one that has assented to an offer assents to no other."""
    world, charlie = opened(THREE), "charlie"
    end = world.ends[charlie]
    first, second, assent = assented(world)
    assert where(end, first) in refuses(end, Kind.ASSENT, second)
    world.dropping.update({(charlie, "alpha"), (charlie, "bravo")})
    enter(end, Kind.WITHDRAWAL, assent)
    refuses(end, Kind.ASSENT, second)
    heal(world)
    enter(end, Kind.ASSENT, second)
    assert where(end, second) in refuses(end, Kind.ASSENT, first)


def test_an_assent_that_is_withdrawn_behind_the_seal_binds() -> None:
    """The seal has named it; whoever has signed nothing is bound by nothing."""
    made = line("Aland", "Bland", "Mediana", roles=("party", "party", "mediator"))
    a, b, m = made.logs
    place = terms_of(a, sealer=2)
    assert [engages(made.transcript(), place, who, NOW_S) for who in range(3)] == [
        True,
        False,
        False,
    ]
    assent = answer(made, b, Kind.ASSENT, place)
    assert engages(made.transcript(), place, 1, NOW_S)
    sealed = answer(made, m, Kind.SEAL, place, assent)
    answer(made, b, Kind.WITHDRAWAL, assent)
    m.seen(b, held_at_s=NOW_S)
    assert [engages(made.transcript(), place, who, NOW_S) for who in range(3)] == [True, True, True]
    assert not engages(made.transcript(), place, 1, EXPIRES_S)
    for log in (a, b):
        log.seen(m, held_at_s=NOW_S)
    assert state_of_offer(made.transcript(), place, NOW_S).seal == sealed
    assert not engages(made.transcript(), place, 1, NOW_S)


def test_an_offer_that_cannot_be_read_binds_nobody() -> None:
    """Not even who made it."""
    made = line("Aland", "Bland")
    made.logs[0].say(Kind.OFFER, plain=b"terms", extra=b"?")
    place = Place(made.logs[0].id, made.logs[0].size - 1)
    assert not engages(made.transcript(), place, 0, NOW_S)
