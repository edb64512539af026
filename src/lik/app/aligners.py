"""Aligners: an aligned face set becomes a network that finds eyes, as ONNX."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from lik.alignment.measure import AlignmentReport, measure_alignment
from lik.alignment.model import CUT, Aligner
from lik.alignment.plan import AlignerPlan, eyes_of_crop
from lik.app.training import DEFAULTS, Trained, TrainOptions, train_network, training_data
from lik.core.configuration import override, validated
from lik.core.device import choose_device
from lik.core.errors import UnusableInput
from lik.core.events import Notify, no_notices
from lik.core.run_folder import RunFolder
from lik.export.onnx import export_onnx, require_onnx
from lik.faces.set.faceset import FaceSet
from lik.training.callback import Callback


@dataclass(frozen=True)
class TrainedAligner:
    """How a training ended.

    Attributes:
        trained: the run. onnx: the network for use, where the training is finished.
        split: which faces were measured. report: how well it does on them; None where there are
            none but training faces.
    """

    trained: Trained
    onnx: Path | None = None
    split: str | None = None
    report: AlignmentReport | None = None


def train_aligner(
    faces: FaceSet | str | Path,
    run: str | Path,
    settings: Sequence[str] = (),
    device: str = "auto",
    options: TrainOptions = DEFAULTS,
    callback: Callback | None = None,
    notify: Notify = no_notices,
) -> TrainedAligner:
    """Train an alignment network, or go on with one; its ONNX file is then in the run.

    Where all the eyes are, ``settings`` say as ``eyes=[left x, y, right x, y]`` in shares of the
    side; by default the crop of the set says it.

    Raises:
        UnusableInput: a crop that does not say where the eyes are, or settings or a folder that
            do not fit.
        FailedOnTheWay: what was saved before is intact.
    """
    require_onnx()
    where = choose_device(device, options.threads)
    face_set = faces if isinstance(faces, FaceSet) else FaceSet.open(faces)
    plan = _plan(face_set, settings)
    data = training_data(face_set, options.verify, notify)
    trained = train_network(plan, data, RunFolder(Path(run)), where, options, callback, notify)
    model = trained.outcome.model
    if not trained.outcome.finished:
        return TrainedAligner(trained)
    assert isinstance(model, Aligner)
    path = trained.folder.path / "aligner.onnx"
    _export(path, model, plan, face_set)
    split = next((s for s in ("validation", "test") if len(face_set.indices(s))), None)
    if split is None:
        return TrainedAligner(trained, path)
    report = measure_alignment(model, face_set.images[face_set.indices(split)], plan.eyes)
    return TrainedAligner(trained, path, split, report)


def _plan(faces: FaceSet, settings: Sequence[str]) -> AlignerPlan:
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
    export_onnx(model, torch.zeros(1, 1, CUT, CUT), path, "cut", "eyes", metadata)
