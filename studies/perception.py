"""Measures of likeness of a run's reconstructions that are more than sums of squares."""

from pathlib import Path

import numpy as np
import torch

from lik.core.pixels import to_float
from lik.evaluation.networks import classifier_features, embed, feature_distance
from lik.evaluation.sets import frechet_distance
from lik.latent.session import Session
from lik.training.feature_networks import open_features
from trained import Place


def perception(
    session: Session, place: Place, features: str | None, judge: str | None
) -> dict[str, float]:
    """The distance in the features of each network that is given.

    Of the judge also the Fréchet distance between the test faces and as many that are generated.
    """
    found = {}
    pictures = place.test_faces()
    images = to_float(np.ascontiguousarray(pictures))
    again = torch.cat(list(session.decode_batches(session.encode(pictures)))).cpu()
    if features:
        trained = open_features(features, None, session.size, torch.device("cpu"))
        found["trained_distance"] = float(feature_distance(images, again, trained).mean())
    if judge:
        network = classifier_features(Path(judge))
        assert network.maps is not None
        real = embed(network, images)
        found["judged_distance"] = float(feature_distance(images, again, network.maps).mean())
        generated = embed(network, session.generate(len(images), 1))
        found["frechet"] = frechet_distance(real, generated)
        found["frechet_reconstructions"] = frechet_distance(real, embed(network, again))
    return found
