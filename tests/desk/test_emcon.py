"""EMCON on the desk's pages: theirs on the line and at an entry, ours with who knows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.conftest import command

from detente.node.opening import clock

if TYPE_CHECKING:
    from desk.parties import Parties


def test_both_sides_read_what_it_is(parties: Parties) -> None:
    """Who is told reads since when and until when, and that no receipt comes before; who ordered
    it, that nothing is sent."""
    bravo = parties.pair.bravo
    now_s = clock(bravo.home).wall_s
    officer = parties.enter("Watch", "watch", "drafter")
    command(bravo, "quiet", from_s=now_s, until_s=now_s + 3_600)
    parties.pair.pump()
    page = officer.get(f"/line/{parties.line}").text
    assert "EMCON: receive-only since" in page
    assert "no receipt comes before it ends" in page
    assert parties.alarms()["receive-only"].sounds is False
    command(bravo, "quiet", end=True)
    parties.pair.pump()
    assert "no receipt comes" not in officer.get(f"/line/{parties.line}").text
    now_s = clock(parties.pair.alpha.home).wall_s
    command(parties.pair.alpha, "quiet", from_s=now_s, until_s=now_s + 3_600)
    assert "EMCON HERE: this node sends nothing over every bearer" in (
        officer.get(f"/line/{parties.line}").text
    )
