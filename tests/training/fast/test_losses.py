"""What makes a training fast may fail: it goes on without, and one line says so."""

import pytest
import torch

from lik.core.randomness import torch_stream
from lik.training.batches import Batch, Noise
from lik.training.fast.losses import CompiledLoss, InPrecision
from trainings import CPU, recipe_of


def noise():
    return Noise(torch_stream(0, "test"), 4)


def new_loss(model, notify=None):
    """The loss of a model, compiled where there is somebody to be told."""
    recipe = recipe_of("batch_size=4")
    objective = recipe.state(1, CPU)
    loss = recipe.loss(model, objective)
    return CompiledLoss(loss, model, objective, 4, 4, notify) if notify else loss


def new_model(recipe):
    torch.manual_seed(0)
    return recipe_of(recipe=recipe).build(), Batch(torch.rand(4, 3, 16, 16), 4, 4)


def test_a_compiler_that_fails_is_told_once_and_done_without(monkeypatch):
    failure = type("InductorError", (RuntimeError,), {"__module__": "torch._inductor.exc"})

    def fails(function, **how):
        def compiled(*arguments):
            raise failure("a page of C++")

        return compiled

    monkeypatch.setattr(torch, "compile", fails)
    notices = []
    model, batch = new_model("paper-first")
    loss = new_loss(model, notices.append)
    plain = new_loss(model)(batch, noise())["loss"]
    for _ in range(2):
        assert torch.equal(loss(batch, noise())["loss"], plain)
    assert notices == ["torch.compile failed (InductorError): going on without it, more slowly."]


def test_code_that_fails_in_its_backward_pass_is_done_without(monkeypatch):
    """Compiled code is tried in both passes, and the trial leaves nothing behind."""

    class Fails(torch.autograd.Function):
        @staticmethod
        def forward(context, values):
            return values.clone()

        @staticmethod
        def backward(context, gradient):
            raise AssertionError("expected size 128==128, stride 9==1 at dim=1")

    def compile_badly(function, **how):
        def compiled(*arguments):
            terms = dict(function(*arguments))
            return terms | {"loss": Fails.apply(terms["loss"])}

        return compiled

    monkeypatch.setattr(torch, "compile", compile_badly)
    notices = []
    model, batch = new_model("paper-second")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    new_loss(model, notices.append)(batch, noise())["loss"].mean().backward()
    assert notices == ["torch.compile failed (AssertionError): going on without it, more slowly."]
    statistics = {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(before)
    new_loss(model)(batch, noise())
    for name, value in model.state_dict().items():
        assert torch.equal(value, statistics[name]), name


@pytest.mark.parametrize("training", [True, False])
def test_passes_are_in_lower_precision_in_training_alone(training):
    model = torch.nn.Linear(3, 3).train(training)
    passes = InPrecision(model, torch.bfloat16)
    expected = torch.bfloat16 if training else torch.float32
    assert passes(torch.zeros(1, 3)).dtype == expected
    assert passes.weight is model.weight
