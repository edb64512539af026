"""lik train-features: a labelled face set → a network that tells attributes, for its features."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lik.cli.terminal import Device, Threads, note, say

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lik.faces.faceset import FaceSet
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
    from lik.core.device import choose_device
    from lik.core.run_folder import RunFolder
    from lik.faces.faceset import FaceSet
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
    if not report_end(folder.path, outcome, plan.epochs):
        raise typer.Exit(130)
    say(f"  weights     {folder.model}")


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
    left_out = [name for name in able if name not in plan.model.attributes]
    if left_out and not any(key.startswith("model.attributes") for key in settings):
        note(f"Left out, for all training faces are alike in it: {', '.join(left_out)}.")
    if plan.model.size != faces.size:
        raise UnusableInput(
            f"model.size is {plan.model.size} and {faces.path} holds faces of {faces.size} pixels: "
            "leave model.size out, or prepare the set again with --size."
        )
    return plan


def _data(faces: "FaceSet", labels: "NDArray[np.float32]", plan: "AttributePlan") -> "Data":
    """The faces of which something is known, with their labels in the order of the plan."""
    import numpy as np

    from lik.cli.train import data_of

    columns = [faces.attribute_names.index(name) for name in plan.model.attributes]
    labels = np.ascontiguousarray(labels[:, columns])
    known = ~np.isnan(labels).all(axis=1)
    data = data_of(faces)
    return replace(
        data,
        train=data.train[known[data.train]],
        validation=data.validation[known[data.validation]],
        labels=labels,
    )
