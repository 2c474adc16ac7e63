"""Vectors of files for a courier: whole, damaged, cut, and sealed by or to somebody else."""

from __future__ import annotations

import io
from collections.abc import Iterator

from detente.bearers.courier import CHUNK_BYTES, HEAD_BYTES, Head, Parties, Writer, seal_head
from detente.core import crypto
from detente.core.crypto import sha256
from vectors_form import Expect, Made, case
from vectors_ground import START_S, Ground, seed

LINE = sha256(b"detente vectors v1\ncourier line")
OTHER_LINE = sha256(b"detente vectors v1\nanother courier line")
SECRET = sha256(b"detente vectors v1\ncourier secret")
SPEC = "bearer-courier.md §2"
FRAMES = (b"\x11" + bytes(range(200)), b"\x31" * 5000, b"\xb1\x00\x00\x05", b"\x31" * 4000)


def _parties(ground: Ground, line: bytes = LINE) -> Parties:
    return Parties(line, ground.party("alpha").id, ground.party("bravo").id)


def _file(
    ground: Ground, frames: tuple[bytes, ...], *, line: bytes = LINE, kem: str = "bravo",
    tls: str = "alpha",
) -> bytes:  # fmt: skip
    """A file of alpha to bravo. HPKE draws what it seals with, so heads are frozen."""
    file = io.BytesIO()
    writer = Writer(file, SECRET)
    for frame in frames:
        writer.write(frame)
    parties, public = _parties(ground, line), crypto.xwing_public(seed(kem, "kem"))

    def sealed(chunks: int) -> bytes:
        head = Head(SECRET, START_S, 1, chunks)
        said = parties.info + head.encode()
        plain = head.encode() + crypto.ed25519_sign(seed(tls, "tls"), said)
        ours = seal_head(head, parties, public, lambda m: crypto.ed25519_sign(seed(tls, "tls"), m))
        return ours[: HEAD_BYTES - 1245] + ground.frozen.seal(public, parties.info, plain)

    writer.close(sealed)
    return file.getvalue()


def couriers(ground: Ground) -> Iterator[Made]:
    """Every vector under courier/."""
    whole = _file(ground, FRAMES)
    second = HEAD_BYTES + CHUNK_BYTES
    hole = whole[: second + 100] + whole[second + 1100 :]
    flipped = whole[: second + 7] + bytes((whole[second + 7] ^ 1,)) + whole[second + 8 :]
    front = whole[:300] + bytes(600) + whole[900:]
    found: tuple[tuple[str, bytes, Expect, str], ...] = (
        ("one_chunk", _file(ground, FRAMES[:1]), "ok", "one frame, the least there is"),
        ("three_chunks", whole, "ok", "frames across chunks; the last chunk ends in noughts"),
        ("chunk_damaged", flipped, "ok", "one bit of chunk 1: what touches it is lost"),
        ("cut_short", whole[: HEAD_BYTES + 2 * CHUNK_BYTES + 5], "ok", "chunk 2 and the end gone"),
        ("hole_in_the_middle", hole, "ok", "1,000 bytes cut out of chunk 1; chunk 2 stands"),
        ("front_damaged", front, "ok", "the head at the end opens it"),
        ("another_line", _file(ground, FRAMES[:1], line=OTHER_LINE), "unreadable", "not this line"),
        ("another_receiver", _file(ground, FRAMES[:1], kem="charlie"), "unreadable", "not to us"),
        ("signed_by_another", _file(ground, FRAMES[:1], tls="charlie"), "bad-signature",
         "anybody can seal to a key on a card"),
    )  # fmt: skip
    for name, data, expect, comment in found:
        yield case(
            f"courier/{name}", SPEC, "courier", comment, expect=expect,
            file=data, line=LINE, sender="alpha", receiver="bravo",
        )  # fmt: skip
