"""Every target by name: what ``make fuzz`` runs and what the tests run."""

from __future__ import annotations

from fuzz import files, formats, nodes, places, sessions
from fuzz.contract import Target

TARGETS: dict[str, Target] = {
    target.name: target
    for targets in (
        formats.TARGETS,
        files.TARGETS,
        sessions.TARGETS,
        nodes.TARGETS,
        places.TARGETS,
    )
    for target in targets
}
