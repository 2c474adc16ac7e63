"""Where each figure comes from, as W3C PROV-JSON (W3C Member Submission, 24 April 2013).

A figure is derived from weekly counts, those from the files held, each with its SHA-256; the run is
the activity, with the hash of its plan and the words its engine was asked with.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from detente import __version__
from detente.trends.counts import WeekCount
from detente.trends.lake import FileRead

SPACE = "urn:detente:trends:"
RUN = "dt:run"


class Provenance:
    """The document while a report is made. Ids depend on what was looked at alone."""

    def __init__(self, plan_sha256: str, *, frozen: bool, engine: str) -> None:
        self._entities: dict[str, dict[str, Any]] = {}
        self._derived: dict[str, dict[str, str]] = {}
        self._generated: dict[str, dict[str, str]] = {}
        self._used: dict[str, dict[str, str]] = {}
        self.figures: dict[str, str] = {}
        self._run = {
            "prov:type": "dt:Run",
            "dt:plan_sha256": plan_sha256,
            "dt:plan_frozen": frozen,
            "dt:program": f"detente {__version__}",
            "dt:engine": engine,
        }
        self._plan = f"dt:plan-{plan_sha256}"
        self._entities[self._plan] = {"prov:type": "dt:Plan", "dt:sha256": plan_sha256}
        self._uses(self._plan)

    def file(self, name: str, sha256: str, **about: Any) -> str:
        """A file that was read; returns its id."""
        found = f"dt:file-{sha256}"
        if found not in self._entities:
            self._entities[found] = {
                "prov:type": "dt:File",
                "prov:label": name,
                "dt:sha256": sha256,
                **{f"dt:{key}": value for key, value in about.items() if value is not None},
            }
            self._uses(found)
        return found

    def lake(self, reads: Iterable[FileRead]) -> str:
        """All files that were read, as one collection; returns its id."""
        files = [
            self.file(
                read.path,
                read.sha256,
                source=read.source,
                licence=read.licence,
                lines=read.rows,
                read=read.read,
                rejected=sum(read.rejected.values()),
                first=None if read.first is None else read.first.isoformat(),
                last=None if read.last is None else read.last.isoformat(),
                accessed=None if read.accessed is None else read.accessed.isoformat(),
            )
            for read in reads
        ]
        if "dt:lake" not in self._entities:
            digest = hashlib.sha256("".join(sorted(files)).encode()).hexdigest()
            self._entities["dt:lake"] = {"prov:type": "prov:Collection", "dt:sha256": digest}
            self._comes_from("dt:lake", files)
        return "dt:lake"

    def series(self, name: str, rows: Iterable[WeekCount], lake: str) -> str:
        """The weekly counts that figures are computed from; returns their id."""
        said = [
            [row.week.isoformat(), row.a, row.b, row.outcome, row.stories, row.shared, row.late]
            for row in rows
        ]
        digest = hashlib.sha256(json.dumps(said, separators=(",", ":")).encode()).hexdigest()
        found = f"dt:counts-{name}"
        if found not in self._entities:
            self._entities[found] = {"prov:type": "dt:WeeklyCounts", "dt:sha256": digest}
            self._comes_from(found, [lake])
        return found

    def figure(self, key: str, values: Mapping[str, Any], sources: Iterable[str]) -> str:
        """One cell or chart: its numbers and what they come from. Returns its short id."""
        if key not in self.figures:
            short = f"f{len(self.figures) + 1}"
            self.figures[key] = short
            about = {f"dt:{name}": value for name, value in values.items() if value is not None}
            self._entities[f"dt:{short}"] = {
                "prov:type": "dt:Figure",
                "prov:label": key,
                **about,
            }
            self._comes_from(f"dt:{short}", sources)
        return self.figures[key]

    def document(self) -> dict[str, Any]:
        """The whole, as PROV-JSON."""
        return {
            "prefix": {"dt": SPACE, "prov": "http://www.w3.org/ns/prov#"},
            "entity": self._entities,
            "activity": {RUN: self._run},
            "used": self._used,
            "wasGeneratedBy": self._generated,
            "wasDerivedFrom": self._derived,
        }

    def _uses(self, entity: str) -> None:
        key = f"_:u{len(self._used) + 1}"
        self._used[key] = {"prov:activity": RUN, "prov:entity": entity}

    def _comes_from(self, entity: str, sources: Iterable[str]) -> None:
        key = f"_:g{len(self._generated) + 1}"
        self._generated[key] = {"prov:entity": entity, "prov:activity": RUN}
        for source in dict.fromkeys(sources):
            key = f"_:d{len(self._derived) + 1}"
            self._derived[key] = {"prov:generatedEntity": entity, "prov:usedEntity": source}


def hashes_behind(document: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """For each figure of a document, by short id: the SHA-256 of every file that it comes from."""
    parents: dict[str, list[str]] = defaultdict(list)
    for row in document["wasDerivedFrom"].values():
        parents[row["prov:generatedEntity"]].append(row["prov:usedEntity"])
    known: dict[str, frozenset[str]] = {}

    def behind(entity: str) -> frozenset[str]:
        if entity not in known:
            about = document["entity"][entity]
            own = {about["dt:sha256"]} if about["prov:type"] == "dt:File" else set()
            known[entity] = frozenset(own.union(*(behind(one) for one in parents[entity])))
        return known[entity]

    return {
        entity.removeprefix("dt:"): behind(entity)
        for entity, about in document["entity"].items()
        if about["prov:type"] == "dt:Figure"
    }
