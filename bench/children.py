"""Other processes of the bench: the same interpreter, and what this one can import."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO


def child(module: str, *arguments: str, out: IO[bytes] | int) -> subprocess.Popen[bytes]:
    """Starts ``python -m module arguments``; what it prints goes to ``out``."""
    paths = os.pathsep.join([str(Path.cwd()), *filter(None, sys.path)])
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=out if out is not subprocess.PIPE else None,
        env=os.environ | {"PYTHONPATH": paths},
    )
