"""Files that are their owner's alone: written whole, read only if nobody else could have."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from detente.core.encoding import utf8
from detente.core.errors import LocalError, MachineError, PeerError, Refusal
from detente.store.mark import sync_folder

PRIVATE_BYTES_MAX = 65_536  # 16 pairs of seeds are under 4,000


def write_private(path: Path, data: bytes) -> None:
    """Puts ``data`` at ``path`` for the owner alone (0600): all of it, durably, or not at all.

    LocalError NOT_FOUND without the folder, NOT_ALLOWED without the right to write there;
    MachineError DISK if the disk refuses.
    """
    try:
        fd, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # 0600 from birth
        try:
            with open(fd, "wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            os.replace(draft, path)
        except OSError:
            with suppress(OSError):
                os.unlink(draft)
            raise
        sync_folder(path.parent)
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise LocalError(Refusal.NOT_FOUND, f"no folder {path.parent}") from exc
    except PermissionError as exc:
        raise LocalError(Refusal.NOT_ALLOWED, f"may not write in {path.parent}") from exc
    except OSError as exc:
        raise MachineError(Refusal.DISK, f"{path}: {exc.strerror}") from exc


def read_private(path: Path) -> bytes:
    """The bytes of a file that is ours alone, at most 65,536.

    LocalError NOT_FOUND, OVERSIZE, or NOT_ALLOWED if group or others may touch it, or it is
    no plain file; MachineError DISK if the disk refuses.
    """
    data, mode, _ = _read(path)
    if mode & 0o077:
        raise _exposed(path)
    return data


def read_passphrases(spec: Path) -> tuple[str, ...]:
    """The passphrases in a private file, one a line, in the officers' order.

    For a node that starts with nobody there. Under systemd, ``LoadCredentialEncrypted=`` brings
    such a file to ``%d/<name>``, sealed to the machine until then. For a service with ``User=``
    that file is root's and the service reads it through an access list, which shows as a group
    bit; so a file of root's with mode 0440 passes here, where ``read_private`` would refuse it.
    Whoever can start the machine can then start the node: an officer's presence is safer.

    Errors as ``read_private``, and LocalError MALFORMED for an empty line or what is not text.
    """
    data, mode, owner = _read(spec)
    brought = 0o040 if owner == 0 and os.geteuid() != 0 else 0
    if mode & 0o077 & ~brought:
        raise _exposed(spec)
    try:
        lines = utf8(data).removesuffix("\n").split("\n")
    except PeerError as exc:
        raise LocalError(exc.refusal, f"{spec}: {exc.detail}", by_hand="passphrases") from exc
    if not all(lines):
        raise LocalError(Refusal.MALFORMED, f"{spec}: an empty line", by_hand="passphrases")
    return tuple(lines)


def _exposed(path: Path) -> LocalError:
    return LocalError(
        Refusal.NOT_ALLOWED, f"{path} is open to others than its owner; run: chmod 600 {path}"
    )


def _read(path: Path) -> tuple[bytes, int, int]:
    # Not blocking, so that a pipe in the file's place cannot hold up a start.
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise LocalError(Refusal.NOT_ALLOWED, f"{path} is not a plain file")
            with open(fd, "rb", closefd=False) as source:
                data = source.read(PRIVATE_BYTES_MAX + 1)
        finally:
            os.close(fd)
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise LocalError(Refusal.NOT_FOUND, f"no file {path}") from exc
    except PermissionError as exc:
        raise LocalError(Refusal.NOT_ALLOWED, f"may not read {path}") from exc
    except OSError as exc:
        raise MachineError(Refusal.DISK, f"{path}: {exc.strerror}") from exc
    if len(data) > PRIVATE_BYTES_MAX:
        raise LocalError(Refusal.OVERSIZE, f"{path} is over {PRIVATE_BYTES_MAX} bytes")
    return data, stat.S_IMODE(found.st_mode), found.st_uid
