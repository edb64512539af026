"""Guided changes: each face's own way to a trait, by gradient steps on its code.

The way begins along a direction that all faces share, and leaves it where that does good. Networks
that know attributes look at what the decoder makes of the code; a few dozen steps of Adam bring the
logit of the target to where it should be, and hold down what the other logits, the pixels and the
code do beside. All faces of a batch go at once.

Shapes: codes (B, D); images (B, 3, S, S) in 0…1; logits (B, A).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from lik.core.errors import UnusableInput
from lik.core.precision import choose_precision
from lik.core.randomness import torch_stream
from lik.latent.session import Codes

Logits = Callable[[Tensor], Tensor]

VIEWS = 6
"""Shifts, mirrorings and grains under which the networks look, in turn."""

BEND = 0.3
"""Movement of a logit, in σ, from where on it counts by its size and no longer by its square."""

STRIDE = 5.0
"""How much further a step leads along the shared direction than in one dimension of the codes."""


@dataclass(frozen=True)
class Guide:
    """A network that guides, and the spread σ (A,) of its logits over real faces."""

    logits: Logits
    spread: NDArray[np.floating]


@dataclass(frozen=True)
class Guidance:
    """How the steps are weighed.

    Attributes:
        steps: of Adam. rate: its step, in standard deviations of the codes; see `in_steps`.
        reach_first, reach: weight of the target's squared shortfall, in σ² of its logit, at the
            first step and at the last; it grows by the same factor at every step, so that what is
            easily had is had gently, and the rest is had at all.
        hold: weight of what the other logits move by, see `bent`; each in its σ.
        pixels: weight of the squared change of the picture, summed over pixels and channels.
        own: weight of the squared step beside the shared direction, in standard deviations of the
            codes; the step along it costs nothing.
        length: the same of the whole step, where no direction is given.
    """

    steps: int = 60
    rate: float = 0.08
    reach_first: float = 1.5
    reach: float = 48.0
    hold: float = 8.0
    pixels: float = 0.05
    own: float = 0.3
    length: float = 0.02

    @classmethod
    def in_steps(cls, steps: int) -> "Guidance":
        """The same way in fewer or more steps, which are longer or shorter."""
        return cls(steps=steps, rate=cls.rate * cls.steps / steps)

    def reach_at(self, share: float) -> float:
        """The weight of the target where a share of the way is behind."""
        return float(self.reach_first * (self.reach / self.reach_first) ** share)


@dataclass(frozen=True)
class Journey:
    """Where the faces were: distances (K,) in σ that were asked for, and codes (K, N, D)."""

    distances: NDArray[np.float64]
    codes: Codes

    @property
    def end(self) -> Codes:
        """The codes (N, D) at the last distance."""
        last: Codes = self.codes[-1]
        return last


def guide(
    codes: Codes,
    decode: Callable[[Tensor], Tensor],
    guides: Sequence[Guide],
    target: int,
    signs: NDArray[np.floating],
    distance: float,
    scale: Codes,
    along: Codes | None = None,
    ceiling: tuple[float, float] | None = None,
    guidance: Guidance | None = None,
    stops: int = 1,
    seed: int = 0,
    device: str | torch.device = "cpu",
) -> Journey:
    """Move codes (N, D) until the target's logit, times each face's sign, has moved by a distance.

    The distance wanted rises evenly from 0 to ``distance`` (in σ of the target's logit) over nine
    tenths of the steps, for all faces alike, as along a direction; but no face is asked to go
    beyond the ``ceiling``, which rises in the same time from its first to its second level, late
    (with the cube of the share), and one that is above it already stays where it is, to the bit.
    Every step looks at the pictures before and after through one of the networks, under one of a
    few shifts, mirrorings and grains, and counts only differences, so that what is found holds for
    more than one view of a face (Athalye et al., arXiv:1707.07397) and for more than one network
    (Liu et al., arXiv:1611.02770). Passes are in bfloat16 where the device is fast at it.

    Args:
        codes: where the faces are.
        decode: codes → images.
        guides: networks that know the same attributes; they take turns.
        target: index of the attribute.
        signs: (N,) +1 for faces that shall have it, −1 for those that shall not.
        distance: how far the logit shall move, in σ.
        scale: (D,) standard deviations of the codes of faces, the measure of steps.
        along: (D,) the shared direction, such as the joint regression's; None for none. It keeps
            what no network is asked about: free steps find what pleases the networks, as well in
            the wall behind a head.
        ceiling: levels of the logit, in σ, beyond which no face need go; None for none.
        guidance: weights and number of steps.
        stops: how many codes of the way are kept; the last is the end.
        seed: of shifts and grain.
        device: where decoder and networks are.

    Raises:
        UnusableInput: no network, or fewer steps than stops.
    """
    settings = guidance or Guidance()
    if not guides:
        raise UnusableInput("guided changes need a network that knows attributes.")
    if not 1 <= stops <= settings.steps:
        raise UnusableInput(f"{settings.steps} steps cannot have {stops} stops.")
    origin = _on(device, codes)
    unit = _on(device, scale)
    views = [_View(torch_stream(seed, "guided", number)) for number in range(VIEWS)]
    aims = _Aims(origin, decode, guides, target, signs, views, distance, ceiling)
    own = torch.zeros_like(origin, requires_grad=True)
    shared = torch.zeros_like(origin[:, :1], requires_grad=True)
    direction, price = torch.zeros_like(unit), settings.length
    if along is not None and np.any(along):
        direction, price = (
            STRIDE * F.normalize(_on(device, along) / unit.clamp(min=1e-3), dim=0),
            settings.own,
        )

    def place() -> Tensor:
        """Where the faces are now."""
        return origin + unit * (own + shared * direction)

    optimizer = torch.optim.Adam([own, shared], lr=settings.rate, betas=(0.9, 0.99))
    kept, wanted = [], []
    marks = np.linspace(0, settings.steps, stops + 1).round().astype(int)[1:] - 1
    for step in range(settings.steps):
        share = min(1.0, (step + 1) / (0.9 * settings.steps))
        loss = aims.loss(place(), step, share, settings)
        loss = loss + price * own.square().sum(dim=1)
        optimizer.zero_grad()
        loss.sum().backward()  # type: ignore[no-untyped-call]
        # Adam makes whole steps of the smallest gradients, and rounding alone gives some.
        setting_out = (aims.shortfall(share) > 0)[:, None]
        for way in (own, shared):
            assert way.grad is not None
            way.grad *= setting_out
        optimizer.step()
        if step in marks:
            kept.append(place().detach().cpu().numpy().copy())
            wanted.append(share * distance)
    return Journey(np.asarray(wanted), np.stack(kept))


class _Aims:
    """What is wanted of the faces, measured from where they are."""

    def __init__(
        self,
        origin: Tensor,
        decode: Callable[[Tensor], Tensor],
        guides: Sequence[Guide],
        target: int,
        signs: NDArray[np.floating],
        views: Sequence["_View"],
        distance: float,
        ceiling: tuple[float, float] | None,
    ) -> None:
        self.target, self.precision = target, choose_precision(origin.device)
        self.decode = decode
        self.distance, self.ceiling = distance, ceiling
        self.signs = _on(origin.device, signs)
        self.networks = [guide.logits for guide in guides]
        self.spreads = [_on(origin.device, guide.spread) for guide in guides]
        with torch.no_grad():
            self.before = self._decoded(origin)
            logits = [self._judged(network, self.before) for network in self.networks]
            # By turns: each network under the first view, each under the second, and so on.
            self.views = [(number, view) for view in views for number in range(len(guides))]
            self.seen = [
                self._judged(self.networks[number], view(self.before))
                for number, view in self.views
            ]
        self.standing = [
            self.signs * values[:, target] / spread[target]
            for values, spread in zip(logits, self.spreads, strict=True)
        ]
        self.others = torch.ones_like(self.spreads[0])
        self.others[target] = 0

    def goals(self, standing: Tensor, share: float) -> Tensor:
        """Where faces that stood somewhere, (B,), shall be after a share of the way."""
        goals = standing + share * self.distance
        if self.ceiling is not None:
            first, last = self.ceiling
            goals = goals.clamp(max=first + share**3 * (last - first))
        return torch.maximum(goals, standing)

    def shortfall(self, share: float) -> Tensor:
        """How far each face stood below where it shall be after a share of the way, in σ, (B,)."""
        standing = torch.stack(self.standing).mean(dim=0)
        return self.goals(standing, share) - standing

    def loss(self, codes: Tensor, step: int, share: float, settings: Guidance) -> Tensor:
        """Shortfall, movement of the other logits and of the pixels, (B,).

        ``share`` of the way is behind; the ``step`` says whose turn it is.
        """
        after, turn = self._decoded(codes), step % len(self.views)
        number, view = self.views[turn]
        seen = self._judged(self.networks[number], view(after))
        moved = (seen - self.seen[turn]) / self.spreads[number]
        standing = self.standing[number]
        reached = standing + self.signs * moved[:, self.target]
        return (
            settings.reach_at(share) * (self.goals(standing, share) - reached).clamp(min=0).square()
            + settings.hold * (self.others * bent(moved)).sum(dim=1)
            + settings.pixels * (after - self.before).square().sum(dim=(1, 2, 3))
        )

    def _decoded(self, codes: Tensor) -> Tensor:
        """Images in float32, their channels last in memory, as convolutions like them."""
        with self._passes():
            images = self.decode(codes)
        return images.float().contiguous(memory_format=torch.channels_last)

    def _judged(self, network: Logits, images: Tensor) -> Tensor:
        with self._passes():
            logits = network(images)
        return logits.float()

    def _passes(self) -> torch.autocast:
        kind = self.signs.device.type
        return torch.autocast(kind, self.precision, enabled=self.precision != torch.float32)


def bent(moved: Tensor, bend: float = BEND) -> Tensor:
    """A square for small movements and, from ``bend`` on, a line: 2b (√(x² + b²) − b).

    Many small movements of other traits are noise between networks, a large one is a trait that is
    dragged along; and a square alone would pay for one trait held with ten that drift.
    """
    return 2 * bend * ((moved.square() + bend**2).sqrt() - bend)


class _View:
    """One random way to look at pictures: the same shift, mirroring and grain for all calls."""

    def __init__(self, generator: torch.Generator) -> None:
        self.shifts = torch.randint(-2, 3, (2,), generator=generator).tolist()
        self.mirrored = bool(torch.rand((), generator=generator) < 0.5)
        self.generator = generator
        self.grain: Tensor | None = None

    def __call__(self, images: Tensor) -> Tensor:
        seen = torch.roll(images, self.shifts, dims=(2, 3))
        seen = seen.flip(3) if self.mirrored else seen
        if self.grain is None:
            grain = torch.randn(images.shape, generator=self.generator).to(images.device)
            self.grain = 0.02 * grain.contiguous(memory_format=torch.channels_last)
        return seen + self.grain


def _on(device: str | torch.device, values: NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32)).to(device)
