"""What tests share that start real nodes: their passphrase, a free port, and patience."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from detente.core.errors import LocalError
from detente.store.sealed import Cost

PASSPHRASE = "correct horse battery staple"
CHEAP = Cost(memory_kib=64, iterations=1, lanes=1)
PATIENCE_S = 40.0  # two cores that other tests use too
SOURCE = Path(__file__).resolve().parents[1] / "src"
NODE = (
    "import sys; from pathlib import Path; from detente.node.runner import run;"
    f"run(Path(sys.argv[1]), [{PASSPHRASE!r}])"
)


def free_port() -> int:
    """A port of the loopback that was free a moment ago."""
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def until(holds: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """What ``holds`` gives once it is true. Fails after the patience, saying what did not come."""
    deadline, why = time.monotonic() + patience_s, ""
    while True:
        try:
            found = holds()
        except (LocalError, OSError) as error:
            found, why = None, f" ({error})"
        if found:
            return found
        assert time.monotonic() < deadline, f"waited in vain for {what}{why}"
        time.sleep(0.05)
