"""What is still taken of a forked log: heads that others had covered before they knew."""

from __future__ import annotations

import pytest
from core.forks import CHARLIE, THREE, enter, forked, grown, proof_by_leaves
from core.lineage import LogBuilder, party
from core.test_amending import enter as sealed
from core.test_amending import offer, state, successor
from liar import Liar, covering_item
from pair import End, World

from detente.core import amending, freezing, limits
from detente.core.accusation import Verdict, check
from detente.core.amending import refresh_charter
from detente.core.contested import Frozen, stands
from detente.core.decisions import State, state_of_offer
from detente.core.errors import Refusal
from detente.core.frames import WANT_ENTRIES, Got, Refuse, Want
from detente.core.freezing import frozen_logs, heads_to_come
from detente.core.leaf import Kind, LogId
from detente.core.line import Line
from detente.core.log import Log
from detente.core.proof import CardKeys
from detente.core.revocation import Revocation
from detente.core.station import Step
from detente.core.transcript import Place
from detente.core.wire import Batch


def covering(liar: Liar, log: LogBuilder, size: int) -> None:
    """The liar states in his own log that he holds another one up to a size."""
    item = covering_item(log.id, size, log.root(size), liar.world.wall_s)
    liar.log.say(Kind.SEEN, seen=(item,), time_s=liar.world.wall_s)


def frozen_at_four(*covered: int, after: bool = False) -> tuple[Liar, Liar, End, int, LogBuilder]:
    """Alpha holds four entries of charlie's and a proof, from bravo, that he forked there. Bravo's
    log covers his other six at these sizes: before the proof, or after it."""
    world = World(names=THREE)
    world.open("alpha")
    charlie, bravo = Liar(world, "charlie"), Liar(world, "bravo")
    one, other = forked(charlie, 4, 8, 6)
    link = bravo.greet("alpha")
    bravo.entries(link)
    bravo.entries(link, one, stop=4)
    proof = proof_by_leaves(one, other, 4)
    if after:
        enter(bravo, link, CHARLIE, 4, proof)
    start = bravo.log.size
    for size in covered:
        covering(bravo, one, size)
    if covered:
        bravo.entries(link, start=start)
    if not after:
        enter(bravo, link, CHARLIE, 4, proof)
    alpha = world.ends["alpha"]
    assert (alpha.line.logs[CHARLIE].size, alpha.line.logs[CHARLIE].frozen) == (4, 4)
    return charlie, bravo, alpha, link, other


def offered(alpha: End, liar: Liar, link: int, log: LogBuilder, start: int, stop: int) -> int:
    """How much of charlie's log alpha holds behind one more batch of it."""
    liar.entries(link, log, start=start, stop=stop)
    liar.world.run()
    assert alpha.line.logs[CHARLIE].frozen == 4
    return alpha.line.logs[CHARLIE].size


def refused(alpha: End) -> object:
    """The name of the last refusal."""
    return alpha.facts("refused")[-1]["refusal"]


def test_who_had_the_proof_first_comes_to_hold_what_others_covered_before_it() -> None:
    """Bravo had covered six of charlie's when he showed it another history; alpha, who holds four
    and learns of both at once, takes those six, and judges the fifth and the sixth alike."""
    world = World(names=THREE)
    world.open("alpha")
    world.open("bravo")
    charlie = Liar(world, "charlie")
    one, other = forked(charlie, 4, 6, 6)
    one = grown(charlie, one, 7)
    to_alpha, to_bravo = charlie.greet("alpha"), charlie.greet("bravo")
    charlie.entries(to_alpha, one, stop=4)
    charlie.entries(to_bravo, one, stop=6)
    world.run(40)  # bravo covers six
    charlie.entries(to_bravo, one, start=6)
    charlie.entries(to_bravo, other)
    world.link("alpha", "bravo")
    world.run(limits.ASK_AGAIN_S_MAX)
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    for end in (alpha, bravo):
        assert end.line.accused == {CHARLIE: 4}
        frozen = frozen_logs(end.station, end.line)
        places = [Place(CHARLIE, index) for index in range(3, 6)]
        assert [stands(end.line.shelf, place, frozen) for place in places] == [True] * 3
    assert (alpha.line.logs[CHARLIE].size, bravo.line.logs[CHARLIE].size) == (6, 7)
    assert alpha.own().stated[CHARLIE] == 4, "held, and never covered"


def test_a_head_that_was_covered_before_is_taken_and_the_next_one_after_it() -> None:
    """One such head at a time, from whoever holds it; bodies and all."""
    charlie, bravo, alpha, link, _ = frozen_at_four(5, 7)
    assert offered(alpha, bravo, link, charlie.log, 4, 5) == 5
    assert offered(alpha, bravo, link, charlie.log, 5, 7) == 7
    assert not alpha.line.logs[CHARLIE].missing


@pytest.mark.parametrize(("start", "stop"), [(4, 5), (4, 6), (4, 8), (3, 7), (0, 7), (0, 4)])
def test_a_batch_that_does_not_lead_from_the_end_to_such_a_head_is_refused(
    start: int, stop: int
) -> None:
    """What ends elsewhere may be of either history: nobody has named that head in time."""
    charlie, bravo, alpha, link, _ = frozen_at_four(7)
    assert offered(alpha, bravo, link, charlie.log, start, stop) == 4
    assert refused(alpha) == "frozen"


def test_the_other_history_of_the_same_size_is_refused() -> None:
    """Its author may be the first to send it; the head that was covered says which one counts."""
    charlie, bravo, alpha, link, other = frozen_at_four(6)
    direct = charlie.greet("alpha")
    assert offered(alpha, charlie, direct, other, 4, 6) == 4
    assert charlie.answers(direct, Refuse)[-1] == Refuse(Refusal.FROZEN, CHARLIE, 4)
    assert offered(alpha, bravo, link, charlie.log, 4, 6) == 6


def test_what_was_covered_after_the_proof_is_refused() -> None:
    """Who knew, and covered it, holds it for nobody else."""
    charlie, bravo, alpha, link, _ = frozen_at_four(6, after=True)
    assert offered(alpha, bravo, link, charlie.log, 4, 6) == 4
    assert refused(alpha) == "frozen"


@pytest.mark.parametrize(("end", "size"), [(5, 4), (6, 6)])
def test_nothing_is_taken_beyond_the_end_of_a_revoked_log(
    monkeypatch: pytest.MonkeyPatch, end: int, size: int
) -> None:
    """A key that was stolen may have forked its log too: where that ends counts as well."""
    charlie, bravo, alpha, link, _ = frozen_at_four(6)
    revocation = Revocation(alpha.line.party_of(2) or b"", 1, "log 0", "stolen", 0, ())
    alpha.station.revoked[alpha.line.logs[CHARLIE].key] = revocation

    def end_here(line: Line, log: Log, told: Revocation) -> int:
        assert (line.id, log.id, told) == (alpha.line.id, CHARLIE, revocation)
        return end

    monkeypatch.setattr(freezing, "end_here", end_here)
    assert offered(alpha, bravo, link, charlie.log, 4, 6) == size


@pytest.mark.parametrize("forgotten", [False, True])
def test_who_relays_sends_just_from_one_such_head_to_the_next(*, forgotten: bool) -> None:
    """Though it holds heads between them, and beyond: who asks takes nothing else. Heads that
    memory has forgotten are in the store."""
    charlie, bravo, alpha, link, _ = frozen_at_four(5, 7)
    assert offered(alpha, bravo, link, charlie.log, 4, 5) == 5
    assert offered(alpha, bravo, link, charlie.log, 5, 7) == 7
    bravo.got(link)
    if forgotten:
        alpha.line.logs[CHARLIE].heads.clear()
    for start, counts in ((4, [1, 2]), (0, [4, 1, 2])):
        bravo.send(link, Want(WANT_ENTRIES, CHARLIE, start))
        alpha.world.run()
        sent = bravo.answers(link, Batch)
        assert [(batch.log, batch.count) for batch in sent] == [(CHARLIE, n) for n in counts]


def test_of_a_log_that_is_forked_from_its_first_entry_the_same_is_sent() -> None:
    """What stands begins at 0 there."""
    world = World(names=THREE)
    world.open("alpha")
    charlie, bravo = Liar(world, "charlie"), Liar(world, "bravo")
    one, other = forked(charlie, 0, 8, 6)
    link = bravo.greet("alpha")
    for size in (5, 7):
        covering(bravo, one, size)
    bravo.entries(link)
    enter(bravo, link, CHARLIE, 0, proof_by_leaves(one, other, 0))
    for start, stop in ((0, 5), (5, 7)):
        bravo.entries(link, one, start=start, stop=stop)
    alpha = world.ends["alpha"]
    assert (alpha.line.logs[CHARLIE].size, alpha.line.logs[CHARLIE].frozen) == (7, 0)
    bravo.got(link)
    bravo.send(link, Want(WANT_ENTRIES, CHARLIE, 0))
    world.run()
    assert [batch.count for batch in bravo.answers(link, Batch)] == [5, 2]


def test_on_a_narrow_link_too_the_last_head_that_stands_is_sent_whole() -> None:
    """Heads between the last two that stand are held here, and whoever knows takes none of them."""
    world = World(names=THREE)
    world.open("alpha")
    charlie, bravo = Liar(world, "charlie"), Liar(world, "bravo")
    one, other = forked(charlie, 4, 7, 6)
    link = bravo.link("alpha", wide=False)
    bravo.hello(link)
    bravo.entries(link)
    for start, stop in ((0, 4), (4, 5), (5, 6), (6, 7)):
        bravo.entries(link, one, start=start, stop=stop)
    start = bravo.log.size
    for size in (5, 7):
        covering(bravo, one, size)
    bravo.entries(link, start=start)
    enter(bravo, link, CHARLIE, 4, proof_by_leaves(one, other, 4))
    alpha = world.ends["alpha"]
    log = alpha.line.logs[CHARLIE]
    assert (log.size, log.frozen) == (7, 4)
    world.run(70)
    bravo.send(link, Got(alpha.own().id, alpha.own().size))
    world.run()
    bravo.got(link)
    bravo.send(link, Want(WANT_ENTRIES, CHARLIE, 5))
    world.run()
    assert [batch.count for batch in bravo.answers(link, Batch) if batch.log == CHARLIE] == [2]


def test_the_signatures_of_a_proof_are_verified_once_by_the_same_cards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not at each look at a head that is shown behind the freeze. By another card of its author
    it may be none."""
    _, _, alpha, _, _ = frozen_at_four(6)
    log, checked = alpha.line.logs[CHARLIE], []
    alpha.line.convicts.clear()  # the charter was looked for at the freeze

    def checking(proof: bytes, keys: CardKeys) -> Verdict:
        checked.append(proof)
        return check(proof, keys)

    def proofs() -> int:
        return len(frozen_logs(alpha.station, alpha.line)[CHARLIE].proofs)

    monkeypatch.setattr(freezing, "check", checking)
    for _ in range(3):
        assert heads_to_come(alpha.station, alpha.line, log, 4)
    assert (proofs(), len(checked)) == (1, 1)
    card, cards = party("charlie").card.card, alpha.station.cards
    cards[card.party] = party("dave").card.card
    assert (proofs(), len(checked)) == (0, 2)
    cards[card.party] = card
    assert (proofs(), len(checked)) == (1, 3)


def test_a_hold_behind_a_freeze_is_waited_for_until_a_later_cover_makes_it_stand() -> None:
    """Charlie's hold and the proof of his fork below it come in one moment: alpha covers neither,
    and looks at the seal again with each `seen`, till delta's shows that the hold stands."""
    world = World(names=(*THREE, "delta"))
    world.open("alpha")
    alpha, charlie = world.ends["alpha"], Liar(world, "charlie")
    bravo, delta = Liar(world, "bravo"), Liar(world, "delta")
    links = [liar.greet("alpha") for liar in (charlie, bravo, delta)]
    for liar, link in zip((charlie, bravo, delta), links, strict=True):
        liar.entries(link)
    made = offer(alpha, alpha.line.charter, sealer=0, signatories=0b0111)
    assents = []
    for liar, link in ((bravo, links[1]), (charlie, links[0])):
        assents.append(liar.log.say(Kind.ASSENT, refs=(made,), time_s=world.wall_s))
        liar.entries(link, start=1)
    sealed(alpha, Kind.SEAL, made, *assents)
    other, fork = charlie.log.fork(charlie.log.size), charlie.log.size
    for liar, link in ((bravo, links[1]), (charlie, links[0])):
        liar.seen((alpha, alpha.own().id))
        liar.entries(link, start=fork)
    proof = proof_by_leaves(charlie.log, grown(charlie, other, fork + 1), fork)
    enter(bravo, links[1], CHARLIE, fork, proof)
    assert alpha.line.logs[CHARLIE].frozen == fork
    assert _state(alpha, made) is State.SEALED
    assert alpha.line.sealing
    covering(delta, charlie.log, fork + 1)
    delta.entries(links[2], start=1)
    world.run()
    assert _state(alpha, made) is State.FINAL


@pytest.mark.parametrize("whole", [True, False])
def test_who_holds_a_contested_seal_comes_to_the_same_charter_as_who_does_not(
    *, whole: bool
) -> None:
    """Charlie seals, to alpha alone, forks below that, and seals again in his next log: that seal
    is final to both, and its charter in force, also where the first one lacked the assent."""
    world = World(names=THREE)
    world.open("alpha")
    world.open("bravo")
    world.link("alpha", "bravo")
    alpha, bravo, charlie = world.ends["alpha"], world.ends["bravo"], Liar(world, "charlie")
    links = [charlie.greet(name) for name in ("alpha", "bravo")]
    for link in links:
        charlie.entries(link)
    made = offer(alpha, successor(world, seen_within_s=5), sealer=2, signatories=0b111)
    world.run(40)
    assent = sealed(bravo, Kind.ASSENT, made)
    world.run(40)
    logs = (alpha, alpha.own().id), (bravo, bravo.own().id)
    size = charlie.log.size
    other = grown(charlie, charlie.log.fork(size), size + 1)
    charlie.log.say(Kind.SEAL, refs=(made, assent)[: 1 + whole], time_s=world.wall_s)
    charlie.entries(links[0], start=size)
    proof = proof_by_leaves(charlie.log, other, size)
    charlie.log = charlie.new_log(LogId(2, 1, b""))
    charlie.seen(*logs)
    charlie.log.say(Kind.SEAL, refs=(made, assent), time_s=world.wall_s)
    for link in links:
        charlie.entries(link)
    enter(charlie, links[1], CHARLIE, size, proof)
    charlie.entries(links[0], start=3)
    world.run(100)
    assert [end.line.logs[CHARLIE].size for end in (alpha, bravo)] == [size + 1, size]
    for end in (alpha, bravo):
        assert end.line.logs[CHARLIE].frozen == size
        assert (_state(end, made), end.line.charter.number) == (State.FINAL, 1)
    assert [alpha.line.sealing, bravo.line.sealing] == [True, False], "the first may come to stand"


def _state(end: End, made: bytes) -> State:
    """What has become of an offer, by all that is held and frozen here."""
    place = end.line.shelf.find(made)
    assert place is not None
    frozen = frozen_logs(end.station, end.line)
    return state_of_offer(end.line.shelf, place, end.world.wall_s, frozen=frozen).state


def test_what_only_seems_to_end_before_its_seal_is_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A log of a revoked key ends where others have covered it, and who is only catching up does
    not know their covers yet: a seal that is void by that is waited for, and none where none is."""
    world = World(names=THREE)
    world.open()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    made = offer(alpha, alpha.line.charter, signatories=3)
    ended = {alpha.own().id: Frozen(0, (), 0)}
    monkeypatch.setattr(amending, "frozen_logs", lambda station, line: ended)
    refresh_charter(Step(bravo.station, world.now(), bravo.entropy), bravo.line)
    assert not bravo.line.sealing
    sealed(bravo, Kind.SEAL, made)
    world.run(60)
    assert state(bravo, made) is State.FINAL
    refresh_charter(Step(bravo.station, world.now(), bravo.entropy), bravo.line)
    assert bravo.line.sealing
