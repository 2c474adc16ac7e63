"""The watch without a browser: alarms, silencing, hand-over, calls, the line's page."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from desk.parties import Parties
from node.conftest import command

from detente.core.errors import LocalError, MachineError, Refusal
from detente.core.extras import Duty
from detente.core.leaf import Kind
from detente.desk import entering, guard, line_page, live
from detente.desk.alarms import Contact
from detente.desk.desk import wall_s
from detente.desk.sessions import IDLE_S
from detente.node import commands as commands_module
from detente.node.opening import clock

LIST = [Contact(0, "Duty officer", "555-01"), Contact(5, "Chief of staff", "HAWK 6")]


@pytest.fixture
def later(parties: Parties, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets the clocks of the desk and of the node's commands run ahead."""

    def shifted(home: Any) -> Any:
        now = clock(home)
        return now._replace(wall_s=now.wall_s + parties.ahead_s)

    for module in (commands_module,):
        monkeypatch.setattr(module, "clock", shifted)
    for module in (entering, guard):
        monkeypatch.setattr(module, "wall_s", parties.now_s)

    def ahead(by_s: int) -> None:
        parties.ahead_s += by_s
        parties.desk.node.changes += 1

    return ahead


# --- alarms ---


def test_nobody_at_the_desk_and_the_alarm_goes_down_the_list_by_itself(
    parties: Parties, later: Any
) -> None:
    """Deir ez-Zor: a FLASH comes and nobody is there. The first person is called, then the next,
    then it is overdue; each step stands in the journal. Silencing changes nothing on the far
    ladder and nothing in our log; SEEN does."""
    admin = parties.enter("Admin", "administrator")
    rows = {
        "after_min": [str(one.after_min) for one in LIST] + [""],
        "name": [one.name for one in LIST] + [""],
        "how": [one.how for one in LIST] + [""],
    }
    assert parties.send(admin, "/escalation", "/escalation", **rows).status == 303
    assert parties.desk.sentinel.contacts() == tuple(LIST)
    flash = parties.bravo_says("Stop the strike.", precedence="FLASH")
    parties.ladder(flash)
    first = parties.alarms()["unread"]
    assert [one.name for one in first.called] == ["Duty officer"]
    watch = parties.enter("Watch", "watch")
    page = watch.get("/")
    assert "nobody here has seen it" in page.text
    assert "Duty officer (555-01)" in page.text
    assert re.search(r"<title>\(\d+\) ", page.text)

    before, said = parties.ladder(flash), parties.own_size()
    assert parties.send(watch, "/alarm/silence", key=first.condition.key, back="/").status == 303
    assert parties.alarms()["unread"].silenced
    assert (parties.ladder(flash), parties.own_size()) == (before, said)
    assert "nobody here has seen it" not in watch.get("/").text.split('<main id="main"')[0]

    later(5 * 60)
    again = parties.alarms()["unread"]
    assert again.sounds
    assert [one.name for one in again.called] == ["Chief of staff"]
    later(6 * 60)
    over = parties.alarms()["overdue-here"]
    assert [one.name for one in over.called] == ["Chief of staff"]

    place = over.condition.facts["place"]
    path = f"/line/{parties.line}/entry/{place}/mark"
    assert parties.send(watch, path, rung="seen").status == 303
    parties.pair.pump()
    assert ("seen", "alpha") in parties.ladder(flash)
    raised = parties.journal("alarm-raised")
    assert {one["alarm"] for one in raised} >= {"unread", "overdue-here"}
    assert [one["called"][0]["name"] for one in parties.journal("alarm-escalated")][:1] == [
        "Chief of staff"
    ]
    (silenced,) = parties.journal("alarm-silenced")
    assert silenced["who"] == "Watch"


def test_what_ends_is_entered_once_and_what_goes_on_survives_a_restart(parties: Parties) -> None:
    """A step is entered once however often it is looked at, by a sentinel made anew too."""
    flash = parties.bravo_says("Now.", precedence="FLASH")
    for _ in range(3):
        parties.look()
    parties.desk.sentinel._kept = None
    parties.look()
    assert [one["alarm"] for one in parties.journal("alarm-raised")] == ["unread"]
    command(parties.pair.alpha, "mark", entry=flash, rung="seen")
    parties.pair.pump()
    parties.desk.node.changes += 1
    parties.look()
    assert len(parties.journal("alarm-ended")) == 1
    assert parties.desk.cabinet.rows("SELECT key FROM alarm WHERE level >= 0") == []


def test_a_dead_node_is_an_alarm_and_a_clear_page(parties: Parties) -> None:
    """While no node runs the bands say so, what was wrong before is wrong still, pages that need
    the node say what still works, and nothing that was noted is lost."""
    watch = parties.enter("Watch", "watch", "administrator")
    parties.bravo_says("Now.", precedence="FLASH")
    parties.look()
    parties.dead = True
    parties.desk.node.changes += 1
    assert {"node-gone", "unread"} <= set(parties.alarms())
    page = watch.get(f"/line/{parties.line}")
    assert page.status == 503
    assert "What still works" in page.text
    assert "THE NODE DOES NOT RUN" in page.text
    for path in ("/watch", "/system", "/escalation"):
        assert watch.get(path).status == 200
    assert not parties.journal("alarm-raised")[1:]
    parties.dead = False
    parties.desk.node.changes += 1
    assert "node-gone" not in parties.alarms()
    assert "node-gone" in {one["alarm"] for one in parties.journal("alarm-raised")}


def test_a_disk_that_keeps_nothing_is_a_clear_page_and_ends_no_alarm(parties: Parties) -> None:
    """A desk that cannot write says so on a page and in an alarm; alarms go on; when there is
    room again everything is kept."""
    watch = parties.enter("Watch", "watch")
    parties.look()
    reopen, database = parties.desk.cabinet.reopen, parties.desk.cabinet._database

    def full() -> None:
        raise LocalError(Refusal.IN_USE, "not yet")

    parties.desk.cabinet.reopen = full  # type: ignore[method-assign]
    database._refused = "no space left"
    parties.bravo_says("Now.", precedence="FLASH")
    parties.look()
    assert {"unread", "cabinet"} <= set(parties.alarms())
    page = watch.get("/")
    assert page.status == 507
    assert "The disk keeps nothing" in page.text
    assert "THE DESK CANNOT WRITE" not in page.text  # who asks is not known: no alarms for anybody
    parties.desk.cabinet.reopen = reopen  # type: ignore[method-assign]
    parties.look()
    assert "cabinet" not in parties.alarms()
    assert watch.get("/").status == 200
    assert "unread" in {one["alarm"] for one in parties.journal("alarm-raised")}


@pytest.mark.parametrize(
    "rows",
    [
        {"after_min": "x", "name": "A", "how": "1"},
        {"after_min": "5", "name": "", "how": "1"},
        {"after_min": "5", "name": "A\u202e", "how": "1"},
        {"after_min": "99999", "name": "A", "how": "1"},
        {"after_min": "", "name": "A", "how": "1"},
    ],
)
def test_a_list_that_calls_nobody_is_refused(parties: Parties, rows: dict[str, str]) -> None:
    """Minutes are a number within a day, and each row names somebody and a way to call."""
    admin = parties.enter("Admin", "administrator")
    assert parties.send(admin, "/escalation", "/escalation", **rows).status == 400
    assert parties.desk.sentinel.contacts() == ()


def test_only_the_watch_silences_and_only_what_stands(parties: Parties) -> None:
    """A drafter may not; an alarm that is over is said to be over."""
    parties.bravo_says("Now.", precedence="FLASH")
    key = parties.alarms()["unread"].condition.key
    drafter, watch = parties.enter("Drafter", "drafter"), parties.enter("Watch", "watch")
    assert parties.send(drafter, "/alarm/silence", key=key).status == 403
    assert parties.send(watch, "/alarm/silence", key="nothing").status == 404
    away = parties.send(watch, "/alarm/silence", key=key, back="//evil.example/")
    assert (away.status, away.headers["location"]) == (303, "/watch")


# --- hand-over ---


def test_the_relief_signs_on_first(parties: Parties, later: Any) -> None:
    """The outgoing officer cannot go, and keeps the watch while the hand-over waits; another reads
    what is open and signs on; the line learns «relieved» and no name, the journal all of it."""
    one, two = parties.enter("Officer One", "watch"), parties.enter("Officer Two", "watch")
    assert parties.send(one, "/watch/take", hours="8").status == 303
    assert parties.send(two, "/watch/take", hours="8").status == 400
    refused = parties.send(one, "/sign-out", "/watch")
    assert refused.status == 403
    assert parties.send(two, "/watch/hand-over", note="mine?").status == 403
    parties.bravo_says("Weather?", subject="Weather", precedence="IMMEDIATE")
    parties.look()
    assert parties.send(one, "/watch/hand-over", note="Call them at noon.").status == 303
    page = two.get("/watch")
    for said in ("Call them at noon.", "IMMEDIATE B-0001 from bravo waits", "Officer One"):
        assert said in page.text
    number = re.search(r'name="number" value="(\d+)"', page.text)
    assert number is not None
    assert 'action="/watch/relieve"' not in one.get("/watch").text
    assert parties.send(one, "/watch/relieve", number=number[1], hours="8").status == 403
    assert parties.send(two, "/watch/relieve", number="99", hours="8").status == 404
    assert parties.send(two, "/watch/relieve", number=number[1], hours="0").status == 400
    assert parties.desk.watches.current().person.name == "Officer One"
    assert parties.send(two, "/watch/relieve", number=number[1], hours="8").status == 303
    assert parties.desk.watches.current().person.name == "Officer Two"
    assert parties.send(one, "/sign-out", "/watch").status == 303

    line = next(iter(parties.pair.bravo.station.lines.values()))
    leaves = [line.shelf.entry(*place) for place in line.shelf.of_kind((Kind.DUTY,))]
    assert [entry.leaf.extra[0] for entry in leaves] == [Duty.ON, Duty.RELIEVED]
    everything = b"".join(
        line.shelf.entry(log.id, index).raw + (line.shelf.entry(log.id, index).body or b"")
        for log in line.logs.values()
        for index in range(log.size)
    )
    assert b"Officer" not in everything
    (taken,) = parties.journal("hand-over-taken")
    assert (taken["who"], taken["relieved"]) == ("Officer Two", "Officer One")
    (offered,) = parties.journal("hand-over")
    assert offered["matters"]["lines"][0]["waiting"][0]["entry"] == "B-0001"

    later(8 * 3600 + 60)
    assert parties.alarms()["relief-overdue"].sounds
    assert parties.send(two, "/watch/leave").status == 303
    assert "relief-overdue" not in parties.alarms()
    assert "no-watch" in parties.alarms()


def test_a_watch_whose_officer_cannot_hand_it_over_is_taken(parties: Parties) -> None:
    """Who has collapsed, or has left for good, blocks nobody: another takes the watch, and the
    journal says that it was without a hand-over. Nobody takes their own again so."""
    one, two = parties.enter("Officer One", "watch"), parties.enter("Officer Two", "watch")
    assert parties.send(one, "/watch/take", hours="8").status == 303
    assert parties.send(one, "/watch/take", hours="8", over="yes").status == 400
    parties.desk.people.part(parties.desk.people.named("Officer One").number, wall_s())
    assert "They cannot hand it over" in two.get("/watch").text
    assert parties.send(two, "/watch/take", hours="8", over="yes").status == 303
    assert parties.desk.watches.current().person.name == "Officer Two"
    taken = parties.journal("watch-taken")[-1]
    assert (taken["relieved"], taken["handed_over"]) == ("Officer One", False)


def test_no_session_ends_over_a_watch_or_a_draft(parties: Parties, later: Any) -> None:
    """Who has the watch, and who has a draft open, is still there after any idle time; who has
    neither is not."""
    one, two, three = (parties.enter(f"Officer {n}", "watch", "drafter") for n in "123")
    assert parties.send(one, "/watch/take", hours="24").status == 303
    person = parties.desk.people.named("Officer 2")
    draft = parties.desk.drafts.begin(parties.line, person.number, {"text": "x"}, wall_s())
    later(IDLE_S + 60)
    assert [seat.get("/watch").status for seat in (one, two, three)] == [200, 200, 303]
    parties.desk.drafts.drop(draft.number, wall_s())
    later(IDLE_S + 60)
    assert [seat.get("/watch").status for seat in (one, two)] == [200, 303]


def test_no_session_ends_over_an_urgent_alarm(parties: Parties, later: Any) -> None:
    """A session that lived when an urgent alarm began lasts as long as that; one that had ended is
    not brought back by it, and another alarm keeps nobody."""
    one = parties.enter("Officer 1", "releaser")
    cabinet, began_s = parties.desk.cabinet, parties.now_s()
    facts = {"level": 0, "silenced_level": -1, "silenced_severity": 0}
    cabinet.insert("alarm", key="a", first_s=began_s + IDLE_S, urgent=True, **facts)
    later(IDLE_S + 60)
    assert one.get("/watch").status == 200
    cabinet.run("UPDATE alarm SET first_s = ?", began_s + 3 * IDLE_S)
    later(IDLE_S + 60)
    assert one.get("/watch").status == 303
    two = parties.enter("Officer 2", "releaser")
    cabinet.run("UPDATE alarm SET first_s = 0, urgent = 0")
    later(IDLE_S + 60)
    assert two.get("/watch").status == 303


def test_a_page_that_is_open_all_night_outlives_its_watch(parties: Parties, later: Any) -> None:
    """On a quiet line nothing is fetched for twelve hours: the open page alone keeps the session of
    whoever has the watch, so that it is there still when the relief has signed on; of anybody else
    an open page keeps nothing."""
    one, two = (parties.enter(f"Officer {n}", "watch") for n in "12")
    assert parties.send(one, "/watch/take", hours="24").status == 303
    keys = [bytes(row[0]) for row in parties.desk.cabinet.rows("SELECT hash FROM session")]
    later(IDLE_S + 60)
    for key in (*keys, b"no session"):
        parties.desk.sessions.keep(key, parties.now_s())
    parties.desk.cabinet.run("UPDATE watch SET ended_s = 1")
    assert [seat.get("/watch").status for seat in (one, two)] == [200, 303]


def test_an_open_page_beats_while_nothing_rings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each silent BEAT_S of a stream calls back once before its event; a disk that takes nothing
    ends no stream."""
    monkeypatch.setattr(live, "BEAT_S", 0.01)
    beats: list[int] = []

    def beat() -> None:
        beats.append(len(beats))
        raise MachineError(Refusal.DISK)

    async def read() -> list[bytes]:
        stream = live.Live().stream(beat)
        return [await anext(stream) for _ in range(3)]

    hello, *others = asyncio.run(read())
    assert b"hello" in hello
    assert others == [b"event: beat\ndata:\n\n"] * 2
    assert beats == [0, 1]


def test_what_an_officer_may_not_do_is_said_in_sentences(parties: Parties) -> None:
    """Refusals of the watch have a sentence and a way on of their own, and nothing in brackets that
    no catalog has."""
    one, two = (parties.enter(f"Officer {n}", "watch") for n in "12")
    assert parties.send(one, "/watch/take", hours="8").status == 303
    for answer, said in (
        (parties.send(one, "/sign-out"), "Hand it over first, on the page of the watch."),
        (parties.send(two, "/watch/take", hours="8"), "Relieve them, on the page of the watch."),
        (parties.send(two, "/watch/leave"), "Whoever has it leaves it."),
    ):
        assert answer.status in (400, 403)
        assert said in answer.text


# --- by voice ---


def test_a_call_is_shown_unsigned_in_its_place_and_linked_later(parties: Parties) -> None:
    """It stands between the entries of its time with its mark, nothing of it goes to the line, the
    journal keeps who entered it, and the entry that confirms it is linked."""
    watch = parties.enter("Watch", "watch", "drafter")
    parties.bravo_says("Before.")
    said = parties.own_size()
    page = f"/line/{parties.line}"
    entered = parties.send(
        watch, f"{page}/voice", f"{page}/voice", who="Colonel", text="<b>Fog</b>", direction="in"
    )
    assert (entered.status, entered.headers["location"]) == (303, f"{page}#v-1")
    shown = watch.get(page).text
    assert "BY VOICE, UNSIGNED" in shown
    assert "&lt;b&gt;Fog&lt;/b&gt;" in shown
    assert parties.own_size() == said
    (note,) = parties.journal("by-voice")
    assert (note["who"], note["spoke"], note["text"]) == ("Watch", "Colonel", "<b>Fog</b>")
    entry = parties.bravo_says("As I told you: fog.")
    confirm = f"{page}/voice/1/confirm"
    assert parties.send(watch, confirm, page, entry="B-0099").status == 404
    assert parties.send(watch, f"{page}/voice/9/confirm", page, entry=entry).status == 404
    assert parties.send(watch, confirm, page, entry=entry).status == 303
    assert f'/entry/{entry}">{entry}</a>' in watch.get(page).text
    assert parties.journal("by-voice-linked")[0]["entry"] == entry


@pytest.mark.parametrize(
    "wrong",
    [
        {"who": ""},
        {"who": "x" * 200},
        {"who": "A\u202eB"},
        {"text": " \n "},
        {"text": "x" * 20_001},
        {"when": "soon"},
        {"when": "2099-01-01"},
    ],
)
def test_a_call_that_says_nothing_is_refused(parties: Parties, wrong: dict[str, str]) -> None:
    """Who, what and when: each must make sense, and no call of tomorrow is entered today."""
    watch = parties.enter("Watch", "watch")
    page = f"/line/{parties.line}/voice"
    form = {"who": "Colonel", "text": "Fog.", "when": "", "direction": "out"} | wrong
    assert parties.send(watch, page, page, **form).status in (400, 413)
    assert parties.desk.cabinet.rows("SELECT * FROM by_voice") == []


# --- the line's page ---


def test_the_first_sentence_is_what_matters_now(parties: Parties, later: Any) -> None:
    """Nothing waits; then the FLASH nobody has seen; then the answer that is due, then overdue."""
    watch = parties.enter("Watch", "watch", "drafter")
    page = f"/line/{parties.line}"

    def first() -> str:
        found = re.search(r'id="first">(?:<a [^>]*>)?([^<]*)', watch.get(page).text)
        assert found is not None
        return found[1]

    assert first() == "Nothing waits."
    parties.bravo_says("Some time.", precedence="ROUTINE")
    flash = parties.bravo_says("Now.", precedence="FLASH")
    parties.desk.node.changes += 1
    assert first().startswith(f"FLASH {flash} from bravo, received ")
    assert first().endswith("not seen here")
    command(parties.pair.alpha, "mark", entry=flash, rung="seen")
    parties.desk.node.changes += 1
    assert first().startswith(f"FLASH {flash} from bravo is to be answered by ")
    later(3600)
    assert first().startswith(f"FLASH {flash} from bravo is unanswered since ")


def test_earlier_pages_leave_nothing_out(parties: Parties, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the end to the beginning by «Earlier»: each entry once; and back «To the end»."""
    monkeypatch.setattr(line_page, "SHOWN", 4)
    watch = parties.enter("Watch", "watch")
    said = [parties.bravo_says(f"word {number}") for number in range(10)]
    path, seen = f"/line/{parties.line}", []
    for _ in range(9):
        page = watch.get(path).text
        seen = re.findall(r'class="serial" href="[^"]*">(B-\d+)<', page) + seen
        earlier = re.search(r'href="(\?before=[^"]+)"', page)
        if earlier is None:
            break
        path = f"/line/{parties.line}{earlier[1]}"
    assert [one for one in seen if one in said] == said
    assert len(seen) == len(set(seen))
    assert "To the end" in page
