"""Steps that are taken, shortened or skipped, the average of the weights, and rates."""

import math

import pytest
import torch
from torch import nn

from lik.core.errors import FailedOnTheWay
from lik.core.randomness import torch_stream
from lik.training.batches import Batch, Noise
from lik.training.recipe import AdamSettings
from lik.training.step import Guard, MovingAverage, Step


class Line(nn.Module):
    """y = w · x, with batch normalisation before it, so that there is something to be ruined."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(4)
        self.weight = nn.Parameter(torch.ones(4))

    def forward(self, x):
        return self.norm(x) @ self.weight


def new_step(clip=None, average=None, rate=0.1):
    torch.manual_seed(0)
    model = Line()
    optimizer = AdamSettings(learning_rate=rate, epsilon=1e-8).build(model)

    def loss(batch, noise):
        error = (model(batch.images) - 3).square()
        return {"loss": error, "error": error}

    kept = MovingAverage(model, average) if average else None
    return Step(model, loss, optimizer, lambda number: rate, clip, kept)


def batch(seed=0, size=8, broken=False):
    x = torch.randn(size, 4, generator=torch.Generator().manual_seed(seed))
    if broken:
        x[0, 0] = math.nan
    return Batch(x, size, size)


def noise():
    return Noise(torch_stream(0, "test"), 8)


def snapshot(step):
    return {name: tensor.clone() for name, tensor in step.model.state_dict().items()}


def differing(before, after):
    return [name for name, tensor in before.items() if not torch.equal(tensor, after[name])]


def test_a_broken_batch_changes_nothing_and_counts_for_nothing():
    step = new_step(average=0.9)
    for number in range(3):
        assert step(batch(number), noise(), number)["images"] == 8
    weights, moments = snapshot(step), step.optimizer.state_dict()["state"][0]["exp_avg"].clone()
    sums = step(batch(9, broken=True), noise(), 3)
    changed = differing(weights, snapshot(step))
    assert changed == ["norm.num_batches_tracked"]
    assert torch.equal(step.optimizer.state_dict()["state"][0]["exp_avg"], moments)
    assert {name: float(value) for name, value in sums.items()} == dict.fromkeys(sums, 0.0)
    assert int(step.guard.skipped) == 1
    assert step(batch(4), noise(), 4)["images"] == 8
    assert differing(weights, snapshot(step))


def test_absurd_gradients_are_skipped_and_growing_ones_are_not():
    guard = Guard(torch.device("cpu"))
    judged = [bool(guard.skips(torch.tensor(norm))) for norm in [5.0] * 30]
    assert not any(judged)
    assert bool(guard.skips(torch.tensor(5000.0)))
    assert not bool(guard.skips(torch.tensor(50.0)))
    assert int(guard.skipped) == 1


def test_a_run_that_skips_too_many_steps_ends_with_the_reason():
    guard = Guard(torch.device("cpu"))
    for _ in range(Guard.PATIENCE - 1):
        guard.skips(torch.tensor(math.nan))
    guard.require_progress(49, 5e-4)
    guard.skips(torch.tensor(math.inf))
    with pytest.raises(FailedOnTheWay, match=r"last 50 steps.*learning_rate=0\.0001"):
        guard.require_progress(50, 5e-4)


def test_long_gradients_are_shortened_to_the_limit():
    """Adam does not feel the length of a gradient, but its first moment does."""
    plain, clipped = new_step(), new_step(clip=0.5)
    plain(batch(), noise(), 0)
    clipped(batch(), noise(), 0)

    def length(step):
        moments = [state["exp_avg"] for state in step.optimizer.state_dict()["state"].values()]
        return float(torch.cat([moment.flatten() for moment in moments]).norm() / 0.1)

    assert length(plain) > 0.5
    assert length(clipped) == pytest.approx(0.5, rel=1e-4)


def test_the_average_follows_the_weights():
    step = new_step(average=0.5)
    expected = step.model.weight.detach().clone()
    for number in range(30):
        step(batch(number), noise(), number)
        decay = min(0.5, (1 + number) / (10 + number))
        expected = decay * expected + (1 - decay) * step.model.weight.detach()
    assert step.average is not None
    torch.testing.assert_close(step.average.model.weight.data, expected)
    assert torch.equal(step.average.model.norm.running_mean, step.model.norm.running_mean)
    assert step.shown is step.average.model
    again = MovingAverage(Line(), 0.5)
    again.load_state_dict(step.average.state_dict())
    assert again.steps == 30
    assert torch.equal(again.model.weight, step.average.model.weight)


def test_rates_rise_and_fall_as_the_recipe_says():
    constant = AdamSettings(learning_rate=2.0, warmup=4)
    assert [constant.rate(step, 100) for step in (0, 1, 3, 4, 99)] == [0.5, 1.0, 2.0, 2.0, 2.0]
    cosine = AdamSettings(learning_rate=2.0, schedule="cosine", warmup=0)
    assert cosine.rate(0, 100) == 2.0
    assert cosine.rate(50, 100) == pytest.approx(1.0)
    assert 0 < cosine.rate(99, 100) < 0.001


def test_noise_of_shares_is_the_noise_of_the_whole():
    whole = Noise(torch_stream(3, "noise", 7), 11).normal(5)
    shares = [Noise(torch_stream(3, "noise", 7), 11, slice(r, None, 3)).normal(5) for r in range(3)]
    for rank, share in enumerate(shares):
        assert torch.equal(share, whole[rank::3])
