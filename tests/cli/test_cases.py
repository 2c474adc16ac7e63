"""Command lines and what they print, as transcripts in ``cases/*.txt``.

A case begins with a sentence that says what holds. ``= DO JSON`` is what the node answers to a
request, ``! JSON`` an event that it sends; ``$`` runs a command line, and the rows behind it are
all that it may print, with ``…`` for any text and a row ``…`` for any rows. ``? N`` is its exit
status where that is not 0, ``> JSON`` the requests that it made, in order.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

CASES = Path(__file__).with_name("cases")
MARKS = ("$ ", "= ", "! ", "? ", "> ")


def pattern(rows: list[str]) -> re.Pattern[str]:
    """The rows with their wildcards, as one expression over the whole output."""
    parts = [
        r"(?:.*\n)*?" if row == "…" else re.escape(row).replace("…", ".*") + r"\n" for row in rows
    ]
    return re.compile("".join(parts))


@pytest.mark.parametrize("path", sorted(CASES.glob("*.txt")), ids=lambda path: path.stem)
def test_case(path: Path, run, fake):
    """Each command line of the case prints exactly its rows, and asks exactly its requests."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    assert lines[0].endswith(".")
    at = 1
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.startswith("= "):
            do, _, answer = line[2:].partition(" ")
            fake.answers[do] = json.loads(answer)
        elif line.startswith("! "):
            fake.events.append(json.loads(line[2:]))
        elif line.startswith("$ "):
            fake.asked.clear()
            result = run("--home", "home", *shlex.split(line[2:]))
            expected, status, asked = [], 0, []
            while at < len(lines) and not lines[at].startswith(("$ ", "= ", "! ", "# ")):
                if lines[at].startswith("? "):
                    status = int(lines[at][2:])
                elif lines[at].startswith("> "):
                    asked.append(json.loads(lines[at][2:]))
                else:
                    expected.append(lines[at])
                at += 1
            assert result.exit_code == status, result.output
            assert pattern(expected).fullmatch(result.output), f"{line}\n{result.output}"
            assert not asked or fake.asked == asked
        else:
            assert not line or line.startswith("# "), line
