"""Lines that live by files alone: no node has a link to any other, from the first day on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from detente.dossiers.verify import verify_file

PASSPHRASE = "correct horse battery staple"


class Courier:
    """Whoever carries files between houses."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0

    def fetch(self, sender: Any, receiver: Any) -> Path:
        """A file that one house writes for another."""
        self.count += 1
        path = self.folder / f"{self.count}.detente"
        sender.call("courier_out", peer=receiver.name, path=str(path))
        return path

    def bring(self, receiver: Any, *paths: Path) -> dict[str, Any]:
        """Files handed in at a house; what came of the last."""
        found = receiver.call("courier_in", paths=[str(path) for path in paths])
        last: dict[str, Any] = found[-1]
        return last

    def carry(self, sender: Any, receiver: Any) -> dict[str, Any]:
        """One file from house to house."""
        return self.bring(receiver, self.fetch(sender, receiver))

    def rounds(self, one: Any, other: Any, times: int = 2) -> None:
        """So often there and back."""
        for _ in range(times):
            self.carry(one, other)
            self.carry(other, one)


def received(house: Any) -> list[bool]:
    """Of each dispatch of a house, whether its ladder has a receipt."""
    ours = house.call("inbox", only="ours", limit=1000)["entries"]
    said = [one for one in ours if one["kind"] == "dispatch"]
    return ["received" in [step["rung"] for step in one["ladder"]] for one in said]


def test_two_parties_that_never_had_a_network(town: Any, tmp_path: Path) -> None:
    """One node runs, the other's home is opened for each file: both come to the same checkpoints
    with every receipt, through files that were torn, turned round and read twice; and what one
    exports convinces a stranger."""
    alpha, bravo = town.line("alpha", "bravo")
    alpha.start()
    courier = Courier(tmp_path)
    courier.rounds(alpha, bravo, 1)
    alpha.say("Our convoy waits at the bridge.", precedence="FLASH")
    first = courier.fetch(alpha, bravo)
    bravo.say("We ask where.")
    alpha.say("At the southern end.")
    second = courier.fetch(alpha, bravo)
    torn = tmp_path / "torn.detente"
    data = second.read_bytes()
    torn.write_bytes(data[:3000] + bytes(500) + data[3500:])
    hurt = courier.bring(bravo, torn)
    assert hurt["lost_chunks"]
    courier.bring(bravo, second, first, second)
    assert sorted(bravo.texts("theirs")) == [
        "At the southern end.",
        "Our convoy waits at the bridge.",
    ]
    courier.carry(bravo, alpha)
    courier.rounds(alpha, bravo)
    assert alpha.line()["checkpoints"] == bravo.line()["checkpoints"]
    assert received(alpha) == [True, True]
    assert received(bravo) == [True]
    path = tmp_path / "all.detente"
    bravo.call("export", path=str(path))
    cards = [(house.home / "own.card").read_bytes() for house in (alpha, bravo)]
    report = verify_file(path.read_bytes(), cards, int(time.time()))
    assert report.ok, (report.bad, report.lacks)


def test_a_mediator_whose_courier_meets_each_party(town: Any, tmp_path: Path) -> None:
    """Two parties whose couriers never meet have one transcript, each other's texts, and receipts,
    by a third who goes between."""
    alpha, bravo, middle = town.line("alpha", "bravo", "middle")
    courier = Courier(tmp_path)
    for _ in range(2):
        courier.rounds(alpha, middle, 1)
        courier.rounds(bravo, middle, 1)
    alpha.say("To all of you.")
    bravo.say("We have a question.")
    for _ in range(3):
        courier.rounds(alpha, middle, 1)
        courier.rounds(bravo, middle, 1)
    courier.rounds(alpha, middle, 1)
    heads = [house.line()["checkpoints"] for house in (alpha, bravo, middle)]
    assert heads[0] == heads[1] == heads[2]
    assert "To all of you." in bravo.texts("theirs")
    assert "We have a question." in alpha.texts("theirs")
    assert received(alpha) == received(bravo) == [True]


def test_a_lost_disk_comes_back_by_courier(town: Any, tmp_path: Path) -> None:
    """A restored node is mute, asks by file for what it lost, gets it, and goes on adopted."""
    alpha, bravo = town.line("alpha", "bravo")
    courier = Courier(tmp_path)
    courier.rounds(alpha, bravo)
    copy = bravo.move_away("bravo.copy")
    bravo.say("Said and lost.")
    courier.rounds(alpha, bravo)
    bravo.put_back(copy)
    assert bravo.call("status")["mute"]
    courier.rounds(bravo, alpha, 1)
    assert bravo.texts("ours") == ["Said and lost."]
    bravo.say("Queued while mute.")
    courier.rounds(bravo, alpha, 1)
    assert "Queued while mute." not in alpha.texts()
    bravo.call("adopt", k=1, passphrases=[PASSPHRASE])
    (row,) = bravo.call("outbox")
    bravo.call("release", number=row["number"], send=True)
    courier.rounds(bravo, alpha)
    assert alpha.texts("theirs") == ["Said and lost.", "Queued while mute."]
    assert alpha.line()["checkpoints"] == bravo.line()["checkpoints"]
    assert received(bravo) == [True, True]
    assert alpha.line()["frozen"] == bravo.line()["frozen"] == {}
