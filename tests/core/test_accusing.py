"""Proofs of two histories: made, entered, received, checked; and what a log is frozen from."""

from __future__ import annotations

from dataclasses import replace

import pytest
from core.forks import (
    CHARLIE,
    THREE,
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
from core.lineage import LogBuilder, party
from liar import Liar, covering_item, stated
from pair import End, World

from detente.core import events, limits
from detente.core.accusation import Finding, Form, make_leaves
from detente.core.accusing import is_last, prove_leaves
from detente.core.body import commit, pack
from detente.core.extras import Accused, Resume, encode_clock
from detente.core.frames import AskProof, Body, Heads
from detente.core.freezing import frozen_logs
from detente.core.leaf import Kind, Leaf, LogId, Precedence
from detente.core.station import Step, fall_mute

# --- made from what the author sends --------------------------------------------------------------


@pytest.mark.parametrize("start", [0, 2, 3, 4])
def test_an_author_that_sends_another_history_convicts_himself(start: int) -> None:
    """Signed entries that differ from those held are proof as they come, in whole or in part."""
    world = World(names=THREE)
    world.open("alpha")
    charlie = Liar(world, "charlie")
    one, other = forked(charlie, 4, 5, 6)
    link = tell(charlie, "alpha", one)
    charlie.entries(link, other, start=start, full=False)
    if not world.ends["alpha"].line.accused:
        charlie.entries(link, other, start=start)
    world.run()
    convicted(world.ends["alpha"], 4, form=Form.LEAVES)


def test_a_frozen_log_stays_frozen_over_a_restart() -> None:
    """And the accusation is not made twice."""
    world, charlie, other = split(2, 5, 4)
    world.link("alpha", "bravo")
    world.run(40)
    alpha = world.ends["alpha"]
    proofs = alpha.shelf(alpha.line.id).of_kind([Kind.ACCUSATION])
    alpha.restart()
    assert alpha.line.accused == {CHARLIE: 2}
    assert alpha.line.logs[CHARLIE].frozen == 2
    world.link("alpha", "bravo")
    tell(charlie, "alpha", other)
    world.run(40)
    assert alpha.shelf(alpha.line.id).of_kind([Kind.ACCUSATION]) == proofs


@pytest.mark.parametrize("stated_end", [0, 2])
def test_a_log_frozen_without_a_proof_can_be_proven_after_a_restart(stated_end: int) -> None:
    """Neither an end that officers set nor a false accusation says that there are two histories."""
    _, bravo, alpha, link, other = shown(3, 5, 3)
    enter(bravo, link, CHARLIE, 1, b"he did it")
    alpha.line.logs[CHARLIE].frozen = stated_end
    alpha.shelf(alpha.line.id).states[CHARLIE] = alpha.line.logs[CHARLIE].encode()
    alpha.restart()
    assert not alpha.line.accused
    other = grown(bravo, other, 5)
    other.author = party("charlie")
    link = bravo.greet("alpha", stated(other))
    bravo.serve(link, other)
    alpha.world.run()
    assert [verdict.index for verdict in verdicts(alpha)] == [3]
    assert alpha.line.accused == {CHARLIE: 3}
    assert alpha.line.logs[CHARLIE].frozen == stated_end, "the lower of the two"


def test_what_would_not_convince_a_stranger_is_not_entered() -> None:
    """A log followed under a key that no card lists convicts nobody."""
    _, bravo, alpha, link, other = shown(3, 5, 5)
    alpha.station.cards[party("charlie").id] = party("dave").card.card
    bravo.serve(link, other)
    alpha.world.run()
    (fact,) = alpha.facts("accusation-unproven")
    assert fact["member"] == 2
    assert fact["reason"]
    assert not alpha.line.accused
    assert Kind.ACCUSATION not in alpha.kinds()


@pytest.mark.parametrize("restarts", [0, 2])
def test_a_proof_in_a_mute_node_is_kept_for_its_log(restarts: int) -> None:
    """A restored node shows the proof at once, and enters it when it is adopted, once; also one
    that is started again before it. What it froze is frozen meanwhile."""
    _, bravo, alpha, link, other = shown(3, 5, 5)
    step = Step(alpha.station, alpha.world.now(), alpha.entropy)
    fall_mute(step, alpha.line, "a test")
    fall_mute(step, alpha.line, "another")
    alpha.world.deliver(alpha, step.out)
    bravo.serve(link, other)
    alpha.world.run()
    assert alpha.facts("fork-proven")
    assert Kind.ACCUSATION not in alpha.kinds()
    for _ in range(restarts):
        alpha.restart()
        assert (alpha.line.accused, alpha.line.logs[CHARLIE].frozen) == ({CHARLIE: 3}, 3)
        bravo.greet("alpha")
    alpha.station.keys.k = 1
    alpha.do(events.Adopt(1))
    alpha.world.run()
    assert alpha.kinds()[:2] == [Kind.RESUME, Kind.ACCUSATION]
    convicted(alpha, 3, form=Form.LEAVES)
    alpha.restart()
    alpha.world.run()
    assert not alpha.line.control
    assert alpha.kinds().count(Kind.ACCUSATION) == 1


@pytest.mark.parametrize("restarts", [0, 1])
@pytest.mark.parametrize(
    ("index", "whole", "entered"),
    [(2, True, False), (3, True, False), (4, True, True), (3, False, True)],
)
def test_a_proof_that_waited_is_entered_only_where_it_still_freezes_lower(
    index: int, *, whole: bool, entered: bool, restarts: int
) -> None:
    """Another member's proof of as much, held here by then, makes it needless; one further up
    does not, nor does one whose body has not come."""
    charlie, bravo, alpha, link, _ = shown(1, 5, 1)
    step = Step(alpha.station, alpha.world.now(), alpha.entropy)
    fall_mute(step, alpha.line, "a test")
    alpha.world.deliver(alpha, step.out)
    for at in (4, 3):
        other = grown(charlie, charlie.log.fork(at), 5)
        bravo.send(link, Heads((stated(other),)))
        bravo.serve(link, other)
    alpha.world.run()
    proof = proof_by_leaves(charlie.log, grown(charlie, charlie.log.fork(index), 5), index)
    enter(bravo, link, CHARLIE, index, proof, bodies=whole)
    for _ in range(restarts):
        alpha.restart()
        bravo.greet("alpha")
    assert alpha.line.logs[CHARLIE].unentered
    alpha.station.keys.k = 1
    alpha.do(events.Adopt(1))
    alpha.world.run()
    assert [verdict.index for verdict in verdicts(alpha)] == [4, 3][restarts:] * entered
    assert alpha.line.accused == {CHARLIE: min(3, index)}
    alpha.restart()
    assert (alpha.line.control, alpha.line.logs[CHARLIE].unentered) == ([], b"")


@pytest.mark.parametrize("padding", [False, True])
def test_an_accusation_travels_as_it_is(*, padding: bool) -> None:
    """Hashes and signatures hardly shrink, and packed they would be other bytes with another
    brotli: the body's method is 0. It is padded where the charter says so, and immediate."""
    _, bravo, alpha, link, other = shown(3, 5, 5)
    alpha.line.charter = replace(alpha.line.charter, padding=padding)
    bravo.serve(link, other)
    alpha.world.run()
    shelf = alpha.shelf(alpha.line.id)
    (place,) = shelf.of_kind([Kind.ACCUSATION])
    entry = shelf.entry(*place)
    assert entry.leaf is not None
    assert entry.leaf.precedence == Precedence.IMMEDIATE
    (fact,) = alpha.facts("fork-proven")
    assert entry.body == pack(fact["proof"], None, padding)  # type: ignore[arg-type]
    assert {name: fact[name] for name in ("member", "log", "index")} == {
        "member": 2,
        "log": CHARLIE.word,
        "index": 3,
    }


# --- how many -------------------------------------------------------------------------------------


def test_an_author_who_forks_again_and_again_is_frozen_whole() -> None:
    """Each proof freezes lower than those before, and the last that a log enters all of it: who
    forks a thousand times costs every other member eight entries."""
    charlie, bravo, alpha, link, _ = shown(1, 40, 1)
    for at in range(30, 10, -1):
        other = grown(charlie, charlie.log.fork(at), 36 + at % 5)
        bravo.send(link, Heads((stated(other),)))
        bravo.serve(link, other)
        alpha.world.run()
    convicted(alpha, 30, 29, 28, 27, 26, 25, 24, 0, form=Form.ROOTS)
    assert len(verdicts(alpha)) == limits.ACCUSATIONS_MAX
    asked = bravo.answers(link, AskProof)
    assert not asked, "nothing is left to be found"


@pytest.mark.parametrize("case", ["search", "longer", "silence", "entries", "longer entries"])
def test_the_last_proof_freezes_the_whole_log(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the fork is found, and whatever the sizes."""
    monkeypatch.setattr(limits, "ACCUSATIONS_MAX", 1)
    longer = case in ("longer", "longer entries")
    _, bravo, alpha, link, other = shown(3, 6, 9 if longer else 5)
    if case.endswith("entries"):
        bravo.entries(link, other, start=1)
    elif longer:
        bravo.entries(link, other, start=6)
    if case == "silence":
        ask = bravo.answers(link, AskProof)[0]
        bravo.send(link, bravo.proof(other, ask))
        alpha.world.run(40)
    bravo.serve(link, other)
    alpha.world.run()
    convicted(alpha, 0, form=Form.ROOTS)


def test_the_last_proof_of_one_who_overtook_freezes_the_whole_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The head of an entry that came ahead is no larger than what then is held."""
    monkeypatch.setattr(limits, "ACCUSATIONS_MAX", 1)
    world = World(names=THREE)
    world.open("alpha")
    charlie = Liar(world, "charlie")
    one, other = forked(charlie, 4, 6, 6)
    link = tell(charlie, "alpha", one)
    charlie.ahead(link, 4, 2, other)
    world.run()
    convicted(world.ends["alpha"], 0, form=Form.ROOTS)


@pytest.mark.parametrize("how", ["entries", "ahead", "first ahead", "longer"])
def test_the_last_proof_comes_behind_others_against_that_log(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However it is found: the first is by leaves, and the second freezes the whole log, also one
    that is frozen behind its first leaf already."""
    monkeypatch.setattr(limits, "ACCUSATIONS_MAX", 2)
    begun = larger(3, 6, 9) if how == "longer" else shown(1, 6, 1)
    charlie, bravo, alpha, link, other = begun
    first = 1 if how in ("entries", "first ahead") else 5
    bravo.entries(link, grown(charlie, charlie.log.fork(first), 6), start=first)
    assert alpha.line.accused == {CHARLIE: first}
    if how == "entries":
        other = grown(charlie, charlie.log.fork(0), 5)
        step = Step(alpha.station, alpha.world.now(), alpha.entropy)
        head = events.SignedHead(5, other.root(), other.sign(5))
        # As after an adoption, where an accusation of ours stands and the log has to come anew.
        prove_leaves(step, alpha.line, alpha.line.logs[CHARLIE], 0, other.raws, 0, head)
    elif how == "first ahead":
        charlie.ahead(charlie.greet("alpha"), 0, 0, grown(charlie, charlie.log.fork(0), 1))
    elif how == "ahead":
        charlie.ahead(charlie.greet("alpha"), 4, 2, grown(charlie, charlie.log.fork(4), 6))
    else:
        for _ in range(3):
            (ask,) = bravo.answers(link, AskProof)
            bravo.send(link, bravo.proof(other, ask))
        ends_link(alpha, link)
    alpha.world.run()
    convicted(alpha, first, 0, form=Form.ROOTS)


def test_only_proofs_against_one_log_count_toward_its_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits to be entered counts for the log that it names, and no other statement does."""
    monkeypatch.setattr(limits, "ACCUSATIONS_MAX", 2)
    _, bravo, alpha, _, _ = shown(1, 2, 1)
    for kind, extra in (
        (Kind.ACCUSATION, Accused(CHARLIE, 3).encode()),
        (Kind.CLOCK, encode_clock(-5)),
    ):
        alpha.line.control.append(events.Draft(kind, 7, extra=extra))
        assert is_last(alpha.line, CHARLIE)
        assert not is_last(alpha.line, bravo.log.id)


@pytest.mark.parametrize("same", [False, True])
def test_what_overtook_behind_a_freeze_proves_nothing_more(*, same: bool) -> None:
    """When the gap is filled, another leaf, or another tree before it, is known to be another."""
    charlie, bravo, alpha, link, _ = shown(2, 2, 2)
    one = grown(charlie, charlie.log.fork(2), 6)
    other = grown(charlie, one.fork(4), 6)
    for log in (one, other):
        charlie.say("the last word" if same or log is one else "another", log)
    charlie.ahead(charlie.greet("alpha"), 6, 2, other)
    enter(bravo, link, CHARLIE, 4, proof_by_leaves(one, other, 4))
    bravo.entries(link, one, start=2)
    alpha.world.run()
    assert (one.raws[6] == other.raws[6]) is same
    assert alpha.facts("received-ahead") == [{"member": 2, "index": 6}]
    assert alpha.line.logs[CHARLIE].size == 7
    assert not alpha.line.ahead
    assert not verdicts(alpha)
    assert alpha.line.accused == {CHARLIE: 4}


def test_a_proof_that_waits_for_its_log_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mute node keeps proofs in memory, and no more of them than it may enter."""
    monkeypatch.setattr(limits, "ACCUSATIONS_MAX", 2)
    charlie, bravo, alpha, link, _ = shown(1, 9, 1)
    step = Step(alpha.station, alpha.world.now(), alpha.entropy)
    fall_mute(step, alpha.line, "a test")
    for at in (6, 5, 4):
        other = grown(charlie, charlie.log.fork(at), 9)
        bravo.send(link, Heads((stated(other),)))
        bravo.serve(link, other)
    assert [draft.kind for draft in alpha.line.control] == [Kind.ACCUSATION] * 2
    assert alpha.line.accused == {CHARLIE: 0}


# --- what others enter ----------------------------------------------------------------------------


@pytest.mark.parametrize("late", [False, True])
def test_a_true_accusation_is_checked_and_believed(*, late: bool) -> None:
    """Also when its body comes after its leaf. Whoever enters it need not be believed: the proof
    is the accused's own signatures, and one in the record is enough."""
    charlie, bravo, alpha, link, _ = shown(3, 8, 3)
    other = grown(charlie, charlie.log.fork(5), 6)
    proof = proof_by_leaves(charlie.log, other, 5)
    at = enter(bravo, link, CHARLIE, 5, proof, bodies=not late)
    if late:
        assert not alpha.line.accused
        assert alpha.line.logs[CHARLIE].frozen == -1
        salt, body = bravo.log.bodies[at]
        bravo.send(link, Body(bravo.log.id, at, salt, body))
        alpha.world.run()
    assert alpha.line.accused == {CHARLIE: 5}
    assert alpha.line.logs[CHARLIE].frozen == 5
    fact = {"member": 2, "log": CHARLIE.word, "index": 5, "proof": proof}
    assert alpha.facts("fork-proven") == [fact]
    assert not verdicts(alpha)


def test_a_lower_proof_freezes_lower_and_a_higher_one_changes_nothing() -> None:
    """The log is frozen at the lowest index that any entered proof names."""
    charlie, bravo, alpha, link, _ = shown(2, 8, 2)
    for index, frozen in ((5, 5), (3, 3), (6, 3)):
        other = grown(charlie, charlie.log.fork(index), index + 1)
        enter(bravo, link, CHARLIE, index, proof_by_leaves(charlie.log, other, index))
        assert alpha.line.logs[CHARLIE].frozen == frozen
    assert [fact["index"] for fact in alpha.facts("fork-proven")] == [5, 3]
    alpha.restart()
    assert alpha.line.accused == {CHARLIE: 3}


@pytest.mark.parametrize("case", ["index", "another", "same", "nonsense", "life", "ours"])
def test_nobody_innocent_is_proven_anything(case: str) -> None:
    """A proof of another log, index or tree freezes nothing, whoever enters it."""
    charlie, bravo, alpha, link, _ = shown(3, 5, 3)
    log, other = charlie.log, grown(charlie, charlie.log.fork(3), 5)
    accused, index, proof = CHARLIE, 3, proof_by_leaves(log, other, 3)
    if case == "index":
        index = 1
    elif case == "another":  # the accuser's own fork, laid at charlie's door
        twin = bravo.log.fork(1)
        bravo.say("one")
        bravo.say("two", twin)
        index, proof = 1, proof_by_leaves(bravo.log, twin, 1)
    elif case == "same":
        proof = make_leaves(log.proof(3), log.proof(3))
    elif case == "nonsense":
        proof = b"he did it"
    elif case == "life":
        accused = LogId(2, 1, bytes(8))
    else:
        accused = alpha.own().id
    if bravo.log.size > 1:
        bravo.entries(link, start=1)
    enter(bravo, link, accused, index, proof)
    assert not alpha.line.accused
    assert not alpha.line.mute
    assert alpha.line.logs[CHARLIE].frozen == -1
    assert not alpha.facts("fork-proven")
    told = [(fact["member"], bool(fact["reason"])) for fact in alpha.facts("accusation-unproven")]
    assert told == [(1, True)] * (case != "life")


def test_an_accusation_that_cannot_be_read_is_void() -> None:
    """Neither its fields nor its body decode; it stays in the record and freezes nothing."""
    charlie, bravo, alpha, link, _ = shown(2, 4, 2)
    bravo.log.say(Kind.ACCUSATION, extra=b"\xff", plain=b"x", time_s=bravo.world.wall_s)
    bravo.entries(link, start=1)
    extra = Accused(CHARLIE, 1).encode()
    body = (bytes(16), b"\xee no packed body")
    leaf = Leaf(Kind.ACCUSATION, bravo.world.wall_s, 7, extra=extra, commitment=commit(*body))
    bravo.log.add_raw(leaf.encode(), body)
    bravo.entries(link, start=2)
    assert alpha.facts("void") == [{"member": 1, "index": 1}, {"member": 1, "index": 2}]
    proof = proof_by_leaves(charlie.log, grown(charlie, charlie.log.fork(3), 4), 3)
    enter(bravo, link, CHARLIE, 3, proof, bodies=True)
    enter(bravo, link, CHARLIE, 3, proof, bodies=False)
    alpha.line.charter_due = True
    alpha.world.run()
    frozen = frozen_logs(alpha.station, alpha.line)
    assert list(frozen) == [CHARLIE]
    assert frozen[CHARLIE].index == 3
    found = [(proof.place.index, proof.index) for proof in frozen[CHARLIE].proofs]
    assert found == [(3, 3)], "only what is a proof"


def test_another_leaf_below_the_frozen_index_is_not_taken_in() -> None:
    """A log proven forked beyond what is held still has one tree here, and no second one; that it
    parts even lower is proven as it comes."""
    charlie, bravo, alpha, link, _ = shown(4, 4, 4)
    whole = grown(charlie, charlie.log.fork(4), 7)
    other = grown(charlie, whole.fork(6), 7)
    enter(bravo, link, CHARLIE, 6, proof_by_leaves(whole, other, 6))
    assert alpha.line.logs[CHARLIE].frozen == 6
    root = alpha.line.logs[CHARLIE].root
    lower = grown(charlie, charlie.log.fork(2), 3)
    charlie.entries(charlie.greet("alpha"), lower, start=2)
    alpha.world.run()
    assert alpha.line.logs[CHARLIE].root == root
    convicted(alpha, 2, form=Form.LEAVES)


def test_a_forked_log_is_still_filled_up_to_where_it_parts() -> None:
    """What lies before the freeze is as good as ever, and taken in whole batches. Only heads that
    the author signed there are covered: no others exist that state just as much."""
    charlie, bravo, alpha, link, _ = shown(2, 2, 2)
    whole = grown(charlie, charlie.log.fork(2), 6)
    other = grown(charlie, whole.fork(5), 6)
    enter(bravo, link, CHARLIE, 5, proof_by_leaves(whole, other, 5))
    assert not alpha.line.logs[CHARLIE].closed()
    bravo.entries(link, whole, start=2)
    assert alpha.line.logs[CHARLIE].size == 6
    assert alpha.line.logs[CHARLIE].closed()
    alpha.world.run(40)
    assert alpha.own().stated[CHARLIE] == 2


def test_a_proof_about_one_log_says_nothing_of_another() -> None:
    """A log that begins later is judged by the accusations that name it."""
    charlie, bravo, alpha, link, _ = shown(2, 8, 2)
    other = grown(charlie, charlie.log.fork(5), 6)
    enter(bravo, link, CHARLIE, 5, proof_by_leaves(charlie.log, other, 5))
    later = LogBuilder(charlie.line, LogId(2, 1, b"lifelife"), party("charlie"))
    extra = Resume(1, b"lifelife", ()).encode()
    later.say(Kind.RESUME, extra=extra, time_s=charlie.world.wall_s)
    charlie.entries(charlie.greet("alpha"), later)
    assert alpha.line.logs[later.id].frozen == -1
    assert alpha.line.accused == {CHARLIE: 5}


def test_a_log_that_begins_later_is_frozen_as_it_begins() -> None:
    """Accusations of a log of which nothing is held here wait for its first entries."""
    world = World(names=THREE)
    world.open("alpha")
    alpha, charlie, bravo = world.ends["alpha"], Liar(world, "charlie"), Liar(world, "bravo")
    one = grown(charlie, charlie.log, 5)
    link = bravo.greet("alpha")
    bravo.log.say(Kind.ACCUSATION, extra=b"", plain=b"nonsense")
    bravo.entries(link)
    enter(bravo, link, CHARLIE, 1, b"he did it")
    for at in (4, 2, 3):
        enter(bravo, link, CHARLIE, at, proof_by_leaves(one, grown(charlie, one.fork(at), 5), at))
    assert CHARLIE not in alpha.line.logs
    assert not alpha.line.accused
    tell(charlie, "alpha", one)
    assert [fact["member"] for fact in alpha.facts("accusation-unproven")] == [1]
    assert alpha.line.logs[CHARLIE].frozen == 2
    assert alpha.line.accused == {CHARLIE: 2}
    alpha.restart()
    assert alpha.line.accused == {CHARLIE: 2}


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
    other = grown(twin, twin.log.fork(1), 2)
    enter(bravo, link, alpha.own().id, 1, proof_by_leaves(twin.log, other, 1))
    assert alpha.line.mute
    assert shelf.mute == alpha.line.mute
    size = alpha.own().size
    alpha.submit("more")
    world.run(70)
    assert alpha.own().size == size


# --- a `seen` that contradicts ------------------------------------------------------------------


def _seen(liar: Liar, *logs: LogBuilder) -> None:
    items = [covering_item(log.id, log.size, log.root(), liar.world.wall_s) for log in logs]
    liar.log.say(Kind.SEEN, seen=tuple(sorted(items)), time_s=liar.world.wall_s)


def _coverings(end: End) -> list[int]:
    """The entries of an end's own log that state more of bravo's than its charter."""
    entries = end.shelf(end.line.id).entries(end.own().id, 0, end.own().size)
    return [
        entry.place.index
        for entry in entries
        for seen in (() if entry.leaf is None else entry.leaf.seen)
        if seen.log.member == 1 and seen.size > 1
    ]


def test_a_contradicting_seen_is_not_covered_until_the_proof_is_entered() -> None:
    """Else a seal that rests on one history could be undone by another (F9)."""
    charlie, bravo, alpha, link, other = shown(3, 4, 3)
    grown(charlie, other, 4)
    _seen(bravo, other)
    bravo.say("resting on that")
    bravo.entries(link, start=1)
    alpha.world.run(60)
    assert alpha.facts("seen-contradicts") == [{"member": 1, "about": 2}]
    assert alpha.log_of(1).disputed_from == 1
    assert alpha.log_of(1).covered == 1
    before_s = alpha.world.wall_s
    bravo.send(link, Heads((stated(other),)))
    bravo.serve(link, other)
    alpha.world.run(60)
    assert alpha.log_of(1).held_at_s >= before_s, "held undisputed from the proof on"
    assert convicted(alpha, 3).finding is Finding.PROVEN
    assert alpha.log_of(1).disputed_from == -1
    assert alpha.log_of(1).covered == 3
    assert alpha.kinds().index(Kind.ACCUSATION) <= min(_coverings(alpha)), "the proof comes first"


def test_one_proof_does_not_explain_another_contradiction() -> None:
    """The cover stops at the first `seen` that is still unexplained."""
    world = World(names=(*THREE, "delta"))
    world.open("alpha")
    alpha = world.ends["alpha"]
    charlie, delta, bravo = (Liar(world, name) for name in ("charlie", "delta", "bravo"))
    others = []
    for liar in (charlie, delta):
        one, other = forked(liar, 2, 4, 4)
        tell(liar, "alpha", one)
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
    alpha.log_of(1).heads.clear()  # as behind many more, in the store alone
    bravo.send(link, Heads((stated(others[0]),)))
    bravo.serve(link, others[0])
    world.run(60)
    assert alpha.log_of(1).disputed_from == 3
    assert alpha.log_of(1).covered == 3
    assert alpha.line.accused == {CHARLIE: 2}


def test_a_proof_explains_nothing_below_its_index() -> None:
    """A `seen` of another history that parts earlier stays disputed until that is proven too."""
    charlie, bravo, alpha, link, _ = shown(1, 8, 1)
    low, high = (grown(charlie, charlie.log.fork(at), 8) for at in (2, 6))
    enter(bravo, link, CHARLIE, 6, proof_by_leaves(charlie.log, high, 6))
    _seen(bravo, high)
    bravo.entries(link, start=2)
    assert alpha.log_of(1).disputed_from == -1, "explained"
    item = covering_item(CHARLIE, 5, low.root(5), bravo.world.wall_s)
    bravo.log.say(Kind.SEEN, seen=(item,), time_s=bravo.world.wall_s)
    bravo.entries(link, start=3)
    assert alpha.log_of(1).disputed_from == 3
    bravo.send(link, Heads((stated(low),)))
    bravo.serve(link, low)
    alpha.world.run()
    convicted(alpha, 2)
    assert alpha.log_of(1).disputed_from == -1
