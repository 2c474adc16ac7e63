"""Rows of GDELT 2.0 in bulk, for what trends promises of speed; the small world is demo_data's."""

from __future__ import annotations

import zipfile
from pathlib import Path

import duckdb

COUNTRIES = ("USA", "RUS", "UKR", "GBR", "CAN", "AUS", "CHN", "FRA", "IND", "BRA", "", "")
CODES = ("010", "036", "040", "042", "043", "051", "057", "0841", "111", "112", "120", "163", "190")
# Cells nobody reads are as wide as in real rows: splitting and skipping them is most of the work.
ACTOR = ("GOVERNMENT OFFICIALS", "", "", "", "", "GOV", "", "")
PLACE = "Waterkloof, Free State, South Africa"


def bulk(folder: Path, rows: int, *, files: int, zipped: bool, seed: int = 1) -> list[Path]:
    """So many rows over five years in so many files; the same bytes for the same seed.

    4.5 rows to an address, 30 % between two countries of twelve, one in ten dated back.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    with duckdb.connect() as db:
        for number in range(files):
            path = folder / f"bulk-{number:03}.export.CSV"
            first, last = (rows * n // files for n in (number, number + 1))
            query = _query(first, last, rows, seed)
            db.execute(f"COPY ({query}) TO '{path}' (DELIMITER '\t', HEADER false, QUOTE '')")
            found.append(_packed(path) if zipped else path)
    return found


def _packed(path: Path) -> Path:
    target = path.with_name(f"{path.name}.zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        archive.write(path, path.name)
    path.unlink()
    return target


def _query(first: int, last: int, rows: int, seed: int) -> str:
    def drawn(what: str, of: int) -> str:
        return f"CAST(hash(i, '{what}', {seed}) % {of} AS INTEGER)"

    def one(values: tuple[str, ...], what: str) -> str:
        return f"{list(values)!r}[{drawn(what, len(values))} + 1]"

    actor, target = one(COUNTRIES, "actor"), one(COUNTRIES, "target")
    gap = ", ".join(f"'{cell}'" for cell in ACTOR[:1])
    none = ", ".join(f"'{cell}'" for cell in ACTOR[1:])
    place = f"'4', '{PLACE}', 'SF', 'SF03', '77359', '-30.3098', '25.2971', '-1299321'"
    day = f"DATE '2021-01-01' + CAST(i * 1825 // {rows} AS INTEGER)"
    back = f"[0, 0, 0, 0, 0, 0, 0, 0, 1, 365][{drawn('late', 10)} + 1]"
    return f"""
SELECT i, strftime(happened, '%Y%m%d'), strftime(happened, '%Y%m'), strftime(happened, '%Y'),
  strftime(happened, '%Y') || '.5', actor, {gap}, actor, {none}, target, {gap}, target, {none},
  '1', code, left(code, 3), left(code, 2),
  CASE WHEN code < '06' THEN 1 WHEN code < '10' THEN 2 WHEN code < '15' THEN 3 ELSE 4 END,
  '2.8', '5', '1', '5', '-4.4776119402985', {place}, {place}, {place},
  strftime(added, '%Y%m%d') || lpad(CAST(i % 24 AS VARCHAR), 2, '0') || '1500',
  'https://www.example.org/world/2021/an-article-with-a-rather-long-title-' || (i * 2 // 9)
FROM (SELECT i, {actor} AS actor, {target} AS target, {one(CODES, "code")} AS code,
  {day} AS added, {day} - {back} AS happened FROM range({first}, {last}) AS t(i)) ORDER BY i"""
