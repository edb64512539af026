"""Objectives with a state: they are resumed to the bit, and compiled once."""

import pytest
import torch

from lik.core.errors import UnusableInput
from lik.core.randomness import torch_stream
from lik.core.run_folder import RunFolder
from lik.models.saved import load_model
from lik.objectives.likelihood import likelihood
from lik.training import journal
from lik.training.batches import Batch, Noise
from lik.training.callback import Callback
from lik.training.checkpoint import load_state
from lik.training.fast import compiler
from lik.training.processes import Processes
from lik.training.recipe import load_recipe, packaged_recipes
from lik.training.running import build_step
from trainings import CPU, StopAfter, metrics, noise_data, recipe_of, train

STATEFUL = {
    "geco": ["objective.geco.error=0.02"],
    "learned": ["objective.reconstruction=gaussian", "objective.variance=learned"],
    "optimal": ["objective.reconstruction=gaussian"],
    "logistic": ["objective.reconstruction=logistic"],
    "warmup": ["objective.warmup.steps=5", "objective.beta=4"],
    "capacity": ["objective.capacity={nats: 5, steps: 5, gamma: 10}"],
}


@pytest.fixture
def data():
    return noise_data()


def state_of(path):
    return load_state(RunFolder(path).state).parts


def assert_same(first, second):
    torch.testing.assert_close(first, second, rtol=0, atol=0)


@pytest.mark.parametrize("name", STATEFUL)
def test_a_resumed_run_is_the_unbroken_one_to_the_bit(name, tmp_path, data):
    whole, run = tmp_path / "whole", tmp_path / "run"
    train(whole, data, *STATEFUL[name])
    assert not train(run, data, *STATEFUL[name], callback=StopAfter(2)).finished
    assert train(run, data, *STATEFUL[name]).finished
    expected, found = state_of(whole), state_of(run)
    assert expected["objective"]
    assert found.keys() == expected.keys()
    for part, state in expected.items():
        assert_same(found[part], state)
    assert metrics(whole) == metrics(run)


def test_the_default_keeps_no_objective(tmp_path, data):
    train(tmp_path / "run", data)
    assert "objective" not in state_of(tmp_path / "run")


def test_the_weights_say_what_they_were_trained_for(tmp_path, data):
    train(tmp_path / "run", data, *STATEFUL["learned"])
    metadata = load_model(tmp_path / "run" / "model.safetensors").metadata
    assert metadata["objective"]["reconstruction"] == "gaussian"
    sigma = metadata["objective_state"]["sigma"]
    assert 0.1 < sigma < 0.5
    found = likelihood(metadata["objective"], metadata["objective_state"])
    assert found.name == f"Gaussian with σ² = {sigma**2:.4g}"
    (*_, last) = journal.read(tmp_path / "run" / "journal.jsonl")
    assert last.details["objective"] == {"sigma": sigma}
    assert {"gaussian", "sse"} <= set(last.validation)


def test_while_weights_change_each_epoch_is_the_best(tmp_path, data):
    class Best(Callback):
        def __init__(self):
            self.found = []

        def epoch_ended(self, record, model):
            self.found.append(load_model(tmp_path / "run" / "model-best.safetensors").metadata)

    callback = Best()
    train(tmp_path / "run", data, "objective.warmup.steps=12", "objective.beta=50", "epochs=4",
          callback=callback)  # fmt: skip
    assert [metadata["epochs"] for metadata in callback.found] == [1, 2, 3, 4]


def test_a_skipped_step_leaves_the_multiplier_as_it_was():
    recipe = recipe_of(*STATEFUL["geco"])
    objective = recipe.state(40, CPU)
    step, _ = build_step(recipe, CPU, 40, objective)
    images = torch.rand(16, 3, 16, 16)

    def take(images, number):
        step(Batch(images, 16, 16), Noise(torch_stream(0, "test", number), 16), number)
        return {name: value.clone() for name, value in objective.state_dict().items()}

    take(images, 0)
    before = take(images, 1)
    broken = images.clone()
    broken[0, 0, 0, 0] = torch.nan
    assert_same(take(broken, 2), before)
    assert take(images, 3) != before


@pytest.mark.skipif(compiler() is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.long
@pytest.mark.parametrize("name", STATEFUL)
def test_steps_are_compiled_once_and_state_moves_as_without(name):
    states = []
    for compiled in ("false", "true"):
        devices = ("device.precision=float32", f"device.compile={compiled}")
        recipe = recipe_of(*STATEFUL[name], *devices)
        torch._dynamo.reset()
        torch._dynamo.utils.counters.clear()
        objective = recipe.state(40, CPU)
        step, _ = build_step(recipe, CPU, 40, objective)
        for number in range(6):
            images = torch.rand(16, 3, 16, 16, generator=torch_stream(0, "images", number))
            noise = Noise(torch_stream(0, "test", number), 16)
            step(Batch(images, 16, 16), noise, number)
        states.append({k: v.detach().clone() for k, v in objective.state_dict().items()})
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1
    for key, value in states[0].items():
        torch.testing.assert_close(states[1][key], value, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["objective.reconstruction=gaussian"], "variance: optimal looks at whole batches"),
        (["objective.free_bits=0.1"], "free_bits looks at whole batches"),
        (["objective.total_correlation=4"], "total_correlation looks at whole batches"),
    ],
)
def test_what_needs_whole_batches_is_refused_to_several_processes(settings, words, tmp_path, data):
    with pytest.raises(UnusableInput, match=words):
        train(tmp_path / "run", data, *settings, processes=Processes(0, 2))
    assert not (tmp_path / "run").exists()


def test_a_term_is_added_to_the_reconstruction_that_is_there():
    recipe = load_recipe("paper-first", ["objective.reconstruction.ssim=100"], 64)
    assert recipe.objective.reconstruction.weights == {"sse": 1.0, "ssim": 100.0}
    recipe = load_recipe("ssim", ["objective.reconstruction.sse=0", "objective.beta=2"], 64)
    assert recipe.objective.reconstruction.weights == {"ssim": 200.0}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["objective.reconstruction.ssim=9", "model.size=8"], "ssim looks at windows"),
        (["objective.geco.error=0.01", "patience=3"], "patience"),
        (["objective.total_correlation=4", "batch_size=1"], "batch_size=2"),
    ],
)
def test_objectives_that_do_not_fit_the_recipe_are_refused(settings, words):
    with pytest.raises(UnusableInput, match=words):
        recipe_of(*settings)


def test_packaged_objectives_are_whole_recipes():
    for name in packaged_recipes():
        looks = name.startswith(("perceptual", "residual"))
        given = ["objective.features.network=n"] if looks else []
        assert load_recipe(name, given, 64).objective.scale.endswith(("KL", "TC"))
    with pytest.raises(UnusableInput, match=r"objective\.features\.network. is missing"):
        load_recipe("perceptual", (), 64)
