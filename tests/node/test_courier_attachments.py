"""Attachments in files for a courier between two real homes that no wire joins."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest
from node.test_courier import Stick

from detente.bearers.courier import CHUNK_BYTES, HEAD_BYTES
from detente.core import limits

CHUNK = limits.CHUNK_BYTES


@pytest.fixture
def stick(closed_pair: Any, tmp_path: Path) -> Stick:
    """A stick, and a line opened by it alone."""
    found = Stick(closed_pair.open(), tmp_path)
    found.round()
    return found


def say(node: Any, folder: Path, *files: bytes, **more: Any) -> Any:
    """A dispatch with files, that waits in the outbox."""
    paths = []
    for data in files:
        path = folder / f"{os.urandom(4).hex()}.png"
        path.write_bytes(data)
        paths.append({"path": str(path)})
    return node.execute({"do": "say", "text": "See the map.", "attachments": paths, **more})


def inbox(node: Any, only: str) -> Any:
    """The newest entry of one side, as people see it."""
    return node.execute({"do": "inbox", "only": only})["entries"][-1]


def saved(node: Any, number: int = 0) -> bytes:
    """An attachment of the only dispatch of the other side, as it is saved."""
    entry = inbox(node, "theirs")["entry"]
    found = node.execute({"do": "attachment", "entry": entry, "number": number})
    return base64.b64decode(found["data_b64"])


def rungs(node: Any) -> list[str]:
    """The ladder of our only dispatch."""
    return [step["rung"] for step in inbox(node, "ours")["ladder"]]


def test_a_picture_goes_by_one_file_and_the_answer_says_that_it_is_stored(stick: Any) -> None:
    """With no network from `say` to `attached` on the sender's screen: one file each way."""
    pair, data = stick.pair, os.urandom(300_000)
    say(pair.alpha, stick.folder, data, b"1")
    (taken,) = stick.into("bravo", stick.out("alpha", "bravo"))
    assert (taken["missing_attachments"], taken["arriving"], taken["refused"]) == (0, [], [])
    assert saved(pair.bravo) == data
    assert saved(pair.bravo, 1) == b"1"
    assert "attached" not in rungs(pair.alpha)
    (answer,) = stick.into("alpha", stick.out("bravo", "alpha"))
    assert answer["refused"] == []
    assert "attached" in rungs(pair.alpha)
    later = stick.out("alpha", "bravo")
    assert later.stat().st_size < 30_000


@pytest.mark.parametrize("share", range(1, 12))
def test_a_file_cut_anywhere_loses_nothing_and_the_next_goes_on(stick: Any, share: int) -> None:
    """What is missing is named, the answer asks for it, and the next file has no more than that."""
    pair, data = stick.pair, os.urandom(60_000)
    say(pair.alpha, stick.folder, data)
    whole = stick.out("alpha", "bravo").read_bytes()
    cut = stick.folder / "cut.detente"
    cut.write_bytes(whole[: HEAD_BYTES + (len(whole) - HEAD_BYTES) * share // 12])
    (hurt,) = stick.into("bravo", cut)
    assert hurt["lost_chunks"]
    if not hurt["missing"]:  # the text was ahead of the cut
        (row,) = hurt["arriving"]
        assert hurt["missing_attachments"] == 1
        assert row["bytes"] == len(data)
        assert row["held_bytes"] <= len(data) - CHUNK
        assert row["held_bytes"] >= len(data) * share // 12 - 3 * CHUNK_BYTES - 16 * CHUNK
    (answer,) = stick.into("alpha", stick.out("bravo", "alpha"))
    assert answer["refused"] == []
    following = stick.out("alpha", "bravo")
    held = hurt["arriving"][0]["held_bytes"] if hurt["arriving"] else 0
    assert following.stat().st_size < len(whole) - held + 4 * CHUNK_BYTES
    (taken,) = stick.into("bravo", following)
    assert (taken["missing_attachments"], taken["arriving"]) == (0, [])
    assert saved(pair.bravo) == data


def test_a_hole_in_a_file_costs_the_rest_of_one_attachment_and_no_more(stick: Any) -> None:
    """A damaged place: what stands behind it of another attachment is taken; the same file again,
    whole, brings all."""
    pair = stick.pair
    files = [os.urandom(50_000), os.urandom(50_000)]
    say(pair.alpha, stick.folder, *files)
    path = stick.out("alpha", "bravo")
    spoilt = bytearray(path.read_bytes())
    at = HEAD_BYTES + 10 * CHUNK_BYTES + 77
    spoilt[at : at + 4] = bytes(4)
    hurt = stick.folder / "hurt.detente"
    hurt.write_bytes(spoilt)
    (taken,) = stick.into("bravo", hurt)
    assert taken["lost_chunks"] == [10]
    assert taken["missing_attachments"] == 1
    assert saved(pair.bravo, 1) == files[1]
    (taken,) = stick.into("bravo", path)
    assert taken["again"]
    assert [saved(pair.bravo, number) for number in (0, 1)] == files


def test_a_file_for_paper_leaves_attachments_to_the_next(stick: Any) -> None:
    """It stays as short as its texts; people are told what has not come."""
    pair, data = stick.pair, os.urandom(40_000)
    say(pair.alpha, stick.folder, data)
    path = stick.folder / "paper.detente"
    pair.alpha.execute({"do": "courier_out", "peer": "bravo", "path": str(path), "bare": True})
    assert path.stat().st_size < 20_000
    (taken,) = stick.into("bravo", path)
    (row,) = taken["arriving"]
    assert (row["held_bytes"], row["bytes"]) == (0, len(data))
    assert row["entry"] == inbox(pair.bravo, "theirs")["entry"]
    stick.into("alpha", stick.out("bravo", "alpha"))
    stick.into("bravo", stick.out("alpha", "bravo"))
    assert saved(pair.bravo) == data
