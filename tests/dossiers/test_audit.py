"""What a stranger can check: a whole transcript, damaged, forged and incomplete."""

from __future__ import annotations

from dataclasses import replace

import pytest
from core.lineage import (
    BUILD,
    START_S,
    Line,
    LogBuilder,
    cosign,
    cosign_pq,
    covering,
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
    pq_line,
    resealed,
    text,
)

from detente.core import identity
from detente.core.accusation import make_leaves
from detente.core.body import commit
from detente.core.ceremony import Ceremony
from detente.core.charter import Member, charter_id
from detente.core.encoding import b64
from detente.core.export import Cosigned, PqSigned, Shown
from detente.core.extras import AMENDMENT, Accused, Offer
from detente.core.leaf import Kind, LogId, Seen
from detente.core.proof import Opening, make_proof
from detente.dossiers import audit, verify
from detente.dossiers.verify import verify_file


@pytest.fixture(autouse=True)
def cards_are_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each card is parsed once for all the tests here."""
    for module in (verify, audit):
        monkeypatch.setattr(module, "parse_card", parse_card_once)


@pytest.fixture
def two() -> Line:
    """A dispatch, its receipt by `seen`, a mark and a correction."""
    return exchange()


def test_a_transcript_verifies_to_its_checkpoints(two: Line) -> None:
    """Every log is told with its size, root and author."""
    report = check(two, exported(two))
    assert (report.what, report.ok, report.bad) == ("transcript", True, None)
    assert (report.line, report.title, report.build) == (two.id.hex(), "A line", BUILD)
    assert [(log.name, log.member, log.size, log.root) for log in report.logs] == [
        (builder.author.name, number, 3, builder.root().hex())
        for number, builder in enumerate(two.logs)
    ]
    assert [(log.opened, log.missing, log.void, log.pq_size) for log in report.logs] == [
        (3, 0, 0, 0),
        (1, 0, 0, 0),
    ]
    assert (report.findings, report.lacks) == ((), ())


def test_a_stranger_s_cards_come_from_elsewhere(two: Line) -> None:
    """Cards found in the file verify it, and it is not ok until they were given and compared."""
    report = verify_file(exported(two), [two.parties[0].card.data], NOW_S)
    assert not report.ok
    assert report.bad is None
    assert [(card.name, card.given) for card in report.cards] == [("Aland", True), ("Bland", False)]
    assert report.lacks[0].endswith("Bland")
    none = verify_file(exported(two, cards=False), [two.parties[0].card.data], NOW_S)
    assert none.bad is not None
    assert none.bad.refusal == "unknown-party"


def test_a_newer_card_in_the_file_does_not_replace_one_given(two: Line) -> None:
    """Where a party's card was given, the file cannot add keys to it."""
    newer = party("Aland", 2, "other").card.data
    data = resealed(exported(two), "\ncard ", f"\ncard {b64(newer)}\ncard ")
    report = check(two, data)
    assert report.ok
    assert [(card.name, card.serial) for card in report.cards] == [("Aland", 1), ("Bland", 1)]


def test_signatures_beside_the_author_s_are_told(two: Line) -> None:
    """ML-DSA of the author says how far it is safe; cosignatures who held what, and when."""
    a, b = two.logs[0], two.parties[1]
    name, pq_name = identity.holds_name(b.id, 0), identity.holds_pq_name(b.id)
    more = [
        pq_line(a, 2),
        *(
            Cosigned(
                0,
                n,
                name,
                START_S + n,
                cosign(a.checkpoint(n), name, b.holds(0), START_S + n).data[8:],
            )
            for n in (1, 3)
        ),
        Cosigned(0, 3, pq_name, START_S, cosign_pq(a.checkpoint(), pq_name, b.holds_pq()).data[8:]),
        Cosigned(0, 3, "witness.example/w1", START_S, bytes(64)),
        Cosigned(0, 3, name, START_S, bytes(2420)),
    ]
    report = check(two, exported(two, *more))
    assert report.ok
    log = report.logs[0]
    assert (log.pq_size, log.ignored) == (2, 2)
    assert [(c.cosigner, c.statement, c.size, c.time_s) for c in log.cosigned] == [
        (name, "holds", 3, START_S + 3),
        (pq_name, "holds", 3, START_S),
    ]


def test_a_forged_cosignature_is_bad(two: Line) -> None:
    """A known cosigner's line that does not verify refuses the file there."""
    a, b = two.logs[0], two.parties[1]
    name = identity.holds_name(b.id, 0)
    forged = [
        Cosigned(0, 3, name, START_S, cosign(a.checkpoint(2), name, b.holds(0)).data[8:]),
        Cosigned(0, 3, name, START_S + 1, cosign(a.checkpoint(), name, b.holds(0)).data[8:]),
        Cosigned(0, 3, name, START_S, cosign(a.checkpoint(), name, b.log(0)).data[8:]),
        PqSigned(0, 3, START_S, pq_line(a, 2).signature),
    ]
    for line_ in forged:
        report = check(two, exported(two, line_))
        assert report.bad is not None
        assert (report.bad.refusal, report.bad.log, report.bad.index) == (
            "bad-signature",
            a.origin,
            2,
        )


def test_after_the_date_ml_dsa_must_cover_every_entry(two: Line) -> None:
    """From the charter's date on, entries above the author's ML-DSA signature prove nothing."""
    a, b = two.logs
    safe = exported(two, pq_line(a, 2), pq_line(a, 3))
    report = check(two, safe, LATER_S)
    assert report.bad is not None
    assert (report.bad.refusal, report.bad.log) == ("bad-signature", b.origin)
    report = check(two, exported(two, pq_line(a, 2)), LATER_S)
    assert report.bad is not None
    assert (report.bad.log, report.bad.index) == (a.origin, 2)
    assert check(two, safe, LATER_S, ed25519_until_s=LATER_S + 1).ok


def test_the_first_bad_entry_is_named(two: Line) -> None:
    """Log, index, line and refusal of the first thing that does not hold."""
    a = two.logs[0]
    data = exported(two)
    lines = data.decode().split("\n")
    at = next(n for n, one in enumerate(lines) if one.startswith(f"entry {b64(a.raws[1])}"))
    salt, body = lines[at].split(" ")[2:]
    cases = [
        (f" {salt} {body}", f" {b64(bytes(16))} {body}", "bad-commitment", 1, at + 1),
        (f" {salt} {body}", "", "malformed", 1, at + 1),
        (b64(a.raws[1]), b64(a.raws[1][:-1] + b"\x00"), "bad-commitment", 1, at + 1),
        (f"entry {b64(a.raws[1])}", f"entry {b64(b'void')}", "bad-leaf", 1, at + 1),
        (lines[at + 1], lines[at + 1].replace("signed 2", "signed 1"), "malformed", 1, at + 2),
        (lines[at + 1], f"signed 2 {b64(bytes(64))}", "bad-signature", 1, at + 2),
        (lines[at + 1], "signed 2 ????", "malformed", 2, at + 2),
        (lines[at], "entry ????", "malformed", 1, at + 1),
    ]
    for old, new, refusal, index, number in cases:
        report = check(two, resealed(data, old, new))
        assert report.bad is not None
        assert (report.bad.refusal, report.bad.log) == (refusal, a.origin)
        assert (report.bad.index, report.bad.line_number) == (index, number), old


def test_a_leaf_that_says_nothing_of_its_body_is_refused(two: Line) -> None:
    """A leaf without a commitment has no body to be missing."""
    b = two.logs[1]
    entry = f"entry {b64(b.raws[1])}"
    report = check(two, resealed(exported(two), entry, f"{entry} {Shown.MISSING.value}"))
    assert report.bad is not None
    assert (report.bad.refusal, report.bad.index) == ("malformed", 1)


def test_every_entry_is_signed_for(two: Line) -> None:
    """Entries behind the last signature, and a log without any, are refused."""
    a, b = two.logs
    data = exported(two)
    last = {log: f"\nsigned 3 {b64(log.signed[3])}" for log in (a, b)}
    for log in (a, b):
        report = check(two, resealed(data, last[log], ""))
        assert report.bad is not None
        assert (report.bad.refusal, report.bad.log, report.bad.index) == (
            "bad-signature",
            log.origin,
            2,
        )
    whole = data.decode()
    empty = whole[: whole.index("\nentry ")] + "\n" + whole[whole.index("end ") :]
    report = check(two, resealed(empty.encode(), "\nlog ", "\nlog "))
    assert report.bad is not None
    assert (report.bad.refusal, report.bad.index) == ("bad-signature", 0)


def test_a_wrong_preamble_is_refused(two: Line) -> None:
    """Another charter, line or card in the file is refused before any log."""
    data = exported(two)
    other = line("Aland", "Cland")
    for old, new, refusal in (
        (f"line {two.id.hex()}", f"line {other.id.hex()}", "charter-mismatch"),
        (b64(two.charter_text), b64(other.charter_text), "charter-mismatch"),
        ("\ncharter ", f"\ncard {b64(b'no card')}\ncharter ", "malformed"),
        (
            two.logs[0].origin,
            identity.origin(other.id, two.parties[0].id, two.logs[0].id),
            "unknown-line",
        ),
        (two.logs[0].origin, "example.com/log", "malformed"),
    ):
        report = check(two, resealed(data, old, new))
        assert report.bad is not None
        assert (report.ok, report.bad.refusal, report.logs) == (False, refusal, ())
    cut = check(two, data[:50])
    assert cut.bad is not None
    assert (cut.line, cut.title, cut.bad.line_number) == ("", "", 2)


def test_a_log_begins_as_its_origin_says(two: Line) -> None:
    """Leaf 0 is the line's charter; bytes that are no leaf cannot be it."""
    a = two.logs[0]
    wrong = a.fork(0)
    wrong.say(plain=text("No charter."), serial=1)
    void = a.fork(0)
    void.add_raw(b"void")
    for log in (wrong, void):
        two.logs[0] = log
        report = check(two, exported(two))
        assert report.bad is not None
        assert (report.bad.refusal, report.bad.log, report.bad.index) == ("bad-leaf", a.origin, 0)


def test_void_entries_are_counted(two: Line) -> None:
    """Signed bytes that are no leaf are held like any other, and told."""
    two.logs[0].add_raw(b"void")
    report = check(two, exported(two))
    assert report.ok
    assert report.logs[0].void == 1


def test_what_is_lacking_is_said(two: Line) -> None:
    """Missing bodies, and logs or entries that a `seen` names and the file lacks, are told."""
    a, b = two.logs
    transcript = two.transcript()
    a.say(plain=text("Later."), serial=3)
    b.seen(a)
    b.say(Kind.SEEN, seen=covering(a))
    b.say(Kind.SEEN, seen=(Seen(LogId(4, 0, b""), 2, bytes(32), START_S),))
    short = line("Aland", "Bland")
    short.logs[1] = b
    data = exported(short)
    report = check(two, data)
    assert report.ok
    assert report.lacks == (
        "CONTEXT INCOMPLETE: log 0 of member 0 is here up to 1, and 4 is named",
        "CONTEXT INCOMPLETE: log 0 of member 4 is here up to 0, and 2 is named",
    )
    assert transcript.size(a.id) == 3
    a.bodies[1] = None
    report = check(two, exported(two))
    assert (report.ok, report.logs[0].missing) == (True, 1)
    assert report.lacks[-1] == f"1 bodies of {a.origin}"
    report = check(two, exported(two, reader=None))
    assert (report.logs[0].missing, report.logs[0].not_mine) == (0, 1)


def test_a_head_that_two_logs_tell_differently_is_alleged(two: Line) -> None:
    """F3: B's `seen` names another root of A than the one A signed here: one of the two lies."""
    a, b = two.logs
    other = forked(a, 2, 3)
    b.say(Kind.SEEN, seen=(Seen(a.id, 3, other.root(), START_S),))
    report = check(two, exported(two))
    assert (report.ok, report.bad) == (False, None)
    (finding,) = report.findings
    assert (finding.finding, finding.log, finding.stated_by) == ("alleged", a.origin, b.origin)


def test_a_head_whose_signature_is_not_here_is_not_compared(two: Line) -> None:
    """Only heads that their author signed in the file can contradict anything."""
    a, b = two.logs
    b.say(Kind.SEEN, seen=(Seen(a.id, 2, bytes(32), START_S),))
    del a.signed[2]
    assert check(two, exported(two)).ok


def test_accusations_in_a_transcript_are_judged(two: Line) -> None:
    """An accusation is proven by its own proof, not by who entered it or what it says of itself."""
    a, b = two.logs
    honest = make_leaves(a.proof(2), a.proof(2))
    guilty = make_leaves(
        *(
            make_proof(Opening(log.raws[2]), 2, log.path(2), log.note())
            for log in (a, forked(a, 2, 3))
        )
    )
    for proof in (honest, guilty, guilty):
        b.say(Kind.ACCUSATION, plain=proof, extra=Accused(a.id, 2).encode())
    b.say(Kind.ACCUSATION, commitment=bytes(32), extra=Accused(a.id, 2).encode())
    report = check(two, exported(two))
    assert report.ok
    assert [(f.finding, f.log, f.stated_by) for f in report.findings] == [
        ("no fault found", "", b.origin),
        ("proven", a.origin, b.origin),
    ]


def test_bodies_that_do_not_open_accuse_and_amend_nothing(two: Line) -> None:
    """An accusation or an offer whose committed body is unreadable is held and passed over."""
    b = two.logs[1]
    terms = Offer(AMENDMENT, 0, 0b11, NOW_S).encode()
    for kind, extra in ((Kind.ACCUSATION, b""), (Kind.OFFER, terms)):
        b.say(kind, extra=extra, commitment=commit(bytes(16), b"\x77"))
        b.bodies[-1] = (bytes(16), b"\x77")
    report = check(two, exported(two))
    assert (report.ok, report.findings) == (True, ())


def test_a_member_who_joined_is_known_by_the_amendment(two: Line) -> None:
    """An offered charter in the file gives a newcomer its number; without it, it has none."""
    newcomer = party("Cland")
    log = LogBuilder(two, LogId(2, 0, b""), newcomer, two.logs[0].raws[:1], two.logs[0].bodies[:1])
    log.sign(1)
    two.logs.append(log)
    two.parties = (*two.parties, newcomer)
    assert check(two, exported(two)).logs[2].member is None
    joined = replace(
        two.charter,
        number=1,
        predecessor=charter_id(two.charter_text),
        members=(
            *two.charter.members,
            Member(2, "party", newcomer.id, newcomer.card.hash, "Cland"),
        ),
    )
    terms = Offer(AMENDMENT, 1, 0b11, NOW_S).encode()
    two.logs[0].say(Kind.OFFER, plain=joined.encode(), extra=terms)
    two.logs[1].seen(log)
    report = check(two, exported(two))
    assert report.ok
    assert (report.logs[2].member, report.logs[2].name) == (2, "Cland")


def test_a_pq_signature_without_a_card_is_refused(two: Line) -> None:
    """An author's ML-DSA line is judged under its card, which names one key."""
    report = check(two, exported(two, PqSigned(0, 3, START_S, bytes(2420))))
    assert report.bad is not None
    assert report.bad.refusal == "bad-signature"


def test_sheets_in_a_transcript_stand_beside_their_cards(two: Line) -> None:
    """Ceremonies travel in exports too."""
    a, _ = two.parties
    sheet = Ceremony(a.id, a.card.card.digits, "by-hand", START_S).encode().decode()
    report = check(two, exported(two, sheets=(sheet, "x")))
    assert report.cards[0].ceremonies == (sheet,)
    assert report.lacks == ("a ceremony sheet about no card in use: x",)


def test_a_key_of_a_second_card_signs_as_well(two: Line) -> None:
    """With two cards of one party each signature verifies under whichever key made it."""
    newer = party("Aland", 2, "other").card.data
    two.resume(0, 1, b"\x01" * 8)
    report = verify_file(exported(two), [newer, *two.card_files()], NOW_S)
    assert report.ok
    assert len(report.logs) == 3
