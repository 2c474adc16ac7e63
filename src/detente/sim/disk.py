"""A disk in memory under SQLite: it tears, fills up, fails and lies as its faults say.

``sqlite3_vfs`` is the seam (store.database.Database.open_writer): everything above it is
production code, the write-ahead log included. Only the names of folders are real.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import apsw

from detente.sim.dice import Dice
from detente.sim.fuse import Fuse
from detente.store.database import FILE_NAME

VFS = "detente-sim"
SECTOR_BYTES = 512

Image = dict[str, bytes]


class File:
    """What a process reads back, and what of it would survive the power."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = bytearray(data)
        self.pending: list[tuple[int, bytes]] = []  # writes since the last sync; -1: cut to length
        self.left = 0  # how many of them a process left that has died
        # For each: the length, where, what stood.
        self._before: list[tuple[int, int, bytearray]] = []

    def write(self, offset: int, data: bytes) -> None:
        """As pwrite: a hole before it reads as zeros."""
        into, end = self.data, offset + len(data)
        self._before.append((len(into), offset, into[offset:end]))
        if len(into) < offset:
            into.extend(bytes(offset - len(into)))
        into[offset:end] = data
        self.pending.append((offset, data))

    def cut(self, size: int) -> None:
        """As ftruncate to a smaller size."""
        self._before.append((len(self.data), size, self.data[size:]))
        del self.data[size:]
        self.pending.append((-1, size.to_bytes(8, "big")))

    def sync(self) -> None:
        """What was written is durable."""
        self.pending.clear()
        self.left = 0
        self._before.clear()

    @property
    def durable(self) -> bytearray:
        """What would be there had nothing been written since the last sync."""
        out = bytearray(self.data)
        for size, offset, stood in reversed(self._before):
            out[offset : offset + len(stood)] = stood
            del out[size:]
        return out

    def lose_power(self, dice: Dice) -> None:
        """Of what was not synced some writes are kept, in order or not, the last one torn."""
        durable = self.durable
        in_order = dice.happens(0.7)
        kept = dice.between(0, len(self.pending))
        for number, (offset, data) in enumerate(self.pending):
            if number < kept if in_order else dice.happens(0.5):
                _redo(durable, offset, data)
            elif number == kept and offset >= 0 and dice.happens(0.5):
                whole = SECTOR_BYTES * dice.between(0, len(data) // SECTOR_BYTES)
                _redo(durable, offset, data[:whole])
        self.sync()
        self.data = durable


def _write(into: bytearray, offset: int, data: bytes) -> None:
    if len(into) < offset:
        into.extend(bytes(offset - len(into)))
    into[offset : offset + len(data)] = data


def _redo(into: bytearray, offset: int, data: bytes) -> None:
    if offset < 0:
        del into[int.from_bytes(data, "big") :]
    else:
        _write(into, offset, data)


class Disk:
    """The files of one home, and what is wrong with the device beneath them."""

    def __init__(self, slot: str, fuse: Fuse, image: Image | None = None) -> None:
        self.folder = _folder(slot)
        self.fuse = fuse
        self.files = {name: File(data) for name, data in (image or {}).items()}
        self.room_bytes: int | None = None  # what the files may still grow by
        self.fail_sync = False  # the next one fails
        self.lies = False  # says «synced» and is not
        self.has_lied = False
        _mounted[str(self.folder)] = self

    def image(self) -> Image:
        """A consistent copy of what a process would read: a backup between two transactions."""
        return {name: bytes(file.data) for name, file in self.files.items()}

    def replace(self, image: Image) -> None:
        """Another disk's content in this one's place."""
        self.files = {name: File(data) for name, data in image.items()}

    def lose_power(self, dice: Dice) -> None:
        """The machine stops: what was not synced is kept in part."""
        for file in self.files.values():
            file.lose_power(dice)

    def leave(self) -> None:
        """The process is gone, and what it had written and not synced is still to be read."""
        for file in self.files.values():
            file.left = len(file.pending)

    def stored_bytes(self) -> int:
        """How much is stored."""
        return sum(len(file.data) for file in self.files.values())

    # --- what an open file asks ---

    def take_write(self, file: File, offset: int, data: bytes) -> None:
        """One write, unless the power, the device or the room is gone."""
        self.fuse.burn()
        if self.room_bytes is not None:
            grows = max(0, offset + len(data) - len(file.data))
            if grows > self.room_bytes:
                raise apsw.FullError("no space left on device")
            self.room_bytes -= grows
        file.write(offset, data)

    def take_sync(self, file: File) -> None:
        """One sync."""
        self.fuse.burn()
        if self.fail_sync:
            self.fail_sync = False
            raise apsw.IOError("fsync failed")
        if self.lies:
            self.has_lied = True
        else:
            file.sync()


class _Open:
    """An open file, as SQLite drives it. One process has the disk, so locks say yes."""

    __slots__ = ("_disk", "_file")

    def __init__(self, disk: Disk, file: File) -> None:
        self._disk = disk
        self._file = file

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        return bytes(self._file.data[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.take_write(self._file, offset, bytes(data))

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self._disk.fuse.burn()
        self._file.cut(size)

    def xSync(self, flags: int) -> None:  # noqa: ARG002, N802
        self._disk.take_sync(self._file)

    def xFileSize(self) -> int:  # noqa: N802
        return len(self._file.data)

    def xLock(self, level: int) -> None:  # noqa: N802
        pass

    def xUnlock(self, level: int) -> None:  # noqa: N802
        pass

    def xCheckReservedLock(self) -> bool:  # noqa: N802
        return False

    def xFileControl(self, op: int, pointer: int) -> bool:  # noqa: ARG002, N802
        return False

    def xSectorSize(self) -> int:  # noqa: N802
        return 4096

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE  # as SQLite assumes of every disk on Unix

    def xClose(self) -> None:  # noqa: N802
        pass


class _Vfs(apsw.VFS):
    """Names to disks. Randomness is only SQLite's own, for names of journals."""

    def __init__(self) -> None:
        super().__init__(VFS, base="", maxpathname=1024)

    def xOpen(self, name: Any, flags: list[int]) -> Any:  # noqa: ARG002, N802
        path = name.filename() if isinstance(name, apsw.URIFilename) else name or "temporary"
        folder, _, file = path.rpartition("/")
        disk = _mounted[folder]
        return _Open(disk, disk.files.setdefault(file, File()))

    def xAccess(self, pathname: str, flags: int) -> bool:  # noqa: ARG002, N802
        folder, _, file = pathname.rpartition("/")
        return file in _mounted[folder].files

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: ARG002, N802
        folder, _, file = filename.rpartition("/")
        disk = _mounted[folder]
        disk.fuse.burn()
        disk.files.pop(file, None)

    def xFullPathname(self, name: str) -> str:  # noqa: N802
        return name

    def xRandomness(self, numbytes: int) -> bytes:  # noqa: N802
        return bytes(numbytes)


_mounted: dict[str, Disk] = {}


def _exclusive(connection: apsw.Connection) -> None:
    """The write-ahead log needs no shared memory where one connection has the file."""
    if connection.open_vfs == VFS:
        connection.pragma("locking_mode", "EXCLUSIVE")


@lru_cache(maxsize=1)
def _base() -> Path:
    """Registers the disk with SQLite, and makes the folder under which its names stand."""
    base = Path(tempfile.mkdtemp(prefix="detente-sim-"))
    atexit.register(shutil.rmtree, base, ignore_errors=True)
    _keep.append(_Vfs())
    apsw.connection_hooks.append(_exclusive)
    return base


_keep: list[apsw.VFS] = []  # SQLite holds no reference of its own


@lru_cache(maxsize=64)
def _folder(slot: str) -> Path:
    """A folder with an empty file of the store's name: what is in it lies in memory."""
    folder = _base() / slot
    folder.mkdir(mode=0o700)
    (folder / FILE_NAME).touch(mode=0o600)
    return folder
