"""ML-DSA-44 beside Ed25519: the author within a minute, at once where it must outlive it (F11)."""

from __future__ import annotations

import pytest
from core.lineage import party
from liar import Liar
from pair import End, SeedKeys, World

from detente.core import events, frames, limits
from detente.core.cosigning import FAILED_MAX
from detente.core.errors import Refusal
from detente.core.extras import Offer
from detente.core.identity import author_name, holds_pq_name
from detente.core.leaf import Kind, LogId
from detente.core.notes import Checkpoint, subtree_message, verify_cosignature_mldsa44


def opened(**fields: object) -> World:
    world = World(**fields)
    world.open()
    world.run(130)
    return world


def signed(end: End, by: int, log: LogId) -> list[tuple[int, str]]:
    """Sizes and names of the ML-DSA signatures that an end keeps from a member over a log."""
    kept = end.shelf(end.line.id).cosignatures
    return [
        (c.size, c.name)
        for c in kept
        if c.member == by and c.log == log and len(c.signature) == frames.MLDSA_BYTES
    ]


def test_an_author_signs_within_a_minute() -> None:
    """Whatever was entered, `seen` too, has its author's ML-DSA signature a minute later; it
    verifies with the card, and is kept by both."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    alpha.submit("routine")
    world.run()
    size = alpha.own().size
    before = signed(alpha, 0, alpha.own().id)
    world.run(limits.PQ_WITHIN_S - 1)
    assert signed(alpha, 0, alpha.own().id) == before
    world.run(1)
    name = author_name(alpha.id)
    assert signed(alpha, 0, alpha.own().id)[-1] == (size, name)
    assert signed(bravo, 0, alpha.own().id)[-1] == (size, name)
    kept = [c for c in bravo.shelf(bravo.line.id).cosignatures if c.name == name][-1]
    point = Checkpoint(alpha.own().origin, size, alpha.own().root)
    public = party("alpha").card.card.log_mldsa44
    assert verify_cosignature_mldsa44(name, point, public, kept.time_s, kept.signature)
    world.run(60)
    assert signed(alpha, 1, bravo.own().id)[-1][0] == bravo.own().size


def test_what_was_still_to_be_signed_is_signed_at_once_after_a_start() -> None:
    """Not when something is entered the next time."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    alpha.submit("routine")
    world.run()
    size = alpha.own().size
    alpha.restart()
    world.link("alpha", "bravo")
    world.run(2)
    assert signed(bravo, 0, alpha.own().id)[-1][0] >= size


def test_a_charter_is_signed_at_once_by_its_author_and_by_those_who_hold_it() -> None:
    """So is a seal, a card, a resume and a closing head."""
    world = World()
    world.open()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    for end in (alpha, bravo):
        assert signed(end, 0, alpha.own().id)[0] == (1, author_name(alpha.id))
        assert signed(end, 1, alpha.own().id)[0] == (1, holds_pq_name(bravo.id))


@pytest.mark.parametrize("kind", [Kind.SEAL, Kind.CARD])
def test_what_must_outlive_ed25519_is_signed_at_once(kind: int) -> None:
    """By its author and by every holder, in the same moment."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    body = b"\0x" if kind == Kind.CARD else None
    draft = events.Draft(kind=kind, audience=3, body=body, salt=bytes(16), refs=(bytes(32),))
    alpha.do(events.Submit(alpha.line.id, draft))
    world.run()
    for end in (alpha, bravo):
        assert signed(end, 0, alpha.own().id)[-1][0] == alpha.own().size
        assert signed(end, 1, alpha.own().id)[-1][0] == alpha.own().size


def test_a_resume_and_the_closing_heads_are_signed_at_once() -> None:
    """What ends an old log and begins a new one must outlive Ed25519 on both sides."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    alpha.station.keys = SeedKeys("alpha", 1)
    alpha.do(events.Adopt(1))
    world.run()
    new = alpha.own()
    for end in (alpha, bravo):
        assert signed(end, 0, new.id)[0] == (1, author_name(alpha.id))
        assert signed(end, 1, new.id)[0] == (1, holds_pq_name(bravo.id))
        assert signed(end, 1, bravo.own().id)[-1][0] == bravo.own().size
        assert signed(end, 0, bravo.own().id)[-1] == (bravo.own().size, holds_pq_name(alpha.id))
    count = len(signed(alpha, 0, new.id))
    bravo.submit("ordinary again")
    world.run(5)
    assert len(signed(alpha, 0, new.id)) == count


def test_narrow_links_carry_no_ml_dsa() -> None:
    """Its 2,420 bytes wait for a wide bearer; the first one gets them."""
    world = World()
    world.open("alpha")
    alpha, liar = world.ends["alpha"], Liar(world, "bravo")
    narrow = liar.link("alpha", wide=False)
    liar.hello(narrow)
    liar.entries(narrow)
    world.run(130)
    assert not liar.answers(narrow, frames.Quantum)
    wide = liar.greet("alpha")
    world.run(2)
    found = liar.answers(wide, frames.Quantum)
    assert alpha.own().id in {frame.log for frame in found}
    assert not liar.answers(narrow, frames.Quantum)


def test_a_narrow_link_carries_ml_dsa_in_a_quiet_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is entered for so long each side signs its log, once, and is quantum-safe up to
    there; an entry or another link begins the hour anew."""
    monkeypatch.setattr(limits, "PQ_QUIET_S", 300)
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    world.cut("alpha", "bravo")
    world.link("alpha", "bravo", wide=False)
    world.run(200)
    alpha.submit("said")
    world.run(40)
    ends = ((alpha, bravo, 1), (bravo, alpha, 0))
    before = [signed(end, 1 - member, end.own().id) for end, _, member in ends]
    world.frames.clear()
    world.run(200)
    world.cut("alpha", "bravo")
    world.link("alpha", "bravo", wide=False)
    world.run(250)
    assert [signed(end, 1 - member, end.own().id) for end, _, member in ends] == before
    world.run(1000)
    for end, other, member in ends:
        name = author_name(end.station.party)
        assert signed(other, 1 - member, end.own().id)[-1] == (end.own().size, name)
    sent = [data for _, _, data in world.frames if data[0] >> 4 == frames.Quantum.TYPE]
    assert len(sent) == 2


def test_a_peer_that_comes_late_is_shown_the_last_signature() -> None:
    """Made once, shown to whoever has caught up with it."""
    world = opened(names=("alpha", "bravo", "charlie"))
    alpha, charlie = world.ends["alpha"], world.ends["charlie"]
    world.drop(charlie)
    alpha.submit("while charlie was away")
    world.run(130)
    made = signed(alpha, 0, alpha.own().id)
    world.link("alpha", "charlie")
    world.run()
    assert signed(charlie, 0, alpha.own().id)[-1] == made[-1]


def test_an_observer_signs_its_own_log_alone() -> None:
    """It holds no content, so it adds nothing as a holder."""
    world = opened(names=("alpha", "bravo", "charlie"), roles=("party", "party", "observer"))
    alpha, charlie = world.ends["alpha"], world.ends["charlie"]
    assert signed(alpha, 2, charlie.own().id)
    assert not signed(alpha, 2, alpha.own().id)
    assert not signed(charlie, 2, alpha.own().id)


def liar_world() -> tuple[World, Liar, int, End]:
    world = World()
    world.open("alpha")
    liar = Liar(world, "bravo")
    link = liar.greet("alpha")
    liar.entries(link)
    world.run()
    return world, liar, link, world.ends["alpha"]


def quantum(liar: Liar, time_s: int, size: int = 1, *, holder: bool = False) -> frames.Quantum:
    """A true ML-DSA signature of bravo: over its own log, or as a holder of alpha's."""
    who = party("bravo")
    if holder:
        end = next(iter(liar.links.values()))
        own = end.own()
        root = end.shelf(end.line.id).heads[own.id][size].root
        name, signer, log, origin = holds_pq_name(who.id), who.holds_pq(), own.id, own.origin
    else:
        name, signer = author_name(who.id), who.author_pq()
        log, origin, root = liar.log.id, liar.log.origin, liar.log.root(size)
    message = subtree_message(name, time_s, origin, 0, size, root)
    return frames.Quantum(log, size, time_s, signer.sign(message))


def test_signatures_of_both_roles_are_kept_once_a_size() -> None:
    """However often they are dated anew."""
    world, liar, link, alpha = liar_world()
    for n in range(3):
        liar.send(link, quantum(liar, world.wall_s + n))
        liar.send(link, quantum(liar, world.wall_s + n, holder=True))
    assert signed(alpha, 1, liar.log.id) == [(1, author_name(party("bravo").id))]
    assert signed(alpha, 1, alpha.own().id) == [(1, holds_pq_name(party("bravo").id))]
    assert not alpha.facts("refused")


def test_false_signatures_are_refused_and_early_ones_told() -> None:
    """Over a head that is not here nothing is looked at."""
    world, liar, link, alpha = liar_world()
    false = frames.Quantum(liar.log.id, 1, world.wall_s, bytes(frames.MLDSA_BYTES))
    liar.send(link, false)
    assert alpha.facts("refused")[-1]["refusal"] == "bad-signature"
    liar.send(link, frames.Quantum(liar.log.id, 9, world.wall_s, bytes(frames.MLDSA_BYTES)))
    liar.send(link, frames.Quantum(LogId(1, 3, b""), 1, 5, bytes(frames.MLDSA_BYTES)))
    assert len(alpha.facts("head-unknown")) == 2
    assert len(alpha.facts("refused")) == 1
    assert signed(alpha, 1, liar.log.id) == []


def test_a_holders_signature_over_a_thirds_log_is_blamed_on_nobody() -> None:
    """That log's author may have shown the two of us different histories: what does not fit ours is
    named and not kept, and not counted against the link, however often."""
    world = World(names=("alpha", "bravo", "charlie"))
    world.open("alpha", "charlie")
    alpha, liar = world.ends["alpha"], Liar(world, "bravo")
    link, log = liar.greet("alpha"), LogId(2, 0, b"")
    other = frames.Quantum(log, 1, world.wall_s, bytes(frames.MLDSA_BYTES))
    liar.got(link)
    for _ in range(limits.BAD_FRAMES_MAX + 1):
        liar.send(link, other)
    named = {"refusal": "bad-signature", "log": log.word, "member": 2}
    assert alpha.facts("refused") == [named] * (limits.BAD_FRAMES_MAX + 1)
    assert set(liar.answers(link, frames.Refuse)) == {frames.Refuse(Refusal.BAD_SIGNATURE, log, 1)}
    assert not alpha.closed
    assert signed(alpha, 1, log) == []


def test_very_many_false_signatures_at_once_are_the_links_fault() -> None:
    """Each costs a check, so beyond a bound they count like any other; seconds later there is room
    again for the few that an honest holder may send."""
    world = World(names=("alpha", "bravo", "charlie"))
    world.open("alpha", "charlie")
    alpha, liar = world.ends["alpha"], Liar(world, "bravo")
    link, log = liar.greet("alpha"), LogId(2, 0, b"")
    other = frames.Quantum(log, 1, world.wall_s, bytes(frames.MLDSA_BYTES))
    for _ in range(FAILED_MAX + 3):
        liar.send(link, other)
    assert alpha.station.links[link].bad_frames == 3
    world.run(6)
    assert alpha.line.sessions[link].failed == 0
    liar.send(link, other)
    assert alpha.station.links[link].bad_frames == 3
    for _ in range(FAILED_MAX + limits.BAD_FRAMES_MAX):
        liar.send(link, other)
    assert set(alpha.closed) == {Refusal.BAD_SIGNATURE}


def test_a_log_that_cannot_be_covered_gets_no_holders_signature() -> None:
    """Where even the first entry lacks its body there is nothing to state."""
    world = World()
    world.open("alpha")
    alpha, liar = world.ends["alpha"], Liar(world, "bravo")
    link = liar.greet("alpha")
    liar.entries(link, bodies=False)
    world.run(2)
    assert alpha.line.logs[liar.log.id].missing
    assert not signed(alpha, 0, liar.log.id)
    assert Offer(1, 0, 3, 5).encode()
