"""The page of notices: what is due and given, in words and on a map; its calendar; its alarms."""

from __future__ import annotations

import re
from typing import Any

import pytest
from desk.parties import Parties
from node.conftest import command

from detente.core.errors import LocalError, Refusal
from detente.core.sheet import instant
from detente.desk import alarm_words
from detente.desk.alarms import NEAR_S_MAX, Severity, alarms, of_notices
from detente.desk.people import POWERS, ROLES
from detente.desk.sentinel import NOTICES_EVERY_S
from detente.node.opening import clock

DAY_S = 86_400
NOW_S = 1_770_292_800
REASON = {"reason": "said before anybody had a passkey"}
CIRCLE = "WGS84 56 15N 162 30E RADIUS 20 NM"


def adopted(parties: Parties) -> None:
    """Both parties have adopted launches of 1988."""
    for node in (parties.pair.alpha, parties.pair.bravo):
        command(node, "notice_adopt", name="launch-1988", state={"validity": "4 d"}, **REASON)
        parties.pair.pump()
    for node in (parties.pair.alpha, parties.pair.bravo):
        parties.pair.say("covers what was sealed", node=node, **REASON)


def launch(parties: Parties, node: Any, **more: Any) -> str:
    """A notice of a launch in three days; its serial."""
    day_s = clock(node.home).wall_s // DAY_S * DAY_S + 3 * DAY_S
    values = {
        "date": instant(day_s)[:10],
        "missile": "ICBM",
        "launch-area": "northern range",
        "impact-circle": CIRCLE,
    }
    look = command(node, "notice_send", profile="launch-1988", values=values, **REASON, **more)
    parties.pair.pump()
    parties.desk.node.changes += 1
    return str(look()["entry"])


def test_the_page_says_what_was_given_when_it_is_due_and_where(parties: Parties) -> None:
    """State, instants, receipts, answers and a map with its words; each notice leads to its
    dispatch; nothing of theirs is obeyed, and no form stands on the page."""
    watch = parties.enter("Watch", "watch")
    page = f"/line/{parties.line}/notices"
    assert f'href="{page}"' in watch.get(f"/line/{parties.line}").text
    empty = watch.get(page)
    assert "No notice was given" in empty.text
    assert "<svg" not in empty.text
    adopted(parties)
    first = launch(parties, parties.pair.alpha)
    theirs = launch(parties, parties.pair.bravo)
    again = [{"entry": first, "relation": "supersedes"}]
    second = launch(parties, parties.pair.alpha, relations=again)
    for reply, values in (("no-objection", {}), ("read-back", {"launch-area": "<b>south</b>"})):
        answer = {"entry": second, "reply": reply, "values": values}
        command(parties.pair.bravo, "notice_answer", **answer, **REASON)
    parties.pair.pump()
    parties.desk.node.changes += 1
    text = watch.get(page).text
    articles = {
        found[1]: found[0]
        for found in re.finditer(r'<article[^>]*aria-label="([^"]*)".*?</article>', text, re.DOTALL)
    }
    assert set(articles) == {second, theirs, first}
    assert list(articles).index(second) < list(articles).index(first)
    assert "replaced" in articles[first]
    assert second in articles[first]
    assert "NO OBJECTION" in articles[second]
    assert re.search(r"due \d{6}Z \w{3} \d\d \(\d{4}-", articles[theirs])
    assert "CIRCLE WGS84 56.250000N" in articles[theirs]
    assert text.count('<g class="place ours">') == text.count('<g class="place theirs">') == 1
    for entry in (theirs, second):
        assert re.search(rf"<li><bdi>\d\. {entry} impact-circle: CIRCLE WGS84 56", text)
    assert "Notices that meet" in text
    assert 'role="img"' in text
    assert "MISMATCH in launch-area (words): read back as &lt;b&gt;south" in articles[second]
    assert "<b>" not in text
    assert re.findall(r'action="([^"]*)"', text) == ["/sign-out"]
    (link,) = re.findall(rf'href="([^"]*)">{theirs}</a>', articles[theirs])
    assert watch.get(link).status == 200
    command(parties.pair.bravo, "notice_cancel", entry=theirs, words="no launch", **REASON)
    parties.pair.pump()
    parties.desk.node.changes += 1
    assert "cancelled" in watch.get(page).text


@pytest.mark.parametrize("role", sorted(ROLES))
def test_the_calendar_is_for_whoever_reads_the_line(parties: Parties, role: str) -> None:
    """A file that a calendar reads, with no secret in its address; nobody without a session, and
    nobody who may not read, is given it."""
    somebody = parties.enter("Somebody", role)
    page = f"/line/{parties.line}/notices.ics"
    answer = somebody.get(page)
    assert answer.status == (200 if "read" in POWERS[role] else 403)
    if answer.status == 200:
        assert answer.headers["content-type"].startswith("text/calendar")
        name = f'attachment; filename="notices-{parties.line[:16]}.ics"'
        assert answer.headers["content-disposition"] == name
        assert answer.text.startswith("BEGIN:VCALENDAR\r\n")
    somebody.cookies.clear()
    assert somebody.get(page).status == 303


def test_the_calendar_holds_what_stands(parties: Parties) -> None:
    """The day of the launch is in it, under the serial of its notice."""
    auditor = parties.enter("Auditor", "auditor")
    adopted(parties)
    entry = launch(parties, parties.pair.bravo)
    text = auditor.get(f"/line/{parties.line}/notices.ics").text
    assert f"UID:{entry}@{parties.line[:16]}\r\n" in text
    assert text.count("BEGIN:VEVENT") == 1


# --- alarms ---

LINE = {
    "line": "ab" * 32,
    "title": "Alpha and Bravo",
    "members": [
        {"number": 0, "name": "Alpha", "me": True},
        {"number": 1, "name": "Bravo", "me": False},
    ],
}


def owed(**more: Any) -> dict[str, Any]:
    one = {"word": "yearly/1/x", "member": 0, "due_s": NOW_S, "day_s": NOW_S - 86_399}
    return one | {"trigger": None, "given": None, "profile": "Yearly list"} | more


def given(**more: Any) -> dict[str, Any]:
    one = {"entry": "A-0001", "state": "released", "due_s": NOW_S, "sent_s": NOW_S - 1000}
    return one | {"deliveries": [{"member": 1, "received_s": None, "late_s": 0}]} | more


HERE = {"deliveries": [{"member": 0, "received_s": None, "late_s": 0}]}
ASKED = {"trigger": "B-0001", "day_s": None}
ASKING = given(
    entry="B-0001",
    state="received",
    deliveries=[{"member": 0, "received_s": NOW_S - 1000, "late_s": 0}],
)


@pytest.mark.parametrize(
    ("due", "notices", "at_s", "word"),
    [
        ([owed()], [], -NEAR_S_MAX - 1, None),
        ([owed()], [], -NEAR_S_MAX, "notice-near"),
        ([owed()], [], 0, "notice-near"),
        ([owed()], [], 1, "notice-late"),
        ([owed(given="A-0002")], [], 1, None),
        ([owed(member=1)], [], 0, None),
        ([owed(member=1)], [], 1, "notice-not-given"),
        ([owed(**ASKED)], [ASKING], -201, None),
        ([owed(**ASKED)], [ASKING], -200, "notice-near"),
        ([], [given()], -201, None),
        ([], [given()], -200, "notice-unreceived-there"),
        ([], [given()], 1, "notice-overdue-there"),
        ([], [given(**HERE)], 0, "notice-unreceived-here"),
        ([], [given(**HERE)], 1, "notice-overdue-here"),
        ([], [given(state="received")], 1, None),
        ([], [given(state="cancelled")], 1, None),
        ([], [given(due_s=None)], 1, None),
    ],
)
def test_a_deadline_alarms_by_itself_when_it_is_near_and_when_it_is_late(
    due: list[Any], notices: list[Any], at_s: int, word: str | None
) -> None:
    """By the clock alone, with sentences that are filled in."""
    found = list(of_notices(LINE, {"due": due, "notices": notices}, NOW_S + at_s))
    assert [one.word for one in found] == ([] if word is None else [word])
    for alarm in alarms(found, {}, (), NOW_S + at_s):
        assert alarm.sounds
        assert "{" not in alarm_words.wrong(alarm) + alarm_words.todo(alarm)
        assert "Alpha and Bravo" in alarm_words.wrong(alarm)


def test_near_and_late_are_one_matter_that_escalates_on() -> None:
    """The same key and beginning, so that the list does not begin anew when it is late."""
    for facts in ({"due": [owed()], "notices": []}, {"due": [], "notices": [given()]}):
        (near,) = of_notices(LINE, facts, NOW_S)
        (late,) = of_notices(LINE, facts, NOW_S + 1)
        assert (near.key, near.since_s) == (late.key, late.since_s)
        assert near.word != late.word
        assert near.severity is late.severity is Severity.WARNING
        assert late.since_s is not None
        (alarm,) = alarms([late], {}, (), late.since_s + 300)
        assert alarm.level == 1


def test_the_sentinel_raises_a_notice_that_stays_unreceived(parties: Parties) -> None:
    """It asks by the clock; a list that is refused keeps what stood and leaves other alarms alone,
    and what was received alarms no longer."""
    parties.enter("Watch", "watch")
    real, said = parties.desk.node.ask, given(due_s=parties.now_s() + 3600, sent_s=0)

    async def listing(do: str, **arguments: Any) -> Any:
        if do != "notice_list":
            return await real(do, **arguments)
        if said is None:
            raise LocalError(Refusal.CONTEXT_INCOMPLETE, "a charter is missing")
        return {"due": [], "notices": [said]}

    parties.desk.node.ask = listing  # type: ignore[method-assign]
    alarm = parties.alarms()["notice-unreceived-there"]
    assert alarm.condition.severity is Severity.WARNING
    said = None
    parties.ahead_s = 3600 + 60
    parties.desk.node.changes += 1
    assert "notice-overdue-there" in parties.alarms()
    assert "a charter is missing" in parties.desk.sentinel.trouble
    said = given(state="received")
    parties.ahead_s += NOTICES_EVERY_S
    parties.desk.node.changes += 1
    assert not [word for word in parties.alarms() if word.startswith("notice-")]
    assert "notice-unreceived-there" in [one["alarm"] for one in parties.journal("alarm-raised")]
