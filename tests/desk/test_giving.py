"""Notices given from the desk: adopted, written, answered, corrected, each as a draft that people
authorise."""

from __future__ import annotations

import re
from typing import Any

import pytest
from desk.parties import Parties
from desk.test_notices_page import DAY_S, REASON, adopted, launch
from desk.visitor import Visitor
from node.conftest import command

from detente.core.sheet import instant
from detente.desk.drafts import OFFERED, SENT, WRITING
from detente.desk.notice_words import REPLIES, TYPES
from detente.dossiers.notice_forms import Reply
from detente.dossiers.profile import TYPES as FIELD_TYPES
from detente.node import notices as node_notices
from detente.node.opening import clock

HERE = "WGS84 56 15N 162 30E RADIUS 20 NM"


@pytest.fixture
def officer(parties: Parties) -> Visitor:
    """Who writes and authorises."""
    return parties.enter("Officer", "watch", "releaser")


def follow(parties: Parties, officer: Visitor, path: str, **form: Any) -> str:
    """Sends a form that is taken; where it leads."""
    answer = parties.send(officer, path, **form)
    assert answer.status == 303, answer.text
    return answer.headers["location"]


def through(parties: Parties, officer: Visitor, draft: int) -> str:
    """A draft goes through broken glass, as the browser's story does by passkey; its entry."""
    follow(parties, officer, f"/draft/{draft}/break-glass", why="no passkey in this test")
    parties.pair.pump()
    parties.desk.node.changes += 1
    officer.get(f"/draft/{draft}/authorise")
    found = parties.desk.drafts.get(draft)
    assert found.state == SENT, found.trouble
    return found.entry


def typed(parties: Parties, **changes: str) -> dict[str, Any]:
    """A launch in three days, as somebody types it."""
    day_s = clock(parties.pair.alpha.home).wall_s // DAY_S * DAY_S + 3 * DAY_S
    values = {
        "date": instant(day_s)[:10],
        "missile": "ICBM",
        "launch-area": "northern range",
        "impact-circle": HERE,
    } | changes
    fields = {f"f-{name}": text for name, text in values.items()}
    return {"kind": "notice_send", "profile": "launch-1988", "precedence": "PRIORITY"} | fields


def on(parties: Parties, path: str) -> str:
    return f"/line/{parties.line}{path}"


def test_every_type_and_answer_has_its_words() -> None:
    """What the format knows, the pages can say."""
    assert set(TYPES) == set(FIELD_TYPES)
    assert set(REPLIES) == {one.value for one in Reply}


def test_a_profile_is_read_in_full_stated_and_adopted(parties: Parties, officer: Visitor) -> None:
    """A number that nobody has read is stated first, exactly; text and statement are authorised,
    then the amendment is offered; once the other side has adopted it too it is in force; one side
    suspends it with a reason."""
    digest = re.search(
        r'profiles/([a-z2-7]{40})">Launch of a b', officer.get(on(parties, "/profiles")).text
    )
    assert digest is not None
    at = on(parties, f"/profiles/{digest[1]}")
    page = officer.get(at).text
    assert "4 d" in page
    assert "[M] recalled" in page
    assert "1988, Article II" in page
    wrong = parties.send(officer, f"{at}/adopt", **{"n-validity": "5 d"})
    assert wrong.status == 400
    assert 'value="5 d"' in wrong.text
    size = parties.own_size()
    first = follow(parties, officer, f"{at}/adopt", **{"n-validity": "4 d"})
    assert first == "/draft/1/authorise"
    assert parties.own_size() == size
    again = follow(parties, officer, f"{at}/adopt", **{"n-validity": "4 d"})
    assert again == first  # not fixed twice
    assert "detente notice-profile v1" in officer.get(first).text
    assert follow(parties, officer, "/draft/1/break-glass", why="x") == "/draft/2/authorise"
    assert follow(parties, officer, "/draft/2/break-glass", why="x") == at
    parties.pair.pump()
    parties.desk.node.changes += 1
    assert "offer it to them" in officer.get(at).text
    assert follow(parties, officer, f"{at}/adopt") == at
    assert parties.journal("profile-adopted")[-1]["profile"] == "launch-1988"
    assert "now they adopt it" in officer.get(at).text
    assert "we have offered it" in officer.get(on(parties, "/profiles")).text
    bravo = parties.pair.bravo
    command(bravo, "notice_adopt", name="launch-1988", state={"validity": "4 d"})
    parties.pair.pump()
    parties.desk.node.changes += 1
    assert "All have signed it" in officer.get(at).text
    assert "signed by all" in officer.get(on(parties, "/profiles")).text
    parties.pair.say("covers what was sealed", **REASON)
    parties.desk.node.changes += 1
    page = officer.get(at).text
    assert "<strong>in force on this line</strong>" in page
    assert 'name="n-validity"' not in page
    text = {"kind": "notice_suspend", "name": "launch-1988", "words": "pending talks"}
    preview = follow(parties, officer, on(parties, "/notice"), **text, do="preview")
    assert "pending talks" in officer.get(preview).text
    follow(parties, officer, "/draft/3/offer", version=1)
    through(parties, officer, 3)
    assert "pending talks" in officer.get(at).text
    assert command(bravo, "notice_list")["adopted"][0]["state"] == "suspended"


def test_their_offer_is_agreed_to(parties: Parties, officer: Visitor) -> None:
    """Their text is in the transcript: only our own word for the number goes before we adopt it."""
    ask = {"name": "launch-1988", "state": {"validity": "4 d"}}
    command(parties.pair.bravo, "notice_adopt", **ask)
    parties.pair.pump()
    parties.desk.node.changes += 1
    listed = officer.get(on(parties, "/profiles")).text
    assert "they offer it: read it" in listed
    (at,) = re.findall(r'(/line/\S+/profiles/[a-z2-7]{40})">Launch of a b', listed)
    assert "They offer it in " in officer.get(at).text
    follow(parties, officer, f"{at}/adopt", **{"n-validity": "4 d"})
    assert follow(parties, officer, "/draft/1/break-glass", why="x") == at
    parties.pair.pump()
    parties.desk.node.changes += 1
    assert "agree to their offer" in officer.get(at).text
    follow(parties, officer, f"{at}/adopt")
    parties.pair.pump()
    parties.pair.say("covers what was sealed", node=parties.pair.bravo)
    parties.desk.node.changes += 1
    assert "<strong>in force on this line</strong>" in officer.get(at).text


def test_a_fault_stands_beside_its_field_and_nothing_typed_is_lost(
    parties: Parties, officer: Visitor
) -> None:
    """With its rule in words and its source; then mended, looked at, offered and sent."""
    adopted(parties)
    parties.desk.node.changes += 1
    choice = officer.get(on(parties, "/notice")).text
    assert "notice?profile=launch-1988" in choice
    blank = officer.get(on(parties, "/notice?profile=launch-1988")).text
    assert "✗" not in blank
    assert "WGS84 56 15N" in blank  # an example
    bad = typed(parties, date="2031-02-29", **{"impact-circle": "56 15N 162 30E RADIUS 20 NM"})
    where = follow(parties, officer, on(parties, "/notice"), **bad, do="preview")
    assert follow_get(officer, where) == "/draft/1/notice"
    page = officer.get("/draft/1/notice").text
    assert 'value="2031-02-29"' in page
    assert "northern range" in page
    for field, rule, source in (
        ("date", "no such day or second", "1988, Article I"),
        ("impact-circle", "no such place", "1988, Article III"),
    ):
        (part,) = re.findall(rf'id="f-{field}".*?(✗.*?)</div>', page, re.DOTALL)[:1]
        assert rule in part
        assert f"({source})" in part
    offered = follow(parties, officer, "/draft/1/offer", version=1)
    assert offered == "/draft/1/preview"  # a notice with a fault is not offered
    assert parties.desk.drafts.get(1).state == WRITING
    where = follow(parties, officer, "/draft/1/notice", version=1, **typed(parties), do="preview")
    preview = officer.get(where).text
    assert "A launch of one ICBM is planned for" in preview
    assert "Планируется пуск одной ICBM" in preview
    assert "<svg" in preview
    assert "LATE" not in preview
    follow(parties, officer, "/draft/1/offer", version=2)
    entry = through(parties, officer, 1)
    (one,) = command(parties.pair.bravo, "notice_list")["notices"]
    assert (one["entry"], one["faults"]) == (entry, [])
    assert command(parties.pair.bravo, "show", entry=entry)["precedence"] == "PRIORITY"


def follow_get(officer: Visitor, path: str) -> str:
    """Where a page leads that is none itself."""
    answer = officer.get(path)
    assert answer.status == 303
    return answer.headers["location"]


def test_lateness_is_shown_and_confirmed_by_whoever_authorises(
    parties: Parties, officer: Visitor
) -> None:
    """The page says by how much before it goes; the entry states it."""
    adopted(parties)
    parties.desk.node.changes += 1
    today = instant(clock(parties.pair.alpha.home).wall_s // DAY_S * DAY_S)[:10]
    where = follow(
        parties, officer, on(parties, "/notice"), **typed(parties, date=today), do="preview"
    )
    for page in (where, "/draft/1/notice"):
        assert "LATE by 1 day " in officer.get(page).text
    at = follow(parties, officer, "/draft/1/offer", version=1)
    page = officer.get(at).text
    assert "LATE by 1 day " in page
    assert "confirms that it is late" in page
    through(parties, officer, 1)
    (one,) = command(parties.pair.bravo, "notice_list")["notices"]
    assert one["confirmed_late_s"] > DAY_S


def test_what_becomes_late_between_the_offer_and_the_touch_does_not_go(
    parties: Parties, officer: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was fixed in time and would go late: nobody confirmed that, and it is written anew."""
    adopted(parties)
    parties.desk.node.changes += 1
    follow(parties, officer, on(parties, "/notice"), **typed(parties), do="preview")
    at = follow(parties, officer, "/draft/1/offer", version=1)
    assert "has become late" not in officer.get(at).text
    real = node_notices.clock

    def later(home: Any) -> Any:
        return real(home)._replace(wall_s=real(home).wall_s + 3 * DAY_S)

    monkeypatch.setattr(node_notices, "clock", later)
    page = officer.get(at).text
    assert "has become late" in page
    assert "authorise-form" not in page
    follow(parties, officer, "/draft/1/break-glass", why="no passkey in this test")
    found = parties.desk.drafts.get(1)
    assert (found.state, "has become late" in found.trouble) == (WRITING, True)
    assert command(parties.pair.alpha, "notice_list")["notices"] == []
    assert "has become late" in officer.get("/draft/1/notice").text


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply.RECEIVED, "RECEIVED"),
        (Reply.NO_OBJECTION, "NO OBJECTION"),
        (Reply.OBJECTION, "OBJECTION"),
        (Reply.CANNOT_COMPLY, "CANNOT COMPLY"),
    ],
)
def test_a_notice_is_answered_with_one_word(
    parties: Parties, officer: Visitor, reply: Reply, said: str
) -> None:
    """Without a word chosen there is no answer; with it the author reads it."""
    adopted(parties)
    entry = launch(parties, parties.pair.bravo)
    listed = officer.get(on(parties, "/notices")).text
    assert f"kind=notice_answer&amp;entry={entry}" in listed
    asked = {"kind": "notice_answer", "about": entry, "words": "a convoy is there"}
    where = follow(parties, officer, on(parties, "/notice"), **asked, do="preview")
    assert follow_get(officer, where) == "/draft/1/notice"
    asked |= {"reply": reply.value, "version": 1}
    where = follow(parties, officer, "/draft/1/notice", **asked, do="preview")
    assert said in officer.get(where).text
    follow(parties, officer, "/draft/1/offer", version=2)
    through(parties, officer, 1)
    (one,) = command(parties.pair.bravo, "notice_list")["notices"]
    (answer,) = one["answers"]
    assert answer["reply"] == reply.value
    assert said in officer.get(on(parties, "/notices")).text


def test_a_read_back_that_differs_is_shown_before_it_goes(
    parties: Parties, officer: Visitor
) -> None:
    """In our own grid; what is the same within the tolerance is no mismatch."""
    adopted(parties)
    entry = launch(parties, parties.pair.bravo)
    form = officer.get(on(parties, f"/notice?kind=notice_answer&entry={entry}")).text
    assert "CIRCLE WGS84 56.250000N" in form  # as given
    asked = {"kind": "notice_answer", "about": entry, "reply": "read-back-matches"}
    place = {"f-impact-circle": "SK42 56 15 00 N 162 30 08 E RADIUS 20 NM"}
    where = follow(parties, officer, on(parties, "/notice"), **asked, **place, do="preview")
    for page in (where, "/draft/1/notice"):
        assert "MISMATCH in impact-circle" in officer.get(page).text
    place = {"f-impact-circle": "somewhere"}
    where = follow(parties, officer, "/draft/1/notice", version=1, **asked, **place, do="preview")
    assert follow_get(officer, where) == "/draft/1/notice"
    page = officer.get("/draft/1/notice").text
    assert re.search(r'id="f-impact-circle" .*?✗.*?no such place', page, re.DOTALL)
    place = {"f-impact-circle": HERE}
    where = follow(parties, officer, "/draft/1/notice", version=2, **asked, **place, do="preview")
    assert "MISMATCH" not in officer.get(where).text


def test_a_read_back_that_differs_alarms_the_sender_until_it_matches(
    parties: Parties, officer: Visitor
) -> None:
    """The band says who, which notice and which field; a read-back that matches ends it."""
    adopted(parties)
    entry = launch(parties, parties.pair.alpha)
    for circle, alarmed in ((HERE.replace("162", "163"), True), (HERE, False)):
        values = {"impact-circle": circle}
        answer = {"entry": entry, "reply": "read-back", "values": values}
        command(parties.pair.bravo, "notice_answer", **answer, **REASON)
        parties.pair.pump()
        parties.desk.node.changes += 1
        parties.ahead_s += 120
        assert ("notice-mismatch" in parties.alarms()) is alarmed
        if alarmed:
            bands = officer.get("/bands").text
            assert f"READ OUR NOTICE {entry} BACK OTHERWISE: impact-circle" in bands


def test_our_notice_is_corrected_and_cancelled(parties: Parties, officer: Visitor) -> None:
    """A correction begins with what was given; each is a draft like any other."""
    adopted(parties)
    entry = launch(parties, parties.pair.alpha)
    listed = officer.get(on(parties, "/notices")).text
    assert f"profile=launch-1988&amp;corrects={entry}" in listed
    form = officer.get(on(parties, f"/notice?profile=launch-1988&corrects={entry}")).text
    assert "northern range" in form
    assert f'value="{entry}"' in form
    changed = typed(parties, **{"launch-area": "southern range"})
    refers = {"relation": "corrects", "entry": entry}
    follow(parties, officer, on(parties, "/notice"), **changed, **refers, do="preview")
    follow(parties, officer, "/draft/1/offer", version=1)
    better = through(parties, officer, 1)
    states = {
        one["entry"]: one["state"] for one in command(parties.pair.bravo, "notice_list")["notices"]
    }
    assert states[entry] == "superseded"
    gone = {"kind": "notice_cancel", "about": better, "words": "no launch"}
    follow(parties, officer, on(parties, "/notice"), **gone, do="preview")
    follow(parties, officer, "/draft/2/offer", version=1)
    through(parties, officer, 2)
    states = {
        one["entry"]: one["state"] for one in command(parties.pair.bravo, "notice_list")["notices"]
    }
    assert states[better] == "cancelled"


def test_the_page_counts_what_was_used_of_a_ceiling(parties: Parties, officer: Visitor) -> None:
    """At the ceiling it says that nothing is left."""
    real = parties.desk.node.ask
    used = {"word": "bridge/1/x", "member": 0, "counts": "notices", "year": 2031, "at_most": 3}

    async def counting(do: str, **arguments: Any) -> Any:
        found = await real(do, **arguments)
        if do == "notice_list":
            found["counts"] = [used | {"used": 2}, used | {"member": 1, "used": 3}]
        return found

    parties.desk.node.ask = counting  # type: ignore[method-assign]
    text = officer.get(on(parties, "/notices")).text
    assert "2 of 3" in text
    assert re.search(r"3 of 3\s+· nothing is left", text)


def test_nobody_writes_or_adopts_without_the_power(parties: Parties) -> None:
    """A translator reads the pages, and sends no form; a drafter does not adopt."""
    adopted(parties)
    parties.desk.node.changes += 1
    reader = parties.enter("Reader", "translator")
    listed = reader.get(on(parties, "/profiles")).text
    (at,) = re.findall(r'(/line/\S+/profiles/[a-z2-7]{40})">Launch of a b', listed)
    assert "/adopt" not in reader.get(at).text
    assert "/notice?" not in reader.get(on(parties, "/notices")).text
    assert parties.send(reader, on(parties, "/notice"), **typed(parties)).status == 403
    drafter = parties.enter("Drafter", "drafter")
    assert parties.send(drafter, f"{at}/adopt").status == 403
    assert parties.send(drafter, on(parties, "/notice"), **typed(parties)).status == 303


def test_a_wrong_address_or_form_is_refused(parties: Parties, officer: Visitor) -> None:
    """No such profile, form or draft of a notice; and nothing is kept."""
    for path, status in (
        ("/notice?kind=say", 404),
        ("/notice?profile=open-skies", 404),
        ("/notice?kind=notice_answer&entry=A-9999", 404),
        ("/profiles/" + "a" * 40, 404),
    ):
        assert officer.get(on(parties, path)).status == status, path
    assert parties.send(officer, on(parties, "/notice"), kind="say").status == 400
    assert parties.desk.drafts.open() == []
    follow(parties, officer, on(parties, "/write"), text="The bridge is open.", do="save")
    assert parties.send(officer, "/draft/1/notice", version=1).status == 403


def test_an_adoption_s_form_is_offered_again_or_thrown_away_and_not_edited(
    parties: Parties, officer: Visitor
) -> None:
    """Its text is the node's."""
    listed = officer.get(on(parties, "/profiles")).text
    (at,) = re.findall(r'(/line/\S+/profiles/[a-z2-7]{40})">Launch of a b', listed)
    follow(parties, officer, f"{at}/adopt", **{"n-validity": "4 d"})
    follow(parties, officer, "/draft/1/edit")
    assert follow_get(officer, "/draft/1/notice") == "/draft/1/preview"
    assert "detente notice-profile v1" in officer.get("/draft/1/preview").text
    follow(parties, officer, "/draft/1/offer", version=parties.desk.drafts.get(1).version)
    assert parties.desk.drafts.get(1).state == OFFERED


def test_a_dead_node_keeps_what_is_typed(parties: Parties, officer: Visitor) -> None:
    """What is kept is kept at the desk; what is authorised goes once the node is back, and once."""
    adopted(parties)
    parties.desk.node.changes += 1
    follow(parties, officer, on(parties, "/notice"), **typed(parties), do="preview")
    follow(parties, officer, "/draft/1/offer", version=1)
    parties.dead = True
    parties.desk.node.changes += 1
    page = officer.get("/draft/1/authorise")
    assert "detente notice v1" in page.text
    follow(parties, officer, "/draft/1/break-glass", why="both are dead")
    assert parties.desk.drafts.get(1).state == "sending"
    parties.dead = False
    parties.desk.node.changes += 1
    apart_flush(parties)
    apart_flush(parties)
    assert parties.desk.drafts.get(1).state == SENT
    assert len(command(parties.pair.alpha, "notice_list")["notices"]) == 1


def apart_flush(parties: Parties) -> None:
    """What the desk does when its node is back."""
    import asyncio

    from detente.desk.sending import flush

    asyncio.run(flush(parties.desk))


def test_places_are_said_in_the_grid_that_is_asked_for(parties: Parties, officer: Visitor) -> None:
    """In WGS 84 where that grid knows nothing of the place, or there is no such grid."""
    adopted(parties)
    kyiv = {"f-impact-circle": "WGS84 50 27N 30 31E RADIUS 20 NM"}
    for place in (kyiv, {"f-impact-circle": "WGS84 20 00S 31 00W RADIUS 20 NM"}):
        follow(parties, officer, on(parties, "/notice"), **typed(parties) | place, do="preview")
        number = len(parties.desk.drafts.open())
        follow(parties, officer, f"/draft/{number}/offer", version=1)
    for grid, words in (
        ("SK42", ("CIRCLE SK42 50", "CIRCLE WGS84 20.000000S")),
        ("MGRS", ("CIRCLE MGRS 36U UA", "CIRCLE MGRS 25K")),
        ("mine", ("CIRCLE WGS84 50.450000N", "CIRCLE WGS84 20.000000S")),
    ):
        for number in (1, 2):
            if parties.desk.drafts.get(number).state == OFFERED:
                through(parties, officer, number)
        page = officer.get(on(parties, f"/notices?grid={grid}")).text
        for text in words:
            assert re.search(rf"<bdi>\d\. A-\d+ impact-circle: {text}", page), page


def test_the_entry_of_a_notice_leads_to_how_it_reads(parties: Parties, officer: Visitor) -> None:
    """On the line it is its exact text; among the notices it is read."""
    adopted(parties)
    entry = launch(parties, parties.pair.bravo)
    page = officer.get(on(parties, "")).text
    assert f'/notices#n-{entry}"' in page
    listed = officer.get(on(parties, "/notices")).text
    assert f'id="n-{entry}"' in listed
    assert "A launch of one ICBM is planned for" in listed


def test_a_notice_typed_under_a_session_that_has_ended_is_shown_and_sent_again(
    parties: Parties, officer: Visitor
) -> None:
    """Each field as it was typed; sent again it is a draft, under its own name in the list."""
    adopted(parties)
    parties.desk.node.changes += 1
    answer = officer.post(on(parties, "/notice"), typed(parties) | {"form_token": "of another"})
    assert answer.status == 403
    assert "<dt>launch-area</dt>" in answer.text
    follow(parties, officer, on(parties, "/notice"), **typed(parties), do="save")
    assert "NOTICE launch-1988" in officer.get("/drafts").text
