"""`detente notice` against two real nodes: the worked example of the manual, and every mistake."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from node.conftest import NAMES, Pair, command, make_home, trusting

from detente.cli import asking
from detente.node.commands import run_command

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operating" / "notices.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Alpha and Bravo of the manual: two open nodes, linked, one line."""
    folder = tmp_path_factory.mktemp("manual")
    for name in NAMES:
        make_home(folder, name)
    pair = Pair(folder).open()
    command(pair.alpha, "trust", **trusting(folder, "bravo"))
    command(pair.bravo, "trust", **trusting(folder, "alpha"))
    made = command(pair.alpha, "propose", title="Staff line", members=[{"party": "bravo"}])
    command(pair.bravo, "accept", charter_b64=made["charter_b64"])
    yield pair.connect()
    pair.close()


@pytest.fixture
def speak(pair: Any, run: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command line at one of the two; what it sent is carried before it returns."""
    at: list[Any] = [pair.alpha]

    def call(_home: Path, request: dict[str, Any], _timeout_s: float) -> Any:
        found = run_command(at[0], request)
        pair.pump()
        return found() if callable(found) else found

    monkeypatch.setattr(asking, "call", call)

    def speak(who: str, *words: str) -> Any:
        at[0] = pair.nodes[who]
        found = run("--home", "home", *words)
        pair.say("covers what there is", node=at[0], precedence="IMMEDIATE")
        return found

    return speak


def examples() -> list[tuple[str, str]]:
    """The fenced texts of the page with their languages, in order."""
    return FENCE.findall(PAGE.read_text(encoding="utf-8"))


def test_the_worked_example_of_the_manual_is_run(
    speak: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file is written, each command run at the desk of its prompt, and each row below it is
    printed; «…» stands for any text."""
    monkeypatch.chdir(tmp_path)
    ran = 0
    for kind, text in examples():
        if kind == "toml":
            name = re.match(r"# (\S+\.toml)", text)
            assert name is not None
            (tmp_path / name[1]).write_text(text, encoding="utf-8")
        elif kind == "console":
            for step in re.split(r"^(?=\w+\$ )", text, flags=re.MULTILINE):
                prompt, _, rest = step.partition("$ ")
                if prompt not in NAMES:
                    continue
                line, *rows = rest.replace("\\\n", "").strip().split("\n")
                found = speak(prompt, *shlex.split(line)[1:])
                for row in rows:
                    wanted = ".*".join(re.escape(part) for part in row.strip().split("…"))
                    assert re.search(wanted, found.output), f"{line}\n{row}\n{found.output}"
                ran += 1
    assert ran >= 10


def test_a_calendar_and_a_schema_are_read_by_other_programs(speak: Any, tmp_path: Path) -> None:
    """The feed holds what is due and what stands; the schema is JSON."""
    for who in NAMES:
        assert speak(who, "notice", "adopt", "exercise-1989").exit_code == 0
    fields = ("--set", "start=2031-06-10", "--set", "exercise=Quiet Pond")
    assert speak("alpha", "notice", "new", "exercise-1989", *fields).exit_code == 0
    out = tmp_path / "notices.ics"
    assert speak("alpha", "notice", "calendar", "--out", str(out)).exit_code == 0
    text = out.read_bytes().decode()
    assert text.startswith("BEGIN:VCALENDAR\r\n")
    assert "DTSTART:20310610T000000Z" in text
    assert speak("bravo", "notice", "calendar").output.startswith("BEGIN:VCALENDAR")
    shown = json.loads(speak("alpha", "notice", "calendar", "--json").output)
    assert shown["events"]
    schema = json.loads(speak("alpha", "notice", "profiles", "launch-1988", "--schema").output)
    assert schema["title"] == "launch-1988"
    assert speak("alpha", "notice", "profiles", "--schema").exit_code == 2


@pytest.mark.parametrize(
    "words",
    [
        ("new", "launch-1988", "--set", "date"),
        ("new", "launch-1988", "--set", "date=1", "--set", "date=2"),
        ("adopt",),
        ("adopt", "launch-1988"),
        ("send", "nowhere.toml"),
        ("answer", "A-0001", "perhaps"),
        ("suspend", "open-skies", "--because", "x"),
    ],
)
def test_a_command_that_asks_for_something_impossible_says_so(speak: Any, words: Any) -> None:
    """Nothing is sent."""
    found = speak("alpha", "notice", *words)
    assert found.exit_code == 2
    assert found.output.startswith("error: ")


@pytest.mark.parametrize("text", ["{", "profile = 1", 'profile = "x"\ncolour = "red"', "\xff"])
def test_a_file_that_is_no_notice_is_refused(speak: Any, tmp_path: Path, text: str) -> None:
    """It has profile, values and unknown, and nothing else."""
    file = tmp_path / "notice.toml"
    file.write_bytes(text.encode("latin-1"))
    assert speak("alpha", "notice", "send", str(file)).exit_code == 2


def test_a_profile_is_no_notice(speak: Any, tmp_path: Path) -> None:
    """Whoever checks a profile's file as a notice is told what a notice has, and where profiles
    go."""
    file = tmp_path / "our.toml"
    file.write_text('format = 1\nname = "our-own"\n', encoding="utf-8")
    shown = speak("alpha", "notice", "check", str(file))
    assert shown.exit_code == 2
    error, hint = shown.stderr.splitlines()
    assert error == f"error: The file is no notice ({file})"
    assert "`detente notice adopt --file`" in hint


def test_a_notice_of_the_line_leaves_as_a_message_and_comes_back(
    speak: Any, run: Any, tmp_path: Path
) -> None:
    """By its serial through the node, and from the file alone; what is left out is listed."""
    for who in NAMES:
        assert speak(who, "notice", "adopt", "sea-danger-1972").exit_code == 0
    spot = "CIRCLE WGS84 70.500000N 031.000000E RADIUS 5 NM"
    times = "2031-07-10T06:00:00Z/2031-07-10T18:00:00Z"
    fields = (f"window={times}", "action=gunnery", f"circle={spot}", "warnings=none")
    sets = [part for field in fields for part in ("--set", field)]
    sent = speak("alpha", "notice", "new", "sea-danger-1972", *sets, "--json")
    serial = json.loads(sent.output)["entry"]
    facts = ("number=A0001/31", "fir=ENOB", "code=RTCA")
    give = [part for fact in facts for part in ("--set", fact)]
    shown = speak("bravo", "notice", "out", serial, "--as", "notam", *give, "--json")
    made = json.loads(shown.output)
    assert [one["name"] for one in made["left_out"]] == ["action", "warnings"]
    file = tmp_path / "notam.txt"
    file.write_text(made["message"], encoding="utf-8")
    taken = tmp_path / "taken.json"
    read = ("notice", "in", str(file), "--as", "notam")
    found = run(*read, "--profile", "sea-danger-1972", "--out", str(taken), "--json")
    assert json.loads(found.output)["values"]["window"] == times
    assert json.loads(taken.read_text(encoding="utf-8"))["values"]["circle"] == spot
    assert "Beside it:" in run(*read).output
    assert json.loads(run(*read, "--json").output)["areas"] == [spot]
    text = run("notice", "out", str(taken), "--as", "text")
    assert text.exit_code == 2  # the warnings are still to be given
    draft = speak("bravo", "notice", "out", serial, "--as", "json").output
    taken.write_text(draft, encoding="utf-8")
    assert "gunnery" in run("notice", "out", str(taken), "--as", "text").output
    assert run(*read, "--profile", "open-skies").exit_code == 2
