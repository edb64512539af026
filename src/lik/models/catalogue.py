"""Every model by its name: a new model is one file, and one line here."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from lik.core.errors import UnusableInput
from lik.models.interface import VAE
from lik.models.paper import PaperFirst, PaperFirstSettings, PaperSecond, PaperSecondSettings


@dataclass(frozen=True)
class Entry:
    """A model of the catalogue: its configuration, its class, and a sentence about it."""

    settings: type[PaperFirstSettings] | type[PaperSecondSettings]
    build: type[VAE]
    summary: str


CATALOGUE: dict[str, Entry] = {
    "paper-first": Entry(
        PaperFirstSettings, PaperFirst, "the paper's first model, after arXiv:2112.14278"
    ),
    "paper-second": Entry(
        PaperSecondSettings, PaperSecond, "the paper's second model, after arXiv:1610.00291"
    ),
}

ModelSettings = Annotated[PaperFirstSettings | PaperSecondSettings, Field(discriminator="name")]


def build(settings: PaperFirstSettings | PaperSecondSettings) -> VAE:
    """The model that ``settings`` describe, with fresh weights from PyTorch's current seed.

    Raises:
        UnusableInput: a size that the strides of the model do not allow.
    """
    try:
        return CATALOGUE[settings.name].build(settings)
    except ValueError as error:
        raise UnusableInput(f"{error}.") from error
