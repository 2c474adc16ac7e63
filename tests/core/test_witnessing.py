"""The witness: an observer cosigns heads under a key that says nothing of content (F2)."""

from __future__ import annotations

import pytest
from core.lineage import party
from liar import Liar
from pair import End, World

from detente.core import cosigning, frames, identity, notes
from detente.core.errors import Refusal
from detente.core.events import StoreCosignature
from detente.core.leaf import Kind, Precedence
from detente.core.revocation import Revocation

THREE = ("alpha", "bravo", "charlie")
ROLES = ("party", "party", "observer")


def opened(**changes: object) -> World:
    world = World(names=THREE, roles=ROLES, changes=changes)
    world.open()
    world.run(130)
    return world


def witnessed(end: End) -> list[StoreCosignature]:
    """What an end keeps of witnesses."""
    kept = end.shelf(end.line.id).cosignatures
    return [one for one in kept if identity.is_witness(one.name)]


def refusals(end: End) -> list[object]:
    return [fact["refusal"] for fact in end.facts("refused")]


def alone(name: str, liar: str, roles: tuple[str, ...] = ROLES) -> tuple[World, End, Liar, int]:
    """One real end, and another member played by the test, who holds what the end has said."""
    world = World(names=THREE, roles=roles)
    world.open(name)
    played = Liar(world, liar)
    link = played.greet(name)
    played.entries(link)
    return world, world.ends[name], played, link


def cosign(
    end: End, by: str, size: int, time_s: int, *, key: str = "heads", member: int | None = None
) -> frames.Cosign:
    """A true signature by a party over the head of a log that an end holds."""
    log = end.own() if member is None else end.log_of(member)
    root = log.root if size == log.size else log.heads[size].root
    message = notes.cosign_message(log.checkpoint(size, root), time_s)
    signer = party(by).heads() if key == "heads" else party(by).holds(0)
    leaf = end.shelf(end.line.id).entry(log.id, size - 1).leaf
    assert leaf is not None
    named = None if member is None else log.id
    return frames.Cosign(named, size, time_s - leaf.time_s, signer.sign(message))


# --- given ------------------------------------------------------------------------------------


def test_an_observer_witnesses_at_once_what_is_below_immediate() -> None:
    """Its cosignature reaches the author in the same round, under its heads key and name."""
    world = opened()
    alpha, charlie = world.ends["alpha"], world.ends["charlie"]
    alpha.submit("routine")
    world.run()
    size = alpha.own().size
    one = witnessed(alpha)[-1]
    name = identity.heads_name(charlie.id)
    assert (one.log, one.size, one.name, one.member) == (alpha.own().id, size, name, 2)
    assert one.time_s == charlie.log_of(0).held_at_s
    tree = alpha.own().checkpoint(size, alpha.own().root)
    public = party("charlie").card.card.heads_ed25519
    assert notes.verify_cosignature_ed25519(tree, public, one.time_s, one.signature)
    assert alpha.facts("witnessed")[-1] == {"member": 2, "log": "0", "size": size}
    assert witnessed(charlie)[-1] == one


def test_behind_an_immediate_seen_the_witness_follows_within_a_minute() -> None:
    """At IMMEDIATE and above its `seen` goes first, as a holder's does."""
    world = opened()
    alpha = world.ends["alpha"]
    alpha.submit("now", precedence=Precedence.IMMEDIATE)
    world.run()
    size = alpha.own().size
    assert alpha.facts("receipt")[-1]["size"] == size
    assert witnessed(alpha)[-1].size < size
    world.run(60)
    assert witnessed(alpha)[-1].size == size


def test_every_member_on_a_wide_bearer_gets_the_witness() -> None:
    """Others than the author keep it too, so that either can show it; who has nothing of the log
    yet passes it over, and who is on a narrow bearer is not sent it."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    alpha.submit("one")
    world.run(30)
    bravo.submit("two")
    world.run(30)
    alpha_s = {(one.log, one.size) for one in witnessed(alpha)}
    assert {log.member for log, _ in alpha_s} == {0, 1}
    assert {one.log.member for one in witnessed(bravo)} == {0, 1}
    assert not bravo.facts("refused")
    world.cut("bravo", "charlie")
    world.link("bravo", "charlie", wide=False)
    world.run(5)
    before = len([one for one in witnessed(bravo) if one.log.member == 0])
    alpha.submit("three")
    world.run(30)
    assert len([one for one in witnessed(bravo) if one.log.member == 0]) == before
    assert witnessed(alpha)[-1].size >= alpha.own().size - 1


def test_a_witness_is_no_receipt() -> None:
    """It is never quoted, never awaited as a holder's, and recalled for no quote after a start."""
    world = opened()
    alpha, charlie = world.ends["alpha"], world.ends["charlie"]
    alpha.submit("routine")
    world.run(60)
    assert witnessed(alpha)
    assert 2 not in alpha.line.cosigned_by
    alpha.line.cosigned_by.clear()
    cosigning.recall(alpha.line, alpha.shelf(alpha.line.id).kept_of)
    assert 2 not in alpha.line.cosigned_by
    assert Kind.QUOTE not in alpha.kinds()
    names = {one.name for one in charlie.shelf(charlie.line.id).cosignatures if one.member == 2}
    assert identity.holds_name(charlie.id, 0) not in names


def test_a_witness_is_given_on_request() -> None:
    """An author that lost it asks as it asks a reader, and gets the same statement again."""
    _world, charlie, liar, link = alone("charlie", "bravo")
    liar.send(link, frames.Want(frames.WANT_COSIGNATURE, liar.log.id, 1))
    given = liar.answers(link, frames.Cosign)[-1]
    assert isinstance(given, frames.Cosign)
    leaf = charlie.shelf(charlie.line.id).entry(liar.log.id, 0).leaf
    assert leaf is not None
    time_s = leaf.time_s + given.late_s
    tree = charlie.log_of(1).checkpoint(1, liar.log.root(1))
    for public, holds in (
        (party("charlie").card.card.heads_ed25519, True),
        (party("charlie").card.card.pairs[0].holds, False),
    ):
        found = notes.verify_cosignature_ed25519(tree, public, time_s, given.signature)
        assert found is holds


def test_nobody_witnesses_with_a_revoked_key() -> None:
    """Its own roots have declared the heads key void: it signs no head, and declines a request."""
    world, charlie, liar, link = alone("charlie", "bravo")
    public = party("charlie").card.card.heads_ed25519
    charlie.station.revoked[public] = Revocation(charlie.id, 1, "heads", "stolen", world.wall_s)
    kept = len(witnessed(charlie))
    liar.say("more")
    liar.entries(link)
    world.run(60)
    assert len(witnessed(charlie)) == kept
    liar.send(link, frames.Want(frames.WANT_COSIGNATURE, liar.log.id, liar.log.size))
    assert refusals(charlie)[-1] == "revoked"


# --- taken ------------------------------------------------------------------------------------


def test_a_forged_witness_is_refused() -> None:
    """On our own log a signature that fails is the sender's fault."""
    _, alpha, liar, link = alone("alpha", "charlie")
    liar.send(link, frames.Cosign(None, 1, 0, bytes(64)))
    assert refusals(alpha) == ["bad-signature"]
    assert alpha.station.links[link].bad_frames == 1
    assert not witnessed(alpha)


@pytest.mark.parametrize(
    ("by", "key"), [("charlie", "holds"), ("bravo", "heads")], ids=["observer", "reader"]
)
def test_a_statement_of_another_role_counts_for_nothing(by: str, key: str) -> None:
    """An observer's under its holds key and a reader's under its heads key are declined by name,
    kept by nobody, and held against nobody: an amendment may be on its way."""
    world, alpha, liar, link = alone("alpha", by)
    liar.send(link, cosign(alpha, by, 1, world.wall_s, key=key))
    assert refusals(alpha) == ["not-allowed"]
    assert alpha.station.links[link].bad_frames == 0
    assert not [one for one in alpha.shelf(alpha.line.id).cosignatures if one.member]


def test_a_witness_under_a_revoked_key_is_declined() -> None:
    """From the revocation on, whatever its date; what was kept before stays."""
    world, alpha, liar, link = alone("alpha", "charlie")
    liar.send(link, cosign(alpha, "charlie", 1, world.wall_s))
    public = party("charlie").card.card.heads_ed25519
    alpha.station.revoked[public] = Revocation(
        party("charlie").id, 1, "heads", "stolen", world.wall_s
    )
    liar.send(link, cosign(alpha, "charlie", alpha.own().size, world.wall_s))
    assert refusals(alpha) == ["revoked"]
    assert [one.size for one in witnessed(alpha)] == [1]


def test_a_reader_cosigns_to_the_author_alone() -> None:
    """Holders' cosignatures are not passed round; a witness of one's own log is none."""
    world, alpha, liar, link = alone("alpha", "bravo")
    liar.send(link, cosign(alpha, "bravo", 1, world.wall_s, key="holds", member=1))
    _, other, observer, channel = alone("alpha", "charlie")
    observer.send(channel, cosign(other, "charlie", 1, world.wall_s, member=2))
    assert refusals(alpha) == refusals(other) == ["unknown-log"]


def test_a_witness_of_a_third_s_log_is_kept_declined_or_passed_over() -> None:
    """It verifies over the root held here; one that fails may rest on a third's second history,
    so it is no fault of the witness; one of entries still under way is told and passed over."""
    world, alpha, bravo, _near = alone("alpha", "bravo")
    observer = Liar(world, "charlie")
    link = observer.greet("alpha")
    observer.entries(link)
    good = cosign(alpha, "charlie", 1, world.wall_s, member=1)
    ahead = frames.Cosign(bravo.log.id, 9, 0, bytes(64))
    observer.send(link, frames.Cosign(bravo.log.id, 1, 0, bytes(64)))
    observer.send(link, ahead)
    assert not witnessed(alpha)
    observer.send(link, good)
    assert [(one.log, one.member) for one in witnessed(alpha)] == [(bravo.log.id, 2)]
    assert refusals(alpha) == [Refusal.BAD_SIGNATURE.word]
    assert alpha.station.links[link].bad_frames == 0
    assert alpha.facts("head-unknown") == [{"member": 2, "size": 9}]
    observer.send(link, frames.Cosign(None, 9, 0, bytes(64)))
    assert refusals(alpha)[-1] == "not-held"


def test_a_missing_witness_is_asked_for() -> None:
    """The author asks an observer as it asks a reader, after twice the time it has."""
    world, alpha, liar, link = alone("alpha", "charlie")
    size = alpha.own().size
    liar.send(link, frames.Got(alpha.own().id, size))
    world.run(60)
    asked = frames.Want(frames.WANT_COSIGNATURE, alpha.own().id, size)
    assert asked not in liar.answers(link, frames.Want)
    world.run(75)
    assert asked in liar.answers(link, frames.Want)
    liar.send(link, cosign(alpha, "charlie", size, world.wall_s))
    world.run(300)
    assert asked not in liar.answers(link, frames.Want)


def test_an_unknown_member_has_no_key_to_cosign_with() -> None:
    """Neither as a reader nor as an observer."""
    alpha = opened().ends["alpha"]
    assert alpha.station.cosigner(alpha.line, 9, 0) is None
    assert alpha.station.heads_key(alpha.line, 9) is None
