"""Attribute classifiers: a labelled face set becomes a network that tells attributes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lik.app.training import (
    DEFAULTS,
    Trained,
    TrainOptions,
    require_size,
    train_network,
    training_data,
)
from lik.core.artifacts import write_json
from lik.core.configuration import nearest, override, validated
from lik.core.device import choose_device
from lik.core.errors import UnusableInput
from lik.core.events import Notify, no_notices
from lik.core.run_folder import RunFolder
from lik.evaluation.accuracy import AttributeAccuracy, attribute_accuracy
from lik.faces.set.faceset import FaceSet
from lik.latent.session import logits_of_pictures
from lik.models.classifier import AttributeClassifier
from lik.training.callback import Callback
from lik.training.classifier import ClassifierPlan, as_labels, learnable
from lik.training.running import TrainingData

DEFAULT = "attributes-residual"

HELD_OUT = {"test": ("test",), "validation": ("validation",), "both": ("test", "validation")}
"""What the metrics at the end are of."""


@dataclass(frozen=True)
class TrainedClassifier:
    """How a training ended, and the accuracies on held-out faces, where it is finished."""

    trained: Trained
    metrics: dict[str, Any] | None


def train_classifier(
    faces: FaceSet | str | Path,
    run: str | Path,
    settings: Sequence[str] = (),
    device: str = "auto",
    options: TrainOptions = DEFAULTS,
    callback: Callback | None = None,
    notify: Notify = no_notices,
) -> TrainedClassifier:
    """Train an attribute classifier, or go on with one, and keep its accuracies in metrics.json.

    Raises:
        UnusableInput: a face set without labels to learn, settings or a folder that do not fit.
        FailedOnTheWay: what was saved before is intact.
    """
    where = choose_device(device, options.threads)
    face_set = faces if isinstance(faces, FaceSet) else FaceSet.open(faces)
    labels = as_labels(face_set.attributes)
    plan = _plan(face_set, labels, settings, notify)
    data = _data(face_set, labels, plan, options.verify, notify)
    trained = train_network(plan, data, RunFolder(Path(run)), where, options, callback, notify)
    if not trained.outcome.finished:
        return TrainedClassifier(trained, None)
    assert isinstance(trained.outcome.model, AttributeClassifier)
    metrics = measure_classifier(trained.outcome.model, face_set, labels)
    write_json(trained.folder.metrics, metrics)
    return TrainedClassifier(trained, metrics)


def measure_classifier(
    network: AttributeClassifier, faces: FaceSet, labels: NDArray[np.float32]
) -> dict[str, Any]:
    """The accuracies on held-out faces, as plain values, with all that says what was measured."""
    labels = labels[:, [faces.attribute_names.index(name) for name in network.attributes]]
    usual = np.nanmean(labels[faces.indices("train")], axis=0) > 0.5
    logits = np.full(labels.shape, np.nan, np.float32)
    held_out = np.concatenate([faces.indices(split) for split in HELD_OUT["both"]])
    if len(held_out):
        device = next(network.parameters()).device
        logits[held_out] = logits_of_pictures(network, faces.images[held_out], device)
    found = {}
    for name, splits in HELD_OUT.items():
        chosen = np.concatenate([faces.indices(split) for split in splits])
        if not np.isnan(labels[chosen]).all():
            accuracy = attribute_accuracy(logits[chosen], labels[chosen], usual)
            found[name] = _in_plain_values(accuracy, network.attributes)
    return {
        "what": "shares of the labels that are met, mean over the attributes; majority: the same "
        "answer for every face, the one of most training faces; balanced: mean over the faces "
        "with an attribute and those without",
        "splits": found,
        "crop": faces.crop,
        "faces": faces.path.name,
        "faces_sha256": faces.hash,
        "index_sha256": faces.index_hash,
    }


def _in_plain_values(found: AttributeAccuracy, names: tuple[str, ...]) -> dict[str, Any]:
    def rounded(value: float | None) -> float | None:
        return None if value is None or value != value else round(float(value), 5)

    kinds = ("share", "accuracy", "majority", "balanced")
    return {
        "faces": found.faces,
        "accuracy": rounded(found.mean),
        "accuracy_error": rounded(found.error),
        "majority": rounded(found.mean_majority),
        "balanced": rounded(found.mean_balanced),
        "attributes": {
            name: {"known": int(found.known[number])}
            | {kind: rounded(getattr(found, kind)[number]) for kind in kinds}
            for number, name in enumerate(names)
        },
    }


def _plan(
    faces: FaceSet, labels: NDArray[np.float32], settings: Sequence[str], notify: Notify
) -> ClassifierPlan:
    """The plan for a face set: by default, of all attributes that can be learned from it."""
    if not faces.attribute_names:
        raise UnusableInput(
            f"{faces.path} has no attributes, which are what is learned here: prepare a set with "
            "labels, as CelebA's or drawn:N."
        )
    able = dict(zip(faces.attribute_names, learnable(labels[faces.indices("train")]), strict=True))
    usual = [name for name, is_learnable in able.items() if is_learnable]
    if not usual:
        raise UnusableInput(
            f"{faces.path} has no attribute that some of its training faces have and others lack, "
            "so there is nothing to learn."
        )
    given: dict[str, Any] = {"name": DEFAULT, "size": faces.size, "attributes": usual}
    plan = validated(ClassifierPlan, override({"model": given}, settings), "the settings")
    for name in plan.model.attributes:
        if name not in able:
            raise UnusableInput(
                f"there is no attribute '{name}' in {faces.path}.{nearest(name, able)}"
            )
        if not able[name]:
            raise UnusableInput(
                f"'{name}' cannot be learned from {faces.path}: all training faces whose label is "
                "known are alike in it."
            )
    require_size(plan, faces)
    if len(usual) < len(able):
        alike = ", ".join(name for name in able if not able[name])
        notify(f"Left out, for all training faces are alike in it: {alike}.")
    for name in plan.model.attributes:
        values = faces.attributes[:, faces.attribute_names.index(name)]
        if not np.isin(values[~np.isnan(values)], (-1, 0, 1)).all():
            notify(f"{name} is given in real numbers: faces above 0 count as having it.")
    return plan


def _data(
    faces: FaceSet,
    labels: NDArray[np.float32],
    plan: ClassifierPlan,
    verify: bool,
    notify: Notify,
) -> TrainingData:
    """The faces of which something is known, with their labels in the order of the plan."""
    columns = [faces.attribute_names.index(name) for name in plan.model.attributes]
    labels = np.ascontiguousarray(labels[:, columns])
    known: NDArray[np.bool_] = np.asarray((~np.isnan(labels)).any(axis=1))
    data = training_data(faces, verify, notify)
    return replace(
        data,
        train=data.train[known[data.train]],
        validation=data.validation[known[data.validation]],
        labels=labels,
    )
