"""Bytes beyond the compressed text in the frame of one dispatch, in the steady state."""

from __future__ import annotations

from statistics import median

import brotli
from bench.ground import make_ground
from bench.joined import Pair, joined
from bench.plan import Figures, Plan
from bench.samples import TEXT_BYTES, texts

from detente.bearers.contract import framed
from detente.core.body import pack, quality_for, unpack
from detente.core.wire import ENTRIES

TLS_RECORD_BYTES = 22  # RFC 8446 §5.2: header 5, content type 1, tag 16
SIGNATURE_BYTES = 64
SALT_BYTES = 16
WARM = 20


def measure(plan: Plan) -> Figures:
    """Frame less text, with the message's fields counted as text and without."""
    ground = make_ground(plan.folder / "frame")
    count = plan.sized(50, 500)
    names = ("frame", "fields_as_text", "text_alone", "padding")
    found: dict[str, list[int]] = {name: [] for name in names}
    with joined(ground, texts(plan.seed)) as pair:
        for number in range(WARM + count):
            plan.done(number / (WARM + count))
            sizes = _one(pair)
            if number >= WARM:
                for name, size in sizes.items():
                    found[name].append(size)
    frame = median(found["frame"])
    beyond = frame - median(found["fields_as_text"])
    return {
        "frame_bytes": frame,
        "bytes_beyond_text": beyond,
        "bytes_beyond_text_fields_not_text": frame - median(found["text_alone"]),
        "padding_bytes_in_steps": median(found["padding"]),
        "bytes_beyond_text_signature_and_salt": beyond - SIGNATURE_BYTES - SALT_BYTES,
        "bytes_beyond_text_in_tls_record": (
            beyond + len(framed(bytes(round(frame)))) - frame + TLS_RECORD_BYTES
        ),
    }


def _one(pair: Pair) -> dict[str, int]:
    """One dispatch there and its receipt back: sizes of the frame and of its compressed text."""
    sent = pair.submit(1)
    (frame,) = [data for data in sent if data[0] >> 4 == ENTRIES]
    pair.settle()
    own = pair.line.own
    assert own is not None
    body = own.recent[own.size - 1].body
    assert body is not None
    plain = unpack(body)
    text = plain[-TEXT_BYTES:]
    return {
        "frame": len(frame),
        "fields_as_text": _compressed_bytes(plain),
        "text_alone": _compressed_bytes(text),
        "padding": len(pack(plain, quality_for(0), padding=True)) - len(body),
    }


def _compressed_bytes(plain: bytes) -> int:
    return len(brotli.compress(plain, mode=brotli.MODE_TEXT, quality=quality_for(0), lgwin=16))
