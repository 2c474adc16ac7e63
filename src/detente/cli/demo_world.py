"""The world of the demo: two homes, two node processes, and a cable between them that can be cut.

The cable is a forwarder in this process: each node is told to call the other at its end. What is
cut is the TCP connection itself, so that each node finds out as it would in earnest.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from detente.cli import asking
from detente.core.errors import LocalError, MachineError, Refusal

HOST = "127.0.0.1"
READY_S_MAX = 30
STOP_S_MAX = 15
POLL_S = 0.05
CHUNK_BYTES = 65_536


class Cable:
    """Carries TCP from each near end to its far end, until it is cut."""

    def __init__(self) -> None:
        self._whole = True
        self._lock = threading.Lock()
        self._ends: list[socket.socket] = []
        self._doors: list[socket.socket] = []

    def lay(self, port: int) -> int:
        """Another way through the cable, to this local port; returns the port of its near end."""
        door = socket.create_server((HOST, 0))
        self._doors.append(door)
        threading.Thread(target=self._accept, args=(door, port), daemon=True).start()
        near: int = door.getsockname()[1]
        return near

    def cut(self) -> int:
        """Breaks every connection, and lets none through from now on; returns how many it broke."""
        with self._lock:
            self._whole = False
            ends, self._ends = self._ends, []
        for end in ends:
            _close(end)
        return len(ends) // 2

    def mend(self) -> None:
        """Lets connections through again."""
        with self._lock:
            self._whole = True

    def close(self) -> None:
        """Takes the cable away."""
        self.cut()
        for door in self._doors:
            _close(door)

    def _accept(self, door: socket.socket, port: int) -> None:
        while True:
            try:
                near, _address = door.accept()
            except OSError:
                return  # taken away
            far = self._through(port)
            if far is None or not self._keep(near, far):
                _close(near)
                continue
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=(one, other), daemon=True).start()

    def _through(self, port: int) -> socket.socket | None:
        if not self._whole:
            return None
        try:
            return socket.create_connection((HOST, port), timeout=5)
        except OSError:
            return None

    def _keep(self, near: socket.socket, far: socket.socket) -> bool:
        with self._lock:
            if not self._whole:
                _close(far)
                return False
            self._ends += [near, far]
            return True


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        source.settimeout(None)
        while data := source.recv(CHUNK_BYTES):
            sink.sendall(data)
    _close(source)
    _close(sink)


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.create_server((HOST, 0)) as door:
        port: int = door.getsockname()[1]
    return port


class Process:
    """A program of ours as a process of its own, which says on one row when it is ready."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def runs(self) -> bool:
        """Whether it was launched, and neither stopped nor killed."""
        return self._process is not None

    def launch(self, *arguments: str) -> None:
        """Starts `detente --json` with these arguments."""
        source = str(Path(__file__).resolve().parents[2])
        paths = [source, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                [sys.executable, "-m", "detente", "--json", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
                start_new_session=True,  # Ctrl-C is for the demo, which then stops its processes
            )

    def wait_ready(self, what: str) -> None:
        """Returns when it says that it is ready. MachineError if it does not."""
        out = None if self._process is None else self._process.stdout
        readable = [] if out is None else select.select([out], [], [], READY_S_MAX)[0]
        row = readable[0].readline() if readable else b""
        if not row or not json.loads(row).get("ready"):
            told = self._log.read_text(encoding="utf-8").splitlines()
            detail = f"{what} did not start: {' '.join(told[-1:])}"
            raise MachineError(Refusal.UNREACHABLE, detail)

    def kill(self) -> None:
        """Ends it as a power cut would: SIGKILL, at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._forget()

    def stop(self) -> None:
        """Ends it gracefully; by force after STOP_S_MAX."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            return
        self._forget()

    def _forget(self) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None


@dataclass
class Side:
    """One party of the demo: its home, and its node while one runs."""

    name: str
    folder: Path
    port: int
    party: str = ""
    digits: str = ""
    process: Process = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.process = Process(self.folder / f"{self.name}.log")

    @property
    def home(self) -> Path:
        """Its home folder."""
        return self.folder / self.name

    @property
    def card(self) -> Path:
        """The copy of its card that the other side was given."""
        return self.folder / f"{self.name}.card"

    @property
    def passphrases(self) -> Path:
        """The file with its officers' passphrases."""
        return self.folder / f"{self.name}.passphrase"

    def make(self, passphrase: str) -> None:
        """Makes the party at the full price of a passphrase."""
        from detente.node.home import create_home
        from detente.store.private import write_private

        write_private(self.passphrases, passphrase.encode() + b"\n")
        signed = create_home(
            self.home,
            self.name.capitalize(),
            [passphrase],
            listen=[f"{HOST}:{self.port}"],
            bearers=[f"tls {HOST}:{self.port}"],
            mark=self.folder / "marks" / self.name,
            root_path=self.folder / f"{self.name}.root",
            now_s=int(time.time()),
        )
        self.card.write_bytes(signed.data)
        self.party, self.digits = signed.card.party.hex(), signed.card.digits

    def call_through(self, other: Side, port: int | None) -> None:
        """Calls the other side at this port from the next start on; None: as its card says."""
        import msgspec

        from detente.node.config import load_config, write_config

        dial = {} if port is None else {other.party: f"{HOST}:{port}"}
        config = msgspec.structs.replace(load_config(self.home), dial=dial)
        write_config(self.home, config)

    def launch(self) -> None:
        """Starts its node as a process of its own."""
        keys = ("--home", str(self.home), "--passphrase-file", str(self.passphrases))
        self.process.launch(*keys, "node", "run")

    def wait_ready(self) -> None:
        """Returns when its node says it is ready. MachineError if it does not."""
        self.process.wait_ready(f"the node of {self.name}")

    def ask(self, do: str, **arguments: Any) -> Any:
        """Has its node run one command."""
        return asking.call(self.home, {"do": do, **arguments}, 30)

    def kill(self) -> None:
        """Ends its node as a power cut would."""
        self.process.kill()

    def stop(self) -> None:
        """Ends its node gracefully."""
        self.process.stop()


class Patience:
    """Waits for things to become true, up to one common deadline."""

    def __init__(self, seconds_max: float) -> None:
        self.started_s = time.monotonic()
        self._until_s = self.started_s + seconds_max

    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started_s

    def until(self, what: str, holds: Callable[[], object]) -> None:
        """Returns once ``holds()`` is true. MachineError UNREACHABLE at the deadline."""
        while not _true(holds):
            if time.monotonic() > self._until_s:
                raise MachineError(Refusal.UNREACHABLE, f"the demo gave up waiting: {what}")
            time.sleep(POLL_S)


def _true(holds: Callable[[], object]) -> bool:
    try:
        return bool(holds())
    except LocalError as exc:
        if exc.refusal in {Refusal.NOT_FOUND, Refusal.UNREACHABLE}:
            return False  # not there yet
        raise
