"""A recipe: the whole configuration of a training run, from a YAML file and key=value overrides.

A `Plan` is what every training has, whatever it trains; a `Recipe` is the plan of a VAE.
"""

from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from pydantic import Field
from torch import nn

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
from lik.models.catalogue import ModelSettings, build
from lik.objectives.elbo import Elbo, ElboSettings
from lik.objectives.settings import ObjectiveSettings
from lik.training.loop import Loss


class AdamSettings(Settings):
    """Adam as Keras has it by default, but for the paper's learning rate."""

    learning_rate: float = Field(5e-4, gt=0)
    beta1: float = Field(0.9, ge=0, lt=1)
    beta2: float = Field(0.999, ge=0, lt=1)
    epsilon: float = Field(1e-7, gt=0)

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of one of ``steps`` steps: always the same."""
        return self.learning_rate


class Plan(Settings):
    """Everything that determines a run, beside its face set.

    ``mirror`` shows each face left-right mirrored half of the time; ``seed`` decides the weights
    at the start, the order of the faces, the mirroring and the noise.
    """

    model: Settings
    objective: ObjectiveSettings
    optimizer: AdamSettings = AdamSettings()
    batch_size: int = Field(64, ge=1)
    epochs: int = Field(ge=1)
    mirror: bool = False
    seed: int = Field(0, ge=0)

    def build(self) -> nn.Module:
        """The model, with fresh weights from PyTorch's current seed."""
        raise NotImplementedError

    def loss(self, model: nn.Module) -> Loss:
        """The objective, as the loop takes it."""
        raise NotImplementedError


class Recipe(Plan):
    """The plan of a variational autoencoder."""

    model: ModelSettings
    objective: ElboSettings = ElboSettings()

    def build(self) -> nn.Module:
        return build(self.model)

    def loss(self, model: nn.Module) -> Loss:
        elbo = Elbo(self.objective)
        return lambda images, noise: elbo(model, images, noise)


def packaged_recipes() -> dict[str, str]:
    """The recipes that come with Lik: name → YAML text."""
    folder = resources.files("lik.recipes")
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda f: f.name
    )
    return {file.name.removesuffix(".yaml"): file.read_text(encoding="utf-8") for file in files}


def load_recipe(name: str, assignments: Iterable[str] = (), size: int | None = None) -> Recipe:
    """The recipe of a packaged name or of a YAML file, with overrides such as ``epochs=100``.

    ``size`` is the side of the faces that will be trained on; it serves where the recipe names no
    ``model.size`` itself.

    Raises:
        UnusableInput: no such recipe, or keys and values that do not fit.
    """
    tree, where = _tree(name)
    tree = override(tree, assignments)
    model = tree.get("model")
    if size is not None and isinstance(model, dict):
        tree["model"] = {"size": size} | model
    return validated(Recipe, tree, where)


def read_run_recipe(path: Path) -> Recipe:
    """The resolved recipe that a run keeps."""
    return validated(Recipe, read_yaml(path), str(path))


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
