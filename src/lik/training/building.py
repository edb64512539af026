"""What a training begins with: the model, and the step that changes it, made fast for a device."""

import os
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn

from lik.core.acceleration import Acceleration, choose_acceleration
from lik.core.allocation import keep_freed_memory
from lik.core.randomness import derive
from lik.training.averaging import Average
from lik.training.graph import CudaRecorder, GraphedStep
from lik.training.processes import ALONE, Processes
from lik.training.recipe import Plan
from lik.training.step import Step, adam


def build_step(
    recipe: Plan,
    device: torch.device,
    faces: int,
    objective: nn.Module,
    processes: Processes = ALONE,
    tell: Callable[[str], None] = lambda remark: None,
) -> tuple[Step, Acceleration]:
    """The model with fresh weights and all that will change them, and what makes it fast.

    ``faces`` are those of an epoch, ``objective`` is what `Plan.state` gives; ``tell`` is given a
    sentence where something that makes it fast fails later.
    """
    if device.type == "cpu":
        keep_freed_memory()
    if recipe.device.deterministic:  # without this, cuBLAS may choose otherwise from run to run
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(recipe.device.deterministic)
    if device.type == "cuda":  # the first steps try which of cuDNN's ways is the quickest
        torch.backends.cudnn.benchmark = not recipe.device.deterministic
    torch.manual_seed(derive(recipe.seed, "weights"))
    # Channels last is how convolutions are fastest, and how the pictures lie in memory.
    model = recipe.build().to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    how = choose_acceleration(
        recipe.device,
        device,
        recipe.epochs * faces,
        sum(weight.numel() for weight in model.parameters()),
        processes.count == 1 and recipe.objective.recordable,
    )
    how = replace(how, tell=tell)
    settings, steps = recipe.optimizer, -(-faces // recipe.batch_size)
    parts = (
        model,
        recipe.loss(processes.shared(model, device), how, objective),
        adam(
            nn.ModuleList([model, objective]),
            settings.learning_rate,
            (settings.beta1, settings.beta2),
            settings.epsilon,
        ),
        lambda number: settings.rate(number, recipe.epochs * steps),
        settings.clip,
        Average(model, recipe.ema) if recipe.ema is not None else None,
    )
    if how.graph:
        recorder = CudaRecorder(device)
        return GraphedStep(
            *parts,
            objective=objective,
            batch_size=recipe.batch_size,
            recorder=recorder,
            tell=tell,
            compiled=how.compiled,
        ), how
    return Step(*parts, processes=processes.count, objective=objective), how
