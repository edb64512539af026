"""A loaded run behind one small interface: arrays in, arrays out.

Pictures are uint8 (N, S, S, 3); codes float32 (N, D). Every front end, figure and evaluation
works through it.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lik.core.batched import BATCH, batches, slices, through
from lik.core.errors import UnusableInput
from lik.core.events import Progress, no_progress
from lik.core.gaussian import DiagonalGaussian, Posterior
from lik.core.pixels import Pictures, to_uint8
from lik.core.randomness import standard_normal
from lik.core.run_folder import RunFolder, read_environment
from lik.models.interface import VAE, Pass
from lik.models.refiner import Refined
from lik.models.saved import load_model, weights_file

__all__ = ["BATCH", "Codes", "Posteriors", "Session"]

Codes = NDArray[np.float32]


@dataclass(frozen=True)
class Posteriors:
    """What the encoder says about N pictures.

    Attributes:
        parts: their posteriors, in batches. noise_width: numbers W that draw a code of each.
    """

    parts: Sequence[Posterior]
    noise_width: int

    @cached_property
    def means(self) -> Codes:
        """The code that stands for each picture, (N, D)."""
        return self._of_each(lambda part: part.mean)

    @cached_property
    def kl(self) -> NDArray[np.float32]:
        """KL from the prior in nats, of each dimension of each picture, (N, K)."""
        return self._of_each(lambda part: part.kl_per_dimension())

    def kl_per_dimension(self) -> NDArray[np.float32]:
        """Mean KL divergence of each dimension in nats per image, (K,)."""
        return np.asarray(torch.from_numpy(self.kl).mean(dim=0))

    def sample(self, seed: int) -> Codes:
        """One code drawn from each posterior, (N, D); the same for the same seed."""
        noise = posterior_noise(len(self.means), self.noise_width, seed)
        ends = np.cumsum([len(part.mean) for part in self.parts])
        numbers = iter(np.split(noise, ends[:-1]))

        def sample(part: Posterior) -> Tensor:
            return part.sample(torch.from_numpy(next(numbers)).to(part.mean.device))

        return self._of_each(sample)

    def gaussian(self) -> DiagonalGaussian | None:
        """The posteriors as one Gaussian (N, D) on their device; None where they are none."""
        parts = [part for part in self.parts if isinstance(part, DiagonalGaussian)]
        if len(parts) < len(self.parts):
            return None
        return DiagonalGaussian(
            torch.cat([part.mean for part in parts]),
            torch.cat([part.log_variance for part in parts]),
        )

    def _of_each(self, function: Callable[[Posterior], Tensor]) -> NDArray[np.float32]:
        with torch.no_grad():  # a posterior may have its model behind it
            return np.concatenate([function(part).float().cpu().numpy() for part in self.parts])


class Session:
    """A model with its weights, ready for use.

    Attributes:
        size: side S of its pictures. latent: numbers D in a code.
        name: what the run is called. metadata: what the run knows of itself and its face set.
    """

    def __init__(
        self, model: VAE, metadata: dict[str, Any], name: str, device: str | torch.device = "cpu"
    ) -> None:
        self.device = torch.device(device)
        self.model = model.eval().to(device)
        if self.device.type == "cpu":  # where convolutions are up to 1.6 times as fast so
            self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.metadata = metadata
        self.name = name

    @classmethod
    def load(
        cls, run: str | Path, device: str | torch.device = "cpu", name: str | None = None
    ) -> "Session":
        """Open a run folder, or a single ``model.safetensors``; its ``name`` is that of the path.

        Raises:
            UnusableInput: there is no run, or it is broken or of a newer Lik.
        """
        path = Path(run)
        folder = RunFolder(path)
        if folder.environment.is_file():
            read_environment(folder)
        saved = load_model(weights_file(path))
        return cls(saved.model, saved.metadata, name or path.resolve().name, device)

    @property
    def size(self) -> int:
        return self.model.size

    @property
    def latent(self) -> int:
        return self.model.latent

    @property
    def parts(self) -> Sequence[str]:
        """Which of 'encoder' and 'decoder' it has: one of them may be all that was imported."""
        return list(self.metadata.get("parts", ["encoder", "decoder"]))

    def posteriors(self, pictures: Pictures) -> Posteriors:
        """Pictures uint8 (N, S, S, 3) → their approximate posteriors.

        Raises:
            UnusableInput: pictures of another size or type, or a run without an encoder.
        """
        self.require_pictures(pictures)
        found = batches(self.model.encode, pictures, device=self.device)
        return Posteriors(list(found), self.model.noise_width)

    def encode(self, pictures: Pictures) -> Codes:
        """Pictures uint8 (N, S, S, 3) → the means of their posteriors, (N, D)."""
        return self.posteriors(pictures).means

    def decode(self, codes: Codes) -> Pictures:
        """Codes (N, D) → pictures uint8 (N, S, S, 3)."""
        return np.concatenate([to_uint8(images) for images in self.decode_batches(codes)])

    def decode_batches(self, codes: Codes) -> Iterator[Tensor]:
        """Codes (N, D) → images float32 (B, 3, S, S) in 0…1, a batch at a time, in order."""
        self._require_part("decoder")
        codes = np.asarray(codes, np.float32)
        if codes.ndim != 2 or codes.shape[1] != self.latent:
            raise UnusableInput(
                f"{self.name} takes codes of shape (N, {self.latent}), not {tuple(codes.shape)}."
            )
        for images in batches(self.model.decode, codes, device=self.device):
            yield images.float()

    def reconstruct(self, pictures: Pictures) -> Pictures:
        """Pictures uint8 (N, S, S, 3) → what the decoder makes of the means of their posteriors."""
        return self.decode(self.encode(pictures))

    def passes(
        self, pictures: Pictures, seed: int = 0, progress: Progress = no_progress
    ) -> Iterator[tuple[slice, Pass]]:
        """Pictures uint8 (N, S, S, 3) → which they are, and their way through, batch by batch.

        The code of each is drawn from its posterior; the same for the same seed, and as of
        `Posteriors.sample`.
        """
        self.require_pictures(pictures)
        self._require_part("decoder")
        noise = posterior_noise(len(pictures), self.model.noise_width, seed)
        made = batches(
            self.model, pictures, noise, device=self.device, progress=progress, stage="passes"
        )
        return zip(slices(len(pictures)), made, strict=True)

    def draw(self, count: int, seed: int = 0, temperature: float = 1.0) -> Codes:
        """Codes (count, D) from the prior: N(0, temperature² I), or what the family has for it.

        ``temperature`` scales the standard normal numbers that draw them.
        """
        if count < 1:
            raise UnusableInput(f"the number of faces must be at least 1, not {count}.")
        require_temperature(temperature)
        noise = standard_normal((count, self.model.noise_width), seed, "prior")
        noise *= np.float32(temperature)
        return through(self.model.from_prior, noise, device=self.device)

    def generate(self, count: int, seed: int = 0, temperature: float = 1.0) -> Pictures:
        """New faces, uint8 (count, S, S, 3), decoded from codes drawn from the prior."""
        return self.decode(self.draw(count, seed, temperature))

    def require_pictures(self, pictures: Pictures) -> None:
        """Refuse what cannot be encoded.

        Raises:
            UnusableInput: pictures of another size or type, or a run without an encoder.
        """
        self._require_part("encoder")
        if pictures.ndim != 4 or pictures.shape[1:] != (self.size, self.size, 3):
            raise UnusableInput(
                f"{self.name} takes pictures of shape (N, {self.size}, {self.size}, 3), "
                f"not {tuple(pictures.shape)}."
            )

    def _require_part(self, part: str) -> None:
        if part not in self.parts:
            raise UnusableInput(
                f"{self.name} has no {part}: only the {self.parts[0]} was imported."
            )


def decoded(session: Session, codes: Codes) -> NDArray[np.float32]:
    """Codes (N, D) → images float32 (N, S, S, 3) in 0…1, before they are rounded to bytes."""
    batches = [images.cpu().numpy() for images in session.decode_batches(codes)]
    return np.concatenate(batches).transpose(0, 2, 3, 1)


DecodedTwice = tuple[NDArray[np.float32], NDArray[np.float32] | None]


def decoded_twice(session: Session, codes: Codes) -> DecodedTwice:
    """The same, and what the decoder below a refiner makes of them; None where there is none."""
    model = session.model
    if not isinstance(model, Refined):
        return decoded(session, codes), None

    def both(batch: Tensor) -> Tensor:
        return torch.stack(model.decode_both(batch), dim=1)

    made = through(both, codes, device=session.device).transpose(0, 1, 3, 4, 2)
    return made[:, 0], made[:, 1]


def require_temperature(temperature: float) -> None:
    """Refuse what cannot scale the distance of codes from their centre.

    Raises:
        UnusableInput: a negative or infinite number, or none.
    """
    if not 0 <= temperature < math.inf:
        raise UnusableInput(f"the temperature must be a number from 0 on, not {temperature}.")


def require_spread_out(codes: Codes) -> None:
    """See that codes (N, D) differ from each other: of equal ones nothing can be learned.

    Raises:
        UnusableInput: they are all the same, or some are no finite numbers.
    """
    if not np.isfinite(codes).all():
        raise UnusableInput(
            "the codes of these faces are not all finite numbers: the run's weights are broken."
        )
    if not np.ptp(codes, axis=0).any():
        raise UnusableInput(
            f"the codes of these {len(codes):,} faces are all the same: the encoder tells them "
            "nothing apart."
        )


def posterior_noise(count: int, width: int, seed: int) -> NDArray[np.float32]:
    """The standard normal numbers (N, W) that draw codes from posteriors."""
    return standard_normal((count, width), seed, "posterior")


def logits_of(
    session: Session, network: Callable[[Tensor], Tensor], codes: Codes
) -> NDArray[np.float32]:
    """Codes (N, D) → the logits (N, A) that a classifier has of their decodings."""

    def logits(batch: Tensor) -> Tensor:
        return network(session.model.decode(batch).float())

    return through(logits, codes, device=session.device)


def logits_of_pictures(
    network: nn.Module, pictures: Pictures, device: str | torch.device = "cpu"
) -> NDArray[np.float32]:
    """Pictures uint8 (N, S, S, 3) → their logits (N, A), on the device of the network.

    The network is then in evaluation mode.
    """
    return through(network.eval(), pictures, device=device)
