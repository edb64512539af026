"""A run: the folder that holds a training from its recipe to its figures.

recipe.yaml         the configuration, fully resolved
model.safetensors   slim weights, with all that a user of them must know in the metadata
state/last.pt       what resuming needs
journal.jsonl       every logged figure
environment.json    versions, hardware, face set, and the format of the run
figures/            pictures of the run
"""

import platform
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lik.core.artifacts import read_json, write_json, write_text
from lik.core.configuration import differences, read_yaml, to_yaml, validated
from lik.core.errors import UnusableInput
from lik.core.randomness import derive
from lik.models.saved import check_version, save_model
from lik.training import journal
from lik.training.batches import Batches, on_device
from lik.training.checkpoint import load_state, save_state
from lik.training.loop import EpochEnd, Position, Progress, adam, train
from lik.training.recipe import Plan

FORMAT_VERSION = 1
SAVE_EVERY_SECONDS = 30.0


@dataclass(frozen=True)
class RunFolder:
    """The paths of a run."""

    path: Path

    @property
    def recipe(self) -> Path:
        return self.path / "recipe.yaml"

    @property
    def model(self) -> Path:
        return self.path / "model.safetensors"

    @property
    def state(self) -> Path:
        return self.path / "state" / "last.pt"

    @property
    def journal(self) -> Path:
        return self.path / "journal.jsonl"

    @property
    def environment(self) -> Path:
        return self.path / "environment.json"

    @property
    def figures(self) -> Path:
        return self.path / "figures"


@dataclass(frozen=True)
class Data:
    """What a run takes from a face set: pictures uint8 (N, S, S, 3), its splits, and what it is."""

    pictures: Any
    train: Any
    validation: Any
    description: dict[str, Any]
    """``path``, ``hash``, ``crop`` and ``attribute_names`` of the face set, as plain values."""


@dataclass(frozen=True)
class Outcome:
    """How a call of `run_training` ended."""

    finished: bool
    resumed_from: int
    position: Position
    model: nn.Module


class Observer:
    """Told what happens in a run; the methods do nothing until a front end overrides them."""

    def began(self, recipe: Plan, resumed: Position, steps_per_epoch: int) -> None: ...
    def progressed(self, progress: Progress) -> None: ...
    def epoch_ended(self, record: journal.EpochRecord) -> None: ...
    def should_stop(self) -> bool:
        return False


def prepare_run(folder: RunFolder, recipe: Plan, description: dict[str, Any]) -> None:
    """Make a new run, or see that the existing one is of this recipe and this face set.

    More epochs than before extend a run.

    Raises:
        UnusableInput: another recipe, another face set, fewer epochs than are done, or a folder
            that holds something else. Nothing is changed then.
    """
    if folder.path.is_file() or (
        folder.path.is_dir() and any(folder.path.iterdir()) and not folder.environment.is_file()
    ):
        raise UnusableInput(
            f"{folder.path} exists and is no run of Lik: choose another name for the run."
        )
    if folder.environment.is_file():
        _require_same(folder, recipe, description)
    else:
        write_json(folder.environment, environment(description))
    write_text(folder.recipe, to_yaml(recipe))


def run_training(
    folder: RunFolder, recipe: Plan, data: Data, device: torch.device, observer: Observer
) -> Outcome:
    """Train what `prepare_run` has made, from the beginning or from where it was left.

    Returns:
        whether the last epoch is done; False means that the observer asked to stop, and that the
        state is saved.
    """
    torch.manual_seed(derive(recipe.seed, "weights"))
    model = recipe.build().to(device)
    adam_settings = recipe.optimizer
    optimizer = adam(
        model,
        adam_settings.learning_rate,
        (adam_settings.beta1, adam_settings.beta2),
        adam_settings.epsilon,
    )
    position = Position()
    if folder.state.is_file():
        position = load_state(folder.state, model, optimizer)
        journal.rewind(folder.journal, position.step)
    resumed_from = position.step
    pictures = on_device(data.pictures, device)

    def batches(indices: Any, mirror: bool) -> Batches:
        return Batches(pictures, indices, recipe.batch_size, device, recipe.seed, mirror)

    def save() -> None:
        save_state(folder.state, model, optimizer, position)
        # The weights may be passed on; where the face set lay is nobody's business then.
        metadata = {key: value for key, value in data.description.items() if key != "path"}
        metadata |= {"epochs": position.epoch, "step": position.step}
        metadata["objective"] = recipe.objective.model_dump(mode="json")
        save_model(folder.model, model, recipe.model, metadata)

    training = batches(data.train, recipe.mirror)
    validation = batches(data.validation, False) if len(data.validation) else None
    observer.began(recipe, position, training.steps)
    finished = train(
        model,
        recipe.loss(model),
        optimizer,
        lambda step: adam_settings.rate(step, recipe.epochs * training.steps),
        training,
        validation,
        position,
        recipe.epochs,
        _Keeper(folder, recipe.objective.scale, observer, save),
    )
    return Outcome(finished, resumed_from, position, model)


def environment(description: dict[str, Any]) -> dict[str, Any]:
    """Versions, hardware and face set, so that a run can be understood years later."""
    return {
        "format": "lik-run",
        "version": FORMAT_VERSION,
        "faces": description,
        "lik": _installed("lik-vae"),
        "commit": _commit(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": _installed("numpy"),
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


class _Keeper:
    """Writes what the loop reports into the run, and passes it on to the observer."""

    def __init__(
        self, folder: RunFolder, scale: str, observer: Observer, save: Callable[[], None]
    ) -> None:
        self.folder, self.scale, self.observer, self._save = folder, scale, observer, save
        self.saved_at = time.monotonic()

    def progressed(self, progress: Progress) -> None:
        self.observer.progressed(progress)
        if time.monotonic() - self.saved_at > SAVE_EVERY_SECONDS:
            self.save()

    def epoch_ended(self, end: EpochEnd) -> None:
        record = journal.EpochRecord(
            end.epoch, end.step, end.train, end.validation, end.images_per_second, self.scale
        )
        journal.append(self.folder.journal, record)
        self.observer.epoch_ended(record)

    def should_stop(self) -> bool:
        return self.observer.should_stop()

    def save(self) -> None:
        self._save()
        self.saved_at = time.monotonic()


def _require_same(folder: RunFolder, recipe: Plan, description: dict[str, Any]) -> None:
    stored = read_json(folder.environment)
    if not isinstance(stored, dict) or stored.get("format") != "lik-run":
        raise UnusableInput(f"{folder.path} is no run of Lik: choose another name for the run.")
    check_version(f"{folder.path}", stored.get("version", 0), FORMAT_VERSION)
    if not folder.recipe.is_file():
        return  # killed between the making of the folder and its first file
    old = validated(type(recipe), read_yaml(folder.recipe), str(folder.recipe))
    changed = differences(old, recipe)
    fewer = changed.pop("epochs", None)
    if changed:
        shown = ", ".join(f"{key}: {old} → {new}" for key, (old, new) in changed.items())
        raise UnusableInput(
            f"{folder.path} was begun with another recipe ({shown}): "
            "give the same one again, or another name for the run."
        )
    trained_on = stored.get("faces", {}).get("hash")
    if trained_on != description["hash"]:
        raise UnusableInput(
            f"{folder.path} was begun on another face set (SHA-256 {str(trained_on)[:12]}…, "
            f"now {description['hash'][:12]}…): give that one, or another name for the run."
        )
    done = max((record.epoch for record in journal.read(folder.journal)), default=0)
    if fewer and recipe.epochs < done:
        raise UnusableInput(
            f"{folder.path} has {done} epochs already: epochs={recipe.epochs} cannot undo them."
        )


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _commit() -> str | None:
    """The commit of Lik's own source, where it runs from a checkout."""
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=Path(__file__).parent, capture_output=True, text=True, timeout=5, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
