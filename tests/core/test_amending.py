"""Amending the charter between real cores: what was agreed rules, and nothing else ever does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from liar import Liar
from pair import End, World

from detente.core import events
from detente.core.body import commit, pack
from detente.core.charter import Charter, Left, charter_id, parse_charter
from detente.core.decisions import State, state_of_offer
from detente.core.errors import LocalError, Refusal
from detente.core.extras import AMENDMENT, Offer
from detente.core.frames import Body
from detente.core.leaf import Kind
from detente.core.transcript import Entry


def _amended(world: World, **changes: object) -> Charter:
    old = world.charter()
    new = replace(old, number=1, predecessor=charter_id(old.encode()), **changes)
    return parse_charter(new.encode())


def _enter(end: End, kind: int, refs: tuple[bytes, ...] = (), **more: object) -> None:
    audience = end.line.everyone()
    draft = events.Draft(kind=kind, audience=audience, refs=refs, **more)  # type: ignore[arg-type]
    end.do(events.Submit(end.line.id, draft))
    end.do(events.Tick())


def _offer(
    end: End, new: Charter, *, sealer: int, signatories: int, expires_s: int | None = None
) -> bytes:
    """Offers a charter; gives the leaf hash of the offer."""
    expires_s = end.world.wall_s + 3600 if expires_s is None else expires_s
    extra = Offer(AMENDMENT, sealer, signatories, expires_s).encode()
    body = pack(new.encode(), 5, padding=False)
    _enter(end, Kind.OFFER, extra=extra, body=body, salt=end.entropy(16))
    return _last(end, Kind.OFFER).hash


def _last(end: End, kind: int) -> Entry:
    shelf = end.shelf(end.line.id)
    return shelf.entry(*shelf.of_kind([kind])[-1])


def _state(end: End) -> State:
    shelf = end.shelf(end.line.id)
    place = _last(end, Kind.OFFER).place
    return state_of_offer(shelf, place, end.world.wall_s).state


def test_two_parties_amend_their_charter() -> None:
    """An offer, the other's seal and the offerer's cover of it: then the new charter rules both."""
    world = World()
    world.open()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    new = _amended(world, seen_within_s=5, quota_flash_per_day=7)
    offer = _offer(alpha, new, sealer=1, signatories=3)
    world.run(40)
    assert bravo.line.charter.number == 0
    _enter(bravo, Kind.SEAL, (offer,))
    assert bravo.line.charter.number == 0, "a seal that nobody else holds binds nobody"
    assert _state(bravo) is State.SEALED
    world.run(40)
    for end in (alpha, bravo):
        assert _state(end) is State.FINAL
        assert end.line.charter == new
        assert [fact["number"] for fact in end.facts("charter")] == [1]
        assert not end.line.sealing
        assert not end.facts("left")


def test_the_new_deadline_is_the_one_that_is_kept() -> None:
    """After an amendment a ROUTINE entry is covered within the new charter's seconds."""
    world = World()
    world.open()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    offer = _offer(alpha, _amended(world, seen_within_s=3), sealer=1, signatories=3)
    world.run(40)
    _enter(bravo, Kind.SEAL, (offer,))
    world.run(40)
    alpha.submit("after it")
    world.run(4)
    last = alpha.own().size - 1
    covers = alpha.shelf(alpha.line.id).covers(alpha.own().id, last)
    assert [cover.by.member for cover in covers] == [1]


def test_an_amendment_is_found_again_at_a_start() -> None:
    """A new process reads the charter in force from the transcript."""
    world = World()
    world.open()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    new = _amended(world, quota_flash_per_day=7)
    offer = _offer(alpha, new, sealer=1, signatories=3)
    world.run(40)
    _enter(bravo, Kind.SEAL, (offer,))
    world.run(40)
    bravo.restart()
    assert bravo.line.charter == new
    assert bravo.facts("charter") == [{"number": 1}]


def test_a_seal_that_comes_after_the_expiry_binds_nobody() -> None:
    """Sealed in time, but held by the offerer too late: expired for both, for ever."""
    world = World()
    world.open()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    expires_s = world.wall_s + 60
    new = _amended(world, quota_flash_per_day=7)
    offer = _offer(alpha, new, sealer=1, signatories=3, expires_s=expires_s)
    world.run(40)
    world.cut("alpha", "bravo")
    _enter(bravo, Kind.SEAL, (offer,))
    world.run(60)
    world.link("alpha", "bravo")
    world.run(60)
    for end in (alpha, bravo):
        assert len(end.shelf(end.line.id).of_kind([Kind.SEAL])) == 1
        assert _state(end) is State.EXPIRED
        assert end.line.charter == world.charter()
        assert not end.facts("charter")
    assert alpha.line.sealing, "a cover from before the expiry may still come to light"


def test_a_withdrawal_in_the_seals_past_undoes_the_offer() -> None:
    """Whoever seals what he knows to be withdrawn has sealed nothing."""
    world = World()
    world.open()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    offer = _offer(alpha, _amended(world, quota_flash_per_day=7), sealer=1, signatories=3)
    _enter(alpha, Kind.WITHDRAWAL, (offer,))
    world.run(40)
    _enter(bravo, Kind.SEAL, (offer,))
    world.run(40)
    for end in (alpha, bravo):
        assert _state(end) is State.WITHDRAWN
        assert end.line.charter.number == 0


def test_a_withdrawal_that_the_sealer_did_not_know_comes_too_late() -> None:
    """A seal entered before the withdrawal arrived stands, and is final once it is held."""
    world = World()
    world.open()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    offer = _offer(alpha, _amended(world, quota_flash_per_day=7), sealer=1, signatories=3)
    world.run(40)
    world.cut("alpha", "bravo")
    _enter(alpha, Kind.WITHDRAWAL, (offer,))
    _enter(bravo, Kind.SEAL, (offer,))
    world.link("alpha", "bravo")
    world.run(40)
    for end in (alpha, bravo):
        assert _state(end) is State.FINAL
        assert end.line.charter.number == 1


def _three_without_charlie() -> World:
    """Three members, of whom the third has just left by an amendment that all have signed."""
    world = World(names=("alpha", "bravo", "charlie"))
    world.open()
    alpha, bravo, charlie = world.ends.values()
    alpha.submit("while charlie was here")
    world.run(40)
    old = world.charter()
    gone = old.members[2]
    new = _amended(world, members=old.members[:2], left=(Left(2, gone.party),))
    offer = _offer(alpha, new, sealer=1, signatories=7)
    world.run(40)
    _enter(charlie, Kind.ASSENT, (offer,))
    world.run(40)
    _enter(bravo, Kind.SEAL, (offer, _last(bravo, Kind.ASSENT).hash))
    world.run(40)
    return world


def test_a_member_who_left_gets_nothing_new() -> None:
    """It keeps what it has, is told so, and hears nothing more from anybody."""
    world = _three_without_charlie()
    alpha, bravo, charlie = world.ends.values()
    for end in (alpha, bravo):
        assert end.line.charter.number == 1
        assert end.facts("left") == [{"member": 2}]
        assert {session.member for session in end.line.sessions.values()} == {0, 1} - {end.line.me}
    frames = len(world.frames)
    alpha.submit("between the two of us")
    world.run(60)
    assert bravo.texts(0) == [b"\0while charlie was here", b"\0between the two of us"]
    assert charlie.texts(0) == [b"\0while charlie was here"]
    assert not [to for _, to, _ in world.frames[frames:] if to == "charlie"]


def test_a_member_who_left_may_say_nothing_more() -> None:
    """At its own node the line is over: no session, no submit, no greeting on a new link."""
    world = _three_without_charlie()
    alpha, _, charlie = world.ends.values()
    assert charlie.line.left
    assert not charlie.line.sessions
    assert not charlie.line.may_sign()
    draft = events.Draft(kind=Kind.DUTY, audience=1, extra=b"\1\1")
    with pytest.raises(LocalError) as caught:
        charlie.do(events.Submit(charlie.line.id, draft))
    assert caught.value.refusal == Refusal.NOT_ALLOWED
    frames, told = len(world.frames), len(alpha.told)
    world.cut("alpha", "charlie")
    world.link("alpha", "charlie")
    world.run(10)
    assert not [frame for one, to, frame in world.frames[frames:] if {one, to} == {"alpha", "charlie"}]
    assert "greeted" not in [tell.word for tell in alpha.told[told:]]


def test_an_amendment_without_its_text_waits_for_it() -> None:
    """Final, but its body is missing here: said, and in force as soon as the body comes."""
    world = World(names=("alpha", "bravo"), changes={"lacks_after_s": 1, "seen_within_s": 1})
    liar, alpha = Liar(world, "bravo"), world.ends["alpha"]
    alpha.do(events.Accept(world.charter().encode()))
    link = liar.greet("alpha")
    liar.entries(link)
    world.run()
    new = _amended(world, quota_flash_per_day=7)
    extra = Offer(AMENDMENT, 0, 3, world.wall_s + 3600).encode()
    offer = liar.say(new.encode().decode(), kind=Kind.OFFER, extra=extra)
    liar.entries(link, start=1, bodies=False)
    world.run(3)
    assert Kind.LACKS in alpha.kinds()
    liar.answers(link, Body)
    liar.seen((alpha, alpha.own().id))
    liar.entries(link, start=2)
    _enter(alpha, Kind.SEAL, (offer,))
    world.run(2)
    liar.seen((alpha, alpha.own().id))
    liar.entries(link, start=3)
    world.run(1)
    assert _state(alpha) is State.FINAL
    assert alpha.facts("charter-incomplete")
    assert alpha.line.sealing
    assert alpha.line.charter.number == 0
    salt, body = liar.log.bodies[1] or (b"", b"")
    assert liar.log.entry(1).leaf is not None
    assert commit(salt, body) == liar.log.entry(1).leaf.commitment  # type: ignore[union-attr]
    liar.send(link, Body(liar.log.id, 1, salt, body))
    world.run(1)
    assert alpha.line.charter == new
    assert alpha.facts("charter") == [{"number": 1}]
