"""What is drawn of a training when it ends, from its journal."""

from pathlib import Path

from lik.core.run_folder import RunFolder
from lik.figures.curves import Curve, dimension_figure, training_curves
from lik.figures.png import save_png
from lik.training import journal

LABELS = {
    "kl": "KL",
    "sse": "squares",
    "ssim_error": "1−SSIM",
    "ms_ssim_error": "1−MS-SSIM",
    "dimension_kl": "KL of dimensions",
}


def metric_label(name: str) -> str:
    """The name of a metric as people read it."""
    return LABELS.get(name, name.replace("_", " "))


def draw_curves(folder: RunFolder, command: str, unit: str = "nats per image") -> Path | None:
    """Draw the loss and its parts over the epochs into the run's figures."""
    records = journal.read(folder.journal)
    if not records:
        return None
    epochs = [record.epoch for record in records]

    def curve(part: str) -> Curve:
        validation = [r.validation[part] if r.validation else None for r in records]
        return Curve(metric_label(part), epochs, [r.train[part] for r in records], validation)

    curves = {part: curve(part) for part in records[-1].train}
    both = {"kl", "reconstruction"} <= set(curves)
    plane = (curves["kl"], curves["reconstruction"]) if both else None
    image = training_curves(list(curves.values()), folder.name, records[-1].scale, unit, plane)
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
