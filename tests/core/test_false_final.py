"""A seal that one signatory never held must not be final for anybody."""

from __future__ import annotations

from dataclasses import replace

import pytest
from liar import Liar, covering_item
from pair import End, World

from detente.core import events
from detente.core.body import pack
from detente.core.charter import charter_id, parse_charter
from detente.core.decisions import State, state_of_offer
from detente.core.extras import AMENDMENT, Offer
from detente.core.freezing import frozen_logs
from detente.core.leaf import Kind


def _enter(end: End, kind: int, refs: tuple[bytes, ...] = (), **more: object) -> None:
    draft = events.Draft(kind=kind, audience=end.line.everyone(), refs=refs, **more)
    end.do(events.Submit(end.line.id, draft))
    end.do(events.Tick())


def _last(end: End, kind: int):
    shelf = end.shelf(end.line.id)
    return shelf.entry(*shelf.of_kind([kind])[-1])


@pytest.mark.parametrize("linked", [True, False])
def test_a_seal_shown_to_one_signatory_alone_is_never_final(linked: bool) -> None:
    """A sealer who shows alpha a seal and bravo another entry in its place binds nobody."""
    world = World(names=("alpha", "bravo", "charlie"))
    world.open("alpha", "bravo")
    charlie = Liar(world, "charlie")
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    for name in ("alpha", "bravo"):
        charlie.entries(charlie.greet(name))
    world.run(40)
    old = world.charter()
    new = parse_charter(
        replace(old, number=1, predecessor=charter_id(old.encode()), quota_flash_per_day=7).encode()
    )
    body = pack(new.encode(), 5, padding=False)
    extra = Offer(AMENDMENT, 2, 7, world.wall_s + 3600).encode()
    _enter(alpha, Kind.OFFER, extra=extra, body=body, salt=alpha.entropy(16))
    offer = _last(alpha, Kind.OFFER).hash
    world.run(40)
    _enter(bravo, Kind.ASSENT, (offer,))
    world.run(40)
    assent = _last(alpha, Kind.ASSENT).hash
    if not linked:
        world.cut("alpha", "bravo")
    items = tuple(
        sorted(
            covering_item(log.id, log.size, log.root, world.wall_s)
            for log in (alpha.own(), alpha.log_of(1))
        )
    )
    other = charlie.log.fork(1)
    charlie.log.say(Kind.SEAL, refs=(offer, assent), seen=items, time_s=world.wall_s)
    other.say(Kind.DUTY, extra=b"\1\1", time_s=world.wall_s)
    to_alpha, to_bravo = list(charlie.links)
    charlie.entries(to_bravo, other, start=1)
    world.run(40)  # bravo covers the other history
    charlie.entries(to_alpha, charlie.log, start=1)
    world.run(40)
    if not linked:
        world.link("alpha", "bravo")
    world.run(60)
    shelf = alpha.shelf(alpha.line.id)
    state = state_of_offer(shelf, _last(alpha, Kind.OFFER).place, world.wall_s).state
    assert not bravo.shelf(bravo.line.id).of_kind([Kind.SEAL])
    assert state is not State.FINAL
    assert alpha.line.charter == bravo.line.charter == old


def test_nobody_takes_back_what_he_held_by_a_fork() -> None:
    """What makes a seal final is covered here before anybody is shown that it is; a history without
    it, signed and shown a moment later, proves its author a liar, and takes nothing back."""
    world = World()
    world.open("alpha")
    alpha, bravo = world.ends["alpha"], Liar(world, "bravo")
    link = bravo.greet("alpha")
    new = parse_charter(
        replace(
            world.charter(), number=1, predecessor=charter_id(world.charter().encode()), title="New"
        ).encode()
    )
    extra = Offer(AMENDMENT, 0, 3, world.wall_s + 3600).encode()
    bravo.log.say(Kind.OFFER, plain=new.encode(), extra=extra, time_s=world.wall_s)
    bravo.entries(link)
    world.run(40)
    offer = _last(alpha, Kind.OFFER)
    _enter(alpha, Kind.SEAL, (offer.hash,))
    world.run(40)
    at = bravo.log.size
    bravo.seen((alpha, alpha.own().id))
    bravo.entries(link, start=at)
    alpha.do(events.Tick())  # which ends the step
    assert alpha.own().stated[bravo.log.id] == at + 1, "covered as it came"
    shelf = alpha.shelf(alpha.line.id)
    assert state_of_offer(shelf, offer.place, world.wall_s).state is State.FINAL
    other = bravo.log.fork(at)
    other.say(plain=b"we never agreed", serial=1, time_s=world.wall_s)
    bravo.entries(link, other, start=at)
    world.run(40)
    assert alpha.line.accused == {bravo.log.id: at}
    frozen = frozen_logs(alpha.station, alpha.line)
    assert state_of_offer(shelf, offer.place, world.wall_s, frozen=frozen).state is State.FINAL
    assert alpha.line.charter.title == "New"
