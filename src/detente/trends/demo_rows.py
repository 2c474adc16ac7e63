"""Made-up rows in each format that is read, as their sources would write them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from typing import Final

from detente.trends import cameo, codes
from detente.trends.readers.ucdp import COLUMNS as UCDP_COLUMNS

ICEWS_HEADER: Final = (
    "Event ID,Event Date,Source Name,Source Sectors,Source Country,Event Text,CAMEO Code,Intensity,"
    "Target Name,Target Sectors,Target Country,Story ID,Sentence Number,Publisher,City,District,"
    "Province,Country,Latitude,Longitude"
).split(",")
POLECAT_HEADER: Final = (
    "Event ID,Event Date,Event Type,Event Mode,Intensity,Quad Code,Contexts,Actor Name,"
    "Actor Country,Actor COW,Primary Actor Sector,Actor Sectors,Actor Title,Actor Name Raw,"
    "Wikipedia Actor ID,"
    "Recipient Name,Recipient Country,Recipient COW,Primary Recipient Sector,Recipient Sectors,"
    "Recipient Title,Recipient Name Raw,Wikipedia Recipient ID,Placename,City,District,Province,"
    "Country,Latitude,Longitude,GeoNames ID,Raw Placename,Feature Type,Source,Publication Date,"
    "Story People,Story Organizations,Story Locations,Language,Version"
).split(",")
ACLED_HEADER: Final = (
    "event_id_cnty,event_date,year,time_precision,disorder_type,event_type,sub_event_type,actor1,"
    "assoc_actor_1,inter1,actor2,assoc_actor_2,inter2,interaction,civilian_targeting,iso,region,"
    "country,admin1,admin2,admin3,location,latitude,longitude,geo_precision,source,source_scale,"
    "notes,fatalities,tags,timestamp"
).split(",")

_FIPS: Final = {iso3: fips[0] for iso3, fips, _ in codes.COUNTRIES if fips}
_ACTOR_GAP: Final = "\t" * 7  # group, ethnic, two religions, three types
# Six cells of a place that nobody reads, between its name and its end.
_GEO: Final = "1\t\t\t\t\t\t\t"


@cache
def _side(iso3: str) -> str:
    return f"{iso3}\t{codes.name_of(iso3).upper()}\t{iso3}{_ACTOR_GAP}"


def gdelt(
    event: int,
    stamp: str,
    happened: date,
    pair: tuple[str, str],
    code: str,
    url: str,
    *,
    width: int = 61,
) -> str:
    """One line of GDELT: ``stamp`` has 14 digits for 61 columns, 8 for 58 and 57 (no ``url``)."""
    sides = [_side(one) for one in pair]
    day = f"{happened:%Y%m%d}"
    dates = f"{day}\t{day[:6]}\t{day[:4]}\t{day[:4]}.5"
    quad = cameo.quad_of(code)
    scale = (0.0, 3.0, 6.0, -4.0, -8.0)[quad]
    what = f"1\t{code}\t{code[:3]}\t{code[:2]}\t{quad}\t{scale}\t4\t1\t4\t-1.5"
    geo = _GEO if width == 61 else _GEO[:-1]
    fips = _FIPS[pair[0]]
    place = f"1\t{codes.name_of(pair[0])}\t{fips}" + ("\t" * 5 if width == 61 else "\t" * 4)
    end = f"\t{url}" if width > 57 else ""
    return (
        f"{event}\t{dates}\t{sides[0]}\t{sides[1]}\t{what}\t{geo}\t{geo}\t{place}\t{stamp}{end}\n"
    )


def mention(event: int, stamp: str, url: str, confidence: int) -> str:
    """One line of GDELT's mentions."""
    cells = (event, stamp, stamp, 1, "example.org", url, 3, -1, 20, 60, 1, confidence, 900, -1.5)
    return "\t".join(map(str, cells)) + "\t\t\n"


def _tabbed(header: Sequence[str], rows: Iterable[dict[str, str]]) -> str:
    lines = ["\t".join(header)]
    lines += ["\t".join(row.get(name, "") for name in header) for row in rows]
    return "\n".join(lines) + "\n"


def _quoted(
    header: Sequence[str], rows: Iterable[dict[str, str]], *, headless: bool = False
) -> str:
    written = io.StringIO()
    writer = csv.DictWriter(written, header, restval="", lineterminator="\n")
    if not headless:
        writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()


Row = tuple[date, tuple[str, str], str]  # day, pair of ISO3, CAMEO code


def icews(rows: Iterable[Row]) -> str:
    """A file of ICEWS. A quote stands open in each row: it means nothing there."""
    return _tabbed(
        ICEWS_HEADER,
        (
            {
                "Event ID": str(20_000_000 + number),
                "Event Date": f"{day:%Y-%m-%d}",
                "Source Name": f'Ministry of "{codes.name_of(pair[0])}',
                "Source Country": codes.name_of(pair[0]),
                "Event Text": "Made up",
                "CAMEO Code": code,
                "Intensity": "1.0",
                "Target Country": codes.name_of(pair[1]),
                "Story ID": str(900_000 + number),
                "Country": codes.name_of(pair[0]),
            }
            for number, (day, pair, code) in enumerate(rows)
        ),
    )


def polecat(rows: Iterable[Row], *, trailing: int = 2) -> str:
    """A file of POLECAT, a column more than the code book has, and empty cells after each line."""
    kinds = {code: key for key, code in reversed([*cameo.PLOVER.items()]) if code}
    header = [*POLECAT_HEADER, "Headline"]
    text = _tabbed(
        header,
        (
            {
                "Event ID": f"20200101-{number}-made-up",
                "Event Date": f"{day:%Y-%m-%d}",
                "Publication Date": f"{day:%Y-%m-%d}",
                "Event Type": kinds[code].split(":")[0],
                "Event Mode": kinds[code].partition(":")[2] or "None",
                "Intensity": "2.0",
                "Actor Country": pair[0],
                "Recipient Country": f"{pair[1]}; {pair[0]}" if number % 5 == 0 else pair[1],
                "Country": codes.name_of(pair[0]),
                "Headline": "Made up",
            }
            for number, (day, pair, code) in enumerate(rows)
        ),
    )
    return text.replace("\n", "\t" * trailing + "\n")


def acled(rows: Iterable[Row]) -> str:
    """An export of ACLED, with its byte order mark and a note that goes over two lines."""
    return "\ufeff" + _quoted(
        ACLED_HEADER,
        (
            {
                "event_id_cnty": f"MADE{number}",
                "event_date": f"{day:%Y-%m-%d}",
                "event_type": "Battles",
                "sub_event_type": "Armed clash",
                "actor1": f"Military Forces of {codes.name_of(pair[0])} (2000-)",
                "actor2": f"Military Forces of {codes.name_of(pair[1])} (2000-)",
                "country": codes.name_of(pair[0]),
                "notes": 'Made up,\nover two lines, with a "quote".',
                "timestamp": "1700000000",
            }
            for number, (day, pair, _) in enumerate(rows)
        ),
    )


def ucdp(rows: Iterable[Row], *, headless: bool = False) -> str:
    """A file of UCDP, or of its candidate events as they once came: without the header."""
    return _quoted(
        UCDP_COLUMNS,
        (
            {
                "id": str(500_000 + number),
                "type_of_violence": "1",
                "side_a": f"Government of {codes.name_of(pair[0])}",
                "side_b": f"Government of {codes.name_of(pair[1])}",
                "country": codes.name_of(pair[0]),
                "where_description": "made up, nowhere",
                "date_start": f"{day:%Y-%m-%d} 00:00:00.000",
                "date_end": f"{day:%Y-%m-%d} 00:00:00.000",
                "best": "1",
            }
            for number, (day, pair, _) in enumerate(rows)
        ),
        headless=headless,
    )
