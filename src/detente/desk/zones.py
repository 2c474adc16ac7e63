"""The capitals' times beside UTC: names and IANA zones, fixed for a desk (`detente desk set`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from detente.core.errors import LocalError, Refusal
from detente.words import _

ZONES_MAX = 4
NAME_CHARS_MAX = 24
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Zone(NamedTuple):
    """A place and the IANA name of its time zone."""

    name: str
    key: str


def parse_zones(text: str) -> tuple[Zone, ...]:
    """``Kyiv=Europe/Kyiv, Moscow=Europe/Moscow``; empty is none. LocalError USAGE otherwise, or
    for a zone that this machine does not know."""
    found = []
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, equals, key = (part.strip() for part in pair.partition("="))
        if not equals or not name.isprintable() or not 1 <= len(name) <= NAME_CHARS_MAX:
            raise LocalError(Refusal.USAGE, f"«{pair}» is not like Kyiv=Europe/Kyiv")
        if _zone(key) is None:
            raise LocalError(Refusal.USAGE, f"this machine does not know the zone {key}")
        found.append(Zone(name, key))
    if len(found) > ZONES_MAX:
        raise LocalError(Refusal.USAGE, f"at most {ZONES_MAX} zones")
    return tuple(found)


def kept_zones(text: str | None) -> tuple[Zone, ...]:
    """The zones of a setting, those among them that this machine has forgotten too."""
    pairs = (part.partition("=") for part in (text or "").split(",") if "=" in part)
    return tuple(Zone(name.strip(), key.strip()) for name, _equals, key in pairs)


def there(time_s: int, zones: Sequence[Zone]) -> str:
    """A time as clocks on those walls show it: ``14:30 Kyiv · 15:30 Moscow``; the day where it is
    another than in UTC. A zone this machine lacks is said to be missing, never guessed."""
    rows = []
    for zone in zones:
        known = _zone(zone.key)
        if known is None:
            rows.append(_("{place}: no time zones on this machine").format(place=zone.name))
            continue
        try:
            moment = _EPOCH + timedelta(seconds=time_s)
            local = moment.astimezone(known)
        except (OverflowError, ValueError):  # a clock that was never set
            return ""
        day = "" if local.date() == moment.date() else f"{local:%d}/"
        rows.append(f"{day}{local:%H:%M} {zone.name}")
    return " · ".join(rows)


@lru_cache(maxsize=32)
def _zone(key: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(key)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
