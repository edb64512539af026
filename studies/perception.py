"""Measures of likeness of a run's reconstructions that are more than sums of squares."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

from lik.core.pixels import to_float
from lik.evaluation.feature_distance import distance_of_maps
from lik.latent.session import Session
from lik.objectives.similarity import Features, scale_exponents
from lik.training.feature_networks import open_features
from trained import Place


def perception(
    session: Session, place: Place, features: str | None, judge: str | None
) -> dict[str, float]:
    """MS-SSIM, and the distance in the features of each network that is given.

    Of the judge also the Fréchet distance between the test faces and as many that are generated.
    """
    pictures = place.test_faces()
    images = to_float(np.ascontiguousarray(pictures))
    again = torch.cat(list(session.decode_batches(session.encode(pictures)))).cpu()
    similarity = multiscale_structural_similarity_index_measure(
        again, images, data_range=1.0, betas=scale_exponents(*images.shape[2:]), normalize="relu"
    )
    found = {"ms_ssim": float(similarity)}
    size, cpu = session.size, torch.device("cpu")
    if features:
        found["trained_distance"] = _distance(
            open_features(features, None, size, cpu), images, again
        )
    if judge:
        network = _judging(judge)
        found["judged_distance"] = _distance(network.features, images, again)
        found["frechet"] = _frechet(network, images, to_float(session.generate(len(images), 1)))
        found["frechet_reconstructions"] = _frechet(network, images, again)
    return found


def _judging(path: str) -> Any:
    from lik.models.classifier import load_attribute_classifier

    return load_attribute_classifier(Path(path)).network


def _distance(features: Features, first: Tensor, second: Tensor) -> float:
    """The mean feature distance over the pictures."""
    with torch.no_grad():
        found = [
            distance_of_maps(features(a), features(b))
            for a, b in zip(first.split(100), second.split(100), strict=True)
        ]
    return float(torch.cat(found).mean())


def _frechet(network: Any, first: Tensor, second: Tensor) -> float:
    from lik.evaluation.distances import frechet_distance

    with torch.no_grad():
        embedded = [
            torch.cat([network.embedding(part) for part in images.split(100)]).numpy()
            for images in (first, second)
        ]
    return float(frechet_distance(*embedded))
