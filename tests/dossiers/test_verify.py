"""What a stranger can check: proofs, bundles, accusations, cards, charters."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from core.lineage import (
    BUILD,
    START_S,
    Line,
    cosign,
    line,
    party,
)
from dossiers.stranger import (
    LATER_S,
    NOW_S,
    check,
    exchange,
    exported,
    forked,
    parse_card_once,
    text,
)
from dossiers.test_revoked import revoked

from detente.core import identity, notes
from detente.core.accusation import Fork, make_leaves
from detente.core.ceremony import Ceremony
from detente.core.extras import HeldAhead, Relation
from detente.core.leaf import Kind, LogId, Seen
from detente.core.proof import Opening, join_bundle, make_proof
from detente.dossiers import audit, verify
from detente.dossiers.report import WitnessShown
from detente.dossiers.verify import FILE_BYTES_MAX, verify_file


@pytest.fixture(autouse=True)
def cards_are_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each card is parsed once for all the tests here."""
    for module in (verify, audit):
        monkeypatch.setattr(module, "parse_card", parse_card_once)


@pytest.fixture
def two() -> Line:
    """A dispatch, its receipt by `seen`, a mark and a correction."""
    return exchange()


# --- proofs and bundles -----------------------------------------------------------------------


def test_a_proof_says_who_said_what(two: Line) -> None:
    """One file and the cards: the author, the words, the signatures, and how far it reaches."""
    a, b = two.parties
    report = check(two, two.logs[0].proof(1, pq=True, held_by=(b,), time_s=START_S + 5))
    assert (report.what, report.ok, report.bad) == ("proof", True, None)
    assert (report.line, report.title, report.build) == (two.id.hex(), "A line", BUILD)
    (one,) = report.statements
    assert (one.party, one.name, one.member) == (a.id.hex(), "Aland", 0)
    assert (one.kind, one.precedence, one.serial, one.index) == ("dispatch", "ROUTINE", 1, 1)
    assert one.body == "opened"
    assert one.said is not None
    assert one.said["text"] == "The convoy leaves at noon."
    assert (one.pq, one.as_of_size) == (True, 3)
    (receipt,) = one.receipts
    assert (receipt.name, receipt.at_s, receipt.evidence, receipt.linked) == (
        "Bland",
        START_S + 5,
        "cosigned",
        True,
    )
    assert [(card.name, card.given) for card in report.cards] == [("Aland", True), ("Bland", True)]


def test_a_witness_is_told_as_one_and_is_no_receipt(two: Line):
    """Whoever saw the head alone stands apart, its key revoked or not; its author saw it anyway."""
    a, b = two.parties
    tree = two.logs[0].checkpoint()
    seen = (
        cosign(tree, identity.heads_name(b.id), b.heads(), START_S + 9),
        cosign(tree, identity.heads_name(a.id), a.heads(), START_S + 9),
    )
    proof = two.logs[0].proof(1, extra=seen)
    for files, void in ([], False), ([revoked("Bland", "heads")], True):
        report = check(two, proof, revocations=files)
        assert (report.ok, report.statements[0].receipts) == (True, ())
        shown = report.statements[0].witnesses
        assert shown == (WitnessShown(b.id.hex(), "Bland", START_S + 9, void),)


def test_a_report_is_fit_for_json(two: Line) -> None:
    """Every report of every kind of file can be written as JSON."""
    files = [two.logs[0].proof(1), exported(two), two.parties[0].card.data, two.charter_text]
    for data in files:
        assert json.loads(json.dumps(check(two, data).as_json()))["ok"] is True


def test_a_bundle_says_who_received_it_and_what_came_later(two: Line) -> None:
    """Receipt, mark and correction are told with who states each, and when."""
    a, b = two.logs
    files = [a.proof(1, 2), b.proof(1), b.proof(2), a.proof(2)]
    report = check(two, join_bundle(files))
    assert (report.what, report.ok) == ("bundle", True)
    first = report.statements[0]
    assert [(r.name, r.at_s, r.evidence, r.linked) for r in first.receipts] == [
        ("Bland", START_S + 7, "seen", True)
    ]
    assert [(later.name, later.what, later.by, later.index) for later in first.later] == [
        ("Bland", "passed-on", "watch", 2),
        ("Aland", "corrects", "", 2),
    ]
    assert report.lacks == ()


def test_a_receipt_of_a_tree_that_is_not_shown_is_not_linked(two: Line) -> None:
    """A `seen` covers the entry's number; that it covers this entry takes its very tree."""
    a, b = two.logs
    report = check(two, join_bundle([a.proof(1, 3), b.proof(1)]))
    assert [r.linked for r in report.statements[0].receipts] == [False]
    report = check(two, join_bundle([a.proof(1, 3), b.proof(1), a.proof(1, 2)]))
    assert [r.linked for r in report.statements[0].receipts] == [True]
    assert [(one.name, one.as_of_size) for one in report.statements] == [("Aland", 3), ("Bland", 3)]


def test_an_entry_shown_twice_is_told_once(two: Line) -> None:
    """Under several trees, the signatures of all of them count, and an opened body is shown."""
    a, b = two.logs[0], two.parties[1]
    first = a.proof(1, 2, opened=False, held_by=(b,), time_s=START_S + 9)
    second = a.proof(1, 3, pq=True, held_by=(b,), time_s=START_S + 20)
    again = a.proof(1, 2, held_by=(b,), time_s=START_S + 9)
    (one,) = check(two, join_bundle([first, second, again])).statements
    assert (one.body, one.pq, one.as_of_size) == ("opened", True, 3)
    assert [receipt.at_s for receipt in one.receipts] == [START_S + 9, START_S + 20]


def test_a_held_ahead_entry_is_a_receipt() -> None:
    """An entry that names the leaf by its hash is a receipt, whatever of the log it covers."""
    made = line("Aland", "Bland")
    a, b = made.logs
    said = a.say(plain=text("Now."), serial=1, precedence=4)
    for held in (HeldAhead(a.id, 1, said, START_S + 3), HeldAhead(a.id, 1, bytes(32), START_S)):
        b.say(Kind.HELD_AHEAD, extra=held.encode())
    b.say(Kind.HELD_AHEAD, extra=b"\xff")
    b.add_raw(b"void")
    report = check(made, join_bundle([a.proof(1), *(b.proof(index) for index in range(1, 5))]))
    assert report.ok
    assert [(r.evidence, r.at_s, r.linked) for r in report.statements[0].receipts] == [
        ("held-ahead", START_S + 3, True)
    ]
    assert report.statements[4].kind == "void"


def test_own_words_are_no_receipt_and_others_about_other_logs_neither(two: Line) -> None:
    """What the author says of its own log, or a peer of another, is no receipt of this entry."""
    a, b = two.logs
    a.seen(a)
    other = LogId(0, 1, b"\x01" * 8)
    b.say(Kind.SEEN, seen=(Seen(other, 9, bytes(32), START_S),))
    b.say(Kind.SEEN, seen=(Seen(a.id, 1, a.root(1), START_S),))
    report = check(two, join_bundle([a.proof(1), a.proof(3), b.proof(3), b.proof(4)]))
    assert report.statements[0].receipts == ()


def test_broken_relations_do_nothing(two: Line) -> None:
    """An entry whose fields cannot be read changes nothing of the one it names; others are told."""
    a, b = two.logs
    said, other = a.entry(1).hash, a.entry(2).hash
    b.say(Kind.MARK, refs=(said,), extra=b"\x00")
    b.say(refs=(said,), serial=1)
    b.say(Kind.ASSENT, refs=(said,))
    extra = bytes((Relation.ANSWERS, Relation.REFERS))
    b.say(refs=(other, said), extra=extra, plain=text("Yes."), serial=2)
    files = [a.proof(1), *(b.proof(index) for index in range(3, 7))]
    report = check(two, join_bundle(files))
    assert [later.what for later in report.statements[0].later] == ["assent", "refers"]
    assert report.lacks == (
        f"CONTEXT INCOMPLETE: entry 6 of {b.origin} refers to 1 entries not shown",
    )


def test_an_unknown_kind_is_told_by_its_number(two: Line) -> None:
    """A later version's kind is shown for what it is."""
    two.logs[0].say(99, serial=0)
    assert check(two, two.logs[0].proof(3)).statements[0].kind == "kind 99"


def test_bodies_are_told_apart(two: Line) -> None:
    """Not disclosed, none, unreadable, a charter, and a body of no message."""
    a, b = two.logs
    a.say(plain=b"no dispatch", serial=3)
    a.say(Kind.OFFER, plain=b"terms")
    files = [a.proof(1, opened=False), b.proof(1), a.proof(3), a.proof(4), a.proof(0)]
    report = check(two, join_bundle(files))
    assert [one.body for one in report.statements] == [
        "not disclosed",
        "none",
        "unreadable",
        "opened",
        "opened",
    ]
    assert report.statements[3].said == {"bytes": b"terms".hex()}
    assert report.statements[4].said == {"charter": two.charter_text.decode()}


def test_a_newcomer_is_told(two: Line) -> None:
    """An author whom the founding charter does not name is proven, and its joining is not."""
    newcomer = party("Cland")
    log = two.logs[0].fork(1)
    log.author, log.id = newcomer, LogId(2, 0, b"")
    log.say(plain=text("Good morning."), serial=1)
    report = verify_file(log.proof(1), [*two.card_files(), newcomer.card.data], NOW_S)
    assert report.ok
    assert (report.statements[0].member, report.statements[0].receipts) == (None, ())
    assert "joined by an amendment" in report.lacks[0]


def test_the_first_bad_proof_is_named(two: Line) -> None:
    """One bad proof refuses a bundle by log and index; the others are still told."""
    a, b = two.logs
    opening = replace(a.opening(2), body=b"forged")
    forged = make_proof(opening, 2, a.path(2), a.note())
    report = check(two, join_bundle([a.proof(1), forged, b"rubbish\n", b.proof(1)]))
    assert not report.ok
    assert report.bad is not None
    assert (report.bad.refusal, report.bad.log, report.bad.index) == ("bad-commitment", a.origin, 2)
    assert len(report.statements) == 2
    alone = check(two, a.proof(1)[:-5])
    assert alone.bad is not None
    assert (alone.bad.refusal, alone.bad.log, alone.bad.index) == ("malformed", "", None)


def test_the_wrong_card_proves_nothing(two: Line) -> None:
    """Under other parties' cards, or none, a proof is refused by name."""
    for cards in ([], [party("Cland").card.data], [two.parties[1].card.data]):
        report = verify_file(two.logs[0].proof(1), cards, NOW_S)
        assert report.bad is not None
        assert (report.ok, report.bad.refusal) == (False, "unknown-party")


def test_a_bad_card_is_refused_before_the_file(two: Line) -> None:
    """A card file that does not verify is named; nothing is said of the proof."""
    report = verify_file(two.logs[0].proof(1), [b"rubbish"], NOW_S)
    assert report.bad is not None
    assert (report.ok, report.bad.refusal, report.statements) == (False, "malformed", ())


def test_ed25519_alone_expires(two: Line) -> None:
    """The charter's date holds unless another is given."""
    a = two.logs[0]
    assert not check(two, a.proof(1), LATER_S).ok
    assert check(two, a.proof(1, pq=True), LATER_S).ok
    assert not check(two, a.proof(1), NOW_S, ed25519_until_s=NOW_S).ok
    assert check(two, a.proof(1), LATER_S, ed25519_until_s=LATER_S + 1).ok


def test_ceremonies_stand_beside_their_cards(two: Line) -> None:
    """A sheet about a card in use is shown with it; any other is shown as what it is."""
    a, _ = two.parties
    about_a = Ceremony(a.id, a.card.card.digits, "by-hand", START_S).encode().decode()
    stale = Ceremony(a.id, "00000 " * 7 + "00000", "voice", START_S).encode().decode()
    log = two.logs[0]
    opening = replace(log.opening(1), sheets=(about_a, stale, "read aloud"))
    report = check(two, make_proof(opening, 1, log.path(1), log.note()))
    assert report.ok
    assert [card.ceremonies for card in report.cards] == [(about_a,), ()]
    assert [card.digits for card in report.cards] == [p.card.card.digits for p in two.parties]
    assert report.lacks == tuple(
        f"a ceremony sheet about no card in use: {sheet}" for sheet in (stale, "read aloud")
    )


def test_an_older_card_of_a_party_stands_beside_the_newer(two: Line) -> None:
    """Both are shown, by rising serial."""
    newer = party("Aland", 2, "other").card.data
    report = verify_file(two.logs[0].proof(1), [newer, *two.card_files()], NOW_S)
    assert report.ok
    assert [(card.name, card.serial) for card in report.cards] == [
        ("Aland", 1),
        ("Aland", 2),
        ("Bland", 1),
    ]


# --- accusations ------------------------------------------------------------------------------


def test_an_accusation_of_either_form_is_ok_when_proven(two: Line) -> None:
    """The finding names the key and the log, and the exit status follows it."""
    log = two.logs[0]
    other = forked(log, 2, 3)
    fork = Fork(log.note(2), forked(log, 1, 3).note(), forked(log, 1, 3).root(2))
    fork = replace(fork, path=forked(log, 1, 3).consistency(2, 3))
    for data in (make_leaves(log.proof(2), other.proof(2)), fork.format()):
        report = check(two, data)
        assert (report.what, report.ok, report.line) == ("accusation", True, two.id.hex())
        (finding,) = report.findings
        assert (finding.finding, finding.log) == ("proven", log.origin)
        assert finding.party == log.author.id.hex()
        assert finding.key.startswith(log.origin)
    nothing = Fork(log.note(2), log.note(3), bytes(32))
    report = check(two, nothing.format())
    assert (report.ok, report.findings[0].finding) == (False, "no fault found")


def test_accusations_after_the_date_are_alleged(two: Line) -> None:
    """Without a charter in the file to say, Ed25519 alone convicts until 2031."""
    log = two.logs[0]
    data = make_leaves(log.proof(2), forked(log, 2, 3).proof(2))
    assert check(two, data, LATER_S).findings[0].finding == "alleged"
    assert check(two, data, LATER_S, ed25519_until_s=LATER_S + 1).ok


def test_a_bundle_that_convicts_its_own_author_is_not_ok(two: Line) -> None:
    """Two histories in one bundle are found, by leaf or by root, and told once a log."""
    log, b = two.logs
    other = forked(log, 2, 4)
    by_leaf = join_bundle([log.proof(2), other.proof(2), b.proof(1), other.proof(2, 3)])
    report = check(two, by_leaf)
    assert (report.what, report.ok, report.bad) == ("bundle", False, None)
    assert [(f.finding, f.index) for f in report.findings] == [("proven", 2)]
    by_root = join_bundle([log.proof(1, 3), other.proof(2, 3), b.proof(1)])
    report = check(two, by_root)
    assert [(f.finding, f.index) for f in report.findings] == [("proven", 0)]
    assert not report.ok


def test_a_bundle_with_a_forged_history_convicts_nobody(two: Line) -> None:
    """A proof of another history that its author did not sign is bad, and no finding."""
    log, b = two.logs
    other = forked(log, 2, 3)
    note = notes.Note(other.checkpoint().text(), log.note().signatures)
    forged = make_proof(other.opening(2), 2, other.path(2), note)
    broken = make_proof(Opening(b"x"), 0, (), notes.Note("no\ncheckpoint\n", log.note().signatures))
    report = check(two, join_bundle([log.proof(2), forged, b.proof(1), broken]))
    assert (report.ok, report.findings) == (False, ())


# --- cards, charters and the rest -------------------------------------------------------------


def test_cards_and_charters_are_told(two: Line) -> None:
    """A card shows its digits, a charter the id of its line."""
    card = two.parties[0].card
    report = verify_file(card.data, [], NOW_S)
    assert (report.what, report.ok, report.title) == ("card", True, "Aland")
    assert report.cards[0].digits == card.card.digits
    report = verify_file(two.charter_text, [], NOW_S)
    assert (report.what, report.ok, report.line) == ("charter", True, two.id.hex())
    assert not verify_file(card.data[:-9] + b"AAAAAAA=\n", [], NOW_S).ok


@pytest.mark.parametrize("data", [b"", b"\n", b"x" * 1000, b"hello\nworld\n", b"\xff\xfe\n"])
def test_other_files_are_refused(data: bytes) -> None:
    """What is none of ours is malformed, whole or in pieces."""
    for file in (data, (data[at : at + 1] for at in range(len(data)))):
        report = verify_file(file, [], NOW_S)
        assert report.bad is not None
        assert (report.what, report.ok, report.bad.refusal) == ("unknown", False, "malformed")


def test_a_file_without_end_is_given_up() -> None:
    """Everything but a transcript has a longest form, and memory is bounded by it."""
    taken = []

    def endless():
        yield b"detente card v1\n"
        while True:
            taken.append(1)
            yield b"x" * 1_048_576

    report = verify_file(endless(), [], NOW_S)
    assert report.bad is not None
    assert report.bad.refusal == "oversize"
    assert len(taken) <= FILE_BYTES_MAX // 1_048_576 + 1


def test_progress_is_told_in_bytes(two: Line) -> None:
    """Long work says how far it is."""
    told: list[int] = []
    data = exported(two)
    chunks = [data[at : at + 5000] for at in range(0, len(data), 5000)]
    assert verify_file(chunks, two.card_files(), NOW_S, progress=told.append).ok
    assert told[-1] == len(data)
    assert told == sorted(told)
