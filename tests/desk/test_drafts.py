"""Drafts without a browser: versions, authorisations, who may send, and that it happens once."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import FormData

from detente.core.errors import LocalError, Refusal
from detente.desk import fixed, phrases, sending, stopping, writing
from detente.desk.authorising import may_sign
from detente.desk.cabinet import Cabinet
from detente.desk.desk import Desk
from detente.desk.drafts import Draft, Drafts
from detente.desk.people import Person
from detente.dossiers.dispatch import Accident, Dispatch

NOW_S = 1_770_292_800
FIELDS: dict[str, Any] = {"precedence": "FLASH", "text": "Ten lorries.", "language": "en"}


def form(precedence: str = "FLASH", people: int = 1, text: str = "Ten lorries.") -> dict[str, Any]:
    """What `fix` gives back."""
    body = Dispatch(language="en", dtg_s=NOW_S, subject="Convoy", text=text).encode()
    values = {
        "line": "aa",
        "charter": 0,
        "kind": "dispatch",
        "precedence": precedence,
        "drill": False,
        "readers": [0, 1],
        "references": [],
        "dtg_s": NOW_S,
        "language": "en",
        "label": "parties-only",
        "body": base64.b64encode(body).decode(),
    }
    shown = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return {
        "form": shown,
        "sha256": f"{text}{people}",
        "dtg_s": NOW_S,
        "people": people,
        "journal": 7,
        "frame_bytes": 200,
    }


@dataclass
class FakeNode:
    """A node that remembers what it was asked, and may be dead, slow or of another mind."""

    asked: list[dict[str, Any]] = field(default_factory=list)
    refusing: LocalError | TimeoutError | None = None
    entry: str | None = "A-0001"

    async def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        if do == "journal_note":
            return {}
        self.asked.append({"do": do, **arguments})
        await asyncio.sleep(0.01)
        if self.refusing is not None:
            raise self.refusing
        return {"entry": self.entry, "note": "ee" * 32}

    def on_event(self, _hear: object) -> None:
        """Nothing is told here."""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk with three people and a node that is not there yet."""
    cabinet = Cabinet.open(tmp_path, create=True)
    made = Desk(tmp_path, cabinet, "http://alpha.localhost:1")
    made.node = FakeNode()  # type: ignore[assignment]
    for name, role in (("Drafter", "drafter"), ("First", "releaser"), ("Second", "releaser")):
        made.people.add(name, frozenset({role}), "en", NOW_S)
    yield made
    cabinet.close()


@pytest.fixture
def drafts(desk: Desk) -> Drafts:
    return desk.drafts


def offered(drafts: Drafts, people: int = 1, *, stop: bool = False) -> Draft:
    draft = drafts.begin("aa", 1, FIELDS, NOW_S, stop=stop)
    return drafts.offer(draft.number, draft.version, form(people=people), NOW_S)


def word(person: int) -> dict[str, Any]:
    return {"person": str(person), "at_s": NOW_S + person}


def sign(drafts: Drafts, draft: Draft, person: int) -> None:
    drafts.authorise(draft.number, draft.fixed["sha256"], person, word(person))


def refusal(call: Any, *arguments: Any) -> Refusal:
    with pytest.raises(LocalError) as refused:
        call(*arguments)
    return refused.value.refusal


def test_a_save_that_is_late_changes_nothing(drafts: Drafts) -> None:
    """Each edit is a version; a page that shows an older one is refused, and the same text again
    is no edit."""
    first = drafts.begin("aa", 1, FIELDS, NOW_S)
    second = drafts.save(first.number, 1, FIELDS | {"text": "Nine."}, NOW_S)
    assert (second.version, second.fields["text"]) == (2, "Nine.")
    assert drafts.save(first.number, 2, second.fields, NOW_S + 9) == second
    late = refusal(drafts.save, first.number, 1, FIELDS | {"text": "Eight."}, NOW_S)
    assert late is Refusal.IN_USE
    assert drafts.get(first.number) == second
    assert refusal(drafts.get, 99) is Refusal.NOT_FOUND


def test_an_offered_form_is_written_no_more(drafts: Drafts) -> None:
    """What is offered cannot be saved over; an edit brings it back and voids every word on it."""
    draft = offered(drafts, people=2)
    sign(drafts, draft, 2)
    assert refusal(drafts.save, draft.number, draft.version, FIELDS, NOW_S) is Refusal.IN_USE
    again = drafts.edit(draft.number, NOW_S)
    assert (again.state, again.fixed, drafts.authorisations(draft.number)) == ("writing", {}, [])
    assert refusal(drafts.authorise, draft.number, "x", 2, word(2)) is Refusal.IN_USE
    newer = drafts.offer(draft.number, again.version, form(people=2, text="Nine."), NOW_S)
    assert refusal(sign, drafts, draft, 2) is Refusal.IN_USE  # the old form's hash
    sign(drafts, newer, 2)
    assert [one.person for one in drafts.authorisations(draft.number)] == [2]


def test_an_offer_of_an_old_version_is_refused(drafts: Drafts) -> None:
    """Somebody edited while the other looked at the preview."""
    draft = drafts.begin("aa", 1, FIELDS, NOW_S)
    drafts.save(draft.number, 1, FIELDS | {"text": "Nine."}, NOW_S)
    assert refusal(drafts.offer, draft.number, 1, form(), NOW_S) is Refusal.IN_USE


def test_one_person_is_one(drafts: Drafts) -> None:
    """A drafter who may authorise counts once; with two asked for, it takes another person."""
    draft = offered(drafts, people=2)
    sign(drafts, draft, 1)
    sign(drafts, draft, 1)
    assert drafts.ready() == []
    sign(drafts, draft, 2)
    assert [one.number for one in drafts.ready()] == [draft.number]


def test_it_goes_by_itself_once_enough_have_authorised(desk: Desk) -> None:
    """Not before; then at once, with every word, the form's hash and its time; the draft says
    which entry it became."""
    draft = offered(desk.drafts, people=2)
    sign(desk.drafts, draft, 2)
    assert asyncio.run(sending.send_if_ready(desk, draft.number)).state == "offered"
    sign(desk.drafts, draft, 3)
    sent = asyncio.run(sending.send_if_ready(desk, draft.number))
    assert (sent.state, sent.entry, sent.note, sent.missing) == ("sent", "A-0001", "ee" * 32, 0)
    (asked,) = desk.node.asked
    release = asked["release"]
    assert [one["person"] for one in release["by"]] == ["2", "3"]
    assert (release["sha256"], release["journal"]) == (draft.fixed["sha256"], 7)
    assert (release["missing"], asked["dtg_s"], asked["text"]) == (0, NOW_S, "Ten lorries.")


def test_two_who_press_at_the_same_time_send_once(desk: Desk) -> None:
    """Whoever claims it first sends; the other finds it claimed."""
    draft = offered(desk.drafts)
    sign(desk.drafts, draft, 2)
    sign(desk.drafts, draft, 3)

    async def both() -> None:
        await asyncio.gather(*(sending.send_if_ready(desk, draft.number) for _ in range(5)))

    asyncio.run(both())
    assert len(desk.node.asked) == 1
    assert not desk.drafts.claim(draft.number, NOW_S)


@pytest.mark.parametrize("lost", [LocalError(Refusal.UNREACHABLE, "gone"), TimeoutError()])
def test_a_lost_answer_is_asked_for_again(desk: Desk, lost: LocalError | TimeoutError) -> None:
    """No answer: the draft keeps its words and stays claimed; when the node is back the same form
    is asked for once more, and the node knows whether it was said."""
    draft = offered(desk.drafts)
    sign(desk.drafts, draft, 2)
    desk.node.refusing = lost
    assert asyncio.run(sending.send_if_ready(desk, draft.number)).state == "sending"
    assert refusal(desk.drafts.edit, draft.number, NOW_S) is Refusal.NOT_ALLOWED
    assert refusal(desk.drafts.drop, draft.number, NOW_S) is Refusal.NOT_ALLOWED
    desk.node.refusing = None

    async def back() -> None:
        outgoing = sending.Outgoing(desk)
        outgoing.hear({"event": "node-gone"})
        outgoing.begin()
        outgoing.hear({"event": "linked"})  # one look at a time
        await asyncio.sleep(0.1)

    asyncio.run(back())
    first, second = desk.node.asked
    assert first == second
    assert desk.drafts.get(draft.number).state == "sent"


def test_what_the_node_refuses_comes_back_with_the_reason(desk: Desk) -> None:
    """The charter changed meanwhile: it is a draft again, without its words, and says why."""
    draft = offered(desk.drafts)
    sign(desk.drafts, draft, 2)
    desk.node.refusing = LocalError(Refusal.NOT_ALLOWED, "this is not what was authorised")
    back = asyncio.run(sending.send_if_ready(desk, draft.number))
    assert (back.state, desk.drafts.authorisations(draft.number)) == ("writing", [])
    assert "not what was authorised" in back.trouble


def test_what_was_queued_is_asked_after(desk: Desk) -> None:
    """Handed over with no link up it has no serial yet; asked again without sending anything."""
    draft = offered(desk.drafts)
    sign(desk.drafts, draft, 2)
    desk.node.entry = None
    sent = asyncio.run(sending.send_if_ready(desk, draft.number))
    assert (sent.state, sent.entry) == ("sent", "")
    desk.node.refusing = LocalError(Refusal.NOT_FOUND, "dropped")
    assert asyncio.run(sending.find_entry(desk, sent)).entry == ""
    desk.node.refusing, desk.node.entry = None, "A-0007"
    assert asyncio.run(sending.find_entry(desk, sent)).entry == "A-0007"
    assert all(one["again"] for one in desk.node.asked[1:])


def test_a_stop_goes_with_one_and_misses_the_second(desk: Desk) -> None:
    """Whatever the charter asks for, one officer sends it and somebody else has to follow; the
    same person again is nobody else."""
    draft = offered(desk.drafts, people=2, stop=True)
    sign(desk.drafts, draft, 2)
    sent = asyncio.run(sending.send_if_ready(desk, draft.number))
    assert (sent.state, sent.missing) == ("sent", 1)
    assert desk.node.asked[0]["release"]["missing"] == 1
    assert [one.number for one in desk.drafts.uncountersigned()] == [draft.number]
    sign(desk.drafts, sent, 2)
    assert desk.drafts.get(draft.number).missing == 1
    asyncio.run(sending.countersign(desk, sent, word(3)))
    assert desk.node.asked[1] == {"do": "countersign", "note": "ee" * 32, "by": [word(3)]}
    sign(desk.drafts, sent, 3)
    assert desk.drafts.uncountersigned() == []
    with pytest.raises(LocalError):
        asyncio.run(sending.countersign(desk, desk.drafts.get(draft.number), word(1)))


def test_broken_glass_is_shown_until_somebody_countersigns(desk: Desk) -> None:
    """It goes with a reason and no word of anybody, and misses as many as the charter asks for."""
    draft = offered(desk.drafts, people=2)
    assert desk.drafts.claim(draft.number, NOW_S, "First: no passkey works")
    asyncio.run(sending.deliver(desk, desk.drafts.get(draft.number)))
    (asked,) = desk.node.asked
    assert asked["reason"] == "First: no passkey works"
    assert "release" not in asked
    (shown,) = desk.drafts.uncountersigned()
    assert (shown.missing, shown.glass) == (2, "First: no passkey works")


def test_who_may_sign() -> None:
    """A watch officer sends a STOP alone and authorises nothing else; a drafter neither; who
    countersigns has the power to authorise."""
    watch = Person(1, "W", frozenset({"watch"}), "en")
    releaser = Person(2, "R", frozenset({"releaser"}), "en")
    drafter = Person(3, "D", frozenset({"drafter"}), "en")

    def draft(state: str, *, stop: bool, missing: int = 0) -> Draft:
        return Draft(
            1, "aa", 3, "dispatch", stop, {}, 1, state, form(), "", "", missing, "", "", NOW_S
        )

    ordinary, stop = draft("offered", stop=False), draft("offered", stop=True)
    sent = draft("sent", stop=True, missing=1)
    assert [may_sign(one, ordinary) for one in (watch, releaser, drafter)] == [False, True, False]
    assert [may_sign(one, stop) for one in (watch, releaser, drafter)] == [True, True, False]
    assert [may_sign(one, sent) for one in (watch, releaser, drafter)] == [False, True, False]
    assert not may_sign(releaser, draft("sent", stop=True))


def test_what_is_read_is_what_is_signed() -> None:
    """The page's text comes out of the form whose bytes the passkey signs, and out of nothing
    else; so do precedence, label and language."""
    given = form(text="Ten lorries at 0600Z.")
    view = fixed.view(given, "Alpha", "aa")
    assert (view["text"], view["subject"]) == ("Ten lorries at 0600Z.", "Convoy")
    assert (view["precedence"], view["label"], view["language"]) == ("FLASH", "parties-only", "en")
    assert fixed.statement(given) == b"detente authorisation v1\n" + given["form"].encode()
    body = Accident(language="en", dtg_s=NOW_S, what="aircraft", time_s=NOW_S - 60).encode()
    values = json.loads(given["form"]) | {
        "kind": "accident",
        "body": base64.b64encode(body).decode(),
    }
    accident = fixed.view({"form": json.dumps(values)}, "Alpha", "aa")
    assert (accident["what"], accident["happened_s"]) == ("aircraft", NOW_S - 60)
    assert "text" not in accident


def test_time_on_the_air_is_of_the_bearers_in_use() -> None:
    """Each reader with each bearer that is up, and at its own rate; who has none, and a rate that
    nobody knows, are said in words."""
    up = [("hf", 75), ("telephone", 2400), ("tls", 64_000), ("fibre", 90_000_000), ("file", None)]
    bearers = [{"bearer": name, "rate_bits_per_s": rate} for name, rate in up]
    readers = [{"number": 1, "name": "Bravo"}, {"number": 2, "name": "Charlie"}]
    assert phrases.airtimes({"bearers": {"1": bearers}}, readers, 401) == [
        "Bravo by hf: 43 seconds at 75 bit/s",
        "Bravo by telephone: 2 seconds at 2400 bit/s",
        "Bravo by tls: under a second at 64 kbit/s",
        "Bravo by fibre: under a second at 90 Mbit/s",
        "Bravo by file: its rate is not known",
        "Charlie: no bearer is up; it waits here",
    ]
    assert phrases.airtimes({}, readers[:1], 9) == ["Bravo: no bearer is up; it waits here"]
    silence = {"state": "receive-only", "until_s": NOW_S}
    silent = {"members": [{"number": 0}, {"number": 1, "silence": silence}]}
    first, _ = phrases.airtimes(silent, readers[:1], 9)
    assert first.startswith("no receipt by Bravo before ")


def test_the_form_of_a_dispatch() -> None:
    """Fields become what the node's `say` takes; blank references are left out, and with the
    readers shown and none chosen nobody is meant rather than everybody."""
    given = FormData(
        [
            ("precedence", "IMMEDIATE"),
            ("label", "mediator"),
            ("subject", "Two\r\nrows"),
            ("text", "a\r\nb"),
            ("language", " RU "),
            ("relation", "answers"),
            ("entry", "B-0001"),
            ("relation", "corrects"),
            ("entry", " "),
            ("readers_shown", "yes"),
            ("drill", "on"),
        ]
    )
    assert writing.fields_of(given) == {
        "precedence": "IMMEDIATE",
        "label": "mediator",
        "personal": False,
        "language": "ru",
        "drill": True,
        "subject": "Two rows",
        "text": "a\nb",
        "to": [],
        "relations": [{"relation": "answers", "entry": "B-0001"}],
    }
    assert "to" not in writing.fields_of(FormData([("text", "x")]))
    with pytest.raises(LocalError):
        writing.fields_of(FormData([("precedence", "SOON")]))
    with pytest.raises(LocalError):
        writing.fields_of(FormData([("text", "x" * 100_001)]))


def test_nobody_chosen_is_refused_before_the_node_is_asked(desk: Desk) -> None:
    """The node takes an empty list of readers for all of them."""
    draft = desk.drafts.begin("aa", 1, FIELDS | {"to": []}, NOW_S)
    found, (text, _hint) = asyncio.run(writing.fix(desk, draft))
    assert found is None
    assert "Nobody is chosen to read it" in text
    assert desk.node.asked == []


@pytest.mark.parametrize(
    ("text", "found_s"),
    [
        ("1150Z", NOW_S - 600),
        ("11:50", NOW_S - 600),
        ("1201", NOW_S + 60 - 86_400),
        ("2026-02-05T11:00Z", NOW_S - 3600),
    ],
)
def test_a_time_as_people_type_it(text: str, found_s: int) -> None:
    """Four digits are the last time it was that; else an instant is written out."""
    assert writing.moment(text, NOW_S) == found_s


@pytest.mark.parametrize("text", ["2460", "9900Z", "soon"])
def test_what_is_no_time(text: str) -> None:
    """It is named, and nothing is guessed."""
    assert refusal(writing.moment, text, NOW_S) is Refusal.USAGE


def test_a_stop_says_what_was_filled_in() -> None:
    """Blanks that were left blank leave no row; an accident report keeps its fields."""
    given = FormData([("what", "fire"), ("where", "north bridge"), ("time", "2026-02-05T12:00Z")])
    accident = writing.accident_of(given)
    assert accident["precedence"] == "FLASH"
    assert accident["accident"]["time_s"] == NOW_S
    stop = stopping._as_dispatch(accident)
    assert (stop["subject"], "accident" in stop) == ("STOP", False)
    assert stop["text"].split("\n") == ["what: fire", "when: 051200Z FEB 26", "where: north bridge"]
    blank = stopping._as_dispatch(writing.accident_of(FormData([])))
    assert (blank["subject"], blank["text"]) == ("STOP", "")
