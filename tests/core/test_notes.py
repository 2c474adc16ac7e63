"""Notes, checkpoints, cosignatures and verifier keys against C2SP's texts and their examples."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.core import notes
from detente.core.crypto import Ed25519Signer, MlDsa44Signer
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.limits import NOTE_SIGNATURES_MAX
from detente.core.notes import Checkpoint, Note, Signature

# C2SP signed-note, Verifier keys, Example.
EXAMPLE_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE_NOTE = (
    "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi"
    "2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
# C2SP tlog-cosignature, the example of a cosigned checkpoint and of its Ed25519 message.
EXAMPLE_CHECKPOINT = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhc"
    "yv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3"
    "b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
).encode()
EXAMPLE_TIME_S = 1679315147

SIGNER = Ed25519Signer(bytes(32))
OTHER = Ed25519Signer(bytes([1]) * 32)
PQ_SIGNER = MlDsa44Signer(bytes(32))
NOTE_SIGNER = MlDsa44Signer(bytes(32), notes.NOTE_MLDSA44_CONTEXT)
HEAD = Checkpoint(origin="detente/ab", size=7, root=bytes(range(32)))


def refused(refusal: Refusal, call, *args) -> None:
    """The call raises PeerError with this refusal."""
    with pytest.raises(PeerError) as caught:
        call(*args)
    assert caught.value.refusal is refusal


# --- Notes -----------------------------------------------------------------------------------


def test_the_published_note_verifies():
    """C2SP's example note verifies under C2SP's example key, and both are written back alike."""
    key = notes.parse_vkey(EXAMPLE_VKEY)
    note = notes.parse_note(EXAMPLE_NOTE)
    assert (key.name, key.sig_type) == ("example.com/foo", notes.ED25519)
    assert note.text == "This is an example message.\n"
    assert notes.verify_note(note, key.name, key.sig_type, key.public)
    assert notes.format_note(note.text, note.signatures) == EXAMPLE_NOTE
    assert notes.vkey(key.name, key.sig_type, key.public) == EXAMPLE_VKEY


def test_no_changed_byte_of_a_note_verifies():
    """Each flipped bit of each byte makes a note malformed or leaves it without a signature."""
    key = notes.parse_vkey(EXAMPLE_VKEY)
    outcomes = set()
    for at in range(len(EXAMPLE_NOTE)):
        for bit in range(8):
            data = bytearray(EXAMPLE_NOTE)
            data[at] ^= 1 << bit
            try:
                note = notes.parse_note(bytes(data))
            except PeerError as exc:
                outcomes.add(exc.refusal)
            else:
                outcomes.add(notes.verify_note(note, key.name, key.sig_type, key.public))
    assert outcomes == {Refusal.MALFORMED, False}


def test_a_note_of_both_kinds_of_signature():
    """Ed25519 and ML-DSA-44 over one text each verify under their own key and type only."""
    text = "two\n\nparagraphs\n"
    lines = [
        notes.note_signature("p", kind, signer.public(), signer.sign(text.encode()))
        for kind, signer in ((notes.ED25519, SIGNER), (notes.NOTE_MLDSA44, NOTE_SIGNER))
    ]
    note = notes.parse_note(notes.format_note(text, lines))
    assert note == Note(text, tuple(lines))
    assert notes.verify_note(note, "p", notes.ED25519, SIGNER.public())
    assert notes.verify_note(note, "p", notes.NOTE_MLDSA44, NOTE_SIGNER.public())
    assert not notes.verify_note(note, "q", notes.ED25519, SIGNER.public())
    assert not notes.verify_note(note, "p", notes.ED25519, OTHER.public())
    assert not notes.verify_note(note, "p", notes.COSIGN_MLDSA44, NOTE_SIGNER.public())


def test_an_mldsa_signature_of_another_context_is_none():
    """Only our context makes an ML-DSA-44 signature one of a note."""
    line = notes.note_signature(
        "p", notes.NOTE_MLDSA44, PQ_SIGNER.public(), PQ_SIGNER.sign(b"text\n")
    )
    note = Note("text\n", (line,))
    assert not notes.verify_note(note, "p", notes.NOTE_MLDSA44, PQ_SIGNER.public())


def test_one_bad_signature_of_a_known_key_spoils_the_note():
    """A signature under a known name and ID that fails is not passed over for one that holds."""
    key = SIGNER.public()
    good = notes.note_signature("p", notes.ED25519, key, SIGNER.sign(b"t\n"))
    bad = Signature(good.name, good.key_id, good.data[::-1])
    assert notes.verify_note(Note("t\n", (good, good)), "p", notes.ED25519, key)
    assert not notes.verify_note(Note("t\n", (good, bad)), "p", notes.ED25519, key)
    stranger = Signature("other", bytes(4), b"x")
    assert notes.verify_note(Note("t\n", (stranger, good)), "p", notes.ED25519, key)


def test_a_cosignature_is_no_signature_of_the_text():
    """A cosigner's type never verifies as a note signature, whatever its bytes."""
    data = SIGNER.sign(b"t\n")
    line = notes.note_signature("p", notes.COSIGN_ED25519, SIGNER.public(), data)
    note = Note("t\n", (line,))
    assert not notes.verify_note(note, "p", notes.COSIGN_ED25519, SIGNER.public())


LINE = "— name AAAAAAA=\n"  # four bytes of key ID and one of signature


@pytest.mark.parametrize(
    "data",
    [
        "",
        "text\n",
        "text\n\n",
        "text" + LINE,
        "text\n" + LINE,
        "x" + LINE,
        "text\n\n" + LINE[:-1],
        "text\n\n" + LINE[:-1] + "x",
        "text\n\n" + LINE + "\n",
        "text\n\n" + LINE + "more\n",
        "text\n\n" + LINE.replace("— ", "- "),
        "text\n\n" + LINE.replace("— ", "—"),
        "text\n\n— name\n",
        "text\n\n—  AAAAAAA=\n",
        "text\n\n— na+me AAAAAAA=\n",
        "text\n\n— na\u00a0me AAAAAAA=\n",
        "text\n\n— na\u2028me AAAAAAA=\n",
        "text\n\n— name AAAAAA==\n",
        "text\n\n— name \n",
        "text\n\n— name AAAAAAA\n",
        "text\n\n— name AAAAAAB=\n",
        "text\n\n— name AAAAAAA= \n",
        "te\rxt\n\n" + LINE,
        "te\txt\n\n" + LINE,
        "te\0xt\n\n" + LINE,
        "te\x1fxt\n\n" + LINE,
    ],
)
def test_what_no_writer_writes_is_malformed(data: str):
    """Missing parts, other spaces, control characters and loose base64 are refused."""
    refused(Refusal.MALFORMED, notes.parse_note, data.encode())


def test_a_note_is_utf8():
    """Bytes that are not UTF-8 are malformed; DEL and C1 characters are text."""
    refused(Refusal.MALFORMED, notes.parse_note, b"\xff\n\n" + LINE.encode())
    refused(Refusal.MALFORMED, notes.parse_note, b"\xed\xa0\x80\n\n" + LINE.encode())
    assert notes.parse_note(f"\x7f\x85\n\n{LINE}".encode()).text == "\x7f\x85\n"


def test_the_last_empty_line_ends_the_text():
    """A text may hold empty lines, at its end too, and be nothing but one."""
    for text in ("a\n\nb\n", "a\n\n", "\n", "\n\n"):
        assert notes.parse_note(f"{text}\n{LINE}".encode()).text == text


def test_the_number_of_signatures_is_bounded():
    """As many signatures as the limit are read; one more is OVERSIZE."""
    most = f"text\n\n{LINE * NOTE_SIGNATURES_MAX}".encode()
    assert len(notes.parse_note(most).signatures) == NOTE_SIGNATURES_MAX
    refused(Refusal.OVERSIZE, notes.parse_note, most + LINE.encode())


SIGNATURE = Signature("name", b"\0\1\2\3", b"x")


@pytest.mark.parametrize(
    ("text", "signatures"),
    [
        ("no newline", (SIGNATURE,)),
        ("nobody signed\n", ()),
        ("control\x07\n", (SIGNATURE,)),
        ("surrogate\ud800\n", (SIGNATURE,)),
        ("text\n", (SIGNATURE,) * (NOTE_SIGNATURES_MAX + 1)),
        ("text\n", (Signature("na me", b"\0\1\2\3", b"x"),)),
        ("text\n", (Signature("name", b"\0\1\2", b"xy"),)),
        ("text\n", (Signature("a AAAAAAA=\n— name", b"\0\1\2\3", b"x"),)),
        (f"text\n\n{LINE[:-1]}", (SIGNATURE,)),
    ],
)
def test_what_would_not_read_back_is_not_written(text: str, signatures: tuple[Signature, ...]):
    """Our own caller's mistake is LocalError MALFORMED, never a note that says another thing."""
    with pytest.raises(LocalError) as caught:
        notes.format_note(text, signatures)
    assert caught.value.refusal is Refusal.MALFORMED


@given(
    st.text(st.characters(exclude_categories=["Cs"], min_codepoint=32) | st.just("\n")),
    st.from_regex(r"\A[a-z0-9./é-]{1,40}\Z"),
    st.binary(min_size=4, max_size=4),
    st.binary(min_size=1, max_size=80),
)
def test_every_written_note_reads_back(text: str, name: str, key_id: bytes, data: bytes):
    """Any text, name and signature read back as they were written."""
    signature = Signature(name, key_id, data)
    note = notes.parse_note(notes.format_note(text + "\n", [signature]))
    assert note == Note(text + "\n", (signature,))


@given(st.binary(max_size=200) | st.text(alphabet="— aA=+\n", max_size=60).map(str.encode))
def test_every_note_that_reads_is_canonical(data: bytes):
    """Whatever is read is written back byte for byte; all else is a PeerError."""
    try:
        note = notes.parse_note(data)
    except PeerError:
        return
    assert notes.format_note(note.text, note.signatures) == data


# --- Verifier keys ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sig_type", "public"),
    [
        (notes.ED25519, SIGNER.public()),
        (notes.COSIGN_ED25519, SIGNER.public()),
        (notes.COSIGN_MLDSA44, PQ_SIGNER.public()),
        (notes.NOTE_MLDSA44, PQ_SIGNER.public()),
    ],
)
def test_a_vkey_of_every_type_reads_back(sig_type: int, public: bytes):
    """Each type's key line reads back to name, type and bare key."""
    key = notes.parse_vkey(notes.vkey("name", sig_type, public))
    assert key == notes.VerifierKey("name", sig_type, public)


def test_key_ids_are_the_recommended_hashes():
    """Key IDs hash name, newline, type and key; ours adds its identifier behind 0xff."""
    public = PQ_SIGNER.public()
    expected = hashlib.sha256(b"n\n\x06" + public).digest()[:4]
    assert notes.key_id("n", notes.COSIGN_MLDSA44, public) == expected
    expected = hashlib.sha256(b"n\n\xffdetente.note/ml-dsa-44" + public).digest()[:4]
    assert notes.note_mldsa_key_id("n", public) == expected
    assert notes.key_id("n", notes.NOTE_MLDSA44, public) == expected


def vkey_of(name: str, material: bytes) -> str:
    """A key line with the right ID over any material."""
    digest = hashlib.sha256(name.encode() + b"\n" + material).digest()[:4]
    return f"{name}+{digest.hex()}+{base64.b64encode(material).decode()}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name+00000000",
        vkey_of("", b"\x01" + bytes(32)),
        vkey_of("na me", b"\x01" + bytes(32)),
        vkey_of("name", b""),
        vkey_of("name", b"\x01" + bytes(31)),
        vkey_of("name", b"\x02" + bytes(32)),
        vkey_of("name", b"\x06" + bytes(1311)),
        vkey_of("name", b"\xff" + bytes(22) + bytes(1312)),
        EXAMPLE_VKEY.replace("530d903a", "530d903b"),
        EXAMPLE_VKEY.replace("530d903a", "530D903A"),
        EXAMPLE_VKEY + "\n",
    ],
)
def test_another_vkey_is_malformed(text: str):
    """Missing parts, unknown types, other lengths, other IDs and loose forms are refused."""
    refused(Refusal.MALFORMED, notes.parse_vkey, text)


# --- Checkpoints -----------------------------------------------------------------------------


def test_the_published_checkpoint_has_the_published_parts():
    """C2SP's example reads into origin, size, root, a log's line and a dated cosignature."""
    note = notes.parse_note(EXAMPLE_CHECKPOINT)
    head = notes.parse_checkpoint_text(note.text)
    log, witness = note.signatures
    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20852163)
    assert head.text() == note.text
    assert (log.name, log.key_id.hex(), len(log.data)) == (head.origin, "033de0ae", 64)
    time_s, signature = notes.cosignature_parts(witness)
    assert (witness.name, time_s, len(signature)) == (
        "witness.example.com/w1",
        EXAMPLE_TIME_S,
        64,
    )
    assert notes.cosign_message(head, time_s) == (
        b"cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n"
        b"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    )
    assert notes.format_note(head.text(), note.signatures) == EXAMPLE_CHECKPOINT


ROOT = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"origin\n1\n{ROOT}",
        f"origin\n1\n{ROOT}\nextension\n",
        f"origin\n1\n{ROOT}\n\n",
        f"\n1\n{ROOT}\n",
        f"ori gin\n1\n{ROOT}\n",
        f"ori+gin\n1\n{ROOT}\n",
        f"origin\n01\n{ROOT}\n",
        f"origin\n-1\n{ROOT}\n",
        f"origin\n\u0661\n{ROOT}\n",
        f"origin\n{2**63}\n{ROOT}\n",
        f"origin\n1\n{ROOT[:-4]}\n",
        f"origin\n1\n{ROOT} \n",
        f"origin\r\n1\n{ROOT}\n",
    ],
)
def test_another_checkpoint_is_malformed(text: str):
    """Extension lines, other numbers, other roots and other line ends are refused."""
    refused(Refusal.MALFORMED, notes.parse_checkpoint_text, text)


def test_a_checkpoint_is_of_some_tree():
    """Sizes below 0 or from 2**63 and roots of another length make no checkpoint."""
    assert Checkpoint("o", 0, bytes(32)).text().startswith("o\n0\n")
    assert Checkpoint("o", 2**63 - 1, bytes(32)).size == 2**63 - 1
    for size, root in ((-1, bytes(32)), (2**63, bytes(32)), (1, bytes(31))):
        refused(Refusal.MALFORMED, Checkpoint, "o", size, root)


def test_a_signed_checkpoint_is_a_note():
    """The log's bare signature verifies alone and as the note line made of it."""
    bare = SIGNER.sign(HEAD.text().encode())
    assert notes.verify_checkpoint(HEAD, SIGNER.public(), bare)
    line = notes.checkpoint_signature(HEAD.origin, SIGNER.public(), bare)
    note = notes.parse_note(notes.format_note(HEAD.text(), [line]))
    assert notes.verify_note(note, HEAD.origin, notes.ED25519, SIGNER.public())
    assert notes.parse_checkpoint_text(note.text) == HEAD


def test_a_signed_checkpoint_is_of_one_head():
    """Another origin, size, root, key or signature does not verify."""
    bare = SIGNER.sign(HEAD.text().encode())
    for head in (
        Checkpoint("detente/ac", HEAD.size, HEAD.root),
        Checkpoint(HEAD.origin, 8, HEAD.root),
        Checkpoint(HEAD.origin, HEAD.size, bytes(32)),
    ):
        assert not notes.verify_checkpoint(head, SIGNER.public(), bare)
    assert not notes.verify_checkpoint(HEAD, OTHER.public(), bare)
    assert not notes.verify_checkpoint(HEAD, SIGNER.public(), bare[::-1])


# --- Cosignatures ----------------------------------------------------------------------------


def test_an_ed25519_cosignature_holds_its_time():
    """It verifies at its own second, for its own head, and reads back from its line."""
    bare = SIGNER.sign(notes.cosign_message(HEAD, 9))
    assert notes.verify_cosignature_ed25519(HEAD, SIGNER.public(), 9, bare)
    assert not notes.verify_cosignature_ed25519(HEAD, SIGNER.public(), 10, bare)
    assert not notes.verify_cosignature_ed25519(HEAD, OTHER.public(), 9, bare)
    assert not notes.verify_checkpoint(HEAD, SIGNER.public(), bare)
    line = notes.cosignature_ed25519("w", SIGNER.public(), 9, bare)
    assert line.key_id == notes.key_id("w", notes.COSIGN_ED25519, SIGNER.public())
    assert line.data == bytes(7) + b"\x09" + bare
    assert notes.cosignature_parts(line) == (9, bare)


def test_an_mldsa44_cosignature_holds_name_and_time():
    """It verifies for its own name, second and head, and reads back from its line."""
    message = notes.subtree_message("w", 9, HEAD.origin, 0, HEAD.size, HEAD.root)
    bare, public = PQ_SIGNER.sign(message), PQ_SIGNER.public()
    other_head = Checkpoint(HEAD.origin, 8, HEAD.root)
    assert notes.verify_cosignature_mldsa44("w", HEAD, public, 9, bare)
    assert not notes.verify_cosignature_mldsa44("v", HEAD, public, 9, bare)
    assert not notes.verify_cosignature_mldsa44("w", HEAD, public, 8, bare)
    assert not notes.verify_cosignature_mldsa44("w", other_head, public, 9, bare)
    line = notes.cosignature_mldsa44("w", public, 9, bare)
    assert line.key_id == notes.key_id("w", notes.COSIGN_MLDSA44, public)
    assert notes.cosignature_parts(line) == (9, bare)


def test_a_cosigned_message_has_the_published_layout():
    """Label, name, time, origin, start, end and root stand as C2SP's structure says."""
    expected = (
        b"subtree/v1\n\x00\x04name"
        + bytes.fromhex("00000000641850cb")
        + b"\x06origin"
        + bytes.fromhex("0000000000000000" + "0000000000000102")
        + bytes(range(32))
    )
    built = notes.subtree_message("name", EXAMPLE_TIME_S, "origin", 0, 258, bytes(range(32)))
    assert built == expected
    inner = notes.subtree_message("name", 0, "origin", 4, 8, bytes(32))
    assert inner[-48:-32] == bytes.fromhex("0000000000000004" + "0000000000000008")


@pytest.mark.parametrize(
    ("name", "time_s", "origin", "start", "end", "root"),
    [
        ("", 0, "o", 0, 1, bytes(32)),
        ("é" * 128, 0, "o", 0, 1, bytes(32)),
        ("n", 0, "", 0, 1, bytes(32)),
        ("n", 0, "o" * 256, 0, 1, bytes(32)),
        ("n", -1, "o", 0, 1, bytes(32)),
        ("n", 2**63, "o", 0, 1, bytes(32)),
        ("n", 1, "o", 1, 2, bytes(32)),
        ("n", 0, "o", -1, 1, bytes(32)),
        ("n", 0, "o", 1, 1, bytes(32)),
        ("n", 0, "o", 2, 1, bytes(32)),
        ("n", 0, "o", 0, 2**63, bytes(32)),
        ("n", 0, "o", 0, 1, bytes(31)),
    ],
)
def test_what_the_structure_cannot_hold_is_malformed(name, time_s, origin, start, end, root):
    """Long or empty names, dated inner subtrees and impossible numbers are refused."""
    refused(Refusal.MALFORMED, notes.subtree_message, name, time_s, origin, start, end, root)


def test_the_empty_tree_can_be_cosigned():
    """A checkpoint of size 0 is one, with start and end both 0."""
    assert notes.subtree_message("n", 5, "o", 0, 0, bytes(32)).endswith(bytes(48))


def test_the_largest_of_everything_can_be_cosigned():
    """Names of 255 bytes, the last second and the largest tree are still within bounds."""
    most = 2**63 - 1
    message = notes.subtree_message("n" * 255, most, "o" * 255, 0, most, bytes(32))
    assert message == (
        b"subtree/v1\n\x00"
        + (b"\xff" + b"n" * 255 + most.to_bytes(8, "big"))
        + (b"\xff" + b"o" * 255 + bytes(8) + most.to_bytes(8, "big"))
        + bytes(32)
    )


@pytest.mark.parametrize("length", [0, 7, 64, 71, 73, 2427, 2429])
def test_a_cosignature_of_another_length_is_malformed(length: int):
    """A time and an Ed25519 or ML-DSA-44 signature, and nothing more."""
    refused(Refusal.MALFORMED, notes.cosignature_parts, Signature("w", bytes(4), bytes(length)))


def test_impossible_times_are_malformed():
    """Times below 0 or from 2**63 seconds are refused, read or written."""
    line = Signature("w", bytes(4), b"\x80" + bytes(71))
    refused(Refusal.MALFORMED, notes.cosignature_parts, line)
    for time_s in (-1, 2**63):
        refused(Refusal.MALFORMED, notes.cosign_message, HEAD, time_s)
        refused(Refusal.MALFORMED, notes.cosignature_ed25519, "w", bytes(32), time_s, bytes(64))


def test_no_changed_byte_of_a_checkpoint_line_verifies():
    """A flipped bit anywhere in a cosigned checkpoint leaves no valid cosignature of its head."""
    bare = SIGNER.sign(notes.cosign_message(HEAD, 9))
    line = notes.cosignature_ed25519("w", SIGNER.public(), 9, bare)
    whole = notes.format_note(HEAD.text(), [line])
    for at in range(len(whole)):
        data = whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1 :]
        try:
            note = notes.parse_note(data)
            head = notes.parse_checkpoint_text(note.text)
            time_s, signature = notes.cosignature_parts(note.signatures[0])
        except PeerError:
            continue
        known = (note.signatures[0].name, note.signatures[0].key_id) == (line.name, line.key_id)
        valid = notes.verify_cosignature_ed25519(head, SIGNER.public(), time_s, signature)
        assert not (known and valid)
