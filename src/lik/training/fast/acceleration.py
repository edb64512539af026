"""What is chosen to make a training fast on the machine at hand, and how a process is set up."""

import ctypes
import os
import platform
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field

from lik.core.configuration import Settings
from lik.core.precision import Precision, choose_precision
from lik.core.workers import threads_at_hand
from lik.training.shares import FEWEST

WORTH_COMPILING = {"cpu": 1_000_000, "cuda": 5_000_000}
"""Images in a training from which compilation pays: of half a minute on a CPU, where it saves 30
microseconds an image; of 40 seconds on a GPU, where it saves eight."""

WORTH_SHARING = 16
"""Faces in the share of a worker, at the least. With fewer, what each of them does for the whole
share, in Python above all, takes longer than waiting for each other does; with as many, a quiet
machine loses a tenth by workers, and a busy one gains threefold."""

NORMALISED = 32
"""Faces in a share where batch normalisation is over it: as many on every machine."""

SMALL = 30_000_000
"""Weights of a model up to which launching kernels, and not computing, may be what takes time."""

ALLOCATION = (
    (-3, 2**28),  # M_MMAP_THRESHOLD: from where on a block still goes back to the system
    (-1, 2**31 - 1),  # M_TRIM_THRESHOLD: freed ones that are kept
    (-8, 1),  # M_ARENA_MAX, a number: blocks that one thread frees serve the others too
    (-2, 2**29),  # M_TOP_PAD: address space in advance, of which only what is touched is used
)
"""Settings of glibc (malloc.h) and their values, in bytes."""

HUGE_PAGES = 14
"""MADV_HUGEPAGE of Linux."""


class DeviceSettings(Settings):
    """How a training uses its device; all of it is chosen by itself unless it is set.

    ``precision`` of the forward and backward passes (weights and losses are float32 always);
    ``workers``: on a CPU, threads that share each batch; ``compile`` the passes; ``graph``: on a
    GPU, launch a whole step at once;
    ``deterministic``: only algorithms that repeat to the bit, on a GPU too.
    """

    precision: Precision = "auto"
    workers: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"
    compile: Literal["auto"] | bool = "auto"
    graph: Literal["auto"] | bool = "auto"
    deterministic: bool = False


@dataclass(frozen=True)
class Acceleration:
    """What was chosen; in ``notes`` what somebody might miss.

    Batches are cut into ``shares``, which ``workers`` pass, of so many ``threads`` each.
    """

    precision: torch.dtype = torch.float32
    compiled: bool = False
    graph: bool = False
    shares: int = 1
    workers: int = 1
    threads: int = 1
    notes: tuple[str, ...] = ()

    @property
    def precision_name(self) -> str:
        """float32 or bfloat16."""
        return str(self.precision).removeprefix("torch.")

    def facts(self, device: torch.device) -> dict[str, Any]:
        """What a run remembers of it, as plain values."""
        chosen = {"compiled": self.compiled, "graph": self.graph, "shares": self.shares}
        return {"device": device.type, "precision": self.precision_name} | chosen

    def describe(self, device: torch.device) -> str:
        """One line for people."""
        if device.type == "cuda":
            where = torch.cuda.get_device_name(device)
        else:
            where = f"CPU, {self.workers} workers of " if self.workers > 1 else "CPU, "
            where += f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        compiled = "compiled" if self.compiled else "not compiled"
        parts = [where, self.precision_name, compiled]
        parts += ["each step launched as one graph"] if self.graph else []
        return ", ".join([*parts, *self.notes])


def choose_acceleration(
    settings: DeviceSettings,
    device: torch.device,
    images: int,
    weights: int = 0,
    recordable: bool = True,
    shareable: int = 1,
    normalised: bool = False,
) -> Acceleration:
    """What suits a training of ``images`` images (epochs × faces) on a device.

    ``weights`` is the size of the model; ``recordable`` whether each step is the same work, all of
    it in this process; ``shareable`` how many faces of a batch may be passed apart from each other;
    ``normalised`` whether there is batch normalisation, with which compiled passes are no faster on
    a CPU.

    The choice depends on the whole length of the training, not on what is left of it, so that a
    run which is resumed goes on as it began.
    """
    notes: tuple[str, ...] = ()
    compiled = settings.compile is True
    if settings.compile == "auto":
        compiled = images >= WORTH_COMPILING[device.type]
        compiled &= not (normalised and device.type == "cpu")
    if compiled and compiler() is None:
        compiled, notes = False, ("no C++ compiler is there: g++ would make it faster",)
    can = device.type == "cuda" and recordable
    graph = can and (weights <= SMALL if settings.graph == "auto" else settings.graph)
    if settings.graph is True and not graph:
        notes += ("no graph: that is for one process on a GPU, and steps that are all the same",)
    precision = choose_precision(device, settings.precision)
    shares, workers = _choose_workers(settings.workers, device, shareable, normalised)
    if settings.workers not in ("auto", shares):
        notes += ("fewer workers: they share batches on a CPU, 2 faces or more for each",)
    threads = max(1, threads_at_hand() // workers)
    return Acceleration(precision, compiled, graph, shares, workers, threads, notes)


def _choose_workers(
    wanted: int | str, device: torch.device, shareable: int, normalised: bool
) -> tuple[int, int]:
    """Into how many shares a batch is cut, and how many workers pass them."""
    if device.type != "cpu":
        return 1, 1
    if isinstance(wanted, int):
        shares = max(1, min(wanted, shareable // FEWEST))
        return shares, shares
    shares = max(1, shareable // (NORMALISED if normalised else WORTH_SHARING))
    workers = min(threads_at_hand(), shares)
    return (shares if normalised else workers), workers


def compiler() -> str | None:
    """The path of a C++ compiler, which `torch.compile` needs at run time; None without one."""
    named = os.environ.get("CXX")
    names = [named] if named else ["g++", "clang++", "c++"]
    return next(filter(None, map(shutil.which, names)), None)


def prepare(settings: DeviceSettings, device: torch.device) -> None:
    """Set up this process for a training; it lasts as long as the process."""
    if device.type == "cpu":
        keep_freed_memory()
    if settings.deterministic:  # without this, cuBLAS may choose otherwise from run to run
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(settings.deterministic)
    if device.type == "cuda":  # the first steps try which of cuDNN's ways is the quickest
        torch.backends.cudnn.benchmark = not settings.deterministic


def keep_freed_memory() -> bool:
    """Let this process keep the memory that it frees, in pages of 2 MiB where Linux allows.

    A step frees and asks again for the same few dozen megabytes. By default glibc returns large
    blocks to the system at once, and each of their pages must be given anew, zeroed, when it is
    next touched: for small networks that took a quarter of a step.

    For a process that trains; it lasts as long as the process. What it once needed stays with it.

    Returns:
        Whether it could be had: only with glibc, on Linux.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    library = ctypes.CDLL(None)
    kept = all(library.mallopt(name, value) == 1 for name, value in ALLOCATION)
    library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    library.free.argtypes = [ctypes.c_void_p]
    library.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    library.free(library.malloc(2**25))  # makes the heap as large as the reserve
    with suppress(OSError):
        for line in Path("/proc/self/maps").read_text().splitlines():
            if line.endswith("[heap]"):
                start, end = (int(address, 16) for address in line.split()[0].split("-"))
                library.madvise(start, end - start, HUGE_PAGES)
    return kept
