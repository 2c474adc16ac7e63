"""The high-water mark: what this node may already have signed, kept outside its home.

A home that comes back from a backup, a snapshot or a copy carries an older log. If it went on
appending, an honest party would sign two different entries at one index. So the size and root of
every own head are written here after the store has committed them and before any signature over
them leaves the process (design, Incarnations; protocol review F5), in a place no copy of the home
takes along. What cannot be told apart: a rollback whose mark was rolled back too.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from detente.core.errors import LocalError, MachineError, Refusal

LINE_BYTES = 32
ROOT_BYTES = 32
LIFE_BYTES = 8
# One slot a page apart from the other: a write torn inside a 4,096-byte sector hurts one only.
SLOT_STRIDE_BYTES = 4096
FILE_BYTES = 2 * SLOT_STRIDE_BYTES
_FIELDS = struct.Struct(">8sQ32sHB8sQ32s")  # magic, sequence, line, incarnation, life, size, root
_MAGIC = b"detmark1"
_RECORD_BYTES = _FIELDS.size + hashlib.sha256().digest_size
_LOCK_NAME = "lock"


@dataclass(frozen=True, slots=True)
class Mark:
    """The largest own head that may have been signed: LocalError USAGE if no head looks so.

    ``life`` is the random part of the incarnation's origin: empty for incarnation 0, else
    8 bytes. ``size`` counts entries; a mark of size 0 says that nothing was signed yet.
    """

    incarnation: int
    life: bytes
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not (
            0 <= self.incarnation < 1 << 16
            and 0 <= self.size < 1 << 63
            and len(self.life) in (0, LIFE_BYTES)
            and len(self.root) == ROOT_BYTES
        ):
            raise LocalError(Refusal.USAGE, "no head has such a mark")


@dataclass(frozen=True, slots=True)
class OwnHead:
    """The head of our own newest log as the store has it; its roots are asked for by size."""

    incarnation: int
    life: bytes
    size: int


class Verdict(Enum):
    """What the mark says of the store. Every value but NORMAL means: restored, so mute."""

    NORMAL = "normal"
    NO_MARK = "no mark"
    BEHIND = "store behind mark"
    OTHER_ROOT = "other root"
    OTHER_INCARNATION = "other incarnation"

    @property
    def restored(self) -> bool:
        """Whether this node must sign nothing until its officers adopt it."""
        return self is not Verdict.NORMAL

    @property
    def reason(self) -> str:
        """The words for logs and screens."""
        return self.value


class Marks(Protocol):
    """Where the marks of one node's lines are kept: read, and replaced by compare-and-swap."""

    def read(self, line: bytes) -> Mark | None:
        """The mark of a line, or None if it never had one. MachineError DISK if it is damaged."""
        ...

    def advance(self, line: bytes, old: Mark | None, new: Mark) -> None:
        """Replaces ``old`` by ``new``; on return it is on the disk. MachineError DISK otherwise."""
        ...


def judge(mark: Mark | None, own: OwnHead | None, root_at: Callable[[int], bytes]) -> Verdict:
    """Whether the store is the one that signed last, or one that was restored or copied.

    ``root_at(size)`` gives the root of our own log's first ``size`` entries and is asked only for
    1 <= size <= ``own.size``. A store ahead of its mark is normal: a stop between commit and mark.
    Neither log nor mark is a new line, and so is an incarnation 0 whose mark is of size 0.
    """
    if mark is None:
        return Verdict.NORMAL if own is None else Verdict.NO_MARK
    if own is None:
        fresh = mark.size == 0 and mark.incarnation == 0
        return Verdict.NORMAL if fresh else Verdict.BEHIND
    if (own.incarnation, own.life) != (mark.incarnation, mark.life):
        return Verdict.OTHER_INCARNATION
    if own.size < mark.size:
        return Verdict.BEHIND
    if mark.size and root_at(mark.size) != mark.root:
        return Verdict.OTHER_ROOT
    return Verdict.NORMAL


def default_folder(home: Path, party: bytes, env: Mapping[str, str]) -> Path:
    """Where marks lie unless told otherwise: the user's state folder (XDG Base Directory 0.8).

    Every copy of a home finds the same folder, since its name comes from the party alone.
    LocalError USAGE where the environment names no state folder, or one inside ``home``.
    """
    state = Path(env.get("XDG_STATE_HOME", ""))
    if not state.is_absolute():  # the specification has relative values ignored
        user_home = Path(env.get("HOME", ""))
        if not user_home.is_absolute():
            raise LocalError(Refusal.USAGE, "set HOME or XDG_STATE_HOME, or name a mark folder")
        state = user_home / ".local" / "state"
    folder = state / "detente" / party.hex()[:16] / "marks"
    _refuse_inside(folder, home)
    return folder


def sync_folder(folder: Path) -> None:
    """Makes names created or renamed in ``folder`` durable. OSError if the disk refuses."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class MarkFolder:
    """One small file per line, under a lock that lasts as long as the process uses the folder.

    A file has two slots, written in turn, each with a sequence number and a SHA-256: a write cut
    short leaves the other slot, and the newest intact one counts. After any error of the disk the
    object refuses everything: what an fsync that failed has kept is unknown, and asking again
    would be told a comfortable lie. For one thread.
    """

    def __init__(self, folder: Path, lock_fd: int) -> None:
        self._folder = folder
        self._lock_fd = lock_fd
        self._fds: dict[bytes, int] = {}
        self._refused: str | None = None

    @classmethod
    def open(cls, path: Path, create: bool, *, home: Path) -> MarkFolder:
        """Takes the folder at ``path`` for this process; ``create`` makes it if it is absent.

        LocalError IN_USE if another process has it (two copies of a home must not both run),
        NOT_FOUND if it is absent, NOT_ALLOWED if it may not be used, USAGE if it lies inside
        ``home``. MachineError DISK if the disk refuses.
        """
        _refuse_inside(path, home)
        try:
            if create:
                _make_folders(path)
            lock_fd = os.open(path / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except (FileNotFoundError, NotADirectoryError) as exc:
            raise LocalError(Refusal.NOT_FOUND, f"no mark folder at {path}") from exc
        except PermissionError as exc:
            raise LocalError(Refusal.NOT_ALLOWED, f"may not use the marks at {path}") from exc
        except OSError as exc:
            raise MachineError(Refusal.DISK, f"marks at {path}: {exc.strerror}") from exc
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            os.close(lock_fd)
            raise LocalError(Refusal.IN_USE, f"another process holds the marks at {path}") from exc
        except OSError as exc:
            os.close(lock_fd)
            raise MachineError(Refusal.DISK, f"no lock on {path}: {exc.strerror}") from exc
        return cls(path, lock_fd)

    def read(self, line: bytes) -> Mark | None:
        """The mark of ``line``, or None if it never had one.

        MachineError DISK if a mark is there and neither slot is intact: nobody may take a
        damaged mark for a line that never signed.
        """
        with self._disk():
            newest = self._newest(line)
        return None if newest is None else newest[1]

    def advance(self, line: bytes, old: Mark | None, new: Mark) -> None:
        """Replaces the mark ``old`` by ``new``; on return ``new`` is on the disk.

        Costs one fdatasync, and two fsyncs for a line's first mark. MachineError DISK if the
        stored mark is not ``old`` or the disk refuses; LocalError NOT_ALLOWED if ``new`` would
        lower the mark or give the same head another root.
        """
        with self._disk():
            newest = self._newest(line)
            stored = None if newest is None else newest[1]
            if stored != old:
                raise MachineError(Refusal.DISK, "the stored mark is not the one last written")
            if newest is None:
                self._create(line, new)
                return
            sequence, last = newest
            if not may_follow(last, new):
                raise LocalError(Refusal.NOT_ALLOWED, "a mark never goes back")
            if new != last:
                fd = self._fds[line]
                _write_at(fd, _record(sequence + 1, line, new), _offset(sequence + 1))
                os.fdatasync(fd)

    def close(self) -> None:
        """Gives the folder free for another process. Harmless when repeated."""
        self._refused = "the mark folder is closed"
        for fd in self._fds.values():
            os.close(fd)
        self._fds.clear()
        if self._lock_fd >= 0:
            os.close(self._lock_fd)  # the kernel drops the lock with its last descriptor
            self._lock_fd = -1

    @contextmanager
    def _disk(self) -> Iterator[None]:
        if self._refused is not None:
            raise MachineError(Refusal.DISK, self._refused)
        try:
            yield
        except OSError as exc:
            self._refused = f"marks at {self._folder}: {exc.strerror}"
            raise MachineError(Refusal.DISK, self._refused) from exc

    def _path(self, line: bytes) -> Path:
        return self._folder / f"{line.hex()}.mark"

    def _newest(self, line: bytes) -> tuple[int, Mark] | None:
        # Read from the file each time, so that a second writer past the lock is noticed.
        if len(line) != LINE_BYTES:
            raise LocalError(Refusal.USAGE, f"a line's id has {LINE_BYTES} bytes")
        fd = self._fds.get(line)
        if fd is None:
            try:
                fd = os.open(self._path(line), os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                return None
            self._fds[line] = fd
        slots = [_slot(os.pread(fd, _RECORD_BYTES, _offset(parity)), line) for parity in (0, 1)]
        intact = [slot for slot in slots if slot is not None]
        if not intact:
            raise MachineError(
                Refusal.DISK,
                f"both slots of {self._path(line)} are damaged; move the file away and adopt",
            )
        return max(intact, key=lambda slot: slot[0])

    def _create(self, line: bytes, mark: Mark) -> None:
        # Renamed into place when whole: a stop half-way leaves no mark rather than a damaged one.
        path = self._path(line)
        draft = path.with_suffix(".new")
        fd = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._fds[line] = fd
        _write_at(fd, _record(0, line, mark).ljust(FILE_BYTES, b"\0"), _offset(0))
        os.fsync(fd)
        draft.rename(path)
        sync_folder(self._folder)


def _refuse_inside(folder: Path, home: Path) -> None:
    if folder.resolve().is_relative_to(home.resolve()):
        raise LocalError(
            Refusal.USAGE, f"the marks at {folder} must lie outside {home}: copies take them along"
        )


def _make_folders(path: Path) -> None:
    missing: list[Path] = []
    folder = path
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)


def may_follow(last: Mark, new: Mark) -> bool:
    """Whether a mark may replace another: never lower, and never another root of one head."""
    if new.incarnation != last.incarnation:
        return new.incarnation > last.incarnation
    if new.life != last.life:
        return False
    return new.size > last.size or new == last


def _offset(sequence: int) -> int:
    return sequence % 2 * SLOT_STRIDE_BYTES


def _record(sequence: int, line: bytes, mark: Mark) -> bytes:
    fields = _FIELDS.pack(
        _MAGIC, sequence, line, mark.incarnation, len(mark.life), mark.life, mark.size, mark.root
    )
    return fields + hashlib.sha256(fields).digest()


def _slot(record: bytes, line: bytes) -> tuple[int, Mark] | None:
    # The line is inside, so that a file under another line's name is damaged, not believed.
    fields, checksum = record[: _FIELDS.size], record[_FIELDS.size :]
    if len(record) != _RECORD_BYTES or hashlib.sha256(fields).digest() != checksum:
        return None
    magic, sequence, named, incarnation, life_bytes, life, size, root = _FIELDS.unpack(fields)
    if magic != _MAGIC or named != line:
        return None
    return sequence, Mark(incarnation, life[:life_bytes], size, root)


def _write_at(fd: int, data: bytes, offset: int) -> None:
    if os.pwrite(fd, data, offset) != len(data):
        raise OSError(None, "a write was cut short")
