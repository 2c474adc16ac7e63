"""Notes of the second node: keys, checkpoints, cosignatures, and whether a signature holds.

Written from spec/notes.md and C2SP alone.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from interop.peer_bytes import RefusedError, b64, check, read_base64, read_decimal, read_hex, sha

NOTE_CONTEXT = b"detente note v1"


def key_id(name: str, kind: int, public: bytes) -> bytes:
    """The four bytes that find a key among those trusted (notes.md §3)."""
    label = b"detente.note/ml-dsa-44" if kind == 0xFF else b""
    return sha(name.encode(), b"\n", bytes([kind]), label, public)[:4]


def read_vkey(text: str) -> tuple[str, int, bytes]:
    """Read a verifier key (notes.md §3.1)."""
    name, short, material = text.split("+", 2)
    raw = read_base64(material)
    kind, public = raw[0], raw[1:]
    if kind == 0xFF:
        check(public.startswith(b"detente.note/ml-dsa-44"))
        public = public[22:]
    check(len(public) == {1: 32, 4: 32, 6: 1312, 0xFF: 1312}.get(kind))
    check(read_hex(short, 4) == key_id(name, kind, public))
    return name, kind, public


def read_note(data: bytes) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """Split a note into its text and its signature lines: name, key id, signature (notes.md §2)."""
    try:
        note = data.decode()
    except UnicodeDecodeError:
        raise RefusedError("malformed") from None
    check(not any(char < " " and char != "\n" for char in note))
    text, gap, tail = note.rpartition("\n\n")
    check(bool(gap) and tail.endswith("\n"))
    lines: list[tuple[str, bytes, bytes]] = []
    for line in tail[:-1].split("\n"):
        check(len(lines) < 16, "oversize")
        parts = line.split(" ")
        check(len(parts) == 3 and parts[0] == "—" and parts[1].isprintable() and parts[1] != "")
        check("+" not in parts[1] and not any(char.isspace() for char in parts[1]))
        raw = read_base64(parts[2])
        check(len(raw) > 4)
        lines.append((parts[1], raw[:4], raw[4:]))
    return text + "\n", lines


def write_note(text: str, signatures: list[tuple[str, int, bytes, bytes]]) -> str:
    """Write a note: name, type, public key and signature of each signer (notes.md §2)."""
    lines = (
        f"— {name} {b64(key_id(name, kind, public) + sig)}\n"
        for name, kind, public, sig in signatures
    )
    return text + "\n" + "".join(lines)


def checkpoint(origin: str, size: int, root: bytes) -> str:
    """The text that a head's signature is on (notes.md §4)."""
    return f"{origin}\n{size}\n{b64(root)}\n"


def read_checkpoint(text: str) -> tuple[str, int, bytes]:
    """Read the three lines of a checkpoint (notes.md §4.1)."""
    lines = text.split("\n")
    check(len(lines) == 4 and lines[3] == "" and lines[0] != "")
    root = read_base64(lines[2])
    check(len(root) == 32)
    return lines[0], read_decimal(lines[1]), root


def cosigned(text: str, time: int) -> bytes:
    """What an Ed25519 cosigner signs (notes.md §5)."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def subtree(name: str, time: int, origin: str, size: int, root: bytes) -> bytes:
    """What an ML-DSA-44 cosigner signs, in an empty context (notes.md §5)."""

    def short(text: str) -> bytes:
        return bytes([len(text.encode())]) + text.encode()

    head = b"subtree/v1\n\0" + short(name) + time.to_bytes(8, "big") + short(origin)
    return head + bytes(8) + size.to_bytes(8, "big") + root


def verifies(public: bytes, signature: bytes, message: bytes, context: bytes = b"") -> bool:
    """Whether an Ed25519 or ML-DSA-44 signature holds, by the key's length (notes.md §3)."""
    try:
        if len(public) == 32:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        else:
            MLDSA44PublicKey.from_public_bytes(public).verify(signature, message, context)
    except (InvalidSignature, ValueError):
        return False
    return True


def check_note_signature(data: bytes, vkey: str) -> int | None:
    """Refuse a note that this key did not sign; the time of a cosignature (notes.md §2.3, §5.1)."""
    (name, kind, public), (text, lines) = read_vkey(vkey), read_note(data)
    mine = [sig for who, short, sig in lines if who == name and short == key_id(name, kind, public)]
    check(bool(mine), "bad-signature")
    time = None
    for line in mine:
        sig = line
        message, context = text.encode(), NOTE_CONTEXT if kind == 0xFF else b""
        if kind in (4, 6):
            time, sig = int.from_bytes(line[:8], "big"), line[8:]
            check(time < 2**63)
            message = (
                cosigned(text, time) if kind == 4 else subtree(name, time, *read_checkpoint(text))
            )
        check(verifies(public, sig, message, context), "bad-signature")
    return time
