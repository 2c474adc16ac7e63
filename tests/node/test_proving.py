"""Proof files, bundles and transcripts of a node convince a stranger who has the cards alone."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from detente.core.charter import Left
from detente.core.errors import LocalError, Refusal
from detente.core.export import Preamble, read_export
from detente.dossiers.verify import verify_file
from detente.node import opening
from detente.node import proving as module
from detente.node.home import revoke
from detente.node.opening import clock
from detente.node.runner import Loop

PASSPHRASE = "correct horse battery staple"


@pytest.fixture
def said(pair: Any) -> dict[str, str]:
    """What was said: a dispatch of Alpha's, receipted, marked, corrected and answered."""
    ours = pair.say("Fog is expected.", subject="Weather", precedence="IMMEDIATE")["entry"]
    pair.bravo.execute({"do": "mark", "entry": ours, "rung": "seen"})
    pair.pump()
    corrects = [{"entry": ours, "relation": "corrects"}]
    fixed = pair.say("Fog and rain.", relations=corrects, precedence="IMMEDIATE")["entry"]
    answers = [{"entry": ours, "relation": "answers"}]
    theirs = pair.say("Thank you.", pair.bravo, relations=answers)["entry"]
    return {"ours": ours, "fixed": fixed, "theirs": theirs}


def cards(pair: Any) -> list[bytes]:
    """The card files that a stranger was given."""
    return [node.home.card.data for node in (pair.alpha, pair.bravo)]


def check(pair: Any, data: bytes) -> Any:
    """What a stranger finds."""
    return verify_file(data, cards(pair), clock(pair.alpha.home).wall_s)


def proof(node: Any, entry: str, **more: Any) -> bytes:
    """The proof file that a node makes."""
    made = node.execute({"do": "prove", "entry": entry, **more})
    data = base64.b64decode(made["proof_b64"])
    assert data.count(b"c2sp.org/tlog-proof") == made["proofs"]
    return data


def test_a_proof_convinces_a_stranger(pair: Any, said: dict[str, str]):
    """The proof of one entry holds, with its words, its author and its place."""
    for node in (pair.alpha, pair.bravo):
        report = check(pair, proof(node, said["ours"]))
        assert (report.ok, report.what, report.bad) == (True, "proof", None)
        (one,) = report.statements
        assert (one.name, one.member, one.index, one.serial) == ("alpha", 0, 1, 1)
        assert (one.body, one.said["text"], one.said["subject"]) == (
            "opened",
            "Fog is expected.",
            "Weather",
        )


def test_a_bundle_proves_receipts_and_what_came_later(pair: Any, said: dict[str, str]):
    """With the entry come its receipt, linked to these words, the mark, and what corrects it."""
    for node in (pair.alpha, pair.bravo):
        report = check(pair, proof(node, said["ours"], bundle=True))
        assert (report.ok, report.bad) == (True, None)
        shown = [one for one in report.statements if one.index == 1 and one.name == "alpha"]
        receipts = {(r.name, r.evidence, r.linked) for one in shown for r in one.receipts}
        assert ("bravo", "seen", True) in receipts
        later = {(one.name, one.what) for statement in shown for one in statement.later}
        assert later >= {("bravo", "seen"), ("alpha", "corrects")}


def test_a_receipt_of_a_later_head_is_linked_to_the_words(pair: Any, command: Any):
    """Where the reader held more by then, the entry is proved under the head its receipt names."""
    for text in ("one", "two", "three"):
        command(pair.alpha, "say", text=text, precedence="IMMEDIATE")
    pair.pump()
    report = check(pair, proof(pair.alpha, "A-0001", bundle=True))
    assert (report.ok, report.bad) == (True, None)
    (first, *_) = report.statements
    assert (first.index, first.as_of_size) == (1, 4)
    assert {(one.name, one.linked) for one in first.receipts} == {("bravo", True)}


def test_cosignatures_are_in_proof_and_transcript(
    pair: Any, said: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    """After a while the other side has cosigned by both kinds of keys, and both can be shown."""
    wall_s, steady_ns = clock(pair.alpha.home).wall_s, clock(pair.alpha.home).steady_ms * 1_000_000
    for after_s in range(0, 200, 10):
        now = SimpleNamespace(
            time=lambda after_s=after_s: wall_s + after_s,
            monotonic_ns=lambda after_s=after_s: steady_ns + after_s * 1_000_000_000,
        )
        monkeypatch.setattr(opening, "time", now)
        for node in (pair.alpha, pair.bravo):
            node.give([])
        pair.pump()
    path = pair.folder / "north.transcript"
    pair.alpha.execute({"do": "export", "path": str(path)})
    report = check(pair, path.read_bytes())
    assert report.ok
    for log in report.logs:
        assert log.pq_size == log.size
        holds, holds_pq = log.cosigned
        assert holds.cosigner == f"{holds_pq.cosigner}/0"
        assert holds.size == log.size >= holds_pq.size > 0
    (one,) = check(pair, proof(pair.alpha, said["theirs"])).statements
    assert one.pq
    assert {(r.name, r.evidence) for r in one.receipts} == {("alpha", "cosigned")}


def test_every_entry_of_both_logs_can_be_proved(pair: Any, said: dict[str, str], line_of: Any):
    """Charters, receipts, marks and messages all have proofs that hold, at either node."""
    for node in (pair.alpha, pair.bravo):
        for log in line_of(node).logs.values():
            for index in range(log.size):
                report = check(pair, proof(node, f"{log.id.member}/{log.id.word}:{index}"))
                assert (report.ok, report.bad) == (True, None)
                assert [one.index for one in report.statements] == [index]


def test_a_changed_proof_convinces_nobody(pair: Any, said: dict[str, str]):
    """One other byte anywhere in the proof's own lines, or one card missing, and it fails."""
    data = proof(pair.alpha, said["ours"])
    lines = data.splitlines(keepends=True)
    for at, line in enumerate(lines):
        if line.strip() and not line.startswith(b"c2sp.org"):
            middle = len(line) // 2
            other = b"A" if line[middle : middle + 1] != b"A" else b"B"
            changed = [*lines[:at], line[:middle] + other + line[middle + 1 :], *lines[at + 1 :]]
            report = check(pair, b"".join(changed))
            assert not report.ok or report.statements != check(pair, data).statements
    alone = verify_file(data, cards(pair)[1:], clock(pair.alpha.home).wall_s)
    assert not alone.ok


def test_an_export_convinces_a_stranger(pair: Any, said: dict[str, str], line_of: Any):
    """The whole transcript verifies, with every entry of both logs and nothing lacking."""
    path = pair.folder / "north.transcript"
    told = pair.alpha.execute({"do": "export", "path": str(path)})
    logs = line_of(pair.alpha).logs.values()
    assert (told["entries"], told["lacks"]) == (sum(log.size for log in logs), [])
    assert told["bytes"] == path.stat().st_size
    report = check(pair, path.read_bytes())
    assert (report.ok, report.what, report.bad, report.title) == (
        True,
        "transcript",
        None,
        "Test line",
    )
    assert [(log.size, log.root, log.missing) for log in report.logs] == [
        (log.size, log.root.hex(), 0) for log in sorted(logs, key=lambda log: log.id)
    ]
    assert not Path(f"{path}.part").exists()


def test_an_export_carries_the_cards_of_those_who_left(pair: Any, line_of: Any):
    """Their entries are in it, and nobody could check them without."""
    path = pair.folder / "left.transcript"
    line = line_of(pair.alpha)
    alpha, bravo = line.charter.members
    line.charter = replace(line.charter, members=(alpha,), left=(Left(bravo.number, bravo.party),))
    pair.alpha.execute({"do": "export", "path": str(path)})
    preamble = next(read_export([path.read_bytes()]))
    assert isinstance(preamble, Preamble)
    assert len(preamble.cards) == 2


def test_a_dispatch_is_receipted_while_a_large_export_runs(
    pair: Any, line_of: Any, monkeypatch: pytest.MonkeyPatch
):
    """The node is not kept waiting: the file is of the moment it began, whatever is said since."""
    begun, go_on = threading.Event(), threading.Event()
    real = module.write_export

    def slow(*arguments: Any, **more: Any) -> Iterator[bytes]:
        chunks = real(*arguments, **more)
        yield next(chunks)
        begun.set()
        assert go_on.wait(30)
        yield from chunks

    monkeypatch.setattr(module, "write_export", slow)
    path = pair.folder / "north.transcript"
    before = sum(log.size for log in line_of(pair.alpha).logs.values())

    async def scene() -> dict[str, Any]:
        request = {"do": "export", "path": str(path)}
        answering = asyncio.ensure_future(Loop(pair.alpha)._answer(request))
        assert await asyncio.to_thread(begun.wait, 30)
        told = pair.say("while it is written", precedence="IMMEDIATE", wait="received")
        assert (told["done"], told["state"]) == (True, "received")
        assert not answering.done()
        go_on.set()
        return await answering

    answer = asyncio.run(scene())
    assert answer["ok"]
    assert answer["result"]["entries"] == before
    assert check(pair, path.read_bytes()).ok


def test_an_export_ends_with_its_node(pair: Any):
    """A node that stops does not wait for the file; what was begun is taken away."""
    path = pair.folder / "north.transcript"
    pair.alpha.ended.set()
    with pytest.raises(LocalError) as caught:
        pair.alpha.execute({"do": "export", "path": str(path)})
    assert caught.value.refusal is Refusal.UNREACHABLE
    assert not list(pair.folder.glob("north*"))


def test_an_export_leaves_nothing_where_it_cannot_write(pair: Any):
    """A file that is there is IN_USE and stays; a folder that is not there is NOT_ALLOWED."""
    taken = pair.folder / "taken"
    taken.write_text("mine")
    for path, refusal in ((taken, Refusal.IN_USE), (pair.folder / "no/where", Refusal.NOT_ALLOWED)):
        with pytest.raises(LocalError) as caught:
            pair.alpha.execute({"do": "export", "path": str(path)})
        assert caught.value.refusal is refusal
    assert taken.read_text() == "mine"
    assert not list(pair.folder.glob("*.part"))


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "n" * 300, "n" * 253])
def test_a_name_that_no_file_can_have_is_refused(pair: Any, name: str):
    """NOT_ALLOWED, also where only the name of the unfinished file would be too long."""
    with pytest.raises(LocalError) as caught:
        pair.alpha.execute({"do": "export", "path": f"{pair.folder}/{name}"})
    assert caught.value.refusal is Refusal.NOT_ALLOWED
    assert not list(pair.folder.glob("*.part"))


def test_what_was_purged_is_proved_without_its_words(pair: Any, said: dict[str, str]):
    """After a purge the entry can still be proved; its body is not disclosed any more."""
    pair.alpha.execute({"do": "purge", "entry": said["ours"]})
    pair.pump()
    for node in (pair.alpha, pair.bravo):
        data = proof(node, said["ours"])
        report = check(pair, data)
        assert (report.ok, report.bad) == (True, None)
        assert (report.statements[0].body, report.statements[0].said) == ("not disclosed", None)


def test_a_proof_carries_what_is_revoked(pair: Any, said: dict[str, str], line_of: Any):
    """After a revocation the peer's proofs and exports hold it, and prove each entry below the
    head stood by under that very head."""
    log = next(one for one in line_of(pair.bravo).logs.values() if one.id.member == 0)
    note = revoke(
        pair.folder / "alpha",
        pair.folder / "alpha.root",
        [PASSPHRASE],
        key="log 0",
        reason="stolen",
        serial=1,
        stands=[(log.origin, log.size, log.root)],
        now_s=clock(pair.bravo.home).wall_s,
    )
    pair.bravo.execute({"do": "revoke", "revocation_b64": base64.b64encode(note).decode()})
    for more in ({}, {"bundle": True}):
        data = proof(pair.bravo, said["ours"], **more)
        assert data.endswith(note)
        report = check(pair, data)
        assert (report.ok, report.bad, len(report.revocations)) == (True, None, 1)
        assert report.statements[0].standing == "stood-by"
    assert note not in proof(pair.alpha, said["ours"])
    path = pair.folder / "revoked.transcript"
    pair.bravo.execute({"do": "export", "path": str(path)})
    report = check(pair, path.read_bytes())
    assert report.ok
    assert report.logs[0].end is not None
    assert (report.logs[0].end.stood_by, report.logs[0].end.contested) == (log.size, 0)
