"""Amendments between real ends: offers, assents, seals, and the charter that is then in force."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
from liar import Liar
from pair import End, SeedKeys, World, heads

from detente.core import amending, events, frames, protocol
from detente.core.amending import EVERY_MS, charters_of, is_final, want_texts
from detente.core.body import pack
from detente.core.charter import Charter, Left, Member, charter_id
from detente.core.contested import Frozen
from detente.core.decisions import State, state_of_offer
from detente.core.errors import LocalError, Refusal
from detente.core.extras import AMENDMENT, Offer
from detente.core.judging import LATE_S
from detente.core.leaf import Kind
from detente.core.protocol import wake_ms
from detente.core.station import Step
from detente.core.transcript import Place

THREE = ("alpha", "bravo", "charlie")
HOUR_S = 3600


def opened(names: tuple[str, ...] = ("alpha", "bravo"), **fields: object) -> World:
    world = World(names=names, **fields)
    world.open()
    world.run(130)
    return world


def successor(world: World, **changes: object) -> Charter:
    """The charter after the one that alpha has in force."""
    now = world.ends["alpha"].line.charter
    return replace(now, number=now.number + 1, predecessor=charter_id(now.encode()), **changes)


def enter(
    end: End, kind: int, *refs: bytes, extra: bytes = b"", body: bytes | None = None
) -> bytes:
    """Submits a draft of an end and gives the hash of its entry."""
    audience = end.line.charter.everyone()
    draft = events.Draft(
        kind=kind, audience=audience, refs=refs, extra=extra, body=body, salt=bytes(16)
    )
    end.do(events.Submit(end.line.id, draft))
    end.world.run()
    shelf = end.shelf(end.line.id)
    mine = [place for place in shelf.of_kind([kind]) if place.log == end.own().id]
    return shelf.entry(*mine[-1]).hash


def offer(
    end: End, charter: Charter, sealer: int = 1, signatories: int = 3, lasts_s: int = HOUR_S
) -> bytes:
    terms = Offer(AMENDMENT, sealer, signatories, end.world.wall_s + lasts_s)
    return enter(
        end, Kind.OFFER, extra=terms.encode(), body=pack(charter.encode(), 5, padding=False)
    )


def state(end: End, hash_: bytes) -> State:
    shelf = end.shelf(end.line.id)
    place = shelf.find(hash_)
    assert isinstance(place, Place)
    return state_of_offer(shelf, place, end.world.wall_s).state


def test_an_offer_sealed_and_held_by_all_is_final_and_in_force() -> None:
    """Both ends reach FINAL, take the new charter over, and go by it."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    charter = successor(world, seen_within_s=5, quota_flash_per_day=9)
    made = offer(alpha, charter)
    assert state(bravo, made) is State.OPEN
    enter(bravo, Kind.SEAL, made)
    assert state(bravo, made) is State.SEALED
    assert bravo.line.charter.number == 0
    world.run(70)
    for end in (alpha, bravo):
        assert state(end, made) is State.FINAL
        assert end.line.charter == charter
        assert end.facts("charter") == [{"number": 1}]
        assert not end.facts("left")
        assert not end.line.sealing
        assert not end.line.charter_due
    alpha.submit("under the new charter")
    world.run(6)
    assert alpha.log_of(1).stated[alpha.own().id] >= alpha.own().called
    alpha.restart()
    assert alpha.line.charter == charter
    assert alpha.line.founding.number == 0
    world.link("alpha", "bravo")
    world.run(70)
    assert heads(alpha) == heads(bravo)


def test_an_offer_that_comes_after_its_seal_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who lost its disk has the other's seal back first, and its own offer behind it."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    backup = deepcopy(alpha.shelves)
    charter = successor(world, seen_within_s=5)
    enter(bravo, Kind.SEAL, offer(alpha, charter))
    world.run(70)
    assert bravo.line.charter == charter
    alpha.restart(backup)
    alpha.station.keys = SeedKeys("alpha", 1)
    alpha.do(events.Adopt(1))
    take = alpha.do

    def at_once(given: events.Input) -> None:
        """As a node does: a tick behind every input."""
        take(given)
        take(events.Tick())

    monkeypatch.setattr(alpha, "do", at_once)
    world.link("alpha", "bravo")
    world.run(70)
    assert alpha.line.charter == charter


def test_a_seal_is_waited_for_over_a_start() -> None:
    """Both ends begin anew between it and the `seen` that makes it final."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    charter = successor(world, title="Sealed")
    enter(bravo, Kind.SEAL, offer(alpha, charter))
    for end in (alpha, bravo):
        end.restart()
        assert end.line.charter.number == 0
    world.link("alpha", "bravo")
    world.run(70)
    assert alpha.line.charter == bravo.line.charter == charter


def test_three_assent_and_a_mediator_seals() -> None:
    """Every assent is named by the seal; all three end with the same charter."""
    world = opened(THREE, roles=("party", "party", "mediator"))
    alpha, bravo, charlie = (world.ends[name] for name in THREE)
    charter = successor(world, title="Amended")
    made = offer(alpha, charter, sealer=2, signatories=7)
    assent = enter(bravo, Kind.ASSENT, made)
    enter(charlie, Kind.SEAL, made, assent)
    world.run(70)
    for end in (alpha, bravo, charlie):
        assert state(end, made) is State.FINAL
        assert end.line.charter.title == "Amended"


def test_after_its_expiry_nobody_can_be_bound() -> None:
    """A seal that comes too late, or is held too late, changes nothing for ever."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    made = offer(alpha, successor(world, title="Too late"), lasts_s=20)
    world.cut("alpha", "bravo")
    bravo.do(events.Submit(bravo.line.id, events.Draft(kind=Kind.SEAL, audience=3, refs=(made,))))
    world.run(30)
    world.link("alpha", "bravo")
    world.run(70)
    for end in (alpha, bravo):
        assert state(end, made) is State.EXPIRED
        assert end.line.charter.number == 0
        assert end.line.sealing  # covers from before the expiry may still arrive
    world.wall_s += 8 * 86_400
    for end in (alpha, bravo):
        end.line.charter_due = True
    world.run(2)
    assert not alpha.line.sealing
    assert alpha.line.charter.number == 0


def test_a_withdrawal_in_the_seals_causal_past_voids_it() -> None:
    """Bravo sealed although it had received the withdrawal: that is visible, and binds nobody."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    made = offer(alpha, successor(world, title="Withdrawn"))
    enter(alpha, Kind.WITHDRAWAL, made)
    world.run(40)
    enter(bravo, Kind.SEAL, made)
    world.run(70)
    for end in (alpha, bravo):
        assert state(end, made) is State.WITHDRAWN
        assert end.line.charter.number == 0
        assert not end.line.sealing


def test_a_member_who_leaves_gets_nothing_new() -> None:
    """It keeps what it has; the others drop its sessions and refuse its hello; it signs no more."""
    world = opened(THREE)
    alpha, bravo, charlie = (world.ends[name] for name in THREE)
    now = world.charter()
    members = now.members[:2]
    charter = successor(world, members=members, left=(Left(2, charlie.id),))
    made = offer(alpha, charter, sealer=0, signatories=7)
    assents = [enter(end, Kind.ASSENT, made) for end in (bravo, charlie)]
    enter(alpha, Kind.SEAL, made, *assents)
    world.run(100)
    for end in (alpha, bravo):
        assert end.line.charter.number == 1
        assert end.facts("left")[-1] == {"member": 2}
        assert {session.member for session in end.line.sessions.values()} <= {0, 1}
    world.run(100)
    held = charlie.log_of(0).size
    alpha.submit("for those who stayed")
    world.run(40)
    assert bravo.texts(0) == [b"\0for those who stayed"]
    assert charlie.texts(0) == []
    assert charlie.log_of(0).size == held
    world.cut("alpha", "charlie")
    world.link("alpha", "charlie")
    world.run(10)
    assert charlie.log_of(0).size == held
    assert alpha.line.party_of(2) == charlie.id
    alpha.restart()
    world.link("alpha", "bravo")
    world.run(40)
    assert alpha.line.charter.number == 1
    own = {log: held for log, held in heads(alpha).items() if log.member != 2}
    assert own == {log: held for log, held in heads(bravo).items() if log.member != 2}


def test_a_member_that_learns_that_it_has_left_signs_no_more() -> None:
    """It drops every session, submits nothing, greets nobody, and a restart changes none of it."""
    world = opened(THREE)
    alpha, bravo, charlie = (world.ends[name] for name in THREE)
    now = world.charter()
    charter = successor(world, members=(now.members[0], now.members[2]), left=(Left(1, bravo.id),))
    made = offer(alpha, charter, sealer=0, signatories=7)
    assents = [enter(end, Kind.ASSENT, made) for end in (bravo, charlie)]
    world.cut("alpha", "charlie")
    world.cut("bravo", "charlie")
    seal = events.Draft(kind=Kind.SEAL, audience=7, refs=(made, *assents))
    alpha.do(events.Submit(alpha.line.id, seal))
    world.run(40)
    assert bravo.line.charter.number == 0
    world.link("bravo", "charlie")
    world.run(40)
    assert bravo.line.left
    assert not bravo.line.sessions
    assert charlie.line.charter.number == 1
    bravo.restart()
    assert bravo.line.left
    size = bravo.own().size
    with pytest.raises(LocalError) as caught:
        bravo.submit("still here?", audience=5)
    assert caught.value.refusal is Refusal.NOT_ALLOWED
    liar = Liar(world, "alpha")
    link = liar.link("bravo")
    liar.hello(link)
    world.run(70)
    assert [frame.mute for frame in liar.answers(link, frames.Hello)] == [True]
    assert bravo.own().size == size


def test_an_observer_hears_of_amendments_too() -> None:
    """Their text is no content: it is addressed to everyone, and decides who is who."""
    world = opened(THREE, roles=("party", "party", "observer"))
    alpha, charlie = world.ends["alpha"], world.ends["charlie"]
    charter = successor(world, title="Observed")
    made = offer(alpha, charter)
    enter(world.ends["bravo"], Kind.SEAL, made)
    world.run(100)
    assert charlie.line.charter.title == "Observed"


def without_its_text() -> tuple[Liar, int, End]:
    """Alpha holds an amendment of bravo's, a liar, sealed and final, but not its text."""
    world = World()
    world.open("alpha")
    alpha, liar = world.ends["alpha"], Liar(world, "bravo")
    link = liar.greet("alpha")
    liar.entries(link)
    world.run(70)
    charter = successor(world, title="Late")
    terms = Offer(AMENDMENT, 0, 3, world.wall_s + HOUR_S)
    made = liar.log.say(
        Kind.OFFER, plain=charter.encode(), extra=terms.encode(), time_s=world.wall_s
    )
    liar.entries(link, start=1, bodies=False)
    world.run(70)  # lacked: the rest may be covered
    enter(alpha, Kind.SEAL, made)
    liar.seen((alpha, alpha.own().id))
    liar.entries(link, start=2)
    world.run(3)
    return liar, link, alpha


def test_a_text_that_is_missing_leaves_the_charter_as_it_is() -> None:
    """Until the body of the offer comes the old charter is used, and the gap is told."""
    liar, link, alpha = without_its_text()
    world = liar.world
    assert alpha.facts("charter-incomplete")[0]["detail"]
    assert alpha.line.sealing
    assert alpha.line.charter.number == 0
    alpha.restart()
    assert alpha.line.charter.number == 0
    link = liar.greet("alpha")
    salt, body = liar.log.bodies[1]
    liar.send(link, frames.Body(liar.log.id, 1, salt, body))
    world.run(3)
    assert alpha.line.charter.title == "Late"


@pytest.mark.parametrize("frozen", [False, True])
def test_the_text_of_what_is_final_is_asked_for_of_whom_it_may_come(
    monkeypatch: pytest.MonkeyPatch, *, frozen: bool
) -> None:
    """Though it was addressed to others; of what rests on a frozen log nothing is. What is missing
    is in the store at once."""
    liar, link, alpha = without_its_text()
    log = alpha.line.logs[liar.log.id]
    log.missing.clear()  # as of a text that was not for us
    log.lacked.clear()
    log.recent.clear()
    liar.got(link)
    if frozen:
        ended = {alpha.own().id: Frozen(1, (), end=1)}
        monkeypatch.setattr(amending, "frozen_logs", lambda *_: ended)
    step = Step(alpha.station, liar.world.now(), alpha.entropy)
    want_texts(step, alpha.line)
    alpha.world.deliver(alpha, step.out)
    asked = [] if frozen else [frames.Want(frames.WANT_BODY, log.id, 1)]
    assert liar.answers(link, frames.Want) == asked
    assert list(log.missing) == ([] if frozen else [1])
    stored = [events.StoreState(alpha.line.id, log.id, log.encode())]
    found = [one for one in step.out if isinstance(one, events.StoreState)]
    assert found == ([] if frozen else stored)


def test_nothing_is_final_or_in_force_that_rests_on_a_frozen_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor is an offer that waits for its seal."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    place = alpha.shelf(alpha.line.id).find(made := offer(alpha, successor(world, title="New")))
    assert not is_final(alpha.station, alpha.line, place)
    enter(bravo, Kind.SEAL, made)
    world.run(100)
    assert is_final(alpha.station, alpha.line, place)
    assert [one.charter.number for one in charters_of(alpha.station, alpha.line)] == [0, 1]
    ended = {bravo.own().id: Frozen(1, (), end=1)}
    monkeypatch.setattr(amending, "frozen_logs", lambda *_: ended)
    assert not is_final(alpha.station, alpha.line, place)
    assert [one.charter.number for one in charters_of(alpha.station, alpha.line)] == [0]


def test_an_amendment_that_a_proof_has_ended_is_not_in_force_at_a_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the logs prove of one another is learnt first, and told to nobody as news."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    enter(bravo, Kind.SEAL, offer(alpha, successor(world, title="New")))
    world.run(100)
    log_id = bravo.own().id
    ended = {log_id: Frozen(1, (), end=1)}
    monkeypatch.setattr(protocol, "learn_accused", lambda _, line: line.accused.update({log_id: 1}))
    monkeypatch.setattr(amending, "frozen_logs", lambda _, line: ended if line.accused else {})
    alpha.told.clear()
    alpha.restart()
    assert alpha.line.charter.number == 0
    assert not alpha.facts("charter")


def test_a_cover_that_comes_weeks_later_puts_its_amendment_in_force() -> None:
    """A seal long past its expiry is waited for no more; what shows that it was held in time, as
    an old log that a peer gives back, is looked at all the same."""
    world = opened(THREE, roles=("observer", "party", "party"))
    alpha, bravo, charlie = (world.ends[name] for name in THREE)
    made = offer(bravo, successor(world, title="New"), sealer=2, signatories=0b110)
    world.cut("alpha", "bravo")
    enter(charlie, Kind.SEAL, made)
    world.cut("alpha", "charlie")
    world.run(130)
    assert (state(alpha, made), state(bravo, made)) == (State.SEALED, State.FINAL)
    world.wall_s += LATE_S + 2 * HOUR_S
    alpha.restart()
    world.run(1)
    assert not alpha.line.sealing
    assert alpha.line.charter.number == 0
    world.link("alpha", "bravo")
    world.run(1)
    assert alpha.line.charter.number == 1


def test_a_member_who_joins_is_greeted() -> None:
    """Once the amendment is final a link to the new member gets our hello."""
    world = opened(THREE[:2])
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    other = World(names=THREE)
    card = other.ends["charlie"].station.card
    for end in (alpha, bravo):
        end.station.cards[card.party] = card
    world.taps[500] = []
    alpha.do(events.LinkUp(500, card.party))
    assert world.taps[500] == []
    joined = Member(2, "party", card.party, bytes(32), "charlie")
    charter = successor(world, members=(*world.charter().members, joined))
    made = offer(alpha, charter)
    enter(bravo, Kind.SEAL, made)
    world.run(70)
    assert alpha.line.charter.number_of(card.party) == 2
    assert len(world.taps[500]) == 1
    assert alpha.line.is_open()


def test_a_flood_of_offers_is_not_looked_at_at_every_turn() -> None:
    """The more offers there are, the longer until the charter is worked out again."""
    world = opened()
    alpha = world.ends["alpha"]
    for n in range(3):
        made = offer(alpha, successor(world, title=f"Offer {n}"))
        enter(alpha, Kind.WITHDRAWAL, made)
        world.run(70)
    alpha.line.charter_due = True
    alpha.do(events.Tick())
    assert not alpha.line.charter_due
    later = world.steady_ms + 3 * EVERY_MS
    assert alpha.line.charter_next_ms == later
    alpha.line.charter_due = True
    alpha.do(events.Tick())
    assert alpha.line.charter_due
    assert wake_ms(alpha.station) == later
    world.steady_ms = later
    alpha.do(events.Tick())
    assert not alpha.line.charter_due
