"""Where the figures were found: without this no two runs can be compared."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from bench.plan import Figures


def describe(folder: Path) -> Figures:
    """The machine, its kernel and Python, the file system of ``folder``, and how busy it was."""
    return {
        "cpus": os.cpu_count() or 0,
        "cpu": _cpu(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "file_system": _file_system(folder),
        "load_1m_before": round(os.getloadavg()[0], 2),
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _file_system(folder: Path) -> str:
    """The type of the mount that holds a folder."""
    best, kind = "", "unknown"
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, point, found, *_ = line.split()
        if folder.resolve().is_relative_to(point) and len(point) >= len(best):
            best, kind = point, found
    return kind
