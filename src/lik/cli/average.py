"""lik average: the mean face of a set, or of those with a trait and without another."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lik.cli.options import Arrays, Device, Faces, Out, Run, Split
from lik.cli.output import save_arrays, save_figure

if TYPE_CHECKING:
    from lik.faces.set.faceset import FaceSet

AT_ONCE = 1024
"""Faces that are read and encoded at a time."""


def average(
    run: Run,
    attribute: Annotated[
        list[str] | None,
        typer.Option(
            "--attribute", "-a", metavar="NAME", show_default=False,
            help="Faces that have it, such as Smiling; may be repeated.",
        ),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", show_default=False, help="Faces that lack it; may be repeated."
        ),
    ] = None,
    pixels: Annotated[
        bool, typer.Option("--pixels", help="Beside it, the mean of the faces' pixels.")
    ] = False,
    faces: Faces = None,
    split: Split = "all",
    out: Out = None,
    arrays: Arrays = None,
    device: Device = "auto",
) -> None:  # fmt: skip
    """Draw the mean face: the mean of the codes, decoded.

    Example: lik average runs/first --attribute Smiling --without Eyeglasses --pixels
    """
    import numpy as np

    from lik.cli.opening import open_faces_of, open_session, require_size
    from lik.figures.grids import Row, sheet

    session = open_session(run, device)
    face_set = open_faces_of(run, faces)
    require_size(session, face_set)
    having, lacking = attribute or [], without or []
    chosen = _chosen(face_set, split, having, lacking)
    code = np.zeros(session.latent)
    pixel = np.zeros((session.size, session.size, 3))
    for start in range(0, len(chosen), AT_ONCE):
        part = np.asarray(face_set.images[chosen[start : start + AT_ONCE]])
        code += session.encode(part).sum(axis=0, dtype=np.float64) / len(chosen)
        pixel += part.sum(axis=0, dtype=np.float64) / len(chosen)
    shown = [session.decode(np.asarray(code, np.float32)[None])[0]]
    labels = ["mean code, decoded"]
    if pixels:
        shown.append(np.rint(pixel).astype(np.uint8))
        labels.append("mean of the pixels")
    traits = [f"with {_words(name)}" for name in having]
    traits += [f"without {_words(name)}" for name in lacking]
    image = sheet(
        [Row(np.stack(shown))],
        f"The mean face, by the run “{session.name}”",
        f"{len(chosen):,} {'' if split == 'all' else split + ' '}faces of the set "
        f"“{face_set.path.name}”" + (", " + ", ".join(traits) if traits else "") + ".",
        labels,
        tile=256,
    )
    parts = [*having, *(f"no-{name}" for name in lacking)]
    save_figure(image, out, run, "-".join(["average", *parts]) + ".png")
    save_arrays(arrays, code=np.asarray(code, np.float32), pictures=np.stack(shown))


def _chosen(faces: "FaceSet", split: str, having: list[str], lacking: list[str]) -> Any:
    """The faces of a split with all of some traits and none of others.

    Raises:
        UnusableInput: no such split or trait, or no such faces.
    """
    from lik.cli.opening import indices_of
    from lik.core.errors import UnusableInput
    from lik.latent.directions import labels_of

    chosen = indices_of(faces, split)
    for names, sign in ((having, 1), (lacking, -1)):
        for name in names:
            labels = labels_of(name, faces.attributes, faces.attribute_names)[chosen]
            # Unknown labels are not numbers, and belong to neither.
            chosen = chosen[labels > 0] if sign > 0 else chosen[labels <= 0]
            if not len(chosen):
                word = "with" if sign > 0 else "without"
                raise UnusableInput(f"no face that is left is {word} {name}: ask for less.")
    return chosen


def _words(name: str) -> str:
    return name.replace("_", " ")
