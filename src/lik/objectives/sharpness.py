"""What a refiner is trained for: fidelity where the code can know, and a critic for the rest.

Fidelity asks for coarse pixels and the deep maps of a fixed network, whose position the code knows.
How a hair lies it cannot know: there the picture is to look real beside the decoding that it came
from. The critic learns a relativistic loss of pairs (arXiv:1807.00734) with a zero-centred penalty
on its gradients (arXiv:2501.05441), taken by finite differences (arXiv:2501.08316).

Shapes: images x, decodings b, refined y (B, 3, S, S) in 0…1; codes (B, D); terms (B,).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from lik.core.gaussian import Posterior
from lik.objectives.interface import Objective, ObjectiveSettings
from lik.objectives.similarity import Features


class RefinedModel(Protocol):
    """A model whose decodings are refined."""

    @property
    def refiner(self) -> Callable[[Tensor, Tensor], Tensor]: ...
    @property
    def noise_width(self) -> int: ...
    def encode(self, images: Tensor) -> Posterior: ...
    def to_refine(self, images: Tensor, codes: Tensor) -> Tensor: ...


class SharpnessSettings(ObjectiveSettings):
    """``network``: an attribute classifier, whose maps count with the weights ``layers``.

    ``coarse`` weighs the squared error of 4×4 means (on the scale of Σ(x−x̂)²), ``pixels`` that of
    all pixels, ``features`` the maps. The critic's gradient at the picture is ``critic`` times as
    long as that of fidelity (0: there is no critic): its weight is found once, after ``alone``
    steps without it, and comes in over ``rise`` steps.
    ``heads`` weigh the critic's look at pixels and at each map; it sees ``critic_share`` of a
    batch. ``penalty`` is that on its gradient, by noise of std ``penalty_noise``, every second
    step. ``shift``: what networks see is moved by up to so many pixels.

    ``nobody`` weighs what the critic says of codes that belong to no face (`codes_of_nobody`),
    beside what it says of faces: so the refiner learns what priors draw and what edits lead to.
    """

    network: str
    layers: tuple[float, ...] = (0.0, 0.25, 1.0, 1.0)
    coarse: float = Field(1.0, ge=0)
    pixels: float = Field(0.0, ge=0)
    features: float = Field(100.0, ge=0)
    critic: float = Field(0.6, ge=0)
    alone: int = Field(100, ge=1)
    rise: int = Field(300, ge=1)
    heads: tuple[float, float] = (1.0, 0.5)
    penalty: float = Field(0.005, ge=0)
    penalty_noise: float = Field(0.03, gt=0)
    critic_share: float = Field(0.75, gt=0, le=1)
    shift: int = Field(2, ge=0)
    nobody: float = Field(0.0, ge=0)

    @property
    def whole_batch(self) -> str:
        return "critic"

    @property
    def shareable(self) -> bool:
        return True

    @property
    def scale(self) -> str:
        pixels = f"{self.pixels:g}·Σ(x−x̂)² + " if self.pixels else ""
        return (
            f"{pixels}{self.coarse:g}·Σ(x−x̂)² of 4×4 means + {self.features:g}·L1 of feature maps "
            "+ λ·relativistic loss"
        )


@dataclass(frozen=True)
class View:
    """Pictures as networks see them (B, 3, S, S), and their maps in the fixed network."""

    pictures: Tensor
    maps: Sequence[Tensor]

    def __getitem__(self, part: slice) -> "View":
        return View(self.pictures[part], [m[part] for m in self.maps])

    def first(self, count: int) -> "View":
        """The first ones of a batch, through which no gradient goes."""
        return View(self.pictures[:count].detach(), [m[:count].detach() for m in self.maps])


@dataclass(frozen=True)
class Views:
    """Images, the decodings of their codes, and what the refiner made of these.

    ``nobody``: decodings of as many codes that belong to no face, and the refined ones.
    """

    images: View
    decodings: View
    refined: View
    nobody: tuple[View, View] | None = None

    def first(self, count: int) -> "Views":
        """Those of the first faces of a batch, through which no gradient goes."""
        faces = self.images.first(count), self.decodings.first(count), self.refined.first(count)
        if self.nobody is None:
            return Views(*faces)
        return Views(*faces, (self.nobody[0].first(count), self.nobody[1].first(count)))


class Sharpness(Objective):
    """The objective of a refiner. Its state: the critic, steps so far, and the critic's weight λ.

    Args:
        features: maps of a fixed network. critic: sees all of them but the first.
        precision: of the passes of refiner and critic in training.
    """

    steps: Tensor
    weight: Tensor

    def __init__(
        self,
        settings: SharpnessSettings,
        features: Features,
        critic: nn.Module,
        precision: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.settings, self.precision = settings, precision
        self._features = features
        self.critic = critic
        self.register_buffer("steps", torch.zeros(()))
        self.register_buffer("weight", torch.zeros(()))

    @property
    def numbers(self) -> int:
        """Normal numbers of a face beside those of its code.

        How much noise its code has, a shift (2), and how much of another face's code nobody's has.
        """
        return 4 if self.settings.nobody else 3

    def see(self, model: RefinedModel, images: Tensor, noise: Tensor) -> Views:
        """Images, and standard normal ``noise`` (B, W + `numbers`) → all that the terms are of.

        Codes are drawn at a random share of the posterior's σ, so that the refiner knows both the
        means and what lies about them.
        """
        settings, count, width = self.settings, len(images), model.noise_width
        shares = torch.special.ndtr(noise[:, width:])  # uniform in 0…1
        moves, sources = shares[:, 1:3], images
        with torch.no_grad():
            codes = model.encode(images).sample(noise[:, :width] * shares[:, :1])
            if settings.nobody:
                codes = torch.cat([codes, codes_of_nobody(codes, shares[:, 3])])
                moves, sources = moves.repeat(2, 1), images.repeat(2, 1, 1, 1)
            decodings = model.to_refine(sources, codes).float()
        with self._autocast(images, self.training):
            refined = model.refiner(decodings, codes)
        if self.training and settings.shift:
            images = _moved(images, moves[:count], settings.shift)
            decodings, refined = (_moved(x, moves, settings.shift) for x in (decodings, refined))
        with torch.no_grad():
            real = View(images, self._features(images))
            decoding = View(decodings, self._features(decodings) if settings.critic else ())
        made = View(refined, self._features(refined))
        if not settings.nobody:
            return Views(real, decoding, made)
        own, nobodys = slice(count), slice(count, None)
        return Views(real, decoding[own], made[own], (decoding[nobodys], made[nobodys]))

    def refiner_terms(self, views: Views) -> dict[str, Tensor]:
        """What the refiner minimises: ``loss``, and ``coarse``, ``features`` and ``realism``.

        Without a critic there is no realism.
        """
        settings, true, made = self.settings, views.images, views.refined
        coarse = F.avg_pool2d(made.pictures, 4) - F.avg_pool2d(true.pictures, 4)
        squares = 16 * coarse.square().flatten(1).sum(dim=1)
        maps = zip(settings.layers, made.maps, true.maps, strict=True)
        l1 = [w * (m.float() - t.float()).abs().flatten(1).mean(dim=1) for w, m, t in maps if w]
        features = torch.stack(l1).sum(dim=0)
        fidelity = settings.coarse * squares + settings.features * features
        if settings.pixels:
            errors = (made.pictures - true.pictures).square().flatten(1).sum(dim=1)
            fidelity = fidelity + settings.pixels * errors
        terms = {"coarse": squares, "features": features}
        if not settings.critic:
            return {"loss": fidelity, **terms}
        self.critic.requires_grad_(False)  # its own step comes after
        real = self._scores(true, views.decodings)
        realism = self._told_apart(real, self._scores(made, views.decodings))
        if views.nobody:
            of_nobody = self._told_apart(real, self._scores(views.nobody[1], views.nobody[0]))
            realism = realism + settings.nobody * of_nobody
        self.critic.requires_grad_(True)
        if self.training:
            self._balance(made.pictures, fidelity, realism)
        loss = fidelity + self.present_weight() * realism
        return {"loss": loss, **terms, "realism": realism}

    def critic_terms(self, views: Views, generator: torch.Generator) -> dict[str, Tensor]:
        """What the critic minimises: ``critic_loss``, and its parts ``critic`` and ``penalty``."""
        count = max(1, round(self.settings.critic_share * len(views.images.pictures)))
        views = views.first(count)
        real, made = (self._scores(view, views.decodings) for view in (views.images, views.refined))
        critic = self._told_apart(made, real)
        if views.nobody:
            of_nobody = self._told_apart(self._scores(views.nobody[1], views.nobody[0]), real)
            critic = critic + self.settings.nobody * of_nobody
        if not self.settings.penalty or int(self.steps) % 2:
            return {"critic_loss": critic, "critic": critic}
        # Every second step, so that it weighs double.
        penalty = self._slope(views.images, views.decodings, real, generator)
        penalty = penalty + self._slope(views.refined, views.decodings, made, generator)
        return {
            "critic_loss": critic + 2 * self.settings.penalty * penalty,
            "critic": critic,
            "penalty": penalty,
        }

    def _slope(
        self, view: View, base: View, scores: list[Tensor], generator: torch.Generator
    ) -> Tensor:
        """The squared slope of the scores in a random direction from the pictures, (B,)."""
        scale = self.settings.penalty_noise
        noise = torch.empty_like(view.pictures).normal_(generator=generator)
        moved = view.pictures + scale * noise
        with torch.no_grad():
            maps = self._features(moved)
        again = self._scores(View(moved, maps), base)
        differences = zip(again, scores, strict=True)
        return self._over_heads([((new - old) / scale).square() for new, old in differences])

    def _told_apart(self, low: list[Tensor], high: list[Tensor]) -> Tensor:
        """The relativistic loss (B,) of scores by head, of which the second are to be higher."""
        pairs = zip(low, high, strict=True)
        return self._over_heads([F.softplus(one - other) for one, other in pairs])

    def _scores(self, view: View, base: View) -> list[Tensor]:
        """The critic's scores of pictures beside decodings, by head."""
        with self._autocast(view.pictures, True):
            scores = self.critic(view.pictures, base.pictures, view.maps[1:], base.maps[1:])
        return [score.float() for score in scores]

    def _over_heads(self, values: Sequence[Tensor]) -> Tensor:
        """Values by head, (B, 1, H, W) → their weighted sum of means, (B,)."""
        pixels, maps = self.settings.heads
        weights = [pixels, *[maps] * (len(values) - 1)]
        means = (w * v.flatten(1).mean(dim=1) for w, v in zip(weights, values, strict=True))
        return torch.stack(list(means)).sum(dim=0)

    def _balance(self, refined: Tensor, fidelity: Tensor, realism: Tensor) -> None:
        """Count the step; after the first ones, find the weight of the critic."""
        self.steps += 1
        if int(self.steps) != self.settings.alone:
            return
        ours, theirs = (
            torch.autograd.grad(term.sum(), refined, retain_graph=True)[0].norm()
            for term in (fidelity, realism)
        )
        self.weight.copy_(self.settings.critic * ours / theirs.clamp(min=1e-12))

    def settled(self) -> bool:
        """Never: the critic moves, so that losses of different times do not compare."""
        return False

    def metrics(self) -> dict[str, float]:
        """The weight λ of the critic."""
        return {"critic_weight": float(self.present_weight())}

    def present_weight(self) -> Tensor:
        """The weight λ of the critic at this step, ()."""
        risen = (self.steps - self.settings.alone) / self.settings.rise
        return self.weight * risen.clamp(0, 1)

    def _autocast(self, images: Tensor, wanted: bool) -> torch.autocast:
        lower = wanted and self.precision != torch.float32
        return torch.autocast(images.device.type, self.precision, enabled=lower)


def codes_of_nobody(codes: Tensor, shares: Tensor) -> Tensor:
    """Codes (B, D) → as many, each somewhere on the way from one to the next, as shares (B,) say.

    On the way of cos θ z₁ + sin θ z₂ they keep the covariance that the codes have about 0.
    """
    angles = (shares * math.pi / 2)[:, None]
    return codes * angles.cos() + codes.roll(1, 0) * angles.sin()


def _moved(images: Tensor, shares: Tensor, most: int) -> Tensor:
    """Images shifted by whole pixels, up to ``most``, as ``shares`` (B, 2) in 0…1 say.

    What comes in is mirrored at the border.
    """
    size = images.shape[-1]
    offsets = (shares * (2 * most + 1)).long().clamp(0, 2 * most).tolist()
    wider = F.pad(images, (most,) * 4, "reflect")
    cut = [w[:, y : y + size, x : x + size] for w, (y, x) in zip(wider, offsets, strict=True)]
    return torch.stack(cut).contiguous(memory_format=torch.channels_last)
