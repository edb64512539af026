"""What makes a training fast on the machine at hand: precision, compilation, layout."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from lik.core.configuration import Settings

WORTH_COMPILING = {"cpu": 60_000, "cuda": 5_000_000}
"""Images in a training from which compilation pays: of half a minute on a CPU, where it saves half
a millisecond an image; of 40 seconds on a GPU, where it saves eight microseconds."""

SMALL = 30_000_000
"""Weights of a model up to which launching kernels, and not computing, may be what takes time."""


class DeviceSettings(Settings):
    """How a training uses its device; all of it is chosen by itself unless it is set.

    ``precision`` of the forward and backward passes (weights and losses are float32 always);
    ``compile`` them; ``graph``: on a GPU, launch a whole step at once;
    ``deterministic``: only algorithms that repeat to the bit, on a GPU too.
    """

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    compile: Literal["auto"] | bool = "auto"
    graph: Literal["auto"] | bool = "auto"
    deterministic: bool = False


def _nobody(remark: str) -> None:
    """Nobody is told."""


@dataclass(frozen=True)
class Acceleration:
    """What was chosen, and in ``notes`` what somebody might miss.

    ``tell`` is given a sentence where something that was chosen fails later and is done without.
    """

    precision: torch.dtype = torch.float32
    compiled: bool = False
    graph: bool = False
    notes: tuple[str, ...] = ()
    tell: Callable[[str], None] = field(default=_nobody, compare=False, repr=False)

    @property
    def precision_name(self) -> str:
        """float32 or bfloat16."""
        return str(self.precision).removeprefix("torch.")

    def facts(self, device: torch.device) -> dict[str, Any]:
        """What a run remembers of it, as plain values."""
        return {
            "device": device.type,
            "precision": self.precision_name,
            "compiled": self.compiled,
            "graph": self.graph,
        }

    def describe(self, device: torch.device) -> str:
        """One line for people."""
        if device.type == "cuda":
            where = torch.cuda.get_device_name(device)
        else:
            threads = torch.get_num_threads()
            where = f"CPU, {threads} thread{'s' if threads > 1 else ''}"
        compiled = "compiled" if self.compiled else "not compiled"
        parts = [where, self.precision_name, compiled]
        parts += ["each step launched as one graph"] if self.graph else []
        return ", ".join([*parts, *self.notes])


PLAIN = Acceleration()
"""Nothing but float32, as it is written."""


def choose_acceleration(
    settings: DeviceSettings,
    device: torch.device,
    images: int,
    weights: int = 0,
    recordable: bool = True,
) -> Acceleration:
    """What suits a training of ``images`` images (epochs × faces) on a device.

    ``weights`` is the size of the model; ``recordable`` whether each step is the same work, all of
    it in this process.

    The choice depends on the whole length of the training, not on what is left of it, so that a
    run which is resumed goes on as it began.
    """
    precision = choose_precision(settings, device)
    notes: tuple[str, ...] = ()
    compiled = settings.compile is True
    if settings.compile == "auto":
        compiled = images >= WORTH_COMPILING[device.type]
    if compiled and not has_compiler():
        compiled, notes = False, ("no C++ compiler is there: g++ would make it faster",)
    can = device.type == "cuda" and recordable
    graph = can and (weights <= SMALL if settings.graph == "auto" else settings.graph)
    if settings.graph is True and not graph:
        notes += ("no graph: that is for one process on a GPU, and steps that are all the same",)
    return Acceleration(precision, compiled, graph, notes)


def choose_precision(settings: DeviceSettings, device: torch.device) -> torch.dtype:
    """What the passes through networks are computed in."""
    if settings.precision == "auto":
        return torch.bfloat16 if has_fast_bfloat16(device) else torch.float32
    chosen: torch.dtype = getattr(torch, settings.precision)
    return chosen


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 faster than float32 (AMX, AVX512-BF16, Ampere)."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    checks = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(torch.cpu, check, lambda: False)() for check in checks)


def compiler() -> str | None:
    """The path of a C++ compiler, which `torch.compile` needs at run time; None without one."""
    named = os.environ.get("CXX")
    names = [named] if named else ["g++", "clang++", "c++"]
    return next(filter(None, map(shutil.which, names)), None)


def has_compiler() -> bool:
    """Whether there is a C++ compiler."""
    return compiler() is not None
