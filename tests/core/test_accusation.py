"""Equivocation: every fork is provable, and a party that keeps one tree is proven nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from core.lineage import START_S, Line, LogBuilder, cosign, line, party
from hypothesis import given
from hypothesis import strategies as st

from detente.core import identity, notes
from detente.core.accusation import (
    Common,
    Finding,
    Fork,
    Form,
    check,
    make_leaves,
    parse_fork,
)
from detente.core.encoding import b64
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.leaf import LogId
from detente.core.merkle import EMPTY_ROOT
from detente.core.proof import PROOF_BYTES_MAX, CardKeys, Opening, join_bundle, make_proof

LATER_S = START_S + 20 * 366 * 86_400


@pytest.fixture(scope="module")
def told() -> Line:
    """A line whose first member has said twelve things."""
    made = line("Aland", "Bland")
    for number in range(12):
        made.logs[0].say(plain=f"number {number}".encode(), serial=number + 1)
    return made


@pytest.fixture(scope="module")
def keys(told: Line) -> CardKeys:
    """The keys of both cards."""
    return CardKeys(told.cards())


def forked(log: LogBuilder, at: int, size: int) -> LogBuilder:
    """Another history of the log from entry ``at`` on, up to ``size`` entries."""
    other = log.fork(at)
    while other.size < size:
        other.say(plain=f"never said {other.size}".encode(), serial=other.size)
    return other


def leaves(one: LogBuilder, size: int, other: LogBuilder, size2: int, index: int) -> bytes:
    """The form of leaves, with nothing in it but leaves."""
    return make_leaves(*(bare(log, index, n) for log, n in ((one, size), (other, size2))))


def bare(log: LogBuilder, index: int, size: int, **note) -> bytes:
    """A proof whose opening is the leaf alone."""
    return make_proof(
        Opening(log.raws[index]), index, log.path(index, size), log.note(size, **note)
    )


def roots(older: LogBuilder, m: int, newer: LogBuilder, n: int, **note) -> Fork:
    """The form of roots: heads of two histories, and the path from the newer."""
    path = newer.consistency(m, n)
    return Fork(older.note(m, **note), newer.note(n, **note), newer.root(m), path)


def common(log: LogBuilder, c: int, m: int, other: LogBuilder, n: int) -> Common:
    """The tree both histories extend, with its paths."""
    return Common(c, log.root(c), log.consistency(c, m), other.consistency(c, n))


# --- what is proven ---------------------------------------------------------------------------


def test_two_leaves_at_one_index_convict(told: Line, keys: CardKeys) -> None:
    """F3: signed at sizes 10 and 12 in one history and 11 and 13 in the other, it is proven."""
    log = told.logs[0]
    other = forked(log, 9, 13)
    verdict = check(leaves(log, 12, other, 11, 9), keys)
    assert verdict.finding is Finding.PROVEN
    assert verdict.form is Form.LEAVES
    assert verdict.reason == "two leaves at one index"
    assert verdict.index == 9
    assert verdict.key == notes.vkey(log.origin, notes.ED25519, log.author.log(0).public())
    assert verdict.log(0) == log.id
    assert verdict.origin == identity.parse_origin(log.origin)


def test_whole_proofs_accuse_as_well(told: Line, keys: CardKeys) -> None:
    """Two proofs with everything in them are an accusation too."""
    other = forked(told.logs[0], 3, 5)
    data = make_leaves(told.logs[0].proof(3), other.proof(3))
    assert check(data, keys).finding is Finding.PROVEN


def test_a_void_leaf_convicts_too(told: Line, keys: CardKeys) -> None:
    """Signed bytes that are no leaf differ from those that are."""
    other = told.logs[0].fork(3)
    other.add_raw(b"nothing")
    verdict = check(leaves(told.logs[0], 12, other, 4, 3), keys)
    assert (verdict.finding, verdict.index) == (Finding.PROVEN, 3)


@pytest.mark.parametrize(("m", "n"), [(5, 9), (8, 11), (4, 8), (7, 7), (1, 3), (10, 11)])
def test_another_root_convicts(told: Line, keys: CardKeys, m: int, n: int) -> None:
    """For every pair of sizes, powers of two and equal ones among them, the roots convict."""
    log = told.logs[0]
    other = forked(log, 0, n)
    verdict = check(roots(log, m, other, n).format(), keys)
    assert (verdict.finding, verdict.form, verdict.index) == (Finding.PROVEN, Form.ROOTS, 0)


@pytest.mark.parametrize(("c", "m", "n"), [(3, 5, 9), (4, 8, 8), (1, 2, 3), (6, 7, 12)])
def test_a_common_tree_says_from_where(told: Line, keys: CardKeys, c: int, m: int, n: int) -> None:
    """With a proven common beginning the log is frozen only from its end on."""
    log = told.logs[0]
    other = forked(log, c, n)
    fork = replace(roots(log, m, other, n), common=common(log, c, m, other, n))
    assert parse_fork(fork.format()) == fork
    verdict = check(fork.format(), keys)
    assert (verdict.finding, verdict.index) == (Finding.PROVEN, c)


def test_a_later_incarnation_is_accused_under_its_own_key(keys: CardKeys) -> None:
    """The key named is that of the pair which the card lists for the incarnation."""
    made = line("Aland", "Bland")
    log = made.resume(0, 3, b"\x05" * 8)
    log.say(plain=b"one", serial=1)
    other = forked(log, 1, 2)
    verdict = check(leaves(log, 2, other, 2, 1), keys)
    assert verdict.finding is Finding.PROVEN
    assert verdict.log(0) == LogId(0, 3, b"\x05" * 8)
    assert log.author.log(3).public() == notes.parse_vkey(verdict.key).public


# --- an innocent party ------------------------------------------------------------------------


def test_one_history_is_never_proven_anything(told: Line, keys: CardKeys) -> None:
    """No two heads of one tree convict, in any form, with any of its own paths."""
    log = told.logs[0]
    for m in range(1, 13):
        for n in range(m, 13):
            fork = roots(log, m, log, n)
            assert check(fork.format(), keys).finding is Finding.NO_FAULT_FOUND
            for other in (log.root(m - 1), log.root(n), bytes(32)):
                lying = replace(fork, other=other)
                assert check(lying.format(), keys).finding is Finding.NO_FAULT_FOUND
    assert check(leaves(log, 12, log, 11, 9), keys).finding is Finding.NO_FAULT_FOUND


def test_two_leaves_at_two_indices_convict_nobody(told: Line, keys: CardKeys) -> None:
    """Different leaves stand at different places in every log."""
    log = told.logs[0]
    data = make_leaves(bare(log, 2, 12), bare(log, 3, 12))
    assert check(data, keys).finding is Finding.NO_FAULT_FOUND


@given(st.data())
def test_no_invented_path_convicts(told: Line, keys: CardKeys, draw: st.DataObject) -> None:
    """An accuser who holds all signed heads and invents the rest proves nothing."""
    log = told.logs[0]
    m = draw.draw(st.integers(1, 12))
    n = draw.draw(st.integers(m, 12))
    hashes = st.one_of(st.binary(min_size=32, max_size=32), st.just(log.root(m)))
    path = draw.draw(st.lists(hashes, max_size=6))
    fork = Fork(log.note(m), log.note(n), draw.draw(hashes), tuple(path))
    assert check(fork.format(), keys).finding is Finding.NO_FAULT_FOUND


def test_an_unsigned_or_forged_head_convicts_nobody(told: Line, keys: CardKeys) -> None:
    """Both heads must be signed by the accused author's own key of that incarnation."""
    log = told.logs[0]
    other = forked(log, 9, 12)
    other.author = told.parties[1]
    foreign = other.note()  # B signs a history under A's origin
    renamed = notes.Note(
        foreign.text.replace(identity.origin(told.id, told.parties[1].id, log.id), log.origin),
        foreign.signatures,
    )
    proof = make_proof(Opening(other.raws[9]), 9, other.path(9), renamed)
    verdict = check(make_leaves(bare(log, 9, 12), proof), keys)
    assert verdict.finding is Finding.NO_FAULT_FOUND
    assert verdict.form is Form.LEAVES


def test_a_peer_s_cosignature_does_not_stand_in(told: Line, keys: CardKeys) -> None:
    """Cosigned by B and signed by nobody, an invented history of A is nothing against A."""
    log, b = told.logs[0], told.parties[1]
    other = forked(log, 9, 12)
    line_ = cosign(other.checkpoint(), identity.holds_name(b.id, 0), b.holds(0))
    proof = make_proof(
        Opening(other.raws[9]), 9, other.path(9), notes.Note(other.checkpoint().text(), (line_,))
    )
    verdict = check(make_leaves(bare(log, 9, 12), proof), keys)
    assert verdict.finding is Finding.NO_FAULT_FOUND


def test_two_logs_do_not_contradict_one_another(told: Line, keys: CardKeys) -> None:
    """Two members, or two incarnations of one number, say different things at one index."""
    a, b = told.logs
    twin = forked(a, 0, 12)
    twin.id = LogId(0, 1, b"\x01" * 8)
    twin2 = forked(a, 0, 11)
    twin2.id = LogId(0, 1, b"\x02" * 8)
    b_says = line("Aland", "Bland").logs[1]
    b_says.say(plain=b"x", serial=1)
    for one, other in ((a, b_says), (twin, twin2), (a, twin)):
        size = min(one.size, other.size)
        data = leaves(one, size, other, size, 1)
        assert check(data, keys).finding is Finding.NO_FAULT_FOUND
        fork = Fork(one.note(size), other.note(size), other.root(size))
        assert check(fork.format(), keys).finding is Finding.NO_FAULT_FOUND
    assert b.size == 1


def test_an_empty_head_convicts_nobody(told: Line, keys: CardKeys) -> None:
    """Every tree begins with the empty one."""
    log = told.logs[0]
    text = f"{log.origin}\n0\n{notes.b64(EMPTY_ROOT)}\n"
    signer = log.author.log(0)
    note = notes.Note(
        text, (notes.checkpoint_signature(log.origin, signer.public(), signer.sign(text.encode())),)
    )
    fork = Fork(note, log.note(), bytes(32))
    assert check(fork.format(), keys).finding is Finding.NO_FAULT_FOUND


def test_a_common_tree_must_be_proven(told: Line, keys: CardKeys) -> None:
    """A stated common tree that is not one is no proof of where the histories part."""
    log = told.logs[0]
    other = forked(log, 3, 9)
    fork = roots(log, 5, other, 9)
    right = common(log, 3, 5, other, 9)
    for wrong in (
        replace(right, size=2),
        replace(right, root=bytes(32)),
        replace(right, to_older=()),
        replace(right, to_newer=right.to_newer[:-1]),
        Common(5, log.root(5), (), other.consistency(5, 9)),
        Common(0, EMPTY_ROOT, (), ()),
    ):
        accused = check(replace(fork, common=wrong).format(), keys)
        assert accused.finding is Finding.NO_FAULT_FOUND


# --- alleged ----------------------------------------------------------------------------------


def test_without_the_card_it_is_alleged(told: Line) -> None:
    """Who has no card of the accused cannot judge its signatures."""
    log = told.logs[0]
    data = leaves(log, 12, forked(log, 9, 12), 12, 9)
    verdict = check(data, CardKeys([told.parties[1].card.card]))
    assert (verdict.finding, verdict.form) == (Finding.ALLEGED, Form.LEAVES)
    assert verdict.reason.startswith("unknown-party: ")
    with pytest.raises(LocalError) as caught:
        verdict.log(0)
    assert caught.value.refusal is Refusal.USAGE


def test_after_the_date_ed25519_alone_only_alleges(told: Line, keys: CardKeys) -> None:
    """F11: forged Ed25519 heads of 2026 convict nobody in 2040; the author's ML-DSA does."""
    log = told.logs[0]
    other = forked(log, 9, 12)
    plain = leaves(log, 12, other, 12, 9)
    one_safe = make_leaves(bare(log, 9, 12, pq=True), bare(other, 9, 12))
    safe = make_leaves(bare(log, 9, 12, pq=True), bare(other, 9, 12, pq=True))
    dates = {"now_s": LATER_S, "ed25519_until_s": START_S}
    assert check(plain, keys, **dates).finding is Finding.ALLEGED
    assert check(one_safe, keys, **dates).finding is Finding.ALLEGED
    assert check(safe, keys, **dates).finding is Finding.PROVEN
    assert check(plain, keys, now_s=START_S - 1, ed25519_until_s=START_S).finding is Finding.PROVEN
    assert check(plain, keys, now_s=LATER_S).finding is Finding.PROVEN
    proven = check(plain, keys)
    alleged = check(plain, keys, now_s=START_S, ed25519_until_s=START_S)
    assert alleged == replace(proven, finding=Finding.ALLEGED, reason=alleged.reason)
    assert "Ed25519 alone" in alleged.reason


def test_two_keys_of_one_party_allege(told: Line) -> None:
    """Heads under two keys that two cards list for one incarnation may each have one history."""
    made = line("Aland", "Bland")
    log = made.resume(0, 1, b"\x05" * 8)
    log.say(plain=b"one", serial=1)
    other = forked(log, 1, 2)
    newer = party("Aland", 2, "other")
    signer = replace_log_key("Aland")
    cp = other.checkpoint()
    note = notes.Note(
        cp.text(),
        (notes.checkpoint_signature(cp.origin, signer.public(), signer.sign(cp.text().encode())),),
    )
    proof = make_proof(Opening(other.raws[1]), 1, other.path(1), note)
    verdict = check(make_leaves(bare(log, 1, 2), proof), CardKeys([*told.cards(), newer.card.card]))
    assert verdict.finding is Finding.ALLEGED
    assert "two keys" in verdict.reason
    assert (verdict.form, verdict.log(0), verdict.index) == (Form.LEAVES, log.id, 1)
    assert verdict.key == notes.vkey(log.origin, notes.ED25519, log.author.log(1).public())


def replace_log_key(name: str):
    """The log key k=1 of the card made with the spare word «other»."""
    from core.lineage import seed

    from detente.core.crypto import Ed25519Signer

    return Ed25519Signer(seed(name, "other", 1))


# --- the file ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("detente fork v1\n", "detente fork v2\n"),
        ("other ", "rest "),
        ("\n\n", "\n"),
        ("---\n", "--\n"),
        ("common 3 ", "common 03 "),
        ("common 3 ", "shared 3 "),
        ("common 3 ", "common 3 4 "),
        ("newer\n", ""),
        ("newer\n", "newer\nnewer\n"),
        ("detente/v1/", "detente/v2/"),
    ],
)
def test_other_forms_accuse_nobody(told: Line, keys: CardKeys, old: str, new: str) -> None:
    """A file in another form is read as no accusation at all."""
    log = told.logs[0]
    other = forked(log, 3, 9)
    fork = replace(roots(log, 5, other, 9), common=common(log, 3, 5, other, 9))
    text = fork.format().decode()
    assert old in text
    verdict = check(text.replace(old, new, 1).encode(), keys)
    assert verdict.finding is Finding.NO_FAULT_FOUND


def test_a_fork_file_has_one_form(told: Line) -> None:
    """Another first line, a space too many and a hash of 33 bytes are MALFORMED."""
    log = told.logs[0]
    other = forked(log, 3, 9)
    fork = replace(roots(log, 5, other, 9), common=common(log, 3, 5, other, 9))
    text = fork.format().decode()
    hashes = (fork.other, fork.path[0], fork.common.root)
    longer = [(b64(item), b64(item + b"x")) for item in hashes]
    for old, new in [("fork v1\n", "fork v2\n"), ("common 3 ", "common  3 "), *longer]:
        assert old in text
        with pytest.raises(PeerError) as caught:
            parse_fork(text.replace(old, new, 1).encode())
        assert caught.value.refusal is Refusal.MALFORMED


def test_an_accusation_may_be_as_long_as_two_proofs(keys: CardKeys) -> None:
    """A byte more is OVERSIZE, and the reason says so."""
    longest = b"x" * (2 * PROOF_BYTES_MAX)
    assert check(longest, keys).reason.startswith("malformed: ")
    assert check(longest + b"x", keys).reason.startswith("oversize: ")


def test_garbage_and_too_much_accuse_nobody(told: Line, keys: CardKeys) -> None:
    """Other files, too many proofs, too long a path and too many bytes are no accusation."""
    log = told.logs[0]
    proof = bare(log, 1, 12)
    other = forked(log, 3, 9)
    long = replace(roots(log, 5, other, 9), path=(bytes(32),) * 64)
    for data in (
        b"",
        b"detente fork v1\n\nx\n---\ny",
        b"detente fork v1",
        proof,
        join_bundle([proof, proof, proof]),
        long.format(),
        log.proof(1)[:-1],
        b"x" * (2 * PROOF_BYTES_MAX + 1),
        make_leaves(proof, proof.replace(b"extra", b"extr")),
    ):
        verdict = check(data, keys)
        assert (verdict.finding, verdict.form) == (Finding.NO_FAULT_FOUND, None)
    with pytest.raises(PeerError) as caught:
        parse_fork(long.format())
    assert caught.value.refusal is Refusal.OVERSIZE


def test_no_bit_of_an_accusation_can_be_turned(told: Line, keys: CardKeys) -> None:
    """Changed in any one bit, a fork file proves nothing."""
    log = told.logs[0]
    other = forked(log, 3, 9)
    fork = replace(roots(log, 5, other, 9), common=common(log, 3, 5, other, 9))
    data = fork.format()
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1 << position % 7
        assert check(bytes(changed), keys).finding is not Finding.PROVEN, position
