"""Files for a courier between two real homes that no wire joins (spec/bearer-courier.md)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from detente.bearers import paper
from detente.bearers.courier import Head, Parties, Writer, seal_head
from detente.core.crypto import ed25519_sign
from detente.core.errors import LocalError, Refusal
from detente.core.frames import Presence, encode_frame
from detente.node import courier as module
from detente.node import opening
from detente.node.config import Serial
from detente.node.link_secrets import keep, secret_of


@pytest.fixture
def apart(closed_pair: Any) -> Any:
    """Two open nodes and no wire: their line has never been open."""
    return closed_pair.open()


class Stick:
    """What is carried between two nodes."""

    def __init__(self, pair: Any, folder: Path) -> None:
        self.pair = pair
        self.folder = folder
        self.count = 0

    def out(self, sender: str, receiver: str) -> Path:
        """A file written by one for the other."""
        self.count += 1
        path = self.folder / f"{self.count}.detente"
        self.wrote = self.pair.nodes[sender].execute(
            {"do": "courier_out", "peer": receiver, "path": str(path)}
        )
        return path

    def into(self, receiver: str, *paths: Path) -> list[dict[str, Any]]:
        """Files taken in."""
        node = self.pair.nodes[receiver]
        found: list[dict[str, Any]] = node.execute(
            {"do": "courier_in", "paths": [str(path) for path in paths]}
        )
        return found

    def round(self, one: str = "alpha", other: str = "bravo") -> None:
        """A file there and the answering one back."""
        self.into(other, self.out(one, other))
        self.into(one, self.out(other, one))


@pytest.fixture
def stick(apart: Any, tmp_path: Path) -> Stick:
    """A stick, and the line opened by it alone."""
    found = Stick(apart, tmp_path)
    found.round()
    return found


def heads(node: Any) -> dict[Any, Any]:
    """What a node holds."""
    (line,) = node.station.lines.values()
    return {log.id: (log.size, log.root) for log in line.logs.values()}


def say(node: Any, text: str, **more: Any) -> Any:
    """A dispatch that waits in the outbox."""
    return node.execute({"do": "say", "text": text, **more})


def texts(node: Any) -> list[str]:
    """What the other side said, as its inbox shows it."""
    shown = node.execute({"do": "inbox", "only": "theirs"})["entries"]
    return [one["text"] for one in shown if "text" in one]


def test_a_round_trip_with_no_network_gives_both_the_same(stick: Any) -> None:
    """Files alone open a line, carry a FLASH and what waits, and bring the receipts back."""
    pair = stick.pair
    say(pair.alpha, "Hold your fire.", precedence="FLASH")
    say(pair.alpha, "Routine.")
    say(pair.bravo, "Ours.")
    (taken,) = stick.into("bravo", stick.out("alpha", "bravo"))
    assert (taken["missing"], taken["lost_chunks"], taken["refused"]) == ([], [], [])
    assert sorted(texts(pair.bravo)) == ["Hold your fire.", "Routine."]
    (answer,) = stick.into("alpha", stick.out("bravo", "alpha"))
    assert texts(pair.alpha) == ["Ours."]
    stick.into("bravo", stick.out("alpha", "bravo"))
    stick.into("alpha", stick.out("bravo", "alpha"))
    assert heads(pair.alpha) == heads(pair.bravo)
    ours = pair.alpha.execute({"do": "inbox", "only": "ours"})["entries"]
    assert all("received" in [step["rung"] for step in one["ladder"]] for one in ours)
    assert answer["held_of_ours"] >= 3


def test_a_code_that_was_not_scanned_costs_what_it_touches(stick: Any) -> None:
    """From paper with a code missing a node takes what is whole; with all codes, the rest."""
    pair = stick.pair
    for number in range(8):
        say(pair.alpha, f"{number} " + os.urandom(400).hex())
    path = stick.out("alpha", "bravo")
    codes = paper.codes_of(path.read_bytes())
    (file,), _ = paper.scanned([*codes[12:][::-1], *codes[:11]])
    assert file.missing == [12]
    scans = path.with_name("scans.detente")
    scans.write_bytes(file.data)
    (hurt,) = stick.into("bravo", scans)
    assert len(hurt["lost_chunks"]) == 1
    assert hurt["chunks"] > 1
    (file,), _ = paper.scanned(codes)
    assert file.data == path.read_bytes()
    scans.write_bytes(file.data)
    (whole,) = stick.into("bravo", scans)
    assert whole["lost_chunks"] == []
    assert len(texts(pair.bravo)) == 8


def test_written_is_not_received(stick: Any) -> None:
    """Until the answer is here an entry is written for a courier and nothing else; a file that
    never arrives is written once more."""
    alpha = stick.pair.alpha
    say(alpha, "Hold your fire.")
    lost = stick.out("alpha", "bravo")
    lost.unlink()
    (one,) = alpha.execute({"do": "inbox", "only": "ours"})["entries"]
    assert [file["name"] for file in one["carried"]] == ["bravo"]
    assert "received" not in [step["rung"] for step in one["ladder"]]
    shown = alpha.execute({"do": "show", "entry": one["entry"]})
    assert shown["carried"] == one["carried"]
    (member,) = alpha.execute({"do": "courier_status"})
    assert member["held_of_ours"] < member["own_size"]
    stick.round()
    assert texts(stick.pair.bravo) == ["Hold your fire."]
    (member,) = alpha.execute({"do": "courier_status"})
    assert member["held_of_ours"] == 2


def test_the_second_file_first_and_both_twice(stick: Any) -> None:
    """Two files in the wrong order: what is missing is named, and one command takes both."""
    pair = stick.pair
    say(pair.alpha, "one")
    first = stick.out("alpha", "bravo")
    say(pair.alpha, "two")
    (line,) = pair.alpha.station.lines.values()
    bravo = next(log for log in line.logs.values() if log.id.member == 1)
    bravo.stated[line.mine] = line.own.size  # as if it had said so by another way
    second = stick.out("alpha", "bravo")
    (early,) = stick.into("bravo", second)
    assert early["missing"] == [{"log": "0/0", "first": 1, "last": 1}]
    assert pair.bravo.execute({"do": "courier_status"})[0]["missing"] == early["missing"]
    one, two = stick.into("bravo", second, first)
    assert (one["missing"], two["missing"]) == ([], [])
    assert texts(pair.bravo) == ["one", "two"]
    (again,) = stick.into("bravo", first)
    assert (again["again"], again["entries"]) == (True, 0)


def test_a_file_cut_in_the_middle_gives_what_it_has(stick: Any) -> None:
    """A file of which half is there: the pieces that are gone are named, and so are the entries."""
    pair = stick.pair
    for number in range(12):
        say(pair.alpha, f"{number} " + os.urandom(3000).hex())
    path = stick.out("alpha", "bravo")
    data = path.read_bytes()
    half = path.with_name("half.detente")
    half.write_bytes(data[: len(data) // 2])
    (taken,) = stick.into("bravo", half)
    assert taken["lost_chunks"]
    assert taken["missing"][0]["log"] == "0/0"
    assert taken["missing"][0]["last"] == 12
    (whole,) = stick.into("bravo", path)
    assert (whole["missing"], whole["again"]) == ([], True)
    assert len(texts(pair.bravo)) == 12


def test_anybody_can_seal_and_only_a_member_is_read(stick: Any) -> None:
    """A stranger's file, one to somebody else and no file at all are refused by name; beside
    others they are named and stop nothing."""
    pair, folder = stick.pair, stick.folder
    forged = folder / "forged.detente"
    line = next(iter(pair.bravo.station.lines))
    parties = Parties(line, pair.alpha.station.party, pair.bravo.station.party)
    kem = pair.bravo.station.card.kem_xwing
    with forged.open("wb") as file:
        writer = Writer(file, bytes(32))
        sign = lambda said: ed25519_sign(bytes(32), said)  # noqa: E731
        writer.close(lambda n: seal_head(Head(bytes(32), 5, 1, n), parties, kem, sign))
    other = folder / "letter.txt"
    other.write_text("not for a courier")
    to_alpha = stick.out("bravo", "alpha")
    for path, refusal in (
        (forged, Refusal.BAD_SIGNATURE),
        (to_alpha, Refusal.NOT_IN_AUDIENCE),
        (other, Refusal.MALFORMED),
        (folder / "nowhere", Refusal.NOT_FOUND),
    ):
        with pytest.raises(LocalError) as refused:
            stick.into("bravo", path)
        assert refused.value.refusal is refusal
    good = stick.out("alpha", "bravo")
    bad, taken = stick.into("bravo", other, good)
    assert (bad["error"], taken["refused"]) == ("malformed", [])


def test_what_a_file_has_is_on_the_disk(stick: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every frame is given to the file after the commit and the mark of what it says."""
    alpha = stick.pair.alpha
    say(alpha, "Hold your fire.")
    (line,) = alpha.station.lines.values()
    seen: list[tuple[int, int]] = []
    write = Writer.write

    def watching(self: Writer, frame: bytes) -> None:
        mark = alpha.opened.marks.read(line.id)
        seen.append((mark.size, alpha.store.own_head(line.id).size))
        write(self, frame)

    monkeypatch.setattr(Writer, "write", watching)
    stick.out("alpha", "bravo")
    assert set(seen) == {(2, 2)}


def test_eight_bad_frames_end_a_file(stick: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender's file is judged like its link: at the eighth refusal the rest is left unread."""
    bad = encode_frame(1, Presence(True, 95, 1, 3, 12, 5))
    close = Writer.close

    def spoilt(self: Writer, head: Any) -> None:
        for _ in range(500):
            self.write(bad)
        close(self, head)

    monkeypatch.setattr(Writer, "close", spoilt)
    (taken,) = stick.into("bravo", stick.out("alpha", "bravo"))
    assert taken["unread"]
    assert set(taken["refused"]) == {"out-of-turn"}


def test_an_older_file_does_not_take_back_what_a_newer_one_said(
    stick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the next file answers is what the newest one said, whichever came last."""
    pair = stick.pair
    old = stick.out("bravo", "alpha")
    wall_s = pair.bravo.now().wall_s + 60
    monkeypatch.setattr(pair.bravo, "now", at(pair.bravo, wall_s))
    new = stick.out("bravo", "alpha")
    (line,) = pair.alpha.station.lines.values()
    for path in (new, old):
        stick.into("alpha", path)
    kept = module._book(pair.alpha, line, pair.bravo.station.party)
    assert kept.said_s == kept.taken[-2]["written_s"] > kept.taken[-1]["written_s"]


def test_after_a_restart_the_mark_speaks_for_the_node(stick: Any) -> None:
    """A node that was started and meets nobody writes what waits, since its mark is intact; one
    that came back from a copy is mute, and its file asks."""
    pair = stick.pair
    say(pair.alpha, "before the stop")
    pair.close("alpha")
    pair.open("alpha")
    (line,) = pair.alpha.station.lines.values()
    assert line.awaits_hello
    stick.into("bravo", stick.out("alpha", "bravo"))
    assert texts(pair.bravo) == ["before the stop"]
    pair.close("alpha")
    for one in (pair.folder / "marks" / "alpha").glob("*"):
        one.unlink()
    pair.open("alpha")
    (line,) = pair.alpha.station.lines.values()
    assert line.mute
    say(pair.alpha, "while mute")
    stick.into("bravo", stick.out("alpha", "bravo"))
    assert stick.wrote["mute"]
    assert line.own.size == 2
    assert texts(pair.bravo) == ["before the stop"]


def test_no_file_is_written_over_another_or_where_none_can_be(stick: Any) -> None:
    """A file that exists stays, a folder that does not is named, and nothing half lies about."""
    there = stick.out("alpha", "bravo")
    before = there.read_bytes()
    for path, refusal in (
        (there, Refusal.IN_USE),
        (stick.folder / "none" / "file", Refusal.NOT_ALLOWED),
    ):
        with pytest.raises(LocalError) as refused:
            stick.pair.alpha.execute({"do": "courier_out", "peer": "bravo", "path": str(path)})
        assert refused.value.refusal is refusal
    assert there.read_bytes() == before
    assert not list(stick.folder.glob("*.part"))


def test_a_file_is_no_sign_of_life(stick: Any) -> None:
    """What was written once does not say that anybody is there now; the journal notes each file."""
    pair = stick.pair
    (line,) = pair.bravo.station.lines.values()
    seen = pair.bravo.observations(line, opening.clock(pair.bravo.home).wall_s)
    assert seen == {}
    notes = pair.bravo.execute({"do": "journal"})
    assert [row["data"]["out"] for row in notes if row["word"] == "courier"] == [False, True]


def test_a_file_that_is_full_leaves_the_rest_to_the_next(
    stick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has no room is said, and stands in the next file."""
    pair = stick.pair
    monkeypatch.setattr(module, "CHUNKS_MAX", module.STEP_CHUNKS + 10)
    for number in range(90):
        say(pair.alpha, f"{number} " + os.urandom(30_000).hex())
    first = stick.out("alpha", "bravo")
    assert stick.wrote["more"]
    stick.into("bravo", first)
    stick.into("alpha", stick.out("bravo", "alpha"))
    stick.into("bravo", stick.out("alpha", "bravo"))
    assert not stick.wrote["more"]
    assert len(texts(pair.bravo)) >= 50
    (line,) = pair.alpha.station.lines.values()
    assert heads(pair.bravo)[line.mine] == heads(pair.alpha)[line.mine]


# --- secrets of ports ---------------------------------------------------------------------------


def lower(apart: Any) -> tuple[str, str]:
    """Who makes the secret, and the other: each has a port to the other."""
    one, other = sorted(apart.nodes, key=lambda name: apart.nodes[name].station.party)
    for name, peer in ((one, other), (other, one)):
        node = apart.nodes[name]
        port = Serial("/dev/ttyS0", apart.nodes[peer].station.party.hex())
        config = msgspec.structs.replace(node.home.config, serial=[port])
        object.__setattr__(node.home, "config", config)
    return one, other


def secrets(apart: Any, one: str, other: str) -> tuple[bytes | None, bytes | None]:
    """What each holds of the two."""
    nodes = apart.nodes[one], apart.nodes[other]
    return secret_of(nodes[0], nodes[1].station.party), secret_of(nodes[1], nodes[0].station.party)


def test_a_file_brings_the_secret_of_a_cable(apart: Any, tmp_path: Path) -> None:
    """Two nodes that never met on a network share a secret once the file of the lower id is in; the
    other makes none, and without a port there is none to make."""
    stick = Stick(apart, tmp_path)
    stick.round()
    one, other = lower(apart)
    assert secrets(apart, one, other) == (None, None)
    stick.into(one, stick.out(other, one))
    assert secrets(apart, one, other) == (None, None)
    path = stick.out(one, other)
    ours, theirs = secrets(apart, one, other)
    assert ours is not None
    assert theirs is None
    for _ in range(2):
        stick.into(other, path)
        assert secrets(apart, one, other) == (ours, ours)


def test_an_old_file_takes_back_no_secret(
    apart: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret out of a file counts where none is here, or none that came later; what a wide link
    delivers counts at once."""
    stick = Stick(apart, tmp_path)
    one, other = lower(apart)
    node, peer = apart.nodes[one], apart.nodes[other].station.party
    files = []
    for number, secret in enumerate((b"1" * 32, b"2" * 32, b"3" * 32)):
        monkeypatch.setattr(node, "now", at(node, 1_800_000_000 + number))
        keep(node, peer, secret)
        files.append(stick.out(one, other))
    told: list[str] = []
    apart.nodes[other].followers.append(
        lambda answer: told.append(str(answer["result"].get("refusal")))
    )
    for number, held in ((1, b"2"), (0, b"2"), (2, b"3"), (1, b"3")):
        stick.into(other, files[number])
        assert secrets(apart, one, other)[1] == held * 32
    assert told.count("not-allowed") == 2
    keep(apart.nodes[other], node.station.party, b"w" * 32, 1_900_000_000)
    stick.into(other, files[2])
    assert secrets(apart, one, other)[1] == b"w" * 32


def at(node: Any, wall_s: int) -> Any:
    """What a node's clocks say, at this second for as long as it lasts."""
    now = node.now()._replace(wall_s=wall_s)
    return lambda: now
