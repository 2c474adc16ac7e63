"""Decoders of files that strangers check: proofs, bundles, accusations, transcripts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache

from fuzz import seeds
from fuzz.contract import BrokenError, Target, alike, canonical, outcome, read, same

from detente.core import export, proof
from detente.core.accusation import Fork, Verdict, check, parse_fork
from detente.core.encoding import b64
from detente.core.identity import parse_card
from detente.dossiers.report import Report
from detente.dossiers.verify import verify_file

NOW_S = 1_770_292_800
_END = b"\nend "


@cache
def _cards() -> tuple[bytes, ...]:
    return tuple(map(seeds.card, ("alpha", "bravo")))


@cache
def _keys() -> proof.CardKeys:
    return proof.CardKeys(parse_card(data).card for data in _cards())


def _proof(data: bytes) -> None:
    """One file, its opening, and the same bytes as a bundle."""
    found = canonical(data, proof.parse_proof, proof.Proof.format)
    if found is not None:
        canonical(found.extra, proof.decode_opening, proof.Opening.encode)
        read(proof.open_proof, data, _keys())
    canonical(data, proof.split_bundle, proof.join_bundle)


def _opening(data: bytes) -> None:
    opening = canonical(data, proof.decode_opening, proof.Opening.encode)
    if opening is not None:
        same(proof.decode_opening(opening.encode()), opening, "an opening read again")


def _openings() -> Iterator[bytes]:
    for data in seeds.texts("proofs", "file"):
        found = read(proof.parse_proof, data.partition(b"\n---\n")[0])
        if found is not None:
            yield found.extra


def _accusation(data: bytes) -> None:
    """A verdict on anything: a file that cannot be read accuses nobody."""
    canonical(data, parse_fork, Fork.format)
    if not isinstance(check(data, _keys()), Verdict):
        raise BrokenError("no verdict")


def _resealed(data: bytes) -> bytes:
    """A transcript with the digest its last line should have: what its own writer can do."""
    cut = data.rfind(_END) + 1
    body = data[:cut] if cut else data
    return body + b"end " + hashlib.sha256(body).hexdigest().encode() + b"\n"


def _export(data: bytes) -> None:
    """A transcript in any chunks gives the same items or the same refusal, and is one text."""
    for given in (data, _resealed(data)):
        items = alike(given, lambda chunks: outcome(_all, chunks))
        if isinstance(items, list):
            same("".join(map(_line, items)).encode(), given, "a transcript written again")


def _all(chunks: list[bytes]) -> list[export.Item]:
    return list(export.read_export(chunks))


def _line(item: export.Item) -> str:
    """The lines an item was read from."""
    if isinstance(item, export.Preamble):
        lines = [export.FIRST_LINE, f"line {item.line.hex()}", f"build {item.build}"]
        lines += [f"card {b64(one)}" for one in item.cards]
        lines += [f"revocation {b64(one)}" for one in item.revocations]
        lines.append(f"charter {b64(item.charter)}")
        lines += [f"ceremony {b64(sheet.encode())}" for sheet in item.sheets]
        return "".join(f"{line}\n" for line in lines)
    if isinstance(item, export.LogStart):
        return f"log {item.origin}\n"
    if isinstance(item, export.EntryLine):
        parts = ["entry", b64(item.raw)]
        if item.shown is export.Shown.OPENED:
            parts += [b64(item.salt), b64(item.body)]
        elif item.shown is not export.Shown.NONE:
            parts.append(item.shown.value)
        return " ".join(parts) + "\n"
    if isinstance(item, export.End):
        return f"end {item.digest.hex()}\n"
    return export.head_line(item) + "\n"


def _verify(data: bytes) -> None:
    """Any file gets a report, the same in any chunks; nothing about it is raised."""
    for given in (data, _resealed(data)) if data.startswith(b"detente transcript") else (data,):
        report = alike(given, lambda chunks: verify_file(chunks, _cards(), NOW_S))
        if not isinstance(report, Report):
            raise BrokenError("no report")
        report.as_json()


def _files() -> Iterator[bytes]:
    for folder in ("proofs", "accusations", "exports"):
        yield from seeds.texts(folder, "file", 12_000)
    yield from _cards()


_LINES = (b"\nentry ", b"\nlog ", b"\nsigned 1 ", b"\ncosigned 1 ", b"\npq 1 0 ", _END, b" purged")
_PARTS = (b"\n---\n", b"\nindex 0\n", b"\nextra ", b"other ", b"common 1 ", b"newer\n")

TARGETS = (
    Target(
        "proof",
        _proof,
        lambda: seeds.texts("proofs", "file"),
        words=_PARTS,
        bytes_max=8192,
        tries=500,
    ),
    Target("opening", _opening, _openings),
    Target("accusation", _accusation, lambda: seeds.texts("accusations", "file"), words=_PARTS),
    Target(
        "export",
        _export,
        lambda: seeds.texts("exports", "file", 12_000),
        words=_LINES,
        bytes_max=16_384,
        tries=200,
    ),
    Target(
        "verify", _verify, _files, words=(*_LINES, *_PARTS), bytes_max=16_384, tries=60
    ),
)  # fmt: skip
