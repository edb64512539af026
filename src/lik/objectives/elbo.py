"""The negative evidence lower bound, put together as in the paper's equation 1."""

from typing import Literal, Protocol

from pydantic import Field
from torch import Tensor

from lik.core.gaussian import DiagonalGaussian
from lik.objectives.reconstruction import RECONSTRUCTIONS, SCALES
from lik.objectives.settings import ObjectiveSettings


class ElboSettings(ObjectiveSettings):
    """``reconstruction``: 'sse' (published figures) or 'half_sse' (equation 1); weight β of KL."""

    reconstruction: Literal["sse", "half_sse"] = "sse"
    beta: float = Field(1.0, ge=0)

    @property
    def scale(self) -> str:
        weight = "" if self.beta == 1 else f"{self.beta:g}·"
        return f"{SCALES[self.reconstruction]} + {weight}KL"

    @property
    def recordable(self) -> bool:
        # Whatever changes with time, such as a rising weight, is not: it would stay as recorded.
        return set(self.model_dump(exclude_defaults=True)) <= {"reconstruction", "beta"}


class Output(Protocol):
    """What one way through a model gives: the posterior (B, D) and the reconstruction of x."""

    @property
    def posterior(self) -> DiagonalGaussian: ...
    @property
    def reconstruction(self) -> Tensor: ...


class Model(Protocol):
    """Whatever encodes images (B, 3, S, S), draws a code for each, and decodes it."""

    def __call__(self, images: Tensor, noise: Tensor) -> Output: ...


class Elbo:
    """The objective that ``settings`` describe, as a function of a model and a batch."""

    def __init__(self, settings: ElboSettings) -> None:
        self.beta = settings.beta
        self.error = RECONSTRUCTIONS[settings.reconstruction]

    def __call__(self, model: Model, images: Tensor, noise: Tensor) -> dict[str, Tensor]:
        """Images (B, 3, S, S) in 0…1 → the terms of equation 1 in nats per image, each (B,).

        One posterior sample per image, drawn by standard normal ``noise`` (B, D); the names are
        loss, reconstruction and kl. They are float32, whatever the precision of the model.
        """
        output = model(images, noise)
        reconstruction = self.error(images, output.reconstruction.float())
        kl = output.posterior.kl_to_standard()
        # Equation 1:  ½ Σ (x − x̂)²  +  β Σ ½ (σ² + μ² − log σ² − 1)
        loss = reconstruction + self.beta * kl
        return {"loss": loss, "reconstruction": reconstruction, "kl": kl}
