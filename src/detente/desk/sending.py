"""Drafts on their way to the node: by themselves once enough have authorised, and exactly once.

Whoever claims a draft sends it. The node keeps the record of a form and tells, asked again, what
became of its message (spec/authorisation.md §3): so an answer that was lost is asked for again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from detente import words
from detente.core.errors import LocalError, Refusal
from detente.desk import attaching, giving
from detente.desk.desk import Desk, wall_s
from detente.desk.drafts import NOTICE, OFFERED, SENDING, SENT, Draft
from detente.desk.fixed import PURPOSE
from detente.desk.passkeys import Assertion, text_of
from detente.desk.people import Person
from detente.desk.refusing import refusal
from detente.words import marked

SENT_S = 2  # with a link up a message has its serial by then; else it is told of as queued


def row_of(desk: Desk, person: Person, made: Assertion) -> dict[str, Any]:
    """One person's word for the journal: enough to check the signature again without this desk."""
    return {
        "person": str(person.number),
        "name": person.name,
        "at_s": wall_s(),
        "passkey": made.passkey.hex(),
        "public_key": text_of(made.public_key),
        "record": made.record,
        "purpose": PURPOSE,
        "host": desk.host,
        "origin": desk.origin,
    }


async def send_if_ready(desk: Desk, number: int) -> Draft:
    """Sends a draft that has its authorisations, unless somebody else is doing it."""
    draft = desk.drafts.get(number)
    enough = len(desk.drafts.authorisations(number)) >= draft.asked
    if draft.state == OFFERED and enough and desk.drafts.claim(number, wall_s()):
        await deliver(desk, desk.drafts.get(number))
    return desk.drafts.get(number)


def _request(desk: Desk, draft: Draft) -> tuple[dict[str, Any], int]:
    """What the node's `say` is asked with, and how many people are missing under it."""
    rows = [one.statement for one in desk.drafts.authorisations(draft.number)]
    fields: dict[str, Any] = {
        **draft.said,
        "line": draft.line,
        "dtg_s": draft.fixed["dtg_s"],
        "wait": "sent",
        "timeout_s": SENT_S,
    }
    if draft.glass:
        fields["reason"] = draft.glass
        missing = int(draft.fixed["people"])
    else:
        missing = max(0, draft.missing_after - len(rows) + 1)
        fields["release"] = {
            "sha256": draft.fixed["sha256"],
            "by": rows,
            "missing": missing,
            "journal": draft.fixed["journal"],
        }
    return fields, missing


async def find_entry(desk: Desk, draft: Draft) -> Draft:
    """A draft that was queued when it was last heard of: which entry it has become, if any."""
    if draft.state != SENT or draft.entry:
        return draft
    fields, _missing = _request(desk, draft)
    try:
        said = await desk.node.ask("say", **fields | {"wait": "queued", "again": True})
    except LocalError:
        return draft  # no node, or dropped from its outbox by hand: the page says «queued»
    desk.drafts.entered(draft.number, said["entry"] or "")
    if said["entry"]:
        attaching.let_go(draft)
    return desk.drafts.get(draft.number)


async def deliver(desk: Desk, draft: Draft) -> None:
    """Has the node send a claimed draft. A node that does not answer leaves it claimed, to be
    asked again; one that refuses sends it back to be written."""
    fields, missing = _request(desk, draft)
    try:
        said = await (_say_sound if draft.kind == NOTICE else _say)(desk, draft, fields)
    except TimeoutError:
        return
    except LocalError as error:
        if error.refusal is not Refusal.UNREACHABLE:
            desk.drafts.refused_by_node(draft.number, words.refusal(error)[0], wall_s())
            desk.live.ring()
        return
    desk.drafts.arrived(draft.number, said["entry"] or "", said["note"], missing, wall_s())
    if said["entry"]:
        attaching.let_go(draft)  # else asked for once more, to learn which entry it became
    desk.live.ring()


async def _say(desk: Desk, _draft: Draft, fields: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = await desk.node.ask("say", **fields)
    return said


async def _say_sound(desk: Desk, draft: Draft, fields: Mapping[str, Any]) -> dict[str, Any]:
    """A notice goes only while it is what was authorised: what became late meanwhile goes back.
    One that is sent already, whose answer was lost, is not looked at again."""
    try:
        return await _say(desk, draft, {**fields, "again": True})
    except LocalError as error:
        if error.refusal is not Refusal.NOT_FOUND:
            raise
    await giving.still_sound(desk, draft)
    return await _say(desk, draft, fields)


async def flush(desk: Desk) -> None:
    """Sends what is ready: after a node came back, or this desk."""
    for draft in desk.drafts.ready():
        if draft.state == SENDING or desk.drafts.claim(draft.number, wall_s()):
            await deliver(desk, desk.drafts.get(draft.number))


async def countersign(desk: Desk, draft: Draft, row: Mapping[str, Any]) -> None:
    """The journal first, then this desk: a word that was not kept was not given. LocalError."""
    if draft.state != SENT or not draft.missing:
        raise refusal(
            Refusal.NOT_ALLOWED,
            marked("Nobody is missing under this message"),
            marked("Load the page again."),
        )
    await desk.node.ask("countersign", note=draft.note, by=[dict(row)])


class Outgoing:
    """Looks for what is ready whenever the node tells of something, one look at a time."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._task: asyncio.Task[None] | None = None

    def hear(self, event: dict[str, Any]) -> None:
        """One event of the node."""
        if event.get("event") == "node-gone" or (self._task is not None and not self._task.done()):
            return
        drafts = self._desk.drafts
        if drafts.offered() and drafts.ready():  # the first asks little, and is nearly always no
            self._task = asyncio.ensure_future(flush(self._desk))

    def begin(self) -> None:
        """At the start of a desk: what was under way when it ended."""
        self.hear({"event": "begin"})
