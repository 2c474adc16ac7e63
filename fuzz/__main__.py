"""``python -m fuzz``: every decoder under a coverage-guided fuzzer, a bounded time each.

What it finds is kept in ``fuzz/corpus`` and runs with the tests from then on.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from fuzz import seeds
from fuzz.contract import Target
from fuzz.reach import worth_keeping
from fuzz.registry import TARGETS

SECONDS = 60
INPUT_S_MAX = 10  # an input that takes longer is a finding
MEMORY_MIB_MAX = 2048  # so is one that takes more
KEPT_BYTES_MAX = 2048  # of one input in the corpus, unless it is a finding
CORPUS_BYTES_MAX = 24_576  # of one target
_DONE = re.compile(r"Done (\d+) runs in (\d+) second")
_COVERED = re.compile(r"cov: (\d+)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the chosen targets; 1 if one of them found something, 130 after an interruption."""
    asked = _parser().parse_args(arguments)
    unknown = sorted(set(asked.targets) - set(TARGETS))
    if unknown:
        print(f"error: no target {', '.join(unknown)}", file=sys.stderr)
        print(f"hint: targets are {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    if importlib.util.find_spec("atheris") is None:
        print("skipped: atheris is not installed here, so nothing was fuzzed")
        print("hint: .venv/bin/pip install -c constraints.txt -e '.[fuzz]' (CPython 3.11 to 3.14);")
        print("hint: the corpus and its mutations run without it: .venv/bin/pytest tests/fuzz")
        return 0
    chosen = [target for name, target in TARGETS.items() if name in (asked.targets or TARGETS)]
    found = 0
    try:
        for number, target in enumerate(chosen, 1):
            print(f"{number}/{len(chosen)} {target.name:<11}", end=" ", flush=True)
            found += _run(target, asked.seconds, keep=asked.keep)
    except KeyboardInterrupt:
        print("stopped")
        return 130
    return 1 if found else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=SECONDS, help="for each target")
    parser.add_argument("--keep", action="store_true", help="add small inputs that reach new code")
    return parser


def _run(target: Target, seconds: int, *, keep: bool) -> int:
    """One target for so many seconds; how many inputs broke it."""
    with tempfile.TemporaryDirectory(prefix="detente-fuzz-") as name:
        folder = Path(name)
        begin, new, found = (folder / part for part in ("begin", "new", "found"))
        for part in (begin, new, found):
            part.mkdir()
        for data in (*target.seeds(), *seeds.corpus(target.name)):
            (begin / _name(data)).write_bytes(data)
        limits = [f"-max_total_time={seconds}", f"-timeout={INPUT_S_MAX}"]
        limits += [f"-rss_limit_mb={MEMORY_MIB_MAX}", f"-max_len={target.bytes_max}"]
        if target.words:
            words = folder / "words"
            words.write_text("".join(map(_word, target.words)), encoding="ascii")
            limits.append(f"-dict={words}")
        said = _child(target, [*limits, f"-artifact_prefix={found}/", str(new), str(begin)])
        if keep:
            _keep(target, [path.read_bytes() for path in new.iterdir()])
        return _told(target, said, sorted(found.iterdir()), len(list(new.iterdir())))


def _child(target: Target, options: Sequence[str]) -> str:
    command = [sys.executable, "-m", "fuzz.one", target.name, *options]
    path = [str(seeds.ROOT / part) for part in ("src", "tests", ".")]
    ended = subprocess.run(
        command,
        cwd=seeds.ROOT,
        env={"PYTHONPATH": ":".join(path), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return ended.stdout.decode("utf-8", "replace")


def _told(target: Target, said: str, found: Sequence[Path], new: int) -> int:
    """Prints what came of a target, and keeps each finding in the corpus."""
    done, covered = _DONE.search(said), _COVERED.findall(said)
    if done is None and not found:
        print("did not run:")
        print(said[-2000:])
        return 1
    figures = "" if done is None else f"{int(done.group(1)):,} runs in {done.group(2)} s, "
    edges = covered[-1] if covered else "0"
    print(f"{figures}{edges} edges, {new} new inputs, {len(found)} findings")
    for path in found:
        print(f"    kept as {_store(target, path.read_bytes()).relative_to(seeds.ROOT)}")
    if found:
        at = said.find("Uncaught Python exception")
        print(said[at : at + 4000] if at >= 0 else said[-2000:])
    return len(found)


def _keep(target: Target, new: Sequence[bytes]) -> None:
    """Adds small inputs that reach new code to the corpus while there is room."""
    kept = seeds.corpus(target.name)
    small = [data for data in new if 0 < len(data) <= KEPT_BYTES_MAX]
    room = CORPUS_BYTES_MAX - sum(map(len, kept))
    for data in worth_keeping(target, (*target.seeds(), *kept), small, room):
        _store(target, data)


def _store(target: Target, data: bytes) -> Path:
    folder = seeds.CORPUS / target.name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _name(data)
    path.write_bytes(data)
    return path


def _name(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _word(word: bytes) -> str:
    return '"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n'


if __name__ == "__main__":
    sys.exit(main())
