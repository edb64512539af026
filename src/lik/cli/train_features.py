"""lik train-features: a labelled face set → a network that tells attributes, for its features."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lik.cli.options import Device, Threads
from lik.cli.output import note, say

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lik.evaluation.accuracy import AttributeAccuracy
    from lik.faces.set.faceset import FaceSet
    from lik.models.classifier import AttributeClassifier
    from lik.training.attributes import AttributePlan
    from lik.training.run import Data

DEFAULT = "attributes-residual"


def train_features(
    faces: Annotated[
        str, typer.Argument(help="A face set with attributes, made by lik prepare.",
                            metavar="FACES"),
    ],
    out: Annotated[
        str, typer.Argument(help="The folder of the run; an existing one goes on.", metavar="OUT")
    ],
    settings: Annotated[
        list[str] | None,
        typer.Argument(help="Settings to change, as seed=1.", metavar="KEY=VALUE"),
    ] = None,
    device: Device = "auto",
    threads: Threads = None,
) -> None:  # fmt: skip
    """Train a network that tells the attributes of a face; its features measure likeness.

    model.name is attributes-residual (default) or attributes-plain. The same command goes on where
    a run was left; at the end the accuracy on held-out faces is told, and kept in OUT/metrics.json.

    Example: lik train-features faces/celeba networks/judge model.name=attributes-plain seed=1
    """
    from lik.cli.train import report_end
    from lik.cli.training_bar import TrainingBar
    from lik.cli.training_figures import draw_curves
    from lik.core.artifacts import write_json
    from lik.core.device import choose_device
    from lik.core.run_folder import RunFolder
    from lik.faces.set.faceset import FaceSet
    from lik.models.classifier import AttributeClassifier
    from lik.training.attributes import as_labels
    from lik.training.run import run_training

    where = choose_device(device, threads)
    face_set = FaceSet.open(Path(faces))
    labels = as_labels(face_set.attributes)
    plan = _plan(face_set, labels, settings or [])
    data = _data(face_set, labels, plan)
    folder = RunFolder(Path(out))
    with TrainingBar(digits=4) as bar:
        outcome = run_training(folder, plan, data, where, bar)
    draw_curves(folder, unit="mean over the faces")
    if not report_end(folder.path, outcome, plan):
        raise typer.Exit(130)
    assert isinstance(outcome.model, AttributeClassifier)
    metrics = measure(outcome.model, face_set, labels)
    show(metrics)
    say(f"  weights     {folder.model}")
    write_json(folder.path / "metrics.json", metrics)


HELD_OUT = {"test": ("test",), "validation": ("validation",), "both": ("test", "validation")}
"""What the figures at the end are of."""


def measure(
    network: "AttributeClassifier", faces: "FaceSet", labels: "NDArray[np.float32]"
) -> dict[str, Any]:
    """The accuracies on held-out faces, as plain values, with all that says what was measured."""
    import numpy as np

    from lik.evaluation.accuracy import attribute_accuracy
    from lik.latent.judging import logits_of_pictures

    labels = labels[:, [faces.attribute_names.index(name) for name in network.attributes]]
    usual = np.nanmean(labels[faces.indices("train")], axis=0) > 0.5
    logits = np.full(labels.shape, np.nan, np.float32)
    held_out = np.concatenate([faces.indices(split) for split in HELD_OUT["both"]])
    if len(held_out):
        pictures, device = faces.images[held_out], network.head.weight.device
        logits[held_out] = logits_of_pictures(network, pictures, device)
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


def _in_plain_values(found: "AttributeAccuracy", names: tuple[str, ...]) -> dict[str, Any]:
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


def show(metrics: dict[str, Any]) -> None:
    """Print the accuracies for people: means of each split, and each attribute over all of them."""
    from lik.cli.output import table

    if not metrics["splits"]:
        say("  no labelled faces are held out (test or validation split): nothing was measured.")
        return

    def percent(value: float | None) -> str:
        return "–" if value is None else f"{100 * value:.1f}"

    say()
    rows = [
        (
            "test and validation" if name == "both" else name,
            f"{split['faces']:,}",
            percent(split["accuracy"])
            + (
                "" if split["accuracy_error"] is None else f" ± {100 * split['accuracy_error']:.1f}"
            ),
            percent(split["majority"]),
            percent(split["balanced"]),
        )
        for name, split in metrics["splits"].items()
    ]
    table(("mean over the attributes, %", "faces", "accuracy", "majority", "balanced"), rows)
    say()
    attributes = metrics["splits"]["both"]["attributes"]
    rows_of_each = [
        (name, *(percent(one[kind]) for kind in ("share", "accuracy", "majority", "balanced")))
        for name, one in attributes.items()
    ]
    table(
        ("test and validation together, %", "have it", "accuracy", "majority", "balanced"),
        rows_of_each,
    )
    say()
    say("  majority: the answer of most training faces, for all; balanced: mean of the accuracies")
    say("  among the faces that have it and among those that do not; ± is the standard error.")


def _plan(faces: "FaceSet", labels: "NDArray[np.float32]", settings: list[str]) -> "AttributePlan":
    """The plan for a face set: by default, of all attributes that can be learned from it."""
    from lik.core.configuration import nearest, override, validated
    from lik.core.errors import UnusableInput
    from lik.training.attributes import AttributePlan, learnable

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
    plan = validated(AttributePlan, override({"model": given}, settings), "the settings")
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
    if plan.model.size != faces.size:
        raise UnusableInput(
            f"model.size is {plan.model.size} and {faces.path} holds faces of {faces.size} pixels: "
            "leave model.size out, or prepare the set again with --size."
        )
    _tell(faces, able, plan.model.attributes)
    return plan


def _tell(faces: "FaceSet", able: dict[str, Any], learned: tuple[str, ...]) -> None:
    """Say which attributes cannot be learned, and which are real numbers."""
    import numpy as np

    alike = [name for name in able if not able[name]]
    if alike:
        note(f"Left out, for all training faces are alike in it: {', '.join(alike)}.")
    for name in learned:
        values = faces.attributes[:, faces.attribute_names.index(name)]
        if not np.isin(values[~np.isnan(values)], (-1, 0, 1)).all():
            note(f"{name} is given in real numbers: faces above 0 count as having it.")


def _data(faces: "FaceSet", labels: "NDArray[np.float32]", plan: "AttributePlan") -> "Data":
    """The faces of which something is known, with their labels in the order of the plan."""
    import numpy as np

    from lik.cli.train import data_of

    columns = [faces.attribute_names.index(name) for name in plan.model.attributes]
    labels = np.ascontiguousarray(labels[:, columns])
    known: NDArray[np.bool_] = np.asarray((~np.isnan(labels)).any(axis=1))
    data = data_of(faces)
    return replace(
        data,
        train=data.train[known[data.train]],
        validation=data.validation[known[data.validation]],
        labels=labels,
    )
