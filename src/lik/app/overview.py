"""Runs by their files, without their weights: those below a folder, and curves of each."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from PIL import Image

from lik.app.run_search import find_runs
from lik.core.configuration import read_yaml
from lik.core.errors import UnusableInput
from lik.core.events import Notify, no_notices
from lik.core.locks import held
from lik.core.run_folder import RunFolder, read_environment
from lik.figures.curves import (
    MOST_CURVES,
    MOST_GROUPS,
    Curve,
    Group,
    RunCurve,
    comparison,
    dimension_figure,
    training_curves,
)
from lik.figures.png import save_png
from lik.training import journal

LABELS = {
    "kl": "KL",
    "sse": "squares",
    "ssim_error": "1−SSIM",
    "ms_ssim_error": "1−MS-SSIM",
    "dimension_kl": "KL of dimensions",
}


@dataclass(frozen=True)
class Overview:
    """A run at a glance; what is not known is None.

    Attributes:
        name: its path below the folder that was searched.
        state: 'finished', 'ended early' (by patience), 'stopped', 'running', 'imported' or
            'broken'; ``reason`` says why.
        scale: what its losses are sums of; ``size`` is the side of its pictures in pixels. Losses
            compare only where both are the same. ``latent`` is its number of dimensions.
        epochs_done, epochs: after which epoch it is, and how many its recipe asks for.
        records: its journal.
    """

    name: str
    path: Path
    state: str
    reason: str | None = None
    model: str | None = None
    size: int | None = None
    latent: int | None = None
    objective: str | None = None
    scale: str | None = None
    epochs_done: int = 0
    epochs: int | None = None
    faces: str | None = None
    device: str | None = None
    precision: str | None = None
    compiled: bool | None = None
    records: tuple[journal.EpochRecord, ...] = ()

    @property
    def metrics(self) -> journal.Metrics | None:
        """The last epoch's metrics on validation faces, or on training faces where none are."""
        if not self.records:
            return None
        return self.records[-1].validation or self.records[-1].train

    @property
    def validated(self) -> bool:
        """Whether `metrics` are of validation faces."""
        return bool(self.records) and self.records[-1].validation is not None

    @property
    def best(self) -> tuple[int, float] | None:
        """The epoch with the lowest validation loss, and that loss."""
        best = min(_losses(self.records), default=None)
        return best[::-1] if best else None

    def described(self) -> dict[str, Any]:
        """All of it as plain values, without the journal but for its last epoch."""
        plain = [field.name for field in fields(self) if field.name not in ("path", "records")]
        last = self.records[-1] if self.records else None
        best = dict(zip(("epoch", "loss"), self.best, strict=True)) if self.best else None
        return {
            "path": str(self.path),
            **{name: getattr(self, name) for name in plain},
            "train": last.train if last else None,
            "validation": last.validation if last else None,
            "best_validation": best,
            "images_per_second": last.images_per_second if last else None,
            "active_units": last.details.get("active_units") if last else None,
        }


def list_runs(folder: str | Path, by_loss: bool = False) -> list[Overview]:
    """The runs at or below a folder, by name, or by loss among those that compare.

    Raises:
        UnusableInput: there is no such folder, or no run in it.
    """
    folder = Path(folder)
    found = [overview(path, folder) for path in find_runs(folder)]
    if not found:
        raise UnusableInput(f"there are no runs in {folder}: a training makes one.")
    return sorted(found, key=_by_loss) if by_loss else found


def compare_runs(
    runs: Sequence[Overview], name: str, notify: Notify = no_notices
) -> Image.Image | None:
    """Draw the curves of runs, a row of panels for all of one scale and size of pictures.

    None where none of them has trained an epoch; ``name`` stands above it.
    """
    trained = [run for run in runs if run.records]
    if not trained:
        return None
    kinds: dict[tuple[str | None, int | None], list[Overview]] = {}
    for run in trained:
        kinds.setdefault((run.scale, run.size), []).append(run)
    groups = []
    for (scale, size), members in sorted(kinds.items(), key=lambda kind: -len(kind[1])):
        best = sorted(members, key=_by_loss)[:MOST_CURVES]
        left_out = f"the {MOST_CURVES} lowest of {len(members)}"
        groups.append(
            Group(
                f"loss = {scale}" + (f", {size} pixels" if size else ""),
                [_curve(run) for run in members if run in best],
                left_out if len(members) > MOST_CURVES else "",
                "nats per image" if "kl" in (best[0].metrics or {}) else "",
            )
        )
    if len(groups) > MOST_GROUPS:
        notify(f"Only the {MOST_GROUPS} scales with the most runs, of {len(groups)}, are drawn.")
    which = "validation faces, or training faces where there are no others"
    if all(run.validated for run in trained):
        which = "validation faces"
    return comparison(groups, f"{name}   ·   on {which}")


def metric_label(name: str) -> str:
    """The name of a metric as people read it."""
    return LABELS.get(name, name.replace("_", " "))


def curves_of(folder: RunFolder, unit: str = "nats per image") -> Image.Image | None:
    """Draw the loss and its parts over the epochs of a run; None before the first of them."""
    records = journal.read(folder.journal)
    if not records:
        return None
    epochs = [record.epoch for record in records]

    def curve(part: str) -> Curve:
        validation = [(r.validation or {}).get(part) for r in records]
        return Curve(metric_label(part), epochs, [r.train[part] for r in records], validation)

    curves = {part: curve(part) for part in records[-1].train}
    both = {"kl", "reconstruction"} <= set(curves)
    plane = (curves["kl"], curves["reconstruction"]) if both else None
    return training_curves(list(curves.values()), folder.name, records[-1].scale, unit, plane)


def draw_curves(folder: RunFolder, command: str, unit: str = "nats per image") -> Path | None:
    """Draw the loss and its parts over the epochs of a run into its figures."""
    image = curves_of(folder, unit)
    if image is None:
        return None
    path = folder.figures / "training.png"
    save_png(path, image, command=command)
    return path


def draw_dimensions(folder: RunFolder, command: str) -> Path | None:
    """Draw what each latent dimension carries, where the journal says it."""
    records = [r for r in journal.read(folder.journal) if "kl_per_dimension" in r.details]
    if not records:
        return None
    image = dimension_figure(
        records[-1].details["kl_per_dimension"],
        [record.epoch for record in records],
        [sum(kl > journal.ACTIVE for kl in r.details["kl_per_dimension"]) for r in records],
        journal.ACTIVE,
        f"{folder.name} after epoch {records[-1].epoch}",
    )
    path = folder.figures / "dimensions.png"
    save_png(path, image, command=command)
    return path


def _by_loss(run: Overview) -> tuple[bool, str, int, float, str]:
    """Those that compare beside each other, the lowest loss first; those without one last."""
    loss = run.metrics["loss"] if run.metrics else 0.0
    return (run.metrics is None, run.scale or "", run.size or 0, loss, run.name)


def _curve(run: Overview) -> RunCurve:
    measured = [(r.validation if run.validated else r.train) or {} for r in run.records]
    return RunCurve(
        run.name,
        [record.epoch for record in run.records],
        {metric_label(part): [metrics.get(part) for metrics in measured] for part in measured[-1]},
    )


def overview(path: Path, base: Path) -> Overview:
    """What there is to say of the run at ``path``; a broken one is told with the reason."""
    name = path.name if path == base else str(path.relative_to(base))
    try:
        return _overview(RunFolder(path), name)
    except UnusableInput as error:
        return Overview(name, path, "broken", str(error))
    except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
        return Overview(name, path, "broken", f"its files cannot be read ({error}).")


def _overview(folder: RunFolder, name: str) -> Overview:
    environment = read_environment(folder)
    faces = environment["faces"]
    if "imported_from" in faces:
        return Overview(name, folder.path, "imported")
    recipe = read_yaml(folder.recipe)
    records = tuple(journal.read(folder.journal))
    done, epochs = records[-1].epoch if records else 0, int(recipe["epochs"])
    waited = _waited(records)
    if _is_held(folder):
        state = "running"
    elif done >= epochs:
        state = "finished"
    else:
        patience = recipe.get("patience")
        state = "stopped" if patience is None or waited < patience else "ended early"
    return Overview(
        name,
        folder.path,
        state=state,
        reason=f"no better validation loss for {waited} epochs" if state == "ended early" else None,
        model=recipe["model"]["name"],
        size=recipe["model"].get("size"),
        latent=recipe["model"].get("latent"),
        objective=" ".join(
            f"{key}={value}"
            for key, value in recipe.get("objective", {}).items()
            if value is not None
        ),
        scale=records[-1].scale if records else None,
        epochs_done=done,
        epochs=epochs,
        faces=Path(faces["path"]).name if faces.get("path") else None,
        device=environment.get("device"),
        precision=environment.get("precision"),
        compiled=environment.get("compiled"),
        records=records,
    )


def _waited(records: Sequence[journal.EpochRecord]) -> int:
    """Epochs since the best validation loss, as the training loop counts them for its patience."""
    losses = _losses(records)
    return records[-1].epoch - min(losses)[1] if losses else 0


def _losses(records: Sequence[journal.EpochRecord]) -> list[tuple[float, int]]:
    """Each validation loss that is a number, with its epoch."""
    losses = [(record.validation["loss"], record.epoch) for record in records if record.validation]
    return [(loss, epoch) for loss, epoch in losses if math.isfinite(loss)]


def _is_held(folder: RunFolder) -> bool:
    try:
        if folder.lock.is_file():
            with held(folder.lock, "running"):
                pass
    except UnusableInput:
        return True
    except OSError:  # a folder that one may only read
        pass
    return False
