"""Every model by its name: a new family is one file, and one line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import Field, model_validator

from lik.core.errors import UnusableInput
from lik.models.interface import VAE, VAESettings
from lik.models.paper import PaperFirst, PaperFirstSettings, PaperSecond, PaperSecondSettings
from lik.models.refiner import Refined, RefinerSettings
from lik.models.residual import ResidualVAE, ResidualVAESettings

MOST_REFINED = 5
"""Times that a model is refined, one upon the other, at the most: 64 pixels are 2048 then."""


@dataclass(frozen=True)
class Entry:
    """A model of the catalogue: its configuration, what builds it, and a sentence about it.

    ``build`` raises a ``ValueError`` of one sentence for settings that do not go together.
    """

    settings: type[VAESettings]
    build: Callable[[Any], VAE]
    summary: str


FAMILIES = {
    "paper-first": Entry(
        PaperFirstSettings, PaperFirst, "the paper's first model, after arXiv:2112.14278"
    ),
    "paper-second": Entry(
        PaperSecondSettings, PaperSecond, "the paper's second model, after arXiv:1610.00291"
    ),
    "residual": Entry(
        ResidualVAESettings, ResidualVAE, "residual blocks: a larger encoder, no lattice"
    ),
}


def any_of(catalogue: Mapping[str, Entry]) -> Any:
    """The type of a field that holds the settings of any of these models, told by their name."""
    kinds = tuple(entry.settings for entry in catalogue.values())
    return Annotated[Union[kinds], Field(discriminator="name")]  # noqa: UP007


if TYPE_CHECKING:
    FamilySettings = VAESettings
else:
    FamilySettings = any_of(FAMILIES)


class RefinedSettings(VAESettings):
    """A ``base`` and the ``refiner`` upon its decoder, which may double the ``size``.

    The base is a model of a family, or one that is refined already and is enlarged now.
    """

    name: Literal["refined"] = "refined"
    base: "FamilySettings | RefinedSettings" = PaperFirstSettings()
    refiner: RefinerSettings = RefinerSettings()

    @model_validator(mode="after")
    def _not_too_deep(self) -> "RefinedSettings":
        base, depth = self.base, 1
        while isinstance(base, RefinedSettings):
            base, depth = base.base, depth + 1
        if depth > MOST_REFINED:
            raise ValueError(f"a model can be refined {MOST_REFINED} times, and no more")
        return self


CATALOGUE = FAMILIES | {
    "refined": Entry(
        RefinedSettings,
        lambda settings: Refined(build(settings.base), settings.refiner, settings.size),
        "another model whose decodings are refined, and maybe enlarged (lik sharpen)",
    )
}

if TYPE_CHECKING:
    ModelSettings = VAESettings
else:
    ModelSettings = any_of(CATALOGUE)


def build(settings: VAESettings) -> VAE:
    """The model that ``settings`` describe, with fresh weights from PyTorch's current seed.

    Raises:
        UnusableInput: a size that the strides of the model do not allow.
    """
    try:
        return CATALOGUE[settings.name].build(settings)
    except ValueError as error:
        raise UnusableInput(f"{error}.") from error
