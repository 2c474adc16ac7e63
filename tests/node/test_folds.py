"""Open matters, gaps and overdue lists as they follow the record, and as they outlive a restart."""

from __future__ import annotations

from typing import Any

import pytest

from detente.node import chores
from detente.node import folds as module
from detente.node.folds import Folds, decode_folds
from detente.node.places import entry_word


def open_words(node: Any, line: Any) -> list[str]:
    folds = node.folds(line)
    found = folds.open_ladders(line, folds.frozen(node.station, line))
    return [entry_word(line.shelf.entry(*rungs.place)) for rungs in found]


def test_matters_close_when_they_are_answered(pair: Any, command: Any, line_of: Any) -> None:
    """Answered, declined, cancelled and superseded matters leave the list; the others stay."""
    line = line_of(pair.alpha)
    for number in range(7):
        pair.say(f"matter {number}", precedence="IMMEDIATE")
    assert open_words(pair.alpha, line) == [f"A-{n:04}" for n in range(1, 8)]
    pair.say("yes", node=pair.bravo, relations=[{"entry": "A-0001", "relation": "answers"}])
    # An answer calls for a receipt alone, which the next entry of ours brings.
    assert open_words(pair.alpha, line) == [*(f"A-{n:04}" for n in range(2, 8)), "B-0001"]
    command(pair.bravo, "mark", entry="A-0002", rung="declined")
    command(pair.bravo, "mark", entry="A-0003", rung="seen")
    pair.say("never mind", relations=[{"entry": "A-0004", "relation": "cancels"}])
    pair.say("rather", relations=[{"entry": "A-0005", "relation": "supersedes"}])
    assert open_words(pair.alpha, line) == [*("A-0003", "A-0006", "A-0007", "A-0008", "A-0009")]


def test_what_was_kept_is_what_was_derived(closed_pair: Any, command: Any, line_of: Any) -> None:
    """After a restart the same is open, and only what came since is read."""
    pair = closed_pair.open().connect()
    for number in range(5):
        pair.say(f"matter {number}", precedence="IMMEDIATE")
    command(pair.bravo, "mark", entry="A-0002", rung="declined")
    pair.pump()
    before = open_words(pair.alpha, line_of(pair.alpha))
    folds = pair.alpha.folds(line_of(pair.alpha))
    again = decode_folds(folds.encode())
    assert (again.scanned, again.open, again.answers) == (folds.scanned, folds.open, folds.answers)
    assert (again.declined, again.gaps) == (folds.declined, folds.gaps)
    pair.close()
    pair.number = 0
    pair.open()
    node = pair.alpha
    kept = node.folds(line_of(node))
    assert kept.unread(line_of(node)) == 0
    assert open_words(node, line_of(node)) == before
    assert list(kept.declined)


def test_much_traffic_is_read_from_memory(pair: Any, line_of: Any, monkeypatch: Any) -> None:
    """What a step brought is read before it leaves the memory, once there is enough of it, and
    gives what the store would; where some of it has left, the store is read first."""
    monkeypatch.setattr(chores, "FOLLOW_ENTRIES", 4)
    line, node = line_of(pair.alpha), pair.alpha
    followed, read = node.folds(line), Folds()
    followed.read_on(line, 1)
    followed.changed = False
    for number in range(3):
        pair.say(f"matter {number}", precedence="IMMEDIATE")
    node.chores.follow(3)
    assert followed.unread(line)
    shelf, line.shelf = line.shelf, None
    node.chores.follow(1)
    line.shelf = shelf
    read.read_on(line, 1)
    assert (followed.unread(line), followed.changed) == (0, True)
    assert (followed.scanned, followed.open) == (read.scanned, read.open)
    late = Folds()
    line.own.recent.popitem(last=False)
    late.follow(line)
    assert line.own.id not in late.scanned
    late.read_on(line, 1)
    assert (late.scanned, late.open) == (read.scanned, read.open)


@pytest.mark.parametrize(
    "data", [None, b"", b"{", b"[]", b'{"format": 99}', b'{"format": 3}', b"\xff", b"[" * 3000]
)
def test_what_cannot_be_read_is_derived_again(data: bytes | None) -> None:
    """A state of another format, or a damaged one, is none."""
    assert decode_folds(data) == Folds()


def test_many_open_matters_are_bounded(pair: Any, line_of: Any, monkeypatch: Any) -> None:
    """Beyond the bound the oldest give way, and it is said how many did."""
    monkeypatch.setattr(module, "OPEN_MAX", 5)
    monkeypatch.setattr(module, "LOOKED_AT_MAX", 3)
    for number in range(8):
        pair.say(f"matter {number}")
    line = line_of(pair.alpha)
    folds = pair.alpha.folds(line)
    assert open_words(pair.alpha, line) == ["A-0004", "A-0005", "A-0006"]
    assert (len(folds.open), folds.unwatched) == (5, 3)


def test_overdue_and_silence(pair: Any, command: Any, line_of: Any, monkeypatch: Any) -> None:
    """An answer that is late is shown with who owes it, and speaks of that member's silence."""
    pair.say("when?", precedence="FLASH")
    command(pair.bravo, "duty", on=True)
    pair.pump()
    late_s = line_of(pair.alpha).charter.answer_within_s[4] + 5
    from detente.node import commands, opening, sightings

    assert sightings.SIGNS
    now = opening.clock(pair.alpha.home)
    later = now._replace(wall_s=now.wall_s + late_s)
    (line,) = command(pair.alpha, "lines")
    assert line["overdue"] == 0
    monkeypatch.setattr(commands, "clock", lambda _home: later)
    shown = command(pair.alpha, "inbox", only="overdue")
    assert [view["entry"] for view in shown["entries"]] == ["A-0001"]
    assert [view["entry"] for view in shown["overdue"]] == ["A-0001"]
    assert shown["overdue"][0]["overdue"][0]["missing"] == "answer"
    (line,) = shown["lines"]
    assert line["overdue"] == 1


def test_a_view_reads_little_of_what_nobody_has_read(
    pair: Any, command: Any, line_of: Any, monkeypatch: Any
) -> None:
    """Behind a start that found nothing kept, a page reads on for a moment and says how much is
    left, once for all it asks; the few entries of the last seconds are in every page."""
    line, node = line_of(pair.alpha), pair.alpha
    for number in range(4):
        pair.say(f"matter {number}")
    monkeypatch.setattr(module, "VIEW_READ_S", 0.0)
    monkeypatch.setattr(module, "VIEW_AGAIN_S", 3600.0)
    monkeypatch.setattr(module, "VIEW_ENTRIES", 1)
    node.known_folds.clear()
    (seen,) = command(node, "lines")
    assert seen["unread"] == sum(log.size for log in line.logs.values())
    monkeypatch.setattr(module, "VIEW_READ_S", 60.0)
    assert command(node, "lines")[0]["unread"] == seen["unread"]
    monkeypatch.setattr(module, "VIEW_ENTRIES", seen["unread"])
    (seen,) = command(node, "lines")
    assert (seen["unread"], len(node.folds(line).open)) == (0, 4)


def test_a_gap_in_serials_is_shown(pair: Any, line_of: Any) -> None:
    """Serials that do not count one by one are named with the place where they break."""
    pair.say("one")
    pair.say("two")
    line = line_of(pair.bravo)
    folds = Folds()
    log = next(log for log in line.logs if log.member == 0)
    folds.serials[log] = 4  # as if five had come before the first
    folds.read_on(line, 1)
    (gap,) = folds.gaps
    assert (gap.place.log, gap.expected, gap.found) == (log, 5, 1)


def test_only_a_proof_of_this_very_log_freezes_it(pair: Any, line_of: Any) -> None:
    """An accusation counts if its proof names this log of this line at the index stated."""

    from detente.core.accusation import Finding, Form, Verdict
    from detente.core.body import pack
    from detente.core.extras import Accused
    from detente.core.identity import Origin
    from detente.core.leaf import Kind, LogId

    line, node = line_of(pair.alpha), pair.alpha
    pair.say("x")
    entry = line.shelf.entry(LogId(0, 0, b""), 1)
    accused = Accused(LogId(1, 0, b""), 3)
    body = pack(b"proof", 5, False)
    leaf = entry.leaf._replace(kind=Kind.ACCUSATION, extra=accused.encode())
    entry = entry._replace(body=body, leaf=leaf)
    prover = module._Prover(node.station, line)
    right = Origin(line.id, pair.bravo.station.party, 0, b"")
    for finding, origin, index, proven in (
        (Finding.PROVEN, right, 3, True),
        (Finding.ALLEGED, right, 3, False),
        (Finding.PROVEN, right, 2, False),
        (Finding.PROVEN, right._replace(party=node.station.party), 3, False),
        (Finding.PROVEN, right._replace(line=bytes(32)), 3, False),
        (Finding.PROVEN, right._replace(k=1), 3, False),
        (Finding.PROVEN, None, 3, False),
    ):
        verdict = Verdict(finding, "", Form.LEAVES, origin, "", index)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "check", lambda *_, found=verdict: found)
            assert prover(entry) is proven
    assert not prover(entry)  # noise proves nothing
    assert not prover(entry._replace(body=None))
