"""Priors fitted to the codes of faces, for better draws, and kept beside the run.

The aggregated posterior q(z) = mean over the faces of q(z | x) is not N(0, I); codes drawn from it
decode to better faces than codes drawn from N(0, I) (Hoffman & Johnson, "ELBO surgery", 2016;
Ghosh et al., arXiv:1903.12436, which fits a mixture after training). Codes are (N, D).

RUN/priors/NAME.safetensors   the numbers of a prior; its metadata say what it was fitted to
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor

from lik.core.artifacts import check_version, file_stem, replacing
from lik.core.configuration import nearest
from lik.core.errors import OtherWeights, UnusableInput
from lik.core.randomness import numpy_stream, standard_normal
from lik.core.tensors import array_of, filled, read_tensors, told_in, version_in
from lik.latent.flow import FlowPrior, VelocityField
from lik.latent.session import Codes, Posteriors, require_spread_out, require_temperature

FORMAT = "lik-prior"
VERSION = 2
"""1: factors of mixtures were whole matrices."""

COMPONENTS = (1, 2, 4, 8, 16)
"""Numbers of components that are tried."""


class Prior(Protocol):
    """A density of codes that can be drawn from and written down."""

    @property
    def kind(self) -> str:
        """gaussian, gmm or flow."""

    @property
    def centre(self) -> NDArray[np.floating]:
        """The mean of its codes, (D,)."""

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

    @property
    def centre(self) -> NDArray[np.floating]:
        return np.average(self.means, axis=0, weights=self.weights)

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
        """Of the factors their lower triangles alone, (K, D(D+1)/2), row by row."""
        rows, columns = np.tril_indices(self.means.shape[1])
        numbers = (self.weights, self.means, self.factors[:, rows, columns])
        names = ("weights", "means", "factors")
        return {
            name: np.ascontiguousarray(value, np.float64)
            for name, value in zip(names, numbers, strict=True)
        }


def aggregated(posteriors: Posteriors, draws: int = 1, seed: int = 0) -> Codes:
    """Draw ``draws`` codes from each face's posterior, (draws·N, D): a sample of q(z)."""
    return np.concatenate([posteriors.sample(seed + number) for number in range(draws)])


def fit_gaussian(codes: Codes) -> Mixture:
    """Fit one Gaussian with the mean and the full covariance of codes (N, D).

    Raises:
        UnusableInput: codes that cannot bear it (`require_spread_out`), or too few.
    """
    _require_enough(codes)
    mean = codes.mean(axis=0, dtype=np.float64)
    covariance = np.cov(codes.T.astype(np.float64)) + 1e-6 * np.eye(codes.shape[1])
    factor = np.linalg.cholesky(covariance)
    return Mixture(np.ones(1), mean[None], factor[None], "gaussian")


def fit_mixture(
    codes: Codes, components: int | None = None, seed: int = 0
) -> tuple[Mixture, dict[int, float]]:
    """Fit a mixture of full Gaussians; without ``components``, as many as held-out codes like best.

    A tenth of the codes is held out, and the number in `COMPONENTS` with the highest mean log
    likelihood of them wins: with D² numbers in a component, it says more than an information
    criterion does of how many the faces can bear.

    Returns:
        The mixture fitted on all codes, and the held-out log likelihood in nats of what was tried.

    Raises:
        UnusableInput: codes that cannot bear it (`require_spread_out`), or too few.
    """
    _require_enough(codes)
    tried: dict[int, float] = {}
    if components is None:
        order = numpy_stream(seed, "held out").permutation(len(codes))
        tenth = max(1, len(codes) // 10)
        held, used = codes[order[:tenth]], codes[order[tenth:]]
        for count in COMPONENTS:
            scores = list(tried.values())
            falls = len(scores) >= 3 and scores[-1] < scores[-2] < scores[-3]
            if tried and (count * codes.shape[1] > len(used) or falls):
                break
            tried[count] = float(_gmm(used, count, seed).score(held))
        components = max(tried, key=lambda count: tried[count])
    if not 1 <= components <= len(codes) // 2:
        raise UnusableInput(f"{len(codes)} codes cannot bear {components} components.")
    gmm = _gmm(codes, components, seed)
    factors = np.linalg.cholesky(gmm.covariances_)
    return Mixture(gmm.weights_, gmm.means_, factors), tried


def sample_tempered(prior: Prior, count: int, seed: int, temperature: float = 1.0) -> Codes:
    """Codes (count, D) of a prior, ``temperature`` times as far from its centre.

    Raises:
        UnusableInput: a temperature that is no number from 0 on (`require_temperature`).
    """
    require_temperature(temperature)
    codes = prior.sample(count, seed)
    if temperature == 1:
        return codes
    return np.asarray(prior.centre + temperature * (codes - prior.centre), codes.dtype)


def save_prior(run: Path, name: str, prior: Prior, made: dict[str, Any]) -> Path:
    """Write a prior; ``made`` says from what: model and face set by hash, settings, results."""
    path = prior_path(run, name)
    tensors = {key: torch.as_tensor(value).contiguous() for key, value in prior.tensors().items()}
    description = {
        "format": FORMAT, "version": str(VERSION), "kind": prior.kind,
        "made": json.dumps(made, ensure_ascii=False),
    }  # fmt: skip
    with replacing(path) as temporary:
        temporary.write_bytes(save(tensors, description))
    return path


def load_prior(run: Path, name: str, encoder_sha256: str | None = None) -> Prior:
    """Read a prior back.

    Raises:
        UnusableInput: there is none, it is broken or of a newer Lik, or was fitted to the codes of
            other weights than ``encoder_sha256`` says.
    """
    path = prior_path(run, name)
    if not path.is_file():
        near = nearest(name, saved_priors(run))
        raise UnusableInput(f"{run} has no prior '{name}'.{near} lik fit-prior makes one.")
    description, tensors = read_tensors(path)
    if description.get("format") != FORMAT:
        raise UnusableInput(f"{path} holds no prior of Lik (its metadata does not say so).")
    check_version(str(path), version_in(description), VERSION)
    made = told_in(description, "made", path)
    if encoder_sha256 is not None and made.get("encoder_sha256") not in (None, encoder_sha256):
        raise OtherWeights(
            f"the prior '{name}' is of other weights than {run} has now: fit it again."
        )
    try:
        return _built(description["kind"], tensors, path)
    except (KeyError, ValueError, IndexError) as error:
        raise UnusableInput(f"{path} is broken: fit the prior again.") from error


def saved_priors(run: Path) -> list[str]:
    """Names of the priors beside a run, in alphabetical order."""
    files = (Path(run) / "priors").glob("*.safetensors")
    return sorted(file.stem for file in files if not file.name.startswith("."))


def prior_path(run: Path, name: str) -> Path:
    """Where a prior is kept.

    Raises:
        UnusableInput: the name cannot be that of a file.
    """
    if file_stem(name) != name:
        raise UnusableInput(f"'{name}' cannot name a prior: use letters, digits, - and _.")
    return Path(run) / "priors" / f"{name}.safetensors"


def _require_enough(codes: Codes) -> None:
    require_spread_out(codes)
    if len(codes) < 2 * codes.shape[1]:
        raise UnusableInput(
            f"{len(codes)} codes are too few to fit {codes.shape[1]} dimensions: give at least "
            f"{2 * codes.shape[1]} faces."
        )


def _gmm(codes: Codes, components: int, seed: int) -> Any:
    from sklearn.mixture import GaussianMixture  # takes a second to load, and few need it

    gmm = GaussianMixture(
        components, reg_covar=1e-3, max_iter=60, tol=1e-2, random_state=seed, init_params="kmeans"
    )
    return gmm.fit(codes.astype(np.float64))


def _built(kind: str, tensors: dict[str, torch.Tensor], path: Path) -> Prior:
    """The prior that tensors make; a ``ValueError`` or ``KeyError`` where they make none."""
    if kind != "flow":
        names = ("weights", "means", "factors")
        weights, means, factors = (array_of(tensors[name]) for name in names)
        count, latent = means.shape
        if factors.shape == (count, latent * (latent + 1) // 2):
            triangles, rows, columns = factors, *np.tril_indices(latent)
            factors = np.zeros((count, latent, latent))
            factors[:, rows, columns] = triangles
        if weights.shape != (count,) or factors.shape != (count, latent, latent):
            raise ValueError("numbers of several mixtures")
        if kind not in ("gaussian", "gmm") or (weights < 0).any() or not weights.sum() > 0:
            raise ValueError("no mixture")
        return Mixture(weights, means, factors, kind)
    given = {key.removeprefix("field."): value for key, value in tensors.items() if "field." in key}
    blocks = len({key.split(".")[1] for key in given if key.startswith("blocks.")})
    width, latent = given["enter.weight"].shape
    field = filled(lambda: VelocityField(latent, width, blocks), given, path)
    mean, scale = array_of(tensors["mean"]), array_of(tensors["scale"])
    if mean.shape != (latent,) or scale.shape != (latent,):
        raise ValueError("a scale of other codes")
    return FlowPrior(field, mean, scale)
