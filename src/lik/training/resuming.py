"""Opening a run for training: a new one, or one that is gone on with; nothing is written before
all is seen to fit."""

from collections.abc import Mapping
from typing import Any

from lik.core.artifacts import remove_stale_parts, write_json, write_text
from lik.core.configuration import differences, read_yaml, to_yaml, validated
from lik.core.errors import UnusableInput
from lik.core.events import Notify
from lik.core.run_folder import RunFolder, read_environment
from lik.training import journal
from lik.training.checkpoint import Stateful, discard_damaged, has_state, load_state
from lik.training.environment import environment
from lik.training.loop import TrainState
from lik.training.recipe import TrainingPlan


def open_run(
    folder: RunFolder,
    recipe: TrainingPlan,
    description: dict[str, Any],
    parts: Mapping[str, Stateful],
    facts: dict[str, Any],
    notify: Notify,
) -> TrainState:
    """Put back what was saved of a run into ``parts``, and write down what the run is.

    ``facts`` of how it is trained now, such as its device, come into environment.json;
    ``notify`` is given a sentence where the last state was damaged.

    Raises:
        UnusableInput: the run was begun otherwise, or its state cannot be read.
    """
    reached, state = TrainState(), None
    stored = read_environment(folder) if folder.environment.is_file() else None
    if stored is not None:
        _require_same(folder, recipe, description, stored["faces"])
        if has_state(folder.state):
            state = load_state(folder.state)
            state.restore(parts)
            reached = state.train_state
        begun = reached.epoch + (reached.step_in_epoch > 0)
        if recipe.epochs < begun:
            raise UnusableInput(
                f"{folder.path} has begun epoch {begun} already: epochs={recipe.epochs} cannot "
                "undo it."
            )
    if state is not None:
        discard_damaged(folder.state, state)
        if state.remark:
            notify(state.remark)
    journal.rewind(folder.journal, reached.step)
    for place in (folder.path, folder.state.parent, folder.figures, folder.grids):
        remove_stale_parts(place)
    if stored is None:
        write_json(folder.environment, environment(description) | facts)
    elif stored != (now := stored | {"faces": description} | facts):  # moved, or trained elsewhere
        write_json(folder.environment, now)
    write_text(folder.recipe, to_yaml(recipe))
    return reached


def require_run(folder: RunFolder) -> None:
    """Refuse what exists and is no run; hidden files are what a killed beginning leaves."""
    foreign = folder.path.is_file() or (
        folder.path.is_dir()
        and not folder.environment.is_file()
        and any(not file.name.startswith(".") for file in folder.path.iterdir())
    )
    if foreign:
        raise UnusableInput(
            f"{folder.path} exists and is no run of Lik: choose another name for the run."
        )


def _require_same(
    folder: RunFolder, recipe: TrainingPlan, description: dict[str, Any], faces: dict[str, Any]
) -> None:
    """Refuse to go on with a run of another recipe, or of other ``faces``."""
    if not folder.recipe.is_file():
        if any(file.exists() for file in (folder.model, folder.state, folder.journal)):
            raise UnusableInput(
                f"{folder.path} holds what no training has made, for it has no "
                f"{folder.recipe.name}: choose another name for the run."
            )
        return  # killed between the making of the folder and its first file
    old = validated(type(recipe), read_yaml(folder.recipe), str(folder.recipe))
    changed = differences(old, recipe)
    # How long it is trained may change, and by what means it is made fast.
    changed = {k: v for k, v in changed.items() if k != "epochs" and not k.startswith("device.")}
    if changed:
        shown = ", ".join(f"{key}: {old} → {new}" for key, (old, new) in changed.items())
        raise UnusableInput(
            f"{folder.path} was begun with another recipe ({shown}): "
            "give the same one again, or another name for the run."
        )
    _require_same_faces(folder, description, faces)
    if folder.model.exists() and not has_state(folder.state):
        raise UnusableInput(
            f"{folder.path} has weights but no {folder.state.relative_to(folder.path)}, which "
            "going on needs: put it back, or choose another name for the run."
        )


def _require_same_faces(
    folder: RunFolder, description: dict[str, Any], faces: dict[str, Any]
) -> None:
    for key, what in (
        ("hash", "another face set"),
        ("index_hash", "a face set of other splits or labels"),
    ):
        before, now = faces.get(key), description.get(key)
        if before != now:
            raise UnusableInput(
                f"{folder.path} was begun on {what} (SHA-256 {str(before)[:12]}…, "
                f"now {str(now)[:12]}…): give that one, or another name for the run."
            )
