"""Distillation: a small network learns from codes what others see in the codes' decodings.

Guided edits by it need no picture, and take milliseconds. It learns on codes as edits meet them:
drawn from posteriors, between two faces, moved along the directions of attributes, and beside all
of these. Codes (N, D), logits (N, A).
"""

import numpy as np
import torch
from numpy.typing import NDArray

from lik.core.events import Progress, no_progress
from lik.core.gaussian import DiagonalGaussian
from lik.core.randomness import torch_stream
from lik.latent.session import Codes
from lik.models.code_network import CodeNetwork, CodeNetworkSettings

COUNT = 32_000
"""Codes that are decoded to learn from."""
HELD_OUT = 0.1
"""Their share on which it is measured."""
EPOCHS, BATCH, RATE, DECAY = 60, 256, 2e-3, 0.02
JITTER = 0.05
"""Noise on codes while learning, in their std."""


def codes_to_learn_from(
    faces: DiagonalGaussian, directions: NDArray[np.floating], count: int = COUNT, seed: int = 0
) -> Codes:
    """Posteriors of faces (N, D) and directions of attributes (A, D) → codes (count, D).

    Three in ten lie between two faces, seven in ten are moved along one direction or two, by up to
    1.5 of each, and half have noise of up to 0.4 besides.
    """
    generator = torch_stream(seed, "distillation")

    def uniform(columns: int = 1, most: float = 1.0) -> torch.Tensor:
        return most * torch.rand(count, columns, generator=generator)

    def normal() -> torch.Tensor:
        return torch.randn(count, faces.mean.shape[1], generator=generator)

    mean, std = faces.mean.cpu(), (0.5 * faces.log_variance.cpu()).exp()
    own, other = torch.randint(len(mean), (2, count), generator=generator)
    codes = mean[own] + uniform() * std[own] * normal()
    angle = uniform(most=np.pi / 2)
    between = angle.cos() * codes + angle.sin() * mean[other]
    codes = torch.where(uniform() < 0.3, between, codes)
    if len(directions):
        vectors = torch.from_numpy(np.asarray(directions, np.float32))
        for share in (0.7, 0.35):
            which = torch.randint(len(vectors), (count,), generator=generator)
            steps = (3 * uniform() - 1.5) * vectors[which]
            codes = codes + (uniform() < share) * steps
    codes = codes + (uniform() < 0.5) * uniform(most=0.4) * normal()
    return np.asarray(codes.numpy(), np.float32)


def distilled(
    codes: Codes,
    logits: NDArray[np.floating],
    attributes: tuple[str, ...],
    seed: int = 0,
    progress: Progress = no_progress,
) -> tuple[CodeNetwork, CodeNetworkSettings, dict[str, float]]:
    """Codes, and the logits to be read from them → a network; the share of variance it explains.

    That share (R²) is of codes it has not learned from, by attribute. Every attribute counts alike.
    Weights are rounded to float16, in which they are kept.
    """
    settings = CodeNetworkSettings(latent=codes.shape[1], attributes=attributes)
    torch.manual_seed(seed)
    network = CodeNetwork(settings)
    network.scale.copy_(torch.from_numpy(codes.std(axis=0)).clamp(min=1e-3))
    spread = torch.from_numpy(np.asarray(logits.std(axis=0), np.float32)).clamp(min=1e-6)
    generator = torch_stream(seed, "distillation", 1)
    inputs, targets = torch.from_numpy(codes), torch.from_numpy(np.asarray(logits, np.float32))
    order = torch.randperm(len(codes), generator=generator)
    held, known = order.tensor_split([round(HELD_OUT * len(codes))])
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    steps = EPOCHS * max(1, len(known) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for step in range(steps):
        chosen = known[torch.randint(len(known), (BATCH,), generator=generator)]
        noise = torch.randn(len(chosen), codes.shape[1], generator=generator)
        seen = network(inputs[chosen] + JITTER * network.scale * noise)
        loss = ((seen - targets[chosen]) / spread).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if not step % 50:
            progress("learning", step, steps)
    network.half().float().requires_grad_(False).eval()
    with torch.no_grad():
        missed = ((network(inputs[held]) - targets[held]) / spread).square().mean(dim=0)
    return network, settings, dict(zip(attributes, (1 - missed).tolist(), strict=True))
