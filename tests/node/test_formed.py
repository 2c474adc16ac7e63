"""Which dispatches hold a form of a notice: found once, and asked for no more."""

from __future__ import annotations

from typing import Any

import pytest

from detente.core.errors import LocalError, Refusal
from detente.core.holding import entries_of
from detente.core.sheet import instant
from detente.dossiers import notices as dossiers
from detente.dossiers.notice_forms import form_of
from detente.node import chores, notices, regimes
from detente.node.folds import decode_folds
from detente.node.formed import Formed
from detente.node.opening import clock

DAY_S = 86_400
CIRCLE = {"impact-circle": "WGS84 56 15N 162 30E RADIUS 20 NM"}


@pytest.fixture
def adopted(pair: Any, command: Any) -> Any:
    """The pair, with a profile that both have adopted."""
    for node in (pair.alpha, pair.bravo):
        command(node, "notice_adopt", name="launch-1988", state={"validity": "4 d"})
        pair.pump()
    pair.say("covers what was sealed")
    return pair


def _refused(node: Any, command: Any) -> Refusal:
    with pytest.raises(LocalError) as refused:
        command(node, "notice_list")
    return refused.value.refusal


def test_a_list_costs_what_it_lists(adopted: Any, command: Any, line_of: Any) -> None:
    """Dispatches are opened once and in passing: a list looks at those that hold a form alone, and
    a restart reads none again."""
    pair = adopted
    for number in range(20):
        pair.say(f"matter {number}")
    node, line = pair.alpha, line_of(pair.alpha)
    before = command(node, "notice_list")
    known = node.folds(line).formed.known
    assert 0 < len(known) < 10
    assert None not in known.values()
    shelf, looked = line.shelf, []
    line.shelf = Looked(shelf, looked)
    try:
        command(node, "notice_list")
    finally:
        line.shelf = shelf
    assert len(set(looked)) < 10
    again = decode_folds(node.folds(line).encode())
    assert (again.formed.scanned, again.formed.known) == (
        node.folds(line).formed.scanned,
        dict.fromkeys(known),
    )
    node.known_folds[line.id] = again
    assert command(node, "notice_list")["adopted"] == before["adopted"]


def test_a_record_not_read_so_far_gives_no_list(
    adopted: Any, command: Any, line_of: Any, monkeypatch: Any
) -> None:
    """A running node lists notices once its record has been read for them, which its chores do; a
    list that lacks one is never given. Without a network nobody waits, and it is read at once."""
    node, line = adopted.alpha, line_of(adopted.alpha)
    node.known_folds.clear()
    monkeypatch.setattr(regimes, "READ_S", 0.0)
    monkeypatch.setattr(chores, "READ_S", 60.0)
    assert _refused(node, command) is Refusal.CONTEXT_INCOMPLETE
    node.chores.run()
    assert node.folds(line).formed.scanned
    assert command(node, "notice_list")["adopted"]
    node.known_folds.clear()
    monkeypatch.setattr(node, "links", None)
    assert command(node, "notice_list")["adopted"]


def test_a_form_whose_body_comes_later_is_listed_then(adopted: Any, line_of: Any) -> None:
    """Until then it is asked for each time; what is not for us, or was purged, never."""
    line = line_of(adopted.alpha)
    entry = next(
        one
        for log in line.logs.values()
        for one in entries_of(line, log, 0, log.size)
        if form_of(one) is not None
    )
    for missing, kept in (
        (entry._replace(body=None), True),
        (entry._replace(body=None, purged=True), False),
        (entry._replace(body=None, leaf=entry.leaf._replace(audience=0)), False),
    ):
        formed = Formed()
        formed._take(line, missing)
        assert (entry.place in formed.known) is kept
    assert (formed.known, Formed().read_on(line, 0.0)) == (
        {},
        sum(x.size for x in line.logs.values()),
    )


class Looked:
    """A shelf that writes down which entries it was asked for."""

    def __init__(self, shelf: Any, looked: list[Any]) -> None:
        self._shelf, self._looked = shelf, looked

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shelf, name)

    def entry(self, log: Any, index: int) -> Any:
        self._looked.append((log, index))
        return self._shelf.entry(log, index)


def test_what_has_ended_costs_a_look_by_the_clock_nothing(
    adopted: Any, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of what is open leaves out notices whose validity has ended, and counts them; what
    it says of the others, of what is due and of adoptions is what the whole list says."""
    pair, node = adopted, adopted.alpha
    real, ahead_s = notices.clock, [0]

    def later(home: Any) -> Any:
        return real(home)._replace(wall_s=real(home).wall_s + ahead_s[0])

    for number in range(4):
        day_s = real(node.home).wall_s // DAY_S * DAY_S + (3 + 10 * (number // 3)) * DAY_S
        values = {
            "date": instant(day_s)[:10],
            "missile": "ICBM",
            "launch-area": f"range {number}",
            **CIRCLE,
        }
        command(node, "notice_send", profile="launch-1988", values=values)
    pair.pump()
    pair.say("covers them", node=pair.bravo, precedence="IMMEDIATE")
    ahead_s[0] = 8 * DAY_S
    for module in (notices, regimes):
        monkeypatch.setattr(module, "clock", later)
    whole = command(node, "notice_list")
    assert [one["state"] for one in whole["notices"]] == ["expired"] * 3 + ["received"]
    assert whole["left_out"] == 0
    checked: list[Any] = []
    check = dossiers.check
    monkeypatch.setattr(dossiers, "check", lambda *a, **b: checked.append(a) or check(*a, **b))
    for last, shown in ((0, 1), (2, 3), (9, 4)):
        checked.clear()
        found = command(node, "notice_list", meet=False, last=last)
        assert (len(found["notices"]), found["left_out"]) == (shown, 4 - shown)
        assert found["notices"] == whole["notices"][-shown:]
        assert len(checked) == shown
        # What is asked for by name is there, however long ago it ended.
        first = whole["notices"][0]["entry"]
        assert command(node, "notice_show", entry=first)["state"] == "expired"
        revised = {"relations": [{"entry": first, "relation": "corrects"}]}
        values = {"date": "2031-06-10", "missile": "ICBM", "launch-area": "x", **CIRCLE}
        checks = command(node, "notice_check", profile="launch-1988", values=values, **revised)
        assert checks["faults"] == []
        same = ("adopted", "due", "counts")
        assert [found[key] for key in same] == [whole[key] for key in same]


def test_notices_are_compared_a_while_at_a_time(
    adopted: Any, command: Any, line_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list with more pairs than it has time for says how many are left, and goes on from there;
    none is compared twice."""
    node = adopted.alpha
    day_s = clock(node.home).wall_s // DAY_S * DAY_S + 3 * DAY_S
    values = {
        "date": instant(day_s)[:10],
        "missile": "ICBM",
        "launch-area": "range",
        **CIRCLE,
    }
    for _ in range(3):
        command(node, "notice_send", profile="launch-1988", values=values)
    adopted.pump()
    monkeypatch.setattr(notices, "MEASURE_S", -1.0)
    found = command(node, "notice_list")
    assert (found["meet"], found["unmeasured"]) == ([], 3)
    monkeypatch.setattr(notices, "MEASURE_S", 60.0)
    found = command(node, "notice_list")
    assert (len(found["meet"]), found["unmeasured"]) == (3, 0)
    monkeypatch.setattr(notices, "MEASURE_S", -1.0)
    assert command(node, "notice_list")["unmeasured"] == 0
    monkeypatch.setattr(notices, "MEASURE_S", 60.0)
    first = found["notices"][0]["entry"]
    command(node, "notice_cancel", entry=first, words="done")
    adopted.pump()
    assert len(command(node, "notice_list")["meet"]) == 1
    assert len(node.folds(line_of(node)).meetings.known) == 1
