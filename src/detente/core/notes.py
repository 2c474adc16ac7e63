"""C2SP notes, checkpoints, cosignatures and verifier keys, byte for byte (spec/notes.md).

Sources: C2SP signed-note, tlog-checkpoint, tlog-cosignature. What is ours is one signature type
without an assigned byte: ML-DSA-44 over a whole note text (``NOTE_MLDSA44``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from detente.core.crypto import (
    ED25519_PUBLIC_BYTES,
    ED25519_SIGNATURE_BYTES,
    MLDSA44_PUBLIC_BYTES,
    MLDSA44_SIGNATURE_BYTES,
    ed25519_verify,
    mldsa44_verify,
    sha256,
)
from detente.core.encoding import VARINT_MAX, b64, decimal, malformed, unb64, unhex, utf8
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.limits import NOTE_SIGNATURES_MAX

ED25519 = 0x01  # over the note text (signed-note)
COSIGN_ED25519 = 0x04  # a dated cosignature of a checkpoint (tlog-cosignature)
COSIGN_MLDSA44 = 0x06  # a dated cosignature of a checkpoint or subtree (tlog-cosignature)
NOTE_MLDSA44 = 0xFF  # over the note text; 0xff is for types that C2SP has not assigned

NOTE_MLDSA44_IDENTIFIER = b"detente.note/ml-dsa-44"
NOTE_MLDSA44_CONTEXT = b"detente note v1"

KEY_ID_BYTES = 4
ROOT_BYTES = 32
NAME_BYTES_MAX = 255  # tlog-cosignature: opaque cosigner_name<1..2^8-1>, log_origin likewise

_SIGNATURE_START = "— "
_SUBTREE_LABEL = b"subtree/v1\n\x00"
_TIME_BYTES = 8

# Unicode spaces and plus end a key name (signed-note); lone surrogates are no text at all.
_NAME = re.compile(r"[^\s+\x00-\x1f\ud800-\udfff]+")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")

_PUBLIC_BYTES = {
    ED25519: ED25519_PUBLIC_BYTES,
    COSIGN_ED25519: ED25519_PUBLIC_BYTES,
    COSIGN_MLDSA44: MLDSA44_PUBLIC_BYTES,
    NOTE_MLDSA44: MLDSA44_PUBLIC_BYTES,
}


# --- Notes -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: who is said to have signed, under which key, and the bytes of it."""

    name: str
    key_id: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A text that ends in a newline, and its signatures. Nothing here has been verified."""

    text: str
    signatures: tuple[Signature, ...]


def _parse_signature(line: str) -> Signature:
    if not line.startswith(_SIGNATURE_START):
        raise malformed("a signature line that does not start as one")
    name, space, coded = line[len(_SIGNATURE_START) :].partition(" ")
    if not space or not _NAME.fullmatch(name):
        raise malformed("a signature line without a key name")
    data = unb64(coded)
    if len(data) <= KEY_ID_BYTES:
        raise malformed("a signature without bytes")
    return Signature(name, data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])


def parse_note(data: bytes) -> Note:
    """The text and signatures of a signed note (C2SP signed-note, Format).

    PeerError MALFORMED for what no writer would write, OVERSIZE for more signatures than
    NOTE_SIGNATURES_MAX. The length of the whole is the caller's to bound.
    """
    whole = utf8(data)
    if _CONTROL.search(whole):
        raise malformed("a control character in a note")
    end = whole.rfind("\n\n")
    if end < 0 or end + 2 == len(whole) or not whole.endswith("\n"):
        raise malformed("a note without signature lines")
    lines = whole[end + 2 : -1].split("\n")
    if len(lines) > NOTE_SIGNATURES_MAX:
        raise PeerError(Refusal.OVERSIZE, f"{len(lines)} signatures on a note")
    return Note(whole[: end + 1], tuple(_parse_signature(line) for line in lines))


def format_note(text: str, signatures: Sequence[Signature]) -> bytes:
    """The bytes of a signed note. LocalError MALFORMED if ``parse_note`` would not read it back."""
    lines = "".join(
        f"{_SIGNATURE_START}{item.name} {b64(item.key_id + item.data)}\n" for item in signatures
    )
    data = f"{text}\n{lines}".encode("utf-8", "surrogatepass")
    try:
        same = parse_note(data) == Note(text, tuple(signatures))
    except PeerError as exc:
        raise LocalError(Refusal.MALFORMED, f"not a note: {exc.detail}") from exc
    if not same:
        raise LocalError(Refusal.MALFORMED, "not a note: it reads back as another")
    return data


# --- Keys and their names --------------------------------------------------------------------


def _key_material(sig_type: int, public: bytes) -> bytes:
    """The type byte, our identifier where the byte is 0xff, and the public key."""
    identifier = NOTE_MLDSA44_IDENTIFIER if sig_type == NOTE_MLDSA44 else b""
    return bytes((sig_type,)) + identifier + public


def key_id(name: str, sig_type: int, public: bytes) -> bytes:
    """The 4-byte key ID of a key under a name (C2SP signed-note, Signatures).

    It finds a key among those already trusted and proves nothing by itself.
    """
    return sha256(name.encode(), b"\n", _key_material(sig_type, public))[:KEY_ID_BYTES]


def note_mldsa_key_id(name: str, public: bytes) -> bytes:
    """The key ID of an ML-DSA-44 key that signs whole note texts (spec/notes.md)."""
    return key_id(name, NOTE_MLDSA44, public)


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """What a vkey says: a name, a signature type, and the bare public key."""

    name: str
    sig_type: int
    public: bytes


def vkey(name: str, sig_type: int, public: bytes) -> str:
    """The verifier key line ``<name>+<hex key ID>+<base64>`` (C2SP signed-note, Verifier keys)."""
    return f"{name}+{key_id(name, sig_type, public).hex()}+{b64(_key_material(sig_type, public))}"


def parse_vkey(text: str) -> VerifierKey:
    """Reads one verifier key of a type known here.

    PeerError MALFORMED for anything else, and for a key ID that is not the recommended hash.
    """
    parts = text.split("+", 2)  # the base64 may itself hold a plus
    if len(parts) != 3 or not _NAME.fullmatch(parts[0]):
        raise malformed("not a verifier key")
    name, stated, material = parts[0], unhex(parts[1], KEY_ID_BYTES), unb64(parts[2])
    sig_type = material[0] if material else 0
    prefix = len(_key_material(sig_type, b""))
    public = material[prefix:]
    if len(public) != _PUBLIC_BYTES.get(sig_type):
        raise malformed("a verifier key of an unknown type or length")
    if _key_material(sig_type, public) != material:
        raise malformed("a verifier key of an unknown type")
    if key_id(name, sig_type, public) != stated:
        raise malformed("a verifier key under another key's ID")
    return VerifierKey(name, sig_type, public)


def note_signature(name: str, sig_type: int, public: bytes, data: bytes) -> Signature:
    """The signature line of signature bytes ``data`` by this key under this name."""
    return Signature(name, key_id(name, sig_type, public), data)


def verify_note(note: Note, name: str, sig_type: int, public: bytes) -> bool:
    """Whether this key signed the note's text, as ED25519 or NOTE_MLDSA44.

    Signatures by other names or key IDs are passed over; every one by this name and key ID must
    verify, and there must be one. Cosignatures are not over the text and never verify here.
    """
    wanted = key_id(name, sig_type, public)
    mine = [s.data for s in note.signatures if s.name == name and s.key_id == wanted]
    text = note.text.encode()
    if sig_type == ED25519:
        valid = [ed25519_verify(public, text, data) for data in mine]
    elif sig_type == NOTE_MLDSA44:
        valid = [mldsa44_verify(public, text, data, NOTE_MLDSA44_CONTEXT) for data in mine]
    else:
        return False
    return bool(valid) and all(valid)


# --- Checkpoints -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log: its origin, its size in leaves, its RFC 6962 root of 32 bytes.

    The origin is also the log's key name, so it must be one. PeerError MALFORMED otherwise.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.origin):
            raise malformed("a checkpoint without an origin")
        if not 0 <= self.size <= VARINT_MAX or len(self.root) != ROOT_BYTES:
            raise malformed("a checkpoint of no tree")

    def text(self) -> str:
        """The three lines that are signed (C2SP tlog-checkpoint, Note text)."""
        return f"{self.origin}\n{self.size}\n{b64(self.root)}\n"


def parse_checkpoint_text(text: str) -> Checkpoint:
    """The checkpoint of a note text of exactly three lines.

    PeerError MALFORMED otherwise, also for C2SP's extension lines: nobody audits those.
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise malformed("a checkpoint has three lines")
    return Checkpoint(lines[0], decimal(lines[1]), unb64(lines[2], ROOT_BYTES))


def checkpoint_signature(origin: str, public: bytes, signature: bytes) -> Signature:
    """The line of a log's own Ed25519 signature, its key named as its origin."""
    return note_signature(origin, ED25519, public, signature)


def verify_checkpoint(checkpoint: Checkpoint, public: bytes, signature: bytes) -> bool:
    """Whether the log's Ed25519 key signed this checkpoint's text."""
    return ed25519_verify(public, checkpoint.text().encode(), signature)


# --- Cosignatures ----------------------------------------------------------------------------


def _checked_time(time_s: int) -> int:
    if not 0 <= time_s <= VARINT_MAX:
        raise malformed("a cosignature's time is from 0 to 2**63 - 1 seconds")
    return time_s


def cosign_message(checkpoint: Checkpoint, time_s: int) -> bytes:
    """What an Ed25519 cosigner signs at ``time_s``, seconds since the Unix epoch.

    (C2SP tlog-cosignature, Ed25519 signed message.) PeerError MALFORMED for an impossible time.
    """
    return f"cosignature/v1\ntime {_checked_time(time_s)}\n{checkpoint.text()}".encode()


def _timestamped(time_s: int, signature: bytes) -> bytes:
    """C2SP's ``timestamped_signature``: the seconds in 8 bytes, big endian, then the signature."""
    return _checked_time(time_s).to_bytes(_TIME_BYTES, "big") + signature


def cosignature_ed25519(name: str, public: bytes, time_s: int, signature: bytes) -> Signature:
    """The line of an Ed25519 cosignature by cosigner ``name``."""
    return note_signature(name, COSIGN_ED25519, public, _timestamped(time_s, signature))


def verify_cosignature_ed25519(
    checkpoint: Checkpoint, public: bytes, time_s: int, signature: bytes
) -> bool:
    """Whether the cosigner's Ed25519 key cosigned this checkpoint at ``time_s``.

    PeerError MALFORMED for an impossible time.
    """
    return ed25519_verify(public, cosign_message(checkpoint, time_s), signature)


def subtree_message(
    name: str, time_s: int, origin: str, start: int, end: int, root: bytes
) -> bytes:
    """C2SP's ``cosigned_message``: what ML-DSA-44 cosigner ``name`` signs at ``time_s`` seconds.

    Leaves ``start`` to ``end`` of log ``origin`` have root ``root``; a checkpoint starts at 0.
    PeerError MALFORMED for what the structure cannot hold: names of 0 or over 255 bytes, an
    impossible time or one that is not 0 beside a start that is not 0, leaves that are none.
    """
    cosigner, log = name.encode(), origin.encode()
    if not 0 < len(cosigner) <= NAME_BYTES_MAX or not 0 < len(log) <= NAME_BYTES_MAX:
        raise malformed("a cosigned name has 1 to 255 bytes")
    if not 0 <= start <= end <= VARINT_MAX or (start and (start == end or time_s)):
        raise malformed("not a subtree that can be cosigned")
    if len(root) != ROOT_BYTES:
        raise malformed("a root is 32 bytes long")
    return b"".join(
        (
            _SUBTREE_LABEL,
            bytes((len(cosigner),)),
            cosigner,
            _checked_time(time_s).to_bytes(8, "big"),
            bytes((len(log),)),
            log,
            start.to_bytes(8, "big"),
            end.to_bytes(8, "big"),
            root,
        )
    )


def cosignature_mldsa44(name: str, public: bytes, time_s: int, signature: bytes) -> Signature:
    """The line of an ML-DSA-44 cosignature by cosigner ``name``."""
    return note_signature(name, COSIGN_MLDSA44, public, _timestamped(time_s, signature))


def verify_cosignature_mldsa44(
    name: str, checkpoint: Checkpoint, public: bytes, time_s: int, signature: bytes
) -> bool:
    """Whether cosigner ``name`` cosigned this checkpoint with ML-DSA-44 at ``time_s``.

    PeerError MALFORMED for what ``subtree_message`` cannot hold.
    """
    message = subtree_message(name, time_s, checkpoint.origin, 0, checkpoint.size, checkpoint.root)
    return mldsa44_verify(public, message, signature)


def cosignature_parts(signature: Signature) -> tuple[int, bytes]:
    """The time in seconds and the bare signature of a cosignature line of either type.

    PeerError MALFORMED for another length or a time above 2**63 - 1.
    """
    data = signature.data[_TIME_BYTES:]
    if len(data) not in (ED25519_SIGNATURE_BYTES, MLDSA44_SIGNATURE_BYTES):
        raise malformed("not a cosignature")
    return _checked_time(int.from_bytes(signature.data[:_TIME_BYTES], "big")), data
