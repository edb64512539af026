"""Trainings: resumed, extended, repeated, refused; and the recipes that say what they are."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.models.saved import saved_step
from lik.training import journal
from lik.training.batches import Batches
from lik.training.recipe import load_recipe, packaged_recipes
from trainings import StopAfter, drawn_data, metrics, noise_data, same_weights, train, weights


@pytest.fixture
def data():
    return noise_data()


ALL_ON = ("ema=0.9", "optimizer.schedule=cosine", "optimizer.warmup=2", "optimizer.clip=50",
          "mirror=true")  # fmt: skip


@pytest.mark.parametrize("recipe", ["paper-first", "paper-second"])
@pytest.mark.parametrize("settings", [(), ALL_ON])
@pytest.mark.parametrize("steps", [1, 3, 4])
def test_resumed_equals_unbroken(tmp_path, data, steps, settings, recipe):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train(whole, data, *settings, recipe=recipe)
    stopped = train(broken, data, *settings, callback=StopAfter(steps), recipe=recipe)
    assert not stopped.finished
    outcome = train(broken, data, *settings, recipe=recipe)
    assert outcome.finished
    assert outcome.resumed_from > 0
    assert same_weights(whole, broken)
    if settings:
        assert same_weights(whole, broken, "model-plain")
        averaged, plain = weights(whole), weights(whole, "model-plain")
        assert any(not torch.equal(tensor, averaged[name]) for name, tensor in plain.items())
    assert metrics(whole) == metrics(broken)


def test_extended_equals_longer_from_the_start(tmp_path, data):
    train(tmp_path / "long", data, "epochs=4")
    train(tmp_path / "extended", data, "epochs=2")
    train(tmp_path / "extended", data, "epochs=4")
    assert same_weights(tmp_path / "long", tmp_path / "extended")


def test_a_seed_decides_everything(tmp_path, data):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(tmp_path / name, data, f"seed={seed}")
    assert same_weights(tmp_path / "a", tmp_path / "b")
    assert not same_weights(tmp_path / "a", tmp_path / "c")


def test_another_recipe_or_face_set_is_refused_and_nothing_is_lost(tmp_path, data):
    run = tmp_path / "run"
    train(run, data)
    before = {f: f.read_bytes() for f in run.rglob("*") if f.is_file()}
    with pytest.raises(UnusableInput, match=r"objective\.beta: 1\.0 → 4\.0"):
        train(run, data, "objective.beta=4")
    other = replace(data, description=data.description | {"hash": "b" * 64})
    with pytest.raises(UnusableInput, match="another face set"):
        train(run, other)
    with pytest.raises(UnusableInput, match="cannot undo"):
        train(run, data, "epochs=1")
    assert {f: f.read_bytes() for f in run.rglob("*") if f.is_file()} == before


def test_a_newer_run_and_a_foreign_folder_are_refused(tmp_path, data):
    train(tmp_path / "run", data)
    environment = tmp_path / "run" / "environment.json"
    newer = json.loads(environment.read_text()) | {"version": 99}
    environment.write_text(json.dumps(newer))
    with pytest.raises(UnusableInput, match="version 99"):
        train(tmp_path / "run", data)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(UnusableInput, match="no run of Lik"):
        train(tmp_path / "mine", data)
    assert [f.name for f in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_loss_that_is_no_number_ends_the_training_and_is_not_saved(tmp_path, data):
    with pytest.raises(FailedOnTheWay, match="with a lower learning rate"):
        train(tmp_path / "run", data, "optimizer.learning_rate=1e12", "epochs=50")
    saved = tmp_path / "run" / "model.safetensors"
    assert not saved.exists() or all(
        torch.isfinite(tensor).all() for tensor in weights(tmp_path / "run").values()
    )


def test_a_run_that_no_longer_improves_ends_early_and_keeps_its_best(tmp_path, data):
    """Pictures are noise, so that what is learned of some does not help with others."""
    settings = ("epochs=60", "patience=2", "optimizer.learning_rate=0.02")
    outcome = train(tmp_path / "run", data, *settings)
    assert outcome.finished
    assert outcome.state.stopped_early
    records = journal.read(tmp_path / "run" / "journal.jsonl")
    losses = [record.validation["loss"] for record in records]
    assert len(losses) < 60
    assert outcome.state.best == min(losses) == losses[-3]
    best = saved_step(tmp_path / "run" / "model-best.safetensors")
    assert best == records[-3].step
    again = train(tmp_path / "run", data, *settings)
    assert again.finished
    assert again.state.step == outcome.state.step


def test_what_makes_it_fast_may_change_when_a_run_goes_on(tmp_path, data):
    train(tmp_path / "run", data, "device.precision=float32", "epochs=1")
    assert train(tmp_path / "run", data, "device.precision=bfloat16", "epochs=2").finished


def test_training_lowers_the_loss_and_bfloat16_comes_to_about_the_same(tmp_path, faces):
    drawn = drawn_data(faces)
    settings = ("epochs=30", "optimizer.learning_rate=2e-3")
    losses = []
    for precision in ("float32", "bfloat16"):
        train(tmp_path / precision, drawn, *settings, f"device.precision={precision}")
        records = journal.read(tmp_path / precision / "journal.jsonl")
        losses.append(records[-1].validation["loss"])
        assert records[-1].train["loss"] < 0.9 * records[0].train["loss"]
    assert losses[0] != losses[1]
    assert abs(losses[1] / losses[0] - 1) < 0.05


def test_the_journal_keeps_what_the_dimensions_say(tmp_path, data):
    train(tmp_path / "run", data)
    details = journal.read(tmp_path / "run" / "journal.jsonl")[-1].details
    assert len(details["kl_per_dimension"]) == 4
    assert details["active_units"] == sum(kl > 0.01 for kl in details["kl_per_dimension"])
    assert details["learning_rate"] == 5e-4
    assert details["skipped_steps"] == 0


def test_sets_smaller_than_a_batch_and_without_validation(tmp_path, data):
    small = replace(data, train=np.arange(3), validation=np.arange(0))
    assert train(tmp_path / "run", small).state.step == 3
    assert all(r.validation is None for r in journal.read(tmp_path / "run" / "journal.jsonl"))


def test_an_epoch_of_one_step_has_a_speed(tmp_path, data):
    train(tmp_path / "run", data, "batch_size=64")
    records = journal.read(tmp_path / "run" / "journal.jsonl")
    assert all(0 < record.images_per_second < 1e7 for record in records)


def test_an_epoch_shows_every_face_once_and_a_broken_one_goes_on(data):
    batches = Batches(data.pictures, data.train, 16, torch.device("cpu"), seed=3)
    whole = list(batches.epoch(2))
    assert [(batch.total, batch.mine, len(batch.images)) for batch in whole] == [
        (16, 16, 16), (16, 16, 16), (8, 8, 8)
    ]  # fmt: skip
    seen = images_of(whole).flatten(1).sum(1).sort().values
    there = images_of(batches.in_order()).flatten(1).sum(1).sort().values
    assert torch.equal(seen, there)
    assert torch.equal(images_of(batches.epoch(2, 1)), images_of(whole[1:]))
    assert not torch.equal(whole[0].images, next(batches.epoch(3)).images)


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("processes", [2, 3, 16])
def test_processes_share_the_batches_of_one(data, processes, in_memory):
    """Together they see what one sees; where there is nothing to share, it counts for nothing."""
    pictures = torch.from_numpy(data.pictures) if in_memory else data.pictures

    def batches(rank, count):
        cpu = torch.device("cpu")
        return list(Batches(pictures, data.train, 16, cpu, 3, True, rank, count).epoch(1))

    alone = batches(0, 1)
    shares = [batches(rank, processes) for rank in range(processes)]
    for number, whole in enumerate(alone):
        assert sum(share[number].mine for share in shares) == whole.total == len(whole.images)
        for rank, share in enumerate(shares):
            batch = share[number]
            assert len(batch.images) == max(1, batch.mine)
            assert torch.equal(batch.images[: batch.mine], whole.images[rank::processes])


def images_of(batches):
    return torch.cat([batch.images for batch in batches])


def test_mirroring_mirrors_about_half(data):
    plain, mirrored = (
        images_of(Batches(data.pictures, data.train, 16, torch.device("cpu"), 3, m).epoch(0))
        for m in (False, True)
    )
    same = (plain == mirrored).flatten(1).all(1)
    flipped = (plain.flip(3) == mirrored).flatten(1).all(1)
    assert (same ^ flipped).all()
    assert 8 <= flipped.sum() <= 32


def test_packaged_recipes_are_the_papers():
    assert {"paper-first", "paper-second"} <= set(packaged_recipes())
    first, second = (load_recipe(f"paper-{n}", (), 64) for n in ("first", "second"))
    assert (first.model.latent, first.epochs) == (128, 15)
    assert (second.model.latent, second.epochs) == (100, 10)
    for recipe in (first, second):
        assert recipe.objective.reconstruction.alone == "sse"
        assert recipe.objective.beta == 1
        assert recipe.optimizer.learning_rate == 5e-4
        assert recipe.optimizer.epsilon == 1e-7
        assert recipe.batch_size == 64


def test_recipes_that_are_not_there_name_the_nearest():
    with pytest.raises(UnusableInput, match=r"no recipe 'paper-frist'.*'paper-first'"):
        load_recipe("paper-frist")


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("learning_rate=1e-3", "Did you mean 'optimizer.learning_rate'?"),
        ("beta=2", "Did you mean 'objective.beta'?"),
        ("model.beta=2", "Did you mean 'objective.beta'?"),
        ("model.latnt=2", "unknown key 'model.latnt'. Did you mean 'model.latent'?"),
        ("model.upsampling=nearest", "unknown key 'model.upsampling'."),
        ("latnet=2", "Did you mean 'model.latent'?"),
        ("epoch=2", "Did you mean 'epochs'?"),
        ("model.latent=0", "'model.latent' is 0, but"),
        ("model.name=paper-frist", "'model.name' is 'paper-frist': give one of paper-first, paper"),
        ("model=paper-second", "'model' is 'paper-second', but it should hold keys and values"),
        ("epochs=true", "'epochs' is true: it must be a number."),
        ("optimizer.learning_rate=yes", "must be a number"),
    ],
)
def test_complaints_name_keys_as_they_stand_in_the_file(setting, words):
    with pytest.raises(UnusableInput) as refusal:
        load_recipe("paper-first", [setting])
    assert words in str(refusal.value)
    assert "'model.upsampling'?" not in str(refusal.value)


def test_a_key_that_is_given_twice_is_refused(tmp_path):
    (tmp_path / "mine.yaml").write_text("model: {name: paper-first}\nepochs: 1\nepochs: 2\n")
    with pytest.raises(UnusableInput, match=r"mine\.yaml, line 3: 'epochs' is given twice"):
        load_recipe(str(tmp_path / "mine.yaml"))
    (tmp_path / "mine.yaml").write_text(
        "epochs: 1\nmodel:\n  name: paper-first\n  latent: 4\n  latent: 5\n"
    )
    with pytest.raises(UnusableInput, match="line 5: 'latent' is given twice"):
        load_recipe(str(tmp_path / "mine.yaml"))
    with pytest.raises(UnusableInput, match="'epochs' is given twice, as '1' and as '2'"):
        load_recipe("paper-first", ["epochs=1", "seed=1", "epochs=2"])
    with pytest.raises(UnusableInput, match="'beta' is given twice"):
        load_recipe("paper-first", ["objective={beta: 1, beta: 2}"])


@pytest.mark.parametrize("text", ["model: {latent: 4}", "model: {}"])
def test_a_recipe_without_the_models_name_says_which_there_are(tmp_path, text):
    (tmp_path / "mine.yaml").write_text(f"{text}\nepochs: 1\n")
    with pytest.raises(UnusableInput, match=r"'model\.name' is missing.*paper-first, paper-second"):
        load_recipe(str(tmp_path / "mine.yaml"))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_killed_goes_on_and_ends(tmp_path, faces, number):
    run = tmp_path / "run"
    command = [sys.executable, "-m", "lik", "train", "paper-first", str(faces.path), str(run),
               "batch_size=8", "model.latent=4", "epochs=60"]  # fmt: skip
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
    assert [record.epoch for record in records] == list(range(1, 61))
    assert "finished already" in subprocess.run(command, capture_output=True, text=True).stdout
