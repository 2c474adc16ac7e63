"""The search for where two signed heads of one log part; and nobody innocent is ever convicted."""

from __future__ import annotations

import pytest
from core.forks import (
    CHARLIE,
    convicted,
    ends_link,
    enter,
    forked,
    grown,
    larger,
    proof_by_leaves,
    shown,
    split,
    tell,
    verdicts,
)
from core.lineage import LogBuilder
from liar import Liar, stated
from pair import End, World, heads

from detente.core import limits
from detente.core.accusation import Form
from detente.core.disputes import PATIENCE_MS, give_up_late
from detente.core.errors import Refusal
from detente.core.frames import WANT_ENTRIES, AskProof, Got, Heads, Refuse, ShowProof, Want
from detente.core.leaf import LogId, Precedence
from detente.core.station import Step

# --- two who were told different things ---------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "ours", "theirs"),
    [(1, 2, 2), (4, 8, 8), (3, 4, 9), (3, 9, 4), (10, 18, 13), (1, 8, 13), (16, 17, 18)],
)
def test_a_split_view_is_proven_to_both_sides(at: int, ours: int, theirs: int) -> None:
    """At equal and at unequal sizes: both end with a proof that names charlie's key, his log is
    frozen where it parts, and the two go on."""
    world, _, _ = split(at, ours, theirs)
    world.link("alpha", "bravo")
    world.run(90)
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    assert verdicts(alpha) or verdicts(bravo)
    for end in (alpha, bravo):
        if verdicts(end):
            convicted(end, at, form=Form.LEAVES)
        assert end.line.accused == {CHARLIE: at}
        assert end.line.logs[CHARLIE].frozen == at
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
    assert alpha.log_of(1).disputed_from == bravo.log_of(0).disputed_from == -1


@pytest.mark.parametrize("start", [0, 3])
def test_a_batch_of_another_history_is_answered_by_name(start: int) -> None:
    """Who asked for its confirmation waits with everything else on a narrow link: also where this
    very batch proves the fork, and where its log is only searched yet."""
    _, bravo, alpha, link, other = shown(2, 3, 6)
    bravo.got(link)
    bravo.entries(link, other, start=start, confirm=True)
    answers = bravo.got(link)
    assert Refuse(Refusal.FROZEN, CHARLIE, start) in answers
    assert not [frame for frame in answers if isinstance(frame, Got)]
    assert alpha.station.links[link].bad_frames == 0
    assert bool(alpha.facts("fork-proven")) is (start == 0)


def test_a_batch_of_another_history_is_never_confirmed() -> None:
    """However much is held here: its sender would ask for bodies that open other leaves."""
    _, bravo, alpha, link, other = shown(2, 8, 6)
    bravo.got(link)
    bravo.entries(link, other, confirm=True)
    answers = bravo.got(link)
    assert Refuse(Refusal.FROZEN, CHARLIE, 0) in answers
    assert not [frame for frame in answers if isinstance(frame, Got)]
    assert alpha.facts("fork-proven")


def test_a_split_view_between_linked_ends_comes_out_at_once() -> None:
    """Each tells the other of the heads it is shown; no time need pass, and nothing contested is
    ever stated as held."""
    world = World(names=("alpha", "bravo", "charlie"))
    world.open("alpha", "bravo")
    charlie = Liar(world, "charlie")
    one, other = forked(charlie, 2, 4, 4)
    tell(charlie, "alpha", one)
    tell(charlie, "bravo", other)
    for name in ("alpha", "bravo"):
        assert world.ends[name].line.logs[CHARLIE].frozen == 2
        assert world.ends[name].facts("fork-proven")
    world.run(60)
    assert world.ends["alpha"].log_of(2).covered <= 2


def test_what_was_covered_before_the_proof_stays_covered() -> None:
    """A frozen log is covered no farther, and what the record holds of it is not taken back."""
    world, charlie, _ = split(4, 6, 6)
    world.run(40)
    alpha = world.ends["alpha"]
    before = alpha.own().stated[CHARLIE]
    assert before == charlie.log.size
    world.link("alpha", "bravo")
    world.run(90)
    assert alpha.own().stated[CHARLIE] == before
    assert alpha.line.logs[CHARLIE].size == charlie.log.size


def test_a_forked_log_takes_nothing_more() -> None:
    """From its author or a relay, in its turn or ahead, what comes for a closed log is refused by
    name; what lies below the freeze is compared all the same."""
    world, charlie, _ = split(2, 3, 3)
    world.link("alpha", "bravo")
    world.run(60)
    alpha = world.ends["alpha"]
    link = charlie.greet("alpha", stated(charlie.log))
    charlie.say("and then")
    charlie.got(link)
    charlie.entries(link, start=3)
    charlie.ahead(link, 3, 2)
    frozen = Refuse(Refusal.FROZEN, CHARLIE, 3)
    assert charlie.answers(link, Refuse) == [frozen, frozen]
    charlie.ahead(link, 1, 1)
    assert not charlie.answers(link, Refuse)
    assert alpha.station.links[link].bad_frames == 0
    assert alpha.line.logs[CHARLIE].size == 3


# --- the search, against one who answers as he likes ----------------------------------------------


@pytest.mark.parametrize(
    ("at", "ours", "theirs"), [(1, 8, 8), (4, 8, 8), (7, 8, 8), (5, 12, 9), (6, 26, 23)]
)
def test_the_search_finds_the_very_leaf(at: int, ours: int, theirs: int) -> None:
    """Asked for proofs against a signed head, true answers lead to where the trees part."""
    _, bravo, alpha, link, other = shown(at, ours, theirs)
    bravo.serve(link, other)
    alpha.world.run()
    convicted(alpha, at, form=Form.LEAVES)
    assert not alpha.line.sessions[link].heads, "what was searched is not looked at again"
    bravo.send(link, Heads((stated(other),)))
    assert not alpha.line.sessions[link].heads


@pytest.mark.parametrize(("at", "ours", "theirs"), [(2, 8, 8), (5, 12, 9)])
def test_silence_convicts_by_the_heads_alone(at: int, ours: int, theirs: int) -> None:
    """Two signed heads that contradict one another are proof, if a coarser one."""
    _, bravo, alpha, link, other = shown(at, ours, theirs)
    assert alpha.line.disputes
    alpha.world.run(25)
    assert not verdicts(alpha)
    alpha.world.run(15)
    convicted(alpha, 0, form=Form.ROOTS)
    bravo.send(link, Heads((stated(other),)))
    assert not alpha.line.sessions[link].heads, "all of it is frozen: nothing is left to search"


@pytest.mark.parametrize("longer", [False, True])
@pytest.mark.parametrize("how", ["lie", "silence", "cut", "wander"])
def test_a_relay_that_stops_answering_leaves_what_is_proven(how: str, *, longer: bool) -> None:
    """Two signed heads that contradict one another convict without more answers, from where they
    are proven to agree; a lie ends the search and is the liar's fault alone."""
    _, bravo, alpha, link, other = larger(7, 10, 16) if longer else shown(7, 10, 9)
    asked = bravo.answers(link, AskProof)
    for _ in range(2):  # two true answers: the first shows, or narrows, what differs
        bravo.send(link, bravo.proof(other, asked[-1]))
        asked = bravo.answers(link, AskProof)
    true = bravo.proof(other, asked[-1])
    if how == "lie":
        bravo.send(link, ShowProof(CHARLIE, true.inclusion, true.at, true.size, (), b"", bytes(32)))
        assert alpha.facts("refused")[-1]["refusal"] == "bad-proof"
    elif how == "wander":
        bravo.send(link, ShowProof(CHARLIE, True, true.at + 1, true.size, true.path))
        assert alpha.facts("refused")[-1]["refusal"] == "bad-proof"
    elif how == "silence":
        alpha.world.run(40)
    else:
        ends_link(alpha, link)
    alpha.world.run()
    low = alpha.line.logs[CHARLIE].frozen
    assert 0 < low <= 7
    convicted(alpha, low, form=Form.ROOTS)


def test_a_search_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many questions what is proven must do."""
    monkeypatch.setattr(limits, "FORK_PROBES_MAX", 2)
    _, bravo, alpha, link, other = shown(7, 8, 8)
    bravo.serve(link, other)
    alpha.world.run()
    convicted(alpha, 6, form=Form.ROOTS)


def test_a_last_answer_of_the_same_leaf_is_a_lie() -> None:
    """An inclusion proof of our own leaf ends the search at what the roots prove."""
    charlie, bravo, alpha, link, other = shown(1, 2, 2)
    (first,) = bravo.answers(link, AskProof)
    assert (first.inclusion, first.at) == (False, 1)
    bravo.send(link, bravo.proof(other, first))
    (last,) = bravo.answers(link, AskProof)
    assert (last.inclusion, last.at) == (True, 1)
    log = charlie.log
    bravo.send(link, ShowProof(CHARLIE, True, 1, 2, log.path(1, 2), log.raws[1]))
    assert alpha.facts("refused")[-1]["refusal"] == "bad-proof"
    alpha.world.run()
    convicted(alpha, 1, form=Form.ROOTS)


def test_a_leaf_that_does_not_differ_ends_the_search() -> None:
    """Should the search ever ask about a leaf that both trees share, it proves nothing there."""
    _, bravo, alpha, link, other = shown(6, 8, 8)
    alpha.line.disputes[CHARLIE].asked = (True, 0)
    bravo.send(link, bravo.proof(other, AskProof(CHARLIE, True, 0, 8)))
    alpha.world.run()
    assert alpha.facts("refused")[-1]["detail"] == "the leaves do not differ"
    convicted(alpha, 0, form=Form.ROOTS)


def test_proofs_nobody_asked_for_are_out_of_turn() -> None:
    """Before a search, and from another link than the one asked."""
    charlie, bravo, alpha, link, _ = shown(3, 8, 3)
    other = grown(charlie, charlie.log.fork(3), 8)
    bravo.send(link, bravo.proof(other, AskProof(CHARLIE, True, 3, 8)))
    bravo.send(link, Heads((stated(other),)))
    second = bravo.greet("alpha")
    bravo.send(second, bravo.proof(other, AskProof(CHARLIE, False, 4, 8)))
    bravo.send(link, ShowProof(LogId(1, 0, b""), False, 1, 1, ()))
    assert [fact["refusal"] for fact in alpha.facts("refused")] == ["out-of-turn"] * 3
    assert alpha.line.disputes[CHARLIE].low == 0


def test_an_answer_that_comes_after_the_proof_is_passed_over() -> None:
    """Its search is over, so there is nothing left that it could narrow."""
    _, bravo, alpha, link, other = shown(3, 8, 8)
    (late,) = bravo.answers(link, AskProof)
    bravo.send(link, Heads((stated(other),)))
    assert not bravo.answers(link, AskProof), "one search at a time"
    alpha.world.run(40)
    bravo.send(link, bravo.proof(other, late))
    bravo.send(link, Heads((stated(other),)))
    assert not alpha.facts("refused")
    convicted(alpha, 0, form=Form.ROOTS)


def test_an_answer_that_comes_after_its_time_is_nobodys_fault() -> None:
    """On a slow link it takes longer than anybody waits: it is passed over, once each time it was
    asked for, also when something else is asked by then and when its sender has greeted anew."""
    charlie, bravo, alpha, link, other = larger(3, 5, 9)
    late = bravo.answers(link, AskProof)
    alpha.world.run(40)
    assert not alpha.line.disputes
    bravo.hello(link, stated(other))
    charlie.entries(charlie.greet("alpha"), grown(charlie, charlie.log, 6), start=5)
    bravo.entries(link, other, start=6)
    late += bravo.answers(link, AskProof)
    assert [(ask.at, ask.size) for ask in late] == [(5, 9), (6, 9)]
    bravo.send(link, bravo.proof(other, late[0]))
    assert not alpha.facts("refused")
    assert alpha.line.disputes[CHARLIE].asked == (False, 6)
    alpha.line.sessions.pop(link)
    alpha.world.run(40)
    assert not alpha.line.disputes


def test_an_answer_is_passed_over_once_for_each_question() -> None:
    """Who sends it more often than it was asked for is out of turn."""
    _, bravo, alpha, link, other = larger(3, 5, 9)
    (late,) = bravo.answers(link, AskProof)
    alpha.world.run(40)
    for _ in range(2):
        bravo.send(link, bravo.proof(other, late))
    assert [fact["refusal"] for fact in alpha.facts("refused")] == ["out-of-turn"]


def test_a_batch_that_was_under_way_when_its_head_was_searched_is_nobodys_fault() -> None:
    """It was asked for in full before there was as much here as the head that it is shown under,
    which is not looked at twice."""
    _, bravo, alpha, link, other = shown(3, 8, 6)
    assert alpha.line.disputes
    assert not alpha.line.sessions[link].heads
    bravo.entries(link, other, start=4)
    assert not alpha.facts("refused")
    second = bravo.greet("alpha")
    bravo.entries(second, other, start=4)
    assert [fact["refusal"] for fact in alpha.facts("refused")] == ["bad-signature"]


@pytest.mark.parametrize("at", [1, 3, 5])
def test_a_longer_head_that_does_not_extend_is_found_by_its_entries(at: int) -> None:
    """Entries that do not fit are asked for in full, and then the head they were shown under is
    searched: an elision that does not fit is evidence of nothing. Its first answer shows the root
    it has at our size; from there the search is the same."""
    _, bravo, alpha, link, other = shown(at, 6, 11)
    assert bravo.answers(link, Want) == [Want(WANT_ENTRIES, CHARLIE, 6)]
    bravo.entries(link, other, start=6, full=False)
    assert not alpha.facts("fork-suspected")
    bravo.entries(link, other, start=6)
    assert alpha.facts("fork-suspected") == [{"member": 2, "size": 11}]
    bravo.serve(link, other)
    alpha.world.run()
    convicted(alpha, at, form=Form.LEAVES)
    assert alpha.line.logs[CHARLIE].size == 6


def test_a_longer_head_without_any_answer_proves_nothing() -> None:
    """It might extend what we hold: silence convicts nobody."""
    _, _, alpha, _, _ = larger(3, 5, 9)
    assert alpha.line.disputes
    alpha.world.run(40)
    assert not verdicts(alpha)
    assert not alpha.line.disputes
    assert alpha.line.logs[CHARLIE].frozen == -1


@pytest.mark.parametrize(("answers", "frozen"), [(1, 0), (2, 2)])
def test_a_longer_head_with_one_answer_is_proof(answers: int, frozen: int) -> None:
    """Its root at our size, proven to be another than the one signed there, convicts."""
    _, bravo, alpha, link, other = larger(3, 5, 9)
    for _ in range(answers):
        (ask,) = bravo.answers(link, AskProof)
        bravo.send(link, bravo.proof(other, ask))
    ends_link(alpha, link)
    convicted(alpha, frozen, form=Form.ROOTS)


def test_a_longer_head_that_extends_clears_the_suspicion() -> None:
    """A relay that sends nonsense under an honest head accuses nobody."""
    _, bravo, alpha, link, honest = shown(6, 6, 10)
    bravo.entries(link, honest, start=6, signature=bytes(64))
    assert alpha.facts("fork-suspected")
    bravo.serve(link, honest)
    assert not alpha.line.disputes
    assert not alpha.line.accused
    alpha.world.run(6)
    bravo.entries(link, honest, start=6)
    alpha.world.run()
    assert alpha.line.logs[CHARLIE].size == honest.size


def test_a_lying_relay_leads_nowhere() -> None:
    """Entries that an honest author never signed, shown with a true head: nobody is convicted."""
    charlie, bravo, alpha, link, honest = shown(3, 3, 6)
    forged = grown(charlie, honest.fork(4), 6)
    for _ in range(2):
        bravo.entries(link, forged, start=3, signature=honest.sign(6))
    (ask,) = bravo.answers(link, AskProof)
    bravo.send(link, bravo.proof(forged, ask))
    alpha.world.run(40)
    assert not verdicts(alpha)
    assert alpha.line.logs[CHARLIE].frozen == -1
    assert alpha.line.logs[CHARLIE].size == 3
    bravo.entries(link, honest, start=3)
    assert alpha.line.logs[CHARLIE].root == honest.root()


def test_what_has_been_held_since_needs_no_answer() -> None:
    """The author himself brings what the head stands for, and the search dies of old age."""
    charlie, bravo, alpha, link, honest = shown(3, 3, 4)
    forged = grown(charlie, charlie.log.fork(3), 4)
    bravo.entries(link, forged, start=3, signature=honest.sign(4))
    assert alpha.line.disputes
    charlie.entries(charlie.greet("alpha"), honest, start=3)
    assert alpha.line.logs[CHARLIE].root == honest.root()
    alpha.world.run(40)
    assert not alpha.line.disputes
    assert not alpha.line.accused
    assert not alpha.facts("accusation-unproven"), "nothing is left to be proven"


def test_a_search_waits_thirty_seconds_for_each_answer() -> None:
    """To the millisecond, and from its last question on."""
    _, bravo, alpha, link, other = shown(2, 8, 8)
    alpha.world.steady_ms += 1_000_000
    (ask,) = bravo.answers(link, AskProof)
    bravo.send(link, bravo.proof(other, ask))
    alpha.world.steady_ms += PATIENCE_MS
    step = Step(alpha.station, alpha.world.now(), alpha.entropy)
    give_up_late(step, alpha.line)
    assert alpha.line.disputes
    step.now = step.now._replace(steady_ms=step.now.steady_ms + 1)
    give_up_late(step, alpha.line)
    assert not alpha.line.disputes


def test_a_head_that_its_author_did_not_sign_is_no_suspicion() -> None:
    """A relay that invents heads is named, and no search begins."""
    charlie, bravo, alpha, link, _ = shown(3, 3, 3)
    head = stated(grown(charlie, charlie.log.fork(2), 3))
    bravo.send(link, Heads((type(head)(head.head, bytes(64)),)))
    assert alpha.facts("refused")[-1]["refusal"] == "bad-signature"
    assert not alpha.line.disputes
    assert not alpha.facts("fork-suspected")


def test_questions_are_answered_from_what_is_held() -> None:
    """Sizes that are not held, and indices beyond them, are refused."""
    charlie, bravo, alpha, link, _ = shown(3, 3, 3)
    for ask in (
        AskProof(CHARLIE, True, 0, 4),
        AskProof(LogId(2, 3, b""), True, 0, 1),
        AskProof(CHARLIE, True, 3, 3),
        AskProof(CHARLIE, False, 0, 3),
        AskProof(CHARLIE, False, 3, 2),
    ):
        bravo.send(link, ask)
    words = [fact["refusal"] for fact in alpha.facts("refused")]
    assert words == ["not-held", "not-held", "bad-proof", "bad-proof", "bad-proof"]
    for inclusion, at in ((True, 1), (False, 2), (False, 3)):
        bravo.got(link)
        alpha.line.logs[CHARLIE].recent.clear()
        ask = AskProof(CHARLIE, inclusion, at, 3)
        bravo.send(link, ask)
        assert bravo.answers(link, ShowProof) == [bravo.proof(charlie.log, ask)]


# --- below what is proven -------------------------------------------------------------------------


def test_a_higher_proof_does_not_hide_a_lower_fork() -> None:
    """The author who forked at 2 and is proven to have forked at 6 ends frozen at 2."""
    world = World(names=("alpha", "bravo", "charlie", "delta"))
    world.open("alpha", "bravo")
    charlie, delta = Liar(world, "charlie"), Liar(world, "delta")
    one = grown(charlie, charlie.log, 7)
    low, high = (grown(charlie, one.fork(at), 7) for at in (2, 6))
    links = [delta.greet(name) for name in ("alpha", "bravo")]
    for link in links:
        delta.entries(link)
    enter(delta, links[0], CHARLIE, 6, proof_by_leaves(one, high, 6))
    delta.entries(links[1], start=1)
    world.run(5)
    for name, log in (("alpha", one), ("bravo", low)):
        charlie.entries(charlie.greet(name), log)
    world.run(120)
    for name in ("alpha", "bravo"):
        assert world.ends[name].line.logs[CHARLIE].frozen == 2
        assert [fact["index"] for fact in world.ends[name].facts("fork-proven")] == [6, 2]


def _proven(high: int, at: int, ours: int, theirs: int) -> tuple[Liar, Liar, End, int, LogBuilder]:
    """Alpha holds a log of charlie's and bravo's proof that it parts from another at ``high``;
    the third log, which parts from alpha's at ``at``, is shown nobody yet."""
    charlie, bravo, alpha, link, _ = shown(1, ours, 1)
    other = grown(charlie, charlie.log.fork(high), high + 1)
    enter(bravo, link, CHARLIE, high, proof_by_leaves(charlie.log, other, high))
    assert alpha.line.accused == {CHARLIE: high}
    bravo.got(link)
    return charlie, bravo, alpha, link, grown(charlie, charlie.log.fork(at), theirs)


@pytest.mark.parametrize(("at", "theirs"), [(1, 9), (2, 3), (3, 5), (4, 12), (4, 5)])
def test_a_fork_below_the_freeze_is_searched_and_proven(at: int, theirs: int) -> None:
    """Whether the head that is shown lies below the freeze or beyond it."""
    _, bravo, alpha, link, other = _proven(5, at, 12, theirs)
    bravo.send(link, Heads((stated(other),)))
    bravo.serve(link, other)
    alpha.world.run()
    convicted(alpha, at, form=Form.LEAVES)
    assert [fact["index"] for fact in alpha.facts("fork-proven")] == [5, at]
    assert not alpha.facts("fork-suspected"), "people know already"


def test_a_fork_at_the_very_first_leaf_is_proven_below_a_freeze_behind_it() -> None:
    """What is frozen from its second entry on may yet have two first ones."""
    _, bravo, alpha, link, other = _proven(1, 0, 12, 9)
    bravo.send(link, Heads((stated(other),)))
    bravo.serve(link, other)
    alpha.world.run()
    convicted(alpha, 0, form=Form.LEAVES)


@pytest.mark.parametrize("at", [5, 8])
def test_a_fork_at_or_above_the_freeze_costs_one_question(at: int) -> None:
    """The trees agree where the log is frozen: a second proof would tell nobody anything."""
    _, bravo, alpha, link, other = _proven(5, at, 12, 12)
    for _ in range(2):
        bravo.send(link, Heads((stated(other),)))
        (ask,) = bravo.answers(link, AskProof)
        assert ask == AskProof(CHARLIE, False, 5, 12)
        bravo.send(link, bravo.proof(other, ask))
        assert not alpha.line.disputes
    alpha.world.run()
    assert not verdicts(alpha)
    assert alpha.line.logs[CHARLIE].frozen == 5


@pytest.mark.parametrize(("answers", "frozen"), [(0, 5), (1, 0), (2, 2)])
def test_silence_about_a_frozen_log_lowers_it_to_what_is_proven(answers: int, frozen: int) -> None:
    """Two heads that differ prove nothing new of a log that is known to have two histories, before
    they are shown to differ below the freeze."""
    _, bravo, alpha, link, other = _proven(5, 3, 12, 10)
    bravo.send(link, Heads((stated(other),)))
    for _ in range(answers):
        (ask,) = bravo.answers(link, AskProof)
        bravo.send(link, bravo.proof(other, ask))
    alpha.world.run(40)
    assert not alpha.line.disputes
    assert alpha.line.logs[CHARLIE].frozen == frozen
    assert [verdict.form for verdict in verdicts(alpha)] == [Form.ROOTS] * (answers > 0)


@pytest.mark.parametrize(("at", "proven"), [(3, 3), (5, 3), (3, 5), (6, 6), (6, 7)])
def test_a_proof_that_comes_during_a_search_narrows_it(at: int, proven: int) -> None:
    """Somebody else's proof ends the search only where nothing lower can come of it; an answer to
    a question of before is late and no matter."""
    charlie, bravo, alpha, link, other = shown(at, 8, 8)
    (late,) = bravo.answers(link, AskProof)
    assert late.at == 4
    bravo.send(link, bravo.proof(other, late))
    third = grown(charlie, charlie.log.fork(proven), 8)
    enter(bravo, link, CHARLIE, proven, proof_by_leaves(charlie.log, third, proven))
    bravo.send(link, bravo.proof(other, late))
    assert not alpha.facts("refused")
    bravo.serve(link, other)
    alpha.world.run()
    assert not alpha.line.disputes
    assert alpha.line.logs[CHARLIE].frozen == min(at, proven)
    assert [verdict.index for verdict in verdicts(alpha)] == [at] * (at < proven)


def test_a_head_that_waits_for_another_search_is_searched_after_it() -> None:
    """Else a search kept busy by one who forked high would hide where another head parts."""
    charlie, bravo, alpha, link, high = shown(6, 8, 8)
    low = grown(charlie, charlie.log.fork(2), 8)
    second = bravo.greet("alpha", stated(low))
    assert not bravo.answers(second, AskProof)
    bravo.serve(link, high)
    assert alpha.line.accused == {CHARLIE: 6}
    alpha.world.run(5)
    bravo.serve(second, low)
    alpha.world.run()
    convicted(alpha, 6, 2, form=Form.LEAVES)


def test_a_stated_head_is_compared_when_the_log_has_grown_to_it() -> None:
    """What its author then told us need not be what he told the one who stated it."""
    charlie, bravo, alpha, link, other = shown(3, 4, 6)
    assert not alpha.line.disputes
    grown(charlie, charlie.log, 7)
    charlie.entries(charlie.greet("alpha"), start=4)
    alpha.world.run(5)
    bravo.serve(link, other)
    alpha.world.run()
    convicted(alpha, 3, form=Form.LEAVES)
