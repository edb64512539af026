"""Small trainings, for tests of what trains."""

from pathlib import Path

import numpy as np
import torch

from lik.core.run_folder import RunFolder
from lik.models.saved import load_model
from lik.training import journal
from lik.training.callback import Callback
from lik.training.recipe import Recipe, load_recipe
from lik.training.running import Outcome, TrainingData, run_training

CPU = torch.device("cpu")
SMALL = ("batch_size=16", "model.latent=4", "epochs=3")


class StopAfter(Callback):
    """Asks to stop after some steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def should_stop(self) -> bool:
        self.left -= 1
        return self.left < 0


def noise_data(faces: int = 50, size: int = 16) -> TrainingData:
    """Pictures of noise, a fifth of them for validation."""
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (faces, size, size, 3), dtype=np.uint8)
    description = {
        "path": "/first/place", "hash": "a" * 64, "index_hash": "c" * 64, "crop": {},
        "attribute_names": [],
    }  # fmt: skip
    return TrainingData(pictures, np.arange(faces * 4 // 5), np.arange(faces * 4 // 5, faces),
                        description)  # fmt: skip


def drawn_data(faces, labels=None) -> TrainingData:
    """48 faces of the fixture to learn from, 16 for validation."""
    description = {"path": "", "hash": faces.hash, "crop": faces.crop, "attribute_names": []}
    return TrainingData(faces.images, np.arange(48), np.arange(48, 64), description, labels)


def recipe_of(*settings: str, recipe: str = "paper-first", size: int = 16) -> Recipe:
    """A small recipe; of a key that is set several times, the last value counts."""
    last = dict(setting.split("=", 1) for setting in (*SMALL, *settings))
    return load_recipe(recipe, [f"{key}={value}" for key, value in last.items()], size)


def train(path, data, *settings: str, recipe: str = "paper-first", **named) -> Outcome:
    """Train a small recipe on the processor."""
    plan = recipe_of(*settings, recipe=recipe, size=data.pictures.shape[1])
    return run_training(RunFolder(path), plan, data, CPU, **named)


def train_plan(path, plan, data, callback=None) -> Outcome:
    """Train a plan on the processor."""
    return run_training(RunFolder(path), plan, data, CPU, callback)


def weights(path: Path, name: str = "model") -> dict[str, torch.Tensor]:
    """The weights of a run."""
    return load_model(path / f"{name}.safetensors").model.state_dict()


def same_weights(first: Path, second: Path, name: str = "model") -> bool:
    """Whether two runs have the same weights, to the bit."""
    one, two = weights(first, name), weights(second, name)
    return one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)


def metrics(path: Path) -> list[tuple]:
    """What the journal says of each epoch, but for the speed."""
    records = journal.read(path / "journal.jsonl")
    return [(r.step, r.train, r.validation, r.details) for r in records]
