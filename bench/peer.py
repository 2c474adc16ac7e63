"""The other party's node, as a process of its own: ``python -m bench.peer HOME``."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.ground import PASSPHRASE

from detente.node.runner import run

if __name__ == "__main__":
    run(Path(sys.argv[1]), [PASSPHRASE])
