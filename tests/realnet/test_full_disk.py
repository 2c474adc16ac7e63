"""A file system that is full: the home's, and the mark's."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from processes import until
from realnet.rig import Cable, Pair, make_pair, open_up

from detente.core.errors import LocalError, Refusal

HOME_BYTES = 3 * 1024 * 1024
ROOM_BYTES = 64 * 1024 * 1024
MACHINE = 4  # exit status (docs/operating/README.md)
Mount = Callable[[Path, int], None]

pytestmark = pytest.mark.timeout(150)


@pytest.fixture
def small() -> Iterator[Mount]:
    """Mounts a small file system in memory; on one that is there already, changes its size."""
    mounted: list[Path] = []

    def mount(folder: Path, size_bytes: int) -> None:
        again = "remount," if folder in mounted else ""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        options = f"{again}size={size_bytes},mode=0700"
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode and not mounted:
            pytest.skip(f"this machine lacks the right to mount: {done.stderr.strip()}")
        assert done.returncode == 0, done.stderr
        if not again:
            mounted.append(folder)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Takes all that is left of a file system."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(os.statvfs(folder).f_bsize))
        except OSError:
            return filler


def page(chance: random.Random, name: str) -> str:
    """A long text that does not compress well."""
    return name + " " + " ".join(f"{chance.getrandbits(48):012x}" for _ in range(1500))


def test_a_full_home_ends_the_node_and_loses_nothing(
    tmp_path: Path, cable: Cable, small: Mount
) -> None:
    """The node ends with `disk` as the reason, at a start too; all it answered for is stored, and
    once there is room it goes on as itself, and catches up."""
    small(tmp_path / "bravo", HOME_BYTES)
    pair = make_pair(tmp_path, cable)
    try:
        open_up(pair)
        ended = say_until_it_ends(pair)
        assert ended.refusal in {Refusal.DISK, Refusal.UNREACHABLE}
        assert status_of(pair) == MACHINE
        assert [event["refusal"] for event in pair.bravo.events("machine")][-1] == "disk"
        for number in range(3):
            pair.say(pair.alpha, f"said to a dead node {number}", precedence="FLASH")
        filler = fill(tmp_path / "bravo")
        pair.bravo.launch()
        assert status_of(pair) == MACHINE
        assert "disk" in pair.bravo.log.read_text().splitlines()[-2:][0]
        filler.unlink()
        small(tmp_path / "bravo", ROOM_BYTES)
        pair.bravo.start()
        pair.settle()
        pair.account()
        assert "said to a dead node 2" in pair.bravo.texts("theirs")
    finally:
        pair.end_nodes()


def say_until_it_ends(pair: Pair) -> LocalError:
    """Both sides say long things until Bravo's node can keep no more; what Bravo was told last."""
    chance = random.Random(2)
    for number in range(200):
        try:
            pair.say(pair.bravo, page(chance, f"bravo {number}"))
            pair.say(pair.alpha, page(chance, f"alpha {number}"))
        except LocalError as error:
            return error
    pytest.fail("the disk was never full")


def status_of(pair: Pair) -> int:
    """The exit status of Bravo's node, which ends by itself."""
    status = pair.bravo.process.wait(30)
    pair.bravo.process = None
    return int(status)


def test_a_full_mark_changes_nothing(tmp_path: Path, cable: Cable, small: Mount) -> None:
    """The mark of a line takes its place once: a file system that fills up later stops nobody."""
    small(tmp_path / "marks" / "bravo", 64 * 1024)
    pair = make_pair(tmp_path, cable)
    try:
        fill(tmp_path / "marks" / "bravo")
        open_up(pair)
        for number in range(5):
            for station in pair.both:
                pair.say(station, f"{station.name} {number}", precedence="FLASH", wait="received")
        pair.bravo.kill()
        pair.bravo.start()
        pair.say(pair.bravo, "after a start", wait="received")
        pair.settle()
        pair.account()
    finally:
        pair.end_nodes()


def test_without_room_for_a_mark_no_line_begins(tmp_path: Path, cable: Cable, small: Mount) -> None:
    """A line whose mark cannot be written is not begun: nothing is signed, the node ends and names
    the disk; with room the same charter is accepted, in the first incarnation."""
    small(tmp_path / "marks" / "bravo", 64 * 1024)
    pair = make_pair(tmp_path, cable, accepted=False)
    try:
        filler = fill(tmp_path / "marks" / "bravo")
        pair.alpha.start()
        pair.bravo.start()
        with pytest.raises(LocalError) as refused:
            pair.bravo.call("accept", charter_b64=pair.charter_b64)
        assert refused.value.refusal == Refusal.DISK
        assert status_of(pair) == MACHINE
        filler.unlink()
        pair.bravo.start()
        assert pair.bravo.call("lines") == []
        pair.bravo.call("accept", charter_b64=pair.charter_b64)
        until(lambda: all(s.line()["open"] for s in pair.both), "the line to open")
        pair.say(pair.bravo, "now", precedence="FLASH", wait="received")
        pair.settle()
        pair.account()
    finally:
        pair.end_nodes()
