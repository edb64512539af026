"""The terms of an objective for each image, of a run that is trained.

Pictures are uint8 (N, S, S, 3); terms in nats per image (N,), for there is one objective, and it
gives them so.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lik.core.configuration import validated
from lik.core.events import Progress, no_progress
from lik.core.pixels import Pictures, to_float
from lik.latent.session import Session
from lik.objectives.elbo import Elbo, ElboSettings
from lik.training.feature_networks import open_features

Terms = dict[str, NDArray[np.float64]]


def objective_of(session: Session) -> ElboSettings:
    """What a run was trained with; the published scale where it does not say."""
    objective: Mapping[str, Any] = session.metadata.get("objective") or {}
    return validated(ElboSettings, dict(objective), f"the objective of {session.name}")


def losses(
    session: Session,
    pictures: Pictures,
    objective: ElboSettings | None = None,
    seed: int = 0,
    progress: Progress = no_progress,
) -> Terms:
    """Each term of an objective for each picture, (N,), by name: loss, reconstruction, kl, ….

    By default it is the objective of the run, with the σ, scale or λ that it had arrived at, and
    its schedules at their end. One code is drawn from each posterior. Terms that look at a whole
    batch (free bits, the total correlation) look at those of 256 pictures, the latter as if all
    pictures were the training set.

    Raises:
        UnusableInput: pictures of another size, half a run, or an objective whose network of
            features is gone.
    """
    settings = objective_of(session) if objective is None else objective
    features = None
    if settings.features is not None:
        network, layers = settings.features.network, settings.features.layers
        features = open_features(network, layers, session.size, session.device)
    elbo = Elbo(settings, len(pictures), features).to(session.device).eval()
    if objective is None:
        elbo.restore(session.metadata.get("objective_state") or {})
    found: dict[str, list[NDArray[np.float64]]] = {}
    for part, output in session.passes(pictures, seed, progress):
        images = to_float(pictures[part]).to(session.device)
        with torch.no_grad():
            terms = elbo.terms(images, output)
        for name, values in terms.items():
            found.setdefault(name, []).append(values.double().cpu().numpy())
    return {name: np.concatenate(values) for name, values in found.items()}
