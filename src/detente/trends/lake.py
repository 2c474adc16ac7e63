"""Files people have, read once into partitioned Parquet that a query reads in seconds.

A lake is a folder: ``events/source=…/year=…/…parquet`` with the normal form, ``mentions`` and
``norm`` beside it, ``covered`` (which files of a calendar are in), ``rejects`` (which lines are
not), and ``lake.json``, the list of all files held. What is not in that list is not in the lake:
a part that a crash left behind is written over when its files are read again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from detente.core.errors import LocalError, Refusal
from detente.trends import staging
from detente.trends.readers import known, mapped, opening
from detente.trends.readers.form import Form, text
from detente.trends.rejects import Reason, Reject

GROUP_BYTES: Final = 1 << 27  # of text, read into one part: about 300,000 rows of GDELT
# What the engine may hold while it reads and while it is asked; beyond that it spills into the
# lake's folder.
READING_MB: Final = 256
ASKING_MB: Final = 384
_KEPT_BYTES: Final = 31 << 20  # glibc heeds no more than 32 MiB

Progress = Callable[[int, int], None]  # bytes of text read, and bytes in all
_Told = Callable[[pa.RecordBatch], pa.RecordBatch]


@dataclass(frozen=True, slots=True)
class FileRead:
    """What one file gave: every one of its lines was read or rejected with a reason."""

    path: str  # the file's name, without its folders
    sha256: str  # of the file as it lay there, hexadecimal
    rows: int  # lines with something on them (records, where quotes hold ends of line), no header
    read: int  # of these, rows in the lake
    rejected: Mapping[str, int]  # reason → lines; with ``read`` they sum to ``rows``
    source: str
    licence: str  # the key of detente.trends.licences
    first: date | None  # the first and last day added; None where nothing was read
    last: date | None
    accessed: date | None = None  # when it was had from its source
    failed: str = ""  # why the whole file could not be read, with file, line and column


@dataclass(slots=True)
class _Group:
    """Files of one form that are read by one query into one part."""

    form: Form
    files: list[tuple[Path, str]] = field(default_factory=list)  # with their digests
    failed: dict[int, LocalError] = field(default_factory=dict)


class Lake:
    """The folder at ``root``, made by the first ``add``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def files(self) -> list[FileRead]:
        """Every file ever added, in that order, those that failed too."""
        return [_file_read(one) for one in self._catalog()["files"]]

    def parts(self, table: str) -> list[str]:
        """The Parquet files of one table, in the order they were written."""
        return [
            str(self.root / part)
            for part in self._catalog()["parts"]
            if part.startswith(f"{table}/")
        ]

    def rejects(self) -> list[Reject]:
        """Every line that was not read, by file and line."""
        parts = self.parts("rejects")
        if not parts:
            return []
        rows = duckdb.read_parquet(parts, hive_partitioning=False).order("path, line").fetchall()
        return [Reject(path, line, col, Reason(why), bit) for path, line, col, why, bit in rows]

    def add(
        self,
        paths: Iterable[Path],
        source: str | None = None,
        progress: Progress | None = None,
        *,
        accessed: date | None = None,
    ) -> list[FileRead]:
        """Reads files that are not held yet; gives what each of ``paths`` came to, in order.

        ``source`` is the mapping file of a format of one's own, otherwise each file's format is
        seen from its lines. ``accessed`` is the day the files were had: rows added after it are
        rejected. A file that cannot be read whole gives no row at all and says why in ``failed``.
        LocalError: a path without a file, or a mapping that says nonsense.
        """
        given = [*paths]
        for path in given:
            if not path.is_file():
                raise LocalError(Refusal.NOT_FOUND, f"no file {path}")
        mapping = mapped.read(Path(source)) if source else None
        held = {one.sha256: one for one in self.files()}
        digests = [opening.sha256_of(path) for path in given]
        new = {sha: path for path, sha in zip(given, digests, strict=True) if sha not in held}
        for one in self._read(new, mapping, progress, accessed):
            held[one.sha256] = one
        return [held[sha] for sha in digests]

    def _read(
        self,
        new: Mapping[str, Path],
        mapping: mapped.Mapped | None,
        progress: Progress | None,
        accessed: date | None,
    ) -> Iterator[FileRead]:
        total, done = sum(map(opening.size_of, new.values())), 0
        self.root.mkdir(parents=True, exist_ok=True)
        # glibc gives freed blocks back to the system, and each batch would have its pages anew,
        # until one of this size was freed: mallopt(3), M_MMAP_THRESHOLD.
        bytearray(_KEPT_BYTES)
        with self.engine(READING_MB) as db:
            staging.prepare(db)
            for group in _groups(new, mapping):

                def told(batch: pa.RecordBatch) -> pa.RecordBatch:
                    nonlocal done
                    done += batch.columns[-1].nbytes
                    if progress is not None:
                        progress(min(done, total), total)
                    return batch

                yield from self._take(db, group, accessed, told)
        if progress is not None:
            progress(total, total)

    def engine(self, memory_mb: int = ASKING_MB) -> duckdb.DuckDBPyConnection:
        """DuckDB in bounded memory. Whoever asked for it closes it."""
        limits: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{memory_mb}MB",
            "preserve_insertion_order": False,
            "temp_directory": str(self.root / ".spill"),
        }
        return duckdb.connect(config=limits)

    def _take(
        self, db: duckdb.DuckDBPyConnection, group: _Group, accessed: date | None, told: _Told
    ) -> list[FileRead]:
        """A group in slices; most are one. Where a file failed in a later one, all begins anew."""
        name = hashlib.sha256("".join(sha for _, sha in group.files).encode()).hexdigest()[:16]
        schema = opening.CELLS if group.form.quoted else opening.LINES
        statement = staging.insertion(group.form, accessed)
        names = [path.name for path, _ in group.files]
        db.execute("DELETE FROM tally")
        db.execute("CREATE OR REPLACE TEMP TABLE paths AS SELECT ? AS names", [names])
        before = len(group.failed)
        parts: list[str] = []
        for number, batches in enumerate(_slices(map(told, _batches(group)))):
            db.execute(staging.STAGE)
            db.register("batch", pa.RecordBatchReader.from_batches(schema, batches))
            db.execute(statement)
            db.unregister("batch")
            if len(group.failed) > before and number:
                for part in parts:
                    (self.root / part).unlink()
                return self._take(db, group, accessed, lambda batch: batch)
            db.execute("DELETE FROM stage WHERE list_contains(?, file)", [[*group.failed]])
            db.execute(staging.TALLY)
            parts += self._write(db, group.form.table, f"{name}-{number}")
        found = _tell(db, group, accessed)
        self._enter(found, parts)
        return found

    def _write(self, db: duckdb.DuckDBPyConnection, table: str, name: str) -> list[str]:
        """The rows of the stage as parts; their names below the root."""
        parts = []
        keys = "SELECT DISTINCT source, year(added) FROM stage WHERE why = 0 ORDER BY ALL"
        for source, year in db.execute(keys).fetchall():
            folder = f"{table}/source={source}/year={year}" if source else f"{table}/year={year}"
            rows = f"why = 0 AND source = {text(source)} AND year(added) = {year}"
            parts.append(self._part(db, f"{staging.kept(table)} WHERE {rows}", folder, name))
        slots = "SELECT DISTINCT source, slot FROM stage WHERE why = 0 AND slot <> ''"
        if db.execute(f"SELECT count(*) FROM ({slots})").fetchall() != [(0,)]:
            parts.append(self._part(db, f"{slots} ORDER BY ALL", "covered", name))
        words = ", ".join(map(text, staging.REASONS))
        rejects = (
            f"SELECT names[file + 1] AS path, line, col, [{words}][why] AS reason, bit"
            " FROM stage, paths WHERE why > 0"
        )
        if db.execute(f"SELECT count(*) FROM ({rejects})").fetchall() != [(0,)]:
            parts.append(self._part(db, f"{rejects} ORDER BY ALL", "rejects", name))
        return parts

    def _part(self, db: duckdb.DuckDBPyConnection, query: str, folder: str, name: str) -> str:
        (self.root / folder).mkdir(parents=True, exist_ok=True)
        part = f"{folder}/{name}.parquet"
        target = text(str(self.root / part))
        db.execute(f"COPY ({query}) TO {target} (FORMAT parquet, COMPRESSION zstd)")
        return part

    def _catalog(self) -> dict[str, list]:  # type: ignore[type-arg]
        try:
            return json.loads((self.root / "lake.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]
        except FileNotFoundError:
            return {"files": [], "parts": []}

    def _enter(self, found: Sequence[FileRead], parts: Sequence[str]) -> None:
        catalog = self._catalog()
        catalog["files"] += [asdict(one) for one in found]
        catalog["parts"] += [part for part in parts if part not in catalog["parts"]]
        written = self.root / "lake.json.new"
        written.write_text(json.dumps(catalog, indent=0, default=str), encoding="utf-8")
        written.replace(self.root / "lake.json")


def _file_read(row: Mapping[str, object]) -> FileRead:
    days = {
        key: row[key] and date.fromisoformat(str(row[key])) for key in ("first", "last", "accessed")
    }
    return FileRead(**{**row, **days})  # type: ignore[arg-type]


def _groups(new: Mapping[str, Path], mapping: mapped.Mapped | None) -> Iterator[_Group]:
    """Files in the order given, those of one form together up to GROUP_BYTES."""
    group, size = None, 0
    for sha, path in new.items():
        error, lines = None, []
        try:
            lines = opening.head(path)
            form = known.form_of(path, lines, mapping)
        except LocalError as caught:
            error, form = caught, group.form if group else known.form_of(path, [])
        size += opening.size_of(path)
        if group is None or group.form != form or size > GROUP_BYTES:
            if group is not None:
                yield group
            group, size = _Group(form), opening.size_of(path)
        if error is not None:
            group.failed[len(group.files)] = error
        group.files.append((path, sha))
    if group is not None:
        yield group


def _batches(group: _Group) -> Iterator[pa.RecordBatch]:
    """All batches of a group; a file that fails on the way is noted and left."""
    columns = staging.picked(group.form)
    for number, (path, _) in enumerate(group.files):
        if number in group.failed:
            continue
        try:
            if group.form.quoted:
                yield from opening.cells(path, number, group.form.delimiter)
            else:
                yield from opening.lines(path, number, group.form.delimiter, columns)
        except LocalError as error:
            group.failed[number] = error


def _slices(batches: Iterator[pa.RecordBatch]) -> Iterator[Iterator[pa.RecordBatch]]:
    """The same batches, cut after each GROUP_BYTES; a slice is used up before the next."""

    def one(first: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        size = first.columns[-1].nbytes
        yield first
        while size < GROUP_BYTES and (batch := next(batches, None)) is not None:
            size += batch.columns[-1].nbytes
            yield batch

    while (first := next(batches, None)) is not None:
        yield one(first)


def _tell(db: duckdb.DuckDBPyConnection, group: _Group, accessed: date | None) -> list[FileRead]:
    """What each file of a group came to."""
    counted = db.execute(
        "SELECT file, sum(n)::BIGINT, coalesce(sum(n) FILTER (why = 0), 0)::BIGINT, min(first),"
        " max(last), string_agg(DISTINCT nullif(source, ''), '+' ORDER BY nullif(source, ''))"
        " FILTER (why = 0) FROM tally GROUP BY file"
    ).fetchall()
    by_file = {row[0]: row[1:] for row in counted}
    rejected: dict[int, dict[str, int]] = {}
    for file, why, count in db.execute(
        "SELECT file, why, sum(n)::BIGINT FROM tally WHERE why > 0 GROUP BY ALL ORDER BY ALL"
    ).fetchall():
        rejected.setdefault(file, {})[staging.REASONS[why - 1].value] = count
    found = []
    for number, (path, sha) in enumerate(group.files):
        rows, read, first, last, source = by_file.get(number, (0, 0, None, None, None))
        found.append(
            FileRead(
                path=path.name,
                sha256=sha,
                rows=rows,
                read=read,
                rejected=rejected.get(number, {}),
                source=source or group.form.name,
                licence=group.form.licence,
                first=first,
                last=last,
                accessed=accessed,
                failed=str(group.failed[number].detail) if number in group.failed else "",
            )
        )
    return found
