"""How far a forked log enters decisions, and what of it nobody need hold."""

from __future__ import annotations

import pytest
from core.lineage import START_S, Line, LogBuilder, covering, line
from core.test_decisions import EXPIRES_S, NOW_S, answer, offer

from detente.core.contested import Frozen, Proof, ends_of, heads_that_stand, stands
from detente.core.decisions import State, state_of_offer
from detente.core.leaf import Kind, Seen
from detente.core.transcript import Place


@pytest.fixture
def three() -> Line:
    """Two parties and a mediator, who is number 2."""
    return line("Aland", "Bland", "Mediana", roles=("party", "party", "mediator"))


def says(log: LogBuilder, size: int) -> None:
    """A log grows to a size."""
    while log.size < size:
        log.say(plain=f"{log.size}".encode(), serial=log.size)


def covers(by: LogBuilder, log: LogBuilder, size: int) -> None:
    """A log states that it holds another up to a size, with the root that one has there."""
    by.say(Kind.SEEN, seen=(Seen(log.id, size, log.root(size), START_S),))


def another(three: Line) -> LogBuilder:
    """The first log grows to six, and forks at two; the mediator covers three of its other tree."""
    a, _, m = three.logs
    says(a, 2)
    other = a.fork(2)
    says(a, 6)
    other.say(plain=b"another", serial=2)
    covers(m, other, 3)
    return other


def caught(three: Line, *freezes: int) -> Frozen:
    """The first log is forked from here; the mediator's next entries are taken for the proofs."""
    m = three.logs[2]
    proofs = []
    for index in freezes:
        m.say(Kind.ACCUSATION)
        proofs.append(Proof(Place(m.id, m.size - 1), index))
    return Frozen(min(freezes), tuple(proofs))


def test_a_forked_log_ends_with_the_last_head_that_was_covered_before_the_proof(
    three: Line,
) -> None:
    """Head by head; what the author says of himself, or one who knew, moves it no further."""
    a, b, m = three.logs
    says(a, 8)
    covers(b, a, 3)
    covers(b, a, 5)
    covers(a, a, 7)
    frozen = caught(three, 2)
    b.seen(m)
    covers(b, a, 8)
    covers(m, a, 8)
    transcript = three.transcript()
    assert heads_that_stand(transcript, a.id, 2, frozen) == {(3, a.root(3))}
    assert heads_that_stand(transcript, a.id, 3, frozen) == {(5, a.root(5))}
    assert heads_that_stand(transcript, a.id, 5, frozen) == set()
    assert ends_of(transcript, {a.id: frozen}) == {a.id: 5}
    assert stands(transcript, Place(a.id, 4), {a.id: frozen})
    assert not stands(transcript, Place(a.id, 5), {a.id: frozen})


def test_each_log_has_its_own_next_head(three: Line) -> None:
    """Two that had covered two sizes of one history name both; the larger one ends it."""
    a, b, m = three.logs
    says(a, 8)
    covers(b, a, 3)
    covers(m, a, 5)
    frozen = caught(three, 2)
    heads = {(3, a.root(3)), (5, a.root(5))}
    assert heads_that_stand(three.transcript(), a.id, 2, frozen) == heads
    assert ends_of(three.transcript(), {a.id: frozen}) == {a.id: 5}


def test_what_one_who_knew_covers_of_the_other_history_takes_nothing_back(three: Line) -> None:
    """He had the proof, and so would part what others had rightly covered before."""
    a, b, m = three.logs
    says(a, 2)
    other = a.fork(2)
    says(a, 6)
    other.say(plain=b"another", serial=2)
    covers(b, a, 4)
    frozen = caught(three, 2)
    covers(m, other, 3)
    transcript = three.transcript()
    assert heads_that_stand(transcript, a.id, 2, frozen) == {(4, a.root(4))}
    assert stands(transcript, Place(a.id, 3), {a.id: frozen})


@pytest.mark.parametrize("above", [5, 6])
def test_a_proof_further_up_hides_no_head_below_it(three: Line, above: int) -> None:
    """Who knew of a fork from there on covered five rightly, until a proof of a lower one came."""
    a, b, m = three.logs
    says(a, 8)
    frozen = caught(three, above, 2)
    covers(m, a, 8)
    covers(b, m, 2)  # the proof further up alone
    covers(b, a, 5)
    assert heads_that_stand(three.transcript(), a.id, 2, frozen) == {(5, a.root(5))}
    assert ends_of(three.transcript(), {a.id: frozen}) == {a.id: 5}


def test_a_log_of_a_revoked_key_that_is_forked_too_ends_where_it_is_revoked(three: Line) -> None:
    """Whatever was covered of it, by somebody who did not know of the revocation."""
    a, b, _ = three.logs
    says(a, 8)
    covers(b, a, 7)
    frozen = caught(three, 2)
    assert ends_of(three.transcript(), {a.id: frozen}) == {a.id: 7}
    ended = Frozen(frozen.index, frozen.proofs, end=4)
    assert ends_of(three.transcript(), {a.id: ended}) == {a.id: 4}
    assert ends_of(three.transcript(), {a.id: Frozen(4, (), end=4)}) == {a.id: 4}


@pytest.mark.parametrize("held", ["one", "other"])
def test_two_covers_of_two_histories_leave_nothing_behind_the_fork(three: Line, held: str) -> None:
    """To who holds either: one had been shown two entries of one history, the other five of the
    other. What was covered by one alone, further up, stands no more than what both speak of."""
    a, b, m = three.logs
    other = another(three)
    covers(b, a, 3)
    covers(b, a, 6)
    frozen = caught(three, 2)
    log = a if held == "one" else other
    transcript = three.transcript(log, b, m)
    assert [stands(transcript, Place(log.id, at), {a.id: frozen}) for at in range(log.size)] == [
        at < 2 for at in range(log.size)
    ]
    assert heads_that_stand(transcript, a.id, 2, frozen) == set()
    assert ends_of(transcript, {a.id: frozen}) == {a.id: 2}


@pytest.mark.parametrize("comparable", [True, False])
def test_what_does_not_count_of_a_forked_log_need_not_be_here(
    three: Line, *, comparable: bool
) -> None:
    """A seal whose author had covered one history is final alike to who holds the other one, and
    had covered that: neither counts, so no context is lacking. Where no cover is of a size that is
    held, nothing says that the histories differ, and this one waits."""
    a, b, m = three.logs
    other = another(three)
    place = offer(m, sealer=1, signatories=0b110)
    if comparable:
        covers(b, a, 3)
    answer(three, b, Kind.SEAL, place)
    frozen = {a.id: caught(three, 2)}
    m.seen(b, held_at_s=START_S)

    def found(log: LogBuilder) -> State:
        transcript = three.transcript(log, b, m)
        return state_of_offer(transcript, place, NOW_S, frozen=frozen).state

    assert found(a) is State.FINAL
    assert found(other) is (State.FINAL if comparable else State.INCOMPLETE)


def test_what_counts_of_a_forked_log_is_waited_for(three: Line) -> None:
    """Where nobody had covered the other history, the seal rests on what was covered: who lacks
    that says so until it has come."""
    a, b, m = three.logs
    says(a, 2)
    short = a.fork(2)
    says(a, 6)
    place = offer(m, sealer=1, signatories=0b110)
    answer(three, b, Kind.SEAL, place)
    frozen = {a.id: caught(three, 2)}
    m.seen(b, held_at_s=START_S)
    found = state_of_offer(three.transcript(short, b, m), place, NOW_S, frozen=frozen)
    assert (found.state, found.missing) == (State.INCOMPLETE, (a.id,))
    assert state_of_offer(three.transcript(), place, NOW_S, frozen=frozen).state is State.FINAL


@pytest.mark.parametrize("again", [True, False])
def test_a_contested_seal_is_none_to_who_holds_it_too(three: Line, *, again: bool) -> None:
    """Nobody relays it: who was shown it comes to what the others do, who know of a later seal
    alone, or of none."""
    a, b, m = three.logs
    place = offer(a, sealer=2, signatories=0b011)
    assent = answer(three, b, Kind.ASSENT, place)
    short = m.fork(m.size)
    seal = answer(three, m, Kind.SEAL, place, assent)
    frozen = {m.id: Frozen(seal.index, (Proof(Place(b.id, 0), seal.index),))}
    if again:
        later = three.resume(2, 1, b"\x01" * 8)
        answer(three, later, Kind.SEAL, place, assent, seen=covering(a, b, short))
        for signatory in (a, b):
            signatory.seen(later, held_at_s=START_S)
    for log in (m, short):
        there = three.transcript(a, b, log, *three.logs[3:])
        found = [
            state_of_offer(there, place, now_s, frozen=frozen).state for now_s in (NOW_S, EXPIRES_S)
        ]
        assert found == ([State.FINAL] * 2 if again else [State.OPEN, State.EXPIRED])


def test_a_contested_cover_of_a_withdrawal_is_none(three: Line) -> None:
    """To who holds it: the sealer's other history may hold a seal that knew nothing of it."""
    a, b, m = three.logs
    place = offer(a, sealer=2)
    answer(three, a, Kind.WITHDRAWAL, place)
    short = m.fork(m.size)
    m.seen(a)
    frozen = {m.id: Frozen(short.size, (Proof(Place(b.id, 0), short.size),))}
    for log in (m, short):
        there = three.transcript(a, b, log)
        assert state_of_offer(there, place, NOW_S, frozen=frozen).state is State.OPEN
    assert state_of_offer(three.transcript(), place, NOW_S).state is State.WITHDRAWN


# --- what is not solved (spec/decisions.md §9) ----------------------------------------------------


@pytest.mark.parametrize(("size", "state"), [(3, State.VOID), (8, State.FINAL)])
def test_a_tail_shorter_than_the_other_history_that_was_covered_cannot_be_compared(
    three: Line, size: int, state: State
) -> None:
    """The mediator signs too, and had covered the other history up to this size: void to it, the
    seal is final to who holds four entries of the first one, as long as nothing compares them."""
    a, b, m = three.logs
    says(a, 2)
    other = a.fork(2)
    place = offer(m, sealer=1, signatories=0b111)
    assent = answer(three, a, Kind.ASSENT, place)
    answer(three, b, Kind.SEAL, place, assent)
    a.seen(b, held_at_s=START_S)
    covers(b, a, 4)
    says(other, size)
    covers(m, other, size)
    frozen = {a.id: caught(three, 2)}
    m.seen(b, held_at_s=START_S)
    found = [
        state_of_offer(three.transcript(log, b, m), place, NOW_S, frozen=frozen).state
        for log in (a, other)
    ]
    assert found == [state, State.VOID]


def test_who_need_not_sign_and_had_covered_another_history_ends_what_was_final(three: Line) -> None:
    """Two have decided; then they hear that the third had been shown another history by one."""
    a, b, m = three.logs
    says(a, 2)
    other = a.fork(2)
    place = offer(a, sealer=1, signatories=0b011)
    answer(three, b, Kind.SEAL, place)
    a.seen(b, held_at_s=START_S)
    covers(b, a, a.size)
    assert state_of_offer(three.transcript(), place, NOW_S).state is State.FINAL
    says(other, 3)
    covers(m, other, 3)
    frozen = {a.id: caught(three, 2)}
    assert state_of_offer(three.transcript(), place, NOW_S, frozen=frozen).state is State.VOID


def test_who_need_not_sign_and_had_covered_an_earlier_seal_ends_what_was_final() -> None:
    """The signatories were shown the sealer's second seal alone, in its next log, and are bound by
    it; then they hear that an observer had covered the first one, which none of them held in time.
    """
    made = line("Aland", "Bland", "Mediana", "Octavia", roles=("party",) * 3 + ("observer",))
    a, b, m, o = made.logs
    place = offer(a, sealer=2, signatories=0b011)
    assent = answer(made, b, Kind.ASSENT, place)
    short, silent = m.fork(m.size), o.fork(o.size)
    seal = answer(made, m, Kind.SEAL, place, assent)
    covers(o, m, m.size)
    later = made.resume(2, 1, b"\x01" * 8)
    answer(made, later, Kind.SEAL, place, assent, seen=covering(a, b, short, silent))
    for signatory in (a, b):
        signatory.seen(later, held_at_s=START_S)
    b.say(Kind.ACCUSATION)
    frozen = {m.id: Frozen(seal.index, (Proof(Place(b.id, b.size - 1), seal.index),))}
    before = made.transcript(a, b, short, silent, later)
    assert state_of_offer(before, place, NOW_S, frozen=frozen).state is State.FINAL
    assert state_of_offer(made.transcript(), place, NOW_S, frozen=frozen).state is State.SEALED


def test_who_held_a_seal_before_one_alone_takes_it_back_by_a_fork(three: Line) -> None:
    """Of three that sign the last one's hold is shown to the offerer, to whom the seal is final;
    the sealer covers a history without it before either hears of the other."""
    a, b, m = three.logs
    place = offer(a, sealer=1, signatories=0b111)
    assent = answer(three, m, Kind.ASSENT, place)
    answer(three, b, Kind.SEAL, place, assent)
    other = m.fork(m.size)
    m.seen(b, held_at_s=START_S)
    a.seen(b, held_at_s=START_S)
    covers(a, m, m.size)
    assert state_of_offer(three.transcript(), place, NOW_S).state is State.FINAL
    says(other, m.size)
    covers(b, other, other.size)
    a.say(Kind.ACCUSATION)
    frozen = {m.id: Frozen(m.size - 1, (Proof(Place(a.id, a.size - 1), m.size - 1),))}
    for log in (m, other):
        found = state_of_offer(three.transcript(a, b, log), place, NOW_S, frozen=frozen)
        assert (found.state, found.waiting_for) == (State.SEALED, (2,))
