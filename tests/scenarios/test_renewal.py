"""Cards renewed and keys revoked in band: by parties that were trusted before, and by no others."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from typing import Any

import pytest

from detente.core.errors import LocalError, Refusal
from detente.core.identity import origin
from detente.core.leaf import LogId
from detente.node.home import own_card, revoke, rotate
from detente.node.runner import open_node

PASSPHRASE = "correct horse battery staple"


def serial_at(house: Any, name: str) -> int:
    """The serial of the card of a party that is in force at a node."""
    return next(card["serial"] for card in house.call("cards") if card["name"] == name)


def words_of(house: Any) -> list[str]:
    """The words of a node's journal."""
    return [note["word"] for note in house.call("journal", limit=1000)]


def revocation(house: Any, key: str, status: dict[str, Any], serial: int = 1) -> str:
    """A revocation of one of a house's keys, with the heads it stands by now."""
    stands = []
    if key.startswith("log"):
        me = next(one for one in status["members"] if one["me"])
        head = status["checkpoints"][f"{me['number']}/0"]
        name = origin(
            bytes.fromhex(status["line"]), bytes.fromhex(me["party"]), LogId(me["number"], 0, b"")
        )
        stands = [(name, head["size"], bytes.fromhex(head["root"]))]
    data = revoke(
        house.home,
        house.root,
        [PASSPHRASE],
        key=key,
        reason="stolen",
        serial=serial,
        stands=stands,
        now_s=int(time.time()),
    )
    return base64.b64encode(data).decode()


def test_a_renewed_card_reaches_every_member(town: Any, until: Any) -> None:
    """After `rotate` and a restart all peers learn the card over the line, one that was away
    included; nobody compares digits again, and the old TLS key is forgotten."""
    alpha, bravo, charlie = town.open_line("alpha", "bravo", "charlie")
    charlie.stop()
    alpha.stop()
    old = own_card(alpha.home).card
    signed = rotate(alpha.home, alpha.root, [PASSPHRASE], now_s=int(time.time()))
    assert (signed.card.serial, signed.card.party) == (2, old.party)
    assert signed.card.tls_ed25519 != old.tls_ed25519
    assert signed.card.pairs[0] == old.pairs[0]
    assert signed.card.pairs[1] != old.pairs[1]
    alpha.start()
    until(lambda: serial_at(bravo, "alpha") == 2, "bravo to learn the card")
    alpha.say("to bravo", to=["bravo"], wait="received")
    assert (alpha.home / "old-tls.keys").exists()
    charlie.start()
    until(lambda: serial_at(charlie, "alpha") == 2, "charlie to learn the card")
    until(lambda: not (alpha.home / "old-tls.keys").exists(), "the old key to be forgotten", 60)
    for house in (bravo, charlie):
        assert "card-renewed" in words_of(house)
        ceremony = next(c["ceremony"] for c in house.call("cards") if c["name"] == "alpha")
        assert ceremony["method"] == "by-hand"
        assert house.call("offered") == []
    until(lambda: len(alpha.call("status")["links"]) == 2, "both links")
    alpha.say("to all", precedence="FLASH", wait="received")
    charlie.kill()
    charlie.start()
    assert serial_at(charlie, "alpha") == 2


def test_a_revoked_log_key_ends_the_log(town: Any, until: Any) -> None:
    """Its party signs with it no more, its peer takes no more of it, and the next incarnation
    goes on."""
    alpha, bravo = town.open_line("alpha", "bravo")
    alpha.say("before", wait="received")
    status = until(lambda: settled(alpha, bravo), "both to hold the same")
    note = revocation(alpha, "log 0", status)
    assert bravo.call("revoke", revocation_b64=note)["key"] == "log 0"
    assert "revocation" in words_of(bravo)
    size = status["checkpoints"]["0/0"]["size"]
    assert bravo.line()["frozen"] == {"0/0": size}
    alpha.say("signed with the stolen key")
    until(lambda: "frozen" in alpha.log.read_text(), "bravo to refuse it")
    assert bravo.texts("theirs") == ["before"]
    assert alpha.call("revoke", revocation_b64=note)["key"] == "log 0"
    assert list(alpha.call("status")["mute"].values()) == ["our log key is revoked"]
    alpha.call("adopt", k=1, passphrases=[PASSPHRASE])
    alpha.say("with the next key", precedence="FLASH", wait="received")
    until(lambda: "with the next key" in bravo.texts("theirs"), "the new log")
    assert "signed with the stolen key" not in bravo.texts("theirs")
    for house in (alpha, bravo):
        house.stop()
        house.start()
    assert bravo.line()["frozen"] == {"0/0": size}
    alpha.say("after a restart", wait="received")


def settled(*houses: Any) -> dict[str, Any] | None:
    """The status of the first, once all hold the same."""
    lines = [house.line() for house in houses]
    same = all(line["checkpoints"] == lines[0]["checkpoints"] for line in lines)
    return lines[0] if same else None


def test_a_revocation_travels_in_band(town: Any, until: Any) -> None:
    """What a party revokes at its own node its peers learn over the line, and act on."""
    alpha, bravo = town.open_line("alpha", "bravo")
    note = revocation(alpha, "heads", alpha.line())
    alpha.call("revoke", revocation_b64=note)
    until(lambda: "revocation" in words_of(bravo), "bravo to learn of it")
    stale = revocation(alpha, "kem", alpha.line(), serial=1)
    with pytest.raises(LocalError) as refused:
        bravo.call("revoke", revocation_b64=stale)
    assert refused.value.refusal == Refusal.STALE_CARD


def kept_of(house: Any, member: int) -> tuple[set[tuple[str, int]], int]:
    """The cosignatures of a member that a stopped node keeps, and how many keys it holds void."""
    node = open_node(house.home, [PASSPHRASE])
    try:
        found = {
            (one.name, one.size)
            for line in node.station.lines.values()
            for log in line.logs
            for one in node.store.cosignatures(line.id, log, 1)
            if one.member == member and "-holds/" in one.name
        }
        return found, len(node.station.revoked)
    finally:
        node.close()


def test_what_is_revoked_stays_so_after_a_restart(town: Any, until: Any) -> None:
    """A holds key, both ML-DSA keys and the courier key revoked in mid-conversation: the peer
    keeps no signature of theirs from then on, and after a restart neither; everything is received
    all the same."""
    alpha, bravo = town.open_line("alpha", "bravo")
    bravo.say("before", wait="received")
    status = until(lambda: settled(alpha, bravo), "both to hold the same")
    keys = ("holds 0", "holds-pq", "log-pq", "kem")
    for serial, key in enumerate(keys, start=1):
        bravo.call("revoke", revocation_b64=revocation(alpha, key, status, serial))
    alpha.call("revoke", revocation_b64=revocation(alpha, "holds 0", status))
    bravo.say("in mid-conversation", wait="received")
    bravo.stop()
    before, revoked = kept_of(bravo, 0)
    assert before
    assert revoked == len(keys)
    bravo.start()
    bravo.say("after a restart", precedence="FLASH", wait="received")
    until(lambda: alpha.texts("theirs")[-1:] == ["after a restart"], "alpha to show it")
    bravo.stop()
    assert kept_of(bravo, 0) == (before, revoked)


def test_a_stand_of_another_history_counts_for_nothing(town: Any, until: Any) -> None:
    """A head that the roots name and our own store contradicts: the log ends with what is held of
    it here, and undisputed."""
    alpha, bravo = town.open_line("alpha", "bravo")
    alpha.say("before", wait="received")
    status = until(lambda: settled(alpha, bravo), "both to hold the same")
    bravo.stop()
    size = status["checkpoints"]["0/0"]["size"]
    status["checkpoints"]["0/0"] = {"size": size, "root": "00" * 32}
    note = revocation(alpha, "log 0", status)
    node = open_node(bravo.home, [PASSPHRASE])
    try:
        (line,) = node.station.lines.values()
        (log,) = (log for log in line.logs.values() if log.id.member == 0)
        node.execute({"do": "revoke", "revocation_b64": note})
        assert log.frozen == log.size == size
    finally:
        node.close()


def test_a_revoked_tls_key_loses_its_link(town: Any, until: Any) -> None:
    """The link ends at once, and no other is let in until the next card is there."""
    alpha, bravo = town.open_line("alpha", "bravo")
    note = revocation(alpha, "tls", alpha.line())
    bravo.call("revoke", revocation_b64=note)
    until(lambda: not bravo.call("status")["links"], "the link to end")
    until(lambda: "stranger-refused" in bravo.log.read_text(), "the key to be refused")
    bravo.kill()
    bravo.start()
    time.sleep(1)
    assert bravo.call("status")["links"] == []
    alpha.stop()
    time.sleep(1.1)  # cards and revocations are dated in whole seconds
    signed = rotate(alpha.home, alpha.root, [PASSPHRASE], now_s=int(time.time()))
    bravo.call("trust", card_b64=base64.b64encode(signed.data).decode())
    alpha.start()
    alpha.say("with a new key", wait="received")
    assert bravo.texts("theirs") == ["with a new key"]


def test_a_rotation_needs_the_node_stopped_and_the_root(town: Any, tmp_path: Path) -> None:
    """Nothing is changed while a node runs, without the root key, or from another party's card."""
    alpha, bravo = town.line("alpha", "bravo")
    now_s = int(time.time())
    alpha.start()
    before = (alpha.home / "own.card").read_bytes()
    with pytest.raises(LocalError) as refused:
        rotate(alpha.home, alpha.root, [PASSPHRASE], now_s=now_s)
    assert refused.value.refusal == Refusal.IN_USE
    alpha.stop()
    latest = own_card(bravo.home).data
    for root, phrases, more, refusal in (
        (tmp_path / "none", [PASSPHRASE], {}, Refusal.NOT_FOUND),
        (alpha.root, ["no such passphrase"], {}, Refusal.BAD_PASSPHRASE),
        (alpha.root, [PASSPHRASE], {"latest": latest}, Refusal.BAD_CARD),
        (alpha.root, [PASSPHRASE], {"next_k": 0}, Refusal.USAGE),
    ):
        with pytest.raises(LocalError) as refused:
            rotate(alpha.home, root, phrases, now_s=now_s, **more)
        assert refused.value.refusal == refusal
    assert (alpha.home / "own.card").read_bytes() == before
