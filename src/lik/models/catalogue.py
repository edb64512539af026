"""Every model by its name: a new family is one file, and one line here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Field

from lik.core.errors import UnusableInput
from lik.models.interface import VAE, VAESettings
from lik.models.paper import PaperFirst, PaperFirstSettings, PaperSecond, PaperSecondSettings


@dataclass(frozen=True)
class Entry:
    """A model of the catalogue: its configuration, its class, and a sentence about it.

    ``build`` raises a ``ValueError`` of one sentence for settings that do not go together.
    """

    settings: type[VAESettings]
    build: type[VAE]
    summary: str


CATALOGUE = {
    "paper-first": Entry(
        PaperFirstSettings, PaperFirst, "the paper's first model, after arXiv:2112.14278"
    ),
    "paper-second": Entry(
        PaperSecondSettings, PaperSecond, "the paper's second model, after arXiv:1610.00291"
    ),
}


def any_of(catalogue: Mapping[str, Entry]) -> Any:
    """The type of a field that holds the settings of any of these models, told by their name."""
    kinds = tuple(entry.settings for entry in catalogue.values())
    return Annotated[Union[kinds], Field(discriminator="name")]  # noqa: UP007


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
