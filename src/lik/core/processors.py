"""How many processors there are, told without loading anything."""

import os


def processors() -> int:
    """How many processors this process may use."""
    able = hasattr(os, "sched_getaffinity")  # not everywhere
    return len(os.sched_getaffinity(0)) if able else os.cpu_count() or 1
