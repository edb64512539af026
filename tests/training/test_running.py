"""What a run survives, and what it refuses: kills, lost files, other sets, two at once."""

import json
import shutil
import stat
import subprocess
from dataclasses import replace

import numpy as np
import pytest
import torch

import trainings
from lik.core.artifacts import write_json
from lik.core.errors import UnusableInput
from lik.core.run_folder import RunFolder
from lik.models.saved import save_model, saved_step
from lik.training import journal, running
from lik.training.callback import Callback
from lik.training.environment import commit_of, environment
from lik.training.recipe import load_recipe
from trainings import noise_data, same_weights


class Killed(Exception):
    pass


@pytest.fixture
def data():
    return noise_data()


def train(path, data, *settings, **named):
    return trainings.train(path, data, "epochs=2", *settings, **named)


def contents(path):
    return {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}


def kill_in(monkeypatch, name, call=1):
    """Break off in the ``call``-th call of something that the run does."""
    calls = 0
    original = getattr(running, name)

    def killed(*arguments):
        nonlocal calls
        calls += 1
        if calls == call:
            raise Killed
        return original(*arguments)

    monkeypatch.setattr(running, name, killed)


def test_a_kill_between_the_last_state_and_its_weights_costs_nothing(tmp_path, data, monkeypatch):
    data = replace(data, validation=np.arange(0))  # no best weights to be saved
    train(tmp_path / "whole", data)
    with monkeypatch.context() as patched:
        kill_in(patched, "save_model", call=2)
        with pytest.raises(Killed):
            train(tmp_path / "run", data)
    model = tmp_path / "run" / "model.safetensors"
    assert saved_step(model) == 3
    assert train(tmp_path / "run", data).finished
    assert same_weights(tmp_path / "run", tmp_path / "whole")
    model.unlink()
    train(tmp_path / "run", data)
    assert same_weights(tmp_path / "run", tmp_path / "whole")


def test_a_kill_in_the_first_save_logs_the_first_epoch_once(tmp_path, data, monkeypatch):
    with monkeypatch.context() as patched:
        kill_in(patched, "save_state")
        with pytest.raises(Killed):
            train(tmp_path / "run", data)
    train(tmp_path / "run", data)
    assert [r.epoch for r in journal.read(tmp_path / "run" / "journal.jsonl")] == [1, 2]


def test_an_imported_run_is_not_trained_over(tmp_path, data):
    folder = RunFolder(tmp_path / "run")
    recipe = load_recipe("paper-first", (), 16)
    save_model(folder.model, recipe.build(), recipe.model, {})
    write_json(folder.environment, environment({"imported_from": {}}))
    before = folder.model.read_bytes()
    with pytest.raises(UnusableInput, match="what no training has made"):
        train(folder.path, data)
    assert folder.model.read_bytes() == before
    assert not folder.recipe.exists()


def test_weights_without_a_state_are_not_trained_over(tmp_path, data):
    train(tmp_path / "run", data)
    shutil.rmtree(tmp_path / "run" / "state")
    before = contents(tmp_path / "run")
    for epochs in (2, 4):
        with pytest.raises(UnusableInput, match=r"has weights but no state/last\.pt"):
            train(tmp_path / "run", data, f"epochs={epochs}")
    assert contents(tmp_path / "run") == before


def test_a_run_is_trained_by_one_process_at_a_time(tmp_path, data):
    class TrainsAgain(Callback):
        def epoch_ended(self, record, model):
            with pytest.raises(UnusableInput, match="is being trained by another process"):
                train(tmp_path / "run", data)

    assert train(tmp_path / "run", data, callback=TrainsAgain()).finished
    assert len(journal.read(tmp_path / "run" / "journal.jsonl")) == 2


@pytest.mark.parametrize(
    ("settings", "recipe", "words"),
    [
        (["model.size=20"], "paper-first", "multiple of 8"),
        (["batch_size=1"], "paper-second", "a batch of a single face"),
        (["batch_size=13"], "paper-second", "choose another batch_size"),
    ],
)
def test_a_model_that_cannot_be_trained_leaves_no_run(tmp_path, data, settings, recipe, words):
    with pytest.raises(UnusableInput, match=words):
        train(tmp_path / "run", data, *settings, recipe=recipe)
    assert not (tmp_path / "run").exists()


def test_a_single_face_left_over_is_no_trouble_without_batch_normalisation(tmp_path, data):
    assert train(tmp_path / "run", data, "batch_size=13").state.step == 8


def test_a_refused_extension_changes_nothing(tmp_path, data):
    train(tmp_path / "run", data)
    for name in ("last.pt", "previous.pt"):
        state = tmp_path / "run" / "state" / name
        state.write_bytes(state.read_bytes()[:1000])
    before = contents(tmp_path / "run")
    with pytest.raises(UnusableInput, match="cannot be read as a training state"):
        train(tmp_path / "run", data, "epochs=5")
    assert contents(tmp_path / "run") == before


def test_an_epoch_that_has_begun_cannot_be_undone(tmp_path, data):
    class StopInTheSecond(Callback):
        steps = 0

        def should_stop(self):
            self.steps += 1
            return self.steps > 4

    assert not train(tmp_path / "run", data, callback=StopInTheSecond()).finished
    with pytest.raises(UnusableInput, match="has begun epoch 2 already"):
        train(tmp_path / "run", data, "epochs=1")


def test_other_splits_or_labels_are_refused(tmp_path, data):
    relabelled = replace(data, description=data.description | {"index_hash": "d" * 64})
    train(tmp_path / "run", data)
    with pytest.raises(UnusableInput, match="other splits or labels"):
        train(tmp_path / "run", relabelled)


def test_a_run_remembers_where_its_set_was_moved(tmp_path, data):
    train(tmp_path / "run", data)
    train(tmp_path / "run", replace(data, description=data.description | {"path": "/new"}))
    stored = json.loads((tmp_path / "run" / "environment.json").read_text())
    assert stored["faces"]["path"] == "/new"


def test_what_killed_processes_left_is_cleared_away(tmp_path, data):
    train(tmp_path / "run", data)
    process = subprocess.Popen(["true"])
    process.wait()
    stale = tmp_path / "run" / "state" / f".last.pt.{process.pid}.part.pt"
    living = tmp_path / "run" / "figures" / ".map.png.1.part.png"
    living.parent.mkdir()
    for file in (stale, living):
        file.write_bytes(b"half")
    train(tmp_path / "run", data)
    assert not stale.exists()
    assert living.exists()


def test_weights_are_as_readable_as_everything_else(tmp_path, data):
    train(tmp_path / "run", data)
    modes = {
        stat.S_IMODE((tmp_path / "run" / name).stat().st_mode)
        for name in ("model.safetensors", "recipe.yaml")
    }
    assert len(modes) == 1


def test_a_state_from_a_gpu_goes_on_without_one(tmp_path, data, monkeypatch):
    with monkeypatch.context() as patched:  # what PyTorch writes of tensors that lie on a GPU
        patched.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
        train(tmp_path / "run", data)
    assert train(tmp_path / "run", data, "epochs=3").finished


def test_the_commit_of_somebody_elses_repository_is_not_liks(tmp_path):
    def git(*arguments):
        subprocess.run(["git", "-c", "user.name=A", "-c", "user.email=a@b", *arguments],
                       cwd=tmp_path, check=True, capture_output=True)  # fmt: skip

    for place in (tmp_path / ".venv" / "site-packages" / "lik", tmp_path / "src" / "lik"):
        place.mkdir(parents=True)
        (place / "__init__.py").touch()
    git("init")
    git("add", "-A")
    git("commit", "-m", "theirs")
    assert commit_of(tmp_path / ".venv" / "site-packages" / "lik") is None
    assert commit_of(tmp_path / "src" / "lik")
