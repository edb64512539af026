"""How the C library hands out memory: kept between the steps of a training, in large pages.

A step of training frees and asks again for the same few dozen megabytes. By default glibc returns
large blocks to the system at once, and each of their pages must be given anew, zeroed, when it is
next touched: for small networks that took a quarter of a step.
"""

import ctypes
import platform
from pathlib import Path

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -2, -3, -8
"""Names of glibc's settings (malloc.h)."""

_HUGE_PAGES = 14
"""MADV_HUGEPAGE of Linux."""

_ALL, _RESERVE, _LARGE, _BLOCK = 2**31 - 1, 2**29, 2**28, 2**25
"""Bytes: freed ones that are kept; address space taken in advance, of which only what is touched
is used; from where on a block still goes back to the system; a block that makes the heap grow."""


def keep_freed_memory() -> bool:
    """Let this process keep the memory that it frees, in pages of 2 MiB where Linux allows.

    For a process that trains; it lasts as long as the process. What it once needed stays with it.

    Returns:
        Whether it could be had: only with glibc, on Linux.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    library = ctypes.CDLL(None)
    # One arena: blocks that one thread frees serve the others too.
    settings = (
        (_MMAP_THRESHOLD, _LARGE),
        (_TRIM_THRESHOLD, _ALL),
        (_ARENA_MAX, 1),
        (_TOP_PAD, _RESERVE),
    )
    kept = all(library.mallopt(name, value) == 1 for name, value in settings)
    library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    library.free.argtypes = [ctypes.c_void_p]
    library.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    library.free(library.malloc(_BLOCK))  # makes the heap as large as the reserve
    for start, end in _heap():
        library.madvise(start, end - start, _HUGE_PAGES)
    return kept


def _heap() -> list[tuple[int, int]]:
    """Where the heap lies, from address to address."""
    try:
        maps = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return []
    spans = [line.split()[0].split("-") for line in maps if line.endswith("[heap]")]
    return [(int(start, 16), int(end, 16)) for start, end in spans]
