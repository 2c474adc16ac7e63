"""Verifying a whole transcript, as a share of what its bare signatures and hashes cost one core."""

from __future__ import annotations

import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from statistics import median

from bench.floors import CHECKPOINT, disk_floor
from bench.ground import make_ground
from bench.joined import Pair, joined
from bench.plan import Figures, Plan
from bench.samples import texts
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from detente.core.encoding import unb64
from detente.dossiers.verify import verify_file

BATCHES = (1, 64)  # entries under one signature
ROUNDS = 5
COSIGNED = (b"cosigned ", b"pq ")


def measure(plan: Plan) -> Figures:
    """Shares at one entry a checkpoint and at 64: of the author's signatures alone, and of all."""
    figures: Figures = {}
    with disk_floor(plan.folder) as floor:
        for number, batch in enumerate(BATCHES):
            ground = make_ground(plan.folder / f"verify-{batch}")
            count = plan.sized(*((300, 10_000) if batch == 1 else (2_000, 64_000)))
            with joined(ground, texts(plan.seed)) as pair:
                for size in pair.grow(count, batch):
                    plan.done((number + 0.8 * size / count) / len(BATCHES))
                floor.sample(10)
                whole = _export(pair, plan.folder / f"verify-{batch}.transcript")
            cards = [(home / "own.card").read_bytes() for home in (ground.alpha, ground.bravo)]
            for name, data in (("", without_cosignatures(whole)), ("_with_cosignatures", whole)):
                figures |= _share(data, cards, f"{batch}{name}")
            figures[f"entries_{batch}"] = count
    return figures | floor.ms()


def _export(pair: Pair, path: Path) -> bytes:
    pair.alpha.node.execute({"do": "export", "path": str(path)})
    data = path.read_bytes()
    path.unlink()
    return data


def without_cosignatures(transcript: bytes) -> bytes:
    """The same transcript with its authors' Ed25519 signatures alone."""
    kept = [line for line in transcript.splitlines(keepends=True) if not line.startswith(COSIGNED)]
    body = b"".join(kept[:-1])
    return body + f"end {sha256(body).hexdigest()}\n".encode()


def _share(transcript: bytes, cards: Sequence[bytes], name: str) -> Figures:
    """Raw seconds over verifying seconds, each in turn; the medians of several rounds."""
    leaves, signatures = _contents(transcript)
    raw_s, ours_s = [], []
    for _ in range(ROUNDS):
        raw_s.append(_raw_s(leaves, signatures))
        began_s = time.perf_counter()
        report = verify_file(transcript, cards, int(time.time()))
        ours_s.append(time.perf_counter() - began_s)
        assert report.ok, report.bad
    return {
        f"share_of_raw_{name}": median(raw_s) / median(ours_s),
        f"entries_per_s_{name}": len(leaves) / median(ours_s),
        f"raw_entries_per_s_{name}": len(leaves) / median(raw_s),
    }


def _contents(transcript: bytes) -> tuple[list[bytes], int]:
    """The raw leaves, and how many Ed25519 signatures stand over them."""
    leaves, signatures = [], 0
    for line in transcript.splitlines():
        words = line.split(b" ")
        if words[0] == b"entry":
            leaves.append(unb64(words[1].decode()))
        elif words[0] in {b"signed", b"cosigned"}:
            signatures += 1
    return leaves, signatures


def _raw_s(leaves: Sequence[bytes], signatures: int) -> float:
    """One Ed25519 verification for each signature and SHA-256 of each leaf; no Merkle tree."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public, signature = key.public_key(), key.sign(CHECKPOINT)
    began_s = time.perf_counter()
    for _ in range(signatures):
        public.verify(signature, CHECKPOINT)
    for leaf in leaves:
        sha256(leaf).digest()
    return time.perf_counter() - began_s
