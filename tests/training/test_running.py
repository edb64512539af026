"""What a run survives, and what it refuses: kills, lost files, other sets, two at once."""

import json
import shutil
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from lik.core.artifacts import write_json
from lik.core.errors import UnusableInput
from lik.core.run_folder import RunFolder
from lik.models.saved import save_model, saved_step
from lik.training import journal, running
from lik.training.callback import Callback
from lik.training.environment import commit_of, environment
from lik.training.recipe import load_recipe
from trainings import StopAfter, metrics, noise_data, same_weights, train

ALL_ON = ("ema=0.9", "optimizer.schedule=cosine", "optimizer.warmup=2", "optimizer.clip=50",
          "mirror=true")  # fmt: skip


class Killed(Exception):
    pass


@pytest.fixture
def data():
    return noise_data()


@pytest.fixture
def run(tmp_path, data):
    """A run of two epochs."""
    train(tmp_path / "run", data, "epochs=2")
    return tmp_path / "run"


def contents(path):
    return {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}


def described(data, **changes):
    return replace(data, description=data.description | changes)


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


@pytest.mark.parametrize("recipe", ["paper-first", "paper-second"])
@pytest.mark.parametrize("settings", [(), ALL_ON])
@pytest.mark.parametrize("steps", [1, 3, 4])
def test_resumed_equals_unbroken(tmp_path, data, steps, settings, recipe):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train(whole, data, *settings, recipe=recipe)
    assert not train(broken, data, *settings, callback=StopAfter(steps), recipe=recipe).finished
    outcome = train(broken, data, *settings, recipe=recipe)
    assert outcome.finished
    assert outcome.resumed_from > 0
    assert same_weights(whole, broken)
    if settings:
        assert same_weights(whole, broken, "model-plain")
        shutil.copy(whole / "model-plain.safetensors", whole / "model.safetensors")
        assert not same_weights(whole, broken)
    assert metrics(whole) == metrics(broken)


def test_extended_equals_longer_from_the_start(tmp_path, data, run):
    train(tmp_path / "long", data, "epochs=4")
    train(run, data, "epochs=4")
    assert same_weights(tmp_path / "long", run)


def test_what_makes_it_fast_may_change_when_a_run_goes_on(tmp_path, data):
    train(tmp_path / "run", data, "device.precision=float32", "epochs=1")
    told = []
    settings = ("device.precision=bfloat16", "device.workers=2", "epochs=2")
    assert train(tmp_path / "run", data, *settings, notify=told.append).finished
    assert ["in 2 shares, and were in 1" in each for each in told] == [True]


def test_a_kill_between_the_last_state_and_its_weights_costs_nothing(tmp_path, data, monkeypatch):
    data = replace(data, validation=np.arange(0))  # no best weights to be saved
    train(tmp_path / "whole", data, "epochs=2")
    run = tmp_path / "run"
    with monkeypatch.context() as patched:
        kill_in(patched, "save_model", call=2)
        with pytest.raises(Killed):
            train(run, data, "epochs=2")
    assert saved_step(run / "model.safetensors") == 3
    assert train(run, data, "epochs=2").finished
    assert same_weights(run, tmp_path / "whole")
    (run / "model.safetensors").unlink()
    train(run, data, "epochs=2")
    assert same_weights(run, tmp_path / "whole")


def test_a_kill_in_the_first_save_logs_the_first_epoch_once(tmp_path, data, monkeypatch):
    with monkeypatch.context() as patched:
        kill_in(patched, "save_state")
        with pytest.raises(Killed):
            train(tmp_path / "run", data)
    train(tmp_path / "run", data)
    assert [r.epoch for r in journal.read(tmp_path / "run" / "journal.jsonl")] == [1, 2, 3]


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        *(pytest.param(n, marks=pytest.mark.long) for n in (signal.SIGKILL, signal.SIGINT)),
    ],
)
def test_a_run_that_is_killed_goes_on_and_ends(tmp_path, faces, number):
    run = tmp_path / "run"
    command = [sys.executable, "-m", "lik", "train", "paper-first", str(faces.path), str(run),
               "batch_size=8", "model.latent=4", "epochs=15"]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while len(journal.read(run / "journal.jsonl")) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    output, errors = process.communicate(timeout=120)
    if number != signal.SIGKILL:
        assert process.returncode == 130, errors
        assert b"the same command goes on" in output
    again = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert again.returncode == 0, again.stderr
    assert "Going on" in again.stderr
    records = journal.read(run / "journal.jsonl")
    assert [record.epoch for record in records] == list(range(1, 16))
    assert "finished already" in subprocess.run(command, capture_output=True, text=True).stdout


def test_another_recipe_or_face_set_is_refused_and_nothing_is_lost(data, run):
    before = contents(run)
    for settings, changes, words in (
        (["objective.beta=4"], {}, r"objective\.beta: 1\.0 → 4\.0"),
        ([], {"hash": "b" * 64}, "another face set"),
        ([], {"index_hash": "d" * 64}, "other splits or labels"),
        (["epochs=1"], {}, "cannot undo"),
    ):
        with pytest.raises(UnusableInput, match=words):
            train(run, described(data, **changes), "epochs=2", *settings)
    assert contents(run) == before


def test_an_epoch_that_has_begun_cannot_be_undone(tmp_path, data):
    assert not train(tmp_path / "run", data, callback=StopAfter(4)).finished
    with pytest.raises(UnusableInput, match="has begun epoch 2 already"):
        train(tmp_path / "run", data, "epochs=1")


def test_a_run_without_readable_states_is_not_trained_over(data, run):
    """Where both generations are broken, and where there are none."""
    for name in ("last.pt", "previous.pt"):
        state = run / "state" / name
        state.write_bytes(state.read_bytes()[:1000])
    before = contents(run)
    with pytest.raises(UnusableInput, match="cannot be read as a training state"):
        train(run, data, "epochs=5")
    assert contents(run) == before
    shutil.rmtree(run / "state")
    before = contents(run)
    for epochs in (2, 4):
        with pytest.raises(UnusableInput, match=r"has weights but no state/last\.pt"):
            train(run, data, f"epochs={epochs}")
    assert contents(run) == before


def test_a_newer_run_and_a_foreign_folder_are_refused(tmp_path, data, run):
    environment = run / "environment.json"
    newer = json.loads(environment.read_text()) | {"version": 99}
    environment.write_text(json.dumps(newer))
    with pytest.raises(UnusableInput, match="version 99"):
        train(run, data)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(UnusableInput, match="no run of Lik"):
        train(tmp_path / "mine", data)
    assert [f.name for f in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


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


def test_a_run_is_trained_by_one_process_at_a_time(tmp_path, data):
    class TrainsAgain(Callback):
        def epoch_ended(self, record, model):
            with pytest.raises(UnusableInput, match="is being trained by another process"):
                train(tmp_path / "run", data)

    assert train(tmp_path / "run", data, callback=TrainsAgain()).finished
    assert len(journal.read(tmp_path / "run" / "journal.jsonl")) == 3


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
    assert train(tmp_path / "run", data, "batch_size=13", "epochs=2").state.step == 8


def test_a_run_remembers_where_its_set_was_moved(data, run):
    train(run, described(data, path="/new"), "epochs=2")
    assert json.loads((run / "environment.json").read_text())["faces"]["path"] == "/new"


def test_what_killed_processes_left_is_cleared_away(data, run):
    process = subprocess.Popen(["true"])
    process.wait()
    stale = run / "state" / f".last.pt.{process.pid}.part.pt"
    living = run / "figures" / ".map.png.1.part.png"
    living.parent.mkdir()
    for file in (stale, living):
        file.write_bytes(b"half")
    train(run, data)
    assert not stale.exists()
    assert living.exists()


def test_weights_are_as_readable_as_everything_else(run):
    names = ("model.safetensors", "recipe.yaml")
    assert len({stat.S_IMODE((run / name).stat().st_mode) for name in names}) == 1


def test_a_state_from_a_gpu_goes_on_without_one(tmp_path, data, monkeypatch):
    with monkeypatch.context() as patched:  # what PyTorch writes of tensors that lie on a GPU
        patched.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
        train(tmp_path / "run", data)
    assert train(tmp_path / "run", data, "epochs=4").finished


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
