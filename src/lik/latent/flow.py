"""A small flow on the latent codes: noise becomes codes like those of faces.

Flow matching with conditional optimal transport paths (Lipman et al., arXiv:2210.02747, section
4.1, example II): x_t = (1 − (1 − σ) t) x₀ + t x₁, and a network learns the velocity
u = x₁ − (1 − σ) x₀ by least squares. Codes are standardised within. Codes (B, D), times (B,).
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lik.core.events import Progress, no_progress
from lik.core.randomness import standard_normal, torch_stream
from lik.latent.session import Codes, require_spread_out

SIGMA = 1e-4
"""σ of the path's end: what is left of the noise."""


class VelocityField(nn.Module):
    """A residual MLP: (codes at time t, t) → velocity (B, D)."""

    def __init__(self, latent: int, width: int = 384, blocks: int = 3) -> None:
        super().__init__()
        self.register_buffer("frequencies", math.tau * 2.0 ** torch.arange(6))
        self.enter = nn.Linear(latent, width)
        self.time = nn.Sequential(nn.Linear(12, width), nn.SiLU(), nn.Linear(width, width))
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width)
            )
            for _ in range(blocks)
        )
        self.leave = nn.Linear(width, latent)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, codes: Tensor, times: Tensor) -> Tensor:
        assert isinstance(self.frequencies, Tensor)
        # Half a turn at the lowest frequency, so that the two ends of time differ.
        angles = times[:, None] * self.frequencies / 2
        hidden = self.enter(codes) + self.time(torch.cat([angles.sin(), angles.cos()], dim=1))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        velocity: Tensor = self.leave(hidden)
        return velocity


def flow_matching_loss(
    field: Callable[[Tensor, Tensor], Tensor], codes: Tensor, noise: Tensor, times: Tensor
) -> Tensor:
    """Equation 23 of arXiv:2210.02747: the mean squared error of the velocity, (B,)."""
    at = times[:, None]
    between = (1 - (1 - SIGMA) * at) * noise + at * codes
    velocity = codes - (1 - SIGMA) * noise
    return (field(between, times) - velocity).square().mean(dim=1)


def integrate(field: Callable[[Tensor, Tensor], Tensor], noise: Tensor, steps: int) -> Tensor:
    """dx/dt = v(x, t) from t = 0 to 1 in equal steps of Heun's method, which is of second order."""
    codes, width = noise, 1 / steps
    for step in range(steps):
        start = torch.full((len(codes),), step * width)
        slope = field(codes, start)
        ahead = field(codes + width * slope, start + width)
        codes = codes + width / 2 * (slope + ahead)
    return codes


class FlowPrior:
    """A trained velocity field with the scale of the codes; steps of its solver."""

    kind = "flow"

    def __init__(
        self, field: VelocityField, mean: NDArray[np.floating], scale: NDArray[np.floating],
        steps: int = 24,
    ) -> None:  # fmt: skip
        self.field, self.mean, self.scale, self.steps = field.eval(), mean, scale, steps

    @property
    def centre(self) -> NDArray[np.floating]:
        return self.mean

    def sample(self, count: int, seed: int) -> Codes:
        noise = torch.from_numpy(standard_normal((count, len(self.mean)), seed, "prior"))
        with torch.no_grad():
            codes = integrate(self.field, noise, self.steps).numpy()
        return np.asarray(self.mean + self.scale * codes, np.float32)

    def tensors(self) -> dict[str, Tensor | NDArray[np.floating]]:
        weights = {f"field.{name}": value for name, value in self.field.state_dict().items()}
        return {**weights, "mean": self.mean, "scale": self.scale}


def fit_flow(
    codes: Codes,
    steps: int = 4000,
    seed: int = 0,
    width: int = 384,
    progress: Progress = no_progress,
) -> FlowPrior:
    """Train a velocity field on codes (N, D) by Adam; the running mean of its weights is kept.

    The loop is its own, for that of `lik.training` reads pictures from a face set, and these are
    a few thousand short rows.

    Raises:
        UnusableInput: codes that cannot bear it (`require_spread_out`).
    """
    require_spread_out(codes)
    mean = codes.mean(axis=0, dtype=np.float64).astype(np.float32)
    scale = np.maximum(codes.std(axis=0, dtype=np.float64), 1e-4).astype(np.float32)
    rows = torch.from_numpy((codes - mean) / scale)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        field = VelocityField(codes.shape[1], width)
    generator = torch_stream(seed, "flow")
    average = torch.optim.swa_utils.AveragedModel(
        field,
        multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.998),  # type: ignore[no-untyped-call]
    )
    optimizer = torch.optim.AdamW(field.parameters(), lr=1e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        chosen = torch.randint(len(rows), (256,), generator=generator)
        noise = torch.randn(256, rows.shape[1], generator=generator)
        times = torch.rand(256, generator=generator)
        loss = flow_matching_loss(field, rows[chosen], noise, times).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        average.update_parameters(field)
        if (step + 1) % 100 == 0:
            progress("training the flow", step + 1, steps)
    trained = average.module
    assert isinstance(trained, VelocityField)
    return FlowPrior(trained, mean, scale)
