"""The figures of a training that are drawn when it ends, from its journal."""

from pathlib import Path
from typing import TYPE_CHECKING

from lik.cli.output import command_line

if TYPE_CHECKING:
    from lik.core.run_folder import RunFolder


def draw_curves(folder: "RunFolder", unit: str = "nats per image") -> Path | None:
    """Draw the loss and its parts over the epochs into the run's figures."""
    from lik.cli.training_bar import spelt
    from lik.figures.curves import Curve, training_curves
    from lik.figures.png import save_png
    from lik.training import journal

    records = journal.read(folder.journal)
    if not records:
        return None
    epochs = [record.epoch for record in records]

    def curve(part: str) -> Curve:
        validation = [r.validation[part] if r.validation else None for r in records]
        return Curve(spelt(part), epochs, [r.train[part] for r in records], validation)

    curves = {part: curve(part) for part in records[-1].train}
    both = {"kl", "reconstruction"} <= set(curves)
    plane = (curves["kl"], curves["reconstruction"]) if both else None
    name = folder.path.resolve().name
    image = training_curves(list(curves.values()), name, records[-1].scale, unit, plane)
    path = folder.figures / "training.png"
    save_png(path, image, command=command_line())
    return path


def draw_dimensions(folder: "RunFolder") -> Path | None:
    """Draw what each latent dimension carries, where the journal says it."""
    from lik.figures.dimensions import dimension_figure
    from lik.figures.png import save_png
    from lik.training import journal

    records = [r for r in journal.read(folder.journal) if "kl_per_dimension" in r.details]
    if not records:
        return None
    image = dimension_figure(
        records[-1].details["kl_per_dimension"],
        [record.epoch for record in records],
        [sum(kl > journal.ACTIVE for kl in r.details["kl_per_dimension"]) for r in records],
        journal.ACTIVE,
        f"{folder.path.resolve().name} after epoch {records[-1].epoch}",
    )
    path = folder.figures / "dimensions.png"
    save_png(path, image, command=command_line())
    return path
