"""Who received an entry, when, and what that rests on."""

from __future__ import annotations

import pytest

from detente.core.errors import LocalError
from detente.core.extras import HeldAhead, Rung
from detente.core.leaf import Kind
from detente.core.transcript import Place
from detente.dossiers import fold
from detente.dossiers.receipts import Evidence, Receipt, holdings, receipt, receipts, statements_in


def test_the_first_cover_is_the_receipt(two):
    """What an entry of the receiver's own log covers is received, by the receiver's clock."""
    a, b = two.logs
    said = two.dispatch(a)
    assert receipt(two.transcript, said, 1) is None
    covering = two.sees(b, said, held_at_s=77)
    two.sees(b, said, held_at_s=78)
    assert receipt(two.transcript, said, 1) == Receipt(1, 77, covering, Evidence.SEEN)
    assert receipt(two.transcript, said, 0) is None


def test_an_earlier_time_stated_later_is_the_receipt(two):
    """Among all that the receiver signed, the earliest time it names counts."""
    a, b = two.logs
    said = two.dispatch(a)
    two.sees(b, said, held_at_s=77)
    earlier = two.sees(b, said, held_at_s=70)
    assert receipt(two.transcript, said, 1) == Receipt(1, 70, earlier, Evidence.SEEN)


def test_receipts_are_asked_for_by_mask_and_leave_the_author_out(three):
    """Each member's receipt is its own; who gave none is absent, and the author always is."""
    a, b, c = three.logs
    said = three.dispatch(a)
    three.sees(b, said)
    three.sees(c, said)
    assert set(receipts(three.transcript, said, 0b111)) == {1, 2}
    assert set(receipts(three.transcript, said, 0b011)) == {1}
    assert set(holdings(three.transcript, said, 0b1111)) == {1, 2, 3}


def test_what_is_not_held_has_no_receipt(two):
    """Asking about an entry that is not here is our own mistake."""
    with pytest.raises(LocalError, match="not-held"):
        receipt(two.transcript, Place(two.logs[0], 5), 1)


def test_held_ahead_is_a_receipt_of_just_this_entry(two):
    """An entry that overtook is received at the time its held-ahead states, and no other is."""
    a, b = two.logs
    before, flash = two.dispatch(a), two.dispatch(a)
    ahead = two.held_ahead(b, flash, 50)
    assert receipt(two.transcript, flash, 1) == Receipt(1, 50, ahead, Evidence.HELD_AHEAD)
    assert receipt(two.transcript, before, 1) is None
    assert receipt(two.transcript, flash, 2) is None


def test_held_ahead_of_another_leaf_at_that_index_is_no_receipt(two):
    """A held-ahead names index and leaf hash: of a forked log it receipts one branch alone."""
    a, b = two.logs
    said = two.dispatch(a)
    extra = HeldAhead(a, said.index, bytes(32), 50).encode()
    two.add(b, Kind.HELD_AHEAD, extra=extra)
    assert receipt(two.transcript, said, 1) is None


def test_a_quote_counts_once_the_receiver_has_covered_it(two):
    """A copied cosignature is a receipt when its signer's own log has covered it undisputed."""
    a, b = two.logs
    said = two.dispatch(a)
    quoted = two.quote(a, 1, said, 40)
    assert receipt(two.transcript, said, 1) is None
    two.sees(b, said, held_at_s=60)
    late = receipt(two.transcript, said, 1)
    assert late is not None
    assert late.evidence is Evidence.SEEN
    covering = two.sees(b, quoted, held_at_s=90)
    assert receipt(two.transcript, said, 1) == Receipt(1, 40, quoted, Evidence.QUOTE, covering)


def test_statements_that_are_read_once_give_the_same_receipts(two):
    """Whoever asks of many entries reads quotes, held-aheads and `lacks` once for all of them."""
    a, b = two.logs
    first, second = two.dispatch(a), two.dispatch(a)
    two.sees(b, two.quote(a, 1, second, 40), held_at_s=90)
    two.lacks(b, first)
    third = two.dispatch(a)
    two.held_ahead(b, third, 50)
    stated = statements_in(two.transcript)
    for place in (first, second, second, third):
        found = holdings(two.transcript, place, 0b11, statements=stated)
        assert found == holdings(two.transcript, place, 0b11)
        assert found[1].receipt.at_s == (50 if place == third else 40)


def test_a_quote_receipts_what_lies_below_its_size_in_its_log(three):
    """Entries at or beyond the quoted size, other logs and other members are not receipted."""
    a, b, c = three.logs
    said = three.dispatch(a)
    quoted = three.quote(a, 1, said, 40)
    after = three.dispatch(a)
    three.sees(b, quoted, held_at_s=90)
    three.sees(c, quoted, held_at_s=91)
    received = receipts(three.transcript, said, 0b110)
    assert (received[1].at_s, received[2].at_s) == (40, 91)
    assert receipt(three.transcript, after, 1) is None
    theirs = three.dispatch(c)
    assert receipt(three.transcript, theirs, 1) is None


def test_a_quote_disputed_by_its_covering_entry_is_no_receipt(two):
    """Whoever disputes a quote no later than it covers it has not signed it."""
    a, b = two.logs
    said = two.dispatch(a)
    quoted = two.quote(a, 1, said, 40)
    two.mark(b, quoted, Rung.DISPUTED, seen={a: quoted.index + 1}, held_at_s=90)
    received = receipt(two.transcript, said, 1)
    assert received is not None
    assert (received.at_s, received.evidence) == (90, Evidence.SEEN)


def test_a_dispute_after_covering_comes_too_late(two):
    """What stood undisputed when it was covered stands; other marks and others dispute nothing."""
    a, b = two.logs
    said = two.dispatch(a)
    quoted = two.quote(a, 1, said, 40)
    two.mark(a, quoted, Rung.DISPUTED)
    two.mark(b, quoted, Rung.SEEN)
    two.add(b, Kind.ASSENT, refs=(two.hash(quoted),))
    two.sees(b, quoted, held_at_s=90)
    two.mark(b, quoted, Rung.DISPUTED)
    received = receipt(two.transcript, said, 1)
    assert received is not None
    assert received.evidence is Evidence.QUOTE


def test_a_dispute_outlives_its_incarnation(two):
    """A later incarnation does not sign by covering what an older one disputed."""
    a, b = two.logs
    said = two.dispatch(a)
    quoted = two.quote(a, 1, said, 40)
    two.mark(b, quoted, Rung.DISPUTED)
    two.resume(1, 1, {b: 2}, seen={a: quoted.index + 1}, held_at_s=95)
    received = receipt(two.transcript, said, 1)
    assert received is not None
    assert (received.at_s, received.evidence) == (95, Evidence.SEEN)


def test_an_entry_whose_body_is_lacked_is_not_received(two):
    """A cover or quote after `lacks` leaves the named entries out; held-ahead is their receipt."""
    a, b = two.logs
    said, other = two.dispatch(a), two.dispatch(a)
    quoted = two.quote(a, 1, other, 40)
    lacking = two.lacks(b, said, seen={a: 3}, held_at_s=60)
    two.sees(b, quoted, held_at_s=61)
    held = holdings(two.transcript, said, 0b10)[1]
    assert (held.receipt, held.lacks, held.lost) == (None, lacking, None)
    received = receipt(two.transcript, other, 1)
    assert received is not None
    assert received.evidence is Evidence.QUOTE
    ahead = two.held_ahead(b, said, 80)
    held = holdings(two.transcript, said, 0b10)[1]
    assert held.receipt == Receipt(1, 80, ahead, Evidence.HELD_AHEAD)


def test_a_receipt_once_signed_is_not_taken_back_by_lacks(two):
    """`lacks` excepts what is covered from then on, and never what was signed before."""
    a, b = two.logs
    said = two.dispatch(a)
    two.sees(b, said, held_at_s=60)
    two.lacks(b, said)
    received = receipt(two.transcript, said, 1)
    assert received is not None
    assert received.at_s == 60


def test_statements_that_do_not_count_receipt_nothing(two):
    """A void held-ahead and a withheld cover are no receipts."""
    a, b = two.logs
    said = two.dispatch(a)
    two.add(b, Kind.HELD_AHEAD, extra=b"\xff")
    two.sees(b, said, held_at_s=60)
    two.resume(1, 1, {b: 2})
    assert receipt(two.transcript, said, 1) is None


def test_a_contested_quote_is_no_receipt(two):
    """What a forked author quoted beyond its frozen index counts no more."""
    a, b = two.logs
    said = two.dispatch(a)
    two.accuse(b, a, 2)
    quoted = two.quote(a, 1, said, 40)
    two.sees(b, quoted, held_at_s=90)
    frozen = fold.frozen_logs(two.transcript, lambda entry: True)
    received = receipt(two.transcript, said, 1, frozen)
    assert received is not None
    assert received.evidence is Evidence.SEEN


def test_what_a_resume_does_not_show_was_lost_in_restore(two):
    """Received, then lost: shown until the new incarnation states the entry again."""
    a, b = two.logs
    said = two.dispatch(a)
    two.sees(b, said, held_at_s=60)
    new = two.resume(1, 1, {b: 2}, seen={a: 1})
    held = holdings(two.transcript, said, 0b10)[1]
    assert held.receipt is not None
    assert (held.receipt.at_s, held.lost) == (60, Place(new, 0))
    two.sees(new, said, held_at_s=99)
    held = holdings(two.transcript, said, 0b10)[1]
    assert held.receipt is not None
    assert (held.receipt.at_s, held.lost) == (60, None)


def test_receipts_of_equal_times_go_by_place(two):
    """Two statements of one time give one receipt, the same on every screen."""
    a, b = two.logs
    said = two.dispatch(a)
    ahead = two.held_ahead(b, said, 60)
    two.sees(b, said, held_at_s=60)
    assert receipt(two.transcript, said, 1) == Receipt(1, 60, ahead, Evidence.HELD_AHEAD)
