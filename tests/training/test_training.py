"""What trainings learn and keep, in which order they see the faces, and which recipes there are."""

import numpy as np
import pytest
import torch

from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.models.saved import saved_step
from lik.training import journal
from lik.training.batches import Batches
from lik.training.recipe import load_recipe, packaged_recipes
from lik.training.running import TrainingData
from trainings import CPU, drawn_data, noise_data, same_weights, train, weights


@pytest.fixture
def data():
    return noise_data()


def records_of(run):
    return journal.read(run / "journal.jsonl")


def test_a_seed_decides_everything(tmp_path, data):
    train(tmp_path / "a", data)
    train(tmp_path / "b", data)
    train(tmp_path / "c", data, "seed=1")
    assert same_weights(tmp_path / "a", tmp_path / "b")
    assert not same_weights(tmp_path / "a", tmp_path / "c")


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
    records = records_of(tmp_path / "run")
    losses = [record.validation["loss"] for record in records]
    assert len(losses) < 60
    assert outcome.state.best == min(losses) == losses[-3]
    best = saved_step(tmp_path / "run" / "model-best.safetensors")
    assert best == records[-3].step
    again = train(tmp_path / "run", data, *settings)
    assert again.finished
    assert again.state.step == outcome.state.step


def test_bfloat16_comes_to_about_the_same_loss(tmp_path, faces):
    settings = ("epochs=30", "optimizer.learning_rate=2e-3")
    losses = []
    for precision in ("float32", "bfloat16"):
        run = tmp_path / precision
        train(run, drawn_data(faces), *settings, f"device.precision={precision}")
        losses.append(records_of(run)[-1].validation["loss"])
    assert losses[0] != losses[1]
    assert abs(losses[1] / losses[0] - 1) < 0.05


def test_the_journal_keeps_what_the_dimensions_say(tmp_path, data):
    train(tmp_path / "run", data)
    details = records_of(tmp_path / "run")[-1].details
    assert len(details["kl_per_dimension"]) == 4
    assert details["active_units"] == sum(kl > 0.01 for kl in details["kl_per_dimension"])
    assert details["learning_rate"] == 5e-4
    assert details["skipped_steps"] == 0


def test_sets_smaller_than_a_batch_and_without_validation(tmp_path, data):
    small = TrainingData(data.pictures[:3], np.arange(3), np.arange(0), data.description)
    assert train(tmp_path / "run", small).state.step == 3
    assert all(record.validation is None for record in records_of(tmp_path / "run"))


def test_an_epoch_of_one_step_has_a_speed(tmp_path, data):
    train(tmp_path / "run", data, "batch_size=64")
    records = records_of(tmp_path / "run")
    assert all(0 < record.images_per_second < 1e7 for record in records)


def test_an_epoch_shows_every_face_once_and_a_broken_one_goes_on(data):
    batches = Batches(data.pictures, data.train, 16, CPU, seed=3)
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
        return list(Batches(pictures, data.train, 16, CPU, 3, True, rank, count).epoch(1))

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
        images_of(Batches(data.pictures, data.train, 16, CPU, 3, m).epoch(0)) for m in (False, True)
    )
    same = (plain == mirrored).flatten(1).all(1)
    flipped = (plain.flip(3) == mirrored).flatten(1).all(1)
    assert (same ^ flipped).all()
    assert 8 <= flipped.sum() <= 32


def test_training_lowers_the_loss(tmp_path, faces):
    train(tmp_path / "run", drawn_data(faces), "epochs=30", "optimizer.learning_rate=2e-3")
    losses = [record.train["loss"] for record in records_of(tmp_path / "run")]
    assert losses[-1] < 0.9 * losses[0]


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


@pytest.mark.parametrize("text", ["model: {latent: 4}", "model: {}"])
def test_a_recipe_without_the_models_name_says_which_there_are(tmp_path, text):
    (tmp_path / "mine.yaml").write_text(f"{text}\nepochs: 1\n")
    with pytest.raises(UnusableInput, match=r"'model\.name' is missing.*paper-first, paper-second"):
        load_recipe(str(tmp_path / "mine.yaml"))
