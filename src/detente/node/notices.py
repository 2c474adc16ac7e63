"""Notices as people deal with them: checked, sent, answered, cancelled, listed, as a calendar.

What is sent is an ordinary dispatch whose text is a form (spec/profile.md §8), so that the desk
fixes and authorises it like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from detente.core.errors import LocalError, Refusal
from detente.core.extras import Relation
from detente.core.leaf import Kind
from detente.core.line import Line
from detente.core.transcript import Place
from detente.dossiers.drafting import Draft, adopted, check_draft
from detente.dossiers.faults import Fault, Rule, refuse
from detente.dossiers.notice import Checked, read_values
from detente.dossiers.notice import check as check_values
from detente.dossiers.notice_forms import Answer, Cancellation, Notice, Reply, read_form
from detente.dossiers.notices import Answered, Dossier, Given
from detente.dossiers.profile import GEOMETRIES, Profile
from detente.dossiers.renderings import render, title
from detente.dossiers.timing import Times
from detente.node import asked, releasing
from detente.node.geometry import AS_SENT, AS_WRITTEN, differences
from detente.node.opening import clock
from detente.node.places import entry_word, find_entry, find_line
from detente.node.regimes import dossier_of, regime_view
from detente.node.speaking import dispatch_of, draft_of, named

if TYPE_CHECKING:
    from detente.node.node import Node

Request = Mapping[str, Any]
Look = Callable[[], dict[str, Any]]
MEASURE_S = 0.5  # what one list may spend on comparing notices
# Of a request: what a dispatch takes, whatever it holds.
_SAID = ("label", "personal", "language", "precedence", "drill", "to", "dtg_s")


# --- checking and sending ---------------------------------------------------------------------


def check(node: Node, request: Request) -> dict[str, Any]:
    """A notice as it would be sent now: its values in their one form, its instants, every fault,
    its form and how it reads. Nothing is kept or sent."""
    line = find_line(node.station, request.get("line"))
    relations = _relations(line, request)
    found = dossier_of(node, line, besides=relations)
    regime, profile = adopted(found, asked.text(request, "profile"))
    checked = _checked(node, line, found, profile, request, relations)
    late_s = max((one.late_s for one in checked.faults), default=0)
    form = checked.notice(regime.word, late_s)
    subject, text = render(profile, form.values, form.unknown, _language(line, request))
    return {
        "word": regime.word,
        "faults": [one.view() for one in checked.faults],
        "late_s": late_s,
        **times_view(checked),
        "values": dict(form.values),
        "unknown": list(form.unknown),
        "subject": f"NOTICE {profile.name}",
        "text": form.text() if _only_late(checked) else "",
        "reads": {"subject": subject, "text": text},
        "reads_in": {
            language: render(profile, form.values, form.unknown, language)
            for language in profile.renderings
        },
        "places": _places(profile, form.values),
    }


def send(node: Node, request: Request) -> Look | dict[str, Any]:
    """Sends a notice that has no fault. One that is late goes only with ``late``: whoever releases
    it has been shown by how much, and the form says so. LocalError USAGE with every fault.

    With ``fix`` nothing is sent: its form, for a desk where people authorise what is sent.
    """
    found = check(node, request)
    faults = [Fault(**{**one, "rule": Rule(one["rule"])}) for one in found["faults"]]
    if asked.flag(request, "late", False):
        faults = [one for one in faults if one.rule is not Rule.TOO_LATE]
    refuse(faults)
    made = _said(node, request, found["subject"], found["text"], asked.rows(request, "relations"))
    facts = {key: found[key] for key in ("word", "late_s", "due_s")}
    return made | facts if isinstance(made, dict) else lambda: made() | facts


def _relations(line: Line, request: Request) -> dict[Place, Relation]:
    return {
        find_entry(line, asked.text(one, "entry")).place: named(
            Relation, asked.text(one, "relation")
        )
        for one in asked.rows(request, "relations")
    }


def _checked(
    node: Node,
    line: Line,
    found: Dossier,
    profile: Profile,
    request: Request,
    relations: Mapping[Place, Relation],
) -> Checked:
    values = {
        name: _referred(line, profile, name, asked.text({name: text}, name))
        for name, text in asked.mapping(request, "values").items()
    }
    draft = Draft(values, asked.texts(request, "unknown"), relations)
    now_s = clock(node.home).wall_s
    return check_draft(found, profile.name, draft, line.me, AS_WRITTEN, now_s)


def _referred(line: Line, profile: Profile, name: str, text: str) -> str:
    """An entry that people name by its serial, as its hash; other values as they are."""
    field = profile.fields.get(name)
    if field is None or field.type != "reference":
        return text
    try:
        return find_entry(line, text.strip()).hash.hex()
    except LocalError:
        return text  # the check says what is wrong with it


def _only_late(checked: Checked) -> bool:
    return all(one.rule is Rule.TOO_LATE for one in checked.faults)


def _said(
    node: Node, request: Request, subject: str, text: str, relations: Sequence[Request]
) -> Look | dict[str, Any]:
    """A form of this text as a dispatch, said or only fixed."""
    kept = {name: request[name] for name in _SAID if request.get(name) is not None}
    fields = kept | {"subject": subject, "text": text, "relations": list(relations)}
    return releasing.fix_or_say(node, request, fields)


def _language(line: Line, request: Request) -> str:
    return asked.text(request, "language", line.charter.languages[0])


def answer(node: Node, request: Request) -> Look | dict[str, Any]:
    """Answers a notice with one of five words; a read-back gives the fields as this side reads
    them. LocalError NOT_FOUND where the entry is no notice of another's.

    With ``fix`` as ``send``, and ``differs``: what its author will see as a mismatch.
    """
    line = find_line(node.station, request.get("line"))
    one = _given(node, line, request)
    if one.place.log.member == line.me:
        raise LocalError(Refusal.NOT_ALLOWED, "nobody answers a notice of his own")
    reply = named(Reply, asked.text(request, "reply"))
    values = _read_back(one.profile, asked.mapping(request, "values"))
    form = Answer(reply, values, asked.text(request, "words", ""))
    word = reply.value.upper().replace("-", " ")
    relations = [{"entry": _word(line, one.place), "relation": "answers"}]
    made = _said(node, request, f"{word} {one.profile.name}", form.text(), relations)
    if not isinstance(made, dict):
        return made
    given = _texts(one)
    said = {name: text for name, text in values.items() if given.get(name) != text}
    answered = Answered(line.me, clock(node.home).wall_s, reply, one.place, said)
    return made | {"differs": differences(one, answered)}


def _read_back(profile: Profile, given: Mapping[str, Any]) -> dict[str, str]:
    """Fields as this side reads them: places in any of its grids. LocalError USAGE with faults."""
    texts = {name: str(value) for name, value in given.items()}
    read, faults = read_values(profile, texts, AS_WRITTEN)
    refuse(faults)
    return {name: value.text for name, value in read.items()}


def cancel(node: Node, request: Request) -> Look | dict[str, Any]:
    """Cancels a notice of our own; with ``fix`` as ``send``. LocalError NOT_ALLOWED for another's,
    or where the profile knows no cancellation."""
    line = find_line(node.station, request.get("line"))
    one = _given(node, line, request)
    if one.place.log.member != line.me or not one.profile.cancellation:
        raise LocalError(Refusal.NOT_ALLOWED, "not ours, or of a profile without cancellation")
    form = Cancellation(one.word, asked.text(request, "words"))
    relations = [{"entry": _word(line, one.place), "relation": "cancels"}]
    return _said(node, request, f"CANCELLED {one.profile.name}", form.text(), relations)


def _given(node: Node, line: Line, request: Request) -> Given:
    place = find_entry(line, asked.text(request, "entry")).place
    for one in dossier_of(node, line, besides={place}).given:
        if one.place == place:
            return one
    raise LocalError(Refusal.NOT_FOUND, "that entry is no notice")


def _word(line: Line, place: Place) -> str:
    return entry_word(line.shelf.entry(*place))


# --- what people see ----------------------------------------------------------------------------


def times_view(checked: Checked) -> dict[str, Any]:
    """The instants of a notice; None where there is none."""
    return checked.times._asdict()


def list_notices(node: Node, request: Request) -> dict[str, Any]:
    """The dossier of a line: adoptions, notices drafted and given, what is due, what is used.

    With ``last`` notices whose validity has ended and that nothing rests on are left out, but for
    so many of each log; ``left_out`` counts them. With ``meet`` false nothing is measured: that is
    for whoever asks by the clock. ``unmeasured`` counts the pairs of notices that nobody has
    compared yet: the next look goes on from there.
    """
    line = find_line(node.station, request.get("line"))
    last = None if request.get("last") is None else asked.whole(request, "last")
    found, language = dossier_of(node, line, last), _language(line, request)
    meet, met = asked.flag(request, "meet", True), node.folds(line).meetings
    unmeasured = met.measure(found.given, MEASURE_S) if meet else 0
    return {
        "line": line.id.hex(),
        "now_s": clock(node.home).wall_s,
        "members": {one.number: one.name for one in line.charter.members},
        "adopted": [regime_view(one) for one in found.regimes.values()],
        "drafted": list(_drafted(line, found, language)),
        "notices": [given_view(line, one, language) for one in found.given],
        "due": [
            one._asdict()
            | {
                "profile": _titled(found, one.word, language),
                "trigger": None if one.trigger is None else _word(line, one.trigger),
                "given": None if one.given is None else _word(line, one.given),
            }
            for one in found.owed
        ],
        "counts": [one._asdict() for one in found.counts],
        "meet": [
            {"entry": _word(line, one.place), "other": _word(line, other.place)} | facts
            for one, other, facts in (met.found(found.given) if meet else ())
        ],
        "unmeasured": unmeasured,
        "left_out": found.closed,
    }


def show(node: Node, request: Request) -> dict[str, Any]:
    """One notice: as in the list, with every field."""
    line = find_line(node.station, request.get("line"))
    one, language = _given(node, line, request), _language(line, request)
    return given_view(line, one, language) | {
        "values": _texts(one),
        "unknown": list(one.checked.unknown),
        "source": one.profile.source,
    }


def given_view(line: Line, one: Given, language: str) -> dict[str, Any]:
    """A notice in plain values; times are seconds of UTC."""
    values = _texts(one)
    subject, text = render(one.profile, values, one.checked.unknown, language)
    return {
        "entry": _word(line, one.place),
        "member": one.place.log.member,
        "mine": one.place.log.member == line.me,
        "word": one.word,
        "profile": one.profile.name,
        "bound": one.bound,
        "state": one.state.value,
        "reads_subject": subject,
        "reads": text,
        "sent_s": one.sent_s,
        **times_view(one.checked),
        "late_s": one.late_s,
        "confirmed_late_s": one.confirmed_late_s,
        "corrections": one.profile.corrections,
        "cancellation": one.profile.cancellation,
        "places": _places(one.profile, values),
        "deliveries": [each._asdict() for each in one.deliveries],
        "answers": [
            each._asdict()
            | {
                "reply": each.reply.value,
                "place": _word(line, each.place),
                "said": dict(each.said),
                "differs": differences(one, each),
            }
            for each in one.answers
        ],
        "faults": [each.view() for each in one.checked.faults],
        "replaced_by": None if one.replaced_by is None else _word(line, one.replaced_by),
    }


def _places(profile: Profile, values: Mapping[str, str]) -> dict[str, str]:
    return {
        name: values[name]
        for name, field in profile.fields.items()
        if field.type in GEOMETRIES and name in values
    }


def _texts(one: Given) -> dict[str, str]:
    return {name: value.text for name, value in one.checked.values.items()}


def _titled(found: Dossier, word: str, language: str) -> str:
    profile = found.regimes[word].profile
    return word if profile is None else title(profile, language)


def _drafted(line: Line, found: Dossier, language: str) -> Iterator[dict[str, Any]]:
    """Notices that wait here to be sequenced, and when they are due: nobody else knows of them."""
    for row in sorted(line.queue.rows.values(), key=lambda one: one.number):
        draft = draft_of(line, row)
        if draft.kind == Kind.DISPATCH and draft.body is not None:
            form = read_form(dispatch_of(draft).text)
            if isinstance(form, Notice):
                yield {
                    "number": row.number,
                    "word": form.word,
                    "state": "drafted",
                    "submitted_s": row.submitted_s,
                    "awaits_release": row.awaits_release,
                    "values": dict(form.values),
                    **_as_due(found, form, language),
                }


def _as_due(found: Dossier, form: Notice, language: str) -> dict[str, Any]:
    """How a notice that waits reads, and its instants, by what is adopted; a deadline that runs
    from a receipt is told once it is entered."""
    regime = found.regimes.get(form.word)
    if regime is None or regime.profile is None:
        return {"reads_subject": form.word} | Times()._asdict()
    checked = check_values(regime.profile, form.values, AS_SENT, unknown=form.unknown)
    subject = render(regime.profile, form.values, form.unknown, language)[0]
    return {"reads_subject": subject} | times_view(checked)
