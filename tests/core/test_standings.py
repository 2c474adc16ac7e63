"""What a standing says to people, whole: the state, why, and what it rests on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from core.lineage import START_S, Line, LogBuilder, covering, line
from core.test_decisions import EXPIRES_S, NOW_S, amended, answer, decide, offer, state

from detente.core import decisions, succession
from detente.core.charter import Member
from detente.core.contested import (
    NOTHING_FROZEN,
    Frozen,
    FrozenLogs,
    Proof,
    ended,
    ends_of,
    stands,
)
from detente.core.decisions import Standing, State, state_of_offer
from detente.core.extras import AMENDMENT, Offer
from detente.core.leaf import Kind, LogId
from detente.core.succession import (
    Amended,
    Within,
    charter_chain,
    charter_in_force,
    missing_texts,
    required_signatories,
)
from detente.core.transcript import Place, Transcript

TERMS = Offer(AMENDMENT, 2, 0b11, EXPIRES_S)
EARLY = Place(LogId(0, 0, b""), 0)  # a proof entered before anything was covered


@pytest.fixture
def three() -> Line:
    """Two parties and a mediator, who is number 2 and seals."""
    return line("Aland", "Bland", "Mediana", roles=("party", "party", "mediator"))


def frozen_at(place: Place) -> FrozenLogs:
    """The log of an entry, contested from there on."""
    return {place.log: Frozen(place.index, (Proof(EARLY, place.index),))}


def held_by(made: Line, sealer: LogBuilder, *logs: int) -> None:
    for number in logs:
        made.logs[number].seen(sealer, held_at_s=NOW_S)


def life(made: Line, member: int) -> LogBuilder:
    """Another log of a member that nobody has covered, and that holds nothing yet."""
    log = LogBuilder(made, LogId(member, 1, b"new life"), made.parties[member])
    made.logs.append(log)
    return log


# --- what is said of an offer ------------------------------------------------------------------


def test_an_offer_without_a_seal_says_what_it_waits_for(three: Line) -> None:
    """Assents, then the seal; the expiry ends it, with the assents that there were."""
    a, b, _ = three.logs
    place = offer(a, sealer=2)
    waiting = Standing(State.OPEN, "waiting for assents", place, TERMS, waiting_for=(1,))
    assert state(three, place) == waiting
    by = (answer(three, b, Kind.ASSENT, place),)
    assert state(three, place) == Standing(State.OPEN, "waiting for its seal", place, TERMS, by)
    over = Standing(State.EXPIRED, "not sealed before its expiry", place, TERMS, by)
    assert state(three, place, EXPIRES_S) == over


def test_an_offer_is_withdrawn_when_its_sealer_knows(three: Line) -> None:
    """Not by what the sealer covered up to the withdrawal, nor by one in a log it never saw."""
    a, b, m = three.logs
    place = offer(a, sealer=2)
    by = (answer(three, b, Kind.ASSENT, place),)
    m.seen(a)
    answer(three, a, Kind.WITHDRAWAL, place)
    reason = "withdrawn, which its sealer has not covered yet: it may still be sealed"
    assert state(three, place) == Standing(State.OPEN, reason, place, TERMS, by)
    m.seen(a)
    known = Standing(State.WITHDRAWN, "withdrawn by its author", place, TERMS, by)
    assert state(three, place) == known
    other = offer(a, sealer=2, plain=b"other terms")
    answer(three, life(three, 0), Kind.WITHDRAWAL, other, seen=())
    assert state(three, other).state is State.OPEN


def test_a_sealed_offer_says_who_holds_it(three: Line) -> None:
    """Waiting until all do, expired where they did not in time, and else final."""
    a, b, m = three.logs
    place = offer(a, sealer=2)
    by = (answer(three, b, Kind.ASSENT, place),)
    seal = answer(three, m, Kind.SEAL, place, *by)
    reason = "waiting until every signatory holds the seal"
    sealed = Standing(State.SEALED, reason, place, TERMS, by, seal, (0, 1))
    assert state(three, place) == sealed
    reason = "sealed, but not held by all before its expiry"
    assert state(three, place, EXPIRES_S) == replace(sealed, state=State.EXPIRED, reason=reason)
    held_by(three, m, 0, 1)
    reason = "held by every signatory before its expiry"
    assert state(three, place) == Standing(State.FINAL, reason, place, TERMS, by, seal)


def test_a_seal_rests_on_what_its_author_covered(three: Line) -> None:
    """Where some of that is not here, it says which log; a withdrawal in it undoes the offer, and
    one in a log that the seal did not cover does not."""
    a, b, m = three.logs
    place = offer(a, sealer=2)
    assent = answer(three, b, Kind.ASSENT, place)
    seal = answer(three, m, Kind.SEAL, place, assent)
    reason = "not all that the seal rests on is here"
    missing = Standing(State.INCOMPLETE, reason, place, TERMS, seal=seal, missing=(b.id,))
    assert state_of_offer(three.transcript(a, m), place, NOW_S) == missing
    answer(three, life(three, 0), Kind.WITHDRAWAL, place, seen=())
    assert state(three, place).state is State.SEALED
    other = offer(a, sealer=2, plain=b"other terms")
    answer(three, a, Kind.WITHDRAWAL, other)
    seal = answer(three, m, Kind.SEAL, other)
    reason = "withdrawn by its author before it was sealed"
    assert state(three, other) == Standing(State.WITHDRAWN, reason, other, TERMS, seal=seal)


# --- why an offer is void ----------------------------------------------------------------------


def test_an_offer_that_cannot_be_sealed_says_why(three: Line) -> None:
    """Whatever is wrong with it, the place and the terms are told, unless they cannot be read."""
    a = three.logs[0]
    cases = [
        (offer(a, sealer=2, audience=0b011), "not addressed to all who are to sign or seal"),
        (offer(a, sealer=0), "between two, the other one seals"),
        (offer(a, sealer=2, refs=(bytes(32),)), "an offer names no entry"),
    ]
    for place, reason in cases:
        terms = replace(TERMS, sealer=0) if "between" in reason else TERMS
        assert state(three, place) == Standing(State.VOID, reason, place, terms)
    place = offer(a, sealer=2)
    reason = "contested: its author's log is frozen before it"
    contested = state(three, place, frozen=frozen_at(place))
    assert contested == Standing(State.VOID, reason, place, TERMS)
    a.say(Kind.OFFER, plain=b"x", extra=b"\x09")
    place = Place(a.id, a.size - 1)
    assert state(three, place) == Standing(State.VOID, "its terms cannot be read", place)


def _not_addressed(made: Line, place: Place) -> Place:
    return answer(made, made.logs[2], Kind.SEAL, place, audience=0b101)


def _offer_not_covered(made: Line, place: Place) -> Place:
    return answer(made, made.logs[2], Kind.SEAL, place, seen=covering(made.logs[0].fork(1)))


def _assent_not_covered(made: Line, place: Place) -> Place:
    assent = answer(made, made.logs[1], Kind.ASSENT, place, seen=())
    seen = covering(made.logs[0], made.logs[1].fork(assent.index))
    return answer(made, made.logs[2], Kind.SEAL, place, assent, seen=seen)


def _log_not_covered(made: Line, place: Place) -> Place:
    made.resume(1, 1, b"new life")
    first = Place(made.logs[3].id, 0)
    return answer(made, made.logs[2], Kind.SEAL, place, first, seen=covering(made.logs[0]))


def _two_of_one(made: Line, place: Place) -> Place:
    assents = [answer(made, made.logs[1], Kind.ASSENT, place) for _ in range(2)]
    return answer(made, made.logs[2], Kind.SEAL, place, *assents)


def _withdrawn(made: Line, place: Place) -> Place:
    assent = answer(made, made.logs[1], Kind.ASSENT, place)
    answer(made, made.logs[1], Kind.WITHDRAWAL, assent)
    return answer(made, made.logs[2], Kind.SEAL, place, assent)


def _without_assent(made: Line, place: Place) -> Place:
    return answer(made, made.logs[2], Kind.SEAL, place)


def _no_assent(made: Line, place: Place) -> Place:
    made.logs[1].say(plain=b"aside", serial=1)
    return answer(made, made.logs[2], Kind.SEAL, place, Place(made.logs[1].id, 1))


def _no_leaf(made: Line, place: Place) -> Place:
    made.logs[1].add_raw(b"not a leaf")
    return answer(made, made.logs[2], Kind.SEAL, place, Place(made.logs[1].id, 1))


def _not_asked(made: Line, place: Place) -> Place:
    assent = answer(made, made.logs[2], Kind.ASSENT, place)
    return answer(made, made.logs[2], Kind.SEAL, place, assent)


def _whispered(made: Line, place: Place) -> Place:
    assent = answer(made, made.logs[1], Kind.ASSENT, place, audience=0b110)
    return answer(made, made.logs[2], Kind.SEAL, place, assent)


@pytest.mark.parametrize(
    ("sealed", "reason"),
    [
        (_not_addressed, "a seal not addressed to all signatories"),
        (_offer_not_covered, "a seal of an offer that its author had not covered"),
        (_assent_not_covered, "a seal naming an entry that its author had not covered"),
        (_log_not_covered, "a seal naming an entry that its author had not covered"),
        (_two_of_one, "a seal naming two assents of one signatory"),
        (_withdrawn, "a seal naming an assent withdrawn before it"),
        (_without_assent, "a seal without every assent"),
        (_no_assent, "a seal naming what is no assent to this offer"),
        (_no_leaf, "a seal naming what is no assent to this offer"),
        (_not_asked, "a seal naming the assent of one who is not asked"),
        (_whispered, "an assent not addressed to all signatories"),
    ],
)
def test_a_seal_that_binds_nobody_says_why(
    three: Line, sealed: Callable[[Line, Place], Place], reason: str
) -> None:
    """The offer is void, by the seal that is told and for the one reason that is first."""
    place = offer(three.logs[0], sealer=2)
    seal = sealed(three, place)
    assert state(three, place) == Standing(State.VOID, reason, place, TERMS, seal=seal)


def test_what_nobody_released_is_void_where_the_charter_asks_for_it(three: Line) -> None:
    """Of the seal first, and then of an assent that it names."""
    a, b, m = three.logs
    place = offer(a, sealer=2)
    assent = answer(three, b, Kind.ASSENT, place)
    seal = answer(three, m, Kind.SEAL, place, assent)
    reason = "a seal that no person is recorded to have released"
    assert state(three, place, release_required=True).reason == reason
    other = offer(a, sealer=2, plain=b"other terms")
    assent = answer(three, b, Kind.ASSENT, other)
    seal = answer(three, m, Kind.SEAL, other, assent, release=bytes(32))
    reason = "an assent that no person is recorded to have released"
    void = Standing(State.VOID, reason, other, TERMS, seal=seal)
    assert state(three, other, release_required=True) == void


def test_what_is_contested_says_whose(three: Line) -> None:
    """A seal that names a contested assent is void; one that is contested is none, and the offer
    waits for another until its expiry."""
    a, b, m = three.logs
    place = offer(a, sealer=2)
    assent = answer(three, b, Kind.ASSENT, place)
    seal = answer(three, m, Kind.SEAL, place, assent)
    reason = "contested: the log of an assent is frozen before it"
    void = Standing(State.VOID, reason, place, TERMS, seal=seal)
    assert state(three, place, frozen=frozen_at(assent)) == void
    reason = "contested: the sealer's log is frozen before its seal, which is none"
    waits = Standing(State.OPEN, reason, place, TERMS, (assent,))
    assert state(three, place, frozen=frozen_at(seal)) == waits
    over = Standing(State.EXPIRED, "not sealed before its expiry", place, TERMS, (assent,))
    assert state(three, place, EXPIRES_S, frozen=frozen_at(seal)) == over


# --- what stands -------------------------------------------------------------------------------


def test_nothing_stands_from_the_end_of_a_revoked_key_on(three: Line) -> None:
    """However early it was covered; an entry before the end stands as ever."""
    a, b, _ = three.logs
    a.say(plain=b"x", serial=1)
    a.say(plain=b"y", serial=2)
    b.seen(a)
    frozen = {a.id: Frozen(1, (Proof(Place(three.logs[2].id, 0), 1),), end=2)}
    there = three.transcript()
    assert [stands(there, Place(a.id, n), frozen) for n in range(3)] == [True, True, False]


def test_ends_are_joined_to_what_is_frozen() -> None:
    """A log that was frozen keeps its index and proofs; one that was not ends where its key did."""
    one, other, third = (LogId(number, 0, b"") for number in range(3))
    caught = Frozen(4, (Proof(EARLY, 4),))
    assert ended({one: caught}, {}) == {one: caught}
    assert ended({one: caught, third: caught}, {one: 7, other: 5}) == {
        one: Frozen(4, caught.proofs, 7),
        other: Frozen(5, (), 5),
        third: caught,
    }
    assert ended(NOTHING_FROZEN, {other: 5}) == {other: Frozen(5, (), 5)}


def test_who_enters_the_proof_and_covers_at_once_comes_too_late(three: Line) -> None:
    """The entry that holds the proof knows it; a log that was not covered holds none that is."""
    a, _, m = three.logs
    a.say(plain=b"x", serial=1)
    m.say(Kind.ACCUSATION, seen=covering(a, held_at_s=START_S))
    entry = Place(a.id, 1)
    known = {a.id: Frozen(1, (Proof(Place(m.id, 1), 1),))}
    assert not stands(three.transcript(), entry, known)
    elsewhere = {a.id: Frozen(1, (Proof(Place(LogId(1, 1, b"new life"), 0), 1),))}
    assert stands(three.transcript(), entry, elsewhere)


def test_a_log_outside_the_past_is_not_there(three: Line) -> None:
    """Neither its entries nor its root, nor a root beyond the cut."""
    a, b, m = three.logs
    a.say(plain=b"x", serial=1)
    cut = Within(three.transcript(), {a.id: 1, m.id: 1})
    assert list(cut.logs()) == [a.id, m.id]
    assert cut.size(b.id) == 0
    assert cut.root_at(a.id, 1) == a.root(1)
    assert cut.root_at(a.id, 2) is None


# --- the charter in force ----------------------------------------------------------------------


def test_each_charter_in_turn_tells_its_seal() -> None:
    """The founding one has none; what a frozen log amended was never in force."""
    made = line("Aland", "Bland")
    first = amended(made.charter, title="A longer line")
    place = decide(made, first)
    there, seal = made.transcript(), state(made, place).seal
    chain = [Amended(made.charter, None), Amended(first, seal)]
    assert list(charter_chain(there, made.charter)) == chain
    caught = frozen_at(place)
    assert list(charter_chain(there, made.charter, frozen=caught)) == chain[:1]
    assert charter_in_force(there, made.charter, frozen=caught) == made.charter


def test_where_frozen_logs_end_is_found_once_for_all_offers(
    three: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for each of them: it takes as long as the covers of a forked log are many."""
    a, b, m = three.logs
    a.say(plain=b"x", serial=1)
    b.seen(a)
    places = [offer(m, sealer=1, signatories=0b110, plain=b"%d" % at) for at in range(3)]
    for place in places:
        answer(three, b, Kind.SEAL, place)
    m.seen(b, held_at_s=NOW_S)
    there, found = three.transcript(), []

    def finding(transcript: Transcript, frozen: FrozenLogs) -> dict[LogId, int]:
        found.append(frozen)
        return ends_of(transcript, frozen)

    for module in (decisions, succession):
        monkeypatch.setattr(module, "ends_of", finding)
    caught = {a.id: Frozen(1, ())}
    states = [state_of_offer(there, place, NOW_S, frozen=caught).state for place in places]
    assert states == [State.FINAL] * 3
    assert found == [caught] * 3
    assert charter_in_force(there, three.charter, frozen=caught) == three.charter
    assert missing_texts(there, frozen=caught) == ()
    assert found == [caught] * 5


def test_the_texts_that_are_missing_are_those_of_final_offers() -> None:
    """An offer that is open, or contested, or whose text is here, asks for nothing."""
    made = line("Aland", "Bland")
    a = made.logs[0]
    there = decide(made, amended(made.charter, title="One"))
    gone = decide(made, amended(made.charter, title="Other"))
    waiting = offer(a, sealer=1, plain=b"open")
    for place in (gone, waiting):
        a.bodies[place.index] = None
    assert there.index < gone.index < waiting.index
    assert missing_texts(made.transcript()) == (gone,)
    assert missing_texts(made.transcript(), frozen=frozen_at(gone)) == ()


def test_who_is_affected_is_not_asked_and_no_observer_is() -> None:
    """Under *all-but-affected* the others alone put the charter in force."""
    roles = ("party", "party", "party", "observer")
    made = line("Aland", "Bland", "Cland", "Oland", roles=roles)
    rule = replace(made.charter, amend="all-but-affected")
    a, b, *rest = rule.members
    after = amended(rule, members=(a, Member(1, "observer", *b[2:]), *rest))
    assert required_signatories(rule, after) == 0b101
    log, m = made.logs[0], made.logs[2]
    place = offer(log, sealer=2, signatories=0b101, plain=after.encode())
    answer(made, m, Kind.SEAL, place)
    log.seen(m, held_at_s=NOW_S)
    assert charter_in_force(made.transcript(), rule) == after


def test_the_lowest_signatory_says_which_of_two_came_first(three: Line) -> None:
    """Not the next one, though it covered them the other way round."""
    a, b, m = three.logs
    one, other = (amended(three.charter, title=title) for title in ("One", "Other"))
    by_m = offer(a, sealer=2, signatories=0b111, plain=one.encode())
    by_b = offer(a, sealer=1, signatories=0b111, plain=other.encode())
    answer(three, m, Kind.SEAL, by_m, answer(three, b, Kind.ASSENT, by_m))
    assent = answer(three, m, Kind.ASSENT, by_b)
    b.seen(m, held_at_s=NOW_S)
    answer(three, b, Kind.SEAL, by_b, assent)
    for log in (b, m):
        a.seen(log, held_at_s=NOW_S)
    m.seen(b, held_at_s=NOW_S)
    assert {state(three, place).state for place in (by_m, by_b)} == {State.FINAL}
    assert charter_in_force(three.transcript(), three.charter) == other


def test_a_sealer_that_does_not_sign_has_no_say_in_which_came_first() -> None:
    """The seal in a lower log counts from where the lowest signatory covered it."""
    made = line("Oland", "Aland", "Bland", roles=("observer", "party", "party"))
    o, a, b = made.logs
    one, other = (amended(made.charter, title=title) for title in ("One", "Other"))
    by_o = offer(a, sealer=0, signatories=0b110, plain=one.encode())
    by_a = offer(b, sealer=1, signatories=0b110, plain=other.encode())
    answer(made, a, Kind.SEAL, by_a)
    b.seen(a, held_at_s=NOW_S)
    answer(made, o, Kind.SEAL, by_o, answer(made, b, Kind.ASSENT, by_o))
    held_by(made, o, 1, 2)
    assert {state(made, place).state for place in (by_o, by_a)} == {State.FINAL}
    assert charter_in_force(made.transcript(), made.charter) == other
