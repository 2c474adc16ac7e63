"""Which entries count, which gaps show, and in which order all of them are shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.core import extras
from detente.core.errors import LocalError
from detente.core.extras import Mark, Relation, Rung, Stater
from detente.core.leaf import Kind, Leaf, LogId, Seen
from detente.core.transcript import Cover, Place
from detente.dossiers import fold
from detente.dossiers.fold import SerialGap, Standing

ROOT = bytes(32)


def standing(line, place, frozen=fold.NOTHING_FROZEN):
    """The standing of an entry of a line under construction."""
    return fold.standing(line.transcript, place, frozen)


def test_ordinary_entries_count(two):
    """A charter, a dispatch, a mark, a test and a duty change take part in dossiers."""
    a, b = two.logs
    said = two.dispatch(a)
    places = [
        Place(a, 0),
        said,
        two.mark(b, said, Rung.SEEN),
        two.add(b, Kind.TEST),
        two.add(b, Kind.DUTY),
        two.add(b, Kind.CLOCK, extra=extras.encode_clock(-3)),
        two.add(b, Kind.OVER_QUOTA, extra=extras.OverQuota(a, 1, 1, 20_000).encode()),
    ]
    assert {standing(two, place) for place in places} == {Standing.COUNTED}
    assert fold.counts(two.transcript, said)


def test_what_is_not_held_has_no_standing(two):
    """Asking for an entry beyond a log is our own mistake."""
    with pytest.raises(LocalError, match="not-held"):
        standing(two, Place(two.logs[0], 9))


def test_bytes_that_are_no_leaf_are_void(two):
    """An author that signs nonsense has a void entry, and the log goes on."""
    a = two.logs[0]
    assert standing(two, two.void(a)) is Standing.VOID
    assert standing(two, two.dispatch(a)) is Standing.COUNTED


def breaking_leaves():
    """Leaves of member 0 that break one rule each, by the name of the rule."""
    other = LogId(1, 0, b"")
    own = LogId(0, 0, b"")
    base = {"time_s": 1, "audience": 3}
    ref = (b"r" * 32,)
    body = {"commitment": bytes(32)}
    mark = Mark(Rung.SEEN, Stater.RELEASED).encode()
    return {
        "a charter after leaf 0": Leaf(kind=Kind.CHARTER, **base, **body),
        "a resume after leaf 0": Leaf(
            kind=Kind.RESUME, extra=extras.Resume(1, b"12345678", ()).encode(), **base
        ),
        "a seen of its own log": Leaf(kind=Kind.SEEN, seen=(Seen(own, 1, ROOT, 1),), **base),
        "a dispatch without a serial": Leaf(kind=Kind.DISPATCH, **base, **body),
        "a mark with a serial": Leaf(
            kind=Kind.MARK, serial=1, refs=ref, extra=Mark(Rung.SEEN, Stater.NODE).encode(), **base
        ),
        "a dispatch without a body": Leaf(kind=Kind.DISPATCH, serial=1, **base),
        "a dispatch with a reference and no relation": Leaf(
            kind=Kind.DISPATCH, serial=1, refs=ref, **base, **body
        ),
        "a mark on nothing": Leaf(
            kind=Kind.MARK, extra=Mark(Rung.SEEN, Stater.NODE).encode(), **base
        ),
        "a mark released by nobody": Leaf(kind=Kind.MARK, refs=ref, extra=mark, **base),
        "a mark that does not decode": Leaf(kind=Kind.MARK, refs=ref, extra=b"\0", **base),
        "a translation of two": Leaf(
            kind=Kind.TRANSLATION,
            serial=1,
            refs=(*ref, bytes(32)),
            extra=extras.Translation(extras.Grade.ROUGH, Stater.WATCH).encode(),
            **base,
            **body,
        ),
        "a quote of another's log": Leaf(
            kind=Kind.QUOTE, extra=extras.Quote(other, 1, 0, 0, 1, bytes(64)).encode(), **base
        ),
        "a quote of one's own cosignature": Leaf(
            kind=Kind.QUOTE, extra=extras.Quote(own, 1, 0, 0, 1, bytes(64)).encode(), **base
        ),
        "one's own entry held ahead": Leaf(
            kind=Kind.HELD_AHEAD, extra=extras.HeldAhead(own, 1, ROOT, 1).encode(), **base
        ),
        "one's own body lacked": Leaf(
            kind=Kind.LACKS, extra=extras.Lacks(own, (1,)).encode(), **base
        ),
        "one's own quota": Leaf(
            kind=Kind.OVER_QUOTA, extra=extras.OverQuota(own, 1, 1, 1).encode(), **base
        ),
        "an accusation of nothing": Leaf(kind=Kind.ACCUSATION, **base, **body),
        "a kind not specified yet": Leaf(kind=Kind.RENEWAL, **base),
        "a kind nobody knows": Leaf(kind=200, **base),
    }


@pytest.mark.parametrize("rule", breaking_leaves())
def test_leaves_that_break_a_rule_are_void(two, rule):
    """Each rule of a kind voids an entry that breaks it."""
    assert standing(two, two.put(two.logs[0], breaking_leaves()[rule])) is Standing.VOID


def test_a_log_opens_with_its_charter_or_resume():
    """Leaf 0 is the charter, and in a resumed log the resume of that very life."""
    charter = Leaf(kind=Kind.CHARTER, time_s=1, audience=3, commitment=bytes(32))
    resume = Leaf(
        kind=Kind.RESUME, time_s=1, audience=3, extra=extras.Resume(2, b"l" * 8, ()).encode()
    )
    new_line, resumed = LogId(0, 2, b""), LogId(0, 2, b"l" * 8)
    assert fold.keeps_rules(Place(new_line, 0), charter)
    assert fold.keeps_rules(Place(resumed, 0), resume)
    assert not fold.keeps_rules(Place(resumed, 0), charter)
    assert not fold.keeps_rules(Place(new_line, 0), resume)
    assert not fold.keeps_rules(Place(LogId(0, 1, b"l" * 8), 0), resume)
    assert not fold.keeps_rules(Place(new_line, 0), Leaf(kind=Kind.SEEN, time_s=1, audience=3))


def test_a_released_statement_that_names_its_record_counts(two):
    """«Released by» stands where the leaf carries the hash of the release record."""
    a, b = two.logs
    said = two.dispatch(a)
    made = two.mark(b, said, Rung.SEEN, stater=Stater.RELEASED, release=bytes(32))
    assert standing(two, made) is Standing.COUNTED
    assert standing(two, two.translation(b, said, extras.Grade.SIGHT)) is Standing.COUNTED


# --- frozen logs --------------------------------------------------------------------------------


def forked(three):
    """Member 0 says four things; member 1 covers two before it enters a proof against entry 1."""
    a, b, c = three.logs
    said = [three.dispatch(a) for _ in range(4)]
    three.sees(b, said[1])
    proof = three.accuse(b, a, 1)
    three.sees(b, said[2])
    return said, proof, c


def believe(_entry):
    """Takes every proof."""
    return True


def test_a_frozen_log_is_contested_but_for_what_was_covered_in_time(three):
    """At or beyond the frozen index stands what another log covered before it entered the proof."""
    said, _, _ = forked(three)
    frozen = fold.frozen_logs(three.transcript, believe)
    expected = [Standing.COUNTED, Standing.COUNTED, Standing.CONTESTED, Standing.CONTESTED]
    assert [standing(three, place, frozen) for place in said] == expected
    assert standing(three, Place(three.logs[0], 0), frozen) is Standing.COUNTED
    assert not fold.counts(three.transcript, said[3], frozen)


def test_what_lies_beyond_the_end_of_a_revoked_log_is_contested(three):
    """Covered or not; and of a log that is forked besides, what a fork leaves ends there too."""
    said, _, _ = forked(three)
    for believed, counted in ((believe, 1), (lambda _: False, 1)):
        frozen = fold.frozen_logs(three.transcript, believed, {three.logs[0]: said[1].index})
        found = [fold.counts(three.transcript, place, frozen) for place in said]
        assert found.count(True) == counted


def test_a_third_log_that_had_not_covered_the_proof_saves_an_entry(three):
    """What a third party covered before the proof reached it stands, and after it does not."""
    said, proof, c = forked(three)
    three.sees(c, said[2])
    three.sees(c, proof)
    three.sees(c, said[3])
    frozen = fold.frozen_logs(three.transcript, believe)
    assert standing(three, said[2], frozen) is Standing.COUNTED
    assert standing(three, said[3], frozen) is Standing.CONTESTED


def test_the_author_does_not_save_its_own_entries(three):
    """What the accused says of its log in another incarnation saves nothing."""
    said, _, _ = forked(three)
    three.resume(0, 1, {three.logs[0]: 5}, seen={three.logs[0]: 5})
    frozen = fold.frozen_logs(three.transcript, believe)
    assert standing(three, said[3], frozen) is Standing.CONTESTED


def test_an_accusation_that_is_not_proven_freezes_nothing(three):
    """A false accusation, or a void one, never touches an innocent log."""
    a, b, _ = three.logs
    three.accuse(b, a, 1)
    three.add(b, Kind.ACCUSATION, body=b"proof")
    assert not fold.frozen_logs(three.transcript, lambda entry: False)


def test_the_lowest_proven_index_freezes_a_log(three):
    """Of several proofs the lowest index counts, and each of them is a proof to have covered."""
    a, b, c = three.logs
    said = three.dispatch(a)
    high = three.accuse(b, a, 3)
    low = three.accuse(c, a, 1)
    frozen = fold.frozen_logs(three.transcript, believe)
    assert frozen[a] == fold.Frozen(1, (fold.Proof(high, 3), fold.Proof(low, 1)))
    assert standing(three, said, frozen) is Standing.CONTESTED


def test_a_lower_proof_takes_nothing_back_that_was_covered_behind_a_higher_one(three):
    """What lay below the freeze when it was covered stands, so nobody un-seals by forking again."""
    a, b, c = three.logs
    said = [three.dispatch(a) for _ in range(3)]
    high = three.accuse(b, a, 3)
    three.sees(c, high)
    three.sees(c, said[1])
    low = three.accuse(b, a, 1)
    three.sees(c, low)
    frozen = fold.frozen_logs(three.transcript, believe)
    expected = [Standing.COUNTED, Standing.COUNTED, Standing.CONTESTED]
    assert [standing(three, place, frozen) for place in said] == expected


# --- closed logs --------------------------------------------------------------------------------


def test_a_log_without_a_successor_has_no_end(two):
    """As long as nobody resumed, nothing is withheld."""
    two.dispatch(two.logs[0])
    assert fold.end_of(two.transcript, two.logs[0]) is None


def test_what_lies_beyond_resume_and_closing_heads_is_withheld(three):
    """An old log ends at the most that its resume and the others' closing heads state."""
    a, b, c = three.logs
    said = [three.dispatch(a) for _ in range(4)]
    three.sees(c, said[3])
    three.sees(b, said[1])
    new = three.resume(0, 1, {a: 2})
    three.sees(b, said[1], Place(new, 0))
    assert fold.end_of(three.transcript, a) == 3
    expected = [Standing.COUNTED, Standing.COUNTED, Standing.WITHHELD, Standing.WITHHELD]
    assert [standing(three, place) for place in said] == expected
    # Nobody waited for the absent member; when it comes, its closing head says how far it held.
    three.sees(c, Place(new, 0))
    assert fold.end_of(three.transcript, a) == 5
    assert standing(three, said[3]) is Standing.COUNTED


def test_a_successor_that_begins_with_a_charter_names_nothing(three):
    """Who comes back under its next key pair without what it had: its old log ends where the others
    had it when they first named the new one."""
    a, b, _ = three.logs
    said = [three.dispatch(a) for _ in range(2)]
    three.sees(b, said[0])
    new = LogId(0, 1, b"")
    three.add(new, Kind.CHARTER, body=b"charter")
    assert fold.end_of(three.transcript, a) == 0
    three.sees(b, said[0], Place(new, 0))
    assert fold.end_of(three.transcript, a) == said[0].index + 1
    assert standing(three, said[1]) is Standing.WITHHELD


def test_what_a_peer_brings_beyond_its_own_closing_head_stays_withheld(two):
    """Only the first entry that names the new incarnation closes the old one."""
    a, b = two.logs
    said = [two.dispatch(a) for _ in range(3)]
    new = two.resume(0, 1, {a: 2})
    two.sees(b, said[0], Place(new, 0))
    two.sees(b, said[2], Place(new, 0))
    assert fold.end_of(two.transcript, a) == 2
    assert standing(two, said[2]) is Standing.WITHHELD


def test_a_peers_first_incarnation_closes_for_all_its_later_ones(three):
    """A peer that was restored itself cannot widen what its older log had closed."""
    a, b, _ = three.logs
    said = [three.dispatch(a) for _ in range(3)]
    new = three.resume(0, 1, {a: 1})
    three.sees(b, said[0], Place(new, 0))
    three.resume(1, 1, {b: 2}, seen={a: 4, new: 1})
    assert fold.end_of(three.transcript, a) == 2


def test_a_later_resume_names_every_known_predecessor(two):
    """Each successor's resume counts for each older log, and a void resume for none."""
    a, _ = two.logs
    for _ in range(3):
        two.dispatch(a)
    first = two.resume(0, 1, {a: 1})
    two.resume(0, 2, {a: 3, first: 1}, life=b"another!")
    assert fold.end_of(two.transcript, a) == 3
    assert fold.end_of(two.transcript, first) == 1
    two.put(LogId(0, 3, b"mistaken"), Leaf(kind=Kind.RESUME, time_s=1, audience=3, extra=b"\xff"))
    two.void(LogId(0, 4, b"nonsense"))
    assert fold.end_of(two.transcript, a) == 3


def test_the_members_own_later_logs_close_nothing_by_seen(two):
    """What the restored member says of its own logs beside resume widens nothing."""
    a, _ = two.logs
    two.dispatch(a)
    two.dispatch(a)
    first = two.resume(0, 1, {a: 1})
    two.resume(0, 2, {a: 1, first: 1}, life=b"another!", seen={a: 3, first: 1})
    assert fold.end_of(two.transcript, a) == 1


def test_a_cover_counts_by_the_place_of_its_entry(two):
    """A cover in a withheld entry is no statement; one in an entry void by its kind is."""
    a, b = two.logs
    said = two.dispatch(a)
    kept = two.put(b, Leaf(kind=200, time_s=1, audience=3, seen=(Seen(a, 2, ROOT, 7),)))
    lost = two.sees(b, said)
    two.resume(1, 1, {b: kept.index + 1})
    assert standing(two, kept) is Standing.VOID
    assert fold.states(two.transcript, Cover(b, kept.index, a, 2, 7))
    assert not fold.states(two.transcript, Cover(b, lost.index, a, 2, 7))


# --- serials and order --------------------------------------------------------------------------


def test_serials_that_skip_or_repeat_are_gaps(two):
    """A log whose serials do not count 1, 2, 3 shows where, whatever lies between."""
    a = two.logs[0]
    two.dispatch(a)
    two.sees(a, Place(two.logs[1], 0))
    skipped = two.add(a, Kind.TEST, serial=4)
    two.void(a)
    repeated = two.dispatch(a, serial=4)
    two.dispatch(a, serial=5)
    assert fold.serial_gaps(two.transcript, a) == (
        SerialGap(skipped, 2, 4),
        SerialGap(repeated, 5, 4),
    )
    assert fold.serial_gaps(two.transcript, two.logs[1]) == ()


def test_causes_are_shown_before_their_effects_whatever_the_clocks_say(two):
    """An entry comes after all that its `seen` names, though its author's clock runs behind."""
    a, b = two.logs
    asked = two.dispatch(a, time_s=5_000_000_000)
    answer = two.dispatch(b, about={asked: Relation.ANSWERS}, seen={a: 2}, time_s=5)
    later = two.dispatch(a, time_s=9_000_000_000)
    shown = fold.order(two.transcript)
    assert shown == [Place(a, 0), Place(b, 0), asked, answer, later]


def test_concurrent_entries_are_shown_by_time_then_by_place(three):
    """What nothing orders goes by the time stated, and at equal times by place."""
    a, b, c = three.logs
    third = three.dispatch(c, time_s=3_000_000_000)
    second = three.dispatch(a, time_s=2_000_000_000)
    first = three.dispatch(b, time_s=2_000_000_000)
    nothing = three.void(a)
    assert fold.order(three.transcript)[3:] == [second, nothing, first, third]


def test_an_entry_waits_for_several_logs_as_far_as_they_are_here(three):
    """It waits for each log it names, and not for entries that are not held."""
    a, b, c = three.logs
    waits = three.add(a, Kind.SEEN, seen={b: 3, c: 99, LogId(7, 0, b""): 5}, time_s=1)
    one = three.dispatch(b, time_s=2_000_000_000)
    two = three.dispatch(b, time_s=2_000_000_001)
    last = three.dispatch(c, time_s=2_000_000_002)
    assert fold.order(three.transcript)[3:] == [one, two, last, waits]


def test_a_circle_of_seen_is_broken_at_the_earliest_entry(two):
    """Statements that cannot all be true lose nothing: every entry is shown once."""
    a, b = two.logs
    first = two.add(a, Kind.SEEN, seen={b: 2}, time_s=2_000_000_000)
    second = two.add(b, Kind.SEEN, seen={a: 2}, time_s=2_000_000_001)
    third = two.add(a, Kind.SEEN, seen={b: 3}, time_s=2_000_000_002)
    fourth = two.add(b, Kind.SEEN, time_s=2_000_000_003)
    shown = fold.order(two.transcript)
    assert shown[2:] == [first, second, fourth, third]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 9)), max_size=30))
def test_any_honest_transcript_is_shown_once_and_in_causal_order(build, steps):
    """Whoever speaks, sees what, and by whichever clock: causes come first and nothing is lost."""
    line = build("party", "party", "party")
    for author, skipped, time_s in steps:
        others = [log for log in line.logs if log.member != author]
        seen = {log: line.transcript.size(log) - skipped for log in others}
        kept = {log: size for log, size in seen.items() if size > 0}
        line.add(line.logs[author], Kind.SEEN, seen=kept, time_s=time_s)
    shown = fold.order(line.transcript)
    sizes = dict.fromkeys(line.logs, 0)
    for place in shown:
        assert place.index == sizes[place.log]
        assert all(sizes[seen.log] >= seen.size for seen in line.leaf(place).seen)
        sizes[place.log] += 1
    assert sizes == {log: line.transcript.size(log) for log in line.logs}
    assert shown == fold.order(line.transcript)


def test_an_own_log_in_seen_blocks_nothing(two):
    """A void entry that names its own log is shown in its place."""
    a = two.logs[0]
    odd = two.put(a, Leaf(kind=Kind.SEEN, time_s=1, audience=3, seen=(Seen(a, 9, ROOT, 1),)))
    assert odd in fold.order(two.transcript)


def test_a_line_without_entries_has_an_empty_order(two):
    """No log, nothing to show."""
    assert fold.order(type(two.transcript)()) == []
