"""A third party joins a line of two real nodes by an amendment, and all three speak."""

from __future__ import annotations

import base64
import shutil
import time
from typing import Any

import pytest

from detente.core.errors import LocalError, Refusal
from detente.dossiers.verify import verify_file
from detente.node.home import own_card

PASSPHRASE = "correct horse battery staple"


def settled(*houses: Any) -> bool:
    """Whether all hold the same and nothing waits any more."""
    lines = [house.line() for house in houses]
    heads = [line["checkpoints"] for line in lines]
    return all(one == heads[0] for one in heads) and not any(line["queued"] for line in lines)


def final(house: Any) -> bool:
    """Whether the last decision of a line is final here."""
    return bool(house.call("decisions")[-1]["state"] == "final")


def test_a_third_party_joins_and_all_three_speak(town: Any, until: Any) -> None:
    """Offered over the link, accepted before the seal, joined when it is final: then dispatches
    with receipts of both others, equal checkpoints, and an export that a stranger can verify."""
    alpha, bravo = town.open_line("alpha", "bravo", **{"seen-within-s": 1})
    alpha.say("before charlie came", wait="received")
    charlie = town.house("charlie")
    charlie.start()
    town.trust(alpha, charlie)
    with pytest.raises(LocalError) as refused:
        alpha.call("amend", members=[{"party": "bravo"}])
    assert refused.value.refusal is Refusal.USAGE
    until(lambda: len(alpha.call("status")["links"]) == 2, "alpha and charlie to be linked")
    made = alpha.call("amend", members=[{"party": "charlie"}], send=True, wait="received")
    (offered,) = until(lambda: charlie.call("offered"), "the two charters to come")
    assert (offered["kind"], offered["name"]) == ("joining", "Test line")
    assert offered["data_b64"] == made["joining_b64"]
    for house, do, given in (
        (bravo, "seal", {"entry": made["entry"]}),
        (charlie, "accept", {"charter_b64": offered["data_b64"]}),
    ):
        with pytest.raises(LocalError) as refused:  # neither knows the other's card
            house.call(do, **given)
        assert refused.value.refusal is Refusal.UNKNOWN_PARTY, do
    town.trust(bravo, charlie)
    assert charlie.call("accept", charter_b64=offered["data_b64"])["joining"]
    assert charlie.call("offered") == []
    status = charlie.line()
    assert (status["joining"], status["open"], status["own_size"]) == (True, False, 0)
    with pytest.raises(LocalError) as refused:
        charlie.say("too early")
    assert refused.value.refusal is Refusal.NOT_ALLOWED
    charlie.kill()
    charlie.start()
    assert charlie.line()["joining"]
    bravo.call("seal", entry=made["entry"], wait="received")
    for house in (alpha, bravo):
        until(lambda house=house: final(house), "the seal to be final")
    until(lambda: charlie.line()["open"], "charlie to have joined")
    status = charlie.line()
    assert not status["joining"]
    assert status["charter_number"] == 1
    for house in (alpha, bravo, charlie):
        until(lambda house=house: len(house.line()["checkpoints"]) == 3, "three logs everywhere")
        said = house.say(f"from {house.name}", wait="received")
        assert said["state"] == "received"
        until(
            lambda house=house, entry=said["entry"]: (
                len(house.call("show", entry=entry)["ladder"]) == 2
            ),
            "the receipts of both others",
        )
    until(lambda: settled(alpha, bravo, charlie), "all three to hold the same")
    assert charlie.texts() == ["", "from alpha", "from bravo", "from charlie"]
    old = charlie.call("inbox")["entries"][0]
    assert (old["body_state"], old["audience"]) == ("not-addressed-to-us", ["alpha", "bravo"])
    assert charlie.call("inbox", only="overdue")["entries"] == []
    charlie.kill()
    charlie.start()
    until(lambda: charlie.say("again", wait="received")["state"] == "received", "the next one")
    path = town.folder / "charlie.transcript"
    charlie.call("export", path=str(path))
    cards = [own_card(house.home).data for house in (alpha, bravo, charlie)]
    report = verify_file(path.read_bytes(), cards, int(time.time()))
    assert report.ok, (report.bad, report.lacks)
    assert sorted(log.name for log in report.logs) == ["alpha", "bravo", "charlie"]


def test_the_file_carried_by_hand_serves_as_well(town: Any, until: Any) -> None:
    """The charter in force behind the founding one, written when all is final; no offer is seen."""
    alpha, bravo = town.open_line("alpha", "bravo", **{"seen-within-s": 1})
    charlie = town.house("charlie")
    for house in (alpha, bravo):
        town.trust(house, charlie)
    made = alpha.call("amend", members=[{"party": "charlie", "role": "observer"}])
    until(lambda: bravo.call("decisions"), "the offer to come")
    bravo.call("seal", entry=made["entry"])
    for house in (alpha, bravo):
        until(lambda house=house: final(house), "the seal to be final")
    shown = alpha.call("charter")
    assert shown["number"] == 1
    text = base64.b64decode(shown["joining_b64"]).decode()
    assert text.endswith(shown["text"])
    only = base64.b64encode(shown["text"].encode()).decode()
    with pytest.raises(LocalError) as refused:
        charlie.call("accept", charter_b64=only)
    assert refused.value.refusal is Refusal.USAGE
    charlie.call("accept", charter_b64=shown["joining_b64"])
    charlie.start()
    until(lambda: charlie.line()["open"], "charlie to have joined")
    alpha.say("not for observers", wait="received")
    until(lambda: settled(alpha, bravo, charlie), "all three to hold the same")
    assert charlie.texts() == [""]

    def witnesses() -> list[str]:
        made = alpha.call("prove", entry="A-0001", bundle=True)
        cards = [own_card(house.home).data for house in (alpha, bravo, charlie)]
        report = verify_file(base64.b64decode(made["proof_b64"]), cards, int(time.time()))
        assert report.ok
        assert "charlie" not in {r.name for one in report.statements for r in one.receipts}
        return [one.name for one in report.statements[0].witnesses]

    assert until(witnesses, "charlie's witness at its author") == ["charlie"]


def test_a_member_that_joined_and_lost_its_disk_comes_back_mute(town: Any, until: Any) -> None:
    """Its mark says that it has spoken: with both charters it is taken up mute, with nothing, and
    adopted into the next life of its log; nobody finds it to have two histories."""
    alpha, bravo = town.open_line("alpha", "bravo", **{"seen-within-s": 1})
    charlie = town.house("charlie")
    for house in (alpha, bravo):
        town.trust(house, charlie)
    made = alpha.call("amend", members=[{"party": "charlie"}])
    until(lambda: bravo.call("decisions"), "the offer to come")
    bravo.call("seal", entry=made["entry"])
    charlie.call("accept", charter_b64=made["joining_b64"])
    charlie.start()
    until(lambda: charlie.line()["open"], "charlie to have joined")
    charlie.say("of the first life", wait="received")
    charlie.kill()
    shutil.rmtree(charlie.home / "store")
    for house in (alpha, bravo):
        town.trust(house, charlie)
    charlie.call("accept", charter_b64=made["joining_b64"])
    charlie.start()
    status = until(
        lambda: charlie.line()["checkpoints"] and charlie.line(), "the line to come back"
    )
    assert (status["mute"], status["own_size"]) == ("store behind mark", 0)  # as seen at the start
    until(lambda: "of the first life" in charlie.texts(), "its own words")
    charlie.call("adopt", k=1, passphrases=[PASSPHRASE])
    until(lambda: charlie.line()["open"], "charlie to be in again")
    assert charlie.say("of the second life", wait="received")["state"] == "received"
    until(lambda: settled(alpha, bravo, charlie), "all three to hold the same")
    assert alpha.texts()[-2:] == ["of the first life", "of the second life"]
    assert alpha.line()["frozen"] == {}
