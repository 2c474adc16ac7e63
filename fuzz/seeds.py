"""Where fuzzing begins: the inputs of ``vectors/``, which are not copied into the corpus."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CORPUS = ROOT / "fuzz" / "corpus"


def corpus(name: str) -> list[bytes]:
    """What was kept for a target, in the order of file names."""
    return [path.read_bytes() for path in sorted((CORPUS / name).glob("*")) if path.is_file()]


@cache
def vectors(folder: str) -> tuple[dict[str, Any], ...]:
    """Every vector of a folder, by file name."""
    files = sorted((ROOT / "vectors" / folder).glob("*.json"))
    return tuple(json.loads(file.read_text(encoding="utf-8")) for file in files)


def inputs(folder: str, field: str, bytes_max: int = 65_536) -> Iterator[Any]:
    """One input field of every vector of a folder that has it, unless it is very long."""
    for vector in vectors(folder):
        value = vector["inputs"].get(field)
        if value is not None and len(value) <= bytes_max:
            yield value


def hexes(folder: str, field: str) -> Iterator[bytes]:
    """Inputs written in hex, as bytes."""
    return (bytes.fromhex(value) for value in inputs(folder, field))


def texts(folder: str, field: str, bytes_max: int = 65_536) -> Iterator[bytes]:
    """Inputs written as they are, as bytes."""
    return (value.encode() for value in inputs(folder, field, bytes_max))


@cache
def card(name: str) -> bytes:
    """The card file of a party of the vectors."""
    path = ROOT / "vectors" / "cards" / f"{name}.json"
    data: str = json.loads(path.read_text(encoding="utf-8"))["inputs"]["card"]
    return data.encode()
