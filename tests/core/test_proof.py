"""Proof files: what opens, what is refused, and that no byte of one can be turned."""

from __future__ import annotations

from dataclasses import replace

import pytest
from core.lineage import BUILD, START_S, Line, cosign, line, party, seed
from hypothesis import given
from hypothesis import strategies as st

from detente.core import identity, limits, notes
from detente.core.body import unpack
from detente.core.crypto import Ed25519Signer
from detente.core.encoding import b64
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.export import SHEETS_MAX
from detente.core.leaf import Kind, Leaf, LogId
from detente.core.merkle import leaf_hash, verify_inclusion
from detente.core.proof import (
    BUNDLE_PROOFS_MAX,
    PROOF_BYTES_MAX,
    CardKeys,
    Opening,
    Proof,
    Statement,
    decode_opening,
    join_bundle,
    make_proof,
    open_proof,
    parse_proof,
    part_revocations,
    split_bundle,
    verify_head,
)
from detente.core.revocation import Revocation, Stand

STOLEN = b"detente revocation v1\n"
LATER_S = START_S + 20 * 366 * 86_400  # long after the charter's date for Ed25519


@pytest.fixture(scope="module")
def two() -> Line:
    """Two parties; the first has said two things, the second has seen them."""
    made = line("Aland", "Bland")
    a, b = made.logs
    a.say(plain=b"a convoy leaves at noon", serial=1)
    b.seen(a)
    a.say(plain=b"the convoy has left", serial=2)
    return made


@pytest.fixture(scope="module")
def keys(two: Line) -> CardKeys:
    """The keys of both cards."""
    return CardKeys(two.cards())


def refusal(data: bytes, keys: CardKeys, **dates: int) -> Refusal:
    """How a proof is refused."""
    with pytest.raises(PeerError) as caught:
        open_proof(data, keys, **dates)
    return caught.value.refusal


def resigned(two: Line, opening: Opening, index: int = 1) -> bytes:
    """A proof with another opening under the right signatures."""
    log = two.logs[0]
    return make_proof(opening, index, log.path(index), log.note())


# --- the file ---------------------------------------------------------------------------------


def test_the_file_has_the_form_of_c2sp(two: Line) -> None:
    """Line by line the file is what C2SP's tlog-proof says."""
    log = two.logs[0]
    note = log.note()
    lines = Proof(1, log.path(1), note, b"\x01\x02").format().decode().split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra AQI=", "index 1"]
    assert lines[3:5] == [b64(item) for item in log.path(1)]
    assert lines[5] == ""
    assert "\n".join(lines[6:]).encode() == notes.format_note(note.text, note.signatures)


def test_a_file_without_extra_omits_the_line(two: Line) -> None:
    """No extra data means no extra line, both ways."""
    proof = Proof(0, two.logs[0].path(0), two.logs[0].note())
    assert b"extra" not in proof.format()
    assert parse_proof(proof.format()) == proof


def test_what_is_formatted_reads_back(two: Line) -> None:
    """Every part of a proof survives its file."""
    data = two.logs[0].proof(1, pq=True, held_by=(two.parties[1],))
    assert parse_proof(data).format() == data


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("c2sp.org/tlog-proof@v1\n", "c2sp.org/tlog-proof@v2\n"),
        ("c2sp.org/tlog-proof@v1\n", " c2sp.org/tlog-proof@v1\n"),
        ("index 1\n", "index 01\n"),
        ("index 1\n", "index -1\n"),
        ("index 1\n", "index  1\n"),
        ("index 1\n", "index\n"),
        ("index 1\n", ""),
        ("index 1\n", "index 1\nindex 1\n"),
        ("index 1\n", "index 1\nAQI=\n"),
        ("index 1\n", "index 1\r\n"),
        ("extra ", "extra"),
        ("extra ", "extra  "),
        ("extra ", "extra \nextra "),
        ("\n\n", "\n"),
        ("\n\n", "\n\n\n"),
    ],
)
def test_other_forms_are_refused(two: Line, old: str, new: str) -> None:
    """What no writer would write is MALFORMED, whatever it might have meant."""
    text = two.logs[0].proof(1).decode()
    assert old in text
    with pytest.raises(PeerError) as caught:
        parse_proof(text.replace(old, new, 1).encode())
    assert caught.value.refusal is Refusal.MALFORMED


@pytest.mark.parametrize("data", [b"", b"c2sp.org/tlog-proof@v1", b"c2sp.org/tlog-proof@v1\n\n"])
def test_a_cut_file_is_refused(data: bytes) -> None:
    """A file that ends early is MALFORMED."""
    with pytest.raises(PeerError) as caught:
        parse_proof(data)
    assert caught.value.refusal is Refusal.MALFORMED


def test_long_files_and_paths_are_refused(two: Line) -> None:
    """A file and a path have a longest form."""
    log = two.logs[0]
    long_path = Proof(0, (bytes(32),) * (limits.PROOF_HASHES_MAX + 1), log.note()).format()
    for data in (b"c" * (PROOF_BYTES_MAX + 1), long_path):
        with pytest.raises(PeerError) as caught:
            parse_proof(data)
        assert caught.value.refusal is Refusal.OVERSIZE


def test_the_longest_of_each_is_read(two: Line) -> None:
    """As many hashes, proofs and sheets as the limits say, and a file as long as they say."""
    log, path = two.logs[0], (bytes(32),) * limits.PROOF_HASHES_MAX
    assert parse_proof(Proof(0, path, log.note()).format()).path == path
    assert len(split_bundle(join_bundle([b"x\n"] * BUNDLE_PROOFS_MAX))) == BUNDLE_PROOFS_MAX
    full = Opening(b"leaf", first_path=path, sheets=("s" * 4096,) * SHEETS_MAX)
    assert decode_opening(full.encode()) == full
    for length, wanted in ((0, Refusal.MALFORMED), (1, Refusal.OVERSIZE)):
        with pytest.raises(PeerError) as caught:
            parse_proof(b"c" * (PROOF_BYTES_MAX + length))
        assert caught.value.refusal is wanted


def test_a_bundle_is_its_files_end_to_end(two: Line) -> None:
    """Joining and splitting give the same files, each a proof that others' tools read alone."""
    files = [two.logs[0].proof(1), two.logs[1].proof(1), two.logs[0].proof(2)]
    bundle = join_bundle(files)
    assert bundle == files[0] + b"---\n" + files[1] + b"---\n" + files[2]
    assert split_bundle(bundle) == files
    assert split_bundle(files[0]) == files[:1]


def test_revocations_are_told_from_proofs() -> None:
    """By their first whole line, in the order in which they stand."""
    other = b"detente revocation v10\n"
    parts = [STOLEN + b"a", b"p\n", other, STOLEN + b"b", b"c2sp.org/tlog-proof@v1\n"]
    proofs, answers = part_revocations(parts)
    assert proofs == [b"p\n", other, b"c2sp.org/tlog-proof@v1\n"]
    assert answers == [STOLEN + b"a", STOLEN + b"b"]


def test_a_bundle_has_a_bound() -> None:
    """More proofs than a file may hold are OVERSIZE before any is parsed."""
    with pytest.raises(PeerError) as caught:
        split_bundle(join_bundle([b"x\n"] * (BUNDLE_PROOFS_MAX + 1)))
    assert caught.value.refusal is Refusal.OVERSIZE


# --- the opening ------------------------------------------------------------------------------


def test_an_opening_reads_back(two: Line) -> None:
    """Opened or not, with sheets or without, bytes and values are the same thing."""
    full = replace(two.logs[0].opening(1), sheets=("read aloud", "and again"))
    for opening in (full, two.logs[0].opening(1, opened=False), Opening(b"leaf")):
        assert decode_opening(opening.encode()) == opening


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"\x02", Refusal.UNKNOWN_VERSION),
        (b"\x01\x01a\x02", Refusal.MALFORMED),
        (Opening(b"a", bytes(16), b"b").encode().replace(b"a\x01", b"a\x02"), Refusal.MALFORMED),
        (Opening(b"a").encode() + b"\x00", Refusal.MALFORMED),
        (Opening(b"a").encode()[:-1], Refusal.MALFORMED),
        (Opening(b"a" * (limits.LEAF_BYTES_MAX + 1)).encode(), Refusal.OVERSIZE),
        (Opening(b"a", first_path=(bytes(32),) * 64).encode(), Refusal.OVERSIZE),
        (Opening(b"a", sheets=("s",) * 65).encode(), Refusal.OVERSIZE),
        (Opening(b"a", sheets=("s" * 4097,)).encode(), Refusal.OVERSIZE),
        (Opening(b"a", build="two words").encode(), Refusal.MALFORMED),
        (Opening(b"a", build="b" * 65).encode(), Refusal.OVERSIZE),
    ],
)
def test_other_openings_are_refused(data: bytes, wanted: Refusal) -> None:
    """An opening has one form and bounds for everything in it."""
    with pytest.raises(PeerError) as caught:
        decode_opening(data)
    assert caught.value.refusal is wanted


def test_nothing_is_written_that_would_not_read_back(two: Line) -> None:
    """What a reader would refuse, the writer refuses as our own mistake."""
    log = two.logs[0]
    with pytest.raises(LocalError) as caught:
        make_proof(Opening(b"a", build="two words"), 1, log.path(1), log.note())
    assert caught.value.refusal is Refusal.MALFORMED


# --- what opens -------------------------------------------------------------------------------


def test_a_proof_opens_to_what_was_said(two: Line, keys: CardKeys) -> None:
    """Author, number, index, leaf, body, charter and build come out of one file and the cards."""
    proven = open_proof(two.logs[0].proof(1), keys)
    log = two.logs[0]
    assert proven.member == 0
    assert proven.index == 1
    assert proven.leaf == log.entry(1).leaf
    assert proven.hash == leaf_hash(log.raws[1])
    assert proven.body is not None
    assert unpack(proven.body) == b"a convoy leaves at noon"
    assert proven.charter == two.charter
    assert proven.build == BUILD
    sheets = ("read aloud", "and again")
    assert open_proof(resigned(two, replace(log.opening(1), sheets=sheets)), keys).sheets == sheets
    assert proven.head.checkpoint == log.checkpoint()
    assert proven.head.key == log.author.log(0).public()
    assert not proven.head.pq
    assert proven.cosignatures == ()


def test_a_body_may_stay_closed(two: Line, keys: CardKeys) -> None:
    """A proof without the body proves the leaf and discloses nothing."""
    data = two.logs[0].proof(1, opened=False)
    assert open_proof(data, keys).body is None
    assert two.logs[0].bodies[1][1] not in parse_proof(data).extra


def test_an_older_checkpoint_serves_as_well(two: Line, keys: CardKeys) -> None:
    """Any signed size beyond the entry proves it."""
    assert open_proof(two.logs[0].proof(1, 2), keys).head.checkpoint.size == 2


def test_leaf_0_proves_itself(two: Line, keys: CardKeys) -> None:
    """The charter entry is proven like every other, its body being the text of the charter."""
    proven = open_proof(two.logs[0].proof(0), keys)
    assert proven.body == two.charter_text


def test_a_void_entry_is_proven_as_such(keys: CardKeys) -> None:
    """Signed bytes that are no leaf are still what their author signed."""
    made = line("Aland", "Bland")
    made.logs[0].add_raw(b"not a leaf")
    assert open_proof(made.logs[0].proof(1), keys).leaf is None


def test_a_resumed_log_opens_with_its_resume(keys: CardKeys) -> None:
    """A later incarnation is proven under its own key pair, with the charter of the line."""
    made = line("Aland", "Bland")
    log = made.resume(0, 2, b"\x07" * 8)
    log.say(plain=b"we are back", serial=1)
    proven = open_proof(log.proof(1), keys)
    assert (proven.member, proven.head.origin.k, proven.head.origin.life) == (0, 2, b"\x07" * 8)
    assert proven.head.key == made.parties[0].log(2).public()


def test_a_party_that_joined_later_has_no_number_here() -> None:
    """The founding charter names no newcomer: the proof holds and the number stays open."""
    made = line("Aland", "Bland")
    newcomer = party("Cland")
    log = made.logs[0].fork(1)
    log.author = newcomer
    log.id = LogId(2, 0, b"")
    log.say(plain=b"good morning", serial=1)
    proven = open_proof(log.proof(1), CardKeys([newcomer.card.card]))
    assert proven.member is None


def test_cosignatures_say_who_stated_what_and_when(two: Line, keys: CardKeys) -> None:
    """Each known cosigner is verified and reported under the one statement of its name."""
    a, b = two.parties
    cp = two.logs[0].checkpoint()
    heads = cosign(cp, identity.heads_name(b.id), b.heads(), START_S + 9)
    data = two.logs[0].proof(1, pq=True, held_by=(b,), held_pq_by=(b,), extra=(heads,))
    proven = open_proof(data, keys)
    assert [(c.cosigner.party, c.cosigner.statement, c.time_s) for c in proven.cosignatures] == [
        (a.id, Statement.AUTHOR, START_S),
        (b.id, Statement.HOLDS, START_S),
        (b.id, Statement.HOLDS, START_S),
        (b.id, Statement.HEADS, START_S + 9),
    ]
    assert proven.head.pq


def test_unknown_cosigners_are_passed_over(two: Line, keys: CardKeys) -> None:
    """C2SP has clients ignore signatures they do not know; how many is counted."""
    stranger = cosign(
        two.logs[0].checkpoint(), "witness.example/w1", Ed25519Signer(seed("w")), START_S
    )
    proven = open_proof(two.logs[0].proof(1, extra=(stranger,)), keys)
    assert (proven.cosignatures, proven.head.ignored) == ((), 1)


def test_a_stranger_hides_nobody(two: Line, keys: CardKeys) -> None:
    """Whoever stands behind strangers is verified all the same, and every stranger is counted."""
    b, cp = two.parties[1], two.logs[0].checkpoint()
    one, other = (
        cosign(cp, f"witness.example/{word}", Ed25519Signer(seed(word)), START_S) for word in "vw"
    )
    known = cosign(cp, identity.heads_name(b.id), b.heads(), START_S + 9)
    proven = open_proof(two.logs[0].proof(1, extra=(one, other, known)), keys)
    assert [c.cosigner.party for c in proven.cosignatures] == [b.id]
    assert proven.head.ignored == 2


def test_what_a_revoked_key_signed_is_told_and_does_not_count(two: Line) -> None:
    """Its cosignature is among those found and not among those that count; other keys go on."""
    b, log = two.parties[1], two.logs[0]
    word = Revocation(b.id, 1, "holds 0", "stolen", START_S)
    keys = CardKeys(two.cards(), [word])
    known = cosign(log.checkpoint(), identity.heads_name(b.id), b.heads(), START_S)
    proven = open_proof(log.proof(1, held_by=(b,), extra=(known,)), keys)
    assert [(c.cosigner.statement, c.revoked) for c in proven.head.cosignatures] == [
        (Statement.HOLDS, True),
        (Statement.HEADS, False),
    ]
    assert proven.cosignatures == proven.head.cosignatures[1:]
    assert keys.revocation(b.holds(0).public()) == word
    assert keys.revocation(b.heads().public()) is None


def test_a_revoked_author_s_key_counts_on_the_head_it_stands_by(two: Line) -> None:
    """On that very tree, and on no other of any size, root or log."""
    a, log, other = two.parties[0], two.logs[0], two.logs[1]
    stands = [
        (Stand(log.origin, log.size, log.root()), True),
        (Stand(log.origin, log.size - 1, log.root()), False),
        (Stand(log.origin, log.size, bytes(32)), False),
        (Stand(other.origin, log.size, log.root()), False),
    ]
    for stand, counts in stands:
        word = Revocation(a.id, 1, "log-pq", "stolen", START_S, (stand,))
        head = verify_head(log.note(pq=True), CardKeys(two.cards(), [word]))
        assert (head.pq, head.cosignatures[0].revoked) == (counts, not counts)


def test_an_unsafe_key_of_a_card_is_refused_where_it_is_asked_for(two: Line) -> None:
    """Whoever read the card may have left its keys to us: each is looked at when it is needed."""
    a, b = two.parties
    unsafe = replace(b.card.card, heads_ed25519=bytes(32))
    keys, name = CardKeys([a.card.card, unsafe]), identity.heads_name(b.id)
    with pytest.raises(PeerError) as caught:
        keys.cosigners_named(name)
    assert caught.value.refusal is Refusal.BAD_CARD
    line_ = notes.cosignature_ed25519(name, bytes(32), START_S, bytes(64))
    assert refusal(two.logs[0].proof(1, extra=(line_,)), keys) is Refusal.BAD_CARD


def test_keys_of_a_replaced_card_go_on_proving(two: Line) -> None:
    """With two cards of one party, either one's keys count, in either order."""
    newer = party("Aland", 2, "other").card.card
    for cards in ([newer, *two.cards()], [*two.cards(), newer]):
        assert open_proof(two.logs[0].proof(1), CardKeys(cards)).member == 0
    assert len(CardKeys([newer, *two.cards()]).log_keys(two.parties[0].id, 1)) == 2
    assert len(CardKeys([newer, *two.cards()]).log_keys(two.parties[0].id, 0)) == 1


def test_cosigners_are_found_by_name(two: Line, keys: CardKeys) -> None:
    """A name gives every key that the cards list under it."""
    b = two.parties[1]
    found = keys.cosigners_named(identity.holds_name(b.id, 3))
    assert [(c.party, c.statement, c.public, c.quantum_safe) for c in found] == [
        (b.id, Statement.HOLDS, b.holds(3).public(), False)
    ]
    assert list(keys.cosigners_named("nobody")) == []


# --- what is refused --------------------------------------------------------------------------


def test_the_author_s_card_is_needed(two: Line) -> None:
    """Without a card of the author nothing is proven, even under another's cosignature."""
    other = CardKeys([two.parties[1].card.card])
    data = two.logs[0].proof(1, held_by=(two.parties[1],))
    assert refusal(data, other) is Refusal.UNKNOWN_PARTY


def test_the_author_s_own_signature_is_needed(two: Line, keys: CardKeys) -> None:
    """A cosignature counts only beside the signature of the author under its card's key."""
    a, b = two.parties
    log = two.logs[0]
    note = log.note(held_by=(b,), pq=True)
    bare = notes.Note(note.text, note.signatures[1:])
    assert refusal(make_proof(log.opening(1), 1, log.path(1), bare), keys) is Refusal.BAD_SIGNATURE
    text = note.text.encode()
    for signer, name in ((a.log(1), log.origin), (b.log(0), log.origin), (a.log(0), "other")):
        line_ = notes.note_signature(name, notes.ED25519, signer.public(), signer.sign(text))
        forged = notes.Note(note.text, (line_,))
        data = make_proof(log.opening(1), 1, log.path(1), forged)
        assert refusal(data, keys) is Refusal.BAD_SIGNATURE


def test_a_known_key_that_fails_is_refused(two: Line, keys: CardKeys) -> None:
    """A forged line under a known name and key id refuses the file, for each kind of key."""
    a, b = two.parties
    log, other = two.logs[0], two.logs[1].checkpoint()
    forged = [
        cosign(other, identity.holds_name(b.id, 0), b.holds(0)),
        cosign(other, identity.heads_name(b.id), b.heads()),
    ]
    pq_note = two.logs[1].note(held_pq_by=(b,))
    forged.append(pq_note.signatures[1])
    forged.append(two.logs[0].note(1).signatures[0])
    forged.append(replace(log.note(pq=True).signatures[1], data=bytes(8 + 2420)))
    for extra in forged:
        assert refusal(log.proof(1, extra=(extra,)), keys) is Refusal.BAD_SIGNATURE
    long = replace(forged[0], data=bytes(8 + 2420))
    assert refusal(log.proof(1, extra=(long,)), keys) is Refusal.BAD_SIGNATURE
    short = replace(forged[0], data=bytes(8 + 63))
    assert refusal(log.proof(1, extra=(short,)), keys) is Refusal.MALFORMED
    assert a.id != b.id


def test_a_signed_charter_is_no_receipt(two: Line, keys: CardKeys) -> None:
    """F2, D1: a text of ours beginning as a cosignature, signed by a log key, is no cosignature.

    The signature is put under the holds name with either key's id: one is not known, and under
    the other it does not verify.
    """
    _a, b = two.parties
    log = two.logs[0]
    stolen = b.log(0).sign(notes.cosign_message(log.checkpoint(), START_S))
    name = identity.holds_name(b.id, 0)
    under_log_key = notes.cosignature_ed25519(name, b.log(0).public(), START_S, stolen)
    proven = open_proof(log.proof(1, extra=(under_log_key,)), keys)
    assert (proven.cosignatures, proven.head.ignored) == ((), 1)
    under_holds_key = notes.cosignature_ed25519(name, b.holds(0).public(), START_S, stolen)
    assert refusal(log.proof(1, extra=(under_holds_key,)), keys) is Refusal.BAD_SIGNATURE


def test_a_witness_of_heads_is_no_holder(two: Line, keys: CardKeys) -> None:
    """F2, second form: the key that cosigns blind cannot be passed off under the holds name."""
    b = two.parties[1]
    log = two.logs[0]
    for k in range(2):
        line_ = cosign(log.checkpoint(), identity.holds_name(b.id, k), b.heads())
        assert open_proof(log.proof(1, extra=(line_,)), keys).cosignatures == ()


def test_another_leaf_body_or_salt_is_refused(two: Line, keys: CardKeys) -> None:
    """Nothing in extra is believed: each part is checked against what is signed."""
    opening = two.logs[0].opening(1)
    cases = [
        (replace(opening, leaf=two.logs[0].raws[2]), Refusal.BAD_PROOF),
        (replace(opening, body=opening.body + b"!"), Refusal.BAD_COMMITMENT),
        (replace(opening, salt=bytes(16)), Refusal.BAD_COMMITMENT),
        (replace(opening, first=two.logs[0].raws[1]), Refusal.BAD_PROOF),
        (replace(opening, first_path=opening.first_path[:-1]), Refusal.BAD_PROOF),
        (replace(opening, charter=opening.charter + b"x"), Refusal.CHARTER_MISMATCH),
        (replace(opening, charter=b""), Refusal.CONTEXT_INCOMPLETE),
        (replace(opening, first=b""), Refusal.CONTEXT_INCOMPLETE),
    ]
    for changed, wanted in cases:
        assert refusal(resigned(two, changed), keys) is wanted


def test_a_body_beside_a_leaf_without_one_is_refused(two: Line, keys: CardKeys) -> None:
    """A leaf that commits to nothing opens to nothing."""
    log = two.logs[1]
    opening = replace(log.opening(1), salt=bytes(16), body=b"forged")
    data = make_proof(opening, 1, log.path(1), log.note())
    assert refusal(data, keys) is Refusal.BAD_COMMITMENT
    void = log.fork(1)
    void.add_raw(b"not a leaf")
    opening = replace(void.opening(1), salt=bytes(16), body=b"forged")
    assert (
        refusal(make_proof(opening, 1, void.path(1), void.note()), keys) is Refusal.BAD_COMMITMENT
    )


def test_another_index_is_refused(two: Line, keys: CardKeys) -> None:
    """A proof of one entry does not prove it at another place."""
    log = two.logs[0]
    data = make_proof(log.opening(1), 0, log.path(1), log.note())
    assert refusal(data, keys) is Refusal.BAD_PROOF
    data = make_proof(log.opening(1), 3, log.path(1), log.note())
    assert refusal(data, keys) is Refusal.BAD_PROOF


def test_a_log_must_begin_as_its_origin_says(keys: CardKeys) -> None:
    """Leaf 0 is this line's charter, or in a resumed log a resume."""
    made = line("Aland", "Bland")
    wrong_first = made.logs[0].fork(0)
    wrong_first.say(plain=b"no charter", serial=1)
    assert refusal(wrong_first.proof(0), keys) is Refusal.BAD_LEAF
    other = made.logs[0].fork(0)
    raw = Leaf(kind=Kind.CHARTER, time_s=0, audience=3, precedence=1, commitment=bytes(32))
    other.add_raw(raw.encode())
    assert refusal(other.proof(0), keys) is Refusal.CHARTER_MISMATCH
    resumed = made.logs[0].fork(1)
    resumed.id = LogId(0, 1, b"\x01" * 8)
    assert refusal(resumed.proof(0), keys) is Refusal.BAD_LEAF
    void = made.logs[0].fork(0)
    void.add_raw(b"")
    void.say(plain=b"x", serial=1)
    assert refusal(void.proof(1), keys) is Refusal.CONTEXT_INCOMPLETE


def test_another_log_s_checkpoint_is_refused(two: Line, keys: CardKeys) -> None:
    """A checkpoint that is none of ours, or has extension lines, proves nothing."""
    log = two.logs[0]
    signer = log.author.log(0)
    cp = log.checkpoint()
    for text in (cp.text() + "more\n", cp.text().replace("detente/v1", "example.com")):
        signature = notes.note_signature(
            log.origin, notes.ED25519, signer.public(), signer.sign(text.encode())
        )
        data = make_proof(log.opening(1), 1, log.path(1), notes.Note(text, (signature,)))
        assert refusal(data, keys) is Refusal.MALFORMED


# --- after the date ---------------------------------------------------------------------------


def test_ed25519_alone_stops_counting(two: Line, keys: CardKeys) -> None:
    """F11: from the charter's date on, the author's ML-DSA-44 signature must cover the tree."""
    plain, safe = two.logs[0].proof(1), two.logs[0].proof(1, pq=True)
    until_s = two.charter.ed25519_until_s
    assert open_proof(plain, keys, now_s=until_s - 1).member == 0
    assert refusal(plain, keys, now_s=until_s) is Refusal.BAD_SIGNATURE
    assert open_proof(safe, keys, now_s=LATER_S).head.pq


def test_the_date_can_be_given(two: Line, keys: CardKeys) -> None:
    """A verifier's own date goes before the charter's, earlier or later."""
    data = two.logs[0].proof(1)
    earlier = refusal(data, keys, now_s=START_S, ed25519_until_s=START_S)
    assert earlier is Refusal.BAD_SIGNATURE
    assert open_proof(data, keys, now_s=LATER_S, ed25519_until_s=LATER_S + 1).member == 0


def test_another_s_ml_dsa_binds_no_author(two: Line, keys: CardKeys) -> None:
    """F11, scenario 3: B's ML-DSA cosignature over A's tree does not make A's Ed25519 count."""
    data = two.logs[0].proof(1, held_pq_by=(two.parties[1],))
    assert refusal(data, keys, now_s=LATER_S) is Refusal.BAD_SIGNATURE


def test_cosignatures_too_need_their_own_ml_dsa(two: Line, keys: CardKeys) -> None:
    """After the date a receipt counts only beside the same party's ML-DSA receipt."""
    a, b = two.parties
    alone = two.logs[0].proof(1, pq=True, held_by=(b,))
    both = two.logs[0].proof(1, pq=True, held_by=(b,), held_pq_by=(b,))

    def staters(data: bytes, now_s: int) -> list[bytes]:
        found = open_proof(data, keys, now_s=now_s).cosignatures
        return [cosignature.cosigner.party for cosignature in found]

    until_s = two.charter.ed25519_until_s
    assert staters(alone, until_s - 1) == [a.id, b.id]
    for now_s in (until_s, LATER_S):
        assert staters(alone, now_s) == [a.id]
        assert staters(both, now_s) == [a.id, b.id, b.id]


# --- every byte -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small() -> tuple[bytes, CardKeys]:
    """A small proof without free text, and its keys."""
    made = line("Aland", "Bland")
    made.logs[0].say(plain=b"hello", serial=1)
    opening = replace(made.logs[0].opening(1), build="")
    log = made.logs[0]
    data = make_proof(opening, 1, log.path(1), log.note(held_by=(made.parties[1],)))
    return data, CardKeys(made.cards())


def survives(data: bytes, keys: CardKeys, cosigned: int) -> bool:
    """Whether a changed file still proves all that the whole one did."""
    try:
        return len(open_proof(data, keys).cosignatures) == cosigned
    except PeerError:
        return False


def test_no_bit_of_a_small_proof_can_be_turned(small: tuple[bytes, CardKeys]) -> None:
    """Every byte of the file bears: changed in one bit it is refused, or a receipt is lost.

    A cosigner's name or key id that was changed is an unknown cosigner's, which C2SP ignores.
    """
    data, keys = small
    assert survives(data, keys, 1)
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1 << position % 7
        assert not survives(bytes(changed), keys, 1), position


@given(st.data())
def test_no_byte_can_be_changed_dropped_or_added(
    small: tuple[bytes, CardKeys], draw: st.DataObject
) -> None:
    """Any other byte in any place, one fewer or one more, is refused or loses the receipt."""
    data, keys = small
    position = draw.draw(st.integers(0, len(data) - 1))
    byte = draw.draw(st.integers(0, 255).filter(lambda value: value != data[position]))
    head, tail = data[:position], data[position + 1 :]
    assert not survives(head + bytes((byte,)) + tail, keys, 1)
    if not tail.startswith(data[position : position + 1]):
        assert not survives(head + tail, keys, 1)
    assert not survives(head + bytes((byte,)) + data[position:], keys, 1)


@given(st.binary(max_size=400))
def test_garbage_is_refused_by_name(garbage: bytes) -> None:
    """Whatever bytes come, the answer is a refusal and never another error."""
    for parse in (parse_proof, decode_opening):
        with pytest.raises(PeerError):
            parse(garbage)
    with pytest.raises(PeerError):
        parse_proof(b"c2sp.org/tlog-proof@v1\nindex 0\n\n" + garbage)


def test_a_foreign_tool_needs_no_opening(two: Line) -> None:
    """With the leaf alone, C2SP's four steps verify the file: nothing of ours is in the way."""
    log = two.logs[0]
    proof = parse_proof(log.proof(1))
    cp = notes.parse_checkpoint_text(proof.checkpoint.text)
    public = log.author.log(0).public()
    assert notes.verify_note(proof.checkpoint, cp.origin, notes.ED25519, public)
    verify_inclusion(leaf_hash(log.raws[1]), proof.index, cp.size, proof.path, cp.root)
