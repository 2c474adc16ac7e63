"""The pages of profiles: what each says in full, what became of it on a line, and adopting it.

The text of a profile and our own word for its unread numbers go as drafts that people authorise;
only then the amendment of the charter is offered, or theirs agreed to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from detente import words
from detente.core.errors import LocalError, Refusal
from detente.desk import giving, notice_words, noting
from detente.desk.desk import Desk, wall_s
from detente.desk.drafts import NOTICE, Draft
from detente.desk.guard import page
from detente.desk.node_side import gone
from detente.desk.refusing import refusal
from detente.desk.sessions import Session
from detente.desk.sheets import sheet
from detente.desk.writing import line_of, put_up, text_of
from detente.dossiers.profile import Profile, read_word
from detente.words import _, marked

NUMBER = "n-"  # before the name of a number, as a form has it
ENDED = ("suspended", "dropped")


@page()
async def profiles(request: Request, desk: Desk, session: Session) -> Response:
    """Every profile that is known here, those of this line first."""
    line = await line_of(desk, request.path_params["line"])
    found, known = await giving.profiles(desk, line["line"])
    adopted, offered = {one: _of(found["adopted"], one) for one in known}, _offered(found)
    return sheet(
        request,
        desk,
        session,
        "profiles.html",
        line=line,
        profiles=sorted(
            known.values(),
            key=lambda one: (not adopted[one.digest] and one.digest not in offered, one.name),
        ),
        adopted=adopted,
        offered=offered,
    )


@page()
async def profile(request: Request, desk: Desk, session: Session) -> Response:
    """One profile in full, and what is still to be done before it binds."""
    return await _profile(request, desk, session, {}, ("", ""))


async def _profile(
    request: Request,
    desk: Desk,
    session: Session,
    typed: Mapping[str, str],
    trouble: tuple[str, str],
) -> Response:
    line = await line_of(desk, request.path_params["line"])
    found, one, view = await _found(request, desk)
    adopted = _of(found["adopted"], one.digest)
    offers = [each for each in found["offered"] if one.digest in each["digests"]]
    return sheet(
        request,
        desk,
        session,
        "profile.html",
        400 if trouble[0] else 200,
        line=line,
        profile=one,
        fields=giving.in_order(one),
        view=view,
        adopted=adopted,
        going=[each for each in adopted if each["state"] not in ENDED],
        offers=offers,
        drafts=_drafts(desk, line["line"], one.digest),
        names={each["number"]: each["name"] for each in line["members"]},
        me=next((each["number"] for each in line["members"] if each["me"]), -1),
        deadline=_deadline(one, request.scope.get("language", "en")),
        typed=typed,
        trouble=trouble,
    )


@page("authorise")
async def adopt(request: Request, desk: Desk, session: Session) -> Response:
    """Our part of an adoption: first the forms that people authorise, then the amendment. What was
    typed stays where a number is not as the profile has it."""
    line, form = request.path_params["line"], await request.form()
    _all, one, view = await _found(request, desk)
    waiting = _drafts(desk, line, one.digest)
    if waiting:
        return RedirectResponse(f"/draft/{waiting[0].number}/authorise", 303)
    typed = {n.name: " ".join(text_of(form, NUMBER + n.name).split()) for n in one.unsure}
    state = {n.name: n.said for n in one.unsure} if view["stated"] else typed
    asked = {"name": one.digest, "state": state, "line": line}
    if any(state[n.name] != n.said for n in one.unsure):
        error = refusal(
            Refusal.USAGE,
            marked("A number is not stated as the profile has it"),
            marked("Write each as it stands, with its unit; or agree on another profile."),
        )
        return await _profile(request, desk, session, typed, words.refusal(error))
    try:
        made = await desk.node.ask("notice_adopt", **asked, fix=True)
        if made["forms"]:
            return await _offer_forms(desk, session, line, one, made["forms"])
        await desk.node.ask("notice_adopt", **asked)
    except LocalError as error:
        if gone(error):
            raise
        return await _profile(request, desk, session, typed, words.refusal(error))
    await _note(desk, session, line, one)
    return RedirectResponse(_address(line, one), 303)


async def _offer_forms(
    desk: Desk, session: Session, line: str, one: Profile, forms: Sequence[dict[str, Any]]
) -> Response:
    """A draft for each form, offered at once: they are made by the node, and nobody edits them.
    Each leads to the next, and the last back to the profile."""
    drafts = [
        desk.drafts.begin(
            line,
            session.person.number,
            {
                "do": giving.SAY,
                "said": made["said"],
                "subject": made["said"]["subject"],
                "precedence": "ROUTINE",
                "digest": one.digest,
            },
            wall_s(),
        )
        for made in forms
    ]
    after = [f"/draft/{then.number}/authorise" for _draft, then in pairwise(drafts)]
    for draft, made, then in zip(drafts, forms, [*after, _address(line, one)], strict=True):
        kept = desk.drafts.save(draft.number, 1, draft.fields | {"then": then}, wall_s())
        await put_up(desk, kept, kept.version, made, session.person)
    return RedirectResponse(f"/draft/{drafts[0].number}/authorise", 303)


async def _note(desk: Desk, session: Session, line: str, one: Profile) -> None:
    """The journal knows whose hand it was: the charter knows only the party."""
    who = {"person": session.person.number, "name": session.person.name}
    facts = {"line": line, "profile": one.name, "digest": one.digest}
    noting.put(desk.cabinet, "profile-adopted", wall_s(), **facts, **who)
    await noting.tell(desk)
    desk.live.ring()


async def _found(request: Request, desk: Desk) -> tuple[dict[str, Any], Profile, dict[str, Any]]:
    """What the node says of all profiles, the one of the address, and what it says of that one.
    LocalError NOT_FOUND."""
    digest = request.path_params["digest"]
    found, known = await giving.profiles(desk, request.path_params["line"])
    if digest not in known:
        raise LocalError(Refusal.NOT_FOUND, "no profile of that digest is here")
    view = next(one for one in found["profiles"] if one["digest"] == digest)
    return found, known[digest], view


def _of(adopted: Sequence[dict[str, Any]], digest: str) -> list[dict[str, Any]]:
    """The adoptions of one profile, the last first."""
    words = [(read_word(one["word"]), one) for one in adopted]
    found = [
        one | {"edition": parts.edition}
        for parts, one in words
        if parts is not None and parts.digest == digest
    ]
    return found[::-1]


def _offered(found: Mapping[str, Any]) -> dict[str, str]:
    """Whose offer would adopt which profile, or that all have signed it."""
    return {
        digest: "sealed" if one["sealed"] else "ours" if one["mine"] else "theirs"
        for one in found["offered"]
        for digest in one["digests"]
    }


def _drafts(desk: Desk, line: str, digest: str) -> list[Draft]:
    """The forms of an adoption that nobody has authorised yet, in their order."""
    return [
        one
        for one in reversed(desk.drafts.open())
        if one.kind == NOTICE and one.line == line and one.fields.get("digest") == digest
    ]


def _deadline(one: Profile, language: str) -> str:
    """The rule of a profile's deadline in a sentence."""
    rule = one.deadline
    field = one.fields.get(rule.of)
    return _(notice_words.DEADLINES[rule.rule]).format(
        of=rule.of if field is None else field.labels.get(language, rule.of),
        by="" if rule.by is None else rule.by.said,
        earliest="" if rule.earliest is None else rule.earliest.said,
        days=", ".join(rule.days),
    )


def _address(line: str, one: Profile) -> str:
    return f"/line/{line}/profiles/{one.digest}"


ROUTES = [
    Route("/line/{line}/profiles", profiles),
    Route("/line/{line}/profiles/{digest}", profile),
    Route("/line/{line}/profiles/{digest}/adopt", adopt, methods=["POST"]),
]
