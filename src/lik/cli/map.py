"""lik map: the latent space in two dimensions."""

from enum import StrEnum

from lik.app.opened import OpenedRun
from lik.app.selection import Selection
from lik.app.views import draw_map
from lik.cli.options import Arrays, Count, Device, Faces, Out, RunOrNone, Seed, Split, option
from lik.cli.output import note, save_figure


class MapMethod(StrEnum):
    """How many dimensions become two."""

    pca = "pca"
    tsne = "tsne"


def map_(
    run: RunOrNone = None,
    method: MapMethod = option(
        MapMethod.pca, "pca: principal components; tsne: neighbours stay together."
    ),
    attribute: str | None = option(
        None,
        "Draw dots coloured by this attribute in place of thumbnails.",
        "NAME",
        "--attribute",
        "-a",
    ),
    faces: Faces = None,
    split: Split = "all",
    count: Count = 2000,
    seed: Seed = 0,
    out: Out = None,
    arrays: Arrays = None,
    device: Device = "auto",
) -> None:
    """Draw where the faces of a set lie in the latent space, brought down to two dimensions.

    Example: lik map runs/first --method tsne --attribute Eyeglasses
    """
    opened = OpenedRun(run, device, notify=note)
    selection = Selection(split, count=count, seed=seed)
    drawn = draw_map(opened, selection, faces, method.value, attribute)
    save_figure(opened, drawn, out, arrays)
