"""A loaded run behind one small interface: arrays in, arrays out.

Pictures are uint8 (N, S, S, 3); codes float32 (N, D). Every front end, figure and evaluation
works through it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lik.core.errors import UnusableInput
from lik.core.gaussian import DiagonalGaussian
from lik.core.pixels import Pictures, to_float, to_uint8
from lik.core.randomness import standard_normal
from lik.core.run_folder import RunFolder, read_environment
from lik.models.interface import VAE
from lik.models.saved import load_model

Codes = NDArray[np.float32]

BATCH = 256
"""Pictures or codes that go through the model at once."""


@dataclass(frozen=True)
class Posteriors:
    """What the encoder says about N pictures: means and log variances, each (N, D)."""

    means: Codes
    log_variances: Codes

    def kl_per_dimension(self) -> NDArray[np.float32]:
        """Mean KL divergence of each dimension in nats per image, (D,)."""
        gaussian = DiagonalGaussian(
            torch.from_numpy(self.means), torch.from_numpy(self.log_variances)
        )
        mean: NDArray[np.float32] = gaussian.kl_per_dimension().mean(dim=0).numpy()
        return mean

    def sample(self, seed: int) -> Codes:
        """One code drawn from each posterior, (N, D); the same for the same seed."""
        noise = standard_normal(self.means.shape, seed, "posterior")
        codes: Codes = self.means + np.exp(0.5 * self.log_variances) * noise
        return codes


class Session:
    """A model with its weights, ready for use.

    Attributes:
        size: side S of its pictures. latent: number D of its dimensions.
        name: what the run is called. metadata: what the run knows of itself and its face set.
    """

    def __init__(
        self, model: VAE, metadata: dict[str, Any], name: str, device: str | torch.device = "cpu"
    ) -> None:
        self.model = model.eval().to(device)
        self.device = torch.device(device)
        self.metadata = metadata
        self.name = name

    @classmethod
    def load(cls, run: str | Path, device: str | torch.device = "cpu") -> "Session":
        """Open a run folder, or a single ``model.safetensors``.

        Raises:
            UnusableInput: there is no run, or it is broken or of a newer Lik.
        """
        path = Path(run)
        if not path.exists():
            raise UnusableInput(f"there is no run at {path}: lik train makes one.")
        folder = RunFolder(path)
        if folder.environment.is_file():
            read_environment(folder)
        file = folder.model if path.is_dir() else path
        if not file.is_file():
            raise UnusableInput(
                f"{path} holds no trained model (no model.safetensors): is it a run of Lik?"
            )
        saved = load_model(file)
        return cls(saved.model, saved.metadata, path.resolve().name, device)

    @property
    def size(self) -> int:
        return self.model.size

    @property
    def latent(self) -> int:
        return self.model.latent

    def posteriors(self, pictures: Pictures) -> Posteriors:
        """Pictures uint8 (N, S, S, 3) → their approximate posteriors.

        Raises:
            UnusableInput: pictures of another size or type, or a run without an encoder.
        """
        self._require_part("encoder")
        if pictures.ndim != 4 or pictures.shape[1:] != (self.size, self.size, 3):
            raise UnusableInput(
                f"{self.name} takes pictures of shape (N, {self.size}, {self.size}, 3), "
                f"not {tuple(pictures.shape)}."
            )
        means, log_variances = [np.zeros((0, self.latent), np.float32)], []
        log_variances.append(means[0])
        for part in _parts(len(pictures)):
            with torch.no_grad():
                posterior = self.model.encode(to_float(pictures[part]).to(self.device))
            means.append(posterior.mean.float().cpu().numpy())
            log_variances.append(posterior.log_variance.float().cpu().numpy())
        return Posteriors(np.concatenate(means), np.concatenate(log_variances))

    def encode(self, pictures: Pictures) -> Codes:
        """Pictures uint8 (N, S, S, 3) → the means of their posteriors, (N, D)."""
        return self.posteriors(pictures).means

    def decode(self, codes: Codes) -> Pictures:
        """Codes (N, D) → pictures uint8 (N, S, S, 3)."""
        pictures = [np.zeros((0, self.size, self.size, 3), np.uint8)]
        pictures += [to_uint8(images) for images in self.decode_batches(codes)]
        return np.concatenate(pictures)

    def decode_batches(self, codes: Codes) -> Iterator[Tensor]:
        """Codes (N, D) → images float32 (B, 3, S, S) in 0…1, a batch at a time, in order."""
        self._require_part("decoder")
        codes = np.asarray(codes, np.float32)
        if codes.ndim != 2 or codes.shape[1] != self.latent:
            raise UnusableInput(
                f"{self.name} takes codes of shape (N, {self.latent}), not {tuple(codes.shape)}."
            )
        for part in _parts(len(codes)):
            with torch.no_grad():
                yield self.model.decode(torch.from_numpy(codes[part]).to(self.device)).float()

    def reconstruct(self, pictures: Pictures) -> Pictures:
        """Pictures uint8 (N, S, S, 3) → what the decoder makes of the means of their posteriors."""
        return self.decode(self.encode(pictures))

    def draw(self, count: int, seed: int = 0, temperature: float = 1.0) -> Codes:
        """Codes (count, D) from the prior N(0, temperature² I)."""
        if count < 1:
            raise UnusableInput(f"the number of faces must be at least 1, not {count}.")
        if not 0 <= temperature < math.inf:
            raise UnusableInput(f"the temperature must be a number from 0 on, not {temperature}.")
        return np.float32(temperature) * standard_normal((count, self.latent), seed, "prior")

    def generate(self, count: int, seed: int = 0, temperature: float = 1.0) -> Pictures:
        """New faces, uint8 (count, S, S, 3), decoded from codes drawn from the prior."""
        return self.decode(self.draw(count, seed, temperature))

    def change(self, pictures: Pictures, vector: Codes, amount: float) -> Pictures:
        """Pictures with ``amount`` times a latent direction (D,) added to their codes."""
        return self.decode(self.encode(pictures) + np.float32(amount) * vector)

    def mix(self, first: Codes, second: Codes, share: float) -> Codes:
        """The codes (N, D) that lie at ``share`` 0…1 on the straight way from first to second."""
        return (1 - np.float32(share)) * first + np.float32(share) * second

    def _require_part(self, part: str) -> None:
        parts = self.metadata.get("parts", ["encoder", "decoder"])
        if part not in parts:
            raise UnusableInput(f"{self.name} has no {part}: only the {parts[0]} was imported.")


def decoded(session: Session, codes: Codes) -> NDArray[np.float32]:
    """Codes (N, D) → images float32 (N, S, S, 3) in 0…1, before they are rounded to bytes."""
    batches = [images.cpu().numpy() for images in session.decode_batches(codes)]
    return np.concatenate(batches).transpose(0, 2, 3, 1)


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


def _parts(count: int) -> Iterator[slice]:
    return (slice(start, start + BATCH) for start in range(0, count, BATCH))
