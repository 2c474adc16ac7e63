"""Alarms: what is wrong, how bad, since when, who is called; by the clock alone."""

from __future__ import annotations

from typing import Any

import pytest

from detente import words
from detente.core.limits import CLOCK_ERROR_UNKNOWN_S
from detente.desk import alarm_words
from detente.desk.alarms import (
    AGAIN_MIN,
    CLOCK_ERROR_S_MAX,
    HEARTBEAT_S,
    LINK_DOWN_S,
    QUEUED_S,
    Alarm,
    Condition,
    Contact,
    Kept,
    Severity,
    alarms,
    conditions,
)

NOW_S = 1_770_292_800
LINE = "ab" * 32

EMCON = {
    "from_s": NOW_S - 60,
    "until_s": NOW_S + 60,
    "bearers": [],
    "holds": True,
    "told": [{"name": "Bravo", "at_s": NOW_S - 99}],
}


def member(**more: Any) -> dict[str, Any]:
    """The other side, all well."""
    silence = {"state": "attended", "since_s": NOW_S - 60, "entry": None}
    clock = {"error_s": 1, "source": 2, "disciplined_s": 0, "sent_s": NOW_S}
    well = {"number": 1, "name": "Bravo", "me": False, "linked": True, "mute": False}
    return well | {"silence": silence, "clock": clock} | more


def line(*members: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A line on which all is well."""
    return {
        "line": LINE,
        "title": "Alpha and Bravo",
        "mute": "",
        "left": False,
        "open": True,
        "frozen": {},
        "gaps": [],
        "waiting": [],
        "late": [],
        "queued": 0,
        "queued_since_s": None,
        "awaiting_release": 0,
        "unwatched": 0,
        "link_tests": [],
        "members": [{"number": 0, "name": "Alpha", "me": True}, *(members or (member(),))],
    } | more


def wrong(*lines: dict[str, Any], now_s: int = NOW_S, findings: Any = ()) -> list[Condition]:
    return conditions({"lines": list(lines or [line()])}, findings, now_s)


def stand(found: list[Condition], now_s: int = NOW_S, **kept: Kept) -> list[Alarm]:
    known = {one.key: kept.get("all", Kept(NOW_S)) for one in found}
    return alarms(found, known, (), now_s)


def matter(**more: Any) -> dict[str, Any]:
    """A FLASH of theirs that waits here."""
    return {
        "place": "1/0:7",
        "entry": "B-0003",
        "author": "Bravo",
        "mine": False,
        "precedence": "FLASH",
        "sent_s": NOW_S - 5,
        "received_s": NOW_S,
        "seen_s": None,
        "read_back_s": None,
        "due_s": NOW_S + 600,
    } | more


def late(**more: Any) -> dict[str, Any]:
    one = matter(due_s=NOW_S - 1) | {"by": "Alpha", "by_us": True, "missing": "answer"}
    del one["received_s"], one["seen_s"], one["read_back_s"]
    return one | more


def test_nothing_is_wrong_where_all_is_well() -> None:
    """A line at rest, attended and linked, raises nothing."""
    assert wrong() == []
    assert wrong(line(), line()) == []


CASES: list[tuple[str, Severity, dict[str, Any], dict[str, Any]]] = [
    ("unread", Severity.URGENT, {"waiting": [matter()]}, {}),
    ("unread", Severity.URGENT, {"waiting": [matter(precedence="OVERRIDE")]}, {}),
    ("unread", Severity.WARNING, {"waiting": [matter(precedence="IMMEDIATE")]}, {}),
    ("near", Severity.WARNING, {"waiting": [matter(seen_s=NOW_S, due_s=NOW_S + 60)]}, {}),
    ("near", Severity.NOTICE, {"waiting": [matter(precedence="ROUTINE", due_s=NOW_S + 9)]}, {}),
    ("overdue-here", Severity.URGENT, {"late": [late()]}, {}),
    ("overdue-here", Severity.WARNING, {"late": [late(precedence="IMMEDIATE")]}, {}),
    ("overdue-here", Severity.NOTICE, {"late": [late(precedence="ROUTINE")]}, {}),
    (
        "overdue-there-answer",
        Severity.URGENT,
        {"late": [late(mine=True, by_us=False, by="Bravo")]},
        {},
    ),
    (
        "overdue-there-receipt",
        Severity.NOTICE,
        {"late": [late(by_us=False, by="Charlie", missing="receipt")]},
        {},
    ),
    ("mute", Severity.URGENT, {"mute": "store behind its mark"}, {}),
    ("frozen", Severity.URGENT, {"frozen": {"1/0": 12}}, {}),
    ("frozen", Severity.URGENT, {"frozen": {"9/0": 12}}, {}),
    (
        "gaps",
        Severity.WARNING,
        {"gaps": [{"entry": "1/0:9", "expected": 3, "found": 5}]},
        {},
    ),
    ("queue", Severity.WARNING, {"queued": 2, "queued_since_s": NOW_S - QUEUED_S}, {}),
    ("awaits-release", Severity.WARNING, {"queued": 2, "awaiting_release": 2}, {}),
    ("unwatched", Severity.WARNING, {"unwatched": 3}, {}),
    (
        "test-missed",
        Severity.WARNING,
        {
            "link_tests": [
                {
                    "by": "Bravo",
                    "by_us": False,
                    "start_s": NOW_S - 3600,
                    "end_s": NOW_S - 60,
                    "outcome": "missed",
                    "late": [],
                }
            ]
        },
        {},
    ),
    (
        "test-not-sent",
        Severity.WARNING,
        {
            "link_tests": [
                {
                    "by": "Alpha",
                    "by_us": True,
                    "start_s": NOW_S - 3600,
                    "end_s": NOW_S - 60,
                    "outcome": "missed",
                    "late": [],
                }
            ]
        },
        {},
    ),
    (
        "test-unanswered",
        Severity.WARNING,
        {
            "link_tests": [
                {
                    "by": "Alpha",
                    "by_us": True,
                    "start_s": NOW_S - 3600,
                    "end_s": NOW_S - 60,
                    "outcome": "unanswered",
                    "late": ["Bravo"],
                }
            ]
        },
        {},
    ),
    (
        "no-sign",
        Severity.WARNING,
        {},
        {"silence": {"state": "no-sign-of-life", "since_s": NOW_S - 200}, "linked": False},
    ),
    ("not-receipting", Severity.WARNING, {}, {"silence": {"state": "not-receipting"}}),
    ("unattended", Severity.NOTICE, {}, {"silence": {"state": "unattended"}}),
    ("peer-mute", Severity.WARNING, {}, {"mute": True}),
    (
        "peer-clock",
        Severity.WARNING,
        {},
        {"clock": {"error_s": CLOCK_ERROR_S_MAX + 1, "sent_s": NOW_S}},
    ),
    (
        "peer-clock-unknown",
        Severity.NOTICE,
        {},
        {"clock": {"error_s": CLOCK_ERROR_UNKNOWN_S, "sent_s": NOW_S}},
    ),
    (
        "clocks-apart",
        Severity.WARNING,
        {},
        {"clock": {"error_s": 1, "sent_s": NOW_S + CLOCK_ERROR_S_MAX + 2}},
    ),
    (
        "clocks-apart",
        Severity.WARNING,
        {},
        {"clock": {"error_s": 1, "sent_s": NOW_S - CLOCK_ERROR_S_MAX - HEARTBEAT_S - 2}},
    ),
    (
        "receive-only",
        Severity.NOTICE,
        {},
        {
            "silence": {"state": "receive-only", "since_s": NOW_S - 9, "until_s": NOW_S + 9},
            "linked": False,
        },
    ),
    (
        "emcon-here",
        Severity.NOTICE,
        {"emcon": EMCON, "queued": 3, "queued_since_s": NOW_S - 99},
        {},
    ),
]


@pytest.mark.parametrize(("word", "severity", "about_line", "about_member"), CASES)
def test_each_thing_that_can_be_wrong_is_one_alarm_by_name(
    word: str, severity: Severity, about_line: dict[str, Any], about_member: dict[str, Any]
) -> None:
    """One alarm, of its word and severity, naming its line; and both its sentences are whole."""
    found = wrong(line(member(**about_member), **about_line))
    assert [(one.word, one.severity) for one in found] == [(word, severity)]
    (one,) = stand(found)
    assert one.condition.line == LINE
    for said in (alarm_words.wrong(one), alarm_words.todo(one), alarm_words.severity(one)):
        assert said
        assert "{" not in said
    assert alarm_words.as_data(one)["alarm"] == word


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_every_word_has_its_two_sentences(language: str) -> None:
    """What is wrong and what to do are there in each language, whatever is known of the matter."""

    class Anything(dict[str, str]):
        def __missing__(self, key: str) -> str:
            return f"«{key}»"

    words.use(language)
    try:
        for what, todo in alarm_words.TEXTS.values():
            for text in (what, todo):
                assert words.translate(text).format_map(Anything()).strip()
    finally:
        words.use("en")


def test_a_dead_node_is_told_first_and_alone() -> None:
    """Without a status nothing else is known, and its time is when it went."""
    (found,) = conditions(None, (), NOW_S, gone_s=NOW_S - 9)
    assert (found.word, found.severity, found.since_s) == ("node-gone", Severity.URGENT, NOW_S - 9)


def test_what_the_doctor_finds_is_told() -> None:
    """Each finding that is not well, with its detail; the mark is told by the mute line itself."""
    findings = [
        {
            "check": name,
            "ok": name == "tls",
            "detail": f"disk: about {name}",
            "hint": "do this",
            "word": "",
            "facts": {},
        }
        for name in ("disk", "clock", "keys", "cards", "tls", "mark")
    ]
    found = wrong(findings=findings)
    assert {one.word: one.severity for one in found} == {
        "doctor-disk": Severity.URGENT,
        "doctor-clock": Severity.NOTICE,
        "doctor-keys": Severity.WARNING,
        "doctor": Severity.NOTICE,
    }
    assert all(
        alarm_words.wrong(one).endswith(f": about {one.condition.key.partition('/')[2]}")
        for one in stand(found)
    )


def test_of_a_line_that_is_shut_only_the_worst_is_told() -> None:
    """A line not open yet, or left, raises no alarm of silence; a frozen log it does."""
    for shut in ({"open": False}, {"left": True}):
        down = member(linked=False, silence={"state": "no-sign-of-life", "since_s": None})
        assert wrong(line(down, waiting=[matter()], **shut)) == []
        assert [one.word for one in wrong(line(down, frozen={"1/0": 1}, **shut))] == ["frozen"]


def test_our_own_emcon_is_no_fault_of_the_network() -> None:
    """No link and no sign of life are our officers' order then; who was not told of it is."""
    gone = member(linked=False, silence={"state": "no-sign-of-life", "since_s": NOW_S - 500})
    words_of = [one.word for one in wrong(line(gone, emcon=EMCON))]
    assert words_of == ["emcon-here"]
    untold = EMCON | {"told": [{"name": "Bravo", "at_s": None}]}
    assert [one.word for one in wrong(line(emcon=untold))] == ["emcon-here", "emcon-untold"]
    later = untold | {"holds": False}
    assert wrong(line(emcon=later)) == []
    on_radio = EMCON | {"bearers": ["serial"]}
    assert [one.word for one in wrong(line(gone, emcon=on_radio))] == ["emcon-here", "no-sign"]


def test_one_matter_is_one_alarm_that_goes_on_from_when_it_came() -> None:
    """Unread, then near, then overdue: one alarm at a time, all counted from the receipt, so that
    no later word begins the list of people anew."""
    waits = matter(received_s=NOW_S - 500, due_s=NOW_S + 100)
    words_of = [one.word for one in wrong(line(waiting=[waits]))]
    assert words_of == ["unread"]
    near = wrong(line(waiting=[waits | {"seen_s": NOW_S}]), now_s=NOW_S)
    assert [one.word for one in near] == ["near"]
    over = wrong(line(waiting=[waits], late=[late()]))
    assert [one.word for one in over] == ["overdue-here"]
    assert near[0].since_s == over[0].since_s == NOW_S - 500
    assert wrong(line(waiting=[waits | {"seen_s": NOW_S, "due_s": None}])) == []
    assert wrong(line(waiting=[waits | {"seen_s": NOW_S, "due_s": NOW_S + 500}])) == []


def test_the_last_turn_of_each_side_decides_about_the_link_test() -> None:
    """A test that was answered after a missed one ends the alarm; one under way raises none."""
    turn = {"by": "Bravo", "by_us": False, "start_s": NOW_S - 9, "end_s": NOW_S, "late": []}
    missed, good = turn | {"outcome": "missed"}, turn | {"outcome": "answered"}
    assert [one.word for one in wrong(line(link_tests=[good, missed]))] == ["test-missed"]
    assert wrong(line(link_tests=[missed, good])) == []
    assert wrong(line(link_tests=[turn | {"outcome": "waiting"}])) == []


def test_short_troubles_pass_by_themselves() -> None:
    """A link that is renewed and a dispatch that is just going out raise nothing; when they last,
    they do, by when the desk first met them or by when they were queued."""
    down = wrong(line(member(linked=False)))
    assert stand(down) == []
    assert [one.condition.word for one in stand(down, NOW_S + LINK_DOWN_S)] == ["link-down"]
    queued = wrong(line(queued=1, queued_since_s=NOW_S))
    assert stand(queued, NOW_S + QUEUED_S - 1) == []
    assert len(stand(queued, NOW_S + QUEUED_S)) == 1
    nobody = wrong(line(member(linked=False, silence={"state": "no-sign-of-life"})))
    assert stand(nobody) == []
    assert len(stand(nobody, NOW_S + HEARTBEAT_S)) == 1


# --- escalation ---------------------------------------------------------------------------------

LIST = (
    Contact(0, "Watch", "bell 1"),
    Contact(5, "Duty officer", "555-01"),
    Contact(5, "Deputy", "555-02"),
    Contact(20, "Chief of staff", "HAWK 6"),
)


def at(minutes: float, kept: Kept | None = None, severity: Severity = Severity.URGENT) -> Alarm:
    condition = Condition("k", "no-watch", severity, since_s=NOW_S)
    known = {} if kept is None else {"k": kept}
    (one,) = alarms([condition], known, LIST, NOW_S + int(60 * minutes))
    return one


def test_the_list_is_gone_down_by_the_clock_alone() -> None:
    """Nobody touches anything: each step is reached when its minutes have passed."""
    names = [[one.name for one in at(minutes).called] for minutes in (0, 4.9, 5, 19.9, 20, 999)]
    assert names == [
        ["Watch"],
        ["Watch"],
        ["Duty officer", "Deputy"],
        ["Duty officer", "Deputy"],
        ["Chief of staff"],
        ["Chief of staff"],
    ]
    assert [at(minutes).level for minutes in (0, 5, 20)] == [1, 2, 3]
    assert [at(minutes).next_s for minutes in (0, 5, 20)] == [NOW_S + 300, NOW_S + 1200, None]
    assert [one.name for one in at(5).next_called] == ["Chief of staff"]


def test_silencing_holds_until_the_next_step_and_no_longer() -> None:
    """Silenced at a step it is quiet for that step; the next sounds again; so does a worse one."""
    quiet = Kept(NOW_S, silenced_level=1, silenced_severity=Severity.WARNING)
    assert at(4, quiet, Severity.WARNING).silenced
    assert not at(4, quiet, Severity.WARNING).sounds
    assert at(5, quiet, Severity.WARNING).sounds
    assert at(4, quiet, Severity.URGENT).sounds
    again = Kept(NOW_S, silenced_level=2, silenced_severity=Severity.URGENT)
    assert at(19, again).silenced
    assert at(20, again).sounds
    last = Kept(NOW_S, silenced_level=3, silenced_severity=Severity.URGENT)
    assert at(9999, last).silenced


def test_a_notice_is_shown_and_neither_sounds_nor_escalates() -> None:
    """It calls nobody, however long it lasts."""
    for minutes in (0, 5, 999):
        one = at(minutes, severity=Severity.NOTICE)
        assert (one.level, one.called, one.next_s, one.sounds) == (0, (), None, False)


def test_without_a_list_it_sounds_again_all_the_same() -> None:
    """An empty list calls nobody by name and still comes back."""
    condition = Condition("k", "no-watch", Severity.URGENT, since_s=NOW_S)
    known = {"k": Kept(NOW_S, silenced_level=0, silenced_severity=Severity.URGENT)}
    before, after = (
        alarms([condition], known, (), NOW_S + 60 * AGAIN_MIN[0] + offset)[0] for offset in (-1, 0)
    )
    assert (before.silenced, before.called, after.sounds) == (True, (), True)


def test_the_worst_stands_first_then_the_oldest_and_the_silenced_last() -> None:
    """What matters now is the first thing in the list."""
    found = [
        Condition("a", "no-watch", Severity.NOTICE, since_s=NOW_S - 900),
        Condition("b", "no-watch", Severity.URGENT, since_s=NOW_S - 10),
        Condition("c", "no-watch", Severity.WARNING, since_s=NOW_S - 50),
        Condition("d", "no-watch", Severity.URGENT, since_s=NOW_S - 20),
        Condition("e", "no-watch", Severity.URGENT, since_s=NOW_S - 90),
    ]
    kept = {"e": Kept(NOW_S, silenced_level=9, silenced_severity=Severity.URGENT)}
    assert [one.condition.key for one in alarms(found, kept, (), NOW_S)] == list("dbcae")


def test_a_time_that_lies_ahead_is_no_earlier_alarm() -> None:
    """A clock that was set back makes no alarm of the future: it counts from now."""
    condition = Condition("k", "no-watch", Severity.URGENT, since_s=NOW_S + 500)
    (one,) = alarms([condition], {}, LIST, NOW_S)
    assert (one.since_s, one.level) == (NOW_S, 1)


def test_what_another_wrote_is_made_plain_in_an_alarm() -> None:
    """A name that would turn the row round, or draw a second one, shows as what it is."""
    evil = "Bravo\u202e\nURGENT A-0001 answered"
    (one,) = stand(wrong(line(member(name=evil, mute=True))))
    said = alarm_words.wrong(one)
    assert "\u202e" not in said
    assert "\n" not in said
    assert "<U+202E>" in said
    called = (Contact(0, "A\u2066B", "5\n6"),)
    assert alarm_words.people(called) == "A<U+2066>B (5<U+000A>6)"
