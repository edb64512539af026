"""A small network that reads from a code which attributes its decoding shows.

It is taught what networks see in decodings (distillation, arXiv:1503.02531), so that attributes
have gradients with respect to codes without a picture between them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from lik.core.artifacts import sha256_of
from lik.core.configuration import Settings
from lik.models.interface import Channels
from lik.models.paper import MOST_LATENT
from lik.models.saved import KINDS, read_model

KIND = KINDS["attributes-of-codes"]


class CodeNetworkSettings(Settings):
    """``latent`` numbers of a code; the ``attributes`` that are read; ``widths`` between them."""

    name: Literal["attributes-of-codes"] = "attributes-of-codes"
    latent: int = Field(ge=1, le=MOST_LATENT)
    attributes: tuple[str, ...] = Field(min_length=1)
    widths: tuple[Channels, ...] = Field((192, 192), max_length=8)


class CodeNetwork(nn.Module):
    """Codes (B, D) → logits (B, A), as networks have them of the codes' decodings.

    Attributes:
        attributes: what the logits are of. scale: (D,) what each number is divided by.
    """

    scale: Tensor

    def __init__(self, settings: CodeNetworkSettings) -> None:
        super().__init__()
        self.attributes, self.latent = settings.attributes, settings.latent
        self.register_buffer("scale", torch.ones(settings.latent))
        layers: list[nn.Module] = []
        before = settings.latent
        for width in settings.widths:
            layers += [nn.Linear(before, width), nn.SiLU()]
            before = width
        self.layers = nn.Sequential(*layers, nn.Linear(before, len(settings.attributes)))

    def forward(self, codes: Tensor) -> Tensor:
        """Codes (B, D) → logits (B, A)."""
        logits: Tensor = self.layers(codes.to(self.scale.dtype) / self.scale)
        return logits


@dataclass(frozen=True)
class LoadedCodeNetwork:
    """A network that reads codes, its weights fixed, and which file it is of.

    It computes in float64, so that what it leads to is the same to the bit in any company, as good
    as always.
    """

    network: CodeNetwork
    metadata: dict[str, Any]
    sha256: str


def load_code_network(path: Path) -> LoadedCodeNetwork:
    """Read a network that reads codes.

    Raises:
        UnusableInput: there is none, it is broken, or it is a model of another kind.
    """
    network, _, metadata = read_model(path, CodeNetworkSettings, KIND, CodeNetwork)
    return LoadedCodeNetwork(network.double().requires_grad_(False), metadata, sha256_of(path))
