"""Files people have, read once into partitioned Parquet that a query reads in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class FileRead:
    """What one file gave: every one of its lines was read or rejected with a reason."""

    path: str  # the file's name, without its folders
    sha256: str  # of the file as it lay there, hexadecimal
    rows: int  # lines with something on them, the header not among them
    read: int  # of these, rows in the lake
    rejected: Mapping[str, int]  # reason → lines; with ``read`` they sum to ``rows``
    source: str
    licence: str  # the key of detente.trends.licences
    first: date | None  # the first and last day added; None where nothing was read
    last: date | None
