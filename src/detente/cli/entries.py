"""Entries, ladders and silences as rows of text: no more than is signed, and who states it.

Facts come from the node as JSON (EntryView, LineStatus). Whatever another party wrote goes through
``plain`` or ``quoted`` before a terminal sees it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from detente.plain import padded, plain, quoted
from detente.terms import (
    ACCIDENT,
    ATTACHMENTS,
    BODIES,
    DRILL,
    GRADES,
    KINDS,
    LABELS,
    MISSING,
    RECEIVE_ONLY,
    RELATIONS,
    REVISIONS,
    STEPS,
    bearer_rows,
    counts,
    emcon_rows,
    member_rows,
    quantum_rows,
    word,
)
from detente.times import give_or_take, stamp
from detente.words import RUNGS, STATERS, _, gloss, translate

View = Mapping[str, Any]


def drill_rows(view: View) -> list[str]:
    """The mark of an exercise, on a row of its own."""
    return [DRILL] if view.get("drill") else []


def head_row(view: View) -> str:
    """Precedence, serial, time and clock, from whom to whom: the first row of an entry."""
    author = plain(str((view.get("author") or {}).get("name", "")))
    names = [plain(str(name)) for name in view.get("audience") or ()]
    readers = ", ".join(name for name in names if name != author) or "-"
    if "time_s" not in view:
        return f"{plain(str(view['entry']))}  {author}  " + _("signed bytes that are no entry")
    when = f"{stamp(view['time_s'])}, {give_or_take(view['clock_error_s'])}"
    kind = "" if view["kind"] == "dispatch" else f"  {word(KINDS, view['kind'])}"
    precedence = padded(plain(str(view.get("precedence", ""))), 9)
    return f"{precedence}  {plain(str(view['entry']))}  {when}  {author} → {readers}{kind}"


def entry_rows(view: View, *, whole: bool = False) -> Iterator[str]:
    """One entry. ``whole`` adds what the precedence asks for and where the entry stands."""
    yield head_row(view)
    yield from (f"  {row}" for row in drill_rows(view))
    if whole:
        yield from [f"  {gloss(view['precedence'])}"] if view.get("precedence") else []
        yield "  " + _("place {place} · {hash}").format(
            place=plain(str(view.get("place", ""))), hash=plain(str(view.get("hash", "")))
        )
    if view.get("context_incomplete"):
        yield "  " + "CONTEXT INCOMPLETE"
    if view.get("standing") not in {None, "", "counted"}:
        yield "  " + _("standing: {standing}").format(standing=plain(str(view["standing"])))
    yield from _relation_rows(view)
    yield from _body_rows(view)
    yield from attachment_rows(view)
    for one in view.get("revisions") or ():
        yield "  " + word(REVISIONS, one["relation"]).format(entry=plain(str(one["entry"])))
    yield from ladder_rows(view.get("ladder") or ())
    for file in view.get("carried") or ():
        said = _("written for a courier to {name} at {when}; that says nothing of its arrival")
        yield "  " + said.format(name=plain(str(file["name"])), when=stamp(file["at_s"]))
    for name, at_s in (view.get("legal_receipt") or {}).items() if whole else ():
        said = (
            _("no legal receipt by {name}")
            if at_s is None
            else _("legal receipt by {name}: {when}")
        )
        yield "  " + said.format(name=plain(name), when="" if at_s is None else stamp(at_s))
    for late in view.get("overdue") or ():
        yield f"  {late_row(late)}"
    for one in view.get("receive_only") or ():
        said = translate(RECEIVE_ONLY)
        yield "  " + said.format(name=plain(str(one["name"])), until=stamp(one["until_s"]))


def late_row(late: View) -> str:
    """What is overdue of one reader."""
    said = word(MISSING, late["missing"])
    return said.format(name=plain(str(late["name"])), when=stamp(late["due_s"]))


def _relation_rows(view: View) -> Iterator[str]:
    relations = view.get("relations")
    if relations is None:
        relations = [{"relation": "refers", "entry": ref} for ref in view.get("refs") or ()]
    for one in relations:
        yield "  " + word(RELATIONS, one["relation"]).format(entry=plain(str(one["entry"])))


def _body_rows(view: View) -> Iterator[str]:
    if view.get("subject"):
        yield f"  {plain(view['subject'])}"
    if view.get("text"):
        yield from quoted(str(view["text"]), "  ")
    if view.get("happened_s") is not None:
        yield "  " + _("when: {said}").format(said=stamp(view["happened_s"]))
    for name in ACCIDENT:
        if view.get(name):
            yield from quoted(word(ACCIDENT, name).format(said=view[name]), "  ")
    if view.get("body_state") in BODIES:
        yield "  " + word(BODIES, view["body_state"])
    notes = [word(LABELS, view["label"])] if view.get("label") else []
    notes += [_("personal data")] if view.get("personal") else []
    notes += [_("language {tag}").format(tag=plain(view["language"]))] if notes else []
    if notes:
        yield "  " + " · ".join(notes)
    for made in view.get("translations") or ():
        by = plain(str(made.get("by", "")))
        tag = plain(str(made.get("language", "")))
        yield f"  {word(GRADES, made['grade'])} ({tag}), {by}, {plain(str(made['entry']))}"
        yield from quoted(str(made.get("text") or ""), "    ")


def attachment_rows(view: View) -> Iterator[str]:
    """Each attachment as its author calls it, and how much of it is here; nothing is opened."""
    for one in view.get("attachments") or ():
        size, held = int(one["size_bytes"]), int(one["held_bytes"])
        state = word(ATTACHMENTS, one["state"]).format(percent=100 * held // size)
        name, media_type = plain(str(one["name"])), plain(str(one["media_type"]))
        said = _("attachment {number}: {name} ({media_type}, {size} bytes): {state}")
        yield "  " + said.format(
            number=one["number"], name=name, media_type=media_type, size=size, state=state
        )
        yield "    SHA-256 " + plain(str(one["sha256"]))
    for name in view.get("attachments_declined_by") or ():
        yield "  " + _("{name} takes no more attachments of that day").format(name=plain(str(name)))


def ladder_rows(ladder: Iterable[View]) -> Iterator[str]:
    """Each rung: what, whose, when by its own clock, and who states it."""
    for step in ladder:
        rung = padded(word(STEPS, step["rung"]), 24)
        name = plain(str(step.get("name") or ""))
        when = stamp(step["at_s"]) if step.get("at_s") is not None else ""
        stated = word(STATERS, step.get("stated_by")) if step.get("stated_by") else ""
        entry = plain(str(step.get("entry") or ""))
        yield "  " + "  ".join(part for part in (rung, name, when, stated, entry) if part)


def overdue_rows(views: Iterable[View]) -> Iterator[str]:
    """The overdue list; nothing if nothing is."""
    for view in views:
        yield head_row(view)
        for late in view.get("overdue") or ():
            yield f"  {late_row(late)}"


def gap_rows(gaps: Iterable[View]) -> Iterator[str]:
    """Where an author's own count of its messages jumps."""
    for gap in gaps:
        said = _("GAP in the serials: {found} at {entry}, where {expected} is next")
        yield "  " + said.format(
            found=gap["found"], entry=plain(str(gap["entry"])), expected=gap["expected"]
        )


# --- lines ------------------------------------------------------------------------------------


def line_rows(status: View) -> Iterator[str]:
    """One line: its state, its members and what each of them has."""
    yield f"{plain(str(status['title']))}  {plain(str(status['line']))[:16]}"
    yield from (f"  {row}" for row in drill_rows(status))
    yield "  " + _state(status)
    if status.get("mute"):
        yield "  " + _("MUTE: {why}").format(why=plain(str(status["mute"])))
    if status.get("legal_hold"):
        yield "  " + _("LEGAL HOLD: no body of this line is purged here until it is lifted")
    yield from (f"  {row}" for row in emcon_rows(status, stamp))
    yield "  " + counts(status)
    if status.get("awaiting_release"):
        yield "  " + _("{count} await authorisation").format(count=status["awaiting_release"])
    for member in status.get("members") or ():
        first, *more = member_rows(member, stamp)
        yield f"  {first}"
        yield from (f"    {row}" for row in more)
        yield from (f"    {row}" for row in bearer_rows(status, member.get("number"), stamp))
    yield from (f"  {row}" for row in quantum_rows(status))
    yield from gap_rows(status.get("gaps") or ())
    for log, index in (status.get("frozen") or {}).items():
        frozen = _("FROZEN: log {log} from entry {index} on; what follows is contested")
        yield "  " + frozen.format(log=plain(str(log)), index=index)


def _state(status: View) -> str:
    if status.get("joining"):
        return _("joining: the seal is not final in what is stored here; nothing is signed yet")
    if status.get("left"):
        return _("left: a later charter took this node's party off")
    return _("open") if status.get("open") else _("not open: a member has yet to sign")


def sent_rows(result: View) -> Iterator[str]:
    """What became of something said: how far it has come by now."""
    entry = result.get("entry")
    said = _("{state}: {entry}") if entry else _("{state}: number {number} in the outbox")
    state = word(RUNGS, result.get("state"))
    if result.get("receive_only_until_s") is not None:
        until = stamp(result["receive_only_until_s"])
        state = _("queued, EMCON until {until} at most").format(until=until)
    yield said.format(state=state, entry=plain(str(entry)), number=result.get("number"))


def facts_row(facts: View) -> str:
    """Facts as ``name=value``, for events and journal rows."""
    return "  ".join(f"{plain(str(name))}={plain(str(value))}" for name, value in facts.items())
