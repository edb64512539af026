"""Guided edits: each face's own trajectory to a trait, by gradient steps on its code.

The trajectory begins along a direction that all faces share, and leaves it where that does good.
Networks that know attributes look at what the decoder makes of the code, or read the code itself
(`lik.latent.distillation`); steps of Adam bring the logit of the target to where it should be, and
preserve the other logits, the pixels and the code. All faces of a batch go at once, each by itself.

What they are measured by, std of codes and logits over faces and shared directions, is kept in
RUN/directions/guided.json, for one state of the run's weights.

Shapes: codes (B, D); images (B, 3, S, S) in 0…1; logits (B, A).
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from lik.core.artifacts import check_version, read_json, write_json
from lik.core.configuration import Settings, validated
from lik.core.errors import UnusableInput
from lik.core.precision import choose_precision
from lik.core.randomness import torch_stream
from lik.latent.directions.direction import Calibration
from lik.latent.session import Codes

Logits = Callable[[Tensor], Tensor]

GUIDED = "guided"
"""The method, and the name of the file."""
VERSION = 2

VIEWS = 6
"""Shifts, mirrorings and grains under which the networks look, in turn."""

DELTA = 0.3
"""Movement of a logit, in σ, from where on it counts by its size and no longer by its square."""

STRIDE = 5.0
"""How much further a step leads along the shared direction than in one dimension of the codes."""

RISE = 0.9
"""Share of the steps in which the goal rises; the rest of them settle."""


@dataclass(frozen=True)
class Classifier:
    """The logits of a network that knows attributes, and their std (A,) over real faces."""

    logits: Logits
    std: NDArray[np.floating]


class GuidanceSettings(Settings):
    """How the steps are weighed.

    Attributes:
        steps: of Adam. rate: its step, in standard deviations of the codes.
        distance: how far the logit of the target shall move by the end, in its σ.
        max_logit_first, max_logit: level of the logit, in σ, beyond which no face need go: just
            beyond the boundary at first, and at the end so far that another network sees it too.
        target_weight_first, target_weight: of the target's squared shortfall, in σ², at the first
            step and at the last; it grows by the same factor at every step, so that what is easily
            had is had gently, and the rest is had at all.
        preserve_weight: of what the other logits move by, see `pseudo_huber`; each in its σ.
        pixel_weight: of the squared change of the picture, summed over pixels and channels.
        residual_weight: of the squared step beside the shared direction, in standard deviations of
            the codes; the step along it costs nothing.
        code_weight: the same of the whole step, where no direction is given.
    """

    steps: int = 120
    rate: float = 0.04
    distance: float = 6.0
    max_logit_first: float = 0.4
    max_logit: float = 2.0
    target_weight_first: float = 1.5
    target_weight: float = 48.0
    preserve_weight: float = 8.0
    pixel_weight: float = 0.05
    residual_weight: float = 0.3
    code_weight: float = 0.02

    @classmethod
    def reading_codes(cls) -> "GuidanceSettings":
        """For networks that read codes: there are no pixels to preserve, and steps stay shorter.

        They lead further, for much of what a decoding shows does not arrive in a photograph.
        """
        return cls(
            distance=12.0, max_logit_first=0.0, max_logit=5.0, target_weight_first=3.0,
            pixel_weight=0.0, residual_weight=1.0,
        )  # fmt: skip

    def target_weight_at(self, share: float) -> float:
        """The weight of the target where a share of the trajectory is behind."""
        growth = self.target_weight / self.target_weight_first
        return float(self.target_weight_first * growth**share)

    def max_logit_at(self, share: float) -> float:
        """The level beyond which no face need go after a share; it rises late."""
        return self.max_logit_first + share**3 * (self.max_logit - self.max_logit_first)


def guided_trajectory(
    codes: Codes,
    decode: Callable[[Tensor], Tensor] | None,
    classifiers: Sequence[Classifier],
    target: int,
    signs: NDArray[np.floating],
    scale: Codes,
    along: Codes | None = None,
    settings: GuidanceSettings = GuidanceSettings(),
    stops: int = 40,
    stretch: float = 1.0,
    seed: int = 0,
    device: str | torch.device = "cpu",
    step_done: Callable[[int], None] = lambda step: None,
) -> Codes:
    """Move codes (N, D) to a trait, or away from it, and keep where they pass: (stops, N, D).

    The goal of each face's logit, times its sign, rises evenly from where it is by
    ``settings.distance``, for all faces alike, as along a direction; but no face is asked to go
    beyond `GuidanceSettings.max_logit_at`, and one that is above it already stays where it is, to
    the bit. Codes keep about the length that they have, as along directions
    (`lik.latent.directions.direction.stepped`). Every step looks at the pictures before and after
    through one of the networks, under one of a few shifts, mirrorings and grains, and counts only
    differences, so that what is found holds for more than one view of a face (Athalye et al.,
    arXiv:1707.07397) and for more than one network (Liu et al., arXiv:1611.02770). Passes are in
    bfloat16 where the device is fast at it.

    Args:
        codes: where the faces are. decode: codes → images; None where networks read codes, which
            then are not shifted, and have no pixels.
        classifiers: networks that know the same attributes; they take turns.
        target: index of the attribute.
        signs: (N,) +1 for faces that shall have it, −1 for those that shall not.
        scale: (D,) standard deviations of the codes of faces, the measure of steps.
        along: (D,) the shared direction, such as the joint discriminant; None for none. It keeps
            what no network is asked about: free steps find what pleases the networks, as well in
            the wall behind a head.
        stops, stretch: how many codes of the trajectory are kept, and where (`marked_steps`).
        seed: of shifts and grain. device: where decoder and networks are.
        step_done: called after each step with how many are done.

    Raises:
        UnusableInput: no network, or fewer steps than stops.
    """
    if not classifiers:
        raise UnusableInput("guided edits need a network that knows attributes.", needs="network")
    if not 1 <= stops <= settings.steps:
        raise UnusableInput(f"{settings.steps} steps cannot have {stops} stops.")
    exact = torch.float64 if decode is None else torch.float32
    origin = _on(device, codes, exact)
    unit = _on(device, scale, exact)
    objective = _Objective(origin, decode, classifiers, target, signs, seed, settings)
    moves = torch.zeros(len(origin), origin.shape[1] + 1, dtype=exact, device=origin.device)
    moves.requires_grad_()  # beside the shared direction in each dimension, and along it
    adam = _Adam(moves, settings.rate)
    direction, price = torch.zeros_like(unit), settings.code_weight
    if along is not None and np.any(along):
        direction = shared_direction(_on(device, along, exact), unit)
        price = settings.residual_weight

    def place() -> Tensor:
        step = unit * (moves[:, :-1] + moves[:, -1:] * direction)
        longer = (1 + step.square().sum(dim=1, keepdim=True) / step.shape[1]).sqrt()
        return (origin + step) / longer

    kept = []
    marks = marked_steps(settings.steps, stops, stretch)
    for step in range(settings.steps):
        share = min(1.0, (step + 1) / (RISE * settings.steps))
        loss = objective.loss(place(), step, share)
        loss = loss + price * moves[:, :-1].square().sum(dim=1)
        (slope,) = torch.autograd.grad(loss.sum(), moves)
        # Adam makes whole steps of the smallest gradients, and rounding alone gives some.
        adam.step(slope * (objective.shortfall(share) > 0)[:, None])
        if step + 1 in marks:
            here = place().detach().cpu().numpy().astype(np.float32)
            kept += marks.count(step + 1) * [here]
        step_done(step + 1)
    return np.stack(kept)


def shared_direction(along: Tensor, scale: Tensor) -> Tensor:
    """The direction (D,) along which faces set out, in standard deviations of the codes."""
    return STRIDE * F.normalize(along / scale.clamp(min=1e-3), dim=0)


def marked_steps(steps: int, stops: int, stretch: float = 1.0) -> list[int]:
    """After how many steps a code of the trajectory is kept: ``stops`` times, some perhaps twice.

    Stop k is the place after the share √(stretch · k / stops) of the trajectory, or its end. Goals
    rise late, so that stops at even distances would show nothing at first. A ``stretch`` below 1
    ends before the end, one above 1 is there sooner.
    """
    shares = np.sqrt(stretch * np.arange(1, stops + 1) / stops).clip(max=1)
    return [max(1, int(mark)) for mark in (steps * shares).round()]


class _Adam:
    """Steps of Adam (arXiv:1412.6980, algorithm 1); to import that of PyTorch takes a second."""

    FIRST, SECOND, EPSILON = 0.9, 0.99, 1e-8

    def __init__(self, values: Tensor, rate: float) -> None:
        self.values, self.rate, self.steps = values, rate, 0
        self.mean, self.square = torch.zeros_like(values), torch.zeros_like(values)

    @torch.no_grad()
    def step(self, slope: Tensor) -> None:
        """Go downhill, where the values' slope is this."""
        self.steps += 1
        self.mean.lerp_(slope, 1 - self.FIRST)
        self.square.lerp_(slope.square(), 1 - self.SECOND)
        spread = (self.square / (1 - self.SECOND**self.steps)).sqrt() + self.EPSILON
        self.values -= self.rate / (1 - self.FIRST**self.steps) * self.mean / spread


class _Objective:
    """What is wanted of the faces, measured from where they are."""

    def __init__(
        self,
        origin: Tensor,
        decode: Callable[[Tensor], Tensor] | None,
        classifiers: Sequence[Classifier],
        target: int,
        signs: NDArray[np.floating],
        seed: int,
        settings: GuidanceSettings,
    ) -> None:
        self.target, self.decode, self.settings = target, decode, settings
        self.precision = choose_precision(origin.device) if decode else torch.float32
        self.signs = _on(origin.device, signs, origin.dtype)
        self.networks = [classifier.logits for classifier in classifiers]
        self.stds = [_on(origin.device, one.std, origin.dtype) for one in classifiers]
        views: list[Callable[[Tensor], Tensor]] = [lambda codes: codes]
        if decode is not None:
            views = [_View(torch_stream(seed, "guided", number)) for number in range(VIEWS)]
        # By turns: each network under the first view, each under the second, and so on.
        self.views = [(number, view) for view in views for number in range(len(classifiers))]
        with torch.no_grad():
            self.before = self._decoded(origin)
            logits = [self._logits(network, self.before) for network in self.networks]
            self.seen = [
                self._logits(self.networks[number], view(self.before))
                for number, view in self.views
            ]
        self.starts = [
            self.signs * values[:, target] / std[target]
            for values, std in zip(logits, self.stds, strict=True)
        ]
        self.others = torch.ones_like(self.stds[0])
        self.others[target] = 0

    def goals(self, starts: Tensor, share: float) -> Tensor:
        """Where faces that began at ``starts`` (B,) shall be after a share of the steps."""
        goals = starts + share * self.settings.distance
        return torch.maximum(goals.clamp(max=self.settings.max_logit_at(share)), starts)

    def shortfall(self, share: float) -> Tensor:
        """How far each face began below where it shall be after a share, in σ, (B,)."""
        starts = torch.stack(self.starts).mean(dim=0)
        return self.goals(starts, share) - starts

    def loss(self, codes: Tensor, step: int, share: float) -> Tensor:
        """Shortfall, movement of the other logits and of the pixels, (B,).

        ``share`` of the steps is behind; the ``step`` says whose turn it is.
        """
        after, turn = self._decoded(codes), step % len(self.views)
        number, view = self.views[turn]
        seen = self._logits(self.networks[number], view(after))
        moved = (seen - self.seen[turn]) / self.stds[number]
        starts, settings = self.starts[number], self.settings
        reached = starts + self.signs * moved[:, self.target]
        shortfall = (self.goals(starts, share) - reached).clamp(min=0)
        return (
            settings.target_weight_at(share) * shortfall.square()
            + settings.preserve_weight * (self.others * pseudo_huber(moved)).sum(dim=1)
            + settings.pixel_weight * (after - self.before).square().flatten(1).sum(dim=1)
        )

    def _decoded(self, codes: Tensor) -> Tensor:
        """What networks look at: images in float32, channels last in memory; or the codes."""
        if self.decode is None:
            return codes
        with self._passes():
            images = self.decode(codes)
        return images.float().contiguous(memory_format=torch.channels_last)

    def _logits(self, network: Logits, images: Tensor) -> Tensor:
        with self._passes():
            return network(images).to(self.signs.dtype)

    def _passes(self) -> torch.autocast:
        kind = self.signs.device.type
        return torch.autocast(kind, self.precision, enabled=self.precision != torch.float32)


def pseudo_huber(moved: Tensor, delta: float = DELTA) -> Tensor:
    """A square for small movements and, from ``delta`` on, a line: 2δ (√(x² + δ²) − δ).

    Many small movements of other traits are noise between networks, a large one is a trait that is
    dragged along; and a square alone would pay for one trait held with ten that drift.
    """
    return 2 * delta * ((moved.square() + delta**2).sqrt() - delta)


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
            grain = torch.randn(images.shape[1:], generator=self.generator)  # one for all faces
            self.grain = 0.02 * grain.to(images.device)
        return seen + self.grain


def _on(device: str | torch.device, values: NDArray[np.floating], kind: torch.dtype) -> Tensor:
    return torch.from_numpy(np.asarray(values)).to(device, kind)


class GuidedStatistics(Settings):
    """Measures of the faces of one run.

    All numbers have four digits, so that what is measured again is the same, whatever was in a
    batch together.

    Attributes:
        encoder_sha256: the weights that they are of. faces_sha256: the faces. faces: their set.
        attributes: the A attributes that every network below knows, in this order.
        scale: (D,) standard deviations of the codes of faces.
        along: attribute → (D,) its joint discriminant, along which faces set out; those that do not
            divide the faces are missing.
        stds: hash of a network → (A,) standard deviations of its logits over faces; the first one
            measures. paths: hash of a network → where it lay.
        calibrations, away: attribute → how strengths 1 and −1 of the network that reads codes were
            found; what those of −1 tell is of the absence of the trait.
    """

    format: Literal["lik-guided"] = "lik-guided"
    version: int = VERSION
    encoder_sha256: str
    faces_sha256: str
    faces: str
    attributes: tuple[str, ...]
    scale: tuple[float, ...]
    along: dict[str, tuple[float, ...]]
    stds: dict[str, tuple[float, ...]]
    paths: dict[str, str]
    calibrations: dict[str, Calibration] = Field(default_factory=dict)
    away: dict[str, Calibration] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _go_together(self) -> "GuidedStatistics":
        if any(len(one) != len(self.scale) for one in self.along.values()):
            raise ValueError("'along' has vectors of other codes than 'scale'")
        if any(len(one) != len(self.attributes) for one in self.stds.values()):
            raise ValueError("'stds' has other attributes than 'attributes'")
        return self

    def is_of(self, encoder_sha256: str, latent: int) -> bool:
        """Whether they are of these weights, and of codes of so many numbers."""
        return self.encoder_sha256 == encoder_sha256 and len(self.scale) == latent

    def fingerprint(
        self, networks: Iterable[str], lengths: Sequence[Mapping[str, float]] = ()
    ) -> str:
        """A short hash that other faces, codes, lengths of 1 and −1 or guiding networks change."""
        stds = {sha256: self.stds[sha256] for sha256 in self.stds if sha256 in set(networks)}
        told = json.dumps([VERSION, self.attributes, self.scale, self.along, stds, lengths])
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def save(self, run: Path) -> Path:
        """Write them beside a run."""
        path = _path(run)
        write_json(path, self.model_dump(mode="json"))
        return path

    @classmethod
    def load(cls, run: Path) -> "GuidedStatistics | None":
        """Read what is kept beside a run; None where nothing is.

        Raises:
            UnusableInput: it is broken, or of a newer Lik.
        """
        path = _path(run)
        if not path.is_file():
            return None
        content = read_json(path)
        if not isinstance(content, dict) or content.get("format") != "lik-guided":
            raise UnusableInput(f"{path} holds no statistics of guided edits: remove it.")
        check_version(str(path), content.get("version"), VERSION)
        return validated(cls, content, str(path))


def four_digits(values: Iterable[float]) -> tuple[float, ...]:
    """The numbers rounded to four significant digits."""
    return tuple(float(f"{value:.4g}") for value in values)


def _path(run: Path) -> Path:
    return Path(run) / "directions" / f"{GUIDED}.json"
