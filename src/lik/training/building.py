"""What a training begins with: the model, and the step that changes it."""

import torch
from torch import nn

from lik.core.events import Notify, no_notices
from lik.core.randomness import derive
from lik.training import fast
from lik.training.averaging import MovingAverage
from lik.training.processes import ALONE, Processes
from lik.training.recipe import TrainingPlan
from lik.training.step import Step, adam


def build_step(
    plan: TrainingPlan,
    device: torch.device,
    faces: int,
    objective: nn.Module,
    processes: Processes = ALONE,
    notify: Notify = no_notices,
) -> tuple[Step, fast.Acceleration]:
    """The model with fresh weights and all that will change them, and what makes it fast.

    ``faces`` are those of an epoch, ``objective`` is what `TrainingPlan.state` gives; ``notify`` is
    given a sentence where something that makes it fast fails later.
    """
    fast.prepare(plan.device, device)
    torch.manual_seed(derive(plan.seed, "weights"))
    # Channels last is how convolutions are fastest, and how the pictures lie in memory.
    model = plan.build().to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    how = fast.choose_acceleration(
        plan.device,
        device,
        plan.epochs * faces,
        sum(weight.numel() for weight in model.parameters()),
        processes.count == 1 and plan.objective.recordable,
    )
    fast.quicken(model)
    shared = processes.shared(model, device)
    loss = plan.loss(fast.InPrecision(shared, how.precision), objective)
    loss = fast.quick_loss(
        loss, how, shared, objective, plan.noise_width(model), plan.batch_size, notify
    )
    settings, steps = plan.optimizer, -(-faces // plan.batch_size)
    step = fast.quick_step(
        plan.step_class,
        how,
        device,
        plan.batch_size,
        notify,
        model=model,
        loss=loss,
        optimizer=adam(
            nn.ModuleList([model, objective]),
            settings.learning_rate,
            (settings.beta1, settings.beta2),
            settings.epsilon,
        ),
        rate=lambda number: settings.rate(number, plan.epochs * steps),
        clip=settings.clip,
        average=MovingAverage(model, plan.ema) if plan.ema is not None else None,
        processes=processes.count,
        objective=objective,
    )
    return step, how
