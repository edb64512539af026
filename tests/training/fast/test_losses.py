"""What makes a training fast may fail: it goes on without, and one line says so."""

import torch

from lik.core.randomness import torch_stream
from lik.training.batches import Batch, Noise
from lik.training.fast import Acceleration, InPrecision, quick_loss
from lik.training.recipe import load_recipe

CPU = torch.device("cpu")


BATCH = Batch(torch.rand(4, 3, 16, 16), 4, 4)


def noise():
    return Noise(torch_stream(0, "test"), 4)


def compiled(recipe, model, notify):
    """The loss as a training of these settings has it, compiled."""
    how, objective = Acceleration(compiled=True), recipe.state(1, CPU)
    loss = recipe.loss(InPrecision(model, how.precision), objective)
    width = recipe.noise_width(model)
    return quick_loss(loss, how, model, objective, width, recipe.batch_size, notify)


def test_a_compiler_that_fails_is_told_once_and_done_without(monkeypatch):
    failure = type("InductorError", (RuntimeError,), {"__module__": "torch._inductor.exc"})

    def fails(function, **how):
        def compiled(*arguments):
            raise failure("a page of C++")

        return compiled

    monkeypatch.setattr(torch, "compile", fails)
    remarks = []
    recipe = load_recipe("paper-first", ["model.latent=4", "batch_size=4"], 16)
    model = recipe.build()
    losses = [
        loss(BATCH, noise())["loss"]
        for loss in (compiled(recipe, model, remarks.append) for _ in range(2))
        for _ in range(2)
    ]
    plain = recipe.loss(model)(BATCH, noise())["loss"]
    assert all(torch.equal(loss, plain) for loss in losses)
    assert remarks == 2 * [
        "torch.compile failed (InductorError): going on without it, more slowly."
    ]


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
    remarks = []
    recipe = load_recipe("paper-second", ["model.latent=4", "batch_size=4"], 16)
    model = recipe.build()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    compiled(recipe, model, remarks.append)(BATCH, noise())["loss"].mean().backward()
    assert remarks == ["torch.compile failed (AssertionError): going on without it, more slowly."]
    statistics = {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(before)
    recipe.loss(model)(BATCH, noise())
    for name, value in model.state_dict().items():
        assert torch.equal(value, statistics[name]), name
