"""What a linear autoencoder would reach: the rate–distortion curve of a Gaussian with the same
covariance.

At the optimum of a linear VAE whose decoder has variance σ², a direction of variance λ > σ² costs
½ log(λ/σ²) nats and leaves an error of σ², and one of λ ≤ σ² costs nothing and leaves λ (Lucas et
al., arXiv:1911.02469; reverse water-filling, Cover & Thomas, theorem 13.3.3). In the published
scale, Σ(x−x̂)² + β KL, the water stands at σ² = β/2.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Spectrum:
    """Variances of the first principal directions, sorted, and the sum of all the others."""

    variances: Values
    rest: float

    def at(self, beta: float) -> tuple[float, float, int]:
        """Rate in nats, distortion Σ(x−x̂)² and active directions of the optimum at β."""
        water = beta / 2
        above = self.variances[self.variances > water]
        rate = float(0.5 * np.log(above / water).sum())
        distortion = float(np.minimum(self.variances, water).sum() + self.rest)
        return rate, distortion, len(above)


def spectrum_of(pictures: NDArray[np.uint8], count: int) -> Spectrum:
    """The first ``count`` variances of pictures (N, S, S, 3), in 0…1."""
    from sklearn.decomposition import PCA

    flat = pictures.reshape(len(pictures), -1).astype(np.float32) / 255
    count = min(count, len(flat) - 1)
    pca = PCA(count, svd_solver="randomized", random_state=0).fit(flat)
    variances = np.asarray(pca.explained_variance_, np.float64)
    return Spectrum(variances, float(flat.var(axis=0, ddof=1).sum() - variances.sum()))
