"""What a stranger is told of revoked keys: what still stands, and what nobody stands by."""

from __future__ import annotations

from functools import cache

import pytest
from core.lineage import START_S, Line, LogBuilder, line, party, seed
from dossiers.stranger import (
    LATER_S,
    check,
    exchange,
    exported,
    forked,
    parse_card_once,
    pq_line,
    text,
)

from detente.core import crypto, notes
from detente.core.accusation import make_leaves
from detente.core.export import Cosigned
from detente.core.identity import holds_name
from detente.core.leaf import Kind
from detente.core.proof import join_bundle
from detente.core.revocation import Revocation, Stand, make_revocation
from detente.dossiers import audit, verify
from detente.dossiers.report import EndShown
from detente.dossiers.verify import verify_file


@pytest.fixture(autouse=True)
def cards_are_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each card is parsed once for all the tests here."""
    for module in (verify, audit):
        monkeypatch.setattr(module, "parse_card", lambda data, **_: parse_card_once(data))


@cache
def revoked(name: str, key: str, *stands: Stand, serial: int = 1) -> bytes:
    """A revocation file of a party."""
    roots = (
        crypto.Ed25519Signer(seed(name, "root")),
        crypto.MlDsa44Signer(seed(name, "root-pq"), notes.NOTE_MLDSA44_CONTEXT),
    )
    made = Revocation(party(name).id, serial, key, "stolen", START_S + 60, stands)
    return make_revocation(made, party(name).card.card, *roots)


def stand(log: LogBuilder, size: int) -> Stand:
    return Stand(log.origin, size, log.root(size))


@pytest.fixture
def two() -> Line:
    """Two logs of three entries."""
    return exchange()


@pytest.mark.parametrize(
    ("index", "size", "held", "standing", "ok"),
    [
        (1, 2, False, "stood-by", True),
        (1, 3, False, "unlinked", False),
        (1, 3, True, "covered", True),
        (2, 3, True, "covered", True),
        (2, 3, False, "contested", False),
    ],
)
def test_an_entry_is_told_as_what_its_party_says_of_it(
    two: Line, index: int, size: int, held: bool, standing: str, ok: bool
) -> None:
    """Under the head stood by, beyond it with a receipt, and beyond it without one."""
    a, b = two.logs[0], two.parties[1]
    proof = a.proof(index, size, held_by=(b,) if held else ())
    note = revoked("Aland", "log 0", stand(a, 2))
    report = check(two, join_bundle([proof, note]))
    (one,) = report.statements
    assert (report.what, one.standing, report.ok) == ("proof", standing, ok)
    assert any("the head that its party stands by" in lack for lack in report.lacks) is (
        index == 1 and size == 3
    )
    (shown,) = report.revocations
    assert (shown.name, shown.key, shown.reason, shown.serial) == ("Aland", "log 0", "stolen", 1)
    assert shown.stands == ((a.origin, 2, a.root(2).hex()),)
    assert report == check(two, proof, revocations=[note])
    assert check(two, proof).statements[0].standing == ""


def test_a_copy_under_the_head_stood_by_ties_an_entry(two: Line) -> None:
    """The same entry in the same file under that head stands."""
    a = two.logs[0]
    note = revoked("Aland", "log 0", stand(a, 2))
    report = check(two, join_bundle([a.proof(1, 3), a.proof(1, 2), note]))
    assert [one.standing for one in report.statements] == ["stood-by"]
    assert report.ok


def test_a_seen_covers_only_while_its_own_key_stands(two: Line) -> None:
    """A receipt of a log whose party does not stand by it covers nothing, and is told as that."""
    a, b = two.logs
    files = [a.proof(1, 2), b.proof(1, 2)]
    contested = revoked("Aland", "log 0")
    report = check(two, join_bundle([*files, contested]))
    assert [one.standing for one in report.statements] == ["covered", ""]
    for theirs, standing in (
        (revoked("Bland", "log 0"), "contested"),
        (revoked("Bland", "log 0", stand(b, 2)), "covered"),
    ):
        report = check(two, join_bundle([*files, contested, theirs]))
        assert report.statements[0].standing == standing
        assert report.statements[0].receipts[0].revoked is (standing == "contested")


def test_cosignatures_of_revoked_keys_count_for_nothing(two: Line) -> None:
    """They are shown as what they are; after the date an ML-DSA one backs no other either."""
    a, b = two.logs[0], two.parties[1]
    proof = a.proof(1, pq=True, held_by=(b,), held_pq_by=(b,), time_s=START_S)
    note = revoked("Bland", "holds 0")
    (one,) = check(two, join_bundle([proof, note])).statements
    assert sorted(receipt.revoked for receipt in one.receipts) == [False, True]
    (one,) = check(two, join_bundle([proof, revoked("Bland", "holds-pq")]), LATER_S).statements
    assert [receipt.revoked for receipt in one.receipts] == [True]


def test_an_author_s_ml_dsa_counts_on_the_head_stood_by(two: Line) -> None:
    """On another one it does not: after the date nothing is proven by it."""
    a = two.logs[0]
    proof, note = a.proof(1, 2, pq=True), revoked("Aland", "log-pq", stand(a, 2))
    assert check(two, join_bundle([proof, note]), LATER_S).ok
    other = join_bundle([a.proof(1, 3, pq=True), note])
    assert not check(two, other).statements[0].pq
    report = check(two, other, LATER_S)
    assert report.bad is not None
    assert report.bad.refusal == "bad-signature"


def test_a_proof_of_a_fork_is_answered_in_the_same_file(two: Line) -> None:
    """The verdict goes on naming the key, and the party's answer stands beside it."""
    a = two.logs[0]
    other = forked(a, 1, 3)
    data = make_leaves(a.proof(2, 3), other.proof(2, 3))
    assert [one.revoked for one in check(two, data).findings] == [False]
    report = check(two, join_bundle([data, revoked("Aland", "log 0")]))
    assert (report.what, report.ok) == ("accusation", True)
    assert [(one.finding, one.revoked) for one in report.findings] == [("proven", True)]
    assert len(report.revocations) == 1


def test_a_false_revocation_makes_a_file_bad(two: Line) -> None:
    """Whoever's roots did not sign it; and one of a party whose card is not given is lacked."""
    a = two.logs[0]
    note = revoked("Aland", "log 0")
    bad = note.replace(b"stolen", b"lost", 1)
    for report in (
        check(two, join_bundle([a.proof(1), bad])),
        check(two, a.proof(1), revocations=[bad]),
        check(two, exported(two, revocations=(bad,))),
    ):
        assert report.bad is not None
        assert (report.ok, report.bad.refusal) == (False, "bad-card")
    report = check(two, join_bundle([a.proof(1), revoked("Cland", "log 0")]))
    assert report.lacks == (f"the card of whoever revoked: {party('Cland').id.hex()}",)
    assert report.revocations == ()


def test_a_revocation_alone_is_checked(two: Line) -> None:
    """Under its party's card it says who declares what; without, or of nobody, it says nothing."""
    note = revoked("Aland", "kem")
    report = check(two, note)
    assert (report.what, report.ok, report.revocations[0].key) == ("revocation", True, "kem")
    report = verify_file(note, [], START_S)
    assert (report.ok, report.lacks) == (
        False,
        (f"the card of whoever revoked: {party('Aland').id.hex()}",),
    )
    report = verify_file(b"detente revocation v1\n", [], START_S)
    assert report.lacks == ("the card of whoever revoked: unknown",)


def end(made: Line, *notes_: bytes, **more) -> EndShown | None:
    return check(made, exported(made, revocations=notes_, **more)).logs[0].end


def test_a_transcript_says_how_far_a_revoked_log_stands() -> None:
    """By the head its party names, by what others state to hold, and what is left over."""
    made = exchange()
    a, b = made.logs
    assert end(made) is None
    assert end(made, revoked("Aland", "log 0", stand(a, 1))) == EndShown(1, 2, 0, 1)
    assert end(made, revoked("Aland", "log 0", stand(a, 3))) == EndShown(3, 2, 0, 0)
    assert end(made, revoked("Aland", "log 0")) == EndShown(0, 2, 0, 1)
    other = Stand(a.origin, 3, bytes(32))
    assert end(made, revoked("Aland", "log 0", other)) == EndShown(0, 2, 1, 0)
    far = Stand(a.origin, 9, bytes(32))
    both = (revoked("Aland", "log 0", far), revoked("Bland", "log 0"))
    assert end(made, *both) == EndShown(0, 0, 3, 0)
    name = holds_name(b.author.id, 0)
    signature = b.author.holds(0).sign(notes.cosign_message(a.checkpoint(3), START_S))
    held = Cosigned(0, 3, name, START_S, signature)
    data = exported(made, held, revocations=both)
    log = check(made, data).logs[0]
    assert (log.end, log.cosigned[0].revoked) == (EndShown(0, 3, 0, 0), False)
    data = exported(made, held, revocations=(*both, revoked("Bland", "holds 0", serial=2)))
    log = check(made, data).logs[0]
    assert (log.end, log.cosigned[0].revoked) == (EndShown(0, 0, 3, 0), True)
    assert check(made, data).ok


def test_a_transcript_s_own_revocations_count() -> None:
    """Entered as a `card` entry, wherever it stands; one that is none counts for nothing."""
    made = line("Aland", "Bland")
    a, b = made.logs
    b.seen(a)
    a.say(plain=text("Said by a thief?"), serial=1)
    for plain in (
        revoked("Aland", "log 0", stand(a, 1)),
        a.author.card.data,
        b"detente revocation v1\n",
    ):
        b.say(Kind.CARD, plain=plain)
    report = check(made, exported(made))
    assert report.logs[0].end == EndShown(1, 1, 0, 1)
    assert [one.key for one in report.revocations] == ["log 0"]


def test_ml_dsa_of_a_revoked_key_reaches_to_its_stand(two: Line) -> None:
    """Beyond it the transcript is Ed25519 alone, which after the date proves nothing."""
    a = two.logs[0]
    signed = (pq_line(a, 2), pq_line(a, 3))
    note = revoked("Aland", "log-pq", stand(a, 2))
    report = check(two, exported(two, *signed, revocations=(note,)))
    assert (report.ok, report.logs[0].pq_size) == (True, 2)
    theirs = revoked("Bland", "log-pq")
    alone = line("Aland", "Bland")
    alone.logs.pop()
    data = exported(alone, pq_line(alone.logs[0], 1), revocations=(revoked("Aland", "log-pq"),))
    report = check(alone, data, LATER_S)
    assert report.bad is not None
    assert (report.bad.refusal, report.bad.log) == ("bad-signature", alone.logs[0].origin)
    assert check(
        alone, exported(alone, pq_line(alone.logs[0], 1), revocations=(theirs,)), LATER_S
    ).ok
