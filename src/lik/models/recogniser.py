"""Who is in a picture: distances between faces, in those of two photographs of one person.

An attribute classifier that was also taught to tell people apart has embeddings in which pictures
of one person lie near each other, once they are normalised dimension by dimension.

Pictures are uint8 (N, S, S, 3); embeddings (N, F).
"""

import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from lik.core.batched import through
from lik.core.errors import UnusableInput
from lik.core.pixels import Pictures
from lik.models.classifier import LoadedClassifier, load_attribute_classifier


class Recogniser:
    """A network that knows people.

    Attributes:
        same: mean distance (1 − cosine) between two photographs of one person; 1 if nobody told.
    """

    def __init__(self, loaded: LoadedClassifier) -> None:
        """Take a network whose metadata tell how embeddings are normalised.

        Raises:
            UnusableInput: it was not taught to tell people apart, or not how far apart they lie.
        """
        told = loaded.metadata
        if "neck_mean" not in told:
            raise UnusableInput("this network was not taught to tell people apart.")
        self._network = loaded.network
        try:
            self._mean = torch.tensor(told["neck_mean"], dtype=torch.float32)
            variance = torch.tensor(told["neck_var"], dtype=torch.float32)
            self.same = float(told.get("same_person", 1.0))
        except (KeyError, TypeError, ValueError, OverflowError, RuntimeError) as error:
            raise UnusableInput("what this network says of people is broken.") from error
        self._std = (variance + 1e-5).sqrt()
        widths = (loaded.network.head.in_features,)
        if self._mean.shape != widths or self._std.shape != widths or self._std.isnan().any():
            raise UnusableInput("what this network says of people is of another network.")
        if not 0 < self.same < math.inf:
            raise UnusableInput("this network does not know how far apart photographs of one lie.")

    @classmethod
    def load(cls, path: str | Path) -> "Recogniser":
        """Read a network back; UnusableInput where it is none, or knows no people."""
        return cls(load_attribute_classifier(Path(path)))

    def embed(self, pictures: Pictures) -> NDArray[np.float32]:
        """Pictures → unit embeddings (N, F), of the mean of each and its mirror image."""

        def unit(images: Tensor) -> Tensor:
            both = self._network.embedding(images) + self._network.embedding(images.flip(3))
            return F.normalize((both.cpu() / 2 - self._mean) / self._std, dim=1)

        device = next(self._network.parameters()).device
        return through(unit, pictures, device=device)

    def distances(self, first: Pictures, second: Pictures) -> NDArray[np.float32]:
        """Pictures and as many others → 1 − cosine of each pair, (N,)."""
        return np.asarray(1 - (self.embed(first) * self.embed(second)).sum(axis=1), np.float32)
