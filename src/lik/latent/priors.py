"""What the codes of faces are really like: priors fitted to them, for better draws.

The aggregated posterior q(z) = mean over the faces of q(z | x) is not N(0, I); codes drawn from it
decode to better faces than codes drawn from N(0, I) (Hoffman & Johnson, "ELBO surgery", 2016;
Ghosh et al., arXiv:1903.12436, which fits a mixture after training). Codes are (N, D).
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lik.core.errors import UnusableInput
from lik.core.randomness import numpy_stream, standard_normal
from lik.latent.session import Codes, Posteriors

COMPONENTS = (1, 2, 4, 8, 16)
"""Numbers of components that are tried."""


class Prior(Protocol):
    """What codes can be drawn from, and how it is written down."""

    @property
    def kind(self) -> str:
        """gaussian, gmm or flow."""

    def sample(self, count: int, seed: int) -> Codes:
        """Codes (count, D), the same for the same seed."""

    def tensors(self) -> dict[str, Tensor | NDArray[Any]]:
        """All numbers that make it, by name."""


@dataclass(frozen=True)
class Mixture:
    """Full Gaussians: weights (K,), means (K, D) and Cholesky factors (K, D, D). K may be 1."""

    weights: NDArray[np.floating]
    means: NDArray[np.floating]
    factors: NDArray[np.floating]
    kind: str = "gmm"

    def sample(self, count: int, seed: int) -> Codes:
        chosen = numpy_stream(seed, "component").choice(
            len(self.weights), size=count, p=self.weights / self.weights.sum()
        )
        noise = standard_normal((count, self.means.shape[1]), seed, "prior")
        moved = np.empty_like(noise)
        for component in np.unique(chosen):
            here = chosen == component
            moved[here] = self.means[component] + noise[here] @ self.factors[component].T
        return moved

    def tensors(self) -> dict[str, Tensor | NDArray[Any]]:
        names = ("weights", "means", "factors")
        return {name: np.ascontiguousarray(getattr(self, name), np.float64) for name in names}


def aggregated(posteriors: Posteriors, draws: int = 1, seed: int = 0) -> Codes:
    """``draws`` codes from each face's posterior, (draws·N, D): a sample of q(z)."""
    return np.concatenate([posteriors.sample(seed + number) for number in range(draws)])


def fit_gaussian(codes: Codes) -> Mixture:
    """One Gaussian with the mean and the full covariance of the codes."""
    _require(codes)
    mean = codes.mean(axis=0, dtype=np.float64)
    covariance = np.cov(codes.T.astype(np.float64)) + 1e-6 * np.eye(codes.shape[1])
    factor = np.linalg.cholesky(covariance)
    return Mixture(np.ones(1), mean[None], factor[None], "gaussian")


def fit_mixture(
    codes: Codes, components: int | None = None, seed: int = 0
) -> tuple[Mixture, dict[int, float]]:
    """A mixture of full Gaussians; without ``components``, as many as held-out codes like best.

    A tenth of the codes is held out, and the number in `COMPONENTS` with the highest mean log
    likelihood of them wins: with D² numbers in a component, it says more than an information
    criterion does of how many the faces can bear.

    Returns:
        The mixture fitted on all codes, and the held-out log likelihood in nats of what was tried.
    """
    _require(codes)
    tried: dict[int, float] = {}
    if components is None:
        order = numpy_stream(seed, "held out").permutation(len(codes))
        held, used = codes[order[: len(codes) // 10]], codes[order[len(codes) // 10 :]]
        for count in COMPONENTS:
            if tried and (count * codes.shape[1] > len(used) or _falls(tried)):
                break
            tried[count] = float(_gmm(used, count, seed).score(held))
        components = max(tried, key=lambda count: tried[count])
    if not 1 <= components <= len(codes) // 2:
        raise UnusableInput(f"{len(codes)} codes cannot bear {components} components.")
    gmm = _gmm(codes, components, seed)
    factors = np.linalg.cholesky(gmm.covariances_)
    return Mixture(gmm.weights_, gmm.means_, factors), tried


def _falls(tried: dict[int, float]) -> bool:
    """Whether the last two numbers did each worse than the one before."""
    scores = list(tried.values())
    return len(scores) >= 3 and scores[-1] < scores[-2] < scores[-3]


def _gmm(codes: Codes, components: int, seed: int) -> Any:
    from sklearn.mixture import GaussianMixture

    gmm = GaussianMixture(
        components, reg_covar=1e-3, max_iter=60, tol=1e-2, random_state=seed, init_params="kmeans"
    )
    return gmm.fit(codes.astype(np.float64))


def _require(codes: Codes) -> None:
    if len(codes) < 2 * codes.shape[1]:
        raise UnusableInput(
            f"{len(codes)} codes are too few to fit {codes.shape[1]} dimensions: give at least "
            f"{2 * codes.shape[1]} faces."
        )
