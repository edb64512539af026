"""lik reconstruct: faces, and what the model makes of them."""

from lik.cli.options import Arrays, Columns, Count, Device, Faces, Given, Out, Run, Seed, Split
from lik.cli.output import save_arrays, save_figure


def reconstruct(
    run: Run,
    given: Given = None,
    faces: Faces = None,
    split: Split = "test",
    count: Count = 24,
    columns: Columns = 8,
    seed: Seed = 0,
    out: Out = None,
    arrays: Arrays = None,
    device: Device = "auto",
) -> None:
    """Draw reconstructions under their originals.

    Without pictures, faces of the test split of the run's own set are taken.

    Example: lik reconstruct runs/first holiday.jpg -o holiday.png
    """
    import numpy as np

    from lik.cli.opening import open_session, to_show
    from lik.core.pixels import to_float
    from lik.figures.grids import Row, sheet
    from lik.objectives.reconstruction import ERRORS, sse

    session = open_session(run, device)
    shown = to_show(session, run, given or [], faces, split, count, seed)
    codes = session.encode(shown.pictures)
    reconstructions = session.decode(codes)
    errors = sse(to_float(shown.pictures), to_float(reconstructions))
    rows = []
    for start in range(0, len(codes), columns):
        part = slice(start, start + columns)
        rows.append(Row(shown.pictures[part], "original", new_group=True))
        rows.append(Row(reconstructions[part], "reconstruction"))
    mean = f"mean {ERRORS['sse'].scale} = {float(np.mean(errors.numpy())):.1f}"
    image = sheet(
        rows,
        f"Reconstructions by the run “{session.name}”",
        f"{shown.description}; each is {session.size}×{session.size}×3 numbers, squeezed into "
        f"{session.latent} and unfolded again (from the mean of the posterior); {mean}.",
        tile=96,
    )
    save_figure(image, out, run, "reconstructions.png")
    save_arrays(
        arrays,
        originals=shown.pictures,
        reconstructions=reconstructions,
        codes=codes,
        names=np.array(shown.names),
    )
