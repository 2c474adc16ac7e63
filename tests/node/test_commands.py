"""Every command with good arguments, and with bad ones: a named refusal, never an accident."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.extras import Duty
from detente.core.leaf import Kind
from detente.node import speaking
from detente.node.asked import Apart
from detente.node.commands import COMMANDS, run_command

PASSPHRASE = "correct horse battery staple"

NOW_S = 1_770_292_800
GOOD_ENTRY = "A-0001"
NOISE: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**30,
    1.5,
    float("inf"),
    "",
    "ÿ",
    "A-9999",
    "0/0:99999999999",
    "ff" * 32,
    "zz" * 40,
    "-----",
    [],
    ["x", 3],
    [[]],
    [{}],
    [{"party": 3}],
    [{"entry": None, "relation": 7}],
    {},
    {"x": {}},
    {"title": 5, "seen_within_s": "soon", "languages": [1], "release": [None]},
)
GOOD: dict[str, Any] = {
    "entry": GOOD_ENTRY,
    "text": "x",
    "rung": "disputed",
    "language": "en",
    "title": "T",
    "members": [{"party": "bravo"}],
    "party": "bravo",
    "number": 1,
    "send": False,
    "on": True,
    "k": 1,
    "passphrases": ["not the passphrase"],
    "set": {},
}


class Watched(dict[str, Any]):
    """A request that notes which fields are read."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.read: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)


def refusal(node: Any, command: Any, do: str, **arguments: Any) -> Refusal:
    """The refusal of a command that must be refused."""
    with pytest.raises(LocalError) as refused:
        command(node, do, **arguments)
    return refused.value.refusal


@pytest.fixture
def spoken(pair: Any) -> Any:
    """Two linked nodes; alpha has said A-0001 FLASH, bravo B-0001 ROUTINE."""
    pair.say("the text", subject="the subject", precedence="FLASH")
    pair.say("an answer", node=pair.bravo)
    return pair


@pytest.mark.parametrize("do", sorted(COMMANDS))
def test_noise_is_refused_by_name(spoken: Any, do: str, tmp_path: Path) -> None:
    """Whatever stands in whatever field, a command answers or refuses: no other exception."""
    node = spoken.alpha
    todo: list[dict[str, Any]] = [{}, GOOD, GOOD | {"path": str(tmp_path / "good")}]
    tried: set[str] = {"do"}
    while todo:
        request = Watched(todo.pop() | {"do": do})
        with suppress(LocalError, PeerError):  # ``run_command`` makes them all ours
            found = COMMANDS[do](node, request)
            if isinstance(found, Apart):
                found = found.run()
            json.dumps(found() if callable(found) else found)
        for name in request.read - tried:
            tried.add(name)
            todo += [GOOD | {name: noise} for noise in NOISE]
    spoken.pump()
    if do != "cut":
        line = next(iter(node.station.lines)).hex()
        assert spoken.say("still speaking", line=line)["state"] == "received"


def test_unknown_commands(pair: Any, command: Any) -> None:
    """A command nobody knows, or none, is refused."""
    assert refusal(pair.alpha, command, "explode") == Refusal.USAGE
    with pytest.raises(LocalError):
        pair.alpha.execute({})
    with pytest.raises(LocalError):
        pair.alpha.execute({"do": ["say"]})


def test_status_and_lines(spoken: Any, command: Any) -> None:
    """What a node is and how its line stands, in plain values."""
    status = command(spoken.alpha, "status")
    assert (status["name"], status["serial"], status["incarnation"]) == ("alpha", 1, 0)
    assert (status["mute"], status["on_duty"]) == ({}, False)
    assert len(status["links"]) == 1
    (line,) = command(spoken.alpha, "lines")
    assert line == status["lines"][0]
    assert (line["title"], line["open"], line["drill"], line["mute"]) == (
        "Test line",
        True,
        False,
        "",
    )
    assert (line["queued"], line["unread"], line["gaps"], line["frozen"]) == (0, 0, [], {})
    assert set(line["checkpoints"]) == {"0/0", "1/0"}
    me, other = line["members"]
    assert (me["me"], other["me"], other["linked"]) == (True, False, True)
    assert other["silence"]["state"] == "alive"


def test_say_in_every_form(pair: Any, command: Any) -> None:
    """Labels, readers, relations, accident reports; and what may not be said."""
    first = pair.say("one", subject="s", label="public-on-agreement", personal=True, to=["bravo"])
    assert (first["state"], first["entry"]) == ("received", GOOD_ENTRY)
    pair.say("two", to="1", relations=[{"entry": GOOD_ENTRY, "relation": "corrects"}])
    report = pair.say(
        "", accident={"what": "a shell fell", "where": "at the bridge", "time_s": NOW_S}
    )
    shown = command(pair.bravo, "inbox")["entries"]
    assert [view["kind"] for view in shown] == ["dispatch", "dispatch", "accident"]
    assert (shown[0]["label"], shown[0]["personal"]) == ("public-on-agreement", True)
    assert shown[1]["relations"] == [{"relation": "corrects", "entry": GOOD_ENTRY}]
    assert (shown[2]["precedence"], shown[2]["what"], shown[2]["happened_s"]) == (
        "FLASH",
        "a shell fell",
        NOW_S,
    )
    assert report["entry"] == shown[2]["entry"]
    node = pair.alpha
    for request, refusal_word in (
        ({"text": "  "}, Refusal.USAGE),
        ({"text": "x", "precedence": "SOON"}, Refusal.USAGE),
        ({"text": "x", "label": "secret"}, Refusal.USAGE),
        ({"text": "x", "to": ["charlie"]}, Refusal.NOT_FOUND),
        ({"text": "x", "line": "no such line"}, Refusal.NOT_FOUND),
        ({"text": "x", "wait": "forever"}, Refusal.USAGE),
        (
            {"text": "x", "relations": [{"entry": "A-0099", "relation": "refers"}]},
            Refusal.NOT_FOUND,
        ),
        ({"text": "x", "relations": [{"entry": GOOD_ENTRY, "relation": "loves"}]}, Refusal.USAGE),
        ({"text": "x", "language": "no language"}, Refusal.MALFORMED),
        ({"text": "x" * 300_000}, Refusal.OVERSIZE),
        ({"text": "x", "subject": "s" * 300}, Refusal.MALFORMED),
        ({"text": "SECRET//NOFORN"}, Refusal.NOT_ALLOWED),
    ):
        assert refusal(node, command, "say", **request) == refusal_word, request


def test_waiting_tells_each_state(pair: Any, command: Any) -> None:
    """Queued without a link, sent with one, received when the other's signature is here."""
    pair.cut()
    look = command(pair.alpha, "say", text="x", wait="received")
    assert look() == {"number": 1, "state": "queued", "entry": None, "done": False}
    queued = command(pair.alpha, "outbox")
    assert [(row["number"], row["kind"], row["awaits_release"]) for row in queued] == [
        (1, "dispatch", False)
    ]
    pair.connect()
    found = look()
    assert (found["state"], found["entry"], found["done"]) == ("received", GOOD_ENTRY, True)
    assert found["hash"] == command(pair.bravo, "show", entry=GOOD_ENTRY)["hash"]


def test_a_flash_is_packed_well_behind_a_backlog(
    pair: Any, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is entered after it does not count: behind ROUTINE a queue of FLASH begins anew."""
    before: list[int] = []

    def quality_for(queued: int) -> int:
        before.append(queued)
        return 5

    monkeypatch.setattr(speaking, "quality_for", quality_for)
    pair.cut()
    for word in ("ROUTINE", "FLASH", "DEFERRED"):
        for _ in range(3):
            command(pair.alpha, "say", text="x", precedence=word)
    assert before == [0, 1, 2, 0, 1, 2, 6, 7, 8]


def test_marks_and_translations(spoken: Any, command: Any) -> None:
    """A rung is stated by who received the entry; one's own can be asked back or disputed."""
    bravo, alpha = spoken.bravo, spoken.alpha
    for rung in ("seen", "passed-on", "with-principal", "declined"):
        command(bravo, "mark", entry=GOOD_ENTRY, rung=rung, comment="why")
    command(bravo, "translate", entry=GOOD_ENTRY, grade="certified", language="ru", text="т")
    command(alpha, "mark", entry=GOOD_ENTRY, rung="misdirected", detail=1)
    spoken.pump()
    view = command(alpha, "show", entry=GOOD_ENTRY)
    assert [step["rung"] for step in view["ladder"]] == [
        "received",
        "seen",
        "passed-on",
        "with-principal",
        "declined",
    ]
    assert [one["grade"] for one in view["translations"]] == ["certified"]
    assert not view["stands"]
    assert refusal(alpha, command, "mark", entry=GOOD_ENTRY, rung="seen") == Refusal.NOT_ALLOWED
    assert refusal(bravo, command, "mark", entry=GOOD_ENTRY, rung="read") == Refusal.USAGE
    assert refusal(bravo, command, "mark", entry=GOOD_ENTRY) == Refusal.USAGE
    assert refusal(bravo, command, "mark", rung="seen") == Refusal.USAGE
    assert refusal(bravo, command, "translate", entry=GOOD_ENTRY, text="x") == Refusal.USAGE


def test_duty_is_told_without_a_name(spoken: Any, command: Any) -> None:
    """The line hears that a watch is on duty; who it is stays in the journal."""
    assert command(spoken.alpha, "duty", on=True, who="Captain Somebody") == {"on_duty": True}
    spoken.pump()
    line = next(iter(spoken.bravo.station.lines.values()))
    raws = [
        spoken.bravo.store.shelf(line.id).entry(log.id, index)
        for log in line.logs.values()
        for index in range(log.size)
    ]
    assert b"Somebody" not in b"".join(one.raw + (one.body or b"") for one in raws)
    note = command(spoken.alpha, "journal")[-1]
    assert (note["word"], note["data"]) == (
        "duty",
        {"on": True, "relieved": False, "who": "Captain Somebody"},
    )
    assert refusal(spoken.alpha, command, "duty", on="yes") == Refusal.USAGE


def test_a_relief_is_told_as_one(spoken: Any, command: Any) -> None:
    """«Watch relieved» is on the line as such; the desk stays attended, and names stay here."""
    command(spoken.alpha, "duty", on=True, relieved=True, who="Captain Somebody")
    spoken.pump()
    shelf = next(iter(spoken.bravo.station.lines.values())).shelf
    (place,) = shelf.of_kind((Kind.DUTY,))
    assert shelf.entry(*place).leaf.extra == bytes((Duty.RELIEVED,))
    assert command(spoken.alpha, "journal")[-1]["data"]["relieved"] is True
    assert command(spoken.alpha, "status")["on_duty"] is True


def test_a_desk_notes_what_people_did_and_nothing_of_the_nodes_own(
    spoken: Any, command: Any
) -> None:
    """A note of the desk stands in the journal under its hash, and goes to nobody; words of the
    node itself, unknown words and crooked data are refused and leave nothing."""
    size = len(command(spoken.alpha, "journal"))
    data = {"name": "Captain Somebody", "roles": ["watch"], "number": 3}
    made = command(spoken.alpha, "journal_note", word="person-added", data=data)
    note = command(spoken.alpha, "journal")[-1]
    assert (note["index"], note["word"], note["data"]) == (made["index"], "person-added", data)
    found = spoken.alpha.store.journal.find(bytes.fromhex(made["hash"]))
    assert found is not None
    assert found.index == made["index"]
    for word in ("duty", "release", "trust", "legal-hold", "person", ""):
        given = {"word": word, "data": {}}
        assert refusal(spoken.alpha, command, "journal_note", **given) == Refusal.USAGE
    crooked = {"word": "person-added", "data": {"at": 1.5}}
    assert refusal(spoken.alpha, command, "journal_note", **crooked) == Refusal.USAGE
    long = {"word": "person-added", "data": {"text": "x" * 3_000_000}}
    assert refusal(spoken.alpha, command, "journal_note", **long) == Refusal.OVERSIZE
    assert len(command(spoken.alpha, "journal")) == size + 1


def test_a_link_test_and_a_purge(spoken: Any, command: Any) -> None:
    """A test carries a neutral sentence; a purge destroys a body on both sides, the leaf stays."""
    command(spoken.alpha, "test")
    spoken.pump()
    shown = command(spoken.bravo, "inbox", only="theirs")["entries"]
    assert [view["kind"] for view in shown] == ["dispatch", "test"]
    assert shown[1]["text"]
    command(spoken.alpha, "purge", entry=GOOD_ENTRY)
    spoken.pump()
    for node in (spoken.alpha, spoken.bravo):
        view = command(node, "show", entry=GOOD_ENTRY)
        assert (view["body_state"], "text" in view) == ("purged", False)
        (seen,) = [v for v in command(node, "inbox")["entries"] if v["entry"] == GOOD_ENTRY]
        assert "text" not in seen
    assert refusal(spoken.alpha, command, "purge", entry="B-0001") == Refusal.NOT_ALLOWED
    assert refusal(spoken.alpha, command, "purge", entry="0/0:0") == Refusal.NOT_ALLOWED


def test_amendments(pair: Any, command: Any) -> None:
    """Offered by one, sealed by the other, in force for both; each step only by who may take it."""
    alpha, bravo = pair.alpha, pair.bravo
    look = command(alpha, "amend", set={"seen-within-s": 10, "languages": ["en", "uk"]})
    pair.pump()
    offer = look()["entry"]
    (shown,) = command(bravo, "decisions")
    assert (shown["entry"], shown["state"], shown["sealer"]) == (offer, "open", 1)
    assert refusal(alpha, command, "seal", entry=offer) == Refusal.NOT_ALLOWED
    assert refusal(alpha, command, "assent", entry="0/0:0") == Refusal.NOT_FOUND
    command(bravo, "seal", entry=offer)
    pair.pump()
    command(alpha, "say", text="covers the seal", precedence="IMMEDIATE")
    pair.pump()
    for node in (alpha, bravo):
        (line,) = node.station.lines.values()
        assert (line.charter.number, line.charter.seen_within_s) == (1, 10)
    for changes, word in (
        ({"number": 5}, Refusal.USAGE),
        ({"no-such": 1}, Refusal.USAGE),
        ({"padding": "yes"}, Refusal.USAGE),
        ({"seen-within-s": True}, Refusal.USAGE),
        ({"answer-within-s": [1, 2]}, Refusal.MALFORMED),
        ({"receipt": "read"}, Refusal.MALFORMED),
    ):
        assert refusal(alpha, command, "amend", set=changes) == word, changes
    assert refusal(alpha, command, "amend", set={"title": "T"}, expires_s=1) == Refusal.USAGE
    look = command(alpha, "amend", set={"title": "Another"})
    pair.pump()
    command(alpha, "withdraw", entry=look()["entry"])
    pair.pump()
    pair.say("covers the withdrawal", node=bravo)
    assert command(bravo, "decisions")[-1]["state"] == "withdrawn"


def test_offered_charters_wait_for_people(pair: Any, command: Any) -> None:
    """A charter sent over the link is shown until it is accepted; noise is refused by name."""
    made = command(
        pair.alpha, "propose", title="Other", members=[{"party": "bravo"}], send=True, drill=True
    )
    pair.pump()
    (offer,) = command(pair.bravo, "offered")
    assert (offer["kind"], offer["name"]) == ("charter", "Other")
    assert offer["data_b64"] == made["charter_b64"]
    command(pair.bravo, "accept", charter_b64=offer["data_b64"])
    pair.pump()
    assert command(pair.bravo, "offered") == []
    assert {line["title"] for line in command(pair.bravo, "lines")} == {"Test line", "Other"}
    assert refusal(pair.bravo, command, "say", text="which line") == Refusal.USAGE
    drill = command(pair.bravo, "say", text="exercise", line="Other")
    pair.pump()
    assert drill()["entry"]
    (view,) = command(pair.alpha, "inbox", line="Other")["entries"]
    assert view["drill"]
    accept = {"charter_b64": base64.b64encode(b"noise").decode()}
    assert refusal(pair.bravo, command, "accept", **accept) == Refusal.MALFORMED
    again = {"charter_b64": made["charter_b64"]}
    assert refusal(pair.bravo, command, "accept", **again) == Refusal.NOT_ALLOWED


def test_inbox_filters_and_pages(pair: Any, command: Any) -> None:
    """Limits, whose, open, and what came before an entry; newest last."""
    for number in range(6):
        pair.say(f"a{number}")
    answered = pair.say(
        "b0", node=pair.bravo, relations=[{"entry": "A-0001", "relation": "answers"}]
    )
    command(pair.bravo, "mark", entry="A-0002", rung="answered")
    pair.pump()

    def texts(**arguments: Any) -> list[str]:
        return [view["text"] for view in command(pair.alpha, "inbox", **arguments)["entries"]]

    assert texts(only="ours") == [f"a{number}" for number in range(6)]
    assert texts(only="ours", limit=2) == ["a4", "a5"]
    assert texts(only="ours", limit=2, before="A-0003") == ["a0", "a1"]
    assert texts(only="theirs") == ["b0"]
    assert texts(only="open") == ["a2", "a3", "a4", "a5", "b0"]  # an answer awaits its `seen`
    assert texts(only="overdue") == []
    assert answered["state"] == "received"
    for bad in ({"limit": 0}, {"limit": 10_000}, {"only": "mine"}, {"before": 3}):
        assert refusal(pair.alpha, command, "inbox", **bad) in (Refusal.USAGE, Refusal.NOT_FOUND)


def test_prove_and_export(spoken: Any, command: Any, tmp_path: Path) -> None:
    """A proof, a bundle, a transcript; and the places where none can be written."""
    proof = command(spoken.alpha, "prove", entry=GOOD_ENTRY)
    bundle = command(spoken.alpha, "prove", entry=GOOD_ENTRY, bundle=True)
    assert proof["proofs"] == 1 < bundle["proofs"]
    assert base64.b64decode(proof["proof_b64"]).startswith(b"c2sp.org/tlog-proof@v1\n")
    out = tmp_path / "x.detente"
    found = command(spoken.bravo, "export", path=str(out))
    assert (found["bytes"], found["lacks"]) == (out.stat().st_size, [])
    assert found["entries"] == sum(
        head["size"] for head in command(spoken.bravo, "lines")[0]["checkpoints"].values()
    )
    for path, word in (
        (str(out), Refusal.IN_USE),
        ("relative", Refusal.USAGE),
        (str(tmp_path / "no" / "folder"), Refusal.NOT_ALLOWED),
    ):
        assert refusal(spoken.bravo, command, "export", path=path) == word
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["x.detente"]


def test_the_doctor_names_what_is_wrong(
    pair: Any, command: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each check says whether it is well, what was found, and what to do where it is not."""
    found = {one["check"]: one for one in command(pair.alpha, "doctor")}
    assert set(found) == {
        *("clock", "mark", "disk", "permissions", "keys", "cards", "lines", "tls", "user")
    }
    assert not found["clock"]["ok"]
    assert found["clock"]["hint"]
    assert all(found[name]["ok"] for name in ("mark", "disk", "permissions", "keys", "cards"))
    (folder / "alpha").chmod(0o755)
    found = {one["check"]: one for one in command(pair.alpha, "doctor")}
    assert not found["permissions"]["ok"]
    (folder / "alpha").chmod(0o700)
    monkeypatch.setattr(type(pair.alpha.station.keys), "k", 12)
    found = {one["check"]: one for one in command(pair.alpha, "doctor")}
    assert found["keys"]["detail"] == "restores left: 3 of this party's 15"
    assert (found["keys"]["word"], found["keys"]["facts"]) == ("keys-few", {"left": 3, "of": 15})
    assert "no rotation brings more" in found["keys"]["hint"]


def test_one_adoption_at_a_time(pair: Any, command: Any, line_of: Any) -> None:
    """Its keys are opened beside the loop: no other meanwhile, and one that failed lets go."""
    node, line = pair.alpha, line_of(pair.alpha)
    line.mute = "restored"
    asked = {"do": "adopt", "k": 1, "passphrases": ["a wrong passphrase"]}
    first = run_command(node, asked)
    assert refusal(node, command, "adopt", k=1, passphrases=[PASSPHRASE]) == Refusal.IN_USE
    with pytest.raises(LocalError) as refused:
        first.run()
    assert refused.value.refusal == Refusal.BAD_PASSPHRASE
    adopted = command(node, "adopt", k=1, passphrases=[PASSPHRASE])
    assert adopted == {"incarnation": 1, "lines": [line.id.hex()]}
    assert (line.mute, line.own.id.k) == ("", 1)


def test_cut_and_stop_need_a_network(closed_pair: Any, command: Any) -> None:
    """Without a network there is nothing to cut; with one a party is held closed and let go."""
    node = closed_pair.open().alpha
    assert refusal(node, command, "cut", party="bravo") == Refusal.UNREACHABLE
    closed_pair.connect()
    assert command(node, "cut", party="bravo", hold=True) == {"closed": 1}
    assert node.links.held_closed == {closed_pair.bravo.station.party}
    assert command(node, "cut", party="bravo", hold=False) == {"closed": 0}
    assert node.links.nudged[-1] == closed_pair.bravo.station.party
    assert refusal(node, command, "cut", party="nobody") == Refusal.NOT_FOUND
    stopped = []
    node.stopping = lambda: stopped.append(True)
    assert command(node, "stop") == {"stopping": True}
    assert stopped == [True]


def test_flash_calls_who_has_no_link(pair: Any, command: Any) -> None:
    """A FLASH with no link up does not wait out the back-off; a ROUTINE message does."""
    pair.cut()
    node = pair.alpha
    node.links.nudged.clear()
    command(node, "say", text="x")
    assert node.links.nudged == []
    assert not node.urgent_for(pair.bravo.station.party)
    command(node, "say", text="x", precedence="FLASH")
    assert pair.bravo.station.party in node.links.nudged
    assert node.urgent_for(pair.bravo.station.party)
    assert not node.urgent_for(bytes(32))


def test_flash_without_a_receipt_calls_too(pair: Any, command: Any) -> None:
    """A FLASH that went into a dead link is called for like one in the outbox, until it is
    receipted; what is less urgent is not."""
    node, peer = pair.alpha, pair.bravo.station.party
    pair.say("arrives", precedence="FLASH")
    command(node, "say", text="vanishes")
    assert not node.urgent_for(peer)
    command(node, "say", text="vanishes too", precedence="FLASH")
    pair.cut()
    assert not any(row for row in command(node, "outbox"))
    assert node.urgent_for(peer)
    assert not node.urgent_for(bytes(32))
    pair.connect()
    assert not node.urgent_for(peer)
    assert not pair.bravo.urgent_for(node.station.party)


def test_events_for_followers(pair: Any, command: Any) -> None:
    """A follower hears what happens, without content."""
    heard: list[dict[str, Any]] = []
    pair.bravo.followers.append(lambda answer: heard.append(answer["result"]))
    pair.say("PRIVATE words", precedence="FLASH")
    words = [event["event"] for event in heard]
    assert "received" in words
    assert all({"event", "line", "at_s"} <= set(event) for event in heard)
    assert "PRIVATE" not in json.dumps(heard)
