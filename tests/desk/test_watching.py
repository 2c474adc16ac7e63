"""The watch without a browser: alarms, silencing, hand-over, calls, finding, paper, the auditor."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from desk.parties import Parties, at_desk, found
from desk.visitor import Visitor
from node.conftest import command
from starlette.routing import Route

from detente.cli.main import main
from detente.core.errors import LocalError, Refusal
from detente.core.extras import Duty
from detente.core.leaf import Kind
from detente.desk import entering, guard, line_page
from detente.desk.alarms import Contact
from detente.desk.cabinet import Cabinet
from detente.desk.desk import wall_s
from detente.desk.paper import spoken, spoken_of_day
from detente.desk.people import ROLES
from detente.desk.sessions import IDLE_S
from detente.desk.sheets import foreign
from detente.desk.zones import Zone, kept_zones, parse_zones, there
from detente.node import commands as commands_module
from detente.node.config import load_config, write_config
from detente.node.opening import clock

LIST = [Contact(0, "Duty officer", "555-01"), Contact(5, "Chief of staff", "HAWK 6")]


def settle(homes: Path, place: Path) -> Path:
    """A copy of the homes, with marks of its own."""
    shutil.copytree(homes, place)
    for name in ("alpha", "bravo"):
        config = load_config(place / name)
        mark = str(place / "marks" / name)
        write_config(place / name, msgspec.structs.replace(config, mark=mark))
    return place


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("homes")
    found(folder)
    return folder


@pytest.fixture
def parties(homes: Path, tmp_path: Path) -> Iterator[Parties]:
    with at_desk(settle(homes, tmp_path / "parties")) as made:
        yield made


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


# --- finding and paper ---


def test_the_page_finds_and_says_what_it_read(parties: Parties) -> None:
    """Words of any script, a serial, a day; a wish that means nothing is refused as such."""
    watch = parties.enter("Watch", "watch")
    parties.bravo_says("Туман над морем", language="ru")
    parties.bravo_says("Rain", precedence="PRIORITY")
    page = f"/line/{parties.line}/find"

    def serials(query: str) -> list[str]:
        return re.findall(r'class="serial" href="[^"]*">([^<]+)<', watch.get(page + query).text)

    assert "entries found" not in watch.get(page).text
    assert serials("?words=%D0%A2%D0%A3%D0%9C%D0%90%D0%9D") == ["B-0001"]
    assert serials("?entry=B-0002") == ["B-0002"]
    assert serials("?precedence=PRIORITY&author=1") == ["B-0002"]
    assert serials("?to=2001-01-01") == []
    assert serials("?from=2026-01-01&kind=dispatch") == ["B-0002", "B-0001"]
    assert "Everything was read." in watch.get(page + "?words=nothing").text
    for wrong in ("?from=soon", "?precedence=LOUD", "?state=happy", "?entry=%20x"):
        assert watch.get(page + wrong).status == 400
    assert watch.get(page + "?entry=B-0099").status == 404
    assert 'value="&#34;&gt;&lt;script' in watch.get(page + "?words=%22%3E%3Cscript").text


def test_a_dispatch_and_a_day_go_on_paper_with_groups_to_read_aloud(parties: Parties) -> None:
    """A sheet has its hash, its groups, its receipts and no button; the day's groups are the same
    wherever the same entries are held, and others as soon as one is missing."""
    watch = parties.enter("Watch", "watch")
    flash = parties.bravo_says("Now.", precedence="FLASH", subject="On fog")
    sheet = watch.get(f"/line/{parties.line}/entry/{flash}/print").text
    view = command(parties.pair.alpha, "show", entry=flash)
    assert view["hash"] in sheet
    assert spoken(bytes.fromhex(view["hash"])) in sheet
    assert "marks" not in sheet.split("<main")[1]
    assert re.search(r'<th scope="row">received</th><td><bdi>alpha</bdi>', sheet)
    day = sheet.split('datetime="')[1][:10]
    page = watch.get(f"/line/{parties.line}/day/{day}").text
    hashes = [
        [one["hash"] for one in command(node, "find", limit=200)["entries"]]
        for node in (parties.pair.alpha, parties.pair.bravo)
    ]
    assert spoken_of_day(hashes[0]) == spoken_of_day(reversed(hashes[1]))
    assert spoken_of_day(hashes[0]) in page
    assert spoken_of_day(hashes[0][1:]) != spoken_of_day(hashes[0])
    for wrong in ("yesterday", "2026-13-01", "2026-02-05T10:00", "1969-12-31"):
        assert watch.get(f"/line/{parties.line}/day/{wrong}").status == 400
    empty = watch.get(f"/line/{parties.line}/day/2001-01-01").text
    assert "Nothing was said" in empty


def test_groups_are_forty_digits_in_eights() -> None:
    """Eight groups of five digits, zeros in front kept, other bytes other groups."""
    assert spoken(bytes(32)) == " ".join(["00000"] * 8)
    assert spoken(bytes(31) + b"\x07").endswith(" 00007")
    assert re.fullmatch(r"\d{5}( \d{5}){7}", spoken(bytes(range(32))))


# --- the capitals' times ---


def test_times_of_the_capitals_stand_beside_utc() -> None:
    """Summer and winter, and the day where it is another one; nothing is guessed."""
    kyiv = parse_zones("Kyiv = Europe/Kyiv, Moscow=Europe/Moscow")
    assert there(1_770_292_800, kyiv) == "14:00 Kyiv · 15:00 Moscow"
    assert there(1_783_512_000, kyiv) == "15:00 Kyiv · 15:00 Moscow"
    assert there(1_770_332_400, kyiv) == "06/01:00 Kyiv · 06/02:00 Moscow"
    assert there(1 << 62, kyiv) == ""
    assert parse_zones("") == kept_zones(None) == ()
    assert kept_zones("Kyiv=Europe/Kyiv") == (Zone("Kyiv", "Europe/Kyiv"),)
    assert "no time zones on this machine" in there(0, (Zone("Oz", "Nowhere/Oz"),))
    for wrong in ("Kyiv", "=Europe/Kyiv", "X=Nowhere/Oz", "A\u202e=UTC", "X=../etc/passwd"):
        with pytest.raises(LocalError):
            parse_zones(wrong)
    with pytest.raises(LocalError):
        parse_zones(",".join(f"Z{n}=UTC" for n in range(9)))


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (
            ("zones", "Kyiv = Europe/Kyiv,Moscow=Europe/Moscow"),
            "Kyiv=Europe/Kyiv,Moscow=Europe/Moscow",
        ),
        (("telephone", "on"), "on"),
        (("telephone", "perhaps"), None),
        (("zones", "Oz=Nowhere/Oz"), None),
        (("colour", "red"), None),
    ],
)
def test_a_setting_is_kept_by_the_command_line(
    tmp_path: Path, words: tuple[str, str], kept: str | None
) -> None:
    """`desk set` keeps what it understands, and says what it does not."""
    Cabinet.open(tmp_path, create=True).close()
    done = CliRunner().invoke(main, ["--json", "--home", str(tmp_path), "desk", "set", *words])
    cabinet = Cabinet.open(tmp_path)
    assert (done.exit_code == 0) is (kept is not None)
    assert cabinet.setting(words[0]) == kept
    cabinet.close()


# --- the auditor ---


def paths(parties: Parties, place: str) -> Iterator[tuple[str, set[str]]]:
    """Every address of the desk with its methods, filled in so that it means something."""
    filled = {
        "line": parties.line,
        "entry": place,
        "entry:path": place,
        "number:int": "1",
        "number": "1",
        "day": "2026-02-05",
        "rung": "read-back",
        "id": "x",
        "key": "x",
    }
    for route in parties.people["Auditor"].app.routes:
        if isinstance(route, Route):
            path = re.sub(r"{([^}]+)}", lambda m: filled.get(m[1], "1"), route.path)
            yield path, set(route.methods or ())


def test_an_auditor_reads_and_proves_and_changes_nothing(parties: Parties) -> None:
    """On every address of the desk an auditor's form is refused, but for signing out and what is
    their own; the pages that they are for open, and what they take is noted."""
    auditor = parties.enter("Auditor", "auditor")
    flash = parties.bravo_says("Now.", precedence="FLASH")
    place = command(parties.pair.alpha, "show", entry=flash)["place"]
    token = auditor.get("/watch").token
    own = ("/me", "/sign-out", "/code", "/passkey")  # their own keys and language; the door
    before = parties.own_size(), parties.journal("authorised")
    tried = 0
    for path, methods in paths(parties, place):
        if "POST" in methods and not path.startswith(own):
            answer = auditor.post(path, {"form_token": token})
            assert answer.status in (403, 404), path
            tried += 1
    assert tried > 20
    assert before == (parties.own_size(), parties.journal("authorised"))
    for path in (
        "/",
        "/watch",
        "/journal",
        "/system",
        f"/line/{parties.line}",
        f"/line/{parties.line}/find?words=now",
        f"/line/{parties.line}/entry/{place}",
        f"/line/{parties.line}/entry/{place}/print",
    ):
        page = auditor.get(path)
        assert page.status == 200, path
        forms = re.findall(r'<form[^>]*method="post"[^>]*action="([^"]*)"', page.text)
        assert set(forms) <= {"/sign-out"}, path
    proof = auditor.get(f"/line/{parties.line}/entry/{place}/proof")
    assert proof.status == 200
    assert proof.headers["content-disposition"] == 'attachment; filename="B-0001.proof"'
    whole = auditor.get(f"/line/{parties.line}/export")
    assert whole.status == 200
    assert not list((parties.desk.home / "desk").glob("export-*"))
    assert [one["entry"] for one in parties.journal("proof-taken")] == ["B-0001", ""]


def test_the_journal_is_paged_and_plain(parties: Parties) -> None:
    """Newest first, older behind «Earlier», and what a note holds shows as text alone."""
    auditor = parties.enter("Auditor", "auditor")
    for number in range(120):
        data = {"text": f"<i>{number}</i>\u202e"}
        command(parties.pair.alpha, "journal_note", word="by-voice", data=data)
    page = auditor.get("/journal").text
    assert "&lt;i&gt;119&lt;/i&gt;" in page
    assert "\u202e" not in page
    earlier = re.search(r'href="(\?before=\d+)"', page)
    assert earlier is not None
    assert "&lt;i&gt;19&lt;/i&gt;" in auditor.get(f"/journal{earlier[1]}").text
    assert auditor.get("/journal?before=x").status == 400


@pytest.mark.parametrize("role", sorted(set(ROLES) - {"auditor", "watch"}))
def test_the_journal_and_proofs_are_for_those_whose_they_are(parties: Parties, role: str) -> None:
    """No other role reads the journal or takes proofs away."""
    visitor = parties.enter("Somebody", role)
    assert visitor.get("/journal").status == 403
    assert visitor.get(f"/line/{parties.line}/export").status == 403
    assert visitor.get("/system").status == (200 if role == "administrator" else 403)


def test_the_telephone_page_is_off_and_then_holds_no_form(parties: Parties) -> None:
    """A principal reads on a telephone only where an administrator allowed it, and states nothing
    by it."""
    principal = parties.enter("Principal", "principal")
    parties.bravo_says("<Fog>", subject="On fog", precedence="FLASH")
    assert principal.get("/telephone").status == 403
    parties.desk.cabinet.settle("telephone", "on")
    page = principal.get("/telephone")
    assert page.status == 200
    assert "&lt;Fog&gt;" in page.text
    assert re.findall(r'action="([^"]*)"', page.text) == ["/sign-out"]


# --- drills ---


def test_real_world_ends_a_drill_on_both_sides_until_it_is_taken_back(tmp_path: Path) -> None:
    """A FLASH of that subject takes the colours of the drill off; a lesser one, or another word,
    does not; its author's cancelling brings them back."""
    found(tmp_path, drill=True)
    with at_desk(tmp_path) as parties:
        watch = parties.enter("Watch", "watch", "drafter")
        page = f"/line/{parties.line}"
        parties.bravo_says("x", subject="REAL-WORLD", precedence="IMMEDIATE")
        parties.bravo_says("x", subject="real world", precedence="FLASH")
        shown = watch.get(page).text
        assert "DRILL DRILL DRILL" in shown
        assert 'class="drill-page"' in shown
        assert f'action="{page}/real-world"' in shown
        begun = parties.send(watch, f"{page}/real-world", page)
        assert begun.status == 303
        assert begun.headers["location"].startswith("/draft/")
        assert command(parties.pair.bravo, "lines")[0]["drill"] is True  # nobody has signed yet
        ended = parties.bravo_says("It is meant.", subject="REAL-WORLD", precedence="FLASH")
        for node in (parties.pair.alpha, parties.pair.bravo):
            (line,) = command(node, "lines")
            assert (line["drill"], line["drill_line"]) == (False, True)
            assert line["real_world"]["entry"] == ended
        parties.desk.node.changes += 1
        shown = watch.get(page).text
        assert "REAL WORLD · " in shown
        assert 'class="drill-page"' not in shown
        article = shown.split(f'aria-label="{ended}"')[1].split("</article>")[0]
        assert "DRILL DRILL DRILL" not in article
        cancel = [{"entry": ended, "relation": "cancels"}]
        parties.bravo_says("No.", subject="Cancel", precedence="FLASH", relations=cancel)
        assert command(parties.pair.alpha, "lines")[0]["drill"] is True


def test_a_line_that_is_no_drill_has_none_to_end(parties: Parties) -> None:
    """The key is not there, the form is refused, and a dispatch of that subject changes nothing."""
    watch = parties.enter("Watch", "watch", "drafter")
    page = f"/line/{parties.line}"
    assert "/real-world" not in watch.get(page).text
    assert parties.send(watch, f"{page}/real-world", page).status == 403
    parties.bravo_says("x", subject="REAL-WORLD", precedence="FLASH")
    assert command(parties.pair.alpha, "lines")[0]["real_world"] is None


# --- what another wrote ---

EVIL = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 'zz' * 4 }} {% include 'x' %} </textarea></title>",
    "line one\nseen  alpha  051230Z FEB 26  stated by the watch",
    "◆ FLASH A-0001 alpha 051230Z FEB 26",
    "А-0001 answers Α-0001",  # Cyrillic А, Greek Α
)
TURNING = ("\u202e", "\u2066", "\u2069", "\u200b", "\ufeff", "\u00ad", "\u2028", "\x1b[2J", "\x85")


@pytest.mark.parametrize("char", TURNING)
def test_a_character_that_a_screen_would_obey_shows_as_its_number(char: str) -> None:
    """No body may carry most of them; were one to come through, it would show and do nothing."""
    shown = str(foreign(f"RECEIVED{char}DEVIECER\n{char}"))
    assert char not in shown
    assert f"&lt;U+{ord(char[0]):04X}&gt;" in shown
    assert shown.count('<bdi class="row" dir="auto">') == 2


@pytest.mark.parametrize("evil", EVIL)
def test_no_text_of_theirs_is_obeyed_anywhere(parties: Parties, evil: str) -> None:
    """On every page that shows it a foreign text is text: no tag of its own, no character that
    turns its neighbours round, each row shut in by itself, nothing that looks like a row of ours
    outside of it."""
    watch: Visitor = parties.enter("Watch", "watch", "drafter", "releaser", "translator")
    parties.enter("Auditor", "auditor")
    parties.desk.cabinet.settle("telephone", "on")
    subject = evil.partition("\n")[0]
    entry = parties.bravo_says(evil, subject=subject, precedence="FLASH")
    parties.look()
    place = command(parties.pair.alpha, "show", entry=entry)["place"]
    pages = [
        "/",
        "/watch",
        "/telephone",
        f"/line/{parties.line}",
        f"/line/{parties.line}/entry/{place}",
        f"/line/{parties.line}/entry/{place}/print",
        f"/line/{parties.line}/find?kind=dispatch",
        f"/line/{parties.line}/entry/{place}/state/read-back",
        f"/line/{parties.line}/entry/{place}/translate",
    ]
    for path in pages:
        answer = watch.get(path)
        assert answer.status == 200, path
        page = answer.text
        for bad in ("<script>alert", "<img", "zzzzzzzz"):
            assert bad not in page, (path, bad)
        outside = re.sub(r'<bdi class="row" dir="auto">.*?</bdi>', "", page)
        for row in evil.split("\n"):
            if len(row) > 12:
                assert row not in outside, path
        serials = re.findall(r'class="serial"[^>]*>([^<]*)<', page)
        assert all(re.fullmatch(r"[A-Z]+-\d{4}|\d/\d:\d+", one) for one in serials), path


def test_the_sentinel_goes_on_after_a_refusal(parties: Parties) -> None:
    """A look that was refused is remembered for the page of the system, and the next one serves."""

    async def story() -> None:
        real = parties.desk.node.ask

        async def refusing(do: str, **arguments: Any) -> Any:
            raise LocalError(Refusal.OVER_QUOTA, "not now")

        parties.desk.node.ask = refusing  # type: ignore[method-assign]
        watching = asyncio.create_task(parties.desk.sentinel.run())
        await asyncio.sleep(0.1)
        parties.desk.node.ask = real  # type: ignore[method-assign]
        parties.desk.node.changes += 1
        parties.desk.sentinel._bell.set()
        await asyncio.sleep(0.6)
        watching.cancel()

    parties.enter("Admin", "administrator")
    asyncio.run(story())
    assert "not now" in parties.desk.sentinel.trouble
    assert parties.desk.sentinel.status is not None
    assert "not now" in parties.people["Admin"].get("/system").text
