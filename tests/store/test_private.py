"""Private files: the owner's alone, and whole."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from detente.core.errors import DetenteError, LocalError, MachineError, Refusal
from detente.store.private import PRIVATE_BYTES_MAX, read_passphrases, read_private, write_private
from detente.store.sealed import Cost, open_sealed, seal

CHEAP = Cost(memory_kib=64, iterations=1, lanes=4)
PARTY = bytes(range(32))
ONE = "correct horse battery"
TWO = "staple in the harbour"
SECRETS = {"log": b"\x01" * 32, "holds": b"", "tls": bytes(range(200))}


def refusal(call: Callable[[], object], kind: type[DetenteError]) -> Refusal:
    with pytest.raises(kind) as caught:
        call()
    return caught.value.refusal


def fails(number: int) -> Callable[..., None]:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


def test_a_private_file_is_the_owners_and_whole(tmp_path: Path) -> None:
    """Written with 0600 whatever the umask, replaced in one step, nothing left behind."""
    path = tmp_path / "node.keys"
    before = os.umask(0)
    try:
        write_private(path, b"first")
        write_private(path, b"second")
    finally:
        os.umask(before)
    assert read_private(path) == b"second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["node.keys"]


def test_a_write_syncs_file_then_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes are on the disk before the name is, and the name before the call returns."""
    steps: list[str] = []
    sync, replace = os.fsync, os.replace

    def noted_sync(fd: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file")
        sync(fd)

    def noted_replace(source: str, target: Path) -> None:
        steps.append("name")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(os, "replace", noted_replace)
    write_private(tmp_path / "root.keys", b"data")
    assert steps == ["file", "name", "folder"]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk refuses, the old keys stand and no draft lies about."""
    path = tmp_path / "node.keys"
    write_private(path, b"old")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails(errno.ENOSPC))
        refused = refusal(lambda: write_private(path, b"new"), MachineError)
    assert refused == Refusal.DISK
    assert read_private(path) == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_write_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder and no right to write are told apart."""
    assert (
        refusal(lambda: write_private(tmp_path / "absent" / "file", b""), LocalError)
        == Refusal.NOT_FOUND
    )
    monkeypatch.setattr(os, "replace", fails(errno.EACCES))
    assert refusal(lambda: write_private(tmp_path / "file", b""), LocalError) == Refusal.NOT_ALLOWED


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o666])
def test_a_file_open_to_others_is_refused_with_the_fix(tmp_path: Path, mode: int) -> None:
    """Any bit for group or others is refused, and the message says what to run."""
    path = tmp_path / "node.keys"
    path.write_bytes(b"data")
    path.chmod(mode)
    with pytest.raises(LocalError) as caught:
        read_private(path)
    assert caught.value.refusal == Refusal.NOT_ALLOWED
    assert f"chmod 600 {path}" in caught.value.detail
    path.chmod(0o400)
    assert read_private(path) == b"data"


def test_reading_says_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Absent, too long, no plain file, no right to read and a broken disk are told apart."""
    path = tmp_path / "file"
    assert refusal(lambda: read_private(path), LocalError) == Refusal.NOT_FOUND
    write_private(path, bytes(PRIVATE_BYTES_MAX))
    assert len(read_private(path)) == PRIVATE_BYTES_MAX
    assert refusal(lambda: read_private(path / "below"), LocalError) == Refusal.NOT_FOUND
    write_private(path, bytes(PRIVATE_BYTES_MAX + 1))
    assert refusal(lambda: read_private(path), LocalError) == Refusal.OVERSIZE
    assert refusal(lambda: read_private(tmp_path), LocalError) == Refusal.NOT_ALLOWED
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    assert refusal(lambda: read_private(pipe), LocalError) == Refusal.NOT_ALLOWED
    for number, kind, word in (
        (errno.EACCES, LocalError, Refusal.NOT_ALLOWED),
        (errno.EIO, MachineError, Refusal.DISK),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", fails(number))
            assert refusal(lambda: read_private(path), kind) == word


@pytest.mark.parametrize("end", ["", "\n"])
def test_passphrases_are_read_a_line_each(tmp_path: Path, end: str) -> None:
    """Lines come in order, with inner and outer spaces kept, with or without a last newline."""
    path = tmp_path / "officers"
    write_private(path, f"{ONE}\n {TWO} {end}".encode())
    assert read_passphrases(path) == (ONE, f" {TWO} ")
    data = seal("node", PARTY, SECRETS, read_passphrases(path), cost=CHEAP)
    assert open_sealed(data, read_passphrases(path), "node") == SECRETS


@pytest.mark.parametrize("data", [b"", b"\n", b"one\n\ntwo\n", b"one\n\n", b"\xff\n"])
def test_a_file_of_other_lines_is_refused(tmp_path: Path, data: bytes) -> None:
    """An empty line or what is not text is no passphrase."""
    path = tmp_path / "officers"
    write_private(path, data)
    assert refusal(lambda: read_passphrases(path), LocalError) == Refusal.MALFORMED


@pytest.mark.parametrize(
    ("mode", "owner", "reader", "passes"),
    [
        (0o600, 1000, 1000, True),
        (0o400, 0, 0, True),
        (0o440, 0, 1000, True),
        (0o640, 0, 1000, True),
        (0o440, 1000, 1000, False),
        (0o440, 0, 0, False),
        (0o460, 0, 1000, False),
        (0o450, 0, 1000, False),
        (0o444, 0, 1000, False),
        (0o442, 0, 1000, False),
    ],
)
def test_passphrases_must_be_private(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: int,
    owner: int,
    reader: int,
    passes: bool,
) -> None:
    """Only a service manager's file, which is root's, may show a readable group bit."""
    path = tmp_path / "officers"
    path.write_text(f"{ONE}\n")
    real = os.fstat

    def seen(fd: int) -> os.stat_result:
        found = list(real(fd))
        found[stat.ST_MODE] = stat.S_IFREG | mode
        found[stat.ST_UID] = owner
        return os.stat_result(found)

    monkeypatch.setattr(os, "fstat", seen)
    monkeypatch.setattr(os, "geteuid", lambda: reader)
    if passes:
        assert read_passphrases(path) == (ONE,)
    else:
        assert refusal(lambda: read_passphrases(path), LocalError) == Refusal.NOT_ALLOWED
