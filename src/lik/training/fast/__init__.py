"""What makes a training fast and leaves its results as they are; it can be read last, or never.

`build_step` of `lik.training.building` goes through this one entrance:

    prepare        how the process hands out memory, and which algorithms it may choose
    choose_acceleration   precision, compilation, recording, as they suit the machine
    quicken        layers of a model in forms that are quick to train
    quick_loss     the loss in lower precision, and compiled
    quick_step     the step, recorded as a CUDA graph where that was chosen

A plain `Step` with a plain loss on the same model computes the same, more slowly.
"""

import os
from typing import Any

import torch
from torch import nn

from lik.core.events import Notify
from lik.training.fast.acceleration import (
    Acceleration,
    DeviceSettings,
    choose_acceleration,
    compiler,
)
from lik.training.fast.allocation import keep_freed_memory
from lik.training.fast.convolutions import quicken
from lik.training.fast.graph import CudaRecorder, GraphedStep
from lik.training.fast.losses import CompiledLoss, InPrecision
from lik.training.step import Loss, Step

__all__ = [
    "Acceleration",
    "DeviceSettings",
    "InPrecision",
    "choose_acceleration",
    "compiler",
    "prepare",
    "quick_loss",
    "quick_step",
    "quicken",
]


def prepare(settings: DeviceSettings, device: torch.device) -> None:
    """Set up this process for a training; it lasts as long as the process."""
    if device.type == "cpu":
        keep_freed_memory()
    if settings.deterministic:  # without this, cuBLAS may choose otherwise from run to run
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(settings.deterministic)
    if device.type == "cuda":  # the first steps try which of cuDNN's ways is the quickest
        torch.backends.cudnn.benchmark = not settings.deterministic


def quick_loss(
    loss: Loss,
    how: Acceleration,
    model: nn.Module,
    objective: nn.Module,
    width: int | None,
    batch_size: int,
    notify: Notify,
) -> Loss:
    """The loss, compiled where that was chosen and it draws so many normal numbers for a face."""
    if not how.compiled or width is None:
        return loss
    return CompiledLoss(loss, model, objective, width, batch_size, notify)


def quick_step(
    kind: type[Step],
    how: Acceleration,
    device: torch.device,
    batch_size: int,
    notify: Notify,
    **parts: Any,
) -> Step:
    """A step of these parts, which launches recorded work where that was chosen."""
    if not how.graph:
        return kind(**parts)
    parts.pop("processes")  # what is recorded is the work of one
    return GraphedStep(
        **parts,
        batch_size=batch_size,
        recorder=CudaRecorder(device),
        notify=notify,
        compiled=how.compiled,
    )
