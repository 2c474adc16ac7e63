"""Every target by name: what ``make fuzz`` runs and what the tests run."""

from __future__ import annotations

from fuzz import files, formats, nodes, sessions
from fuzz.contract import Target

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (*formats.TARGETS, *files.TARGETS, *sessions.TARGETS, *nodes.TARGETS)
}
