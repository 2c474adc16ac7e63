"""What `verify` shows of revoked keys: the answer of a party beside what its key signed."""

from __future__ import annotations

from pathlib import Path

from core.lineage import Line
from dossiers.stranger import exchange, exported, forked
from dossiers.test_revoked import revoked, stand

from detente.cli.verdicts import _said_rows, enclosure_rows
from detente.core.proof import join_bundle
from detente.dossiers.enclosures import EnclosureShown

NOW = "2026-02-05T10:00:00Z"


def verified(run, folder: Path, made: Line, data: bytes, *notes: bytes):
    """The result of `verify` under both cards, with these revocations beside the file."""
    words: list[object] = ["verify", folder / "file"]
    (folder / "file").write_bytes(data)
    for number, card in enumerate(made.card_files()):
        (folder / f"{number}.card").write_bytes(card)
        words += ["--card", folder / f"{number}.card"]
    for number, note in enumerate(notes):
        (folder / f"{number}.revocation").write_bytes(note)
        words += ["--revocation", folder / f"{number}.revocation"]
    return run(*words, "--now", NOW)


def test_what_a_party_says_of_its_revoked_key_is_shown(run, tmp_path: Path):
    """A contested entry gives status 3 and says so; one stood by is verified, and says so too."""
    made = exchange()
    a, b = made.logs
    note = revoked("Aland", "log 0", stand(a, 2))
    shown = verified(run, tmp_path, made, a.proof(2), note)
    assert shown.exit_code == 3
    assert "CONTESTED: its key is void" in shown.stdout
    assert "it stands by 2 entries of detente/v1/" in shown.stdout
    shown = verified(run, tmp_path, made, join_bundle([a.proof(1, 2), note]))
    assert shown.exit_code == 0
    assert "its party stands by this entry" in shown.stdout
    held = a.proof(1, 2, held_by=(b.author,))
    shown = verified(run, tmp_path, made, held, revoked("Bland", "holds 0"))
    assert "under a key that its party has declared void" in shown.stdout


def test_an_answer_stands_beside_a_verdict_and_a_log(run, tmp_path: Path):
    """A proven fork goes on naming the key; a transcript tells how far its log stands."""
    made = exchange()
    a = made.logs[0]
    note = revoked("Aland", "log 0")
    fork = join_bundle([a.proof(2, 3), forked(a, 1, 3).proof(2, 3)])
    shown = verified(run, tmp_path, made, fork, note)
    assert shown.exit_code == 0
    assert "its party has declared this key void" in shown.stdout
    assert "it stands by nothing that this key signed" in shown.stdout
    shown = verified(run, tmp_path, made, exported(made), note)
    assert shown.exit_code == 0
    assert "its party stands by 0, others hold 2; 0 not tied" in shown.stdout


def test_a_file_beside_a_proof_is_named_or_found_in_none(run, tmp_path: Path):
    """Status 3 where no entry names its hash; a proof without attachments names none."""
    made = exchange()
    (tmp_path / "map.png").write_bytes(b"a map")
    (tmp_path / "file").write_bytes(made.logs[0].proof(1))
    cards: list[object] = []
    for number, card in enumerate(made.card_files()):
        (tmp_path / f"{number}.card").write_bytes(card)
        cards += ["--card", tmp_path / f"{number}.card"]
    words = ["verify", tmp_path / "file", *cards, "--now", NOW]
    assert run(*words).exit_code == 0
    shown = run(*words, "--attachment", tmp_path / "map.png")
    assert shown.exit_code == 3
    assert "no entry in this file names an attachment of this hash" in shown.stdout


def test_an_attachment_is_told_by_name_and_hash():
    """What a proof says of it, and which entry names a file that was given."""
    rows = list(enclosure_rows([EnclosureShown("here/a", "ab", "map.png", "a/log", 4)]))
    assert rows == ["here/a: the attachment «map.png» of entry 4 of a/log", "  SHA-256 ab"]
    said = {"name": "map.png", "media_type": "image/png", "size_bytes": 5, "sha256": "ab"}
    assert list(_said_rows({"text": "See.", "attachments": [said]})) == [
        "  │ See.",
        "  attachment: map.png (image/png, 5 bytes)",
        "    SHA-256 ab",
    ]
