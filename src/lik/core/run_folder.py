"""The folder of a run: its paths, and what it says of itself.

recipe.yaml         the configuration, fully resolved
model.safetensors   slim weights, with all that a user of them must know in the metadata; the
                    averaged ones where the recipe has an average
model-plain.safetensors   the plain ones beside them
model-best.safetensors    those that had the best validation loss
state/last.pt       what resuming needs
state/previous.pt   the same, one saving earlier
features.safetensors   the network in whose maps it was trained, where there was one
guide.safetensors   what reads attributes from codes, for guided edits, where it was distilled
journal.jsonl       every logged number
environment.json    versions, hardware, face set, and the format of the run
figures/            pictures of the run; figures/grids: the same faces and samples over the epochs
tensorboard/        metrics for TensorBoard, where they were asked for
.lock               held by the process that trains it
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lik.core.artifacts import check_version, read_json
from lik.core.errors import UnusableInput

FORMAT = "lik-run"
VERSION = 1


class _Within:
    """A path in the folder of a run."""

    def __init__(self, inner: str) -> None:
        self.inner = inner

    def __get__(self, run: "RunFolder", owner: type) -> Path:
        return run.path / self.inner


@dataclass(frozen=True)
class RunFolder:
    """The paths of a run."""

    path: Path

    recipe = _Within("recipe.yaml")
    model = _Within("model.safetensors")
    plain_model = _Within("model-plain.safetensors")
    best_model = _Within("model-best.safetensors")
    features = _Within("features.safetensors")
    guide = _Within("guide.safetensors")
    state = _Within("state/last.pt")
    journal = _Within("journal.jsonl")
    environment = _Within("environment.json")
    metrics = _Within("metrics.json")
    figures = _Within("figures")
    grids = _Within("figures/grids")
    lock = _Within(".lock")

    @property
    def name(self) -> str:
        """What the run is called."""
        return self.path.resolve().name


def read_environment(folder: RunFolder) -> dict[str, Any]:
    """What environment.json holds; ``faces`` is in it, and describes the face set.

    Raises:
        UnusableInput: it is missing, is not that of a run, or a newer Lik wrote it.
    """
    stored = read_json(folder.environment)
    if not isinstance(stored, dict) or stored.get("format") != FORMAT:
        raise UnusableInput(f"{folder.path} is no run of Lik ({folder.environment} is not one's).")
    check_version(str(folder.path), stored.get("version"), VERSION)
    if not isinstance(stored.get("faces"), dict):
        raise UnusableInput(f"{folder.environment} does not say which face set the run is of.")
    return stored
