"""A recipe: the whole configuration of a training run, from a YAML file and key=value overrides.

A `TrainingPlan` is what every training has, whatever it trains; a `Recipe` is the plan of a VAE.
"""

import math
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from lik.core.configuration import (
    Settings,
    Tree,
    nearest,
    override,
    parse_yaml,
    read_yaml,
    validated,
)
from lik.core.errors import UnusableInput
from lik.core.precision import choose_precision
from lik.models.catalogue import FamilySettings, build
from lik.models.interface import VAE
from lik.objectives.augmentation import NUMBERS, AugmentationSettings, augment
from lik.objectives.elbo import Elbo, ElboSettings
from lik.objectives.interface import Objective, ObjectiveSettings
from lik.objectives.similarity import WINDOW
from lik.training.batches import Batch, Noise
from lik.training.fast import DeviceSettings
from lik.training.feature_networks import network_hash, open_features
from lik.training.journal import ACTIVE
from lik.training.step import Loss, Step

RECONSTRUCTION = "objective.reconstruction"


class AdamSettings(Settings):
    """Adam as Keras has it by default, but for the paper's learning rate.

    ``schedule``: the rate stays, or falls to zero along half a cosine (arXiv:1608.03983) until the
    last step; over the first ``warmup`` steps it rises from zero. ``clip``: the largest norm of a
    gradient, to which longer ones are shortened.
    """

    learning_rate: float = Field(5e-4, gt=0)
    beta1: float = Field(0.9, ge=0, lt=1)
    beta2: float = Field(0.999, ge=0, lt=1)
    epsilon: float = Field(1e-7, gt=0)
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: int = Field(0, ge=0)
    clip: float | None = Field(None, gt=0)

    def build(self, model: nn.Module) -> torch.optim.Optimizer:
        """Adam with one kernel for all weights, which is the same arithmetic and faster."""
        return torch.optim.Adam(
            model.parameters(),
            lr=self.learning_rate,
            betas=(self.beta1, self.beta2),
            eps=self.epsilon,
            fused=True,
        )

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of a step (from 0) of ``steps``.

        A run that is extended goes on at the rate of the longer run.
        """
        rising = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        if self.schedule == "constant":
            return self.learning_rate * rising
        falling = max(0, step - self.warmup) / max(1, steps - self.warmup)
        return self.learning_rate * rising * (1 + math.cos(math.pi * min(1.0, falling))) / 2


class TrainingPlan(Settings):
    """Everything that determines a run, beside its face set.

    ``mirror`` shows each face left-right mirrored half of the time; ``seed`` decides the weights
    at the start, the order of the faces, the mirroring and the noise. ``ema``: decay of the moving
    average of the weights, such as 0.999, which is then what is measured, shown and saved for use.
    ``patience``: epochs without a better validation loss after which a run ends early.
    """

    model: Settings
    objective: ObjectiveSettings
    optimizer: AdamSettings = AdamSettings()
    batch_size: int = Field(64, ge=1)
    epochs: int = Field(ge=1)
    mirror: bool = False
    seed: int = Field(0, ge=0)
    ema: float | None = Field(None, gt=0, lt=1)
    patience: int | None = Field(None, ge=1)
    device: DeviceSettings = DeviceSettings()

    @property
    def network(self) -> str | None:
        """Where the network lies in whose maps the objective looks; None where there is none."""
        return None

    @property
    def step_class(self) -> type[Step]:
        """What takes the steps, where they are not recorded."""
        return Step

    def noise_width(self, model: Any) -> int | None:
        """How many normal numbers the objective draws for a face, in one call; None: otherwise."""
        return None

    def build(self) -> nn.Module:
        """The model, with fresh weights from PyTorch's current seed."""
        raise NotImplementedError

    def state(self, faces: int, device: torch.device) -> Objective:
        """What an objective learns and counts while ``faces`` are trained on; empty by default."""
        return Objective()

    def loss(self, model: Any, state: Objective | None = None) -> Loss:
        """The objective of a model, as the loop takes it.

        ``state`` is what `state` gave; a new one where there is none.
        """
        raise NotImplementedError

    def provenance(self) -> dict[str, Any]:
        """What the weights depend on beside the settings and the faces, as plain values."""
        return {} if self.network is None else {"features_sha256": network_hash(self.network)}

    def details(self, model: nn.Module, images: Iterable[Tensor]) -> dict[str, Any]:
        """What else is worth keeping of an epoch, measured on batches of held-out faces."""
        return {}


class Recipe(TrainingPlan):
    """The plan of a variational autoencoder.

    ``augmentation``: how faces are moved and in what other light they are learned, as both input
    and target; as they are where it is left out.
    """

    model: FamilySettings
    objective: ElboSettings = ElboSettings()
    augmentation: AugmentationSettings | None = None

    @model_validator(mode="after")
    def _fits_the_objective(self) -> "Recipe":
        terms = self.objective.reconstruction.weights
        if {"ssim", "ms_ssim"} & set(terms) and self.model.size < WINDOW:
            raise ValueError(
                f"ssim looks at windows of {WINDOW} pixels: model.size={self.model.size} is too "
                "small for it"
            )
        if self.patience is not None and self.objective.geco is not None:
            raise ValueError(
                "with objective.geco the losses of different epochs do not compare, so patience "
                "cannot be kept: leave it out"
            )
        if self.objective.total_correlation is not None and self.batch_size == 1:
            raise ValueError(
                "objective.total_correlation compares the faces of a batch: give batch_size=2 or "
                "more"
            )
        return self

    @property
    def network(self) -> str | None:
        return self.objective.features.network if self.objective.features else None

    def noise_width(self, model: Any) -> int:
        width = int(model.noise_width)
        return width if self.augmentation is None else width + NUMBERS

    def build(self) -> nn.Module:
        return build(self.model)

    def state(self, faces: int, device: torch.device) -> Elbo:
        settings = self.objective.features
        features = None
        if settings is not None:
            precision = choose_precision(device, self.device.precision)
            features = open_features(
                settings.network, settings.layers, self.model.size, device, precision
            )
        return Elbo(self.objective, faces, features).to(device)

    def loss(self, model: Any, state: Objective | None = None) -> Loss:
        device = next(model.parameters()).device
        elbo = state or self.state(1, device).train(model.training)
        width, latent = self.noise_width(model), model.noise_width
        augmentation = self.augmentation

        def loss(batch: Batch, noise: Noise) -> Mapping[str, Tensor]:
            images, numbers = batch.images, noise.normal(width)
            if augmentation is not None and model.training:
                images = augment(images, numbers[:, latent:], augmentation)
            terms: Mapping[str, Tensor] = elbo(model, images, numbers[:, :latent])
            return terms

        return loss

    def details(self, model: nn.Module, images: Iterable[Tensor]) -> dict[str, Any]:
        assert isinstance(model, VAE)
        with torch.no_grad():
            kl = torch.cat([model.encode(batch).kl_per_dimension() for batch in images]).mean(dim=0)
        return {
            "kl_per_dimension": [round(value, 4) for value in kl.tolist()],
            "active_units": int((kl > ACTIVE).sum()),
        }


def packaged_recipes() -> dict[str, str]:
    """The recipes that come with Lik: name → YAML text."""
    folder = resources.files("lik.recipes")
    names = sorted(
        file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml")
    )
    return {name: (folder / f"{name}.yaml").read_text(encoding="utf-8") for name in names}


def load_recipe(name: str, assignments: Iterable[str] = (), size: int | None = None) -> Recipe:
    """The recipe of a packaged name or of a YAML file, with overrides such as ``epochs=100``.

    ``size`` is the side of the faces that will be trained on; it serves where the recipe names no
    ``model.size`` itself.

    Raises:
        UnusableInput: no such recipe, or keys and values that do not fit.
    """
    tree, where = _tree(name)
    assignments = list(assignments)
    tree = override(_with_terms(tree, assignments), assignments)
    model = tree.get("model")
    if size is not None and isinstance(model, dict):
        tree["model"] = {"size": size} | model
    return validated(Recipe, tree, where)


def read_run_recipe(path: Path) -> Recipe:
    """The resolved recipe that a run keeps."""
    return validated(Recipe, read_yaml(path), str(path))


def _with_terms(tree: Tree, assignments: list[str]) -> Tree:
    """The tree with a lone reconstruction spelt as a mapping, where a term is to be added to it."""
    objective = tree.get("objective")
    name = objective.get("reconstruction") if isinstance(objective, dict) else None
    adding = any(text.strip().startswith(f"{RECONSTRUCTION}.") for text in assignments)
    if not adding or not isinstance(objective, dict) or isinstance(name, dict):
        return tree
    return tree | {"objective": objective | {"reconstruction": {name or "sse": 1.0}}}


def _tree(name: str) -> tuple[Tree, str]:
    packaged = packaged_recipes()
    if name in packaged:
        return parse_yaml(packaged[name], f"recipe {name}"), f"recipe {name}"
    if name.endswith((".yaml", ".yml")) or Path(name).is_file():
        return read_yaml(Path(name)), name
    raise UnusableInput(
        f"there is no recipe '{name}': give one of {', '.join(packaged)}, or a YAML file."
        + nearest(name, packaged)
    )
