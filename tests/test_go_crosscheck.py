"""Tools that others wrote agree: Go's own note and tree code checks our proof files."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from detente.core import notes
from detente.core.identity import holds_name, parse_card

ROOT = Path(__file__).resolve().parents[1]
MODULE = Path(__file__).with_name("crosscheck")
BUILD_S_MAX = 240

pytestmark = pytest.mark.timeout(2 * BUILD_S_MAX + 60)

Check = Callable[[bytes], bool]


def _vector(name: str) -> dict[str, str]:
    return json.loads((ROOT / "vectors" / f"{name}.json").read_text("utf-8"))["inputs"]


def _run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            arguments, cwd=folder, capture_output=True, text=True, timeout=BUILD_S_MAX, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"`{' '.join(arguments)}` took more than {BUILD_S_MAX} s")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Go program, built in a copy of its module."""
    if shutil.which("go") is None:
        pytest.skip("there is no go on this machine")
    folder = tmp_path_factory.mktemp("go") / "crosscheck"
    shutil.copytree(MODULE, folder)
    tidy = _run(["go", "mod", "tidy"], folder)
    if tidy.returncode:
        pytest.skip(f"Go modules cannot be fetched: {tidy.stderr.strip()[-200:]}")
    built = _run(["go", "build", "-o", "crosscheck", "."], folder)
    assert built.returncode == 0, built.stderr
    return folder / "crosscheck"


@pytest.fixture
def check(program: Path, tmp_path: Path) -> Check:
    """Whether the program accepts a proof under the two keys of the cards."""
    alpha, bravo = (
        parse_card(_vector(f"cards/{name}")["card"].encode()).card for name in ("alpha", "bravo")
    )
    origin = _vector("proofs/opened")["file"].partition("\n\n")[2].partition("\n")[0]
    author = notes.vkey(origin, notes.ED25519, alpha.pairs[0].log)
    holder = notes.vkey(holds_name(bravo.party, 0), notes.COSIGN_ED25519, bravo.pairs[0].holds)

    def run(proof: bytes) -> bool:
        path = tmp_path / "proof"
        path.write_bytes(proof)
        return _run([str(program), str(path), author, holder], tmp_path).returncode == 0

    return run


def test_our_proof_holds_in_go(check: Check) -> None:
    """Author's signature, cosignature and inclusion proof of one of our files verify in Go."""
    assert check(_vector("proofs/opened")["file"].encode())


def test_a_changed_byte_fails_in_go(check: Check) -> None:
    """One byte changed in leaf, path, checkpoint or either signature is refused."""
    proof = _vector("proofs/opened")["file"].encode()
    text = proof.decode()
    lines = text.split("\n")
    blank = lines.index("")
    starts = [text.index(line) for line in (lines[1], lines[3], lines[blank + 3])]
    author, holder = (text.index(f"\n{line}\n") + len(line) - 20 for line in lines[-3:-1])
    for at in (starts[0] + 20, starts[1] + 5, starts[2] + 5, author, holder):
        changed = bytearray(proof)
        changed[at] = ord("A") if changed[at] != ord("A") else ord("B")
        assert not check(bytes(changed)), at


def test_a_proof_without_the_cosignature_fails_in_go(check: Check) -> None:
    """The holder's line is asked for, not merely tolerated."""
    assert not check(_vector("proofs/not_disclosed")["file"].encode())
