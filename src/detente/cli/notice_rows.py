"""Profiles, adoptions and notices as rows that people read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from detente import mistakes
from detente import words as languages
from detente.plain import plain, quoted
from detente.terms import AGREEMENTS, NOTICES, word
from detente.times import iso, spoken
from detente.words import _


def profile_rows(found: Mapping[str, Any], *, whole: bool) -> Iterator[str]:
    """One row for a profile, or with ``whole`` its numbers and fields; then adoptions."""
    for one in found["profiles"]:
        titles = one["titles"]
        title = titles.get(languages.language()) or next(iter(titles.values()))
        yield f"{plain(one['name']):<18}  {plain(title)}  ({word(AGREEMENTS, one['status'])})"
        if not whole:
            continue
        yield f"  {plain(one['source'])}  {one['digest']}"
        for number in one["numbers"]:
            yield "  {name}: {said} [{certainty}] {source}".format(
                **{key: plain(str(it)) for key, it in number.items()}
            )
        for field in one["fields"]:
            parts = [field["type"], field["unit"], field["need"], *field["choices"]]
            yield f"  {plain(field['name']):<18}  {plain(' '.join(p for p in parts if p))}"
            for each in field["phrases"]:
                says = each["says"].get(languages.language()) or "; ".join(each["says"].values())
                yield f"    {plain(each['code'])}: {plain(says)} [{each['certainty']}]"
    for one in found["adopted"]:
        yield from adopted_rows(one)


def adopted_rows(one: Mapping[str, Any]) -> Iterator[str]:
    """An adoption: its word, its state, and who has still to do what."""
    yield f"{plain(one['word'])}: {word(NOTICES, one['state'])}"
    for missing in one["missing"]:
        text = _("  member {member} has not stated {number}")
        yield text.format(member=missing["member"], number=plain(missing["number"]))
    for gone in one["suspended"]:
        text = _("  suspended by member {member} on {when}: {reason}")
        yield text.format(
            member=gone["member"], when=iso(gone["at_s"]), reason=plain(gone["reason"])
        )


def check_rows(found: Mapping[str, Any]) -> Iterator[str]:
    """Every fault, then the instants, then the notice as it reads."""
    for one in found["faults"]:
        yield mistakes.row(one)
    yield from time_rows(found)
    yield plain(found["reads"]["subject"])
    yield from quoted(found["reads"]["text"], "  ")


def time_rows(found: Mapping[str, Any]) -> Iterator[str]:
    """When it is due, and how long it stands."""
    for key, text in (
        ("earliest_s", _("not before {when}")),
        ("due_s", _("due {when}")),
        ("valid_from_s", _("stands from {when}")),
        ("valid_until_s", _("until {when}")),
    ):
        if found.get(key) is not None:
            yield text.format(when=iso(found[key]))


def list_rows(found: Mapping[str, Any]) -> Iterator[str]:
    """Adoptions, drafts, notices, dues, ceilings, meetings."""
    for one in found["adopted"]:
        yield from adopted_rows(one)
    for one in found["drafted"]:
        yield f"{one['number']:>6}  {word(NOTICES, 'drafted')}  {plain(one['reads_subject'])}"
        yield from (f"  {row}" for row in time_rows(one))
        if one["due_s"] is not None and found["now_s"] > one["due_s"]:
            span = spoken(found["now_s"] - one["due_s"])
            yield "  " + _("LATE by {span}").format(span=span)
    for one in found["notices"]:
        yield from notice_rows(one, found["members"])
    if not found["notices"]:
        yield _("No notice was given on this line yet.")
    for one in found["due"]:
        if one["given"] is None:
            late = found["now_s"] > one["due_s"]
            text = (
                _("OVERDUE since {when}: {name}, {what}")
                if late
                else _("due {when}: {name}, {what}")
            )
            yield text.format(
                when=iso(one["due_s"]),
                name=_name(found["members"], one["member"]),
                what=plain(one["profile"]),
            )
    for one in found["counts"]:
        yield _("{name} has used {used} of {most}: {what}").format(
            name=_name(found["members"], one["member"]),
            used=one["used"],
            most=one["at_most"],
            what=plain(
                f"{one['word'].partition('/')[0]} {one['counts']} {one['year'] or ''}".strip()
            ),
        )
    for one in found["meet"]:
        text = _("{one} and {other} MEET from {when}")
        if one["gap_m"] is None or not one["heights_known"]:
            text = _("{one} and {other} may meet from {when}: nobody can compute it")
        yield text.format(
            one=plain(one["entry"]), other=plain(one["other"]), when=iso(one["start_s"])
        )

    if found["unmeasured"]:
        text = _("{count} pairs of notices were not compared yet: ask again.")
        yield text.format(count=found["unmeasured"])


def _name(members: Mapping[Any, str], member: int) -> str:
    return plain(str(members.get(member) or members.get(str(member)) or member))


def notice_rows(one: Mapping[str, Any], members: Mapping[Any, str]) -> Iterator[str]:
    """A notice: what it is, what became of it, who received it and how late."""
    yield "{entry}  {name}  {what}  {state}".format(
        entry=plain(one["entry"]),
        name=_name(members, one["member"]),
        what=plain(one["reads_subject"]),
        state=word(NOTICES, one["state"]),
    )
    if not one["bound"]:
        yield "  " + _("given under an adoption that did not bind its author")
    yield from (f"  {row}" for row in time_rows(one))
    for each in one["deliveries"]:
        name = _name(members, each["member"])
        if each["received_s"] is None:
            row = _("{name}: no receipt yet").format(name=name)
        else:
            row = _("{name}: received {when}").format(name=name, when=iso(each["received_s"]))
        late = "  " + _("LATE by {span}").format(span=spoken(each["late_s"]))
        yield f"  {row}{late if each['late_s'] else ''}"
    if one["confirmed_late_s"]:
        text = _("its author confirmed that it was late by {span}")
        yield "  " + text.format(span=spoken(one["confirmed_late_s"]))
    for each in one["answers"]:
        said = each["reply"].upper().replace("-", " ")
        yield f"  {_name(members, each['member'])}: {said}  {iso(each['at_s'])}"
        for mismatch in each["differs"]:
            text = _("MISMATCH in {field} ({what}): read back as {said}")
            yield "    " + text.format(**{key: plain(str(it)) for key, it in mismatch.items()})
    for each in one["faults"]:
        yield f"  {mistakes.row(each)}"
