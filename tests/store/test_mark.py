"""The high-water mark: torn writes, copies, locks and disks that refuse."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from detente.core.errors import DetenteError, LocalError, MachineError, Refusal
from detente.store.mark import (
    FILE_BYTES,
    SLOT_STRIDE_BYTES,
    Mark,
    MarkFolder,
    OwnHead,
    Verdict,
    default_folder,
    judge,
)

LINE = bytes(range(32))
OTHER_LINE = bytes(32)
LIFE = b"lifetime"


def root(number: int) -> bytes:
    return number.to_bytes(32, "big")


def mark(size: int) -> Mark:
    return Mark(0, b"", size, root(size))


def file_of(folder: Path, line: bytes = LINE) -> Path:
    return folder / f"{line.hex()}.mark"


def damage(path: Path, slot: int) -> None:
    data = bytearray(path.read_bytes())
    data[slot * SLOT_STRIDE_BYTES + 20] ^= 1
    path.write_bytes(bytes(data))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "marks"


@pytest.fixture
def marks(folder: Path, tmp_path: Path) -> Iterator[MarkFolder]:
    opened = MarkFolder.open(folder, create=True, home=tmp_path / "home")
    yield opened
    opened.close()


def reopened(folder: Path) -> MarkFolder:
    return MarkFolder.open(folder, create=False, home=folder / "no-home")


def refusal(call: Callable[[], object], kind: type[DetenteError]) -> Refusal:
    with pytest.raises(kind) as caught:
        call()
    return caught.value.refusal


def fails(number: int) -> Callable[..., None]:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


def test_a_line_without_mark_reads_as_none(marks: MarkFolder) -> None:
    """A line nobody signed in has no mark, and asking creates no file."""
    assert marks.read(LINE) is None
    assert marks.read(OTHER_LINE) is None


def test_marks_advance_and_survive_a_restart(marks: MarkFolder, folder: Path) -> None:
    """Every advance is what a later process reads, for each line apart."""
    marks.advance(LINE, None, mark(1))
    for size in range(1, 8):
        marks.advance(LINE, mark(size), mark(size + 1))
        assert marks.read(LINE) == mark(size + 1)
    second = Mark(3, LIFE, 5, root(99))
    marks.advance(OTHER_LINE, None, second)
    marks.close()
    again = reopened(folder)
    assert again.read(LINE) == mark(8)
    assert again.read(OTHER_LINE) == second
    again.advance(LINE, mark(8), mark(9))
    assert again.read(LINE) == mark(9)
    again.close()


def test_one_advance_costs_one_fdatasync(
    marks: MarkFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An advance of a known line syncs once, without touching size or folder."""
    marks.advance(LINE, None, mark(1))
    calls: list[str] = []
    real = os.fdatasync

    def counted(fd: int) -> None:
        calls.append("fdatasync")
        real(fd)

    monkeypatch.setattr(os, "fdatasync", counted)
    monkeypatch.setattr(os, "fsync", lambda _fd: calls.append("fsync"))
    marks.advance(LINE, mark(1), mark(2))
    assert calls == ["fdatasync"]


def test_a_first_mark_syncs_file_then_folder(
    marks: MarkFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new line's file is durable under its name before advance returns."""
    synced: list[bool] = []
    real = os.fsync

    def noted(fd: int) -> None:
        synced.append(stat.S_ISDIR(os.fstat(fd).st_mode))
        real(fd)

    monkeypatch.setattr(os, "fsync", noted)
    marks.advance(LINE, None, mark(1))
    assert synced == [False, True]


def test_the_same_mark_again_writes_nothing(marks: MarkFolder, folder: Path) -> None:
    """Advancing to the mark that stands changes no byte."""
    marks.advance(LINE, None, mark(1))
    before = file_of(folder).read_bytes()
    marks.advance(LINE, mark(1), mark(1))
    assert file_of(folder).read_bytes() == before


@pytest.mark.parametrize("length", range(0, 160, 7))
def test_a_write_torn_anywhere_leaves_the_old_mark(
    marks: MarkFolder, folder: Path, length: int
) -> None:
    """Of a slot write cut short at any byte, the old mark or the whole new one is read."""
    marks.advance(LINE, None, mark(1))
    marks.advance(LINE, mark(1), mark(2))
    old = file_of(folder).read_bytes()
    marks.advance(LINE, mark(2), mark(3))
    new = file_of(folder).read_bytes()
    marks.close()
    file_of(folder).write_bytes(new[:length] + old[length:])
    again = reopened(folder)
    read = again.read(LINE)
    torn_whole = new[:length] + old[length:] == new
    assert read == (mark(3) if torn_whole else mark(2))
    assert read is not None
    again.advance(LINE, read, mark(9))
    assert again.read(LINE) == mark(9)
    again.close()


def test_a_stop_between_the_slots_keeps_both_usable(marks: MarkFolder, folder: Path) -> None:
    """The slot that was written last wins, and the older one is written next."""
    marks.advance(LINE, None, mark(1))
    marks.advance(LINE, mark(1), mark(2))
    damage(file_of(folder), 1)
    assert marks.read(LINE) == mark(1)
    marks.advance(LINE, mark(1), mark(4))
    assert marks.read(LINE) == mark(4)
    damage(file_of(folder), 0)
    assert marks.read(LINE) == mark(4)


def test_two_damaged_slots_are_never_a_new_line(marks: MarkFolder, folder: Path) -> None:
    """Damage is a fault of the machine and not the absence of a mark."""
    marks.advance(LINE, None, mark(1))
    marks.advance(LINE, mark(1), mark(2))
    damage(file_of(folder), 0)
    damage(file_of(folder), 1)
    assert refusal(lambda: marks.read(LINE), MachineError) == Refusal.DISK
    assert refusal(lambda: marks.advance(LINE, None, mark(1)), MachineError) == Refusal.DISK


@pytest.mark.parametrize("data", [b"", b"\0" * FILE_BYTES, b"detmark1"])
def test_an_empty_or_short_file_is_damaged(folder: Path, marks: MarkFolder, data: bytes) -> None:
    """A file that holds no mark at all is damaged, too."""
    file_of(folder).write_bytes(data)
    assert refusal(lambda: marks.read(LINE), MachineError) == Refusal.DISK


def test_a_file_under_another_lines_name_is_damaged(marks: MarkFolder, folder: Path) -> None:
    """A mark counts for the line it was written for alone."""
    marks.advance(LINE, None, mark(1))
    shutil.copy(file_of(folder), file_of(folder, OTHER_LINE))
    assert refusal(lambda: marks.read(OTHER_LINE), MachineError) == Refusal.DISK


def test_a_stop_before_the_first_rename_leaves_no_mark(
    marks: MarkFolder, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A half-made file is not a damaged mark: the line simply has none, and can get one."""
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails(errno.EIO))
        with pytest.raises(MachineError):
            marks.advance(LINE, None, mark(1))
    marks.close()
    again = reopened(folder)
    assert again.read(LINE) is None
    again.advance(LINE, None, mark(2))
    assert again.read(LINE) == mark(2)
    again.close()


def test_another_old_mark_is_refused(marks: MarkFolder) -> None:
    """Compare and swap: whoever believes another mark changes nothing."""
    assert refusal(lambda: marks.advance(LINE, mark(1), mark(2)), MachineError) == Refusal.DISK
    marks.advance(LINE, None, mark(5))
    for old in (None, mark(4), mark(6), Mark(0, b"", 5, root(6)), Mark(0, LIFE, 5, root(5))):
        with pytest.raises(MachineError) as caught:
            marks.advance(LINE, old, mark(7))
        assert caught.value.refusal == Refusal.DISK
    assert marks.read(LINE) == mark(5)


def test_a_second_writer_past_the_lock_is_noticed(marks: MarkFolder, folder: Path) -> None:
    """Somebody who deletes the lock file and writes makes the first writer stop."""
    marks.advance(LINE, None, mark(1))
    (folder / "lock").unlink()
    second = reopened(folder)
    second.advance(LINE, mark(1), mark(2))
    second.close()
    assert refusal(lambda: marks.advance(LINE, mark(1), mark(3)), MachineError) == Refusal.DISK


@pytest.mark.parametrize(
    "new",
    [
        Mark(2, LIFE, 4, root(4)),
        Mark(2, LIFE, 5, root(6)),
        Mark(2, b"another!", 9, root(9)),
        Mark(1, LIFE, 9, root(9)),
        Mark(0, b"", 9, root(9)),
    ],
)
def test_a_mark_never_goes_back(marks: MarkFolder, new: Mark) -> None:
    """Fewer entries, another root or life, or an older incarnation: refused, nothing written."""
    stands = Mark(2, LIFE, 5, root(5))
    marks.advance(LINE, None, stands)
    refused = refusal(lambda: marks.advance(LINE, stands, new), LocalError)
    assert refused == Refusal.NOT_ALLOWED
    assert marks.read(LINE) == stands


def test_a_new_incarnation_may_begin_small(marks: MarkFolder) -> None:
    """After adoption the mark counts the new log from its first entry."""
    resumed = Mark(1, LIFE, 1, root(1))
    marks.advance(LINE, None, mark(118))
    marks.advance(LINE, mark(118), resumed)
    assert marks.read(LINE) == resumed


def test_a_failed_sync_ends_everything(marks: MarkFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """After one refused fdatasync nothing is read or written, even once the disk recovers."""
    marks.advance(LINE, None, mark(1))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fails(errno.EIO))
        refused = refusal(lambda: marks.advance(LINE, mark(1), mark(2)), MachineError)
    assert refused == Refusal.DISK
    for call in (
        lambda: marks.advance(LINE, mark(1), mark(2)),
        lambda: marks.advance(OTHER_LINE, None, mark(1)),
        lambda: marks.read(LINE),
        lambda: marks.read(OTHER_LINE),
    ):
        assert refusal(call, MachineError) == Refusal.DISK


def test_a_write_cut_short_is_a_failed_disk(
    marks: MarkFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk that takes half a record counts as an error at once."""
    marks.advance(LINE, None, mark(1))
    monkeypatch.setattr(os, "pwrite", lambda _fd, data, _offset: len(data) - 1)
    assert refusal(lambda: marks.advance(LINE, mark(1), mark(2)), MachineError) == Refusal.DISK
    monkeypatch.undo()
    assert refusal(lambda: marks.read(LINE), MachineError) == Refusal.DISK


def test_two_openings_exclude_each_other(marks: MarkFolder, folder: Path) -> None:
    """Two copies of a home that share their marks cannot both run, in one process or two."""
    assert refusal(lambda: reopened(folder), LocalError) == Refusal.IN_USE
    program = (
        "import sys; from pathlib import Path; from detente.store.mark import MarkFolder\n"
        "from detente.core.errors import LocalError\n"
        "try:\n"
        "    MarkFolder.open(Path(sys.argv[1]), False, home=Path('/no-home'))\n"
        "except LocalError as exc:\n"
        "    print(exc.refusal.word)\n"
    )
    source = str(Path(__file__).resolve().parents[2] / "src")
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        env=os.environ | {"PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout.strip() == "in-use"
    marks.close()
    reopened(folder).close()


def test_the_lock_ends_with_a_killed_process(folder: Path, tmp_path: Path) -> None:
    """A process that dies without closing holds nobody up."""
    program = (
        "import os, sys; from pathlib import Path; from detente.store.mark import MarkFolder\n"
        "MarkFolder.open(Path(sys.argv[1]), True, home=Path('/no-home')); os.abort()\n"
    )
    source = str(Path(__file__).resolve().parents[2] / "src")
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        env=os.environ | {"PYTHONPATH": source},
        capture_output=True,
        check=False,
        timeout=30,
        cwd=tmp_path,
    )
    assert done.returncode < 0
    reopened(folder).close()


def test_a_closed_folder_refuses(marks: MarkFolder) -> None:
    """Nothing is written without the lock; closing twice is harmless."""
    marks.advance(LINE, None, mark(1))
    marks.close()
    marks.close()
    assert refusal(lambda: marks.advance(LINE, mark(1), mark(2)), MachineError) == Refusal.DISK


def test_opening_creates_only_when_told(tmp_path: Path) -> None:
    """An absent folder is named, not made, unless asked for; then it is the owner's alone."""
    folder = tmp_path / "a" / "b"
    assert refusal(lambda: reopened(folder), LocalError) == Refusal.NOT_FOUND
    assert not folder.parent.exists()
    MarkFolder.open(folder, create=True, home=tmp_path / "home").close()
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / "lock").stat().st_mode & 0o077 == 0


def test_marks_inside_the_home_are_refused(tmp_path: Path) -> None:
    """A copy of the home must not take its marks along, also not through a symbolic link."""
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "link").symlink_to(home)
    for folder in (home, home / "marks", tmp_path / "link" / "marks"):
        with pytest.raises(LocalError) as caught:
            MarkFolder.open(folder, create=True, home=home)
        assert caught.value.refusal == Refusal.USAGE
    assert list(home.iterdir()) == []
    MarkFolder.open(tmp_path / "home-marks", create=True, home=home).close()


@pytest.mark.parametrize(
    ("number", "kind", "word"),
    [
        (errno.EACCES, LocalError, Refusal.NOT_ALLOWED),
        (errno.EROFS, MachineError, Refusal.DISK),
        (errno.ENOTDIR, LocalError, Refusal.NOT_FOUND),
    ],
)
def test_a_folder_that_cannot_be_opened_says_why(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    kind: type[DetenteError],
    word: Refusal,
) -> None:
    """The right to write, the disk and the path are told apart."""
    folder.mkdir(parents=True)
    monkeypatch.setattr(os, "open", fails(number))
    assert (
        refusal(lambda: MarkFolder.open(folder, create=True, home=tmp_path / "home"), kind) == word
    )


def test_a_file_system_without_locks_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no lock can be had, nobody runs on trust."""
    folder.mkdir(parents=True)
    monkeypatch.setattr("fcntl.flock", fails(errno.ENOLCK))
    assert refusal(lambda: reopened(folder), MachineError) == Refusal.DISK


def test_only_heads_have_marks(marks: MarkFolder) -> None:
    """A mark or line id of the wrong shape is a caller's error."""
    for wrong in (
        lambda: Mark(-1, b"", 0, root(0)),
        lambda: Mark(1 << 16, b"", 0, root(0)),
        lambda: Mark(0, b"short", 0, root(0)),
        lambda: Mark(0, b"", -1, root(0)),
        lambda: Mark(0, b"", 1 << 63, root(0)),
        lambda: Mark(0, b"", 0, b""),
        lambda: marks.read(b"short"),
        lambda: marks.advance(b"", None, mark(1)),
    ):
        assert refusal(wrong, LocalError) == Refusal.USAGE


@pytest.mark.parametrize(
    ("stored", "own", "verdict"),
    [
        (None, None, Verdict.NORMAL),
        (None, OwnHead(0, b"", 3), Verdict.NO_MARK),
        (None, OwnHead(1, LIFE, 1), Verdict.NO_MARK),
        (mark(0), None, Verdict.NORMAL),
        (Mark(1, LIFE, 0, root(0)), None, Verdict.BEHIND),
        (mark(3), None, Verdict.BEHIND),
        (mark(3), OwnHead(0, b"", 2), Verdict.BEHIND),
        (mark(3), OwnHead(0, b"", 3), Verdict.NORMAL),
        (mark(3), OwnHead(0, b"", 4), Verdict.NORMAL),
        (mark(0), OwnHead(0, b"", 1), Verdict.NORMAL),
        (Mark(0, b"", 3, root(8)), OwnHead(0, b"", 3), Verdict.OTHER_ROOT),
        (Mark(0, b"", 3, root(8)), OwnHead(0, b"", 9), Verdict.OTHER_ROOT),
        (mark(3), OwnHead(1, LIFE, 3), Verdict.OTHER_INCARNATION),
        (Mark(1, LIFE, 3, root(3)), OwnHead(0, b"", 118), Verdict.OTHER_INCARNATION),
        (Mark(1, LIFE, 3, root(3)), OwnHead(1, b"another!", 3), Verdict.OTHER_INCARNATION),
    ],
)
def test_the_verdict_over_every_pair(
    stored: Mark | None, own: OwnHead | None, verdict: Verdict
) -> None:
    """Behind its mark or without one a store was restored; ahead of it on one root it was not."""

    def root_at(size: int) -> bytes:
        assert own is not None
        assert 1 <= size <= own.size
        return root(size)

    assert judge(stored, own, root_at) is verdict
    assert verdict.restored is (verdict is not Verdict.NORMAL)
    assert verdict.reason == verdict.value


def test_a_restored_copy_of_a_home_is_found(folder: Path, tmp_path: Path) -> None:
    """A home copied at entry 2 and started again after entry 4 is behind the mark it shares."""
    home, copy = tmp_path / "home", tmp_path / "copy"
    home.mkdir()
    marks = MarkFolder.open(folder, create=True, home=home)
    old = None
    for size in range(1, 5):
        (home / "log").write_text(str(size))
        if size == 2:
            shutil.copytree(home, copy)
        marks.advance(LINE, old, mark(size))
        old = mark(size)
    marks.close()
    verdicts = []
    for place in (home, copy):
        again = MarkFolder.open(folder, create=True, home=place)
        own = OwnHead(0, b"", int((place / "log").read_text()))
        verdicts.append(judge(again.read(LINE), own, root))
        again.close()
    assert verdicts == [Verdict.NORMAL, Verdict.BEHIND]


def test_the_default_folder_is_the_partys(tmp_path: Path) -> None:
    """Every copy of a home finds one folder, named by the party, in the user's state folder."""
    party = bytes(range(32))
    tail = Path("detente", "0001020304050607", "marks")
    home = tmp_path / "home"
    state = str(tmp_path / "state")
    assert default_folder(home, party, {"XDG_STATE_HOME": state}) == tmp_path / "state" / tail
    fallback = Path("/user/.local/state") / tail
    for env in ({"HOME": "/user"}, {"HOME": "/user", "XDG_STATE_HOME": "relative"}):
        assert default_folder(home, party, env) == fallback
        assert default_folder(tmp_path / "copy", party, env) == fallback


@pytest.mark.parametrize("env", [{}, {"HOME": "relative"}, {"XDG_STATE_HOME": "/home/of/node"}])
def test_no_default_folder_is_said(env: dict[str, str]) -> None:
    """Without a state folder, or with one inside the home, the operator must name a place."""
    assert (
        refusal(lambda: default_folder(Path("/home/of/node"), bytes(32), env), LocalError)
        == Refusal.USAGE
    )
