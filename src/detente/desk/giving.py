"""Drafts of notices: what the node is asked with, and what a page says of one before it goes.

The node decides: the same calls as `detente notice` make, with ``fix`` where people authorise
(node/notices.py). Nothing is checked twice here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from detente.core.errors import LocalError, Refusal
from detente.desk.desk import Desk
from detente.desk.drafts import Draft
from detente.desk.map import Drawing, Item, draw
from detente.desk.node_side import gone
from detente.desk.refusing import refusal
from detente.dossiers import shapes
from detente.dossiers.faults import Rule
from detente.dossiers.grids import Grid
from detente.dossiers.profile import Field, Profile, read_word
from detente.dossiers.profile_reading import parse_canonical
from detente.words import marked

NOTICE: Final = "notice_send"
ANSWER: Final = "notice_answer"
CANCEL: Final = "notice_cancel"
SUSPEND: Final = "notice_suspend"
SAY: Final = "say"  # a form that an adoption asks for, whose text is not written by hand
KINDS: Final = (NOTICE, ANSWER, CANCEL, SUSPEND)
STANDING: Final = ("released", "received")
_CHECKED: Final = ("profile", "values", "unknown", "relations")

View = Mapping[str, Any]


async def fix(desk: Desk, draft: Draft) -> dict[str, Any]:
    """The form of a notice as the node fixes it now: it states how late it is. LocalError with
    every fault."""
    if draft.fields["do"] == SAY:
        found = await desk.node.ask("fix", **draft.fields["said"], line=draft.line)
        return {**found, "said": draft.fields["said"]}
    asked = {name: it for name, it in draft.fields.items() if name != "do"}
    late = {"late": True} if draft.fields["do"] == NOTICE else {}
    made: dict[str, Any] = await desk.node.ask(
        draft.fields["do"], **asked, **late, line=draft.line, fix=True
    )
    return made


async def check(desk: Desk, draft: Draft, language: str | None = None) -> dict[str, Any]:
    """What is wrong with a notice now, when it is due, and how it reads."""
    asked = {name: draft.fields[name] for name in _CHECKED if draft.fields.get(name)}
    found: dict[str, Any] = await desk.node.ask(
        "notice_check", **asked, line=draft.line, language=language
    )
    return found


def unconfirmed(fixed: View, found: View) -> list[dict[str, Any]]:
    """The faults that whoever authorised a fixed notice was not shown: all but a lateness that its
    form states."""
    shown = bool(fixed.get("late_s"))
    return [one for one in found["faults"] if not (shown and one["rule"] == Rule.TOO_LATE.value)]


async def still_sound(desk: Desk, draft: Draft) -> None:
    """LocalError NOT_ALLOWED where a notice may not go as it was authorised: it has become late
    meanwhile, or something it rests on is gone."""
    if draft.fields.get("do") != NOTICE:
        return
    if unconfirmed(draft.fixed, await check(desk, draft)):
        raise changed()


def changed() -> LocalError:
    """What was authorised is not what the notice would say now."""
    return refusal(
        Refusal.NOT_ALLOWED,
        marked("The notice has become late since it was fixed, or something it rests on has gone"),
        marked("Edit it, read it again, and authorise it as it is now."),
    )


async def told(desk: Desk, draft: Draft, fixed: View) -> dict[str, Any]:
    """What templates say of a fixed notice beside its exact text; nothing where the node is not
    there, or of other drafts."""
    if draft.fields.get("do") == ANSWER:
        return {"answer": draft.fields | {"differs": fixed.get("differs") or []}}
    if draft.fields.get("do") != NOTICE:
        return {}
    try:
        found = await check(desk, draft)
    except LocalError as error:
        if gone(error):
            return {}
        return {"notice": None, "stale": True}
    stale = bool(unconfirmed(fixed, found)) and draft.state in ("writing", "offered")
    items = [Item(name, shape, "ours") for name, shape in _shapes(found["places"])]
    return {
        "notice": found,
        "stale": stale,
        "late_s": fixed["late_s"],
        "drawing": drawn(desk, items),
    }


def _shapes(places: Mapping[str, str]) -> Iterator[tuple[str, shapes.Shape]]:
    """The places of a notice that a map can show; a band of heights is none."""
    for name, text in places.items():
        shape = shapes.read(text)
        if not isinstance(shape, shapes.Band):
            yield name, shape


def items_of(notices: list[dict[str, Any]]) -> Iterator[Item]:
    """What a map shows of notices that stand."""
    for one in notices:
        for name, shape in _shapes(one["places"]) if one["state"] in STANDING else ():
            yield Item(f"{one['entry']} {name}", shape, "ours" if one["mine"] else "theirs")


def drawn(desk: Desk, items: list[Item], grid: Grid = Grid.WGS84) -> Drawing | None:
    """Their map, with words in a grid, over the coast that is kept here; None where there is
    nothing to draw, or where the libraries of ``detente[places]`` are not installed: the texts of
    the places stand at each notice."""
    try:
        return draw(items, grid, coast=desk.coast) if items else None
    except LocalError:
        return None


# --- profiles ---


async def profiles(desk: Desk, line: str) -> tuple[dict[str, Any], dict[str, Profile]]:
    """What the node says of profiles and adoptions on a line, and each profile by its digest."""
    found: dict[str, Any] = await desk.node.look("notice_profiles", line=line)
    read = [parse_canonical(one["canonical"].encode()) for one in found["profiles"]]
    return found, {one.digest: one for one in read}


def adopted(found: View, known: Mapping[str, Profile], name: str) -> Profile | None:
    """The profile of a name that binds now; where none does, the last that a charter named."""
    words = [one for one in found["adopted"] if one["word"].startswith(f"{name}/")]
    words.sort(key=lambda one: one["state"] == "in-force")  # a stable sort: the last adopted last
    return of_word(known, words[-1]["word"]) if words else None


def in_order(profile: Profile) -> list[Field]:
    """The fields in the order in which its text names them: the signed form knows no order."""
    text = next(iter(profile.renderings.values())).text

    def place(field: Field) -> tuple[int, str]:
        at = text.find(f"{{{field.name}}}")
        return at if at >= 0 else len(text), field.name

    return sorted(profile.fields.values(), key=place)


def of_word(known: Mapping[str, Profile], word: str) -> Profile | None:
    """The profile that a charter's word names, where its text is here."""
    parts = read_word(word)
    return None if parts is None else known.get(parts.digest)
