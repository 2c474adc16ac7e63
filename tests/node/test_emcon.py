"""EMCON at a node: ordered, announced, kept to over a restart, ended; and what the others see."""

from __future__ import annotations

from typing import Any

import pytest
from node.conftest import Pair, command, line_of

from detente.core.errors import LocalError
from detente.core.limits import RECEIVE_ONLY_S_MAX
from detente.node import emcon
from detente.node.node import Node
from detente.node.opening import clock

HOUR_S = 3600


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How much later than their clocks say EMCON takes it to be, at every node."""
    later = {"s": 0}

    def now_s(self: emcon.Emcon) -> int:
        return clock(self._node.home).wall_s + later["s"]

    monkeypatch.setattr(emcon.Emcon, "_now_s", now_s)
    return later


def order(node: Node, **more: Any) -> dict[str, Any]:
    """EMCON from now on for an hour."""
    now_s = clock(node.home).wall_s
    return command(node, "quiet", **({"from_s": now_s, "until_s": now_s + HOUR_S} | more))


def view(node: Node, name: str) -> dict[str, Any]:
    (line,) = command(node, "lines")
    return next(one for one in line["members"] if one["name"] == name)


def test_it_is_announced_kept_to_and_seen(pair: Pair) -> None:
    """The peer shows it with both times and calls nothing overdue; ours says who knows of it."""
    asked = order(pair.bravo)
    assert pair.bravo.links.silent == set(emcon.BEARERS)
    pair.pump()
    shown = view(pair.alpha, "bravo")["silence"]
    assert (shown["state"], shown["stated_by"]) == ("receive-only", ["signed"])
    assert asked["from_s"] <= shown["since_s"] <= asked["from_s"] + 5
    assert shown["until_s"] == asked["until_s"]
    assert pair.bravo.emcon.until_s() == asked["until_s"]
    (line,) = command(pair.bravo, "lines")
    assert line["emcon"]["holds"]
    (told,) = line["emcon"]["told"]
    assert told["name"] == "alpha"
    assert told["at_s"] is not None
    pair.alpha.chores.run()
    assert pair.alpha.links.unheard == {pair.bravo.station.party}
    assert not pair.alpha.urgent_for(pair.bravo.station.party)


def test_who_wrote_to_it_is_told_that_no_receipt_comes(pair: Pair) -> None:
    """On the entry itself, and nothing of it is overdue."""
    asked = order(pair.bravo)
    pair.pump()
    command(pair.alpha, "say", text="Do not fire", precedence="FLASH")  # on its way
    (entry,) = [one["entry"] for one in command(pair.alpha, "inbox")["entries"] if one["mine"]]
    shown = command(pair.alpha, "show", entry=entry)
    assert shown["receive_only"] == [{"name": "bravo", "until_s": asked["until_s"]}]
    assert shown["overdue"] == []
    pair.pump()
    assert command(pair.alpha, "show", entry=entry)["receive_only"] == []


def test_what_is_written_waits_and_says_why(closed_pair: Pair) -> None:
    """With no link up it is queued, and until when."""
    closed_pair.open()
    asked = order(closed_pair.alpha)
    result = command(closed_pair.alpha, "say", text="Later")()
    assert (result["state"], result["receive_only_until_s"]) == ("queued", asked["until_s"])
    assert "receive_only_until_s" not in command(closed_pair.bravo, "say", text="Now")()


def test_a_restart_in_its_midst_sends_nothing(closed_pair: Pair, late: dict[str, int]) -> None:
    """It is kept apart from what was announced, and ends by the clock."""
    closed_pair.open()
    order(closed_pair.alpha)
    closed_pair.close("alpha")
    closed_pair.open("alpha")
    alpha = closed_pair.alpha
    assert alpha.emcon.silent() == set(emcon.BEARERS)
    closed_pair.connect()
    assert alpha.links.silent == set(emcon.BEARERS)
    late["s"] = HOUR_S
    alpha.chores.run()
    assert alpha.links.silent == frozenset()
    assert alpha.emcon.order is None
    closed_pair.close("alpha")
    closed_pair.open("alpha")
    assert alpha.emcon.order is None
    assert closed_pair.alpha.emcon.order is None


def test_an_override_ends_it(pair: Pair) -> None:
    """At once; FLASH does not. One that waits since before it began ends it as well."""
    order(pair.bravo)
    command(pair.bravo, "say", text="Fire on the bridge", precedence="FLASH")
    assert pair.bravo.emcon.order is not None
    command(pair.bravo, "say", text="STOP", precedence="OVERRIDE")
    assert pair.bravo.emcon.order is None
    assert pair.bravo.links.silent == frozenset()
    pair.pump()
    assert view(pair.alpha, "bravo")["receive_only"] is None
    pair.cut()
    command(pair.bravo, "say", text="STOP AGAIN", precedence="OVERRIDE")
    order(pair.bravo)
    assert pair.bravo.emcon.order is None


def test_an_officer_ends_it(pair: Pair) -> None:
    """The peer shows it as alive again; ending nothing says nothing."""
    order(pair.bravo)
    pair.pump()
    assert command(pair.bravo, "quiet", end=True) == {"ordered": False}
    pair.pump()
    assert view(pair.alpha, "bravo")["silence"]["state"] != "no-sign-of-life"
    assert view(pair.alpha, "bravo")["receive_only"] is None
    size = line_of(pair.bravo).own.size
    command(pair.bravo, "quiet", end=True)
    pair.pump()
    assert line_of(pair.bravo).own.size == size
    words = [note["word"] for note in command(pair.bravo, "journal")]
    assert (words.count("emcon-ordered"), words.count("emcon-ended")) == (1, 1)


def test_it_may_begin_later_and_mean_some_bearers(pair: Pair) -> None:
    """Until then nothing changes; of some bearers it excuses nothing, and is shown."""
    now_s = clock(pair.bravo.home).wall_s
    asked = command(pair.bravo, "quiet", until_s=now_s + HOUR_S)
    assert asked["from_s"] >= now_s + emcon.LEAD_S
    assert pair.bravo.emcon.silent() == frozenset()
    (line,) = command(pair.bravo, "lines")
    assert not line["emcon"]["holds"]
    order(pair.bravo, bearers=["serial"])
    pair.pump()
    assert pair.bravo.emcon.silent() == {"serial"}
    assert pair.bravo.emcon.until_s() is None
    shown = view(pair.alpha, "bravo")
    assert shown["receive_only"]["bearers"] == ["serial"]
    assert shown["silence"]["state"] != "receive-only"
    order(pair.bravo, bearers=list(emcon.BEARERS))
    assert emcon.names(pair.bravo.emcon.order.bearers) == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"until_s": 1},
        {"from_s": 1 << 39, "until_s": 1 << 39},
        {"until_s": 1 << 39},
        {"bearers": ["pigeon"]},
    ],
)
def test_what_cannot_be_is_refused(pair: Pair, wrong: dict[str, Any]) -> None:
    """No end behind the beginning, none beyond a week, no bearer that there is not."""
    assert RECEIVE_ONLY_S_MAX == 7 * 24 * HOUR_S
    with pytest.raises(LocalError):
        order(pair.bravo, **wrong)
    assert pair.bravo.emcon.order is None
