"""The ladder of an entry: receipts, marks, answers, translations, revisions."""

from __future__ import annotations

import pytest

from detente.core.charter import Left
from detente.core.errors import LocalError
from detente.core.extras import Grade, Relation, Rung, Stater
from detente.core.leaf import Kind, Precedence
from detente.dossiers.fold import Standing
from detente.dossiers.ladder import Step, Translated, ladder, legal_receipt


def rungs(line, place):
    """The ladder of an entry of a line under construction."""
    return ladder(line.transcript, line.charter, place)


def test_a_sent_entry_has_its_readers_and_nothing_more(four):
    """Before anybody says anything there are sender, time and readers without a receipt."""
    a, b, _, _ = four.logs
    said = four.dispatch(a, precedence=Precedence.FLASH)
    found = rungs(four, said)
    assert (found.sent_s, found.stated_by) == (four.time_s, Stater.NODE)
    assert (found.precedence, found.standing) == (Precedence.FLASH, Standing.COUNTED)
    assert [(one.member, one.received, one.steps) for one in found.readers] == [
        (1, None, ()),
        (2, None, ()),
    ]
    assert found.known_to == ((a, 2),)
    assert found.reader(3) is None
    assert found.stands
    four.sees(b, said)
    received = rungs(four, said).reader(1).received
    assert received.at_s == four.time_s


def test_a_void_entry_has_no_ladder(two):
    """Bytes that are no leaf name neither readers nor time."""
    with pytest.raises(LocalError, match="bad-leaf"):
        rungs(two, two.void(two.logs[0]))


def test_a_leaf_that_breaks_its_rules_has_a_ladder_and_no_weight(two):
    """It is shown with its standing, and nobody owes it anything."""
    odd = two.add(two.logs[0], Kind.DISPATCH, refs=(bytes(32),))
    found = rungs(two, odd)
    assert found.standing is Standing.VOID
    assert not found.stands
    assert not found.answers


def test_each_mark_is_a_step_with_who_states_it(two):
    """Marks of a reader stand in the order it made them, by node, watch or releaser."""
    a, b = two.logs
    said = two.dispatch(a, release=bytes(32))
    attached = two.mark(b, said, Rung.ATTACHED, stater=Stater.NODE)
    seen = two.mark(b, said, Rung.SEEN)
    principal = two.mark(b, said, Rung.WITH_PRINCIPAL, stater=Stater.RELEASED, release=bytes(32))
    found = rungs(two, said)
    assert found.stated_by is Stater.RELEASED
    times = [two.leaf(place).time_s for place in (attached, seen, principal)]
    assert found.reader(1).steps == (
        Step(Rung.ATTACHED, 1, times[0], Stater.NODE, attached),
        Step(Rung.SEEN, 1, times[1], Stater.WATCH, seen),
        Step(Rung.WITH_PRINCIPAL, 1, times[2], Stater.RELEASED, principal),
    )
    assert not found.reader(1).answered
    assert found.reader(1).first(Rung.DECLINED) is None


def test_marks_that_do_not_count_are_no_steps(two):
    """A mark beyond a closed log says nothing."""
    a, b = two.logs
    said = two.dispatch(a)
    two.mark(b, said, Rung.SEEN)
    two.resume(1, 1, {b: 1})
    assert rungs(two, said).reader(1).steps == ()


def test_a_misdirected_entry_is_asked_back_and_answered_for(two):
    """The author's mark asks; the receiver's says opened or not, kept or purged."""
    a, b = two.logs
    said = two.dispatch(a)
    asked = two.mark(a, said, Rung.MISDIRECTED)
    told = two.mark(b, said, Rung.MISDIRECTED, detail=0b11)
    found = rungs(two, said)
    assert found.asked_back.place == asked
    assert not found.stands
    step = found.reader(1).first(Rung.MISDIRECTED)
    assert (step.place, step.detail) == (told, 0b11)
    assert found.reader(1).answered


@pytest.mark.parametrize("rung", [Rung.ANSWERED, Rung.DECLINED, Rung.MISDIRECTED])
def test_three_marks_end_the_wait(two, rung):
    """Answered, declined and misdirected ask no more of a reader; other marks do."""
    a, b = two.logs
    said = two.dispatch(a)
    two.mark(b, said, Rung.PASSED_ON)
    assert not rungs(two, said).reader(1).answered
    two.mark(b, said, rung)
    assert rungs(two, said).reader(1).answered


def test_an_answering_dispatch_is_a_step(two):
    """A dispatch that answers is a step on the other ladder, and an answer on its own."""
    a, b = two.logs
    said = two.dispatch(a)
    answer = two.dispatch(b, about={said: Relation.ANSWERS}, release=bytes(32))
    reader = rungs(two, said).reader(1)
    assert reader.steps == (Step(Rung.ANSWERED, 1, two.time_s, Stater.RELEASED, answer),)
    assert reader.answered
    assert rungs(two, answer).answers
    assert not rungs(two, said).answers


def test_nobody_answers_himself_or_corrects_another(two):
    """An author's own «answer» and a stranger's «correction» are mentions, like any reference."""
    a, b = two.logs
    said = two.dispatch(a)
    own = two.dispatch(a, about={said: Relation.ANSWERS})
    foreign = two.dispatch(b, about={said: Relation.CORRECTS})
    refers = two.dispatch(b, kind=Kind.ACCIDENT, about={said: Relation.REFERS})
    assent = two.add(b, Kind.ASSENT, refs=(two.hash(said),))
    found = rungs(two, said)
    assert found.mentions == (own, foreign, refers, assent)
    assert found.revisions == ()
    assert not found.reader(1).answered


def test_one_dispatch_relates_to_each_entry_in_its_own_way(two):
    """Relations go with references one by one."""
    a, b = two.logs
    first, second = two.dispatch(a), two.dispatch(a)
    two.dispatch(b, about={first: Relation.ANSWERS, second: Relation.REFERS})
    assert rungs(two, first).reader(1).answered
    assert not rungs(two, second).reader(1).answered


def test_translations_name_their_grade_and_who_made_them(three):
    """Every member's translation is listed, sight, rough or certified."""
    a, b, c = three.logs
    said = three.dispatch(a)
    sight = three.translation(b, said, Grade.SIGHT)
    sight_s = three.time_s
    certified = three.translation(c, said, Grade.CERTIFIED)
    assert rungs(three, said).translations == (
        Translated(Grade.SIGHT, 1, sight_s, Stater.WATCH, sight),
        Translated(Grade.CERTIFIED, 2, three.time_s, Stater.WATCH, certified),
    )


@pytest.mark.parametrize(
    ("relation", "stands"),
    [(Relation.CORRECTS, True), (Relation.CANCELS, False), (Relation.SUPERSEDES, False)],
)
def test_revisions_say_who_knows_of_them(three, relation, stands):
    """The author's revision is listed with its receipts, and how far the author's logs are held."""
    a, b, _ = three.logs
    said = three.dispatch(a)
    revising = three.dispatch(a, about={said: relation})
    three.sees(b, revising)
    found = rungs(three, said)
    (revision,) = found.revisions
    assert (revision.relation, revision.place, revision.stated_by) == (
        relation,
        revising,
        Stater.NODE,
    )
    assert set(revision.received) == {1}
    assert found.stands is stands
    assert found.known_to == ((a, 3),)


def test_who_has_left_the_line_stays_on_old_ladders(three):
    """A later charter does not take a receipt out of the record."""
    a, _, c = three.logs
    said = three.dispatch(a)
    three.sees(c, said)
    gone = three.charter.members[2]
    three.amend(members=three.charter.members[:2], left=(Left(2, gone.party),))
    assert rungs(three, said).reader(2).received is not None


def test_the_charter_names_the_legal_receipt(two):
    """Received by the node, or seen by the watch, as the charter says."""
    a, b = two.logs
    said = two.dispatch(a)
    two.sees(b, said)
    seen = two.mark(b, said, Rung.SEEN)
    reader = rungs(two, said).reader(1)
    assert legal_receipt(two.charter, reader) == reader.received
    two.amend(receipt="seen")
    assert legal_receipt(two.charter, reader).place == seen
