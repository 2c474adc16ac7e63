"""What fields, answers and certainties of notices are called on the desk's pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from detente.words import marked

# A type of field (spec/profile.md §6): what to write, and how it looks.
TYPES: Final[Mapping[str, tuple[str, str]]] = {
    "text": (marked("one line"), ""),
    "area": (marked("one line: the name of an area"), ""),
    "unit": (marked("one line: the name of a military unit"), ""),
    "number": (marked("a number with its unit"), "12.5"),
    "count": (marked("a whole number"), "3"),
    "instant": (marked("date and time, in UTC (Z) or with an offset"), "2031-02-05T09:00Z"),
    "day": (marked("a day, in UTC"), "2031-02-05"),
    "window": (
        marked("from and until, with a stroke between, in UTC (Z) or with an offset"),
        "2031-02-05T09:00Z/2031-02-05T15:00Z",
    ),
    "place": (marked("a point; first its grid"), "WGS84 56 15N 162 30E"),
    "circle": (marked("centre and radius; first its grid"), "WGS84 56 15N 162 30E RADIUS 20 NM"),
    "polygon": (
        marked("corners with semicolons between, the first not said again; first its grid"),
        "WGS84 72-20.0N 035-40.0E; 72-10.0N 038-00.0E; 71-00.0N 041-35.0E",
    ),
    "corridor": (
        marked("points with semicolons between, and how wide on each side; first its grid"),
        "WGS84 50.45N 30.52E; 50.60N 30.90E EACH SIDE 10 KM",
    ),
    "band": (
        marked("from a height to a height, each with what it is measured from"),
        "SFC TO FL250",
    ),
    "quadrant": (marked("a quadrant of an ocean"), "NE PACIFIC"),
    "reference": (marked("the number of an entry"), "A-0042"),
}
GRIDS: Final = "WGS84, MGRS, SK42, UCS2000"  # Latin in every language, as they are written

# By the word of an answer (dossiers/notice_forms.py). The words themselves stay Latin.
REPLIES: Final[Mapping[str, tuple[str, str]]] = {
    "received": ("RECEIVED", marked("we have it, and say no more")),
    "read-back-matches": ("READ-BACK MATCHES", marked("we say it back as we read it")),
    "no-objection": ("NO OBJECTION", marked("we know of nothing against it")),
    "objection": ("OBJECTION", marked("we object, and say why")),
    "cannot-comply": ("CANNOT COMPLY", marked("we cannot do what it asks, and say why")),
}
CERTAINTIES: Final[Mapping[str, str]] = {
    "V": marked("read in the source"),
    "M": marked("recalled, not read there: each side states it"),
    "?": marked("disputed: each side states it"),
    "T": marked("a suggestion of the template"),
}
DEADLINES: Final[Mapping[str, str]] = {
    "before": marked("{by} before «{of}» at the latest"),
    "window": marked("from {earliest} until {by} before «{of}»"),
    "within": marked("within {by} after «{of}»"),
    "on-receipt": marked("within {by} after a notice of {of} was received"),
    "calendar-day": marked("on these days (MM-DD): {days}"),
    "at-once": marked("at once: no second is counted as late"),
}
RECEIPTS: Final[Mapping[str, str]] = {
    "received": marked("it counts as given when their node has stored it"),
    "seen": marked("it counts as given when a person there has stated SEEN"),
}
ASKED: Final[Mapping[str, str]] = {
    "required": marked("required"),
    "optional": marked("may be left out"),
    "unknown": marked("required, or unknown for now"),
}
