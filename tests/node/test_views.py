"""What people see of an entry and of a line: values that say what is there and what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from core.lineage import party
from pair import End, World

from detente.core.body import pack
from detente.core.contested import NOTHING_FROZEN
from detente.core.events import Draft, Submit
from detente.core.extras import Relation
from detente.core.leaf import Kind
from detente.dossiers.dispatch import Dispatch
from detente.node.places import place_word
from detente.node.views import entry_view, latest


@pytest.fixture
def three() -> World:
    """Three cores on one open line."""
    world = World(names=("alpha", "bravo", "charlie"))
    world.open()
    return world


def enter(end: End, text: str | bytes, **more: Any) -> Any:
    """One more dispatch of an end, delivered to all; gives the entry."""
    said = Dispatch(language="en", dtg_s=end.world.wall_s, subject="On fog", text=str(text))
    plain = text if isinstance(text, bytes) else said.encode()
    draft = {"kind": Kind.DISPATCH, "audience": 0b111, **more}
    body = pack(plain, 1, padding=False)
    end.do(Submit(end.line.id, Draft(body=body, salt=end.entropy(16), **draft)))
    end.world.run(2)
    places = end.shelf(end.line.id).of_kind([draft["kind"]])
    return end.line.shelf.entry(*[at for at in places if at.log == end.line.mine][-1])


def view(end: End, entry: Any) -> dict[str, Any]:
    """An entry as an end shows it, after a way through JSON."""
    held = end.line.shelf.entry(*entry.place)
    return json.loads(json.dumps(entry_view(end.line, held, end.world.wall_s, NOTHING_FROZEN)))


def test_an_entry_says_who_said_what_to_whom(three: World):
    """The view of a dispatch has its names, its header and its words, the same at every end."""
    alpha, bravo, charlie = three.ends.values()
    entry = enter(alpha, "Fog is expected.", precedence=4, drill=True)
    shown = view(bravo, entry)
    leaf = entry.leaf
    header = {
        "entry": "A-0001",
        "place": "0/0:1",
        "line": alpha.line.id.hex(),
        "hash": entry.hash.hex(),
        "author": {"number": 0, "name": "alpha"},
        "mine": False,
        "standing": "counted",
        "contested": False,
        "kind": "dispatch",
        "precedence": "FLASH",
        "drill": True,
        "time_s": leaf.time_s,
        "clock_error_s": 1,
        "audience": ["alpha", "bravo", "charlie"],
        "refs": [],
        "relations": [],
        "release": None,
        "context_incomplete": False,
    }
    words = {
        "body_state": "open",
        "label": "parties-only",
        "personal": False,
        "language": "en",
        "subject": "On fog",
        "text": "Fog is expected.",
        "dtg_s": leaf.time_s,
    }
    assert {name: shown[name] for name in header | words} == header | words
    assert view(alpha, entry)["mine"] is True
    same = shown.keys() - {"mine", "ladder", "known_to", "overdue", "legal_receipt"}
    assert {name: view(charlie, entry)[name] for name in same} == {
        name: shown[name] for name in same
    }


def test_relations_name_the_entries_they_are_to(three: World):
    """Each reference is shown by its serial with what the dispatch is to it; and the other way."""
    alpha, bravo, _ = three.ends.values()
    first, second = enter(alpha, "Fog."), enter(alpha, "Rain.")
    third = enter(
        alpha,
        "No fog.",
        refs=(second.hash, first.hash),
        extra=bytes((Relation.REFERS, Relation.CORRECTS)),
    )
    shown = view(bravo, third)
    assert shown["refs"] == ["A-0002", "A-0001"]
    assert shown["relations"] == [
        {"relation": "refers", "entry": "A-0002"},
        {"relation": "corrects", "entry": "A-0001"},
    ]
    assert view(bravo, first)["revisions"] == [{"relation": "corrects", "entry": "A-0003"}]
    assert view(bravo, second)["revisions"] == []


def test_a_reference_to_what_is_not_here_is_its_hash(three: World):
    """An entry that names something unknown lacks context, and shows the hash as it stands."""
    alpha, bravo, _ = three.ends.values()
    unknown = bytes(range(32))
    entry = enter(alpha, "As you know.", refs=(unknown,), extra=bytes((Relation.REFERS,)))
    shown = view(bravo, entry)
    assert (shown["refs"], shown["context_incomplete"]) == ([unknown.hex()], True)
    assert shown["relations"] == [{"relation": "refers", "entry": unknown.hex()}]


def test_the_state_of_a_body_is_said(three: World):
    """Open, not addressed to us, unreadable, purged, missing and none are told apart."""
    alpha, bravo, charlie = three.ends.values()
    private = enter(alpha, "For Bravo.", audience=0b011)
    nonsense = enter(alpha, b"\xff\xff no body of ours")
    assert [view(end, private)["body_state"] for end in (alpha, bravo, charlie)] == [
        "open",
        "open",
        "not-addressed-to-us",
    ]
    assert view(charlie, private)["audience"] == ["alpha", "bravo"]
    assert "text" not in view(charlie, private)
    assert view(bravo, nonsense)["body_state"] == "unreadable"
    shelf = bravo.shelf(bravo.line.id)
    shelf._swap(private.place.log, private.place.index, None, None, purged=False)
    assert view(bravo, private)["body_state"] == "missing"
    shelf._swap(private.place.log, private.place.index, None, None, purged=True)
    assert view(bravo, private)["body_state"] == "purged"
    assert view(bravo, bravo.line.shelf.entry(private.place.log, 0))["body_state"] == "none"


def test_the_ladder_says_who_stated_what(three: World):
    """Every reader's receipt stands on the ladder with its evidence, and counts for the law."""
    alpha, _, charlie = three.ends.values()
    entry = enter(alpha, "Fog.", precedence=4)
    shown = view(charlie, entry)
    rungs = [(step["rung"], step["name"], step["stated_by"]) for step in shown["ladder"]]
    assert rungs == [("received", "bravo", "node"), ("received", "charlie", "node")]
    assert {step["evidence"] for step in shown["ladder"]} <= {"seen", "held-ahead", "cosigned"}
    assert set(shown["legal_receipt"]) == {"bravo", "charlie"}
    assert (shown["stands"], shown["translations"]) == (True, [])


def test_what_is_no_message_has_no_ladder(three: World):
    """The charter's entry is shown with its header alone."""
    alpha = three.ends["alpha"]
    shown = view(alpha, alpha.line.shelf.entry(alpha.line.mine, 0))
    assert (shown["entry"], shown["kind"]) == ("0/0:0", "charter")
    assert not {"ladder", "text", "overdue"} & shown.keys()


def test_the_latest_are_in_order_of_their_stated_time(three: World):
    """The last messages of all logs, oldest first, as many as asked for and before one if asked."""
    ends = list(three.ends.values())
    said = [enter(ends[turn % 3], f"word {turn}").place for turn in range(7)]
    line = ends[0].line

    def places(*more: Any) -> list[Any]:
        return [entry.place for entry in latest(line, *more)[0]]

    assert places(100, lambda _: True) == said
    assert places(3, lambda _: True) == said[-3:]
    assert places(3, lambda at: at.log.member == 1) == said[1::3]
    assert places(2, lambda _: True, place_word(said[4])) == said[2:4]
    assert party("alpha").id == ends[0].id


def test_the_status_of_a_line_agrees_with_its_logs(pair: Any, line_of: Any):
    """Sizes, roots, members and links of a line are those of its logs and of its sessions."""
    pair.say("Fog.", precedence="IMMEDIATE")
    line = line_of(pair.alpha)
    (shown,) = pair.alpha.execute({"do": "lines"})
    assert (shown["title"], shown["open"], shown["mute"], shown["incarnation"]) == (
        "Test line",
        True,
        "",
        0,
    )
    assert shown["checkpoints"] == {
        f"{log.id.member}/0": {"size": log.size, "root": log.root.hex()}
        for log in line.logs.values()
    }
    me, other = shown["members"]
    assert (me["me"], other["me"], other["linked"]) == (True, False, True)
    assert other["holds_own"] == shown["own_size"] == line.own.size
    assert shown["unreceipted"] == 0  # nobody receipts what follows a receipt
    theirs = next(log for log in line.logs.values() if log.id.member == other["number"])
    theirs.stated[line.own.id] = 1
    (shown,) = pair.alpha.execute({"do": "lines"})
    assert shown["unreceipted"] == 1  # the dispatch; leaf 0 is stated, the rest calls for nothing
    pair.cut()
    (shown,) = pair.alpha.execute({"do": "lines"})
    assert [one["linked"] for one in shown["members"]] == [False, False]


def test_what_is_queued_is_counted(closed_pair: Any):
    """A line that is not open counts what waits in its outbox."""
    node = closed_pair.open("alpha").alpha
    node.execute({"do": "say", "text": "Fog."})
    (shown,) = node.execute({"do": "lines"})
    assert (shown["open"], shown["queued"], shown["overdue"]) == (False, 1, 0)
