"""What this machine has of what Lik can use, and how fast it trains."""

import importlib.util
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lik.core.device import choose_device
from lik.core.errors import UnusableInput
from lik.core.pixels import Pictures
from lik.core.precision import has_fast_bfloat16
from lik.core.processors import processors
from lik.core.randomness import numpy_stream
from lik.faces.detect.eyes import CUT, EyeNetwork
from lik.faces.detect.finding import (
    CASCADE,
    PLAIN_STAGES,
    YUNET_VARIABLE,
    boxes_of,
    find_yunet,
    yunet_places,
)
from lik.training.batches import Batches, on_device
from lik.training.environment import installed
from lik.training.fast import compiler
from lik.training.loop import Limit, TrainingProgress, TrainState, train
from lik.training.recipe import load_recipe
from lik.training.running import build_step

PACKAGES = ("lik-vae", "torch", "numpy", "opencv-python-headless", "pillow", "pydantic")
EXTRAS = {
    "hub": "huggingface_hub",
    "keras": "h5py",
    "onnx": "onnxscript",
    "parquet": "pyarrow",
    "ray": "ray",
    "studio": "fastapi",
    "tensorboard": "tensorboard",
}

PAPER_FACES = 104_861
"""What the paper trained its first model on."""

SIZE = 64
FEW = 4096
"""Pictures of a speed test: as many as make reading them, batch by batch, no different."""

Findings = dict[str, dict[str, str]]
"""What was found, by heading and name."""


def examine_machine() -> tuple[Findings, bool]:
    """Versions, extras, processors, what faces are found with; and whether any of it is broken."""
    files, broken = _model_files()
    findings = {
        "versions": {"python": platform.python_version()}
        | {name: installed(name) for name in PACKAGES},
        "extras": {
            name: "installed"
            if importlib.util.find_spec(module)
            else f"not installed (pip install 'lik-vae[{name}]')"
            for name, module in EXTRAS.items()
        },
        "machine": _machine(),
        "finding faces": files,
    }
    return findings, broken


@dataclass(frozen=True)
class TrainingSpeed:
    """How fast a training was.

    Attributes:
        how: what made it fast, in words.
        warm_up: seconds of the first steps, in which compilation happens.
        images_per_second: after that.
        paper_faces, paper_epochs: what the paper trained its first model on, and for how long.
    """

    how: str
    warm_up: float
    images_per_second: float
    paper_faces: int
    paper_epochs: int = 15

    @property
    def paper_seconds(self) -> float:
        """What the paper's training would take, its validations apart."""
        return self.warm_up + self.paper_epochs * self.paper_faces / self.images_per_second


def measure_speed(
    device: str | torch.device = "auto",
    seconds: float = 10.0,
    pictures: Pictures | Tensor | None = None,
    threads: int | None = None,
) -> TrainingSpeed:
    """Train the first model as a run would be, with what it chooses by itself; keep nothing.

    ``seconds``, more than 0, are those that are measured, after the first steps. ``pictures`` are
    taken from where they lie; without them random ones serve.
    """
    where = choose_device(str(device), threads)
    if pictures is None:
        shape = (FEW, SIZE, SIZE, 3)
        drawn = numpy_stream(0, "trial").integers(0, 256, shape, dtype=np.uint8)
        pictures = on_device(drawn, where)
    recipe = load_recipe("paper-first", (), pictures.shape[1])
    step, how = build_step(recipe, where, PAPER_FACES, recipe.state(PAPER_FACES, where))
    batches = Batches(pictures, np.arange(len(pictures)), recipe.batch_size, where)
    clock = _Clock(seconds, recipe.batch_size)
    train(step, batches, TrainState(), Limit(epochs=10**9), clock)
    assert clock.warm is not None
    warm_up = clock.warm[0] - clock.began
    return TrainingSpeed(how.describe(where), warm_up, clock.images_per_second, PAPER_FACES)


class _Clock:
    """Looks at the time whenever the loop has waited for the device."""

    def __init__(self, seconds: float, batch_size: int) -> None:
        self.seconds, self.batch_size = seconds, batch_size
        self.began = time.perf_counter()
        self.warm: tuple[float, int] | None = None
        self.now = self.began, 0

    def progressed(self, progress: TrainingProgress) -> None:
        self.now = time.perf_counter(), progress.step
        self.warm = self.warm or self.now

    def should_stop(self) -> bool:
        return self.warm is not None and self.now[0] - self.warm[0] >= self.seconds

    def save(self) -> None: ...
    def measure(self) -> None: ...
    def epoch_ended(self, *of_epoch: Any) -> None: ...

    @property
    def images_per_second(self) -> float:
        assert self.warm is not None
        steps = self.now[1] - self.warm[1]
        return steps * self.batch_size / (self.now[0] - self.warm[0])


def _machine() -> dict[str, str]:
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": str(processors()),
        "vector instructions": torch.backends.cpu.get_cpu_capability(),
        "fast bfloat16": "yes" if has_fast_bfloat16(torch.device("cpu")) else "no",
        **_gpus(),
        "C++ compiler": compiler() or "none: without it, training is not compiled and slower",
    }


def _processor() -> str:
    """The name of the processor, which Python itself does not know on Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _gpus() -> dict[str, str]:
    """Each GPU with its memory and abilities."""
    if not torch.cuda.is_available():
        built = torch.version.cuda
        why = f" (its build is for CUDA {built})" if built else " (its build is for CPUs only)"
        return {"GPU": f"none that PyTorch sees{why}"}
    found = {}
    for index in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(index)
        fast = "" if has_fast_bfloat16(torch.device("cuda", index)) else "no "
        found[f"GPU {index}"] = (
            f"{about.name}, {about.total_memory / 2**30:.0f} GiB, compute capability "
            f"{about.major}.{about.minor}, {fast}fast bfloat16, CUDA {torch.version.cuda}"
        )
    return found


def _model_files() -> tuple[dict[str, str], bool]:
    """What faces are found with: cascade, alignment network, YuNet; and whether one is broken."""

    def cascade() -> str:
        boxes_of(np.zeros((64, 64), np.uint8), PLAIN_STAGES[0])
        return "found"

    def network() -> str:
        shipped = EyeNetwork()
        shipped.find(np.zeros((CUT, CUT), np.uint8))
        return f"found, SHA-256 {shipped.sha256[:12]}…"

    def detector() -> str:
        path = find_yunet()
        if path:
            return f"found at {path}: the crop aligned uses it"
        places = " or ".join(str(place) for place in yunet_places())
        named = "" if os.environ.get(YUNET_VARIABLE) else f", or where {YUNET_VARIABLE} says"
        return f"not found (looked for at {places}{named}); the alignment network serves instead"

    found: dict[str, str] = {}
    broken = False
    for name, work in ((CASCADE, cascade), ("alignment network", network), ("YuNet", detector)):
        try:
            found[name] = work()
        except UnusableInput as error:
            found[name], broken = f"broken: {error}", True
    return found, broken
