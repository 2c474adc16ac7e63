"""Offers and what becomes of them: nobody is bound late, and what is final stays so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from core.lineage import START_S, Line, LogBuilder, covering, line

from detente.core.charter import Charter, Member, charter_id
from detente.core.contested import Frozen, Proof, stands
from detente.core.decisions import Standing, State, members_of, state_of_offer
from detente.core.errors import LocalError, Refusal
from detente.core.extras import AMENDMENT, Offer
from detente.core.leaf import Kind, LogId
from detente.core.succession import Within, charter_in_force, required_signatories
from detente.core.transcript import Place, causal_past

EXPIRES_S = START_S + 3600
NOW_S = START_S + 600


@pytest.fixture
def two() -> Line:
    """Two parties."""
    return line("Aland", "Bland")


@pytest.fixture
def three() -> Line:
    """Two parties and a mediator, who is number 2."""
    return line("Aland", "Bland", "Mediana", roles=("party", "party", "mediator"))


def offer(
    log: LogBuilder,
    *,
    sealer: int,
    signatories: int = 0b11,
    expires_s: int = EXPIRES_S,
    plain: bytes = b"terms",
    **fields,
) -> Place:
    """Enters an offer."""
    terms = Offer(AMENDMENT, sealer, signatories, expires_s).encode()
    log.say(Kind.OFFER, plain=plain, extra=terms, **fields)
    return Place(log.id, log.size - 1)


def hash_of(made: Line, place: Place) -> bytes:
    """The leaf hash of an entry."""
    return next(log for log in made.logs if log.id == place.log).entry(place.index).hash


def answer(made: Line, log: LogBuilder, kind: Kind, *to: Place, **fields) -> Place:
    """Enters an assent, a withdrawal or a seal that covers all that its author could see."""
    fields.setdefault(
        "seen", covering(*(other for other in made.logs if other is not log), held_at_s=START_S)
    )
    log.say(kind, refs=tuple(hash_of(made, place) for place in to), **fields)
    return Place(log.id, log.size - 1)


def state(made: Line, place: Place, now_s: int = NOW_S, **more) -> Standing:
    """What became of an offer, to one who holds everything."""
    return state_of_offer(made.transcript(), place, now_s, **more)


def what(standing: Standing) -> tuple[State, tuple[int, ...]]:
    """The state, and who is waited for."""
    return standing.state, standing.waiting_for


# --- between two ------------------------------------------------------------------------------


def test_an_offer_between_two_is_final_when_its_author_holds_the_seal(two: Line) -> None:
    """The other's seal is its assent; the offerer's `seen` before the expiry makes it final."""
    a, b = two.logs
    place = offer(a, sealer=1)
    assert what(state(two, place)) == (State.OPEN, ())
    seal = answer(two, b, Kind.SEAL, place)
    sealed = state(two, place)
    assert what(sealed) == (State.SEALED, (0,))
    assert (sealed.seal, sealed.terms) == (seal, Offer(AMENDMENT, 1, 0b11, EXPIRES_S))
    a.seen(b, held_at_s=EXPIRES_S - 1)
    assert what(state(two, place)) == (State.FINAL, ())
    assert state(two, place, EXPIRES_S + 10**6).state is State.FINAL


def test_nobody_is_bound_after_the_expiry(two: Line) -> None:
    """A seal that its author's peer held too late, or never, has expired."""
    a, b = two.logs
    place = offer(a, sealer=1)
    answer(two, b, Kind.SEAL, place)
    assert state(two, place, EXPIRES_S - 1).state is State.SEALED
    assert what(state(two, place, EXPIRES_S)) == (State.EXPIRED, (0,))
    a.seen(b, held_at_s=EXPIRES_S)
    assert state(two, place, NOW_S).state is State.SEALED
    assert state(two, place, EXPIRES_S).state is State.EXPIRED


def test_a_mute_sealer_means_expiry(two: Line) -> None:
    """Without a seal an offer only waits, and then is over."""
    place = offer(two.logs[0], sealer=1)
    assert state(two, place, EXPIRES_S - 1).state is State.OPEN
    assert state(two, place, EXPIRES_S).state is State.EXPIRED


def test_there_is_no_free_option_for_the_other_side(two: Line) -> None:
    """F9, two parties: B knows of the withdrawal, seals in spite of it, and binds nobody."""
    a, b = two.logs
    place = offer(a, sealer=1)
    answer(two, a, Kind.WITHDRAWAL, place)
    assert what(state(two, place)) == (State.OPEN, ())
    assert "not covered" in state(two, place).reason
    b.seen(a)
    assert state(two, place).state is State.WITHDRAWN
    assert state(two, place, EXPIRES_S).state is State.WITHDRAWN
    answer(two, b, Kind.SEAL, place)
    a.seen(b, held_at_s=NOW_S)
    assert state(two, place).state is State.WITHDRAWN


def test_a_seal_that_could_not_know_of_the_withdrawal_binds(two: Line) -> None:
    """A withdrawal counts only in the seal's causal past, and what is final never un-seals."""
    a, b = two.logs
    place = offer(a, sealer=1)
    old = covering(a, held_at_s=START_S)
    answer(two, a, Kind.WITHDRAWAL, place)
    answer(two, b, Kind.SEAL, place, seen=old)
    assert state(two, place).state is State.SEALED
    a.seen(b, held_at_s=NOW_S)
    assert state(two, place).state is State.FINAL
    answer(two, a, Kind.WITHDRAWAL, place)
    b.seen(a)
    assert state(two, place).state is State.FINAL


def test_only_the_first_seal_counts(two: Line) -> None:
    """A second seal of one offer changes nothing, for better or worse."""
    a, b = two.logs
    place = offer(a, sealer=1)
    answer(two, b, Kind.SEAL, place, seen=())  # does not cover the offer
    assert state(two, place).state is State.VOID
    answer(two, b, Kind.SEAL, place)
    a.seen(b, held_at_s=NOW_S)
    assert state(two, place).state is State.VOID


def test_a_seal_by_another_is_none(three: Line) -> None:
    """Only the member named in the offer can seal it."""
    a, b, m = three.logs
    place = offer(a, sealer=2)
    answer(three, b, Kind.SEAL, place)
    assert what(state(three, place)) == (State.OPEN, (1,))
    assert m.size == 1


def test_between_two_the_other_seals(two: Line) -> None:
    """An offerer that would seal its own offer to one other has made none."""
    place = offer(two.logs[0], sealer=0)
    assert state(two, place).state is State.VOID


# --- among three ------------------------------------------------------------------------------


def test_a_mediator_seals_what_all_assented_to(three: Line) -> None:
    """The seal names the offer and every assent; final when every signatory holds it."""
    a, b, m = three.logs
    place = offer(a, sealer=2, signatories=0b111)
    assert what(state(three, place)) == (State.OPEN, (1,))
    assent = answer(three, b, Kind.ASSENT, place)
    standing = state(three, place)
    assert (what(standing), standing.assents) == ((State.OPEN, ()), (assent,))
    seal = answer(three, m, Kind.SEAL, place, assent)
    assert what(state(three, place)) == (State.SEALED, (0, 1))
    a.seen(m, held_at_s=NOW_S)
    assert what(state(three, place)) == (State.SEALED, (1,))
    b.seen(m, held_at_s=NOW_S)
    standing = state(three, place)
    assert (standing.state, standing.assents, standing.seal) == (State.FINAL, (assent,), seal)


def test_two_equal_assents_are_the_assents_of_both(three: Line) -> None:
    """Members who assent in one second, having seen the same, enter one and the same leaf: the
    seal names its hash for each, and is final as any other."""
    for times, expected in ((1, State.VOID), (2, State.FINAL)):
        made = line("Aland", "Bland", "Cland", "Mediana", roles=(*["party"] * 3, "mediator"))
        a, b, c, m = made.logs
        place = offer(a, sealer=3, signatories=0b111)
        seen = covering(a, m, held_at_s=START_S)
        by = [
            answer(made, log, Kind.ASSENT, place, seen=seen, time_s=START_S + 9) for log in (b, c)
        ]
        assert hash_of(made, by[0]) == hash_of(made, by[1])
        answer(made, m, Kind.SEAL, place, *by[:times])
        for log in (a, b, c):
            log.seen(m, held_at_s=START_S + 20)
        standing = state(made, place)
        assert standing.state is expected
        assert standing.assents == (tuple(by) if times == 2 else ())


def test_an_offerer_may_seal_among_three(three: Line) -> None:
    """With two others to assent the offerer may be the sealer; the order of assents is free."""
    a, b, m = three.logs
    place = offer(a, sealer=0, signatories=0b111)
    by_b = answer(three, b, Kind.ASSENT, place)
    by_m = answer(three, m, Kind.ASSENT, place)
    assert state(three, place).assents == (by_b, by_m)
    answer(three, a, Kind.SEAL, place, by_m, by_b)
    for log in (b, m):
        log.seen(a, held_at_s=NOW_S)
    assert state(three, place).assents == (by_b, by_m)
    assert state(three, place).state is State.FINAL


def test_a_sealer_that_does_not_sign_need_not_hold(three: Line) -> None:
    """A mediator outside the signatories seals for them, and its own assent is not asked."""
    a, b, m = three.logs
    place = offer(a, sealer=2)
    assent = answer(three, b, Kind.ASSENT, place)
    answer(three, m, Kind.SEAL, place, assent)
    for log in (a, b):
        log.seen(m, held_at_s=NOW_S)
    assert state(three, place).state is State.FINAL


def test_a_withdrawn_assent_seals_nothing(three: Line) -> None:
    """F9, three: C withdraws before the seal and the seal knew it, so nobody is bound."""
    a, b, m = three.logs
    place = offer(a, sealer=2)
    assent = answer(three, b, Kind.ASSENT, place)
    answer(three, b, Kind.WITHDRAWAL, assent)
    assert what(state(three, place)) == (State.OPEN, (1,))
    answer(three, m, Kind.SEAL, place, assent)
    for log in (a, b):
        log.seen(m, held_at_s=NOW_S)
    assert state(three, place).state is State.VOID


def test_one_may_assent_again(three: Line) -> None:
    """After a withdrawal a new assent counts, the seal naming that one."""
    a, b, m = three.logs
    place = offer(a, sealer=2)
    first = answer(three, b, Kind.ASSENT, place)
    answer(three, b, Kind.WITHDRAWAL, first)
    again = answer(three, b, Kind.ASSENT, place)
    assert state(three, place).assents == (again,)
    answer(three, m, Kind.SEAL, place, again)
    for log in (a, b):
        log.seen(m, held_at_s=NOW_S)
    assert state(three, place).state is State.FINAL


def test_nobody_withdraws_for_another(three: Line) -> None:
    """A withdrawal counts for its own author's offer or assent alone."""
    a, b, m = three.logs
    place = offer(a, sealer=2)
    assent = answer(three, b, Kind.ASSENT, place)
    answer(three, b, Kind.WITHDRAWAL, place)
    answer(three, a, Kind.WITHDRAWAL, assent)
    m.seen(a, b)
    assert what(state(three, place)) == (State.OPEN, ())


def test_the_sealer_s_own_withdrawal_is_known_at_once(three: Line) -> None:
    """An offerer that is its own sealer has withdrawn when it says so."""
    place = offer(three.logs[0], sealer=0, signatories=0b111)
    answer(three, three.logs[0], Kind.WITHDRAWAL, place)
    assert state(three, place).state is State.WITHDRAWN


def test_a_sealer_without_a_log_knows_nothing(three: Line) -> None:
    """Where the sealer's log is not here, a withdrawal is still under way."""
    a, b, _ = three.logs
    place = offer(a, sealer=2)
    answer(three, a, Kind.WITHDRAWAL, place)
    standing = state_of_offer(three.transcript(a, b), place, NOW_S)
    assert standing.state is State.OPEN


def test_a_sealer_s_newest_incarnation_decides_what_it_knows(three: Line) -> None:
    """A seal can come only from the newest log, so only what that one covers is known to it."""
    a, _, m = three.logs
    place = offer(a, sealer=2)
    answer(three, a, Kind.WITHDRAWAL, place)
    m.seen(a)
    assert state(three, place).state is State.WITHDRAWN
    resumed = three.resume(2, 1, b"\x01" * 8)
    assert state(three, place).state is State.OPEN
    resumed.seen(a)
    assert state(three, place).state is State.WITHDRAWN


def seals_that_bind_nobody() -> Iterator[tuple[str, object]]:
    """Each a way in which a seal may be wrong, as a function of line and places."""
    yield "no assent", lambda _l, _o, _a, _other: ()
    yield "twice", lambda _l, _o, a, _other: (a, a)
    yield "another's assent", lambda _l, _o, a, other: (a, other)
    yield "no assent at all", lambda made, _o, _a, _other: (Place(made.logs[1].id, 0),)
    yield "the offer as assent", lambda _l, o, _a, _other: (o,)


@pytest.mark.parametrize(("name", "named"), list(seals_that_bind_nobody()))
def test_a_seal_must_name_every_assent_once_and_nothing_else(three: Line, name: str, named) -> None:
    """A seal with an assent too few, too many, or of another is void."""
    a, b, m = three.logs
    place = offer(a, sealer=2)
    assent = answer(three, b, Kind.ASSENT, place)
    unasked = answer(three, m, Kind.ASSENT, place)
    answer(three, m, Kind.SEAL, place, *named(three, place, assent, unasked))
    for log in (a, b):
        log.seen(m, held_at_s=NOW_S)
    assert state(three, place).state is State.VOID, name


def test_an_assent_to_something_else_is_none(three: Line) -> None:
    """An assent names this offer and nothing more."""
    a, b, m = three.logs
    place = offer(a, sealer=2)
    other = offer(a, sealer=2, plain=b"other terms")
    for named in ((other,), (place, other)):
        assent = answer(three, b, Kind.ASSENT, *named)
        assert what(state(three, place)) == (State.OPEN, (1,))
    answer(three, m, Kind.SEAL, place, assent)
    assert state(three, place).state is State.VOID


def test_a_seal_of_what_its_author_had_not_covered_is_void(three: Line) -> None:
    """A seal that names a hash and does not cover the entry could not know its withdrawal."""
    a, b, m = three.logs
    place = offer(a, sealer=2)
    assent = answer(three, b, Kind.ASSENT, place, seen=())
    answer(three, m, Kind.SEAL, place, assent, seen=covering(a))
    assert state(three, place).state is State.VOID
    unknown = three.transcript(a, m)
    assert state_of_offer(unknown, place, NOW_S).state is State.VOID


# --- audience, release, form ------------------------------------------------------------------


def test_everything_is_addressed_to_all_signatories(three: Line) -> None:
    """An offer, an assent or a seal that a signatory cannot read counts for nothing."""
    a, b, m = three.logs
    for audience in (0b001, 0b011, 0b101):
        hidden = offer(a, sealer=2, audience=audience)
        assert state(three, hidden).state is State.VOID
    place = offer(a, sealer=2)
    whispered = answer(three, b, Kind.ASSENT, place, audience=0b110)
    assert what(state(three, place)) == (State.OPEN, (1,))
    aloud = answer(three, b, Kind.ASSENT, place)
    answer(three, m, Kind.SEAL, place, aloud, audience=0b101)
    assert state(three, place).state is State.VOID
    again = offer(a, sealer=2, plain=b"once more")
    whispered = answer(three, b, Kind.ASSENT, again, audience=0b110)
    answer(three, m, Kind.SEAL, again, whispered)
    assert state(three, again).state is State.VOID


def test_a_charter_may_ask_for_released_decisions(three: Line) -> None:
    """F24: where the charter says so, assents and seals name the record of their release."""
    a, b, m = three.logs
    record = bytes(32)
    place = offer(a, sealer=2)
    by_node = answer(three, b, Kind.ASSENT, place)
    assert state(three, place, release_required=True).waiting_for == (1,)
    released = answer(three, b, Kind.ASSENT, place, release=record)
    assert state(three, place, release_required=True).assents == (released,)
    answer(three, m, Kind.SEAL, place, released)
    assert state(three, place).state is State.SEALED
    assert state(three, place, release_required=True).state is State.VOID
    again = offer(a, sealer=2, plain=b"once more")
    by_node = answer(three, b, Kind.ASSENT, again)
    answer(three, m, Kind.SEAL, again, by_node, release=record)
    assert state(three, again, release_required=True).state is State.VOID


def test_terms_that_cannot_be_read_are_void(two: Line) -> None:
    """An offer of an unknown subject, or one that refers to something, binds nobody."""
    a, _ = two.logs
    a.say(Kind.OFFER, plain=b"x", extra=b"\x09")
    assert state(two, Place(a.id, 1)).state is State.VOID
    place = offer(a, sealer=1, refs=(bytes(32),))
    assert state(two, place).state is State.VOID


def test_only_an_offer_has_a_state(two: Line) -> None:
    """Asking for anything else is our own mistake."""
    a, _ = two.logs
    a.add_raw(b"void")
    for index in (0, 1):
        with pytest.raises(LocalError) as caught:
            state(two, Place(a.id, index))
        assert caught.value.refusal is Refusal.NOT_FOUND


def test_what_is_void_refers_to_nothing(two: Line) -> None:
    """Entries of other kinds that name an offer, second or first, are no seals."""
    a, b = two.logs
    place = offer(a, sealer=1)
    b.say(Kind.MARK, refs=(hash_of(two, place),), extra=b"\x01\x02\x00")
    b.say(Kind.SEAL, refs=(bytes(32), hash_of(two, place)))
    assert state(two, place).state is State.OPEN


# --- context and contest ----------------------------------------------------------------------


def test_a_seal_whose_causal_past_is_not_here_waits(three: Line) -> None:
    """CONTEXT INCOMPLETE until everything before the seal is held, and then as ever."""
    a, b, m = three.logs
    place = offer(a, sealer=1)
    m.say(plain=b"aside", serial=1)
    answer(three, b, Kind.SEAL, place)
    standing = state_of_offer(three.transcript(a, b), place, NOW_S)
    assert (standing.state, standing.missing) == (State.INCOMPLETE, (m.id,))
    assert state(three, place).state is State.SEALED


def test_a_contested_entry_decides_nothing(three: Line) -> None:
    """From its frozen index on, a forked log's offers, assents and seals are out of decisions: a
    seal as if there were none."""
    a, b, m = three.logs
    place = offer(a, sealer=2)
    assent = answer(three, b, Kind.ASSENT, place)
    seal = answer(three, m, Kind.SEAL, place, assent)
    accusation = Place(LogId(0, 0, b""), 0)  # entered before anything was covered
    for caught, found in ((place, State.VOID), (assent, State.VOID), (seal, State.OPEN)):
        frozen = {caught.log: Frozen(caught.index, (Proof(accusation, caught.index),))}
        standing = state(three, place, frozen=frozen)
        assert standing.state is found
        assert "contested" in standing.reason


def test_a_contested_hold_holds_nothing(two: Line) -> None:
    """A cover entered in a frozen log does not make a seal final."""
    a, b = two.logs
    place = offer(a, sealer=1)
    answer(two, b, Kind.SEAL, place)
    a.seen(b, held_at_s=NOW_S)
    frozen = {a.id: Frozen(a.size - 1, (Proof(Place(b.id, 0), a.size - 1),))}
    assert what(state(two, place, frozen=frozen)) == (State.SEALED, (0,))


def test_a_contested_withdrawal_does_not_count(two: Line) -> None:
    """Nobody withdraws by an entry of his forked log."""
    a, b = two.logs
    place = offer(a, sealer=1)
    withdrawal = answer(two, a, Kind.WITHDRAWAL, place)
    frozen = {a.id: Frozen(withdrawal.index, (Proof(Place(b.id, 0), withdrawal.index),))}
    b.seen(a)
    assert state(two, place, frozen=frozen).state is State.OPEN


def test_a_proof_further_up_takes_no_stand_away(three: Line) -> None:
    """A cover behind a proof that freezes from above the entry is as good as one before it; the
    entry falls by a proof that freezes it, and by what was covered of another history."""
    a, b, m = three.logs
    a.say(plain=b"x", serial=1)
    m.say(Kind.ACCUSATION)  # entries 1 and 2 of m are taken to hold the proofs
    b.seen(m)
    b.seen(a)
    a.say(plain=b"y", serial=2)
    m.say(Kind.ACCUSATION)
    b.seen(a)
    high, low = Proof(Place(m.id, 1), 2), Proof(Place(m.id, 2), 1)
    entry = Place(a.id, 1)
    assert stands(three.transcript(), entry, {a.id: Frozen(1, (high, low))})
    assert not stands(three.transcript(), entry, {a.id: Frozen(1, (Proof(high.place, 1), low))})
    assert not stands(three.transcript(), Place(a.id, 2), {a.id: Frozen(1, (high, low))})


def test_an_entry_stands_if_covered_before_the_proof(three: Line) -> None:
    """F10: covered by another party's log that did not know the proof yet, it stands for ever."""
    a, b, m = three.logs
    a.say(plain=b"x", serial=1)
    m.say(Kind.ACCUSATION)  # entry 1 of m is taken to hold the proof
    proof = Place(m.id, 1)
    frozen = {a.id: Frozen(1, (Proof(proof, 1),))}
    entry = Place(a.id, 1)
    assert stands(three.transcript(), Place(a.id, 0), frozen)
    assert not stands(three.transcript(), entry, frozen)
    a.seen(b)  # the author's own later word does not help
    three.logs[0].seen(m)
    assert not stands(three.transcript(), entry, frozen)
    m.seen(a)  # m knows the proof: it entered it
    assert not stands(three.transcript(), entry, frozen)
    b.seen(a, m)  # covers both at once: too late
    assert not stands(three.transcript(), entry, frozen)
    early = line("Aland", "Bland", "Mediana", roles=("party", "party", "mediator"))
    a, b, m = early.logs
    a.say(plain=b"x", serial=1)
    b.seen(a)
    m.say(Kind.ACCUSATION)
    b.seen(m)
    assert stands(early.transcript(), entry, frozen)


# --- the charter in force ---------------------------------------------------------------------


def amended(charter: Charter, **changes) -> Charter:
    """The next charter."""
    return replace(
        charter, number=charter.number + 1, predecessor=charter_id(charter.encode()), **changes
    )


def decide(made: Line, charter: Charter, *, by: int = 0, **more) -> Place:
    """Offers an amendment, has it sealed by the other and held by its author."""
    a, b = made.logs[by], made.logs[1 - by]
    a.seen(b)
    place = offer(a, sealer=1 - by, plain=charter.encode(), **more)
    answer(made, b, Kind.SEAL, place)
    a.seen(b, held_at_s=NOW_S)
    return place


def test_amendments_are_folded_in_order_of_number(two: Line) -> None:
    """The charter in force is the founding one with every final amendment after it."""
    first = amended(two.charter, title="A longer line")
    second = amended(first, receipt="seen")
    assert charter_in_force(two.transcript(), two.charter) == two.charter
    decide(two, first)
    assert charter_in_force(two.transcript(), two.charter) == first
    decide(two, second, by=1)
    assert charter_in_force(two.transcript(), two.charter) == second


def test_an_amendment_binds_from_where_its_finality_is_known(two: Line) -> None:
    """Within a causal past that lacks the hold or the seal, the old charter is in force."""
    a, b = two.logs
    first = amended(two.charter, title="A longer line")
    decide(two, first)
    whole = two.transcript()
    last = Place(a.id, a.size - 1)
    assert charter_in_force(whole, two.charter, causal_past(whole, last)) == first
    for place in (Place(a.id, a.size - 2), Place(b.id, b.size - 1)):
        past = causal_past(whole, place)
        assert charter_in_force(whole, two.charter, past) == two.charter
    assert charter_in_force(whole, two.charter, {}) == two.charter


def test_what_is_not_final_amends_nothing(two: Line) -> None:
    """An offered, a sealed or an expired amendment is not in force."""
    a, b = two.logs
    place = offer(a, sealer=1, plain=amended(two.charter, title="New").encode())
    assert charter_in_force(two.transcript(), two.charter) == two.charter
    answer(two, b, Kind.SEAL, place)
    assert charter_in_force(two.transcript(), two.charter) == two.charter
    a.seen(b, held_at_s=EXPIRES_S)
    assert charter_in_force(two.transcript(), two.charter) == two.charter


def test_what_is_no_amendment_of_this_charter_is_passed_over(two: Line) -> None:
    """Another text, another predecessor, a number too high, a drill made real: nothing."""
    first = amended(two.charter, title="New")
    for text in (
        b"not a charter",
        amended(first).encode(),
        replace(first, predecessor=bytes(32)).encode(),
        replace(first, drill=True).encode(),
    ):
        decide(two, FakeCharter(text))
    assert charter_in_force(two.transcript(), two.charter) == two.charter


class FakeCharter:
    """A text in the place of a charter."""

    def __init__(self, text: bytes) -> None:
        self.text = text

    def encode(self) -> bytes:
        return self.text


def test_of_two_final_amendments_the_first_held_is_in_force(two: Line) -> None:
    """Two that both replace one charter: the one that the lowest signatory held first counts."""
    a, b = two.logs
    one, other = (amended(two.charter, title=title) for title in ("One", "Other"))
    by_a = offer(a, sealer=1, plain=one.encode())
    by_b = offer(b, sealer=0, plain=other.encode())
    answer(two, a, Kind.SEAL, by_b)
    b.seen(a, held_at_s=NOW_S)
    assert charter_in_force(two.transcript(), two.charter) == other
    answer(two, b, Kind.SEAL, by_a)
    a.seen(b, held_at_s=NOW_S)
    assert state(two, by_a).state is State.FINAL
    assert charter_in_force(two.transcript(), two.charter) == other


def test_the_text_of_an_amendment_must_be_here(two: Line) -> None:
    """Where a final amendment cannot be read, no charter is guessed."""
    a, b = two.logs
    place = decide(two, amended(two.charter, title="New"))
    a.bodies[place.index] = None
    with pytest.raises(LocalError) as caught:
        charter_in_force(two.transcript(), two.charter)
    assert caught.value.refusal is Refusal.CONTEXT_INCOMPLETE
    assert b.size > 1


def test_released_decisions_amend_a_charter_that_asks_for_them() -> None:
    """Under a charter with release-decisions a seal that nobody released amends nothing."""
    made = line("Aland", "Bland", release_decisions=True)
    decide(made, amended(made.charter, title="New"))
    assert charter_in_force(made.transcript(), made.charter) == made.charter


def test_every_member_but_observers_signs_an_amendment() -> None:
    """Under the rule *all* one signature too few amends nothing."""
    made = line("Aland", "Bland", "Oland", roles=("party", "party", "observer"))
    first = amended(made.charter, title="New")
    assert required_signatories(made.charter, first) == 0b011
    a, _b, m = made.logs
    alone = offer(a, sealer=2, signatories=0b001, plain=first.encode())
    answer(made, m, Kind.SEAL, alone)
    a.seen(m, held_at_s=NOW_S)
    assert state(made, alone).state is State.FINAL
    assert charter_in_force(made.transcript(), made.charter) == made.charter
    decide(made, first)
    assert charter_in_force(made.transcript(), made.charter) == first


def test_who_is_suspended_need_not_sign(three: Line) -> None:
    """Under *all-but-affected* those who lose membership or role are not asked, if two are left."""
    rule = replace(three.charter, amend="all-but-affected")
    a, b, m = rule.members
    suspended = amended(rule, members=(a, Member(1, "observer", *b[2:]), m))
    assert required_signatories(rule, suspended) == 0b101
    assert required_signatories(three.charter, suspended) == 0b111
    alone = amended(rule, members=(a, Member(1, "observer", *b[2:]), Member(2, "party", *m[2:])))
    assert required_signatories(rule, alone) == 0b111


def test_a_cut_transcript_answers_for_what_is_in_it(two: Line) -> None:
    """Within a past, later entries, their covers and references are not there."""
    a, b = two.logs
    place = offer(a, sealer=1)
    answer(two, b, Kind.SEAL, place)
    whole = two.transcript()
    cut = Within(whole, {a.id: 2, b.id: 1, LogId(5, 0, b""): 3})
    assert list(cut.logs()) == [a.id, b.id]
    assert (cut.size(a.id), cut.size(b.id), cut.size(LogId(5, 0, b""))) == (2, 1, 0)
    assert cut.find(a.entry(1).hash) == place
    assert cut.find(b.entry(1).hash) is None
    assert cut.find(bytes(32)) is None
    assert (list(cut.referring(a.entry(1).hash)), list(cut.covers(a.id, 1))) == ([], [])
    assert cut.entry(a.id, 1) == whole.entry(a.id, 1)
    assert cut.vector(a.id, 1) == {}
    assert list(cut.of_kind((Kind.OFFER, Kind.SEAL))) == [place]


def test_a_mask_names_members() -> None:
    """Bits are member numbers."""
    assert members_of(0b101001) == (0, 3, 5)
    assert members_of(0) == ()
