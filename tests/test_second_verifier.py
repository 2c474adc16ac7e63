"""A second verifier that shares no code with ours comes to the same verdicts."""

from __future__ import annotations

import importlib.util
import json
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from detente.core import notes
from detente.dossiers.verify import verify_file

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
SECOND = VECTORS / "verify.py"
PATHS = sorted([*(VECTORS / "proofs").glob("*.json"), *(VECTORS / "exports").glob("*.json")])


@pytest.fixture(scope="module")
def second() -> ModuleType:
    """The other verifier, loaded from its file."""
    spec = importlib.util.spec_from_file_location("second_verifier", SECOND)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _read(name: str) -> dict[str, object]:
    return json.loads((VECTORS / name).read_text("utf-8"))


def _cards(names: list[str]) -> list[bytes]:
    return [_read(f"cards/{name}.json")["inputs"]["card"].encode() for name in names]


def _holds(second: ModuleType, data: bytes, cards: list[bytes], now_s: int) -> bool:
    try:
        second.check(data, cards, now_s)
    except second.REFUSED:
        return False
    return True


def test_it_imports_nothing_of_ours() -> None:
    """The file names no module of Détente."""
    assert "detente." not in SECOND.read_text("utf-8").split("from __future__")[1].split("class")[0]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_same_verdict_on_every_vector(path: Path, second: ModuleType) -> None:
    """Proofs and transcripts hold for both or for neither."""
    vector = json.loads(path.read_text("utf-8"))
    given = vector["inputs"]
    held = _holds(second, given["file"].encode(), _cards(given["cards"]), vector["now_s"])
    assert held is vector["value"]["ok"]


@pytest.mark.parametrize(
    ("name", "flips"),
    [
        ("proofs/opened", 16),
        ("proofs/quantum_safe", 8),
        ("proofs/bundle", 12),
        ("exports/whole", 40),
        ("exports/quantum_safe", 12),
    ],
)
def test_same_verdict_on_flipped_bits(name: str, flips: int, second: ModuleType) -> None:
    """A file with one bit flipped anywhere holds for both or for neither."""
    vector = _read(f"{name}.json")
    data, cards = vector["inputs"]["file"].encode(), _cards(vector["inputs"]["cards"])
    rng = random.Random(name)
    for _ in range(flips):
        at, changed = rng.randrange(len(data)), bytearray(data)
        changed[at] ^= 1 << rng.randrange(8)
        ours = verify_file(bytes(changed), cards, vector["now_s"]).ok
        assert _holds(second, bytes(changed), cards, vector["now_s"]) is ours, at


def test_flipped_cards_are_refused(second: ModuleType) -> None:
    """A card with one bit flipped anywhere vouches for nothing."""
    vector = _read("proofs/opened.json")
    data, (alpha, bravo) = vector["inputs"]["file"].encode(), _cards(["alpha", "bravo"])
    rng = random.Random("cards")
    for _ in range(24):
        at, changed = rng.randrange(len(alpha)), bytearray(alpha)
        changed[at] ^= 1 << rng.randrange(8)
        assert not _holds(second, data, [bytes(changed), bravo], vector["now_s"]), at


def test_it_checks_a_bare_checkpoint(second: ModuleType) -> None:
    """A signed checkpoint alone holds under its author's card, and under no other."""
    vector = _read("notes/checkpoint_with_cosignatures.json")
    note, (alpha, bravo) = vector["inputs"]["note"].encode(), _cards(["alpha", "bravo"])
    assert notes.parse_note(note)
    assert _holds(second, note, [alpha, bravo], 0)
    assert not _holds(second, note, [bravo], 0)


@pytest.mark.parametrize(("name", "status"), [("whole", 0), ("signature_flipped", 1)])
def test_command_line(name: str, status: int, tmp_path: Path) -> None:
    """``verify.py FILE --card CARD…`` exits 0 when all holds, and 1 with a reason otherwise."""
    vector = _read(f"exports/{name}.json")
    (tmp_path / "file").write_text(vector["inputs"]["file"], "utf-8")
    arguments = [sys.executable, str(SECOND), "file", "--now", str(vector["now_s"])]
    for number, card in enumerate(_cards(vector["inputs"]["cards"])):
        (tmp_path / f"card{number}").write_bytes(card)
        arguments += ["--card", f"card{number}"]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert done.stderr.startswith("error: ") is bool(status)
    assert (done.stdout.count("verified: ") == 2) is not bool(status)


@pytest.mark.parametrize(("name", "status"), [("stood_by", 0), ("contested", 1)])
def test_command_line_takes_a_revocation(name: str, status: int, tmp_path: Path) -> None:
    """Beside the file it counts as within: ``--revocation FILE``."""
    vector = _read(f"proofs/revoked_{name}.json")
    proof, _, note = vector["inputs"]["file"].encode().partition(b"\n---\n")
    (tmp_path / "file").write_bytes(proof + b"\n")
    (tmp_path / "note").write_bytes(note)
    arguments = [sys.executable, str(SECOND), "file", "--now", str(vector["now_s"])]
    for number, card in enumerate(_cards(vector["inputs"]["cards"])):
        (tmp_path / f"card{number}").write_bytes(card)
        arguments += ["--card", f"card{number}"]
    for more, expected in (([], 0), (["--revocation", "note"], status)):
        done = subprocess.run(
            [*arguments, *more], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == expected, done.stderr


def test_command_line_without_a_file() -> None:
    """Without a file, or with one that is not there, it exits 1."""
    for arguments in ([], ["nowhere"], ["--card"]):
        done = subprocess.run(
            [sys.executable, str(SECOND), *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert done.stderr.startswith("error: ")
