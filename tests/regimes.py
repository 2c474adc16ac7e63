"""A small profile of every rule's kind, and lines on which it is adopted, for tests of notices."""

from __future__ import annotations

import tomllib
from copy import deepcopy
from pathlib import Path

from detente.core.leaf import Kind
from detente.dossiers.dispatch import Dispatch
from detente.dossiers.faults import Rule, WrongError
from detente.dossiers.profile_reading import from_plain, parse_toml

SHIPPED = Path(__file__).parents[1] / "src" / "detente" / "profiles"
DAY_S = 86_400
TEXT = """
format = 1
name = "test-flight"
status = "template"
status-certainty = "T"
source = "Treaty"
receipt = "received"
corrections = true
cancellation = true
title = { en = "Test flight" }
ceiling = [{ counts = "notices", number = "a-year", per = "year" }]
apart = [{ fields = ["site", "border"], number = "gap" }]
one-of = [{ fields = ["site", "border"], source = "Art. 6" }]

[number]
lead = { value = 24, unit = "h", certainty = "V", source = "Art. 1" }
soon = { value = 30, unit = "d", certainty = "V", source = "Art. 2" }
gap = { value = 40, unit = "km", certainty = "V", source = "Art. 3" }
a-year = { value = 2, unit = "", certainty = "V", source = "Art. 4" }
most = { value = 100, unit = "km", certainty = "V", source = "Art. 5" }
few = { value = 1, unit = "", certainty = "V", source = "Art. 5" }
span = { value = 5, unit = "d", certainty = "V", source = "Art. 5" }
hour = { value = 1, unit = "h", certainty = "V", source = "Art. 5" }

[deadline]
rule = "window"
of = "window"
by = "lead"
earliest = "soon"
source = "Art. 1"

[validity]
of = "window"
source = "Art. 1"

[field]
window = { type = "window", need = "required", most = "span", least = "hour", source = "Art. 1", label = { en = "window" } }
range = { type = "number", need = "unknown", unit = "km", most = "most", source = "Art. 5", label = { en = "range" } }
craft = { type = "count", need = "optional", least = "few", source = "Art. 5", label = { en = "craft" } }
kind = { type = "text", need = "required", choices = ["test", "show"], source = "Art. 5", label = { en = "kind" } }
site = { type = "place", need = "optional", source = "Art. 3", label = { en = "site" } }
border = { type = "corridor", need = "optional", source = "Art. 3", label = { en = "border" } }

[rendering.en]
subject = "Flight {window}"
unknown = "unknown"
text = "Kind {kind}.\\nRange {range}.\\nSite {site}."
"""  # noqa: E501  # a table a line


def plain(changes=()):
    """The profile's plain values, changed at the given paths; None takes a value away."""
    values = deepcopy(tomllib.loads(TEXT))
    for path, value in dict(changes).items():
        *inner, last = path.split(".")
        table = values
        for part in inner:
            table = table[int(part)] if isinstance(table, list) else table.setdefault(part, {})
        if value is None:
            del table[last]
        else:
            table[last] = value
    return values


def profile(**changes):
    """The profile, changed; double underscores stand for dots and single ones for hyphens."""
    paths = {name.replace("__", ".").replace("_", "-"): value for name, value in changes.items()}
    return from_plain(plain(paths))


def shipped():
    """Every shipped profile, by name."""
    found = [parse_toml(file.read_bytes()) for file in sorted(SHIPPED.glob("*.toml"))]
    return {one.name: one for one in found}


class Flat:
    """Geometry for tests: a place is ``at 12 km``, and distances are on one road."""

    def canonical(self, kind, text):
        """``at 12 km`` with one space."""
        if not text.startswith("at "):
            raise WrongError(Rule.BAD_PLACE, f"«{text}» crosses itself")
        return " ".join(text.split())

    def apart_m(self, first, second):
        """The difference of two kilometres; nowhere has none."""
        if "nowhere" in second:
            return None
        return 1000.0 * abs(float(first.split()[1]) - float(second.split()[1]))


def say(line, log, form, **more):
    """A dispatch whose text is a form, or a text as it is."""
    text = form if isinstance(form, str) else form.text()
    body = Dispatch(language="en", dtg_s=line.time_s, subject="n", text=text).encode()
    return line.dispatch(log, body=body, kind=Kind.DISPATCH, **more)
