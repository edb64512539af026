"""What makes a training fast is chosen by machine, length and wish; freed memory is kept."""

import platform
import subprocess
import sys

import pytest
import torch

from lik.core import precision
from lik.training.fast import acceleration
from lik.training.fast.acceleration import WORTH_COMPILING, DeviceSettings, choose_acceleration

CPU = torch.device("cpu")


def test_what_is_asked_for_is_done(monkeypatch):
    monkeypatch.setattr(acceleration, "compiler", lambda: "/usr/bin/g++")
    chosen = choose_acceleration(DeviceSettings(precision="bfloat16", compile=True), CPU, 1)
    assert (chosen.precision, chosen.compiled) == (torch.bfloat16, True)
    plain = DeviceSettings(precision="float32", compile=False)
    chosen = choose_acceleration(plain, CPU, 10**9)
    assert (chosen.precision, chosen.compiled, chosen.notes) == (torch.float32, False, ())


def test_precision_follows_the_processor(monkeypatch):
    for fast, expected in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(precision, "has_fast_bfloat16", lambda device, fast=fast: fast)
        assert choose_acceleration(DeviceSettings(), CPU, 1).precision == expected


def test_compilation_is_for_long_trainings_where_a_compiler_is(monkeypatch):
    monkeypatch.setattr(acceleration, "compiler", lambda: "/usr/bin/g++")
    assert not choose_acceleration(DeviceSettings(), CPU, WORTH_COMPILING["cpu"] - 1).compiled
    assert choose_acceleration(DeviceSettings(), CPU, WORTH_COMPILING["cpu"]).compiled
    assert not choose_acceleration(DeviceSettings(), CPU, 10**9, normalised=True).compiled
    monkeypatch.setattr(acceleration, "compiler", lambda: None)
    without = choose_acceleration(DeviceSettings(), CPU, WORTH_COMPILING["cpu"])
    assert not without.compiled
    assert "no C++ compiler" in without.describe(CPU)


def test_a_compiler_is_looked_for_where_the_user_says(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert acceleration.compiler() is None


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
def test_memory_that_is_kept_is_not_paged_in_anew():
    done = subprocess.run(
        [sys.executable, "-c", FAULTS], check=True, capture_output=True, text=True
    )
    usual, kept = (int(number) for number in done.stdout.split())
    assert usual > 1000
    assert kept < usual / 20
