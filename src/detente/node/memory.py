"""The allocator, told to keep what it is given back: compressing one dispatch takes a megabyte of
work memory, and fetching that from the kernel anew cost more than the compression (bench/). And the
collector, told to leave alone what stays as long as the process: classes, functions, the node."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

M_TRIM_THRESHOLD = -1  # mallopt(3): free memory at the top is kept up to this many bytes
M_MMAP_THRESHOLD = -3  # and blocks up to this size come from the heap
TRIM_BYTES = 64 * 1024 * 1024
MMAP_BYTES = 32 * 1024 * 1024


def keep_freed_memory() -> bool:
    """Sets both thresholds; False where the C library is not glibc, and nothing is lost then."""
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        return bool(mallopt(M_MMAP_THRESHOLD, MMAP_BYTES) and mallopt(M_TRIM_THRESHOLD, TRIM_BYTES))
    return False


def spare_what_stays() -> None:
    """What there is by now is not looked through at each full collection, which took 30 ms."""
    gc.freeze()
