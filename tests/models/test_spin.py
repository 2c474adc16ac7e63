"""The Promela models of models/: what Spin finds to hold, and what falls without which rule."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

MODELS = Path(__file__).parents[2] / "models"
SPIN_S, PAN_S, MEMORY_MB = 60, 400, 1500
PAN = re.compile(r"errors: (\d+)\s+(\d+) states, stored")

pytestmark = [
    pytest.mark.skipif(
        shutil.which("spin") is None or shutil.which("gcc") is None,
        reason="spin and gcc are not here: apt-get install spin gcc",
    ),
    pytest.mark.timeout(SPIN_S + PAN_S + 60),
]


@dataclass(frozen=True)
class Run:
    """One question to Spin: a model, its macros, and a property, by its name or all asserts."""

    model: str
    macros: str
    states_min: int = 0
    claim: str = ""


LINE = "SAYS=1 ANSWERS=1"
LINKS = f"{LINE} CRASHES=1 CUTS=1 RESTORES=0"
RESTORED = f"{LINE} CRASHES=0 CUTS=0 RESTORES=1"
ROLLED_BACK = "SAYS=2 ANSWERS=0 CRASHES=0 CUTS=0 RESTORES=1 MARK_ROLLED_BACK"
# What holds within these bounds, and how many states there are at least. Every run is searched to
# its end, so that fewer states would mean another model.
HOLDS = [
    Run("line", LINKS, 10_000),
    Run("line", RESTORED, 1_000_000),
    Run("line", ROLLED_BACK, 10_000),
    Run("line", LINKS, 10_000, "stored"),
    Run("line", LINKS, 10_000, "received"),
    Run("seal", "TWO", 20_000),
]
# A rule left out, and the property that falls with it.
FAULTS = [
    (Run("line", f"{RESTORED} SPEAK_BEFORE_MARK"), "spoken"),
    (Run("line", f"{LINE} CRASHES=1 CUTS=0 RESTORES=1 START_LEAVES_MARK"), "spoken"),
    (Run("line", f"{RESTORED} ADOPT_SAME_LIFE"), "spoken"),
    (Run("line", f"{RESTORED} MUTE_SIGNS"), "mute"),
    (Run("line", f"{ROLLED_BACK} SIGN_BEFORE_HELLO"), "kept"),
    (Run("line", f"{LINKS} RECEIPT_BEFORE_STORE", claim="stored"), "receipted"),
    (Run("line", f"{LINKS} NO_RESEND", claim="received"), "acceptance cycle"),
    (Run("seal", "TWO WITHDRAWAL_ALWAYS_COUNTS"), "was"),
    (Run("seal", "TWO LAST_SEAL_COUNTS"), "was"),
    (Run("seal", "TWO EXPIRY_FIRST"), "was"),
    (Run("seal", "TWO WITHDRAWN_UNKNOWING"), "bound"),
    (Run("seal", "TWO LATE_HOLDS_COUNT"), "has_seal"),
    (Run("seal", "TWO SEAL_IS_ENOUGH"), "has_seal"),
]


def ask(run: Run, folder: Path) -> tuple[int, int, str]:
    """How many errors, how many states, and what the verifier said of the first error."""
    macros = [f"-D{macro}" for macro in run.macros.split()]
    source = (MODELS / f"{run.model}.pml").resolve()

    def call(command: list[str], limit_s: int) -> str:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=limit_s, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    call(["spin", *macros, "-a", str(source)], SPIN_S)
    kind = [] if run.claim else ["-DSAFETY", "-DNOCLAIM"]
    limits = [f"-DMEMLIM={MEMORY_MB}", "-DVECTORSZ=512"]
    call(["gcc", "-O2", "-w", *kind, *limits, "-o", "pan", "pan.c"], SPIN_S)
    claim = ["-a", "-N", run.claim] if run.claim else []
    said = call(["./pan", "-m100000", *claim], PAN_S)
    assert "max search depth too small" not in said
    assert "out of memory" not in said, "the search was not whole"
    found = PAN.search(said)
    assert found is not None, said
    first = "".join(line for line in said.splitlines() if line.startswith("pan:1:"))
    return int(found[1]), int(found[2]), first


def _name(run: Run) -> str:
    return "-".join([run.model, *run.macros.split(), run.claim]).rstrip("-")


@pytest.mark.parametrize("run", HOLDS, ids=_name)
def test_every_property_holds_in_every_state(run: Run, tmp_path: Path, record_property) -> None:
    """Spin looks at every state within the bounds and finds no error."""
    errors, states, first = ask(run, tmp_path)
    record_property("states", states)
    sys.stdout.write(f"{_name(run)}: {states} states\n")
    assert errors == 0, first
    assert states >= run.states_min


@pytest.mark.parametrize(
    ("run", "what"), FAULTS, ids=lambda value: _name(value) if isinstance(value, Run) else ""
)
def test_a_rule_left_out_is_found(run: Run, what: str, tmp_path: Path) -> None:
    """No property is empty: without the rule that it rests on, Spin finds a run that breaks it."""
    errors, _, first = ask(run, tmp_path)
    assert errors == 1
    assert what in first
