"""Drafts and who authorised them, in the cabinet: what is fixed, what voids it, who sends it.

A draft is *writing*, *offered* (its form is fixed, people may authorise it), *sending* (somebody
has the right to send it, nobody else), *sent* or *dropped*. Each step is one change of one row, so
that of two browsers that press at the same time one is first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from detente.core.errors import LocalError, Refusal
from detente.desk.cabinet import Cabinet
from detente.desk.refusing import refusal
from detente.store.database import Row
from detente.words import marked

WRITING: Final = "writing"
OFFERED: Final = "offered"
SENDING: Final = "sending"
SENT: Final = "sent"
DROPPED: Final = "dropped"
NOTICE: Final = "notice"
NOTE_CHARS_MAX: Final = 1000


@dataclass(frozen=True, slots=True)
class Draft:
    """One draft as it is kept."""

    number: int
    line: str
    drafter: int
    kind: str  # dispatch, accident or notice
    stop: bool  # one officer sends it, and the second follows
    fields: dict[str, Any]  # what the node's `say` takes; of a notice, what its `do` takes
    version: int
    state: str
    fixed: dict[str, Any]  # what the node's `fix` gave; empty while it is written
    entry: str
    note: str  # hash of the journal's note
    missing: int  # people who still have to countersign
    glass: str  # why it went out through broken glass
    trouble: str  # why it lies here again: a refusal by a person or by the node
    changed_s: int

    @property
    def said(self) -> Mapping[str, Any]:
        """What the node's `say` takes: of a notice, the text that was fixed."""
        found: Mapping[str, Any] = self.fixed["said"] if self.kind == NOTICE else self.fields
        return found

    @property
    def address(self) -> str:
        """The page on which it is written."""
        return f"/draft/{self.number}" + ("/notice" if self.kind == NOTICE else "")

    @property
    def asked(self) -> int:
        """How many people have to authorise it before it goes."""
        return 1 if self.stop else int(self.fixed.get("people", 1))

    @property
    def missing_after(self) -> int:
        """How many have to follow a STOP that one officer sent: always somebody."""
        return max(int(self.fixed.get("people", 1)), 2) - 1 if self.stop else 0


@dataclass(frozen=True, slots=True)
class Authorisation:
    """One person's word on one form; ``statement`` goes into the journal."""

    person: int
    at_s: int
    statement: dict[str, Any]


class Drafts:
    """The drafts of a cabinet."""

    def __init__(self, cabinet: Cabinet) -> None:
        self._cabinet = cabinet

    def begin(
        self,
        line: str,
        drafter: int,
        fields: Mapping[str, Any],
        now_s: int,
        *,
        stop: bool = False,
    ) -> Draft:
        """A new draft."""
        number = self._cabinet.insert(
            "draft",
            line=line,
            drafter=drafter,
            kind=_kind(fields),
            stop=stop,
            fields=dict(fields),
            version=1,
            state=WRITING,
            changed_s=now_s,
        )
        return self.get(number)

    def get(self, number: int) -> Draft:
        """LocalError NOT_FOUND."""
        row = self._cabinet.row(f"{_SELECT} WHERE number = ?", number)
        if row is None:
            raise LocalError(Refusal.NOT_FOUND, f"no draft {number}")
        return _draft(row)

    def open(self) -> list[Draft]:
        """Everything that is not sent and not dropped, newest first."""
        where = (
            "WHERE state IN ('writing', 'offered', 'sending') ORDER BY changed_s DESC, number DESC"
        )
        return [_draft(row) for row in self._cabinet.rows(f"{_SELECT} {where}")]

    def sent(self, most: int = 20) -> list[Draft]:
        """What was sent last, newest first."""
        where = "WHERE state = 'sent' ORDER BY changed_s DESC, number DESC LIMIT ?"
        return [_draft(row) for row in self._cabinet.rows(f"{_SELECT} {where}", most)]

    def uncountersigned(self) -> list[Draft]:
        """What went out before everybody had authorised it, oldest first."""
        where = "WHERE state = 'sent' AND missing > 0 ORDER BY number"
        return [_draft(row) for row in self._cabinet.rows(f"{_SELECT} {where}")]

    def offered(self) -> int:
        """How many drafts wait to be authorised or sent."""
        found = self._cabinet.row(
            "SELECT count(*) FROM draft WHERE state IN ('offered', 'sending')"
        )
        return 0 if found is None else int(found[0])

    # --- writing ---

    def save(self, number: int, version: int, fields: Mapping[str, Any], now_s: int) -> Draft:
        """Keeps what was typed. LocalError IN_USE if the draft is not what the page showed: it was
        edited, offered or sent elsewhere meanwhile."""
        draft = self.get(number)
        if draft.state == WRITING and draft.version == version and draft.fields == dict(fields):
            return draft
        changed = self._cabinet.run(
            "UPDATE draft SET fields = ?, version = version + 1, changed_s = ? "
            "WHERE number = ? AND version = ? AND state = 'writing'",
            _json(fields),
            now_s,
            number,
            version,
        )
        if not changed:
            raise _changed()
        return self.get(number)

    def drop(self, number: int, now_s: int) -> None:
        """Gives a draft up. LocalError NOT_ALLOWED once it is being sent."""
        if not self._cabinet.run(
            "UPDATE draft SET state = 'dropped', changed_s = ? "
            "WHERE number = ? AND state IN ('writing', 'offered')",
            now_s,
            number,
        ):
            raise _done()

    # --- authorising ---

    def offer(self, number: int, version: int, fixed: Mapping[str, Any], now_s: int) -> Draft:
        """From here on people may authorise this form. LocalError IN_USE as ``save``."""
        with self._cabinet.change():
            changed = self._cabinet.run(
                "UPDATE draft SET state = 'offered', fixed = ?, trouble = NULL, changed_s = ? "
                "WHERE number = ? AND version = ? AND state = 'writing'",
                _json(fixed),
                now_s,
                number,
                version,
            )
            if not changed:
                raise _changed()
            self._void(number)
        return self.get(number)

    def edit(self, number: int, now_s: int, trouble: str = "") -> Draft:
        """Back to writing: whatever was authorised is void. LocalError NOT_ALLOWED once it is
        being sent."""
        with self._cabinet.change():
            changed = self._cabinet.run(
                "UPDATE draft SET state = 'writing', fixed = NULL, version = version + 1, "
                "trouble = ?, changed_s = ? WHERE number = ? AND state IN ('writing', 'offered')",
                trouble[:NOTE_CHARS_MAX] or None,
                now_s,
                number,
            )
            if not changed:
                raise _done()
            self._void(number)
        return self.get(number)

    def _void(self, number: int) -> None:
        self._cabinet.run("DELETE FROM authorisation WHERE draft = ?", number)

    def authorise(self, number: int, sha256: str, person: int, given: Mapping[str, Any]) -> None:
        """One person's word on the form of that hash; the second word of one person is the first.

        LocalError IN_USE where another form, or none, is offered now.
        """
        with self._cabinet.change():
            draft = self.get(number)
            if draft.state not in (OFFERED, SENT) or draft.fixed.get("sha256") != sha256:
                raise refusal(
                    Refusal.IN_USE,
                    marked("This is not what is offered now"),
                    marked("Load the page again, and read it again."),
                )
            if any(one.person == person for one in self.authorisations(number)):
                return
            self._cabinet.insert(
                "authorisation",
                draft=number,
                person=person,
                at_s=given["at_s"],
                statement=dict(given),
            )
            if draft.state == SENT and draft.missing:
                self._cabinet.run("UPDATE draft SET missing = missing - 1 WHERE number = ?", number)

    def authorisations(self, number: int) -> list[Authorisation]:
        """Who authorised the form that is offered, first things first."""
        rows = self._cabinet.rows(
            "SELECT person, at_s, statement FROM authorisation WHERE draft = ? "
            "ORDER BY at_s, person",
            number,
        )
        return [Authorisation(row[0], row[1], json.loads(row[2])) for row in rows]

    def ready(self) -> list[Draft]:
        """What has its authorisations, or its broken glass, and is not sent yet."""
        return [
            draft
            for draft in self.open()
            if draft.state == SENDING
            or (draft.state == OFFERED and len(self.authorisations(draft.number)) >= draft.asked)
        ]

    # --- sending ---

    def claim(self, number: int, now_s: int, glass: str = "") -> bool:
        """Takes the right to send an offered draft: True once, whoever else presses."""
        return bool(
            self._cabinet.run(
                "UPDATE draft SET state = 'sending', glass = ?, changed_s = ? "
                "WHERE number = ? AND state = 'offered'",
                glass[:NOTE_CHARS_MAX] or None,
                now_s,
                number,
            )
        )

    def arrived(self, number: int, entry: str, note: str, missing: int, now_s: int) -> None:
        """It is durable at the node, as this entry or queued (an empty word)."""
        self._cabinet.run(
            "UPDATE draft SET state = 'sent', entry = ?, note = ?, missing = ?, trouble = NULL, "
            "changed_s = ? WHERE number = ? AND state = 'sending'",
            entry,
            note,
            missing,
            now_s,
            number,
        )

    def entered(self, number: int, entry: str) -> None:
        """What was queued has become an entry."""
        self._cabinet.run("UPDATE draft SET entry = ? WHERE number = ?", entry, number)

    def refused_by_node(self, number: int, trouble: str, now_s: int) -> None:
        """The node will not have it: back to writing, with the reason."""
        with self._cabinet.change():
            self._cabinet.run(
                "UPDATE draft SET state = 'offered', glass = NULL "
                "WHERE number = ? AND state = 'sending'",
                number,
            )
            self.edit(number, now_s, trouble)


def _kind(fields: Mapping[str, Any]) -> str:
    if "do" in fields:
        return NOTICE
    return "dispatch" if fields.get("accident") is None else "accident"


def _changed() -> LocalError:
    return refusal(
        Refusal.IN_USE,
        marked("The draft was changed, offered or sent elsewhere meanwhile"),
        marked("Load it again. What you typed is still in this page."),
    )


def _done() -> LocalError:
    return refusal(
        Refusal.NOT_ALLOWED,
        marked("This draft is being sent, was sent, or was thrown away"),
        marked("Look at the list of drafts."),
    )


_OPEN = "'writing', 'offered', 'sending'"
_SELECT = (
    "SELECT number, line, drafter, kind, stop, fields, version, state, fixed, entry, note, "
    "missing, glass, trouble, changed_s FROM draft"
)


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(dict(values), ensure_ascii=False)


def _draft(row: Row) -> Draft:
    return Draft(
        number=row[0],
        line=row[1],
        drafter=row[2],
        kind=row[3],
        stop=bool(row[4]),
        fields=json.loads(row[5]),
        version=row[6],
        state=row[7],
        fixed=json.loads(row[8]) if row[8] else {},
        entry=row[9] or "",
        note=row[10] or "",
        missing=row[11],
        glass=row[12] or "",
        trouble=row[13] or "",
        changed_s=row[14],
    )
