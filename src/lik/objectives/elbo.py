"""The negative evidence lower bound, put together as in the paper's equation 1."""

from collections.abc import Callable
from typing import Any

from pydantic import Field, field_serializer, model_validator
from torch import Tensor

from lik.core.configuration import Settings
from lik.objectives.interface import Objective, ObjectiveSettings, Weighed
from lik.objectives.kl import (
    CapacitySettings,
    Geco,
    GecoSettings,
    KLSettings,
    KLTerm,
    Output,
    WarmupSettings,
)
from lik.objectives.reconstruction import (
    ErrorOptions,
    ReconstructionLoss,
    ReconstructionSettings,
    Variance,
)
from lik.objectives.similarity import Features


class FeaturesSettings(Settings):
    """``network``: where the network of the features lies; ``layers`` of it, from 0, or all."""

    network: str
    layers: tuple[int, ...] | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _layers_from_zero(self) -> "FeaturesSettings":
        if self.layers and (min(self.layers) < 0 or len(set(self.layers)) < len(self.layers)):
            raise ValueError("layers are counted from 0, each named once")
        return self


class ElboSettings(ObjectiveSettings):
    """``reconstruction``: 'sse' (published figures), 'half_sse' (equation 1), another, or several.

    ``beta`` weighs KL; ``warmup`` lets it rise; ``free_bits`` per dimension cost nothing less;
    ``capacity`` holds KL at so many nats; ``geco`` holds the error at a target;
    ``total_correlation`` is the weight of that part of KL, where it is not β. `docs/objectives.md`
    says more.
    """

    reconstruction: ReconstructionSettings = ReconstructionSettings.model_validate("sse")
    variance: Variance | None = None
    features: FeaturesSettings | None = None
    beta: float = Field(1.0, ge=0)
    warmup: WarmupSettings | None = None
    free_bits: float | None = Field(None, gt=0)
    capacity: CapacitySettings | None = None
    geco: GecoSettings | None = None
    total_correlation: float | None = Field(None, ge=0)

    @field_serializer("reconstruction")
    def _by_name(self, value: ReconstructionSettings) -> Any:
        return value.alone or value.weights

    @model_validator(mode="after")
    def _goes_together(self) -> "ElboSettings":
        terms = self.reconstruction.weights
        if self.variance is not None and "gaussian" not in terms:
            raise ValueError("variance belongs to the reconstruction 'gaussian'")
        if "features" in terms and self.features is None:
            raise ValueError(
                "the reconstruction 'features' needs a network: give features.network=PATH, a "
                "trained attribute classifier"
            )
        if self.features is not None and "features" not in terms:
            raise ValueError("features.network belongs to the reconstruction 'features'")
        given = {
            "beta": self.beta != 1, "warmup": self.warmup, "free_bits": self.free_bits,
            "capacity": self.capacity, "total_correlation": self.total_correlation is not None,
            "gaussian": "gaussian" in terms, "logistic": "logistic" in terms,
        }  # fmt: skip
        for key, why, others in (
            ("geco", "weighs error against KL itself",
             ("beta", "warmup", "capacity", "gaussian", "logistic")),
            ("capacity", "says itself what KL costs",
             ("beta", "warmup", "free_bits", "total_correlation")),
            ("free_bits", "counts each dimension by itself", ("total_correlation",)),
        ):  # fmt: skip
            clash = next((other for other in others if given[other]), None)
            if getattr(self, key) is not None and clash:
                raise ValueError(f"{key} {why} and does not go together with {clash}")
        return self

    @property
    def kl(self) -> KLSettings:
        """The keys that are about the KL term."""
        return KLSettings(**{key: getattr(self, key) for key in KLSettings.model_fields})

    @property
    def scale(self) -> str:
        error, kl = self.reconstruction.scale, self.kl.scale
        if "gaussian" in self.reconstruction.weights:
            error += f", σ² {self.variance or 'optimal'}"
        if self.geco is not None:
            return f"{kl} + λ·({error} − {self.geco.error:g} a value)"
        return f"{error} + {kl}"

    @property
    def whole_batch(self) -> str | None:
        if "gaussian" in self.reconstruction.weights and self.variance != "learned":
            return "variance: optimal"
        if self.free_bits is not None:
            return "free_bits"
        return None if self.total_correlation is None else "total_correlation"

    @property
    def recordable(self) -> bool:
        # Whatever changes with time, such as a rising weight, is not: it would stay as recorded.
        return set(self.model_dump(exclude_defaults=True)) <= {"reconstruction", "beta"}


class Elbo(Objective):
    """The objective that ``settings`` describe, as a function of a model and a batch.

    ``faces`` are those of the training set; ``features`` is a network for the term of that name,
    whose weights are no part of the state.
    """

    def __init__(
        self, settings: ElboSettings, faces: int = 1, features: Features | None = None
    ) -> None:
        super().__init__()
        layers = settings.features.layers if settings.features else None
        options = ErrorOptions(settings.variance or "optimal", features, layers)
        self.reconstruction = ReconstructionLoss(settings.reconstruction, options)
        self.kl = KLTerm(settings.kl, faces)
        self.geco = Geco(settings.geco) if settings.geco is not None else None

    def forward(
        self, model: Callable[[Tensor, Tensor], Output], images: Tensor, noise: Tensor
    ) -> dict[str, Tensor]:
        """Images (B, 3, S, S) in 0…1 → the terms of equation 1 in nats per image, each (B,).

        One posterior sample per image, drawn by standard normal ``noise`` (B, W). The names are
        loss, reconstruction (weighted) and kl (not weighted), and those of further terms where
        there are any. They are float32, whatever the precision of the model.
        """
        terms: dict[str, Tensor] = self.terms(images, model(images, noise))
        return terms

    def terms(self, images: Tensor, output: Output) -> dict[str, Tensor]:
        """Images (B, 3, S, S) and a pass of them through a model → the terms, as `forward`."""
        error: Weighed = self.reconstruction(images, output.reconstruction.float())
        kl: Weighed = self.kl(output)
        # Equation 1:  ½ Σ (x − x̂)²  +  β Σ ½ (σ² + μ² − log σ² − 1)
        if self.geco is None:
            loss = error.total + kl.total
        else:
            loss = kl.total + self.geco(error.total, images[0].numel())
        extra = dict(output.extra or {})
        for term in extra.values():  # what a family asks for itself
            loss = loss + term
        terms = {"loss": loss, "reconstruction": error.total, "kl": kl.terms["kl"]}
        return terms | extra | error.terms | kl.terms
