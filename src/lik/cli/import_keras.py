"""lik import-keras: the paper's published weights as a run."""

from pathlib import Path
from typing import Annotated

import typer

from lik.cli.output import say


def import_keras_(
    files: Annotated[
        list[Path],
        typer.Argument(help="ENCODER.keras DECODER.keras, or one of them alone.", metavar="KERAS"),
    ],
    run: Annotated[Path, typer.Argument(help="The run to make.", metavar="RUN")],
) -> None:
    r"""Make a run of Keras weights of the paper's models; needs pip install 'lik-vae\[keras]'.

    Example: lik import-keras model1-encoder.keras model1-decoder.keras runs/author
    """
    from lik.core.artifacts import sha256_of, write_json
    from lik.core.errors import UnusableInput
    from lik.core.run_folder import RunFolder
    from lik.faces.crop.cropping import FixedCrop
    from lik.models.keras import import_keras
    from lik.models.saved import save_model
    from lik.training.environment import environment

    if len(files) > 2:
        raise UnusableInput("give an encoder, a decoder, or one of each, and then the run.")
    if run.exists() and (run.is_file() or any(run.iterdir())):
        raise UnusableInput(f"{run} exists already: choose another name for the run.")
    imported = import_keras(files)
    metadata = {
        "crop": FixedCrop().model_dump(mode="json"),
        "attribute_names": [],
        "parts": imported.parts,
        "imported_from": {file.name: sha256_of(file) for file in files},
    }
    folder = RunFolder(run)
    save_model(folder.model, imported.model, imported.settings, metadata)
    write_json(folder.environment, environment({"imported_from": metadata["imported_from"]}))
    parts = " and ".join(imported.parts)
    say(
        f"{run}: {parts} of {imported.settings.name}, {imported.settings.size} pixels, "
        f"{imported.settings.latent} dimensions."
    )
