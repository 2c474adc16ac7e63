"""Homes that come back: each is mute until its officers adopt it, then goes on as another life."""

from __future__ import annotations

import base64
import shutil
import time
from pathlib import Path
from typing import Any

import apsw
import pytest

from detente.core.errors import LocalError, MachineError, Refusal
from detente.core.identity import parse_card
from detente.dossiers.verify import verify_file
from detente.node.home import backup, own_card, rehearse, restore, rotate
from detente.node.opening import open_node_parts

PASSPHRASE = "correct horse battery staple"


def settled(*houses: Any) -> bool:
    """Whether all hold the same."""
    heads = [house.line()["checkpoints"] for house in houses]
    return all(one == heads[0] for one in heads)


def said_before(town: Any, until: Any) -> tuple[Any, Any]:
    """Two nodes with three messages each way behind them."""
    alpha, bravo = town.open_line("alpha", "bravo")
    for number in range(3):
        alpha.say(f"early {number}", wait="received")
        bravo.say(f"b{number}", wait="received")
    return alpha, bravo


def check_mute_then_adopted(alpha: Any, bravo: Any, until: Any, k: int, texts: list[str]) -> None:
    """The mute node signs nothing and shows all; adopted as ``k`` it speaks, and nothing is shown
    twice or held against it."""
    until(lambda: alpha.call("status")["mute"], "the restored node to be mute")
    until(lambda: sorted(alpha.texts("ours")) == sorted(texts), "what the peer shows")
    size = alpha.line()["own_size"]
    mute = alpha.say("said while mute", wait="sent", timeout_s=1)
    assert mute["state"] == "queued"
    assert alpha.line()["own_size"] == size
    with pytest.raises(LocalError) as refused:
        alpha.call("adopt", k=k - 1, passphrases=[PASSPHRASE])
    assert refused.value.refusal in (Refusal.NOT_ALLOWED, Refusal.USAGE)
    adopted = alpha.call("adopt", k=k, passphrases=[PASSPHRASE])
    assert adopted["incarnation"] == k
    (row,) = [one for one in alpha.call("outbox") if one["awaits_release"]]
    alpha.call("release", number=row["number"], send=True)
    alpha.say("after", precedence="FLASH", wait="received")
    until(lambda: settled(alpha, bravo), "both to hold the same")
    wanted = sorted([*texts, "said while mute", "after"])
    assert sorted(alpha.texts("ours")) == wanted
    assert sorted(bravo.texts("theirs")) == wanted
    status = alpha.call("status")
    assert (status["incarnation"], status["mute"]) == (k, {})
    for house in (alpha, bravo):
        assert house.line()["frozen"] == {}
        assert not (house.home / "accusations").exists()
        assert "fork" not in house.log.read_text()


def serial_at(house: Any, name: str) -> int:
    """The serial of the card of a party that is in force at a node."""
    return next(card["serial"] for card in house.call("cards") if card["name"] == name)


def verified(alpha: Any, bravo: Any) -> None:
    """What bravo exports proves itself to a stranger, over both lives of alpha's log."""
    path = bravo.folder / "after.detente"
    bravo.call("export", path=str(path))
    cards = [(house.home / "own.card").read_bytes() for house in (alpha, bravo)]
    report = verify_file(path.read_bytes(), cards, int(time.time()))
    assert report.ok, (report.bad, report.lacks)


def test_a_clean_stop_and_a_kill_are_no_restore(town: Any, until: Any) -> None:
    """A node that was stopped, or killed in the middle of its work, is never mute."""
    alpha, bravo = said_before(town, until)
    for end in (alpha.stop, alpha.kill):
        for number in range(5):
            alpha.say(f"{end.__name__} {number}")
        end()
        alpha.start()
        alpha.say(f"{end.__name__} done", wait="received")
        assert alpha.call("status")["mute"] == {}
    assert len(bravo.texts("theirs")) == 15


def test_yesterdays_folder(town: Any, until: Any) -> None:
    """A home put back from an older copy is mute, and learns from its peer what it had said."""
    alpha, bravo = said_before(town, until)
    alpha.stop()
    copy = alpha.move_away("yesterday")
    alpha.start()
    for number in range(3):
        alpha.say(f"late {number}", wait="received")
    alpha.kill()
    alpha.put_back(copy)
    alpha.start()
    texts = [f"{word} {number}" for word in ("early", "late") for number in range(3)]
    check_mute_then_adopted(alpha, bravo, until, 1, texts)
    verified(alpha, bravo)
    alpha.stop()
    alpha.start()
    assert alpha.call("status")["mute"] == {}


def test_a_restart_before_the_adoption_changes_nothing(town: Any, until: Any) -> None:
    """A restored node that its peer has shown everything, and that is started again before anybody
    adopted it, is mute as before: nothing in its outbox is said a second time."""
    alpha, bravo = said_before(town, until)
    bravo.stop()
    until(lambda: not alpha.call("status")["links"], "the link to be down")
    alpha.say("queued once")
    alpha.stop()
    copy = alpha.move_away("yesterday")
    alpha.start()
    bravo.start()
    until(lambda: "queued once" in bravo.texts("theirs"), "the queue to be sent")
    alpha.kill()
    alpha.put_back(copy)
    alpha.start()
    until(lambda: "queued once" in alpha.texts("ours"), "what the peer shows")
    alpha.kill()
    alpha.start()
    assert list(alpha.call("status")["mute"].values()) == ["store behind mark"]
    texts = [*(f"early {number}" for number in range(3)), "queued once"]
    check_mute_then_adopted(alpha, bravo, until, 1, texts)


def test_a_copy_that_lost_its_middle_is_not_taken_into_service(town: Any, until: Any) -> None:
    """A home that comes back without some of what it had kept does not start: nobody adopts it."""
    alpha, _bravo = said_before(town, until)
    alpha.stop()
    connection = apsw.Connection(str(next(alpha.home.rglob("detente.db"))))
    connection.execute("DELETE FROM entry WHERE id = (SELECT max(id) - 1 FROM entry)")
    connection.close()
    shutil.rmtree(alpha.marks)
    with pytest.raises(MachineError) as caught:
        open_node_parts(alpha.home, [PASSPHRASE])
    assert caught.value.refusal is Refusal.DISK
    assert "this store is damaged: log " in caught.value.detail


def test_a_copy_beside_the_original(town: Any, until: Any) -> None:
    """A copy never runs beside its original; with marks of its own, or once the original has gone
    on, it is mute."""
    alpha, bravo = said_before(town, until)
    alpha.stop()
    copy = alpha.move_away("copy")
    alpha.start()
    from detente.node.runner import open_node

    with pytest.raises(LocalError) as refused:
        open_node(copy, [PASSPHRASE])
    assert refused.value.refusal == Refusal.IN_USE
    alpha.say("the original goes on", wait="received")
    alpha.stop()
    node = open_node(copy, [PASSPHRASE])
    assert list(node.opened.restored.values()) == ["store behind mark"]
    node.close()
    config = copy / "config.toml"
    config.write_text(config.read_text().replace(str(alpha.marks), str(alpha.folder / "marks2")))
    alpha.put_back(copy)
    alpha.start()
    assert list(alpha.call("status")["mute"].values()) == ["no mark"]
    texts = [*(f"early {number}" for number in range(3)), "the original goes on"]
    check_mute_then_adopted(alpha, bravo, until, 1, texts)


def test_one_backup_restored_twice(town: Any, until: Any, tmp_path: Path) -> None:
    """A backup made while the node runs comes back mute each time, and each time as a new life;
    a life that was lived is refused."""
    alpha, bravo = said_before(town, until)
    archive = tmp_path / "backup.tar.gz"
    backup(alpha.home, archive)
    alpha.say("after the backup", wait="received")
    alpha.kill()
    texts = [*(f"early {number}" for number in range(3)), "after the backup"]
    for k in (1, 2):
        shutil.rmtree(alpha.home)
        restore(archive, alpha.home)
        alpha.start()
        check_mute_then_adopted(alpha, bravo, until, k, texts)
        texts += ["said while mute", "after"]
        alpha.kill()
    with pytest.raises(LocalError) as refused:
        restore(archive, alpha.home)
    assert refused.value.refusal == Refusal.IN_USE


def test_a_full_outbox_waits_for_people(town: Any, until: Any, tmp_path: Path) -> None:
    """Rows that were queued at the backup await release; those a peer shows are not sent again."""
    alpha, bravo = said_before(town, until)
    bravo.stop()
    until(lambda: not alpha.call("status")["links"], "the link to be down")
    for number in range(20):
        alpha.say(f"queued {number}")
    archive = tmp_path / "backup.tar.gz"
    backup(alpha.home, archive)
    bravo.start()
    until(lambda: len(bravo.texts("theirs")) == 23, "the queue to be sent")
    alpha.kill()
    shutil.rmtree(alpha.home)
    restore(archive, alpha.home)
    alpha.start()
    until(lambda: len(alpha.texts("ours")) == 23, "what the peer shows")
    alpha.say("never sent before")
    alpha.call("adopt", k=1, passphrases=[PASSPHRASE])
    rows = alpha.call("outbox")
    assert [row["subject"] for row in rows if row["awaits_release"]] == [""]
    for row in rows:
        alpha.call("release", number=row["number"], send=True)
    until(lambda: len(bravo.texts("theirs")) == 24, "the released row")
    until(lambda: settled(alpha, bravo), "both to hold the same")
    assert len(set(bravo.texts("theirs"))) == 24


def test_rows_that_come_back_need_no_release(town: Any, until: Any, tmp_path: Path) -> None:
    """Adopted before its peer could show anything, a node drops a row once its entry comes back."""
    alpha, bravo = said_before(town, until)
    bravo.stop()
    alpha.say("queued once")
    archive = tmp_path / "backup.tar.gz"
    backup(alpha.home, archive)
    bravo.start()
    until(lambda: "queued once" in bravo.texts("theirs"), "the queue to be sent")
    bravo.stop()
    alpha.kill()
    shutil.rmtree(alpha.home)
    restore(archive, alpha.home)
    alpha.start()
    alpha.call("adopt", k=1, passphrases=[PASSPHRASE])
    held = [one for one in alpha.call("outbox") if one["awaits_release"]]
    (row,) = held  # a link test of the new life may be queued beside it, and needs nobody
    bravo.start()
    until(lambda: "queued once" in alpha.texts("ours"), "what the peer shows")
    assert not [one for one in alpha.call("outbox") if one["number"] == row["number"]]
    with pytest.raises(LocalError) as refused:
        alpha.call("release", number=row["number"], send=True)
    assert refused.value.refusal == Refusal.NOT_FOUND
    assert bravo.texts("theirs").count("queued once") == 1


def test_a_lost_disk(town: Any, until: Any) -> None:
    """With keys, card and mark alone left, the line is taken up mute, and a peer gives it back."""
    alpha, bravo = said_before(town, until)
    charter = alpha.line()["line"]
    alpha.kill()
    bravo.stop()
    text = charter_of(bravo)
    shutil.rmtree(alpha.home / "store")
    alpha.call("trust", **card_of(bravo))
    accepted = alpha.call("accept", charter_b64=base64.b64encode(text).decode())
    assert accepted == {"line": charter, "title": "Test line"}
    alpha.start()
    bravo.start()
    check_mute_then_adopted(alpha, bravo, until, 1, [f"early {number}" for number in range(3)])


def charter_of(house: Any) -> bytes:
    """The charter of a house's one line, as its store has it."""
    from detente.store.sqlite import open_read_only

    store = open_read_only(house.home / "store")
    try:
        (line,) = store.lines()
        return line.charter
    finally:
        store.close()


def card_of(house: Any) -> dict[str, str]:
    """What `trust` is asked with for a house's card."""
    signed = own_card(house.home)
    card = base64.b64encode(signed.data).decode()
    return {"card_b64": card, "method": "by-hand", "digits": signed.card.digits}


def test_keys_rotated_since(town: Any, until: Any, tmp_path: Path) -> None:
    """A home from before a rotation is not let in by its peers; a card that follows on the latest
    one makes it reachable, and then it is adopted like any other."""
    alpha, bravo = said_before(town, until)
    alpha.stop()
    copy = alpha.move_away("before")
    rotate(alpha.home, alpha.root, [PASSPHRASE], now_s=int(time.time()))
    latest = own_card(alpha.home)
    alpha.start()
    until(lambda: serial_at(bravo, "alpha") == 2, "bravo to learn the card")
    alpha.say("with new keys", wait="received")
    alpha.kill()
    alpha.put_back(copy)
    alpha.start()
    until(lambda: "stranger-refused" in bravo.log.read_text(), "bravo to refuse the old key")
    assert alpha.call("status")["mute"]
    alpha.stop()
    signed = rotate(
        alpha.home, alpha.root, [PASSPHRASE], now_s=int(time.time()), latest=latest.data
    )
    assert signed.card.serial == 3
    bravo.call("trust", card_b64=base64.b64encode(signed.data).decode())
    alpha.start()
    texts = [*(f"early {number}" for number in range(3)), "with new keys"]
    check_mute_then_adopted(alpha, bravo, until, 1, texts)
    verified(alpha, bravo)


def test_a_rehearsal_connects_to_nobody_and_signs_nothing(
    town: Any, until: Any, tmp_path: Path
) -> None:
    """It says what would come back, with and without the passphrases, and names what is broken."""
    alpha, _bravo = said_before(town, until)
    archive = tmp_path / "backup.tar.gz"
    backup(alpha.home, archive)
    assert archive.stat().st_mode & 0o777 == 0o600
    before = alpha.line()["checkpoints"]
    found = rehearse(archive)
    assert found == rehearse(archive, [PASSPHRASE]) | {"keys_opened": False}
    (line,) = found["lines"]
    assert line["logs"] == {log: head["size"] for log, head in before.items()}
    assert (line["title"], line["incarnation"], line["queued"]) == ("Test line", 0, 0)
    assert (found["party"], found["mute"]) == (alpha.call("status")["party"], True)
    assert parse_card((alpha.home / "own.card").read_bytes()).card.serial == found["serial"]
    with pytest.raises(LocalError) as refused:
        rehearse(archive, ["another passphrase"])
    assert refused.value.refusal == Refusal.BAD_PASSPHRASE
    data = archive.read_bytes()
    for name, broken in (("half", data[: len(data) // 2]), ("none", b"not a backup")):
        (tmp_path / name).write_bytes(broken)
        with pytest.raises(LocalError) as refused:
            rehearse(tmp_path / name)
        assert refused.value.refusal == Refusal.MALFORMED
    with pytest.raises(LocalError) as refused:
        rehearse(tmp_path / "absent")
    assert refused.value.refusal == Refusal.NOT_FOUND
