"""lik map: the latent space in two dimensions."""

from enum import StrEnum
from typing import Annotated

import typer

from lik.cli.options import Arrays, Count, Device, Faces, Out, Run, Seed, Split
from lik.cli.output import save_arrays, save_figure


class Method(StrEnum):
    """How many dimensions become two."""

    pca = "pca"
    tsne = "tsne"


def map_(
    run: Run,
    method: Annotated[
        Method, typer.Option(help="pca: principal components; tsne: neighbours stay together.")
    ] = Method.pca,
    attribute: Annotated[
        str | None,
        typer.Option(
            "--attribute",
            "-a",
            metavar="NAME",
            show_default=False,
            help="Draw dots coloured by this attribute in place of thumbnails.",
        ),
    ] = None,
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
    import numpy as np

    from lik.cli.opening import drawn_indices, open_faces_of, open_session, require_size
    from lik.figures.map import Plane, coloured, thumbnails
    from lik.latent.directions import labels_of
    from lik.latent.projection import project

    session = open_session(run, device)
    face_set = open_faces_of(run, faces)
    require_size(session, face_set)
    chosen = drawn_indices(face_set, split, count, seed)
    labels = None
    if attribute:
        labels = labels_of(attribute, face_set.attributes, face_set.attribute_names)[chosen]
    pictures = np.asarray(face_set.images[chosen])
    codes = session.encode(pictures)
    projection = project(codes, "pca" if method is Method.pca else "tsne", seed)
    if projection.variance_shares:
        axes = [
            f"principal component {n} ({share:.1%} of the variance)"
            for n, share in enumerate(projection.variance_shares, start=1)
        ]
    else:
        axes = ["t-SNE 1 (only neighbourhoods have meaning)", "t-SNE 2"]
    plane = Plane(projection.points, *axes)
    title = f"The latent space of “{session.name}”: {len(chosen):,} faces"
    if attribute and labels is not None:
        image = coloured(plane, labels, attribute.replace("_", " "), title)
    else:
        image = thumbnails(plane, pictures, f"{title}, some shown")
    name = f"map-{method.value}" + (f"-{attribute}" if attribute else "") + ".png"
    save_figure(image, out, run, name)
    save_arrays(arrays, points=projection.points, codes=codes, indices=chosen)
