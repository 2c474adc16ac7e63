"""Files beside dispatches at two nodes: said, carried, seen, saved, authorised, purged."""

from __future__ import annotations

import base64
import hashlib
import stat
from pathlib import Path
from typing import Any

import pytest

from detente.core.attachment import enclose
from detente.core.errors import LocalError, Refusal
from detente.core.events import Draft, Submit
from detente.core.extras import OverQuota
from detente.core.fetching import attachments_of
from detente.core.leaf import Kind
from detente.core.transcript import Entry

DATA = bytes(range(256)) * 20


def _file(folder: Path, name: str = "map.png", data: bytes = DATA) -> dict[str, str]:
    path = folder / name
    path.write_bytes(data)
    return {"path": str(path)}


def _sent(pair: Any, folder: Path, **more: Any) -> str:
    """A dispatch of alpha with one file, carried to bravo: its hash."""
    files = more.pop("attachments", None) or [_file(folder)]
    return str(pair.say("see the map", attachments=files, **more)["hash"])


def _entry(node: Any, digest: str) -> Entry:
    (line,) = node.station.lines.values()
    place = line.shelf.find(bytes.fromhex(digest))
    assert place is not None
    return line.shelf.entry(*place)


def test_a_file_goes_beside_its_text_and_both_sides_see_what_it_is(pair, tmp_path, command) -> None:
    """Name, type, size and hash; whole on both sides; the reader's mark in the ladder."""
    digest = _sent(pair, tmp_path)
    for node in (pair.alpha, pair.bravo):
        view = command(node, "show", entry=digest)
        assert view["attachments"] == [
            {
                "name": "map.png",
                "media_type": "image/png",
                "size_bytes": len(DATA),
                "sha256": hashlib.sha256(DATA).hexdigest(),
                "number": 0,
                "held_bytes": len(DATA),
                "state": "whole",
            }
        ]
        attached = [step for step in view["ladder"] if step["rung"] == "attached"]
        assert [step["stated_by"] for step in attached] == ["node"]
        assert view["text"] == "see the map"
    assert command(pair.alpha, "show", entry=digest)["attachments_declined_by"] == []


def test_what_is_on_its_way_says_how_much_is_here(pair, tmp_path, command) -> None:
    """The link goes before the first chunk: nothing of it is here, and nothing can be saved."""
    pair.alpha.stepper.run([])
    look = command(pair.alpha, "say", text="x", attachments=[_file(tmp_path)])
    frames = list(pair.alpha.links.out)
    assert frames
    from detente.core.events import FrameIn

    pair.alpha.links.out.clear()
    pair.bravo.give([FrameIn(pair.number, frame) for frame in frames])
    pair.cut()
    digest = look()["hash"]
    (one,) = command(pair.bravo, "show", entry=digest)["attachments"]
    assert (one["state"], one["held_bytes"]) == ("arriving", 0)
    with pytest.raises(LocalError) as caught:
        command(pair.bravo, "attachment", entry=digest, number=0)
    assert caught.value.refusal is Refusal.NOT_HELD
    pair.connect()
    assert command(pair.bravo, "show", entry=digest)["attachments"][0]["state"] == "whole"


def test_a_file_is_saved_under_a_safe_name_and_never_over_another(pair, tmp_path, command) -> None:
    """Into a new file that nobody can run, or as bytes; a second time it is refused."""
    digest = _sent(pair, tmp_path)
    folder = tmp_path / "saved"
    folder.mkdir()
    ask = {"entry": digest, "number": 0}
    said = command(pair.bravo, "attachment", **ask, path=str(folder))
    path = Path(said["path"])
    assert path == folder / "map.png"
    assert path.read_bytes() == DATA
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = command(pair.bravo, "attachment", **ask)
    assert base64.b64decode(found["data_b64"]) == DATA
    for wrong, refusal in (
        ({"path": str(folder)}, Refusal.IN_USE),
        ({"path": "here"}, Refusal.USAGE),
        ({"path": str(tmp_path / "nowhere")}, Refusal.NOT_ALLOWED),
        ({"number": 1}, Refusal.NOT_FOUND),
    ):
        with pytest.raises(LocalError) as caught:
            command(pair.bravo, "attachment", **(ask | wrong))
        assert caught.value.refusal is refusal


def test_files_that_cannot_go_are_refused_before_anything_is_written(
    pair, tmp_path, command
) -> None:
    """Not there, empty, too many, too long, with a name that could deceive, beside an accident."""
    good = _file(tmp_path)
    size = pair.alpha.store.journal.size()
    for files, refusal in (
        ([{"path": str(tmp_path / "none")}], Refusal.NOT_FOUND),
        ([{"path": "map.png"}], Refusal.USAGE),
        ([_file(tmp_path, "empty", b"")], Refusal.USAGE),
        ([_file(tmp_path, "long", bytes((1 << 24) + 1))], Refusal.OVERSIZE),
        ([good] * 9, Refusal.OVERSIZE),
        ([good | {"name": "../map.png"}], Refusal.MALFORMED),
    ):
        with pytest.raises(LocalError) as caught:
            command(pair.alpha, "say", text="x", attachments=files)
        assert caught.value.refusal is refusal
    with pytest.raises(LocalError) as caught:
        command(pair.alpha, "say", accident={"what": "x"}, attachments=[good])
    assert caught.value.refusal is Refusal.USAGE
    assert pair.alpha.store.journal.size() == size


def test_equal_files_are_sealed_under_keys_of_their_own(pair, tmp_path) -> None:
    """Who sees the chunks cannot tell that two are one file."""
    digest = _sent(pair, tmp_path, attachments=[_file(tmp_path), _file(tmp_path, "two.png")])
    one, two = attachments_of(_entry(pair.bravo, digest))
    assert one.sha256 == two.sha256
    assert one.key != two.key
    assert one.root != two.root


def test_what_people_authorise_names_each_file_by_its_hash(pair, tmp_path, command) -> None:
    """The form names what goes beside the text; another file is another form."""
    first = command(pair.alpha, "fix", text="x", dtg_s=1_770_292_800, attachments=[_file(tmp_path)])
    again = command(pair.alpha, "fix", text="x", dtg_s=1_770_292_800, attachments=[_file(tmp_path)])
    other = command(
        pair.alpha,
        "fix",
        text="x",
        dtg_s=1_770_292_800,
        attachments=[_file(tmp_path, data=b"other")],
    )
    bare = command(pair.alpha, "fix", text="x", dtg_s=1_770_292_800)
    assert first["sha256"] == again["sha256"]
    assert len({first["sha256"], other["sha256"], bare["sha256"]}) == 3
    assert hashlib.sha256(DATA).hexdigest() in first["form"]
    assert "attachments" not in bare["form"]


def test_who_takes_no_more_that_day_is_named_to_the_author(pair, tmp_path, command) -> None:
    """The reader's log says so; what it stated as stored before is not taken back."""
    stored = _sent(pair, tmp_path)
    (line,) = pair.bravo.station.lines.values()
    own = line.logs[line.mine].id
    log = own._replace(member=0)
    day = _entry(pair.alpha, stored).leaf.time_s // 86_400
    said = OverQuota(log, 0, 4, day).encode()
    line.state(Draft(kind=Kind.OVER_QUOTA, audience=3, extra=said))
    pair.bravo.give([])
    pair.pump()
    pair.cut()
    look = command(pair.alpha, "say", text="more", attachments=[_file(tmp_path)])
    pair.connect()
    view = command(pair.alpha, "show", entry=look()["hash"])
    assert command(pair.alpha, "show", entry=stored)["attachments_declined_by"] == []
    assert view["attachments_declined_by"] in ([], ["bravo"])


def test_a_purge_leaves_nothing_of_a_file(pair, tmp_path, command) -> None:
    """Its key goes with the body, its chunks with both."""
    digest = _sent(pair, tmp_path)
    command(pair.alpha, "purge", entry=digest)()
    pair.pump()
    for node in (pair.alpha, pair.bravo):
        assert "attachments" not in command(node, "show", entry=digest)
        (line,) = node.station.lines.values()
        assert line.shelf.attachments(*_entry(node, digest).place) == []


def test_a_file_that_is_not_what_its_author_named_is_not_saved(pair, tmp_path, command) -> None:
    """An author whose key opens nothing has stored noise there, and whoever opens it is told."""
    from dataclasses import replace

    from detente.core.attachment import describe, seal
    from detente.core.body import pack
    from detente.dossiers.dispatch import Dispatch

    (line,) = pair.alpha.station.lines.values()
    key = bytes(32)
    lie = replace(describe("map.png", "image/png", DATA, key), sha256=bytes(32))
    text = Dispatch(language="en", dtg_s=1_770_292_800, subject="", text="x").encode()
    draft = Draft(
        kind=Kind.DISPATCH,
        audience=3,
        body=pack(enclose([lie], text), 5, padding=False),
        salt=bytes(16),
        attached=True,
    )
    pair.alpha.submit(Submit(line.id, draft, (seal(DATA, key),)))
    pair.pump()
    view = command(pair.bravo, "inbox", only="theirs")["entries"][-1]
    assert view["attachments"][0]["state"] == "whole"
    with pytest.raises(LocalError) as caught:
        command(pair.bravo, "attachment", entry=view["hash"], number=0)
    assert caught.value.refusal is Refusal.UNREADABLE


def test_a_proof_and_a_transcript_vouch_for_a_file_given_beside(pair, tmp_path, command) -> None:
    """Both list its hash; the file that was sent is found in each, and another is not."""
    from detente.core.identity import parse_card
    from detente.dossiers.enclosures import enclosures
    from detente.dossiers.verify import verify_file

    digest = _sent(pair, tmp_path)
    pair.say("so that it is receipted", pair.bravo)
    cards = [node.home.card.data for node in (pair.alpha, pair.bravo)]
    assert all(parse_card(card) for card in cards)
    proof = base64.b64decode(command(pair.bravo, "prove", entry=digest)["proof_b64"])
    path = tmp_path / "whole.transcript"
    command(pair.bravo, "export", path=str(path))
    ours, other = hashlib.sha256(DATA).hexdigest(), hashlib.sha256(b"other").hexdigest()
    for data in (proof, path.read_bytes()):
        report = verify_file(data, cards, 1_795_000_000)
        found = enclosures(report, [data], [("a", ours), ("b", other)])
        assert [(one.name, bool(one.log)) for one in found] == [("map.png", True), ("", False)]
