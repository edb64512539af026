"""Two families that are no Gaussian-coded convnets, each in as few lines as it takes.

A file like this one, and a line in the catalogue, are all that a new family needs. Run as a program
it puts them into the catalogue, takes a run of each from training to evaluation, and looks at what
comes of it: the type of a recipe's model is made when Lik is imported, and so it is with a real
family.

Shapes: images (B, 3, S, S); codes (B, D), of two groups or of H·W embeddings one after the other.
"""

import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from lik.core.gaussian import DiagonalGaussian
from lik.models import catalogue
from lik.models.interface import VAE, Pass, VAESettings


class TwoLevelSettings(VAESettings):
    name: Literal["two-level"] = "two-level"
    size: int = 16
    top: int = 3
    bottom: int = 5


@dataclass(frozen=True)
class TwoLevels:
    """q(z₁ | x) q(z₂ | z₁, x) against p(z₁) p(z₂ | z₁), where z₂ is told as its residual.

    What is told of it without a sample is along the mean of z₁.
    """

    model: "TwoLevel"
    first: DiagonalGaussian
    features: Tensor

    def second(self, z1: Tensor) -> DiagonalGaussian:
        return self.model.gaussian("below", torch.cat([self.features, z1], dim=1))

    @property
    def mean(self) -> Tensor:
        return torch.cat([self.first.mean, self.second(self.first.mean).mean], dim=1)

    def sample(self, noise: Tensor) -> Tensor:
        z1 = self.first.sample(noise[:, : self.model.top])
        return torch.cat([z1, self.second(z1).sample(noise[:, self.model.top :])], dim=1)

    def kl_given(self, code: Tensor) -> Tensor:
        """KL in nats of z₁, and of z₂ from its prior given z₁, (B, D)."""
        z1 = code[:, : self.model.top]
        below, prior = self.second(z1), self.model.prior(z1)
        ratio = below.log_variance.exp() + (below.mean - prior).square()
        second = 0.5 * (ratio - below.log_variance - 1)
        return torch.cat([self.first.kl_per_dimension(), second], dim=1)

    def kl_per_dimension(self) -> Tensor:
        return self.kl_given(self.mean)


class TwoLevel(VAE):
    def __init__(self, settings: TwoLevelSettings) -> None:
        super().__init__()
        self.size, self.top = settings.size, settings.top
        self.latent = settings.top + settings.bottom
        pixels = 3 * settings.size**2
        self.encoder = nn.ModuleDict(
            {
                "body": nn.Sequential(nn.Flatten(), nn.Linear(pixels, 12), nn.ReLU()),
                "above": nn.Linear(12, 2 * settings.top),
                "below": nn.Linear(12 + settings.top, 2 * settings.bottom),
            }
        )
        self.prior = nn.Linear(settings.top, settings.bottom)
        self.decoder = nn.Sequential(
            nn.Linear(self.latent, pixels), nn.Sigmoid(),
            nn.Unflatten(1, (3, settings.size, settings.size)),
        )  # fmt: skip

    def gaussian(self, level: str, features: Tensor) -> DiagonalGaussian:
        return DiagonalGaussian(*self.encoder[level](features).chunk(2, dim=1))

    def encode(self, images: Tensor) -> TwoLevels:
        features = self.encoder["body"](images)
        return TwoLevels(self, self.gaussian("above", features), features)

    def from_prior(self, noise: Tensor) -> Tensor:
        z1, more = noise[:, : self.top], noise[:, self.top :]
        return torch.cat([z1, self.prior(z1) + more], dim=1)

    def forward(self, images: Tensor, noise: Tensor) -> Pass:
        posterior = self.encode(images)
        code = posterior.sample(noise)
        return Pass(posterior, code, self.decode(code), posterior.kl_given(code))


class QuantisedSettings(VAESettings):
    name: Literal["quantised"] = "quantised"
    size: int = 16
    symbols: int = 8
    width: int = 4


@dataclass(frozen=True)
class Symbols:
    """One symbol at each of H·W places, without doubt: its KL from the uniform prior is log K."""

    features: Tensor  # (B, H·W, E), before they are quantised
    mean: Tensor
    symbols: int

    def sample(self, noise: Tensor) -> Tensor:
        return self.mean

    def kl_per_dimension(self) -> Tensor:
        return torch.full(self.features.shape[:2], float(self.symbols)).log().to(self.mean)


class Quantised(VAE):
    """A vector-quantised VAE (arXiv:1711.00937), with its two further terms."""

    def __init__(self, settings: QuantisedSettings) -> None:
        super().__init__()
        self.size, self.symbols, self.width = settings.size, settings.symbols, settings.width
        side = settings.size // 4
        self.latent = side * side * settings.width
        self.book = nn.Embedding(settings.symbols, settings.width)
        self.encoder = nn.Conv2d(3, settings.width, 4, stride=4)
        self.decoder = nn.Sequential(
            nn.Unflatten(1, (side, side, settings.width)), _ChannelsFirst(),
            nn.ConvTranspose2d(settings.width, 3, 4, stride=4), nn.Sigmoid(),
        )  # fmt: skip

    @property
    def noise_width(self) -> int:
        return self.latent // self.width

    def encode(self, images: Tensor) -> Symbols:
        features = self.encoder(images).permute(0, 2, 3, 1).flatten(1, 2)
        chosen = torch.cdist(features, self.book.weight.expand(len(features), -1, -1)).argmin(2)
        return Symbols(features, self.book(chosen).flatten(1), self.symbols)

    def from_prior(self, noise: Tensor) -> Tensor:
        share = torch.special.ndtr(noise).clamp(max=1 - 1e-6)
        return self.book((share * self.symbols).long()).flatten(1)

    def forward(self, images: Tensor, noise: Tensor) -> Pass:
        posterior = self.encode(images)
        features, code = posterior.features.flatten(1), posterior.mean
        straight = features + (code - features).detach()  # gradients pass it by
        extra = {
            "codebook": F.mse_loss(code, features.detach(), reduction="none").sum(dim=1),
            "commitment": 0.25 * F.mse_loss(features, code.detach(), reduction="none").sum(dim=1),
        }
        kl = posterior.kl_per_dimension()
        return Pass(posterior, straight, self.decode(straight), kl, extra)


class _ChannelsFirst(nn.Module):
    def forward(self, maps: Tensor) -> Tensor:
        return maps.permute(0, 3, 1, 2)


def main(faces: str, out: Path) -> None:
    new = {
        "two-level": catalogue.Entry(TwoLevelSettings, TwoLevel, "two groups"),
        "quantised": catalogue.Entry(QuantisedSettings, Quantised, "symbols"),
    }
    catalogue.FAMILIES.update(new)
    catalogue.CATALOGUE.update(new)
    catalogue.FamilySettings = catalogue.any_of(catalogue.FAMILIES)
    catalogue.ModelSettings = catalogue.any_of(catalogue.CATALOGUE)

    import numpy as np

    from lik.app.evaluating import EvaluationRequest, evaluate, losses
    from lik.app.opened import OpenedRun
    from lik.core.run_folder import RunFolder
    from lik.faces.set.faceset import FaceSet
    from lik.training.recipe import load_recipe
    from lik.training.running import TrainingData, run_training

    face_set = FaceSet.open(faces)
    pictures = np.asarray(face_set.images[:32])
    described = {"crop": face_set.crop, "hash": "a", "index_hash": "b", "path": faces}
    data = TrainingData(pictures, np.arange(16), np.arange(16, 32), described)
    measured = {"loss", "kl", "psnr", "active_units", "probe_accuracy", "mig"}
    extra = {"codebook", "commitment"}
    for name, width, dimensions, more in (("two-level", 8, 8, set()), ("quantised", 64, 16, extra)):
        recipe_file = out / f"{name}.yaml"
        recipe_file.write_text(f"model: {{name: {name}}}\nepochs: 1\nbatch_size: 8\n")
        recipe = load_recipe(str(recipe_file), ["objective.free_bits=0.05"], 16)
        folder = RunFolder(out / name)
        assert run_training(folder, recipe, data, torch.device("cpu")).state.step == 2
        run = OpenedRun(folder.path, "cpu")
        codes = run.session.encode(pictures)
        assert codes.shape == (32, width)
        assert run.session.decode(codes).shape == pictures.shape
        assert run.session.generate(3).shape == (3, 16, 16, 3)
        assert (OpenedRun(folder.path, "cpu").session.encode(pictures) == codes).all()
        request = EvaluationRequest(faces, "all", importance=2)
        (evaluation,) = evaluate([run], request).evaluations
        assert measured <= {metric.key for metric in evaluation.metrics}
        assert any("known of Gaussian codes alone" in note for note in evaluation.notes)
        terms = losses(run, pictures)
        assert {"loss", "reconstruction", "kl"} | more <= terms.keys()
        assert all(values.shape == (32,) for values in terms.values())
        assert run.session.posteriors(pictures).kl.shape[1] == dimensions
        if name == "quantised":
            assert abs(float(terms["kl"].mean()) - 16 * math.log(8)) < 1e-4


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
