"""A point on the earth, as a number and as text (spec/places.md §2).

Pure arithmetic on whole microdegrees of WGS 84 (a tenth of a metre): no library, no rounding that
two nodes could do differently. Other datums and grids are the business of ``dossiers/grids.py``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from detente.core.errors import LocalError, Refusal

MICRO = 1_000_000
LAT_MAX_UDEG = 90 * MICRO
LON_MAX_UDEG = 180 * MICRO

_PAIR = re.compile(r"([^NSEW]+)([NS])[\s,]*([^NSEW]+)([EW])")
_APART = re.compile(r"[°'′\"″]\s*|\s+|-")  # what stands between degrees, minutes and seconds
_NUMBER = re.compile(r"\d{1,3}(?:\.\d{1,9})?", re.ASCII)
_TOGETHER = re.compile(r"\d{4,7}", re.ASCII)  # 5027, 0303124: as airmen write
_CANONICAL = re.compile(r"(\d\d)\.(\d{6})([NS]) (\d{3})\.(\d{6})([EW])", re.ASCII)


def wrong(rule: str, detail: str) -> LocalError:
    """The refusal of geometry that breaks ``rule``, a name of spec/places.md §7."""
    return LocalError(Refusal.USAGE, detail, rule=rule)


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A point in WGS 84, whole microdegrees. One form only: 180 is east, a pole has longitude 0."""

    lat_udeg: int
    lon_udeg: int

    def __post_init__(self) -> None:
        """LocalError USAGE (latitude, longitude) out of range; the other forms become the one."""
        if abs(self.lat_udeg) > LAT_MAX_UDEG:
            raise wrong("latitude", f"latitude {self.lat_udeg / MICRO:.6f} is beyond 90 degrees")
        if abs(self.lon_udeg) > LON_MAX_UDEG:
            raise wrong("longitude", f"longitude {self.lon_udeg / MICRO:.6f} is beyond 180 degrees")
        if abs(self.lat_udeg) == LAT_MAX_UDEG:
            object.__setattr__(self, "lon_udeg", 0)
        elif self.lon_udeg == -LON_MAX_UDEG:
            object.__setattr__(self, "lon_udeg", LON_MAX_UDEG)

    @property
    def lat(self) -> float:
        """Latitude in degrees, north positive."""
        return self.lat_udeg / MICRO

    @property
    def lon(self) -> float:
        """Longitude in degrees, east positive."""
        return self.lon_udeg / MICRO

    def __str__(self) -> str:
        """The canonical text: ``50.450100N 030.523400E``."""
        lat, lon = abs(self.lat_udeg), abs(self.lon_udeg)
        return (
            f"{lat // MICRO:02}.{lat % MICRO:06}{'S' if self.lat_udeg < 0 else 'N'} "
            f"{lon // MICRO:03}.{lon % MICRO:06}{'W' if self.lon_udeg < 0 else 'E'}"
        )


def position(lat: float, lon: float) -> Position:
    """The position nearest to degrees that arithmetic gave. LocalError USAGE out of range."""
    return Position(round(lat * MICRO), round(lon * MICRO))


def parse_canonical(text: str) -> Position:
    """The position whose canonical text this is. LocalError USAGE (position) otherwise."""
    match = _CANONICAL.fullmatch(text)
    if match is not None:
        lat = int(match[1]) * MICRO + int(match[2])
        lon = int(match[4]) * MICRO + int(match[5])
        found = Position(-lat if match[3] == "S" else lat, -lon if match[6] == "W" else lon)
        if str(found) == text:
            return found
    raise wrong("position", f"«{text}» is not like 50.450100N 030.523400E")


def parse_degrees(text: str) -> tuple[Fraction, Fraction]:
    """Latitude and longitude in degrees, exactly as written, of no datum yet.

    Degrees, degrees and minutes, or degrees, minutes and seconds, apart or run together as airmen
    write them; always with N or S and E or W. LocalError USAGE: position, minutes, latitude,
    longitude.
    """
    match = _PAIR.fullmatch(text.strip().upper())
    if match is None:
        raise wrong("position", f"«{text}» is not a latitude with N or S, a longitude with E or W")
    lat, lon = _angle(match[1], 2), _angle(match[3], 3)
    if lat > 90:
        raise wrong("latitude", f"«{text}» is beyond 90 degrees of latitude")
    if lon > 180:
        raise wrong("longitude", f"«{text}» is beyond 180 degrees of longitude")
    return (-lat if match[2] == "S" else lat), (-lon if match[4] == "W" else lon)


def parse_position(text: str) -> Position:
    """A position in WGS 84 as people write it, rounded to a microdegree. Errors as
    ``parse_degrees``.
    """
    lat, lon = parse_degrees(text)
    return Position(round(lat * MICRO), round(lon * MICRO))


def _angle(text: str, degree_digits: int) -> Fraction:
    whole, dot, fraction = text.strip().partition(".")
    if _TOGETHER.fullmatch(whole) and len(whole) in {degree_digits + 2, degree_digits + 4}:
        cuts = (0, degree_digits, degree_digits + 2, degree_digits + 4)
        parts = [whole[start:stop] for start, stop in pairwise(cuts) if whole[start:stop]]
        parts[-1] += dot + fraction
    else:
        parts = _APART.split(text.strip().rstrip("°'′\"″"))
    if not 1 <= len(parts) <= 3 or not all(map(_NUMBER.fullmatch, parts)):
        raise wrong("position", f"«{text}» is not degrees, minutes and seconds")
    if any("." in part for part in parts[:-1]):
        raise wrong("position", f"«{text}» has a fraction before its last part")
    if any(Fraction(part) >= 60 for part in parts[1:]):
        raise wrong("minutes", f"«{text}» has 60 or more minutes or seconds")
    return sum((Fraction(part) / 60**power for power, part in enumerate(parts)), Fraction(0))
