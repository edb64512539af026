"""Memory that is freed and asked for again costs no page faults once it is kept."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, numpy as np
from lik.training.fast.acceleration import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        blocks = [np.ones(size << 20, np.uint8) for size in (1, 4, 12, 40)]
        del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
usual = faults()
assert keep_freed_memory()
faults()
print(usual, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_kept_memory_is_not_paged_in_anew() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAULTS], check=True, capture_output=True, text=True
    )
    usual, kept = (int(number) for number in done.stdout.split())
    assert usual > 1000
    assert kept < usual / 20
