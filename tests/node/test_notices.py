"""Profiles adopted by two nodes, notices given under them, and one dossier on both sides."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from regimes import SHIPPED

from detente.cli.notice_rows import list_rows
from detente.core.errors import LocalError, Refusal
from detente.core.sheet import instant
from detente.dossiers import grids, shapes
from detente.dossiers.faults import Rule
from detente.node import notices, regimes
from detente.node.opening import clock
from detente.node.regimes import dossier_of

DAY_S = 86_400
STATED = {"validity": "4 d"}


def refusal(node: Any, command: Any, do: str, **arguments: Any) -> LocalError:
    with pytest.raises(LocalError) as refused:
        command(node, do, **arguments)
    return refused.value


def adopt(pair: Any, command: Any, name: str, **more: Any) -> None:
    """Both sides adopt a profile; alpha covers the seal."""
    command(pair.alpha, "notice_adopt", name=name, **more)
    pair.pump()
    command(pair.bravo, "notice_adopt", name=name, **more)
    pair.pump()
    for node in (pair.alpha, pair.bravo):
        pair.say("covers what was sealed", node=node, precedence="IMMEDIATE")


def launch(node: Any, **changes: str | None) -> dict[str, Any]:
    """A launch the day after tomorrow."""
    day_s = clock(node.home).wall_s // DAY_S * DAY_S + 3 * DAY_S
    values = {
        "date": instant(day_s)[:10],
        "missile": "ICBM",
        "launch-area": "northern range",
        "impact-circle": "WGS84 56 15N 162 30E RADIUS 20 NM",
    }
    return {
        "profile": "launch-1988",
        "values": {k: v for k, v in (values | changes).items() if v is not None},
    }


@pytest.fixture
def adopted(pair: Any, command: Any) -> Any:
    """The pair, with launches of 1988 adopted by both."""
    adopt(pair, command, "launch-1988", state=STATED)
    return pair


def sent(pair: Any, command: Any, node: Any, **more: Any) -> str:
    """The entry of a notice that was sent and carried."""
    look = command(node, "notice_send", **launch(node) | more)
    pair.pump()
    return str(look()["entry"])


def test_two_parties_adopt_a_profile_and_resume_it_after_a_suspension(
    pair: Any, command: Any
) -> None:
    """Text, statements, offer and seal; each side sees the same states at every step."""
    alpha, bravo = pair.alpha, pair.bravo
    found = command(alpha, "notice_profiles")
    assert {one["name"] for one in found["profiles"]} >= {"launch-1988", "accident-1971"}
    assert found["adopted"] == []
    wrong = refusal(alpha, command, "notice_adopt", name="launch-1988", state={"validity": "5 d"})
    assert (wrong.refusal, "1988, Article II" in wrong.detail) == (Refusal.NOT_ALLOWED, True)
    adopt(pair, command, "launch-1988", state=STATED)
    for node in (alpha, bravo):
        (one,) = command(node, "notice_profiles", name="launch-1988")["adopted"]
        assert (one["state"], one["parties"], one["missing"]) == ("in-force", [0, 1], [])
    for node in (alpha, bravo):
        again = refusal(node, command, "notice_adopt", name="launch-1988", state=STATED)
        assert again.refusal is Refusal.NOT_ALLOWED
    look = command(bravo, "notice_suspend", name="launch-1988", reason_given="a dispute")
    pair.pump()
    assert look()["entry"]
    for node in (alpha, bravo):
        (one,) = command(node, "notice_list")["adopted"]
        assert (one["state"], one["suspended"][0]["reason"]) == ("suspended", "a dispute")
        gone = refusal(node, command, "notice_send", **launch(node))
        assert (gone.refusal, "suspended" in gone.detail) == (Refusal.NOT_FOUND, True)
    adopt(pair, command, "launch-1988", state=STATED)
    for node in (alpha, bravo):
        states = [one["state"] for one in command(node, "notice_list")["adopted"]]
        assert states == ["dropped", "in-force"]
        assert command(node, "notice_list")["adopted"][1]["word"].split("/")[1] == "2"
    assert refusal(alpha, command, "notice_suspend", name="x", reason_given="").refusal is (
        Refusal.NOT_FOUND
    )


def test_an_adoption_waits_for_every_statement(pair: Any, command: Any, line_of: Any) -> None:
    """Sealed without the other side's statement, it binds nobody, and says what is missing."""
    command(pair.alpha, "notice_adopt", name="launch-1988", state=STATED)
    pair.pump()
    once = refusal(pair.alpha, command, "notice_adopt", name="launch-1988", state=STATED)
    assert "we offered it" in once.detail
    (offer,) = command(pair.bravo, "decisions")
    command(pair.bravo, "seal", entry=offer["entry"])
    pair.pump()
    pair.say("covers the seal", precedence="IMMEDIATE")
    (one,) = command(pair.bravo, "notice_list")["adopted"]
    assert (one["state"], one["missing"]) == ("unstated", [{"member": 1, "number": "validity"}])


def test_a_notice_goes_and_both_sides_compute_the_same(adopted: Any, command: Any) -> None:
    """The same instants, states and lateness; the receiver answers, the author corrects."""
    alpha, bravo = adopted.alpha, adopted.bravo
    check = command(alpha, "notice_check", **launch(alpha))
    assert check["faults"] == []
    assert check["values"]["impact-circle"].startswith("CIRCLE WGS84 56.250000N")
    assert "ICBM" in check["reads"]["text"]
    assert command(alpha, "notice_check", **launch(alpha) | {"language": "ru"})["reads"][
        "subject"
    ].startswith("Пуск")
    first = sent(adopted, command, alpha)
    adopted.say("covers it", node=bravo, precedence="IMMEDIATE")
    one, other = (command(node, "notice_list")["notices"][0] for node in (alpha, bravo))
    assert one | {"mine": False} == other
    assert (one["state"], one["late_s"], one["bound"], one["faults"]) == ("received", 0, True, [])
    assert one["due_s"] == one["event_s"] - DAY_S
    assert one["valid_until_s"] == one["event_s"] + 4 * DAY_S
    command(bravo, "notice_answer", entry=first, reply="no-objection", words="seen and noted")
    command(bravo, "notice_answer", entry=first, reply="read-back", values={"missile": "SLBM"})
    adopted.pump()
    shown = command(alpha, "notice_show", entry=first)
    assert [(a["reply"], a["differs"]) for a in shown["answers"]] == [
        ("no-objection", []),
        ("read-back-matches", [{"field": "missile", "said": "SLBM", "what": "words"}]),
    ]
    assert shown["values"]["missile"] == "ICBM"
    assert "northern range" in shown["reads"]
    better = sent(adopted, command, alpha, relations=[{"entry": first, "relation": "supersedes"}])
    command(alpha, "notice_cancel", entry=better, words="put off")
    adopted.pump()
    rows = command(bravo, "notice_list")["notices"]
    assert [row["state"] for row in rows] == ["superseded", "cancelled"]
    assert rows[0]["replaced_by"] == better


@pytest.mark.parametrize(
    ("changes", "field", "rule", "source"),
    [
        ({"colour": "red"}, "colour", Rule.UNKNOWN_FIELD, "Agreement on notifications"),
        ({"impact-circle": "WGS84 1N 1E RADIUS 20 MILES"}, "impact-circle", Rule.BAD_PLACE, "1988"),
        ({"impact-circle": "SK63 1N 1E RADIUS 20 NM"}, "impact-circle", Rule.BAD_PLACE, "1988"),
        (
            {"impact-polygon": "WGS84 0N 179E; 1N 179W; 1N 179E; 0N 179W"},
            "impact-polygon", Rule.BAD_PLACE, "1988",
        ),
        ({"date": "2027-02-29"}, "date", Rule.NO_SUCH_DAY, "1988, Article I"),
        ({"date": "2026-10-25T03:30"}, "date", Rule.WRONG_TYPE, "1988, Article I"),
        ({"missile": None}, "missile", Rule.MISSING_FIELD, "1988, Article I"),
    ],
)  # fmt: skip
def test_a_notice_with_a_mistake_does_not_go(
    adopted: Any, command: Any, changes: Any, field: str, rule: Rule, source: str
) -> None:
    """The error names the field, the rule and the source; nothing is queued."""
    wanted = launch(adopted.alpha, **changes)
    (fault,) = command(adopted.alpha, "notice_check", **wanted)["faults"]
    assert (fault["field"], fault["rule"]) == (field, rule.value)
    assert fault["source"].startswith(source)
    refused = refusal(adopted.alpha, command, "notice_send", **wanted)
    assert refused.refusal is Refusal.USAGE
    assert f"{field}: {rule.value}: " in refused.detail
    assert command(adopted.alpha, "notice_list")["notices"] == []


def test_a_late_notice_goes_only_when_its_lateness_was_confirmed(
    adopted: Any, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """23 h 59 min before the day: late by a minute, shown before, and then in the transcript."""
    alpha = adopted.alpha
    wanted = launch(alpha)
    due_s = command(alpha, "notice_check", **wanted)["due_s"]
    real = notices.clock

    def soon(home: Any) -> Any:
        return real(home)._replace(wall_s=due_s + 60)

    monkeypatch.setattr(notices, "clock", soon)
    late = refusal(alpha, command, "notice_send", **wanted)
    assert "date: too-late: " in late.detail
    assert [one["late_s"] for one in late.facts["faults"]] == [60]
    look = command(alpha, "notice_send", **wanted, late=True)
    assert look()["late_s"] == 60
    adopted.pump()
    for node in (alpha, adopted.bravo):
        (one,) = command(node, "notice_list")["notices"]
        assert one["confirmed_late_s"] == 60


def test_a_place_is_read_back_in_the_receiver_s_grid(adopted: Any, command: Any) -> None:
    """The same place in SK-42 is the same; its digits taken for WGS 84 are a mismatch by name."""
    alpha, bravo = adopted.alpha, adopted.bravo
    here = {"impact-circle": "WGS84 50 27N 30 31E RADIUS 20 NM"}
    entry = sent(adopted, command, alpha, values=launch(alpha)["values"] | here)
    given = shapes.read(command(alpha, "notice_show", entry=entry)["values"]["impact-circle"])
    in_sk42 = grids.geometry_in(given, grids.Grid.SK42)
    for text in (in_sk42, in_sk42.replace("SK42", "WGS84")):
        fields = {"impact-circle": text}
        command(bravo, "notice_answer", entry=entry, reply="read-back", values=fields)
        adopted.pump()
    same, other = command(alpha, "notice_show", entry=entry)["answers"]
    assert same["differs"] == []
    assert [one["what"] for one in other["differs"]] == ["datum"]
    wrong = refusal(
        bravo, command, "notice_answer", entry=entry, reply="read-back", values={"x": "1"}
    )
    assert wrong.refusal is Refusal.USAGE


def test_two_notices_that_meet_are_shown(adopted: Any, command: Any) -> None:
    """Circles that touch on the same days meet; a cancelled one meets nothing."""
    alpha, bravo = adopted.alpha, adopted.bravo
    far = {"impact-circle": "WGS84 10 00N 10 00E RADIUS 20 NM"}
    near = {"impact-circle": "WGS84 56 30N 162 30E RADIUS 10 KM"}
    sent(adopted, command, alpha, values=launch(alpha)["values"] | far)
    one = sent(adopted, command, alpha)
    other = sent(adopted, command, bravo, values=launch(bravo)["values"] | near)
    (met,) = command(alpha, "notice_list")["meet"]
    assert {met["entry"], met["other"]} == {one, other}
    assert (met["gap_m"], met["heights_known"]) == (0.0, True)
    command(alpha, "notice_cancel", entry=one, words="put off")
    adopted.pump()
    assert command(bravo, "notice_list")["meet"] == []


def test_what_is_queued_is_a_draft_of_this_node_alone(adopted: Any, command: Any) -> None:
    """Until a bearer takes it nobody else knows of it; it says when it is due all the same, also
    where its adoption has gone in the meantime."""
    adopted.cut()
    for _ in range(2):
        command(adopted.alpha, "say", text="not a notice")
    command(adopted.alpha, "notice_send", **launch(adopted.alpha))
    found = command(adopted.alpha, "notice_list")
    rows = [row["state"] for row in (*found["drafted"], *found["notices"])]
    assert rows == ["drafted"]
    (one,) = found["drafted"]
    assert one["due_s"] == one["event_s"] - DAY_S
    assert one["reads_subject"].startswith("Launch of ICBM, ")
    assert f"due {instant(one['due_s'])}" in "\n".join(list_rows(found))
    late = list_rows(found | {"now_s": one["due_s"] + 86_401})
    assert "  LATE by 1 day 1 second" in list(late)
    (line,) = adopted.alpha.station.lines.values()
    gone = dossier_of(adopted.alpha, line)
    gone.regimes.clear()  # type: ignore[attr-defined]
    (bare,) = notices._drafted(line, gone, "en")
    assert (bare["reads_subject"], bare["due_s"]) == (one["word"], None)
    assert command(adopted.bravo, "notice_list")["notices"] == []


def test_only_one_s_own_notices_are_cancelled_and_only_another_s_answered(
    adopted: Any, command: Any
) -> None:
    """What is no notice is neither."""
    entry = sent(adopted, command, adopted.alpha)
    plain = adopted.say("hello")["entry"]
    for node, do, at, word in (
        (adopted.alpha, "notice_answer", entry, Refusal.NOT_ALLOWED),
        (adopted.bravo, "notice_cancel", entry, Refusal.NOT_ALLOWED),
        (adopted.alpha, "notice_cancel", plain, Refusal.NOT_FOUND),
        (adopted.bravo, "notice_show", plain, Refusal.NOT_FOUND),
    ):
        refused = refusal(node, command, do, entry=at, reply="received", words="w")
        assert refused.refusal is word


OWN = """
format = 1
name = "silence"
status = "template"
status-certainty = "T"
source = "Our own"
receipt = "received"
corrections = true
cancellation = true
title = { en = "Radio silence" }
[number.lead]
value = 1
unit = "h"
certainty = "T"
source = "Our own"
[deadline]
rule = "on-receipt"
of = "launch-1988"
by = "lead"
source = "Our own"
[[precondition]]
profile = "launch-1988"
source = "Our own"
[field.launch]
type = "reference"
need = "optional"
source = "Our own"
label = { en = "launch" }
[field.unit]
type = "unit"
need = "required"
source = "Our own"
label = { en = "unit" }
[rendering.en]
subject = "Silence of {unit}"
unknown = "unknown"
text = "Silence of {unit} for {launch}"
"""


def test_a_profile_of_one_s_own_is_adopted_by_a_side_that_has_no_file(
    adopted: Any, command: Any
) -> None:
    """Its text travels; what it asks for is due from the receipt of another profile's notice."""
    alpha, bravo = adopted.alpha, adopted.bravo
    missing = refusal(bravo, command, "notice_adopt", name="silence")
    assert missing.refusal is Refusal.NOT_FOUND
    folder = alpha.home.path / regimes.OWN_FOLDER
    folder.mkdir()
    (folder / "silence.toml").write_text(OWN, encoding="utf-8")
    command(alpha, "notice_adopt", name="silence")
    adopted.pump()
    (theirs,) = command(bravo, "notice_profiles", name="silence")["profiles"]
    unread = refusal(bravo, command, "notice_adopt", name="silence")
    assert (unread.refusal, theirs["digest"] in unread.detail) == (Refusal.NOT_ALLOWED, True)
    command(bravo, "notice_adopt", name=theirs["digest"][:8])
    adopted.pump()
    adopted.say("covers the seal", precedence="IMMEDIATE")
    (one,) = command(bravo, "notice_profiles", name="silence")["adopted"]
    assert one["state"] == "in-force"
    entry = sent(adopted, command, alpha)
    adopted.say("covers it", node=bravo, precedence="IMMEDIATE")
    due = command(alpha, "notice_list")["due"]
    assert [(one["member"], one["trigger"], one["given"], one["profile"]) for one in due] == [
        (1, entry, None, "Radio silence")
    ]
    assert due == command(bravo, "notice_list")["due"]
    wanted = {"profile": "silence", "values": {"unit": "radio company"}}
    (fault,) = command(bravo, "notice_check", **wanted)["faults"]
    assert fault["rule"] == "missing-precondition"
    wanted["relations"] = [{"entry": entry, "relation": "refers"}]
    wanted["values"] = {"unit": "radio company", "launch": entry}
    look = command(bravo, "notice_send", **wanted)
    adopted.pump()
    assert [one["given"] for one in command(alpha, "notice_list")["due"]] == [look()["entry"]]
    bad = {"profile": "silence", "values": {"unit": "u", "launch": "Z-9999"}}
    rules = [one["rule"] for one in command(bravo, "notice_check", **bad)["faults"]]
    assert rules == ["wrong-type", "missing-precondition"]


def test_another_text_under_a_familiar_name_is_not_adopted_by_that_name(
    pair: Any, command: Any
) -> None:
    """Its numbers may be others: it takes its digest."""
    folder = pair.alpha.home.path / regimes.OWN_FOLDER
    folder.mkdir()
    text = (SHIPPED / "exercise-1989.toml").read_text(encoding="utf-8")
    (folder / "own.toml").write_text(text.replace("value = 14", "value = 1"), encoding="utf-8")
    command(pair.alpha, "notice_adopt", name="exercise-1989")
    pair.pump()
    assert len(command(pair.bravo, "notice_profiles", name="exercise-1989")["profiles"]) == 2
    refused = refusal(pair.bravo, command, "notice_adopt", name="exercise-1989")
    assert refused.refusal is Refusal.NOT_ALLOWED


def test_a_file_of_the_home_that_is_no_profile_is_named(pair: Any, command: Any) -> None:
    """And a file handed over is adopted as it is."""
    folder = pair.alpha.home.path / regimes.OWN_FOLDER
    folder.mkdir()
    (folder / "bad.toml").write_text("format = 2", encoding="utf-8")
    refused = refusal(pair.alpha, command, "notice_profiles")
    assert (refused.refusal, refused.detail[:9]) == (Refusal.MALFORMED, "bad.toml:")
    (folder / "bad.toml").unlink()
    assert refusal(pair.alpha, command, "notice_profiles", name="x").refusal is Refusal.NOT_FOUND
    data = (SHIPPED / "accident-1971.toml").read_bytes()
    command(pair.alpha, "notice_adopt", toml_b64=base64.b64encode(data).decode())
    pair.pump()
    assert len(command(pair.bravo, "decisions")) == 1


def test_a_form_is_fixed_for_people_to_authorise_before_anything_is_entered(
    adopted: Any, command: Any
) -> None:
    """Notice, answer, cancellation and suspension; what is said with ``said`` is what was fixed."""
    alpha, bravo = adopted.alpha, adopted.bravo
    entry = sent(adopted, command, alpha)
    relations = [{"entry": entry, "relation": "corrects"}]
    wanted = launch(alpha) | {"relations": relations, "precedence": "PRIORITY"}
    asked: list[tuple[Any, str, dict[str, Any]]] = [
        (alpha, "notice_send", wanted),
        (alpha, "notice_cancel", {"entry": entry, "words": "no launch"}),
        (bravo, "notice_answer", {"entry": entry, "reply": "objection", "words": "a convoy"}),
        (bravo, "notice_suspend", {"name": "launch-1988", "reason_given": "a dispute"}),
    ]
    for node, do, arguments in asked:
        size = command(node, "lines")[0]["own_size"]
        fixed = command(node, do, fix=True, **arguments)
        adopted.pump()
        assert command(node, "lines")[0]["own_size"] == size
        said = command(node, "fix", **fixed["said"], dtg_s=fixed["dtg_s"])
        assert said["sha256"] == fixed["sha256"]
    again = command(alpha, "notice_send", fix=True, **wanted)
    assert (again["said"]["precedence"], again["late_s"]) == ("PRIORITY", 0)
    assert again["said"]["relations"] == relations
    with pytest.raises(LocalError, match="no-such-day"):
        command(alpha, "notice_send", fix=True, **launch(alpha, date="2031-02-29"))


def test_a_read_back_says_before_it_goes_what_its_reader_will_see_as_a_mismatch(
    adopted: Any, command: Any
) -> None:
    """Within the tolerance nothing; beyond it the field and how, as the sender will see it."""
    alpha, bravo = adopted.alpha, adopted.bravo
    entry = sent(adopted, command, alpha)
    for text, wanted in (("56 15N 162 30E", []), ("57 15N 162 30E", ["impact-circle"])):
        values = {"impact-circle": f"WGS84 {text} RADIUS 20 NM", "missile": "ICBM"}
        answer = {"entry": entry, "reply": "read-back", "values": values}
        fixed = command(bravo, "notice_answer", fix=True, **answer)
        assert [one["field"] for one in fixed["differs"]] == wanted


def test_what_an_adoption_asks_people_to_authorise_is_told_before_it_is_entered(
    pair: Any, command: Any
) -> None:
    """The text and the statement of numbers, each only where it is not there; and whose offer is
    open."""
    ask = {"name": "launch-1988", "state": STATED}
    adopt_it = ask | {"fix": True}
    assert len(command(pair.alpha, "notice_adopt", **adopt_it)["forms"]) == 2
    (one,) = command(pair.alpha, "notice_profiles", name="launch-1988")["profiles"]
    assert (one["sent"], one["stated"]) == (False, False)
    command(pair.alpha, "notice_adopt", **ask)
    pair.pump()
    for node, ours, left in ((pair.alpha, True, 0), (pair.bravo, False, 1)):
        found = command(node, "notice_profiles", name="launch-1988")
        (one,), (offer,) = found["profiles"], found["offered"]
        assert (one["sent"], one["stated"]) == (True, ours)
        assert (offer["mine"], offer["digests"]) == (ours, [one["digest"]])
        assert len(command(node, "notice_adopt", **adopt_it)["forms"]) == left
