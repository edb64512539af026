"""lik import-keras: the paper's published weights as a run."""

from pathlib import Path
from typing import Annotated

from lik.app.importing import import_keras_run
from lik.cli.options import required
from lik.cli.output import say


def import_keras_(
    files: Annotated[
        list[Path], required("ENCODER.keras DECODER.keras, or one of them alone.", "KERAS")
    ],
    run: Annotated[Path, required("The run to make.", "RUN")],
) -> None:
    r"""Make a run of Keras weights of the paper's models; needs pip install 'lik-vae\[keras]'.

    Example: lik import-keras model1-encoder.keras model1-decoder.keras runs/author
    """
    imported = import_keras_run(files, run)
    parts = " and ".join(imported.parts)
    say(
        f"{run}: {parts} of {imported.settings.name}, {imported.settings.size} pixels, "
        f"{imported.settings.latent} dimensions."
    )
