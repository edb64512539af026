"""How unlike the faces that a run learned from a picture is: scores, higher for what is less usual.

Five of them, each blind to something (docs/anomaly.md): two errors of the reconstruction, two of
the code, and the bound on the likelihood. The likelihood is that of a Gaussian around the decoding,
with the variance that explains the errors of the run's own validation faces (σ-VAE,
arXiv:2006.13202); it may call simple pictures more usual than faces (arXiv:1810.09136).

Shapes: pictures uint8 (N, S, S, 3); codes (N, D); scores (N,).
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor

from lik.core.artifacts import check_version, replacing
from lik.core.batched import through
from lik.core.errors import OtherWeights, UnusableInput
from lik.core.events import Progress, no_progress
from lik.core.pixels import Pictures, to_float
from lik.core.randomness import torch_stream
from lik.core.tensors import array_of, read_tensors, told_in, version_in
from lik.evaluation.importance import importance_weighted_bound
from lik.evaluation.networks import feature_distance
from lik.latent.priors import fit_gaussian
from lik.latent.session import Codes, Session
from lik.models.refiner import Refined
from lik.objectives.similarity import Features

FORMAT = "lik-anomaly"
VERSION = 1

SCORES = {
    "pixels": "mean squared error of the reconstruction",
    "features": "distance of picture and reconstruction in the maps of the run's network",
    "kl": "KL of the posterior from N(0, I), in nats",
    "distance": "squared Mahalanobis distance of the code from those of training faces",
    "likelihood": "minus the importance-weighted bound on log p(x), in nats",
}
"""Each score, with what it is."""

CODES = 16
"""Codes per picture that the bound is estimated by."""
TOGETHER = 32
"""Pictures that are scored at a time."""

RECOMMENDED = "typicality"
TYPICAL = ("pixels", "features", "distance")
"""The scores that the recommended one looks at."""
LEAST_FACES = 5
"""Validation faces without which there are no percentiles."""
LEAST = 1e-9
"""What a score is taken for at the least, where its logarithm is asked for."""

Scores = dict[str, NDArray[np.float64]]
Decode = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class UsualFaces:
    """What the faces of a run are like, by which a picture is called unusual.

    Attributes:
        mean, factor: (D,) and (D, D), of the codes of training faces: their mean, and the Cholesky
            factor of their covariance.
        variance: of a pixel around its decoding, of 1.
        scores: of the validation faces, (M,) each, by name.
        made: from what: hashes of the weights and of the face set.
    """

    mean: NDArray[np.float32]
    factor: NDArray[np.float32]
    variance: float
    scores: Mapping[str, NDArray[np.float32]]
    made: Mapping[str, str]

    def distance(self, codes: Codes) -> NDArray[np.float64]:
        """The squared Mahalanobis distance of codes (N, D), (N,) (arXiv:1807.03888)."""
        from scipy.linalg import solve_triangular

        away = (codes - self.mean).astype(np.float64)
        white = solve_triangular(self.factor.astype(np.float64), away.T, lower=True)
        return np.asarray(np.square(white).sum(axis=0))

    def typicality(self, scores: Mapping[str, NDArray[np.floating]]) -> NDArray[np.float64]:
        """The score that is recommended, (N,): how far the least usual score lies from the middle.

        To either side: a picture that is explained much better than any face is no face either
        (a typical set, arXiv:1906.02994). The unit is the distance of the median from where a
        sixth of the validation faces lie farther out on that side, of logarithms, for these scores
        are positive and skewed.
        """
        parts = []
        for name in TYPICAL:
            if name in self.scores:
                usual, found = (_logarithm(one[name]) for one in (self.scores, scores))
                low, middle, high = np.quantile(usual, (0.16, 0.5, 0.84))
                away = found - middle
                below, above = max(middle - low, LEAST), max(high - middle, LEAST)
                parts.append(np.where(away < 0, -away / below, away / above))
        return np.asarray(np.max(parts, axis=0))

    def percentile(
        self, name: str, scores: Mapping[str, NDArray[np.floating]]
    ) -> NDArray[np.float64]:
        """How many validation faces in a hundred a score calls more usual than each picture, (N,).

        ``name``: of a score, or `RECOMMENDED`.
        """
        recommended = name == RECOMMENDED
        usual = self.typicality(self.scores) if recommended else self.scores[name]
        values = self.typicality(scores) if recommended else scores[name]
        below = np.searchsorted(np.sort(usual), np.asarray(values, usual.dtype), side="left")
        return np.asarray(100 * below / len(usual), np.float64)


def usual_faces(
    session: Session,
    features: Features | None,
    training: Pictures,
    validation: Pictures,
    made: Mapping[str, str],
    progress: Progress = no_progress,
) -> UsualFaces:
    """Learn what faces are like: codes from training faces, scores from validation faces.

    Raises:
        UnusableInput: too few faces, or codes that cannot bear a covariance.
    """
    enough = 2 * session.latent
    if len(training) < enough or len(validation) < LEAST_FACES:
        raise UnusableInput(
            f"{len(training)} training and {len(validation)} validation faces are too few to learn "
            f"what faces are like: {enough} and {LEAST_FACES} are needed."
        )
    gaussian = fit_gaussian(session.encode(training))
    mean, factor = (np.asarray(v, np.float32) for v in (gaussian.means[0], gaussian.factors[0]))
    images = to_float(validation).to(session.device)
    errors = _errors(images, _decoded(session, session.encode(validation)))
    known = UsualFaces(mean, factor, float(errors.mean()), {}, made)
    scores = score(session, features, known, validation, progress=progress)
    kept = {name: np.asarray(values, np.float32) for name, values in scores.items()}
    return UsualFaces(mean, factor, known.variance, kept, made)


def score(
    session: Session,
    features: Features | None,
    usual: UsualFaces,
    pictures: Pictures,
    seed: int = 0,
    progress: Progress = no_progress,
) -> Scores:
    """Pictures (N, S, S, 3) → each of `SCORES`, (N,); no ``features`` without a network."""
    parts: list[Scores] = []
    for start in range(0, len(pictures), TOGETHER):
        progress("scoring", start, len(pictures))
        parts.append(_scored(session, features, usual, pictures[start : start + TOGETHER], seed))
    progress("scoring", len(pictures), len(pictures))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def mean_decoder(session: Session) -> Decode:
    """Codes → images without what a refiner invents: around these the likelihood is."""
    model = session.model
    return model.unrefined if isinstance(model, Refined) else model.decode


def _scored(
    session: Session, features: Features | None, usual: UsualFaces, pictures: Pictures, seed: int
) -> Scores:
    posteriors = session.posteriors(pictures)
    gaussian = posteriors.gaussian()
    if gaussian is None:
        raise UnusableInput(f"the posteriors of {session.name} are not Gaussian.")
    codes, images = posteriors.means, to_float(pictures).to(session.device)
    decoded = _decoded(session, codes)
    found: Scores = {"pixels": _errors(images, decoded)}
    if features is not None:
        found["features"] = feature_distance(images, decoded, features, session.device)
    found["kl"] = posteriors.kl.sum(axis=1, dtype=np.float64)
    found["distance"] = usual.distance(codes)
    constant = 0.5 * images[0].numel() * math.log(2 * math.pi * usual.variance)

    def log_density(given: Tensor, made: Tensor) -> Tensor:
        return -(given - made).square().flatten(1).sum(dim=1) / (2 * usual.variance) - constant

    stream = torch_stream(seed, "anomaly", device=session.device)
    decode = mean_decoder(session)
    bound = importance_weighted_bound(images, gaussian, decode, log_density, CODES, stream)
    found["likelihood"] = -bound.importance_weighted.cpu().numpy().astype(np.float64)
    return found


def _logarithm(values: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.log(np.maximum(np.asarray(values, np.float64), LEAST))


def _decoded(session: Session, codes: Codes) -> Tensor:
    """What the mean decoder makes of codes (N, D), (N, 3, S, S)."""
    made = through(mean_decoder(session), codes, device=session.device)
    return torch.from_numpy(made).to(session.device)


def _errors(images: Tensor, decoded: Tensor) -> NDArray[np.float64]:
    """The mean squared error of each image, of 1, (N,)."""
    errors = (images - decoded).square().flatten(1).mean(dim=1)
    return errors.cpu().numpy().astype(np.float64)


def save_usual(path: Path, usual: UsualFaces) -> Path:
    """Write what faces are like into a file of safetensors, whole or not at all."""
    arrays = {"mean": usual.mean, "factor": usual.factor}
    arrays |= {f"scores.{name}": values for name, values in usual.scores.items()}
    tensors = {key: torch.from_numpy(np.ascontiguousarray(value)) for key, value in arrays.items()}
    described = {
        "format": FORMAT, "version": str(VERSION), "variance": repr(usual.variance),
        "made": json.dumps(dict(usual.made), ensure_ascii=False),
    }  # fmt: skip
    with replacing(path) as temporary:
        temporary.write_bytes(save(tensors, described))
    return path


def load_usual(path: Path, weights_sha256: str, latent: int) -> UsualFaces:
    """Read it back, for codes of so many dimensions.

    Raises:
        UnusableInput: it is broken, of a newer Lik, or of other weights than ``weights_sha256``.
    """
    told, tensors = read_tensors(path)
    if told.get("format") != FORMAT:
        raise UnusableInput(f"{path} does not say what faces are like: remove it.")
    check_version(str(path), version_in(told), VERSION)
    made = told_in(told, "made", path)
    try:
        arrays = {name: array_of(tensor) for name, tensor in tensors.items()}
        variance = float(told["variance"])
        scores = {name: arrays[key] for name in SCORES if (key := f"scores.{name}") in arrays}
        usual = UsualFaces(arrays["mean"], arrays["factor"], variance, scores, made)
        broken = (
            usual.mean.shape != (latent,) or usual.factor.shape != (latent, latent)
            or not np.diag(usual.factor).all() or not 0 < variance < math.inf
            or not scores.keys() >= {"pixels", "distance"}
            or {values.shape for values in scores.values()} != {scores["pixels"].shape}
            or scores["pixels"].ndim != 1 or len(scores["pixels"]) < LEAST_FACES
        )  # fmt: skip
    except (KeyError, TypeError, ValueError):
        broken = True
    if broken:
        raise UnusableInput(f"{path} is broken: remove it, and it is made again.")
    if made.get("weights_sha256") != weights_sha256:
        raise OtherWeights(f"{path} is of other weights than the run has now.")
    return usual
