"""The demo, run once for real; every figure is computed again from what it left behind."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from detente.cli.demo_figures import Figures, read_submitted, recount
from detente.cli.demo_script import dispatches
from detente.core.identity import parse_origin
from detente.core.leaf import Kind, decode_leaf
from detente.dossiers.verify import verify_file

Demo = tuple[dict[str, Any], Path]
EXPORTS = {"alpha": "transcript.detente", "bravo": "bravo.detente"}


def exports(folder: Path) -> dict[str, list[bytes]]:
    """Both copies, line by line."""
    return {
        name: (folder / file).read_bytes().splitlines(keepends=True)
        for name, file in EXPORTS.items()
    }


def figures(folder: Path, copies: dict[str, list[bytes]]) -> Figures:
    """The figures of what was submitted and of these copies."""
    submitted = read_submitted((folder / "submitted.json").read_text(encoding="utf-8"))
    return recount(submitted, copies)


def deliveries(lines: list[bytes], party: str) -> list[int]:
    """The line numbers of the dispatches of one party, in the order of its log."""
    found, author = [], ""
    for number, line in enumerate(lines):
        word, _, rest = line.rstrip(b"\n").partition(b" ")
        if word == b"log":
            author = parse_origin(rest.decode()).party.hex()
        elif word == b"entry" and author == party:
            raw = base64.b64decode(rest.split(b" ")[0] + b"==")
            if decode_leaf(raw).kind == Kind.DISPATCH:
                found.append(number)
    return found


def sealed(lines: list[bytes]) -> list[bytes]:
    """The same file with a last line that agrees with the others again."""
    digest = hashlib.sha256(b"".join(lines[:-1])).hexdigest()
    return [*lines[:-1], f"end {digest}\n".encode()]


def test_the_figures_are_what_was_promised(demo: Demo):
    """Forty dispatches and more, all receipted, none lost, reordered or duplicated."""
    result, _ = demo
    promised = {
        "lost": 0,
        "reordered": 0,
        "duplicated": 0,
        "unexpected": 0,
        "incarnations": {"alpha": 1, "bravo": 1},
        "checkpoints_equal": True,
        "verified": True,
        "cuts": 2,
        "kills": 1,
        "good": True,
    }
    assert {name: result[name] for name in promised} == promised
    assert result["dispatches"] >= 40
    assert result["receipts"] == result["dispatches"]
    assert result["marks"] >= 10
    assert result["translations"] >= 5
    assert 0 < result["seconds"] < 100


def test_the_conversation_is_what_the_script_says(demo: Demo):
    """Both speak, at every precedence and in three languages, and what was submitted is that."""
    result, folder = demo
    script = list(dispatches())
    said = Counter(one.precedence for one in script)
    assert result["precedences"] == said
    assert set(said) == {"DEFERRED", "ROUTINE", "PRIORITY", "IMMEDIATE", "FLASH", "OVERRIDE"}
    assert {one.language for one in script} == {"en", "ru", "uk"}
    assert min(Counter(one.author for one in script).values()) >= 15
    submitted = read_submitted((folder / "submitted.json").read_text(encoding="utf-8"))
    hashes = [hashlib.sha256(one.text.encode()).hexdigest() for one in script]
    assert [one.sha256 for one in submitted] == hashes


def test_every_figure_is_computed_from_the_folder(demo: Demo):
    """The same figures come out of the folder alone."""
    result, folder = demo
    again = asdict(figures(folder, exports(folder)))
    assert {name: result[name] for name in again} == again


def test_the_homes_say_the_same(demo: Demo, run):
    """What each home shows of itself agrees with the figures, entry by entry."""
    result, folder = demo
    shown = {}
    for name in ("alpha", "bravo"):
        files = ("--home", folder / name, "--passphrase-file", folder / f"{name}.passphrase")
        asked = run(*files, "inbox", "--limit", 1000, "--json")
        assert asked.exit_code == 0, asked.output
        shown[name] = json.loads(asked.stdout)
        views = [v for v in shown[name]["entries"] if v["kind"] == "dispatch"]
        assert len(views) == result["dispatches"]
        assert all(view["drill"] for view in views)
        ours = [view for view in views if view["mine"]]
        assert all(any(s["rung"] == "received" for s in view["ladder"]) for view in ours)
        (line,) = shown[name]["lines"]
        assert (line["incarnation"], line["queued"], line["mute"]) == (0, 0, "")
    hashes = [[v["hash"] for v in one["entries"] if v["mine"]] for one in shown.values()]
    theirs = [[v["hash"] for v in one["entries"] if not v["mine"]] for one in shown.values()]
    assert sorted(hashes[0]) == sorted(theirs[1])
    assert sorted(hashes[1]) == sorted(theirs[0])
    heads = [one["lines"][0]["checkpoints"] for one in shown.values()]
    assert heads[0] == heads[1]


def drop(lines: list[bytes], at: list[int]) -> list[bytes]:
    """Without one delivery."""
    return [line for number, line in enumerate(lines) if number != at[3]]


def repeat(lines: list[bytes], at: list[int]) -> list[bytes]:
    """With one delivery twice."""
    return [*lines[: at[3]], lines[at[3]], *lines[at[3] :]]


def swap(lines: list[bytes], at: list[int]) -> list[bytes]:
    """With one delivery in the place of the next."""
    swapped = list(lines)
    swapped[at[3]], swapped[at[4]] = lines[at[4]], lines[at[3]]
    return swapped


def garble(lines: list[bytes], at: list[int]) -> list[bytes]:
    """With one delivery whose body was replaced by that of another."""
    raw, _, _ = lines[at[3]].split(b" ", 1)[1].partition(b" ")
    body = lines[at[4]].split(b" ", 2)[2]
    return [*lines[: at[3]], b"entry " + raw + b" " + body, *lines[at[3] + 1 :]]


@pytest.mark.parametrize("copy", ["alpha", "bravo"])
@pytest.mark.parametrize("author", ["alpha", "bravo"])
@pytest.mark.parametrize(
    ("doctor", "figure", "value"),
    [(drop, "lost", 1), (repeat, "duplicated", 1), (swap, "reordered", 1), (garble, "lost", 1)],
)
def test_a_doctored_copy_changes_the_figures(
    demo: Demo,
    doctor: Callable[[list[bytes], list[int]], list[bytes]],
    figure: str,
    value: int,
    author: str,
    copy: str,
):
    """One delivery dropped, repeated, swapped or garbled in either copy is counted, and refused."""
    result, folder = demo
    copies = exports(folder)
    cards = [(folder / f"{name}.card").read_bytes() for name in ("alpha", "bravo")]
    own = next(line for line in (folder / f"{author}.card").read_text().splitlines()[1:2])
    at = deliveries(copies[copy], own.removeprefix("party "))
    assert len(at) >= 15
    copies[copy] = sealed(doctor(copies[copy], at))
    changed = asdict(figures(folder, copies))
    assert changed[figure] >= value
    if doctor is not garble:  # an entry commits to its body: the trees stay as they were
        assert changed["checkpoints_equal"] is False
    if figure == "lost":
        assert changed["dispatches"] == result["dispatches"] - 1
    report = verify_file(b"".join(copies[copy]), cards, 1_800_000_000)
    assert not report.ok
    assert report.bad is not None


def test_what_is_kept(demo: Demo, run):
    """Homes, cards, transcripts, a FLASH as a proof and with its receipt: all verify outside."""
    _, folder = demo
    cards = [folder / "alpha.card", folder / "bravo.card"]
    for name in ("alpha", "bravo"):
        assert (folder / name / "own.card").read_bytes() == (folder / f"{name}.card").read_bytes()
        assert (folder / name).stat().st_mode & 0o777 == 0o700
    proof = run("verify", folder / "flash.tlog-proof", "--card", cards[0], "--json")
    (statement,) = json.loads(proof.stdout)["statements"]
    assert proof.exit_code == 0
    assert (statement["precedence"], statement["drill"]) == ("FLASH", True)
    bundle = run("verify", folder / "flash.bundle", "--card", *cards, "--json")
    report = json.loads(bundle.stdout)
    assert bundle.exit_code == 0
    said, receipt = report["statements"][:2]
    assert (said["name"], receipt["name"]) == ("Alpha", "Bravo")
    assert "Bravo" in {one["name"] for one in said["receipts"]}
    for file in EXPORTS.values():
        assert run("verify", folder / file, "--card", *cards).exit_code == 0


def test_a_person_can_read_the_check(demo: Demo, run):
    """Who said what, who states receipt and when, up to which checkpoint, and what is lacking."""
    _, folder = demo
    cards = ["--card", folder / "alpha.card", "--card", folder / "bravo.card"]
    shown = run("verify", folder / "flash.bundle", *cards).output
    assert shown.startswith("VERIFIED: bundle of proofs\n")
    assert "Alpha said, at " in shown
    assert "DRILL DRILL DRILL" in shown
    assert "received: Bravo states to have stored it at " in shown
    assert "Up to checkpoint " in shown
    assert "record of a comparison" in shown
    assert "understood" not in shown
    uk = run("--lang", "uk", "verify", folder / "flash.bundle", *cards).output
    assert uk.startswith("ПЕРЕВІРЕНО: пакет доказів\n")
    bare = run("verify", folder / "flash.tlog-proof", cards[0], folder / "bravo.card")
    assert bare.exit_code == 3
    assert "NOT VERIFIED: proof" in bare.output


def test_the_first_bad_entry_is_named(demo: Demo, run, tmp_path: Path):
    """A flipped bit in a transcript ends the check at its line, its entry and its reason."""
    _, folder = demo
    lines = (folder / "transcript.detente").read_bytes().splitlines(keepends=True)
    number = next(n for n, line in enumerate(lines) if line.startswith(b"log ")) + 5
    while not lines[number].startswith(b"entry "):
        number += 1
    bent = bytearray(lines[number])
    bent[40] = ord("A") if bent[40] != ord("A") else ord("B")
    bad = tmp_path / "bad.detente"
    bad.write_bytes(b"".join([*lines[:number], bytes(bent), *lines[number + 1 :]]))
    cards = ["--card", folder / "alpha.card", "--card", folder / "bravo.card"]
    shown = run("verify", bad, *cards)
    assert shown.exit_code == 3
    assert "first bad entry: " in shown.output
    report = json.loads(run("verify", bad, *cards, "--json").stdout)
    assert report["ok"] is False
    assert report["bad"]["line_number"] >= number + 1


def test_a_folder_in_use_is_left_alone(run, tmp_path: Path):
    """The demo writes into a new folder only."""
    (tmp_path / "mine").write_text("mine")
    shown = run("demo", "--exit", "--keep", tmp_path)
    assert shown.exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
