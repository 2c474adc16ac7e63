"""A notice as a message that airmen, mariners or neutral parties read (docs/places-in-out.md).

Such a message holds one area, one time and a line of text. Fields that are not in it are named.
"""

from __future__ import annotations

from collections.abc import Mapping

from detente.core.errors import LocalError
from detente.dossiers import shapes, whiteflag
from detente.dossiers.messages_in import MINUTE_S, Left, Window, times_named
from detente.dossiers.navarea import write_warning
from detente.dossiers.notam import Notam, Qualifiers, read_notam, write_notam
from detente.dossiers.notice import Checked
from detente.dossiers.position import Position, wrong
from detente.dossiers.profile import Profile
from detente.dossiers.renderings import render, subject_fields
from detente.dossiers.shapes import Band, Circle, Place, Polygon, Route

# What a message needs that no notice has. Where a text stands here, it is what is taken without.
NEEDS: Mapping[str, Mapping[str, str]] = {
    "notam": {"number": "", "fir": "", "code": "", "traffic": "IV", "purpose": "BO", "scope": "W"},
    "navarea": {"heading": "", "region": ""},
    "whiteflag": {"sign": "", "subject": ""},
}
_LANGUAGE = "en"  # of all three
_Area = Place | Circle | Polygon | Route


def write_message(
    kind: str, profile: Profile, checked: Checked, given: Mapping[str, str]
) -> tuple[str, tuple[Left, ...]]:
    """The text of a message, of Whiteflag its bytes in hex, and the fields that are not in it.

    ``given`` has what ``NEEDS`` names; ``place`` says which field is the area where there are
    several, ``text`` what is said instead of the notice's subject. Times are to the minute, an end
    rounded up. LocalError USAGE for what is missing, or what such a message cannot say.
    """
    facts = _facts(kind, given)
    name, area = _area(profile, checked, given.get("place"))
    window = _window(checked)
    used = {name, *times_named(profile)}
    if kind == "whiteflag":
        text = _sign(facts, area, window)
        return text, _left(checked, used)
    if window.end_s is None:
        raise wrong(kind, "the notice does not say until when")
    start_s, end_s = window.start_s // MINUTE_S * MINUTE_S, -(-window.end_s // MINUTE_S) * MINUTE_S
    what = given.get("text", "")
    if not what:
        texts = {field: value.text for field, value in checked.values.items()}
        what = render(profile, texts, checked.unknown, _LANGUAGE)[0]
        used |= subject_fields(profile, _LANGUAGE)
    if not what.isascii():
        raise wrong(kind, f"«{what}»: such a message has plain Latin letters; give text=…")
    if kind == "navarea":
        heading = facts["heading"]
        text = str(write_warning(heading, facts["region"], what, area, (start_s, end_s)))
        return text.upper(), _left(checked, used)
    name, band = _band(profile, checked)
    text = _notam(facts, what.upper(), area, band, Window(start_s, end_s))
    return text, _left(checked, used | {name})


def _facts(kind: str, given: Mapping[str, str]) -> dict[str, str]:
    known = NEEDS[kind]
    facts = {**known, **{name: text for name, text in given.items() if name in known}}
    lacking = ", ".join(f"--set {name}=…" for name, text in facts.items() if not text)
    strange = ", ".join(sorted(set(given) - {*known, "place", "text"}))
    if lacking or strange:
        what = f"needs {lacking}" if lacking else f"knows no {strange}"
        raise wrong(kind, f"{kind} {what}: it takes {', '.join(known)}, place, text")
    return facts


def _area(profile: Profile, checked: Checked, wanted: str | None) -> tuple[str, _Area]:
    places = {
        name: found
        for name, value in checked.values.items()
        if profile.fields[name].type in {"place", "circle", "polygon", "corridor"}
        and wanted in {None, name}
        and isinstance(found := shapes.read(value.text), _Area)
    }
    if len(places) != 1:
        found_ = ", ".join(places) or "none"
        raise wrong("place", f"one field is the area, as place=FIELD says; here: {found_}")
    return next(iter(places.items()))


def _band(profile: Profile, checked: Checked) -> tuple[str, Band]:
    """The first field that is a band of heights; without one, from the ground up."""
    for name, value in checked.values.items():
        found = shapes.read(value.text) if profile.fields[name].type == "band" else None
        if isinstance(found, Band):
            return name, found
    return "", Band(None, None)


def _window(checked: Checked) -> Window:
    times = checked.times
    start_s = times.event_s if times.valid_from_s is None else times.valid_from_s
    if start_s is None:
        raise wrong("time", "the notice does not say from when")
    return Window(start_s, times.valid_until_s)


def _left(checked: Checked, used: set[str]) -> tuple[Left, ...]:
    left = [Left(name, it.text) for name, it in checked.values.items() if name not in used]
    return (*left, *(Left(name, "?") for name in checked.unknown))


def _sign(facts: Mapping[str, str], area: _Area, window: Window) -> str:
    if not isinstance(area, Place | Circle):
        raise wrong("whiteflag", "a sign stands at a place or in a circle")
    span_s = 0 if window.end_s is None else window.end_s - window.start_s
    code, subject = facts["sign"].upper(), facts["subject"]
    if len(code) != 1 or code not in whiteflag.SIGNS:
        raise wrong("whiteflag", f"sign is one of {', '.join(whiteflag.SIGNS)}")
    try:
        made = whiteflag.sign(code, subject, area, window.start_s, -(-span_s // MINUTE_S))
    except LocalError as error:
        raise wrong("whiteflag", error.detail) from error
    return whiteflag.encode(made).hex()


def _notam(facts: Mapping[str, str], what: str, area: _Area, band: Band, window: Window) -> str:
    code = Qualifiers(
        fir=facts["fir"],
        code=facts["code"],
        traffic=facts["traffic"],
        purpose=facts["purpose"],
        scope=facts["scope"],
        lower_fl=0,
        upper_fl=999,
        centre=Position(0, 0),
        radius_nm=None,
    )
    number, fir = facts["number"], facts["fir"]
    frame = Notam(number, "N", "", code, (fir,), *window, False, "", what, "", "")
    made = write_notam(frame, area, band)
    if read_notam(str(made)) != made:
        raise wrong("notam", f"«{what}» would be read as another item")
    return str(made)
