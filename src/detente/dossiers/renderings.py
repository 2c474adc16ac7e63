"""A notice as people read it in each language, and the JSON Schema of what a profile asks for.

Both sides render the same values; nothing of that is sent (spec/profile.md §11).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from detente.dossiers.profile import TIMES, UNSURE, Field, Profile, Rendering

_NAMED = re.compile(r"\{([^{}]*)\}")
_PATTERNS = {
    "instant": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$",
    "day": r"^\d{4}-\d\d-\d\d$",
    "window": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$",
    "count": r"^(0|[1-9]\d{0,8})$",
    "reference": r"^[0-9a-f]{64}$",
}
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def render(
    profile: Profile, values: Mapping[str, str], unknown: tuple[str, ...], language: str
) -> tuple[str, str]:
    """Subject and text of a notice in a language; in the profile's first where it has not that one.

    A row that names a field which was left out is left out; what is unknown for now says so. A code
    stands beside what it means.
    """
    template = _template(profile, language)
    said = {name: worded(profile, name, text, language) for name, text in values.items()}
    known = dict.fromkeys(unknown, template.unknown) | said

    def filled(row: str) -> str:
        return _NAMED.sub(lambda match: known[match[1]], row)

    rows = [
        filled(row)
        for row in template.text.strip().split("\n")
        if all(name in known for name in _NAMED.findall(row))
    ]
    return _NAMED.sub(lambda match: known.get(match[1], "…"), template.subject), "\n".join(rows)


def worded(profile: Profile, name: str, text: str, language: str) -> str:
    """A value as it is read: a code with what it means, and [M] or [?] where nobody read that."""
    field = profile.fields.get(name)
    for one in () if field is None else field.phrases:
        if one.code == text and one.says:
            says = one.says.get(language) or next(iter(one.says.values()))
            return f"{text} ({says}{f' [{one.certainty}]' if one.certainty in UNSURE else ''})"
    return text


def _template(profile: Profile, language: str) -> Rendering:
    return profile.renderings.get(language) or next(iter(profile.renderings.values()))


def subject_fields(profile: Profile, language: str) -> set[str]:
    """The fields that stand in the subject of a notice, as ``render`` makes it."""
    return set(_NAMED.findall(_template(profile, language).subject))


def title(profile: Profile, language: str) -> str:
    """What the profile is called in a language."""
    return profile.titles.get(language) or next(iter(profile.titles.values()))


def schema(profile: Profile) -> dict[str, Any]:
    """A JSON Schema (2020-12) of the values of a notice in their one form, and of ``unknown``.

    It tells forms apart, not truth: days on no calendar and places are checked by ``check``.
    """
    needed = [one.name for one in profile.fields.values() if one.need == "required"]
    open_ = [one.name for one in profile.fields.values() if one.need == "unknown"]
    return {
        "$schema": DIALECT,
        "$id": f"urn:detente:profile:{profile.digest}",
        "title": profile.name,
        "description": profile.source,
        "type": "object",
        "properties": {
            "values": {
                "type": "object",
                "properties": {one.name: _of_field(one) for one in profile.fields.values()},
                "required": needed,
                "additionalProperties": False,
            },
            "unknown": {
                "type": "array",
                "items": {"enum": open_} if open_ else False,
                "uniqueItems": True,
            },
        },
        "required": ["values"],
        "additionalProperties": False,
    }


def _of_field(field: Field) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "string", "description": _told(field)}
    if field.choices:
        found["enum"] = list(field.choices)
    elif field.type in _PATTERNS:
        found["pattern"] = _PATTERNS[field.type]
    elif field.type == "number":
        unit = f" {field.unit}" if field.unit else ""
        found["pattern"] = rf"^-?\d{{1,9}}(\.\d{{1,6}})?{unit}$"
    else:
        found["minLength"] = 1
    return found


def _told(field: Field) -> str:
    bounds = [
        f"{word} {one.said}"
        for word, one in (("at least", field.least), ("at most", field.most))
        if one is not None
    ]
    zone = ["UTC"] if field.type in TIMES else []
    return ", ".join([*field.labels.values(), field.type, *zone, *bounds, field.source])
