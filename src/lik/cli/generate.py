"""lik generate: new faces from codes drawn from a prior."""

from lik.app.opened import OpenedRun
from lik.app.sampling import draw_beside_nearest, draw_samples, sample
from lik.cli.options import (
    Arrays,
    Columns,
    Count,
    Device,
    Faces,
    FittedPrior,
    Having,
    Lacking,
    Out,
    RunOrNone,
    Seed,
    Temperature,
    flag,
    names_of,
    option,
)
from lik.cli.output import note, progress, save_figure
from lik.core.errors import UnusableInput


def generate(
    run: RunOrNone = None,
    count: Count = 40,
    columns: Columns = 8,
    seed: Seed = 0,
    temperature: Temperature = None,
    prior: FittedPrior = None,
    having: Having = None,
    lacking: Lacking = None,
    classifier: str | None = option(
        None, "The attribute classifier that tells which have them.", "NET"
    ),
    nearest: bool = flag(
        "--nearest",
        "Show beside each the training faces nearest to it; these are real people, so -o "
        "must say where.",
    ),
    faces: Faces = None,
    out: Out = None,
    arrays: Arrays = None,
    device: Device = "auto",
) -> None:
    """Draw new faces: codes from a prior, decoded.

    With --with or --without, faces are drawn until there are enough that the classifier says to
    be so.

    Example: lik generate runs/first --prior flow --with Smiling --classifier networks/attributes
    """
    if nearest and out is None:
        raise UnusableInput("--nearest shows real people: say with -o where the picture may lie.")
    opened = OpenedRun(run, device, notify=note)
    with progress() as step:
        samples = sample(
            opened, count, seed, temperature, prior,
            having=names_of(having), lacking=names_of(lacking), classifier=classifier,
            progress=step, notify=note,
        )  # fmt: skip
    if nearest:
        drawn = draw_beside_nearest(opened, samples, faces, classifier)
    else:
        drawn = draw_samples(opened, samples, columns)
    save_figure(opened, drawn, out, arrays)
