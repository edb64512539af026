"""Trainings of networks that serve: those that tell attributes, and those that find eyes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lik.alignment.measure import AlignmentReport, measure_alignment
from lik.alignment.model import CUT, Aligner
from lik.alignment.plan import AlignerPlan, eyes_of_crop
from lik.app.overview import draw_curves
from lik.app.training import DEFAULTS, Trained, TrainOptions, require_size, training_data
from lik.core.artifacts import write_json
from lik.core.configuration import nearest, override, validated
from lik.core.device import choose_device
from lik.core.errors import UnusableInput
from lik.core.events import Notify, no_notices
from lik.core.run_folder import RunFolder
from lik.evaluation.accuracy import AttributeAccuracy, attribute_accuracy
from lik.export.onnx import export_onnx, require_onnx
from lik.faces.set.faceset import FaceSet
from lik.latent.session import logits_of_pictures
from lik.models.classifier import AttributeClassifier
from lik.training.callback import Callback
from lik.training.classifier import ClassifierPlan, as_labels, learnable
from lik.training.recipe import TrainingPlan
from lik.training.running import TrainingData, run_training

DEFAULT = "attributes-residual"
"""The classifier that is trained where no other is asked for."""
HELD_OUT = {"test": ("test",), "validation": ("validation",), "both": ("test", "validation")}
"""What the metrics at the end are of."""


def train_classifier(
    faces: FaceSet | str | Path,
    run: str | Path,
    settings: Sequence[str] = (),
    device: str = "auto",
    options: TrainOptions = DEFAULTS,
    callback: Callback | None = None,
    notify: Notify = no_notices,
) -> tuple[Trained, dict[str, Any] | None]:
    """Train an attribute classifier, or go on with one, and keep its accuracies in metrics.json.

    They are of the held-out faces, and returned as well where the training is finished.

    Raises:
        UnusableInput: a face set without labels to learn, settings or a folder that do not fit.
        FailedOnTheWay: what was saved before is intact.
    """
    where = choose_device(device, options.threads)
    face_set = faces if isinstance(faces, FaceSet) else FaceSet.open(faces)
    labels = as_labels(face_set.attributes)
    plan = _classifier_plan(face_set, labels, settings, notify)
    data = _labelled(face_set, labels, plan, training_data(face_set, options.verify, notify))
    trained = _train(plan, data, run, where, options, callback, notify)
    if not trained.outcome.finished:
        return trained, None
    assert isinstance(trained.outcome.model, AttributeClassifier)
    metrics = measure_classifier(trained.outcome.model, face_set, labels)
    write_json(trained.folder.metrics, metrics)
    return trained, metrics


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


def _classifier_plan(
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


def _labelled(
    faces: FaceSet, labels: NDArray[np.float32], plan: ClassifierPlan, data: TrainingData
) -> TrainingData:
    """The faces of which something is known, with their labels in the order of the plan."""
    columns = [faces.attribute_names.index(name) for name in plan.model.attributes]
    labels = np.ascontiguousarray(labels[:, columns])
    known: NDArray[np.bool_] = np.asarray((~np.isnan(labels)).any(axis=1))
    train, validation = (split[known[split]] for split in (data.train, data.validation))
    return replace(data, train=train, validation=validation, labels=labels)


def train_aligner(
    faces: FaceSet | str | Path,
    run: str | Path,
    settings: Sequence[str] = (),
    device: str = "auto",
    options: TrainOptions = DEFAULTS,
    callback: Callback | None = None,
    notify: Notify = no_notices,
) -> tuple[Trained, tuple[str, AlignmentReport] | None]:
    """Train an alignment network, or go on with one; RUN/aligner.onnx is the network for use.

    Where all the eyes are, ``settings`` say as ``eyes=[left x, y, right x, y]`` in shares of the
    side; by default the crop of the set says it. Where the training is finished and there are more
    than training faces, a split of them and how well the network does on it come back as well.

    Raises:
        UnusableInput: a crop that does not say where the eyes are, or settings or a folder that
            do not fit.
        FailedOnTheWay: what was saved before is intact.
    """
    require_onnx()
    where = choose_device(device, options.threads)
    face_set = faces if isinstance(faces, FaceSet) else FaceSet.open(faces)
    plan = _aligner_plan(face_set, settings)
    data = training_data(face_set, options.verify, notify)
    trained = _train(plan, data, run, where, options, callback, notify)
    if not trained.outcome.finished:
        return trained, None
    model = trained.outcome.model
    assert isinstance(model, Aligner)
    _export(trained.folder.path / "aligner.onnx", model, plan, face_set)
    split = next((s for s in ("validation", "test") if len(face_set.indices(s))), None)
    if split is None:
        return trained, None
    faces_of_split = face_set.images[face_set.indices(split)]
    return trained, (split, measure_alignment(model, faces_of_split, plan.eyes))


def _aligner_plan(faces: FaceSet, settings: Sequence[str]) -> AlignerPlan:
    tree = override({"eyes": eyes_of_crop(faces.crop)}, settings)
    if tree["eyes"] is None:
        raise UnusableInput(
            f"the crop of {faces.path} ({faces.crop['kind']}) does not say where the eyes are: "
            "prepare the set with the crop fixed or aligned, or say where they are",
            needs="eyes",
        )
    return validated(AlignerPlan, tree, "the settings")


def _export(path: Path, model: Aligner, plan: AlignerPlan, faces: FaceSet) -> None:
    metadata = {
        "what": "finds the two eyes in a grey cut around a face (Lik's alignment network)",
        "input": f"float32 (1, 1, {CUT}, {CUT}), grey, 0…255",
        "output": "left x, y, right x, y in shares of the side; logit of 'this is a face'",
        "source": str(faces.description.get("source", "unknown")),
        "faces_sha256": faces.hash,
        "terms": "Learned from the faces of the source and under their terms (CelebA: "
        "non-commercial research only). It holds no picture.",
        "plan": plan.model_dump_json(),
    }
    export_onnx(model, [torch.zeros(1, 1, CUT, CUT)], path, ["cut"], ["eyes"], metadata)


def _train(
    plan: TrainingPlan,
    data: TrainingData,
    run: str | Path,
    device: torch.device,
    options: TrainOptions,
    callback: Callback | None,
    notify: Notify,
) -> Trained:
    """Train what is no VAE, of which there are curves and no samples."""
    folder = RunFolder(Path(run))
    outcome = run_training(folder, plan, data, device, callback, notify)
    draw_curves(folder, options.command, unit="mean over the faces")
    return Trained(folder, plan, outcome)
