"""The paper's published weights, which are Keras archives, as a run."""

from collections.abc import Sequence
from pathlib import Path

from lik.core.artifacts import sha256_of, write_json
from lik.core.errors import UnusableInput
from lik.core.run_folder import RunFolder
from lik.faces.crop.cropping import FixedCrop
from lik.models.keras import Imported, import_keras
from lik.models.saved import save_model
from lik.training.environment import environment


def import_keras_run(files: Sequence[str | Path], run: str | Path) -> Imported:
    """Make a run of the archives of an encoder, a decoder, or one of each.

    Raises:
        UnusableInput: the archives do not fit, or the run exists already.
    """
    archives, run = [Path(file) for file in files], Path(run)
    if len(archives) > 2:
        raise UnusableInput("give an encoder, a decoder, or one of each, and then the run.")
    if run.exists() and (run.is_file() or any(run.iterdir())):
        raise UnusableInput(f"{run} exists already: choose another name for the run.")
    imported = import_keras(archives)
    metadata = {
        "crop": FixedCrop().model_dump(mode="json"),
        "attribute_names": [],
        "parts": imported.parts,
        "imported_from": {file.name: sha256_of(file) for file in archives},
    }
    folder = RunFolder(run)
    save_model(folder.model, imported.model, imported.settings, metadata)
    write_json(folder.environment, environment({"imported_from": metadata["imported_from"]}))
    return imported
