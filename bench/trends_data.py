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


def bulk_lake(folder: Path, rows: int, *, seed: int = 1) -> list[str]:
    """The same sort of rows in the normal form, as a lake keeps them: Parquet by year."""
    found = []
    with duckdb.connect(config={"memory_limit": "512MB"}) as db:
        for year in range(5):
            part = folder / f"events/source=gdelt2/year={2021 + year}/bulk.parquet"
            part.parent.mkdir(parents=True, exist_ok=True)
            query = _normal(rows * year // 5, rows * (year + 1) // 5, rows, seed)
            db.execute(f"COPY ({query}) TO '{part}' (FORMAT parquet, COMPRESSION zstd)")
            found.append(str(part))
    return found


def _normal(first: int, last: int, rows: int, seed: int) -> str:
    def drawn(what: str, values: tuple[str, ...]) -> str:
        return f"{list(values)!r}[CAST(hash(i, '{what}', {seed}) % {len(values)} AS INTEGER) + 1]"

    return f"""
SELECT CAST(date_trunc('week', added) AS DATE) AS week,
  CASE WHEN actor = '' OR target = '' OR actor = target THEN ''
    ELSE concat(least(actor, target), '-', greatest(actor, target)) END AS dyad,
  added, added AS happened, CAST(CASE WHEN i % 10 = 0 THEN 365 ELSE 0 END AS INTEGER) AS late_days,
  actor, target, actor AS place, code, left(code, 2) AS root, CAST(1 AS TINYINT) AS quad,
  CAST(1 AS FLOAT) AS scale, CAST(i AS VARCHAR) AS event,
  'https://www.example.org/world/2021/an-article-with-a-rather-long-title-' || (i * 2 // 9) AS story
FROM (SELECT i, DATE '2021-01-01' + CAST(i * 1825 // {rows} AS INTEGER) AS added,
  {drawn("actor", COUNTRIES)} AS actor, {drawn("target", COUNTRIES)} AS target,
  {drawn("code", CODES)} AS code FROM range({first}, {last}) AS t(i)) ORDER BY i"""
