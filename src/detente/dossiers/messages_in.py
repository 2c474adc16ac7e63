"""Messages of others taken into the fields of a notice (docs/places-in-out.md).

Every part that finds no field is named, so that a person sees to it. Nothing is sent by it: a
notice that comes of it is checked and sent as any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from detente.core.errors import LocalError
from detente.core.sheet import instant
from detente.dossiers import coordinates, whiteflag
from detente.dossiers.navarea import read_warning
from detente.dossiers.notam import Notam, read_notam
from detente.dossiers.position import wrong
from detente.dossiers.profile import Profile
from detente.dossiers.shapes import Band, Circle, Place, Polygon, Route, Shape
from detente.dossiers.values import CHARS_MAX

AREAS: Mapping[str, type] = {
    "polygon": Polygon,
    "circle": Circle,
    "corridor": Route,
    "place": Place,
}
MINUTE_S = 60


class Window(NamedTuple):
    """From a second on, until another or with no end."""

    start_s: int
    end_s: int | None


class Left(NamedTuple):
    """A part of one side that found no place on the other."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """What a message says in terms of a notice. ``left`` is all else that stands in it."""

    shapes: tuple[Shape, ...]
    windows: tuple[Window, ...]
    band: Band | None
    text: str
    left: tuple[Left, ...]


class Filled(NamedTuple):
    """Values for a notice under a profile, what of a message is not in them, and which fields a
    person has still to give."""

    values: Mapping[str, str]
    left: tuple[Left, ...]
    missing: tuple[str, ...]


def read_message(kind: str, data: bytes) -> Said:
    """What a message says: ``notam`` and ``navarea`` are text, ``whiteflag`` is hex or bytes.

    LocalError USAGE or PeerError MALFORMED for what is none of its kind.
    """
    if kind == "whiteflag":
        return _of_whiteflag(data)
    try:
        text = data.decode()
    except UnicodeDecodeError as exc:
        raise wrong(kind, "not a text in UTF-8") from exc
    return _of_notam(text) if kind == "notam" else _of_navarea(text)


def _of_notam(text: str) -> Said:
    notam = read_notam(text)
    areas, left = _areas(notam)
    band = notam.band()
    if notam.lower and band is None:
        left.append(Left("F, G", f"{notam.lower} / {notam.upper}"))
    left += [
        Left(name, value)
        for name, value in (
            ("number", f"{notam.number} NOTAM{notam.kind} {notam.refers}".strip()),
            ("Q", str(notam.qualifiers)),
            ("A", " ".join(notam.locations)),
            ("C", "EST" if notam.estimated else ""),
            ("D", notam.schedule),
        )
        if value
    ]
    window = Window(notam.start_s, notam.end_s)
    return Said(areas, (window,), band, notam.text, tuple(left))


def _areas(notam: Notam) -> tuple[tuple[Shape, ...], list[Left]]:
    left = [Left("unread", one) for one in coordinates.unread(notam.text)]
    try:
        return notam.shapes(), left
    except LocalError as error:
        return (), [*left, Left("unread", error.detail)]


def _of_navarea(text: str) -> Said:
    warning = read_warning(text)
    left = [Left("unread", one) for one in coordinates.unread(warning.text)]
    left += [Left("unread", one) for one in warning.unread_times()]
    areas: tuple[Shape, ...] = ()
    windows: tuple[tuple[int, int], ...] = ()
    ends_s = None
    try:
        areas = warning.shapes()
    except LocalError as error:
        left.append(Left("unread", error.detail))
    try:
        windows, ends_s = warning.windows(), warning.ends_s()
    except LocalError as error:
        left.append(Left("unread", error.detail))
    left.append(Left("heading", str(warning).removesuffix(f"\n{warning.text}")))
    left += [Left("cancels", one) for one in warning.cancels()]
    if ends_s is not None:
        left.append(Left("ends", instant(ends_s)))
    return Said(areas, tuple(Window(*one) for one in windows), None, warning.text, tuple(left))


def _of_whiteflag(data: bytes) -> Said:
    message = whiteflag.decode(_unhexed(data))
    at = message.at()
    windows = tuple(_of_sign(message.body)) if "DateTime" in message.body else ()
    taken = {"DateTime", "Duration"} if windows else set()
    if at is not None:
        taken |= {"ObjectLatitude", "ObjectLongitude"}
    if isinstance(at, Circle):
        taken.add("ObjectSizeDim1")
    rest = {**message.header, **message.body}
    left = [Left(name, value) for name, value in rest.items() if name not in taken]
    left += [Left("wanted", f"{kind} {number}") for kind, number in message.wanted]
    return Said(() if at is None else (at,), windows, None, "", tuple(left))


def _unhexed(data: bytes) -> bytes:
    try:
        return bytes.fromhex(data.decode("ascii"))
    except ValueError:
        return data


def _of_sign(body: Mapping[str, str]) -> Iterator[Window]:
    """The window of a sign; a leap second counts as the one before it."""
    moment = datetime.fromisoformat(body["DateTime"].replace(":60Z", ":59Z"))
    start_s, span = int(moment.timestamp()), body["Duration"]
    minutes = int(span[1:3]) * 1440 + int(span[4:6]) * 60 + int(span[7:9])
    yield Window(start_s, start_s + minutes * MINUTE_S if minutes else None)


def fill(profile: Profile, said: Said) -> Filled:
    """As much of a notice as a message gives. Nothing is guessed: a text goes into a field only
    where the profile requires just one, a time of a day only where a field takes it whole."""
    values: dict[str, str] = {}
    left: list[Left] = []
    for shape in said.shapes:
        types = [name for name, kind in AREAS.items() if isinstance(shape, kind)]
        _put(profile, values, left, types, Left("area", str(shape)))
    if said.band is not None:
        _put(profile, values, left, ["band"], Left("band", str(said.band)))
    for number, window in enumerate(said.windows):
        times = {} if number else _timed(profile, window)
        values |= times
        whole = "window" if window.end_s is not None else "instant"
        if not any(profile.fields[name].type == whole for name in times):
            end = "…" if window.end_s is None else instant(window.end_s)
            left.append(Left("time", f"{instant(window.start_s)}/{end}"))
    texts = [
        one.name
        for one in profile.fields.values()
        if one.type == "text" and one.need == "required" and not one.choices
    ]
    line = " ".join(said.text.split())
    if line and len(texts) == 1 and len(line) <= CHARS_MAX:
        values[texts[0]] = line
    elif said.text:
        left.append(Left("text", said.text))
    missing = tuple(
        one.name
        for one in profile.fields.values()
        if one.need != "optional" and one.name not in values
    )
    return Filled(values, (*left, *said.left), missing)


def _put(
    profile: Profile, values: dict[str, str], left: list[Left], types: list[str], part: Left
) -> None:
    """Into the first field of one of the types that has no value yet."""
    for field in profile.fields.values():
        if field.type in types and field.name not in values:
            values[field.name] = part.text
            return
    left.append(part)


def _timed(profile: Profile, window: Window) -> dict[str, str]:
    """The times that a profile's deadline and validity rest on."""
    found = {}
    for name in times_named(profile):
        kind = profile.fields[name].type
        if kind == "window" and window.end_s is not None:
            found[name] = f"{instant(window.start_s)}/{instant(window.end_s)}"
        elif kind != "window":
            found[name] = instant(window.start_s)[: 10 if kind == "day" else None]
    return found


def times_named(profile: Profile) -> list[str]:
    """The fields of a profile that its deadline and its validity rest on."""
    names = [profile.deadline.of, *([profile.validity.of] if profile.validity else [])]
    return [name for name in names if name in profile.fields]
