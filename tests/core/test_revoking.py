"""What a revoked key of each kind can still do: nothing new, and nothing of what stood is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from core.lineage import START_S, line, party
from liar import Liar
from pair import End, SeedKeys, World

from detente.core import events, frames
from detente.core.errors import LocalError, Refusal
from detente.core.export import Preamble, read_export, write_export
from detente.core.extras import Quote, Rung, decode_mark
from detente.core.identity import author_name, holds_name, holds_pq_name
from detente.core.leaf import Kind, LogId
from detente.core.log import Log
from detente.core.notes import Checkpoint, cosign_message, subtree_message
from detente.core.proof import CardKeys, part_revocations
from detente.core.quotas import log_for
from detente.core.revocation import Revocation, Stand, revoked_key, revoked_keys
from detente.core.station import Step
from detente.core.transcript import MemoryTranscript


def revocation(name: str, key: str, *stands: Stand, serial: int = 1) -> Revocation:
    """A party's word that one of its keys is stolen."""
    return Revocation(party(name).id, serial, key, "stolen", START_S, stands)


def revoke(world: World, name: str, key: str, *stands: Stand, at: tuple[str, ...] = ()) -> None:
    """All ends, or these, hold the revocation from now on."""
    made = revocation(name, key, *stands)
    for end in world.ends.values():
        if not at or end.name in at:
            end.station.revoked |= revoked_keys([made], [party(name).card.card])


def opened(seconds: int = 65, **fields: object) -> World:
    world = World(**fields)
    world.open()
    world.run(seconds)
    return world


def kept(end: End, name: str) -> list[int]:
    """The sizes at which an end keeps a cosigner's signatures."""
    return [c.size for c in end.shelf(end.line.id).cosignatures if c.name == name]


def stand(end: End) -> Stand:
    """The head of an end's own log as it is now."""
    own = end.own()
    return Stand(own.origin, own.size, own.root)


def test_cosignatures_of_a_revoked_holds_key_are_declined() -> None:
    """Those kept before stay, no later one is kept or asked for, and `seen` goes on."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    alpha.submit("before")
    world.run(60)
    name = holds_name(bravo.id, 0)
    before = kept(alpha, name)
    revoke(world, "bravo", "holds 0", at=("alpha",))
    alpha.submit("after")
    world.run(400)
    assert kept(alpha, name) == before
    refused = [facts["refusal"] for facts in alpha.facts("refused")]
    assert refused == ["revoked"]
    assert bravo.own().stated[alpha.own().id] == alpha.own().called
    assert not alpha.closed


def test_nobody_cosigns_with_a_holds_key_of_its_own_that_is_revoked() -> None:
    """Asked for one it declines by name; in the next incarnation it cosigns again."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    before = kept(alpha, holds_name(bravo.id, 0))
    revoke(world, "bravo", "holds 0", at=("bravo",))
    alpha.submit("after")
    world.run(400)
    assert kept(alpha, holds_name(bravo.id, 0)) == before
    assert {facts["refusal"] for facts in bravo.facts("refused")} == {"revoked"}
    bravo.station.keys = SeedKeys("bravo", 1)
    bravo.do(events.Adopt(1))
    world.run(65)
    assert kept(alpha, holds_name(bravo.id, 1))[-1] >= alpha.own().called


def test_signatures_of_a_revoked_author_key_are_taken_up_to_its_stand() -> None:
    """One over a head within the stand is kept; one beyond it is declined by name."""
    world = World()
    world.open("alpha")
    alpha, liar = world.ends["alpha"], Liar(world, "bravo")
    link = liar.greet("alpha")
    liar.log.say(plain=b"one", serial=1)
    liar.log.say(plain=b"two", serial=2)
    liar.entries(link)
    world.run()
    revoke(world, "bravo", "log-pq", Stand(liar.log.origin, 2, liar.log.root(2)))
    name = author_name(party("bravo").id)
    for size in (1, 2, 3):
        root = liar.log.root(size)
        message = subtree_message(name, START_S, liar.log.origin, 0, size, root)
        signature = party("bravo").author_pq().sign(message)
        liar.send(link, frames.Quantum(liar.log.id, size, START_S, signature))
    assert kept(alpha, name) == [1, 2]
    assert [facts["refusal"] for facts in alpha.facts("refused")] == ["revoked"]


@pytest.mark.parametrize("at", ["alpha", "bravo"])
def test_no_later_signature_of_a_revoked_ml_dsa_key_is_kept(at: str) -> None:
    """Neither its party makes one nor its peer takes one, whichever of them knows."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    names = [author_name(bravo.id), holds_pq_name(bravo.id)]
    before = [kept(alpha, name) for name in names]
    assert all(before)
    for key in ("log-pq", "holds-pq"):
        revoke(world, "bravo", key, at=(at,))
    bravo.submit("after")
    draft = events.Draft(kind=Kind.CARD, audience=3, body=b"\0x", salt=bytes(16))
    alpha.do(events.Submit(alpha.line.id, draft))
    world.run(130)
    assert [kept(alpha, name) for name in names] == before
    declined = {facts["refusal"] for facts in alpha.facts("refused")}
    assert declined == ({"revoked"} if at == "alpha" else set())
    assert alpha.texts(1) == [b"\0after"]


def test_a_quote_under_a_revoked_holds_key_of_ours_is_disputed() -> None:
    """Its signature may be anybody's: our own log says so before it covers the quote."""
    world = World()
    world.open("alpha")
    alpha, liar = world.ends["alpha"], Liar(world, "bravo")
    link = liar.greet("alpha")
    revoke(world, "alpha", "holds 0")
    message = cosign_message(Checkpoint(liar.log.origin, 1, liar.log.root(1)), START_S)
    signature = party("alpha").holds(0).sign(message)
    quote = Quote(liar.log.id, 1, 0, 0, START_S, signature)
    hash_ = liar.log.say(Kind.QUOTE, extra=quote.encode(), time_s=world.wall_s)
    liar.entries(link)
    world.run(40)
    shelf = alpha.shelf(alpha.line.id)
    (mark,) = shelf.referring(hash_)
    leaf = shelf.entry(*mark).leaf
    assert leaf is not None
    assert decode_mark(leaf.extra).rung is Rung.DISPUTED


def new_here(end: End, log_id: LogId) -> Log:
    """A log as it is to who holds nothing of it."""
    end.line.logs.pop(log_id, None)
    return log_for(Step(end.station, end.world.now(), end.entropy), end.line, log_id)


def test_a_log_of_a_revoked_key_that_is_new_here_ends_at_its_stand() -> None:
    """Where no other log states more of it; of one that is not named nothing is taken."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    where = stand(bravo)._replace(size=bravo.own().size + 1)  # more than alpha's log states
    revoke(world, "bravo", "log 0", where)
    revoke(world, "bravo", "log 1")
    assert new_here(alpha, bravo.own().id).frozen == where.size
    other = new_here(alpha, LogId(1, 1, bytes(8)))
    assert other.frozen == 0
    assert other.closed()
    assert new_here(bravo, bravo.own().id).frozen == -1  # what we said ourselves comes back whole


def test_nothing_begins_under_a_log_key_of_our_own_that_is_revoked() -> None:
    """Neither a line nor an incarnation: REVOKED."""
    world = opened()
    alpha = world.ends["alpha"]
    revoke(world, "alpha", "log 0")
    revoke(world, "alpha", "log 1")
    alpha.station.keys = SeedKeys("alpha", 1)
    with pytest.raises(LocalError) as caught:
        alpha.do(events.Adopt(1))
    assert caught.value.refusal is Refusal.REVOKED
    charter = replace(world.charter(), random=bytes(16)).encode()
    with pytest.raises(LocalError) as caught:
        alpha.do(events.Accept(charter))
    assert caught.value.refusal is Refusal.REVOKED


def test_nothing_is_sealed_to_a_revoked_kem_key() -> None:
    """REVOKED until the next card is there, and UNKNOWN_PARTY without any."""
    world = World()
    station, bravo = world.ends["alpha"].station, party("bravo").card.card
    assert station.sealing_key(bravo.party) == bravo.kem_xwing
    revoke(world, "bravo", "kem")
    with pytest.raises(LocalError) as caught:
        station.sealing_key(bravo.party)
    assert caught.value.refusal is Refusal.REVOKED
    station.cards[bravo.party] = replace(bravo, serial=2, kem_xwing=bytes(1216))
    assert station.sealing_key(bravo.party) == bytes(1216)
    with pytest.raises(LocalError) as caught:
        station.sealing_key(bytes(32))
    assert caught.value.refusal is Refusal.UNKNOWN_PARTY


def test_a_revocation_means_the_key_of_the_card_of_its_day() -> None:
    """The latest card issued by then; where all are later, TLS and KEM keys have been replaced."""
    first = party("bravo").card.card
    new = {"tls_ed25519": bytes(32), "kem_xwing": bytes(1216)}
    second = replace(first, serial=2, issued_s=START_S + 10, **new)
    tls = revocation("bravo", "tls")
    assert revoked_key(tls, [second, first]) == first.tls_ed25519
    assert revoked_key(replace(tls, issued_s=START_S + 10), [first, second]) == bytes(32)
    assert revoked_key(tls, [second]) is None
    assert revoked_key(revocation("bravo", "kem"), [second]) is None
    assert revoked_key(revocation("bravo", "log 0"), [second]) == first.pairs[0].log
    assert revoked_key(revocation("bravo", "holds 3"), [first]) == first.pairs[3].holds
    assert revoked_key(revocation("bravo", "heads"), [first]) == first.heads_ed25519
    assert revoked_key(tls, []) is None
    assert revoked_keys([tls], [second]) == {}


def test_the_first_of_two_revocations_of_a_key_counts() -> None:
    """What a party has said it stands by it cannot take back."""
    where = Stand("x", 7, bytes(32))
    first = revocation("bravo", "log 0", where)
    second = revocation("bravo", "log 0", serial=2)
    card = party("bravo").card.card
    assert revoked_keys([second, first], [card]) == {card.pairs[0].log: first}
    assert first.stand("x") == where
    assert first.stand("y") is None


def test_a_bundle_and_a_transcript_hold_revocations() -> None:
    """Parts of a bundle by their first line; lines of a transcript between cards and charter."""
    note = b"detente revocation v1\n\n"
    assert part_revocations([b"proof", note, b"other"]) == ([b"proof", b"other"], [note])
    made = line("Aland", "Bland")
    empty = MemoryTranscript()
    for notes in ((), (b"one",), (b"one", b"two")):
        wanted = Preamble(5 + len(notes) - 1, made.id, "build/1", (), made.charter_text, (), notes)
        chunks = write_export(empty, wanted, reader=None, origin=str, heads=lambda _: ())
        found = next(iter(read_export(chunks)))
        assert found == wanted._replace(number=4 + len(notes))


def test_a_dated_signature_counts_on_the_tree_stood_by_alone() -> None:
    """Of a revoked key; any other key's signature counts."""
    bravo = party("bravo").card.card
    where = Stand("log", 2, bytes(32))
    keys = CardKeys([bravo], [revocation("bravo", "log-pq", where)])
    assert not keys.voids(bravo.log_mldsa44, Checkpoint("log", 2, bytes(32)))
    for other in (("log", 1, bytes(32)), ("log", 2, b"\1" * 32), ("other", 2, bytes(32))):
        assert keys.voids(bravo.log_mldsa44, Checkpoint(*other))
        assert not keys.voids(bravo.holds_mldsa44, Checkpoint(*other))
    assert keys.revocation(bravo.holds_mldsa44) is None
