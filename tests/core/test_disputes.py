"""Equivocation: whoever signs two histories is proven by his own hand, and nobody else ever is."""

from __future__ import annotations

import pytest
from core.lineage import LogBuilder, party
from liar import Liar, covering_item, stated
from pair import End, World, heads

from detente.core import accusation, events, frames, limits
from detente.core.accusation import Finding, Form
from detente.core.body import unpack
from detente.core.errors import Refusal
from detente.core.extras import Accused, decode_accused
from detente.core.leaf import Kind, LogId, Precedence
from detente.core.proof import CardKeys

THREE = ("alpha", "bravo", "charlie")
CHARLIE = LogId(2, 0, b"")


def verdicts(end: End) -> list[accusation.Verdict]:
    """What a stranger with the cards makes of every accusation in an end's own logs."""
    keys = CardKeys(party(name).card.card for name in end.world.names)
    shelf = end.shelf(end.line.id)
    places = [p for p in shelf.of_kind([Kind.ACCUSATION]) if p.log.member == end.line.me]
    return [accusation.check(unpack(shelf.entry(*p).body), keys) for p in places]


def convicted(end: End, index: int, form: Form = Form.LEAVES) -> None:
    """Charlie's log is frozen from this index on, by a proof that names his key."""
    log = end.line.logs[CHARLIE]
    assert log.frozen == index
    assert end.line.accused == {CHARLIE}
    assert not end.line.disputes
    shelf = end.shelf(end.line.id)
    places = shelf.of_kind([Kind.ACCUSATION])
    assert places
    keys = CardKeys(party(name).card.card for name in end.world.names)
    for place in places:
        entry = shelf.entry(*place)
        verdict = accusation.check(unpack(entry.body), keys)
        assert verdict.finding is Finding.PROVEN
        assert verdict.form is form
        assert verdict.origin.party == party("charlie").id
        assert decode_accused(entry.leaf.extra) == Accused(CHARLIE, verdict.index)


def split(shared: int, one: int, other: int) -> tuple[World, Liar, LogBuilder]:
    """Alpha follows one history of charlie's, bravo another; they are not linked yet."""
    world = World(names=THREE)
    world.open("alpha")
    world.open("bravo")
    charlie = Liar(world, "charlie")
    for n in range(shared):
        charlie.say(f"shared {n}")
    fork = charlie.log.fork(charlie.log.size)
    for n in range(one):
        charlie.say(f"one {n}")
    for n in range(other):
        charlie.say(f"other {n}", fork)
    for name, log in (("alpha", charlie.log), ("bravo", fork)):
        link = charlie.greet(name)
        charlie.entries(link, log)
    world.run()
    return world, charlie, fork


@pytest.mark.parametrize(
    ("shared", "one", "other"),
    [(0, 1, 1), (3, 4, 4), (2, 1, 6), (2, 6, 1), (9, 8, 3), (0, 7, 12), (15, 1, 2)],
)
def test_a_split_view_is_proven_to_both_sides(shared: int, one: int, other: int) -> None:
    """At equal and at unequal sizes: both end with a proof that names charlie's key, his log is
    frozen where it parts, and the two go on."""
    world, _, _ = split(shared, one, other)
    world.link("alpha", "bravo")
    world.run(90)
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    for end in (alpha, bravo):
        convicted(end, 1 + shared)
        assert end.facts("fork-proven")
        assert not end.line.mute
    alpha.submit("still here", precedence=Precedence.FLASH)
    bravo.submit("here too")
    world.run(40)
    assert bravo.texts(0) == [b"\0still here"]
    assert alpha.texts(1) == [b"\0here too"]
    own = {log: held for log, held in heads(alpha).items() if log.member != 2}
    assert own == {log: held for log, held in heads(bravo).items() if log.member != 2}
    assert alpha.log_of(1).stated[alpha.own().id] >= alpha.own().called


def test_what_was_covered_before_the_proof_stays_covered() -> None:
    """A frozen log is covered no farther, and what the record holds of it is not taken back."""
    world, charlie, _fork = split(3, 2, 2)
    world.run(40)
    alpha = world.ends["alpha"]
    before = alpha.own().stated[CHARLIE]
    assert before == charlie.log.size
    world.link("alpha", "bravo")
    world.run(90)
    assert alpha.own().stated[CHARLIE] == before
    assert alpha.line.logs[CHARLIE].size == charlie.log.size


def test_a_forked_log_takes_nothing_more() -> None:
    """From its author or a relay, what comes for a closed log is refused by name."""
    world, charlie, _ = split(1, 1, 1)
    world.link("alpha", "bravo")
    world.run(60)
    alpha = world.ends["alpha"]
    link = charlie.greet("alpha", stated(charlie.log))
    charlie.say("and then")
    charlie.got(link)
    charlie.entries(link, start=3)
    assert charlie.answers(link, frames.Refuse) == [frames.Refuse(Refusal.FROZEN, CHARLIE, 3)]
    charlie.ahead(link, 3, 2)
    assert alpha.facts("refused")[-1]["refusal"] == "unknown-log"
    assert alpha.station.links[link].bad_frames == 0
    assert alpha.line.logs[CHARLIE].size == 3


def test_a_forked_log_is_still_filled_up_to_where_it_parts() -> None:
    """A proof freezes from its index on; what lies before it is as good as ever."""
    world, charlie, fork = split(4, 1, 1)
    world.link("alpha", "bravo")
    world.run(60)
    third = World(names=THREE)
    third.open("alpha")
    alpha, bravo = third.ends["alpha"], Liar(third, "bravo")
    link = bravo.greet("alpha")
    proof_end = world.ends["alpha"]
    shelf = proof_end.shelf(proof_end.line.id)
    entry = shelf.entry(*shelf.of_kind([Kind.ACCUSATION])[0])
    bravo.log.say(Kind.ACCUSATION, extra=entry.leaf.extra, plain=unpack(entry.body))
    charlie = Liar(third, "charlie")
    charlie.log = LogBuilder(charlie.line, CHARLIE, party("charlie"), fork.raws, fork.bodies)
    bravo.entries(link, charlie.log, stop=2)
    bravo.entries(link)
    assert alpha.line.logs[CHARLIE].frozen == 5
    assert not alpha.line.logs[CHARLIE].closed()
    bravo.entries(link, charlie.log, start=2)
    assert alpha.line.logs[CHARLIE].size == 6
    third.run(40)
    assert alpha.own().stated[CHARLIE] == 2  # the heads signed at or below the freeze


def test_a_proof_known_before_the_log_freezes_it_when_it_comes() -> None:
    """An accusation of a log that is not here is judged when its first entries are."""
    world, _, _ = split(2, 1, 1)
    world.link("alpha", "bravo")
    world.run(60)
    told = world.ends["alpha"]
    entry = told.shelf(told.line.id).entry(*told.shelf(told.line.id).of_kind([Kind.ACCUSATION])[0])
    late = World(names=THREE)
    late.open("alpha")
    alpha, bravo, charlie = late.ends["alpha"], Liar(late, "bravo"), Liar(late, "charlie")
    link = bravo.greet("alpha")
    bravo.log.say(Kind.ACCUSATION, extra=b"", plain=b"nonsense")
    bravo.log.say(Kind.ACCUSATION, extra=entry.leaf.extra, plain=unpack(entry.body))
    bravo.entries(link)
    assert not alpha.line.accused
    bravo.entries(link, charlie.log)
    assert alpha.line.accused == {CHARLIE}
    assert alpha.line.logs[CHARLIE].frozen == 3
    alpha.restart()
    assert alpha.line.accused == {CHARLIE}


# --- one peer shows what another signed ---------------------------------------------------------


def shown(shared: int, one: int, other: int) -> tuple[World, Liar, LogBuilder, LogBuilder, int]:
    """Alpha holds one history of charlie's; bravo, played by the test, holds another."""
    world = World(names=THREE)
    world.open("alpha")
    charlie, bravo = Liar(world, "charlie"), Liar(world, "bravo")
    for n in range(shared):
        charlie.say(f"shared {n}")
    fork = charlie.log.fork(charlie.log.size)
    for n in range(one):
        charlie.say(f"one {n}")
    for n in range(other):
        charlie.say(f"other {n}", fork)
    link = bravo.greet("alpha")
    bravo.entries(link, charlie.log)
    bravo.entries(link)
    world.run()
    bravo.got(link)
    return world, bravo, charlie.log, fork, link


def test_a_head_that_differs_is_searched_and_proven() -> None:
    """Questions narrow two signed heads down to the first leaf in which they differ."""
    world, bravo, _, fork, link = shown(5, 20, 17)
    bravo.send(link, frames.Heads((stated(fork),)))
    bravo.serve(link, fork)
    world.run()
    convicted(world.ends["alpha"], 6)


def test_a_longer_head_that_does_not_extend_is_found_by_its_entries() -> None:
    """Entries that do not fit are asked for in full, and then the head they were shown under is
    searched: an elision that does not fit is evidence of nothing."""
    world, bravo, log, fork, link = shown(5, 3, 9)
    alpha = world.ends["alpha"]
    bravo.send(link, frames.Heads((stated(fork),)))
    assert bravo.answers(link, frames.Want) == [frames.Want(frames.WANT_ENTRIES, CHARLIE, log.size)]
    bravo.entries(link, fork, start=log.size, full=False)
    assert not alpha.facts("fork-suspected")
    bravo.entries(link, fork, start=log.size)
    assert alpha.facts("fork-suspected")
    bravo.serve(link, fork)
    world.run()
    convicted(alpha, 6)


def test_a_longer_head_that_extends_clears_the_suspicion() -> None:
    """A relay that sends nonsense under an honest head accuses nobody."""
    world, bravo, log, fork, link = shown(5, 0, 4)
    alpha = world.ends["alpha"]
    bravo.send(link, frames.Heads((stated(fork),)))
    bravo.entries(link, fork, start=log.size, signature=bytes(64))
    assert alpha.facts("fork-suspected")
    bravo.serve(link, fork)
    assert not alpha.line.disputes
    assert not alpha.line.accused
    world.run(6)
    bravo.entries(link, fork, start=log.size)
    world.run()
    assert alpha.line.logs[CHARLIE].size == fork.size


@pytest.mark.parametrize("longer", [False, True])
@pytest.mark.parametrize("how", ["lie", "silence", "cut", "wander"])
def test_a_relay_that_stops_answering_leaves_what_is_proven(how: str, *, longer: bool) -> None:
    """Two signed heads that contradict one another convict without more answers, from where they
    are proven to agree; a lie ends the search and is the liar's fault alone."""
    world, bravo, log, fork, link = shown(6, 3, 9 if longer else 2)
    alpha = world.ends["alpha"]
    bravo.send(link, frames.Heads((stated(fork),)))
    if longer:
        bravo.entries(link, fork, start=log.size)
    asked = bravo.answers(link, frames.AskProof)
    for _ in range(2):  # two true answers: the first shows, or narrows, what differs
        bravo.send(link, bravo.proof(fork, asked[-1]))
        asked = bravo.answers(link, frames.AskProof)
    true = bravo.proof(fork, asked[-1])
    if how == "lie":
        lie = frames.ShowProof(CHARLIE, true.inclusion, true.at, true.size, (), b"", bytes(32))
        bravo.send(link, lie)
        assert alpha.facts("refused")[-1]["refusal"] == "bad-proof"
    elif how == "wander":
        bravo.send(link, frames.ShowProof(CHARLIE, True, true.at + 1, true.size, true.path))
        assert alpha.facts("refused")[-1]["refusal"] == "bad-proof"
    elif how == "silence":
        world.run(40)
    else:
        alpha.do(events.LinkDown(link))
    world.run()
    log_here = alpha.line.logs[CHARLIE]
    assert 0 < log_here.frozen <= 7
    convicted(alpha, log_here.frozen, Form.ROOTS)


def test_nothing_is_proven_from_a_longer_head_alone() -> None:
    """A head beyond our size contradicts nothing before it is shown what lies at our size."""
    world, bravo, log, fork, link = shown(6, 3, 9)
    alpha = world.ends["alpha"]
    bravo.send(link, frames.Heads((stated(fork),)))
    bravo.entries(link, fork, start=log.size)
    assert alpha.line.disputes
    world.run(40)
    assert not alpha.line.disputes
    assert not alpha.line.accused


def test_a_head_caught_up_with_meanwhile_accuses_nobody() -> None:
    """If our log has grown to the disputed head and agrees with it, the search ends in nothing."""
    world, bravo, log, fork, link = shown(6, 0, 3)
    alpha = world.ends["alpha"]
    bravo.send(link, frames.Heads((stated(fork),)))
    bravo.entries(link, fork, start=log.size, signature=bytes(64))
    assert alpha.line.disputes
    bravo.entries(link, fork, start=log.size)
    assert alpha.line.logs[CHARLIE].size == fork.size
    world.run(40)
    assert not alpha.line.disputes
    assert not alpha.line.accused


def test_a_search_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many questions what is proven by then must do."""
    monkeypatch.setattr(limits, "FORK_PROBES_MAX", 2)
    world, bravo, _, fork, link = shown(20, 10, 10)
    bravo.send(link, frames.Heads((stated(fork),)))
    bravo.serve(link, fork)
    world.run()
    convicted(world.ends["alpha"], world.ends["alpha"].line.logs[CHARLIE].frozen, Form.ROOTS)


def test_a_last_answer_of_the_same_leaf_is_a_lie() -> None:
    """An inclusion proof of our own leaf ends the search at what the roots prove."""
    world, bravo, log, fork, link = shown(0, 1, 1)
    alpha = world.ends["alpha"]
    bravo.send(link, frames.Heads((stated(fork),)))
    asked = bravo.answers(link, frames.AskProof)
    assert [(one.inclusion, one.at) for one in asked] == [(False, 1)]
    bravo.send(link, bravo.proof(fork, asked[0]))
    (last,) = bravo.answers(link, frames.AskProof)
    assert (last.inclusion, last.at) == (True, 1)
    bravo.send(link, frames.ShowProof(CHARLIE, True, 1, 2, log.path(1, 2), log.raws[1]))
    assert alpha.facts("refused")[-1]["refusal"] == "bad-proof"
    world.run()
    convicted(alpha, 1, Form.ROOTS)


def test_proofs_nobody_asked_for_are_out_of_turn() -> None:
    """Unless somebody else's proof came first, in which case they are late and no matter."""
    world, bravo, _, fork, link = shown(2, 2, 2)
    alpha = world.ends["alpha"]
    answer = frames.ShowProof(CHARLIE, True, 3, 5, fork.path(3), fork.raws[3])
    bravo.send(link, answer)
    assert alpha.facts("refused")[-1]["refusal"] == "out-of-turn"
    bravo.send(link, frames.Heads((stated(fork),)))
    other = bravo.greet("alpha")
    bravo.send(other, answer)
    assert alpha.facts("refused")[-1]["refusal"] == "out-of-turn"
    bravo.serve(link, fork)
    told = len(alpha.facts("refused"))
    bravo.send(link, answer)
    bravo.send(link, frames.Heads((stated(fork),)))
    assert len(alpha.facts("refused")) == told
    assert not alpha.line.disputes


@pytest.mark.parametrize(
    ("ask", "refusal"),
    [
        (frames.AskProof(CHARLIE, True, 0, 99), "not-held"),
        (frames.AskProof(LogId(2, 9, b""), True, 0, 1), "not-held"),
        (frames.AskProof(CHARLIE, True, 3, 3), "bad-proof"),
        (frames.AskProof(CHARLIE, False, 0, 3), "bad-proof"),
        (frames.AskProof(CHARLIE, False, 4, 3), "bad-proof"),
    ],
)
def test_questions_that_have_no_answer_are_refused(ask: frames.AskProof, refusal: str) -> None:
    """Sizes not held, indices beyond them, and sizes the wrong way round."""
    world, bravo, _, _, link = shown(2, 2, 2)
    bravo.send(link, ask)
    assert world.ends["alpha"].facts("refused")[-1]["refusal"] == refusal


# --- the author itself --------------------------------------------------------------------------


@pytest.mark.parametrize("start", [2, 3, 4])
def test_an_author_that_sends_another_history_convicts_himself(start: int) -> None:
    """Signed entries that differ from those held are proof as they come, in whole or in part."""
    world = World(names=THREE)
    world.open("alpha")
    alpha, charlie = world.ends["alpha"], Liar(world, "charlie")
    for n in range(3):
        charlie.say(f"shared {n}")
    fork = charlie.log.fork(4)
    charlie.say("one")
    for n in range(2):
        charlie.say(f"other {n}", fork)
    link = charlie.greet("alpha")
    charlie.entries(link)
    charlie.entries(link, fork, start=start, full=False)
    if not alpha.line.accused:
        charlie.entries(link, fork, start=start)
    world.run()
    convicted(alpha, 4)


def test_a_contradicting_seen_is_covered_once_the_proof_is_entered() -> None:
    """Bravo's `seen` of the other history is true, and is covered when that is proven (F9)."""
    world, bravo, _log, fork, link = shown(2, 2, 2)
    alpha = world.ends["alpha"]
    item = covering_item(CHARLIE, fork.size, fork.root(), world.wall_s)
    other = covering_item(alpha.own().id, 1, bytes(32), world.wall_s)
    bravo.log.say(Kind.SEEN, seen=(item,), time_s=world.wall_s)
    bravo.log.add_raw(b"void")
    bravo.say("on another matter")
    bravo.entries(link, start=1)
    world.run(40)
    held = alpha.line.logs[bravo.log.id]
    assert held.disputed_from == 1
    assert alpha.own().stated[bravo.log.id] == 1
    bravo.send(link, frames.Heads((stated(fork),)))
    bravo.serve(link, fork)
    world.run(40)
    assert held.disputed_from == -1
    assert alpha.own().stated[bravo.log.id] == bravo.log.size
    bravo.log.say(Kind.SEEN, seen=(item,), time_s=world.wall_s)
    bravo.log.say(Kind.SEEN, seen=(other,), time_s=world.wall_s)
    bravo.entries(link, start=bravo.log.size - 2)
    assert held.disputed_from == bravo.log.size - 1


def test_a_freeze_explains_only_what_it_is_about() -> None:
    """A `seen` that contradicts something else stays disputed."""
    world, bravo, _log, fork, link = shown(2, 2, 2)
    alpha = world.ends["alpha"]
    item = covering_item(alpha.own().id, 1, bytes(32), world.wall_s)
    bravo.log.say(Kind.SEEN, seen=(item,), time_s=world.wall_s)
    bravo.entries(link, start=1)
    bravo.send(link, frames.Heads((stated(fork),)))
    bravo.serve(link, fork)
    world.run(40)
    assert alpha.line.logs[bravo.log.id].disputed_from == 1
    convicted(alpha, 3)


# --- accusations that prove nothing -------------------------------------------------------------


def accusing(case: str) -> tuple[World, End]:
    """Bravo accuses charlie in one wrong way or another; what alpha makes of it."""
    world, bravo, log, fork, link = shown(2, 2, 2)
    alpha = world.ends["alpha"]
    theirs = fork.proof(3)
    ours = log.proof(3)
    proof = accusation.make_leaves(ours, theirs)
    accused = Accused(CHARLIE, 3)
    if case == "index":
        accused = Accused(CHARLIE, 1)
    elif case == "another":  # the accuser's own fork, laid at charlie's door
        forked = bravo.log.fork(1)
        bravo.say("one")
        bravo.say("two", forked)
        proof = accusation.make_leaves(bravo.log.proof(1), forked.proof(1))
        accused = Accused(CHARLIE, 1)
    elif case == "same":
        proof = accusation.make_leaves(ours, ours)
    elif case == "nonsense":
        proof = b"he did it"
    elif case == "life":
        accused = Accused(LogId(2, 1, bytes(8)), 3)
    start = bravo.log.size
    bravo.log.say(Kind.ACCUSATION, extra=accused.encode(), plain=proof)
    if start > 1:
        bravo.entries(link, start=1, stop=start)
    bravo.entries(link, start=start, bodies=case != "late")
    world.run()
    if case == "late":
        assert not alpha.line.accused
        salt, body = bravo.log.bodies[start]
        bravo.send(link, frames.Body(bravo.log.id, start, salt, body))
        world.run()
    return world, alpha


@pytest.mark.parametrize("case", ["index", "another", "same", "nonsense", "life"])
def test_nobody_innocent_is_proven_anything(case: str) -> None:
    """A proof of another log, index or tree freezes nothing, whoever enters it."""
    _, alpha = accusing(case)
    assert not alpha.line.accused
    assert alpha.line.logs[CHARLIE].frozen == -1
    assert not alpha.facts("fork-proven")
    if case != "life":
        assert alpha.facts("accusation-unproven")


@pytest.mark.parametrize("case", ["right", "late"])
def test_a_true_accusation_is_checked_and_believed(case: str) -> None:
    """Also when its body comes after its leaf."""
    _, alpha = accusing(case)
    assert alpha.line.accused == {CHARLIE}
    assert alpha.line.logs[CHARLIE].frozen == 3
    assert len(alpha.facts("fork-proven")) == 1


def test_the_lowest_index_proven_counts() -> None:
    """A later proof of an earlier fork moves the freeze back, a higher one moves nothing."""
    world, bravo, log, fork, link = shown(2, 2, 2)
    alpha = world.ends["alpha"]
    third = log.fork(2)
    for n in range(4):
        bravo.say(f"third {n}", third)
    for index, other in ((3, fork), (2, third), (4, fork)):
        size = bravo.log.size
        proof = accusation.make_leaves(log.proof(index), other.proof(index))
        bravo.log.say(Kind.ACCUSATION, extra=Accused(CHARLIE, index).encode(), plain=proof)
        bravo.entries(link, start=size)
    assert alpha.line.logs[CHARLIE].frozen == 2
    assert len(alpha.facts("fork-proven")) == 1


def test_a_proof_against_our_own_log_mutes_us() -> None:
    """Two signed histories under our own key mean that something else signs with it."""
    world = World()
    world.open("alpha")
    alpha, bravo, twin = world.ends["alpha"], Liar(world, "bravo"), Liar(world, "alpha")
    link = bravo.greet("alpha")
    bravo.entries(link)
    alpha.submit("mine")
    world.run()
    shelf = alpha.shelf(alpha.line.id)
    twin.log.raws[:] = [e.raw for e in shelf.entries(alpha.own().id, 0, alpha.own().size)]
    twin.log.bodies[:] = [None] * twin.log.size
    fork = twin.log.fork(1)
    twin.say("not mine", fork)
    proof = accusation.make_leaves(twin.log.proof(1, opened=False), fork.proof(1, opened=False))
    bravo.log.say(Kind.ACCUSATION, extra=Accused(alpha.own().id, 1).encode(), plain=proof)
    bravo.entries(link, start=1)
    world.run()
    assert alpha.line.mute
    assert shelf.mute == alpha.line.mute
    size = alpha.own().size
    alpha.submit("more")
    world.run(70)
    assert alpha.own().size == size


def test_what_would_not_convince_a_stranger_is_not_entered() -> None:
    """A log followed under a key that no card lists convicts nobody."""
    world, bravo, _, fork, link = shown(2, 2, 2)
    alpha = world.ends["alpha"]
    alpha.station.cards[party("charlie").id] = party("dave").card.card
    bravo.send(link, frames.Heads((stated(fork),)))
    bravo.serve(link, fork)
    world.run()
    assert alpha.facts("accusation-unproven")
    assert not alpha.line.accused
    assert Kind.ACCUSATION not in alpha.kinds()


def test_an_alarm_in_a_mute_node_is_kept_for_its_log() -> None:
    """A restored node shows the proof at once, and enters it when it is adopted."""
    from detente.core.station import Step, fall_mute

    world, bravo, _, fork, link = shown(2, 2, 2)
    alpha = world.ends["alpha"]
    step = Step(alpha.station, world.now(), alpha.entropy)
    fall_mute(step, alpha.line, "a test")
    fall_mute(step, alpha.line, "another")
    world.deliver(alpha, step.out)
    bravo.send(link, frames.Heads((stated(fork),)))
    bravo.serve(link, fork)
    world.run()
    assert alpha.facts("fork-proven")
    assert Kind.ACCUSATION not in alpha.kinds()
    alpha.station.keys.k = 1
    alpha.do(events.Adopt(1))
    world.run()
    assert alpha.kinds()[:2] == [Kind.RESUME, Kind.ACCUSATION]
    assert verdicts(alpha)[0].finding is Finding.PROVEN


def test_a_disputed_log_can_be_proven_after_a_restart() -> None:
    """What is frozen without a proof in any log can be searched again."""
    world, bravo, _, fork, link = shown(2, 2, 2)
    alpha = world.ends["alpha"]
    alpha.line.logs[CHARLIE].frozen = 3
    alpha.shelf(alpha.line.id).states[CHARLIE] = alpha.line.logs[CHARLIE].encode()
    alpha.restart()
    assert not alpha.line.accused
    link = bravo.greet("alpha", stated(fork))
    bravo.serve(link, fork)
    world.run()
    convicted(alpha, 3)
