"""Two histories under one key: found, proven, entered and frozen; and nobody else convicted."""

from __future__ import annotations

import pytest
from core.lineage import LogBuilder, party
from liar import Liar, covering_item, stated
from pair import End, World

from detente.core import events, limits, notes
from detente.core.accusation import Finding, Verdict, check, make_leaves
from detente.core.accusing import frozen_logs
from detente.core.body import commit, unpack
from detente.core.errors import Refusal
from detente.core.extras import Accused, Resume
from detente.core.frames import AskProof, Heads, Refuse, ShowProof
from detente.core.leaf import Kind, Leaf, LogId
from detente.core.proof import CardKeys

THREE = ("alpha", "bravo", "charlie")
CHARLIE = LogId(2, 0, b"")


def _town(names: tuple[str, ...] = THREE, **changes: object) -> tuple[World, Liar]:
    """Real alpha and bravo, linked, and charlie who says what he likes."""
    world = World(names=names, changes=changes)
    world.open("alpha", "bravo")
    return world, Liar(world, "charlie")


def _forked(liar: Liar, at: int, ours: int, theirs: int) -> tuple[LogBuilder, LogBuilder]:
    """Two logs of the liar, of these sizes, that part at an index."""
    while liar.log.size < at:
        liar.say(f"shared {liar.log.size}")
    other = liar.log.fork(at)
    while liar.log.size < ours:
        liar.say(f"to one {liar.log.size}")
    while other.size < theirs:
        liar.say(f"to the other {other.size}", other)
    return liar.log, other


def _tell(liar: Liar, name: str, log: LogBuilder) -> int:
    link = liar.greet(name, log=log)
    liar.entries(link, log)
    liar.world.run()
    return link


def _verdicts(end: End) -> list[Verdict]:
    """What the accusations entered in an end's own log come to, judged with the cards alone."""
    shelf = end.shelf(end.line.id)
    keys = CardKeys([party(name).card.card for name in end.world.names])
    places = [p for p in shelf.of_kind([Kind.ACCUSATION]) if p.log.member == end.line.me]
    bodies = [shelf.entry(*place).body for place in places]
    return [check(unpack(body), keys) for body in bodies if body is not None]


def _assert_convicted(end: End, liar: Liar, log: LogBuilder) -> Verdict:
    """One proof in this end's log, and it names the liar's key and log and nothing else."""
    (verdict,) = _verdicts(end)
    assert verdict.finding is Finding.PROVEN
    key = party(liar.name).log(log.id.k).public()
    assert verdict.key == notes.vkey(log.origin, notes.ED25519, key)
    assert verdict.log(liar.number) == log.id
    assert end.line.logs[log.id].frozen == verdict.index
    assert log.id in end.line.accused
    assert not end.line.disputes
    return verdict


SPLITS = [(at, ours, theirs) for at in (1, 2, 4) for ours, theirs in ((5, 5), (5, 9), (9, 5))]


@pytest.mark.parametrize(("at", "ours", "theirs"), SPLITS)
def test_a_split_view_convicts_its_author(at: int, ours: int, theirs: int) -> None:
    """Whatever the sizes, both who were shown different logs end with a proof against one key."""
    world, liar = _town()
    world.cut("alpha", "bravo")
    one, other = _forked(liar, at, ours, theirs)
    _tell(liar, "alpha", one)
    _tell(liar, "bravo", other)
    world.run(40)
    world.link("alpha", "bravo")
    world.run(60)
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    proven = [end for end in (alpha, bravo) if _verdicts(end)]
    assert proven
    for end in proven:
        verdict = _assert_convicted(end, liar, one)
        assert verdict.index == at, "the search ends at the very leaf"
    for end in (alpha, bravo):
        assert end.line.logs[CHARLIE].frozen == at
        shelf = end.shelf(end.line.id)
        assert shelf.of_kind([Kind.ACCUSATION])
        assert not end.line.mute
        assert all(log.frozen < 0 for log in end.line.logs.values() if log.id.member != 2)


def test_a_split_view_between_linked_ends_comes_out_at_once() -> None:
    """Each tells the other of the heads it is shown; no time need pass."""
    world, liar = _town()
    one, other = _forked(liar, 2, 4, 4)
    _tell(liar, "alpha", one)
    _tell(liar, "bravo", other)
    for name in ("alpha", "bravo"):
        assert world.ends[name].line.logs[CHARLIE].frozen == 2
        assert world.ends[name].facts("fork-proven")


def test_the_other_two_go_on() -> None:
    """Their traffic is covered and cosigned as before, and the forked log grows no more."""
    world, liar = _town()
    one, other = _forked(liar, 2, 5, 4)
    link = _tell(liar, "alpha", one)
    _tell(liar, "bravo", other)
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    bravo.submit("do you see this")
    alpha.submit("yes")
    world.run(60)
    assert bravo.texts(0) == [b"\0yes"]
    assert alpha.texts(1) == [b"\0do you see this"]
    for end, other_end in ((alpha, bravo), (bravo, alpha)):
        shelf, last = end.shelf(end.line.id), end.own().called - 1
        covers = shelf.covers(end.own().id, last)
        assert other_end.line.me in [cover.by.member for cover in covers]
        assert end.log_of(other_end.line.me).disputed_from == -1
    size = alpha.line.logs[CHARLIE].size
    liar.say("let me explain", one)
    liar.got(link)
    liar.entries(link, one, start=one.size - 1)
    assert alpha.line.logs[CHARLIE].size == size
    assert liar.answers(link, Refuse) == [Refuse(Refusal.FROZEN, CHARLIE, size)]
    assert alpha.log_of(2).covered <= 2, "nothing contested is ever stated as held"


def test_a_frozen_log_stays_frozen_over_a_restart() -> None:
    """And the accusation is not made twice."""
    world, liar = _town()
    one, other = _forked(liar, 2, 5, 4)
    _tell(liar, "alpha", one)
    _tell(liar, "bravo", other)
    alpha = world.ends["alpha"]
    proofs = alpha.shelf(alpha.line.id).of_kind([Kind.ACCUSATION])
    alpha.restart()
    assert alpha.line.accused == {CHARLIE}
    assert alpha.line.logs[CHARLIE].frozen == 2
    world.link("alpha", "bravo")
    _tell(liar, "alpha", other)
    world.run(40)
    assert alpha.shelf(alpha.line.id).of_kind([Kind.ACCUSATION]) == proofs


@pytest.mark.parametrize("start", [0, 2, 3])
def test_the_author_himself_may_bring_the_other_leaf(start: int) -> None:
    """Entries of another history, signed and sent to one who holds the first: proof at once."""
    world, liar = _town()
    one, other = _forked(liar, 3, 6, 8)
    link = _tell(liar, "alpha", one)
    liar.entries(link, other, start=start)
    world.run()
    assert _assert_convicted(world.ends["alpha"], liar, one).index == 3


# --- the search, against one who answers as he likes ----------------------------------------------


def _shown(at: int, ours: int, theirs: int) -> tuple[Liar, Liar, End, int, LogBuilder]:
    """alpha holds one log of charlie; bravo, also a liar, shows him the head of another one."""
    world = World(names=THREE)
    alpha = world.ends["alpha"]
    alpha.do(events.Accept(world.charter().encode()))
    charlie, bravo = Liar(world, "charlie"), Liar(world, "bravo")
    one, other = _forked(charlie, at, ours, theirs)
    _tell(charlie, "alpha", one)
    link = bravo.greet("alpha")
    bravo.entries(link)
    world.run(1)
    bravo.got(link)
    bravo.send(link, Heads((stated(other),)))
    return charlie, bravo, alpha, link, other


@pytest.mark.parametrize(("at", "ours", "theirs"), [(1, 8, 8), (4, 8, 8), (7, 8, 8), (5, 12, 9)])
def test_the_search_finds_the_very_leaf(at: int, ours: int, theirs: int) -> None:
    """Asked for proofs against a signed head, true answers lead to where the trees part."""
    charlie, bravo, alpha, link, other = _shown(at, ours, theirs)
    bravo.serve(link, other)
    alpha.world.run()
    assert _assert_convicted(alpha, charlie, other).index == at


@pytest.mark.parametrize(("at", "ours", "theirs"), [(2, 8, 8), (5, 12, 9)])
def test_silence_convicts_by_the_heads_alone(at: int, ours: int, theirs: int) -> None:
    """Two signed heads that contradict one another are proof, if a coarser one."""
    charlie, _, alpha, _, other = _shown(at, ours, theirs)
    assert alpha.line.disputes
    alpha.world.run(25)
    assert not _verdicts(alpha)
    alpha.world.run(15)
    assert _assert_convicted(alpha, charlie, other).index == 0


def test_what_was_proven_by_then_is_entered() -> None:
    """The search that breaks off freezes the log where the trees were last proven to agree."""
    charlie, bravo, alpha, link, other = _shown(6, 8, 8)
    (ask,) = bravo.answers(link, AskProof)
    assert ask == AskProof(CHARLIE, False, 4, 8)
    bravo.send(link, bravo.proof(other, ask))
    alpha.do(events.LinkDown(link))
    alpha.world.run()
    assert _assert_convicted(alpha, charlie, other).index == 4


def test_the_search_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many questions what is proven must do."""
    monkeypatch.setattr(limits, "FORK_PROBES_MAX", 2)
    charlie, bravo, alpha, link, other = _shown(7, 8, 8)
    bravo.serve(link, other)
    alpha.world.run()
    assert _assert_convicted(alpha, charlie, other).index == 6


def test_only_what_was_asked_is_an_answer() -> None:
    """Anything else ends the search, with the heads alone as proof, and is refused."""
    charlie, bravo, alpha, link, other = _shown(6, 8, 8)
    bravo.send(link, bravo.proof(other, AskProof(CHARLIE, False, 5, 8)))
    alpha.world.run()
    assert alpha.facts("refused")[-1]["refusal"] == "bad-proof"
    assert _assert_convicted(alpha, charlie, other).index == 0


def test_a_proof_that_leads_elsewhere_narrows_nothing() -> None:
    """A path must lead to the very head that its author signed."""
    charlie, bravo, alpha, link, other = _shown(6, 8, 8)
    bravo.send(link, ShowProof(CHARLIE, False, 4, 8, (bytes(32),), b"", bytes(32)))
    alpha.world.run()
    assert alpha.facts("refused")[-1]["refusal"] == "bad-proof"
    assert _assert_convicted(alpha, charlie, other).index == 0


def test_a_leaf_that_does_not_differ_ends_the_search() -> None:
    """Should the search ever ask about a leaf that both trees share, it proves nothing there."""
    charlie, bravo, alpha, link, other = _shown(6, 8, 8)
    alpha.line.disputes[CHARLIE].asked = (True, 0)
    bravo.send(link, bravo.proof(other, AskProof(CHARLIE, True, 0, 8)))
    alpha.world.run()
    assert alpha.facts("refused")[-1]["detail"] == "the leaves do not differ"
    assert _assert_convicted(alpha, charlie, other).index == 0


def test_a_proof_that_nobody_asked_for_is_refused() -> None:
    """Before a search, and from another link than the one asked."""
    charlie, bravo, alpha, link, other = _shown(6, 8, 8)
    second = bravo.greet("alpha")
    bravo.send(second, bravo.proof(other, AskProof(CHARLIE, False, 4, 8)))
    bravo.send(link, ShowProof(LogId(1, 0, b""), False, 1, 1, ()))
    assert [fact["refusal"] for fact in alpha.facts("refused")] == ["out-of-turn"] * 2
    assert alpha.line.disputes[CHARLIE].low == 0
    assert charlie.log.size == 8


def test_an_answer_that_comes_after_the_proof_is_passed_over() -> None:
    """Somebody else's proof came first, so there is nothing left to find."""
    charlie, bravo, alpha, link, other = _shown(3, 8, 8)
    (late,) = bravo.answers(link, AskProof)
    bravo.send(link, Heads((stated(other),)))
    assert not bravo.answers(link, AskProof), "one search at a time"
    alpha.world.run(40)
    bravo.send(link, bravo.proof(other, late))
    bravo.send(link, Heads((stated(other),)))
    assert not alpha.facts("refused")
    assert not alpha.line.disputes
    assert len(_verdicts(alpha)) == 1
    assert charlie.log.size == 8


def _larger(at: int, ours: int, theirs: int) -> tuple[Liar, Liar, End, int, LogBuilder]:
    """As ``_shown``, for a head beyond what alpha holds, its entries sent and not fitting."""
    charlie, bravo, alpha, link, other = _shown(at, ours, theirs)
    for charlies in charlie.links:
        alpha.do(events.LinkDown(charlies))
    bravo.send(link, Heads((stated(other),)))
    bravo.entries(link, other, start=ours)
    alpha.world.run()
    return charlie, bravo, alpha, link, other


@pytest.mark.parametrize("at", [1, 3, 4])
def test_a_larger_head_is_searched_too(at: int) -> None:
    """Its first answer shows the root it has at our size; from there the search is the same."""
    charlie, bravo, alpha, link, other = _larger(at, 5, 9)
    assert alpha.facts("fork-suspected") == [{"member": 2, "size": 9}]
    bravo.serve(link, other)
    alpha.world.run()
    assert _assert_convicted(alpha, charlie, other).index == at
    assert alpha.line.logs[CHARLIE].size == 5


def test_a_larger_head_without_any_answer_proves_nothing() -> None:
    """It might extend what we hold: silence convicts nobody."""
    _, _, alpha, _, _ = _larger(3, 5, 9)
    alpha.world.run(40)
    assert not _verdicts(alpha)
    assert not alpha.line.disputes
    assert alpha.line.logs[CHARLIE].frozen == -1


@pytest.mark.parametrize(("answers", "frozen"), [(1, 0), (2, 2)])
def test_a_larger_head_with_one_answer_is_proof(answers: int, frozen: int) -> None:
    """Its root at our size, proven to be another than the one signed there, convicts."""
    charlie, bravo, alpha, link, other = _larger(3, 5, 9)
    for _ in range(answers):
        (ask,) = bravo.answers(link, AskProof)
        bravo.send(link, bravo.proof(other, ask))
    alpha.do(events.LinkDown(link))
    alpha.world.run()
    assert _assert_convicted(alpha, charlie, other).index == frozen


def test_a_lying_relay_leads_nowhere() -> None:
    """Entries that an honest author never signed, shown with a true head: nobody is convicted."""
    charlie, bravo, alpha, link, _ = _shown(3, 3, 3)
    honest = charlie.log.fork(3)
    for number in range(3):
        charlie.say(f"honest {number}", honest)
    forged = honest.fork(4)
    for number in range(2):
        charlie.say(f"forged {number}", forged)
    for charlies in charlie.links:
        alpha.do(events.LinkDown(charlies))
    bravo.send(link, Heads((stated(honest),)))
    for _ in range(2):
        bravo.entries(link, forged, start=3, signature=honest.sign(6))
    (ask,) = bravo.answers(link, AskProof)
    bravo.send(link, bravo.proof(forged, ask))
    alpha.world.run(40)
    assert not _verdicts(alpha)
    assert alpha.line.logs[CHARLIE].frozen == -1
    assert alpha.line.logs[CHARLIE].size == 3
    bravo.entries(link, honest, start=3)
    assert alpha.line.logs[CHARLIE].root == honest.root()


def test_a_head_that_merely_extends_ours_ends_the_search() -> None:
    """True answers clear an honest author of what a relay's wrong entries had made us suspect."""
    charlie, bravo, alpha, link, _ = _shown(3, 3, 3)
    honest = charlie.log.fork(3)
    for number in range(3):
        charlie.say(f"honest {number}", honest)
    forged = honest.fork(4)
    for number in range(2):
        charlie.say(f"forged {number}", forged)
    for charlies in charlie.links:
        alpha.do(events.LinkDown(charlies))
    bravo.send(link, Heads((stated(honest),)))
    bravo.entries(link, forged, start=3, signature=honest.sign(6))
    assert alpha.line.disputes
    bravo.serve(link, honest)
    assert not alpha.line.disputes
    alpha.world.run(40)
    assert not _verdicts(alpha)


def test_what_has_been_held_since_needs_no_answer() -> None:
    """The author himself brings what the head stands for, and the search dies of old age."""
    charlie, bravo, alpha, link, _ = _shown(3, 3, 3)
    honest = charlie.log.fork(3)
    charlie.say("honest", honest)
    forged = charlie.log.fork(3)
    charlie.say("forged", forged)
    for charlies in charlie.links:
        alpha.do(events.LinkDown(charlies))
    bravo.send(link, Heads((stated(honest),)))
    bravo.entries(link, forged, start=3, signature=honest.sign(4))
    assert alpha.line.disputes
    again = charlie.greet("alpha")
    charlie.entries(again, honest, start=3)
    assert alpha.line.logs[CHARLIE].root == honest.root()
    alpha.world.run(40)
    assert not alpha.line.disputes
    assert not _verdicts(alpha)


def test_a_head_that_its_author_did_not_sign_is_no_suspicion() -> None:
    """A relay that invents heads is named, and no search begins."""
    charlie, bravo, alpha, link, _ = _shown(3, 3, 3)
    forged = charlie.log.fork(2)
    charlie.say("never signed", forged)
    head = stated(forged)
    bravo.send(link, Heads((type(head)(head.head, bytes(64)),)))
    assert alpha.facts("refused")[-1]["refusal"] == "bad-signature"
    assert not alpha.line.disputes
    assert not alpha.facts("fork-suspected")


def test_questions_are_answered_from_what_is_held() -> None:
    """Sizes that are not held, and indices beyond them, are refused."""
    charlie, bravo, alpha, link, _ = _shown(3, 3, 3)
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
    for inclusion, at in ((True, 1), (False, 2)):
        bravo.got(link)
        ask = AskProof(CHARLIE, inclusion, at, 3)
        bravo.send(link, ask)
        assert bravo.answers(link, ShowProof) == [bravo.proof(charlie.log, ask)]


# --- what others enter ----------------------------------------------------------------------------


def _proof(one: LogBuilder, other: LogBuilder, index: int) -> bytes:
    return make_leaves(one.proof(index, opened=False), other.proof(index, opened=False))


def _accuse(
    liar: Liar, link: int, log_id: LogId, index: int, proof: bytes, *, bodies: bool = True
) -> int:
    """The liar enters an accusation in his own log and sends it; gives its index."""
    at = liar.log.size
    extra = Accused(log_id, index).encode()
    liar.log.say(Kind.ACCUSATION, plain=proof, extra=extra, time_s=liar.world.wall_s)
    liar.entries(link, start=at, bodies=bodies)
    liar.world.run()
    return at


def test_a_true_accusation_freezes_without_a_search() -> None:
    """Whoever enters it need not be believed: the proof is the accused's own signatures."""
    charlie, bravo, alpha, link, _ = _shown(3, 8, 3)
    other = charlie.log.fork(5)
    charlie.say("the other one", other)
    _accuse(bravo, link, CHARLIE, 5, _proof(charlie.log, other, 5))
    assert alpha.line.logs[CHARLIE].frozen == 5
    assert [fact["index"] for fact in alpha.facts("fork-proven")] == [5]
    assert not _verdicts(alpha), "one proof in the record is enough"


def test_a_lower_proof_freezes_lower_and_a_higher_one_changes_nothing() -> None:
    """The log is frozen at the lowest index that any entered proof names."""
    charlie, bravo, alpha, link, _ = _shown(2, 8, 2)
    for index, frozen in ((5, 5), (3, 3), (6, 3)):
        other = charlie.log.fork(index)
        charlie.say("the other one", other)
        _accuse(bravo, link, CHARLIE, index, _proof(charlie.log, other, index))
        assert alpha.line.logs[CHARLIE].frozen == frozen
    assert len(alpha.facts("fork-proven")) == 1


def test_a_false_accusation_convicts_nobody() -> None:
    """Two equal leaves, another index than stated, another log, or no proof at all."""
    charlie, bravo, alpha, link, _ = _shown(2, 8, 2)
    other = charlie.log.fork(5)
    charlie.say("the other one", other)
    true = _proof(charlie.log, other, 5)
    same = make_leaves(charlie.log.proof(4, opened=False), charlie.log.proof(4, opened=False))
    for log_id, index, proof in (
        (CHARLIE, 4, same),
        (CHARLIE, 4, true),
        (alpha.own().id, 5, true),
        (CHARLIE, 5, b"he did it"),
    ):
        _accuse(bravo, link, log_id, index, proof)
    assert len(alpha.facts("accusation-unproven")) == 4
    assert not alpha.facts("fork-proven")
    assert not alpha.line.accused
    assert not alpha.line.mute


def test_an_accusation_that_cannot_be_read_is_void() -> None:
    """Neither its fields nor its body decode; it stays in the record and freezes nothing."""
    charlie, bravo, alpha, link, _ = _shown(2, 4, 2)
    bravo.log.say(Kind.ACCUSATION, extra=b"\xff", plain=b"x", time_s=bravo.world.wall_s)
    bravo.entries(link, start=1)
    extra = Accused(CHARLIE, 1).encode()
    body = (bytes(16), b"\xee no packed body")
    leaf = Leaf(Kind.ACCUSATION, bravo.world.wall_s, 7, extra=extra, commitment=commit(*body))
    bravo.log.add_raw(leaf.encode(), body)
    bravo.entries(link, start=2)
    assert alpha.facts("void") == [{"member": 1, "index": 1}, {"member": 1, "index": 2}]
    other = charlie.log.fork(3)
    charlie.say("the other one", other)
    _accuse(bravo, link, CHARLIE, 3, _proof(charlie.log, other, 3), bodies=True)
    _accuse(bravo, link, CHARLIE, 3, _proof(charlie.log, other, 3), bodies=False)
    alpha.line.charter_due = True
    alpha.world.run()
    frozen = frozen_logs(alpha.station, alpha.line)
    assert list(frozen) == [CHARLIE]
    assert frozen[CHARLIE].index == 3
    assert [place.index for place in frozen[CHARLIE].proofs] == [3], "only what is a proof"


def test_an_accusation_is_judged_when_its_body_comes() -> None:
    """Without the proof it says nothing."""
    charlie, bravo, alpha, link, _ = _shown(2, 8, 2)
    other = charlie.log.fork(5)
    charlie.say("the other one", other)
    at = _accuse(bravo, link, CHARLIE, 5, _proof(charlie.log, other, 5), bodies=False)
    assert alpha.line.logs[CHARLIE].frozen == -1
    bravo.entries(link, start=at)
    assert alpha.line.logs[CHARLIE].frozen == 5


def test_another_leaf_below_the_frozen_index_is_not_taken_in() -> None:
    """A log proven forked beyond what is held still has one tree here, and no second one."""
    charlie, bravo, alpha, link, _ = _shown(4, 4, 4)
    whole = charlie.log.fork(4)
    for number in range(3):
        charlie.say(f"on {number}", whole)
    other = whole.fork(6)
    charlie.say("the other one", other)
    _accuse(bravo, link, CHARLIE, 6, _proof(whole, other, 6))
    assert alpha.line.logs[CHARLIE].frozen == 6
    root = alpha.line.logs[CHARLIE].root
    lower = charlie.log.fork(2)
    charlie.say("lower", lower)
    charlie.entries(next(iter(charlie.links)), lower, start=2)
    alpha.world.run(5)
    assert alpha.line.logs[CHARLIE].root == root
    assert 0 <= alpha.line.logs[CHARLIE].frozen <= 6
    assert not alpha.line.mute


def test_a_proof_about_one_log_says_nothing_of_another() -> None:
    """A log that begins later is judged by the accusations that name it."""
    charlie, bravo, alpha, link, _ = _shown(2, 8, 2)
    other = charlie.log.fork(5)
    charlie.say("the other one", other)
    _accuse(bravo, link, CHARLIE, 5, _proof(charlie.log, other, 5))
    later = LogBuilder(charlie.line, LogId(2, 1, b"lifelife"), party("charlie"))
    extra = Resume(1, b"lifelife", ()).encode()
    later.say(Kind.RESUME, extra=extra, time_s=charlie.world.wall_s)
    charlie.entries(next(iter(charlie.links)), later)
    assert alpha.line.logs[later.id].frozen == -1
    assert alpha.line.accused == {CHARLIE}


def test_a_log_that_begins_later_is_frozen_as_it_begins() -> None:
    """An accusation of a log of which nothing is held here waits for its first entries."""
    world = World(names=THREE)
    alpha = world.ends["alpha"]
    alpha.do(events.Accept(world.charter().encode()))
    charlie, bravo = Liar(world, "charlie"), Liar(world, "bravo")
    one, other = _forked(charlie, 2, 5, 5)
    link = bravo.greet("alpha")
    bravo.entries(link)
    _accuse(bravo, link, CHARLIE, 2, _proof(one, other, 2))
    assert CHARLIE not in alpha.line.logs
    _tell(charlie, "alpha", one)
    assert alpha.line.logs[CHARLIE].frozen == 2
    assert CHARLIE in alpha.line.accused


def test_a_proof_that_would_not_convince_a_stranger_is_not_entered() -> None:
    """Without a card that lists the key nothing is proven, only told."""
    world, liar = _town()
    alpha = world.ends["alpha"]
    one, other = _forked(liar, 2, 5, 5)
    link = _tell(liar, "alpha", one)
    del alpha.station.cards[party("charlie").id]
    liar.entries(link, other, start=1)
    world.run()
    assert len(alpha.facts("accusation-unproven")) == 1
    assert not _verdicts(alpha)
    assert alpha.line.logs[CHARLIE].frozen == -1


def test_a_node_whose_own_log_is_proven_forked_falls_mute() -> None:
    """Its key has signed two histories, by whomever: it signs no more in that log."""
    world = World(names=THREE)
    alpha = world.ends["alpha"]
    alpha.do(events.Accept(world.charter().encode()))
    bravo = Liar(world, "bravo")
    link = bravo.greet("alpha")
    bravo.entries(link)
    world.run(1)
    ours = LogBuilder(bravo.line, alpha.own().id, party("alpha"))
    for entry in alpha.shelf(alpha.line.id).entries(alpha.own().id, 0, alpha.own().size):
        ours.add_raw(entry.raw)
    copy = ours.fork(ours.size)
    ours.say(plain=b"said by a copy of this node", time_s=world.wall_s)
    copy.say(plain=b"said by another", time_s=world.wall_s)
    size = alpha.own().size
    _accuse(bravo, link, ours.id, size, _proof(ours, copy, size))
    assert alpha.line.mute
    world.run(60)
    assert alpha.own().size == size


# --- a `seen` that contradicts ------------------------------------------------------------------


def _seen(liar: Liar, *logs: LogBuilder) -> None:
    items = [covering_item(log.id, log.size, log.root(), liar.world.wall_s) for log in logs]
    liar.log.say(Kind.SEEN, seen=tuple(sorted(items)), time_s=liar.world.wall_s)


def test_a_contradicting_seen_is_not_covered_until_the_proof_is_entered() -> None:
    """Else a seal that rests on one history could be undone by another (F9)."""
    charlie, bravo, alpha, link, other = _shown(3, 3, 3)
    charlie.say("to one")
    charlie.entries(next(iter(charlie.links)), start=3)
    charlie.say("to the other", other)
    _seen(bravo, other)
    bravo.say("resting on that")
    bravo.entries(link, start=1)
    alpha.world.run(60)
    assert alpha.facts("seen-contradicts") == [{"member": 1, "about": 2}]
    assert alpha.log_of(1).disputed_from == 1
    assert alpha.log_of(1).covered == 1
    bravo.send(link, Heads((stated(other),)))
    bravo.serve(link, other)
    alpha.world.run(60)
    assert _assert_convicted(alpha, charlie, other).index == 3
    assert alpha.log_of(1).disputed_from == -1
    assert alpha.log_of(1).covered == 3
    kinds = alpha.kinds()
    covering = [
        index
        for index, entry in enumerate(
            alpha.shelf(alpha.line.id).entries(alpha.own().id, 0, len(kinds))
        )
        if entry.leaf is not None
        and any(seen.log.member == 1 and seen.size > 1 for seen in entry.leaf.seen)
    ]
    assert kinds.index(Kind.ACCUSATION) <= min(covering), "the proof comes first"


def test_one_proof_does_not_explain_another_contradiction() -> None:
    """The cover stops at the first `seen` that is still unexplained."""
    names = (*THREE, "delta")
    world = World(names=names)
    alpha = world.ends["alpha"]
    alpha.do(events.Accept(world.charter().encode()))
    charlie, delta, bravo = (Liar(world, name) for name in ("charlie", "delta", "bravo"))
    others = []
    for liar in (charlie, delta):
        one, other = _forked(liar, 2, 4, 4)
        _tell(liar, "alpha", one)
        others.append(other)
    link = bravo.greet("alpha")
    bravo.entries(link)
    _seen(bravo, others[0])
    bravo.log.add_raw(b"\xff")
    _seen(bravo, others[1])
    bravo.say("the end")
    for index in range(1, 5):
        bravo.entries(link, start=index, stop=index + 1)
    assert alpha.log_of(1).disputed_from == 1
    bravo.send(link, Heads((stated(others[0]),)))
    bravo.serve(link, others[0])
    world.run(60)
    assert alpha.log_of(1).disputed_from == 3
    assert alpha.log_of(1).covered == 3
    assert alpha.line.accused == {CHARLIE}
