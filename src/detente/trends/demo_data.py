"""A made-up world for the demo: ten pairs of states, five years, every format, one change planted.

Parties and figures are invented, and the countries were drawn for having no quarrel: no row says
anything about them. All traps of the real data are in it, and the same seed gives the same bytes.
"""

from __future__ import annotations

import random
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import exp
from pathlib import Path
from typing import Final

from detente.trends import demo_rows

FIRST: Final = date(2021, 1, 4)  # a Monday
WEEKS: Final = 260
STARTS_WEEK: Final = 220
PLANTED: Final = ("ISL", "NZL")
NULL: Final = ("AUS", "NZL")
DYADS: Final = (
    PLANTED,
    NULL,
    ("GBR", "ISL"),
    ("CAN", "ISL"),
    ("GBR", "NZL"),
    ("ISL", "URY"),
    ("BWA", "NAM"),  # the rest have neither party in them
    ("CRI", "PAN"),
    ("BTN", "MDV"),
    ("FJI", "WSM"),
)
FACTOR: Final = 3.0  # of the share of conflict
SHARE: Final = 0.15
STORIES: Final = 14  # of a pair in a week
NULL_STORIES: Final = 5  # too few for a modest change to be seen
NO_DATA_WEEK: Final = 150
FAILED_WEEK: Final = 180
SLOTS: Final = 96  # files of a day

_COOPERATION: Final = ("030", "036", "040", "042", "043", "046", "050", "057", "0841", "061")
_CONFLICT: Final = ("111", "112", "120", "130", "163", "190")
# Pairs of the other formats: none of them is asked about.
_ELSEWHERE: Final = (("BRA", "PRY"), ("JPN", "PHL"), ("KEN", "UGA"))


@dataclass(frozen=True, slots=True)
class DemoWorld:
    """What was written, and what was put into it."""

    files: tuple[tuple[Path, str | None], ...]  # with the mapping file of a format of its own
    starts: date
    planted: tuple[str, str]
    planted_outcome: str
    factor: float  # of that outcome's share, from ``starts`` on
    null: tuple[str, str]  # nothing was planted here
    first: date
    last: date


def write_demo(
    folder: Path, progress: Callable[[int], None] | None = None, *, seed: int = 7
) -> DemoWorld:
    """Writes the world's files into ``folder``; ``progress`` is told the weeks done, of WEEKS."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [(path, None) for path in _gdelt_files(folder, seed, progress)]
    files += [(path, None) for path in _others(folder)]
    own, mapping = _own(folder)
    return DemoWorld(
        files=(*files, (own, str(mapping))),
        starts=FIRST + timedelta(weeks=STARTS_WEEK),
        planted=PLANTED,
        planted_outcome="conflict",
        factor=FACTOR,
        null=NULL,
        first=FIRST,
        last=FIRST + timedelta(weeks=WEEKS, days=-1),
    )


def _gdelt_files(folder: Path, seed: int, progress: Callable[[int], None] | None) -> Iterator[Path]:
    """Thirteen weeks to a zip; one more that broke off while it was fetched."""
    chance = random.Random(f"demo data {seed}")  # noqa: S311  # from a seed
    moods = dict.fromkeys(DYADS, 0.0)
    text: list[str] = []
    for week in range(WEEKS):
        if week != NO_DATA_WEEK:
            text += _week(chance, week, moods)
        if progress is not None:
            progress(week + 1)
        if week % 13 == 12:
            path = folder / f"gdelt2-{week // 13:02}.export.CSV.zip"
            _zip(path, "".join(text))
            text = []
            yield path
    day = FIRST + timedelta(weeks=FAILED_WEEK, days=3)
    broken = folder / f"{day:%Y%m%d}120000.export.CSV.zip"
    _zip(broken, _filler(0, f"{day:%Y%m%d}120000", day))
    broken.write_bytes(broken.read_bytes()[:200])
    yield broken


def _zip(path: Path, text: str) -> None:
    """One file in a zip, dated so that its bytes are the same each time."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(
            zipfile.ZipInfo(path.stem, (2026, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED
        )


def _week(chance: random.Random, week: int, moods: dict[tuple[str, str], float]) -> list[str]:
    """All rows of one week: something in every file, and what each pair's stories gave."""
    monday = FIRST + timedelta(weeks=week)
    rows, event = [], week * 100_000
    days = 4 if week == FAILED_WEEK else 7
    for day in (monday + timedelta(days=n) for n in range(days)):
        _, one = _filler(0, "STAMP", day).split("\t", 1)
        for slot in range(SLOTS):
            event += 1
            rows.append(f"{event}\t{one.replace('STAMP', _stamp(day, slot))}")
    for pair in DYADS:
        moods[pair] = 0.6 * moods[pair] + chance.gauss(0, 0.2)  # attention, which comes and goes
        share = SHARE * (FACTOR if pair == PLANTED and week >= STARTS_WEEK else 1)
        usual = NULL_STORIES if pair == NULL else STORIES
        for _ in range(_poisson(chance, usual * exp(moods[pair]))):
            event += 10
            added = _story(chance, event, monday, days, pair, share)
            rows += added
    return rows


def _stamp(day: date, slot: int) -> str:
    """The moment of a file: 96 a day."""
    return f"{day.isoformat().replace('-', '')}{slot // 4:02}{slot % 4 * 15:02}00"


def _filler(event: int, stamp: str, day: date) -> str:
    """A row of the rest of the world, so that no file is empty."""
    url = f"https://example.org/world/{stamp}"
    return demo_rows.gdelt(event, stamp, day, ("BRA", "BRA"), "010", url)


def _poisson(chance: random.Random, mean: float) -> int:
    count, left = 0, chance.expovariate(1)
    while left < mean:
        count, left = count + 1, left + chance.expovariate(1)
    return count


def _story(
    chance: random.Random, event: int, monday: date, days: int, pair: tuple[str, str], share: float
) -> list[str]:
    """The rows of one story: twins, duplicates, a further pair, and at times an old date."""
    day = monday + timedelta(days=chance.randrange(days))
    slot = chance.randrange(SLOTS)
    stamp = _stamp(day, slot)
    code = chance.choice(_CONFLICT if chance.random() < share else _COOPERATION)
    url = f"https://example.org/{pair[0]}-{pair[1]}/{event}".lower()
    late = chance.random() < 0.1
    happened = day - timedelta(days=chance.choice((7, 30, 365)) if late else chance.randrange(2))
    told = [pair]
    if chance.random() < 0.3:
        told.append((pair[1], pair[0]))
    if chance.random() < 0.25:
        told.append(pair)
    if chance.random() < 0.1:
        told.append(chance.choice([one for one in DYADS if one not in {pair, PLANTED, NULL}]))
    return [
        demo_rows.gdelt(event + number, stamp, happened, one, code, url)
        for number, one in enumerate(told)
    ]


def _others(folder: Path) -> list[Path]:
    """A small file of each other format, about pairs nobody asks for."""
    days = [FIRST + timedelta(days=3 * number) for number in range(120)]
    rows: Sequence[demo_rows.Row] = [
        (day, _ELSEWHERE[number % 3], ("040", "030", "130")[number % 3])
        for number, day in enumerate(days)
    ]
    mixed = [
        demo_rows.gdelt(
            number,
            f"{day:%Y%m%d}",
            day,
            pair,
            code,
            f"https://example.org/old/{number}",
            width=width,
        )
        for number, (day, pair, code) in enumerate(rows)
        for width in [57 if number < 40 else 58]
    ]
    mixed[70] = mixed[70].replace("\t", " ", 1)  # a line that somebody's editor has spoilt
    mentions = [
        demo_rows.mention(number, f"{day:%Y%m%d}001500", f"https://example.org/old/{number}", 50)
        for number, (day, _, _) in enumerate(rows)
    ]
    texts = {
        "gdelt1-mixed.csv": "".join(mixed),
        "mentions.csv": "".join(mentions),
        "icews-2021.tab": demo_rows.icews(rows),
        "polecat-2021.txt": demo_rows.polecat(rows),
        "acled-export.csv": demo_rows.acled(rows),
        "ucdp-ged.csv": demo_rows.ucdp(rows),
        "ucdp-candidate.csv": demo_rows.ucdp(rows, headless=True),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def _own(folder: Path) -> tuple[Path, Path]:
    """A list somebody keeps by hand, and the mapping that says what its columns are."""
    path, mapping = folder / "own-list.csv", folder / "own-list.toml"
    lines = ["day;who;whom;what"]
    lines += [f"{FIRST + timedelta(days=30 * n):%d.%m.%Y};Kenya;Uganda;0841" for n in range(12)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    mapping.write_text(
        'source = "own"\ndelimiter = ";"\ndate = "%d.%m.%Y"\ncountries = "name"\n'
        '[columns]\nadded = "day"\nactor = "who"\ntarget = "whom"\ncode = "what"\n',
        encoding="utf-8",
    )
    return path, mapping
