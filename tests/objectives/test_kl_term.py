import pytest
import torch

from lik.core.gaussian import DiagonalGaussian
from lik.objectives.kl import (
    Geco,
    GecoSettings,
    cyclical,
    linear,
    off_capacity,
    split_kl,
    with_free_bits,
)


def posterior(batch=16, latent=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    mean = torch.randn(batch, latent, generator=generator)
    return DiagonalGaussian(mean, torch.randn(batch, latent, generator=generator) - 1)


def test_dimensions_below_the_free_bits_cost_them_and_send_no_gradient():
    kl = torch.tensor([[0.1, 2.0], [0.3, 4.0]], requires_grad=True)
    cost = with_free_bits(kl, 0.5)
    assert cost.tolist() == [2.5, 4.5]
    cost.sum().backward()
    assert kl.grad.tolist() == [[0.0, 1.0], [0.0, 1.0]]


def test_no_free_bits_cost_is_above_kl_by_more_than_them():
    kl = posterior().kl_per_dimension()
    assert torch.equal(with_free_bits(kl, 1e-9), kl.sum(dim=1))
    expected = kl.mean(dim=0).clamp(min=1.5).sum()
    torch.testing.assert_close(with_free_bits(kl, 1.5).mean(), expected)


def test_capacity_pulls_from_both_sides():
    kl = torch.tensor([3.0, 7.0], requires_grad=True)
    off_capacity(kl, 5.0, 10.0).sum().backward()
    assert kl.grad.tolist() == [-10.0, 10.0]


def log_prob(gaussian, codes):
    """The log density of codes, summed over the dimensions."""
    normal = torch.distributions.Normal(gaussian.mean, (0.5 * gaussian.log_variance).exp())
    return normal.log_prob(codes).sum(dim=1)


def test_the_parts_sum_to_the_estimate_of_kl_exactly():
    gaussian = posterior()
    codes = gaussian.sample(torch.randn(16, 5))
    prior = torch.distributions.Normal(0.0, 1.0).log_prob(codes).sum(dim=1)
    parts = sum(split_kl(gaussian, codes, 1000).values())
    torch.testing.assert_close(parts, log_prob(gaussian, codes) - prior, atol=1e-4, rtol=1e-4)


def test_the_parts_sum_to_kl_in_expectation():
    gaussian = posterior()
    generator = torch.Generator().manual_seed(1)
    draws = (gaussian.sample(torch.randn(16, 5, generator=generator)) for _ in range(400))
    sums = [sum(split_kl(gaussian, codes, 16).values()).mean() for codes in draws]
    expected = float(gaussian.kl_to_standard().mean())
    assert float(torch.stack(sums).mean()) == pytest.approx(expected, rel=0.02)


def test_a_code_whose_dimensions_say_the_same_has_total_correlation():
    mean = torch.randn(256, 1, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(256, 2, generator=torch.Generator().manual_seed(1))
    tight = torch.full((256, 2), -4.0)
    same = DiagonalGaussian(mean.expand(256, 2), tight)
    apart = DiagonalGaussian(torch.cat([mean, mean.flip(0)], dim=1), tight)
    dependent, independent = (
        float(split_kl(g, g.sample(noise), 256)["total_correlation"].mean()) for g in (same, apart)
    )
    assert dependent > independent + 0.5


def test_the_aggregate_posterior_is_estimated_without_bias():
    """Over many batches the mean of q(z) is that of the whole set, for a code of one of them."""
    whole = posterior(40, 2)
    code = whole.mean[:1]
    truth, own = float(log_prob(whole, code).exp().mean()), log_prob(whole, code)[0]
    generator = torch.Generator().manual_seed(2)
    estimates = []
    for _ in range(3000):
        others = 1 + torch.randperm(39, generator=generator)[:7]
        chosen = torch.cat([torch.tensor([0]), others])
        part = DiagonalGaussian(whole.mean[chosen], whole.log_variance[chosen])
        split = split_kl(part, code.expand(8, 2), 40)
        estimates.append((own - split["mutual_information"][0]).exp())
    assert float(torch.stack(estimates).mean()) == pytest.approx(truth, rel=0.05)


def test_a_batch_of_one_depends_on_nothing():
    gaussian = posterior(1)
    split = split_kl(gaussian, gaussian.sample(torch.randn(1, 5)), 1000)
    assert float(split["total_correlation"]) == pytest.approx(0, abs=1e-4)


def test_schedules_rise_and_stay():
    steps = torch.arange(0, 13)
    assert linear(steps, 10)[[0, 5, 10, 12]].tolist() == [0.0, 0.5, 1.0, 1.0]
    cycles = [float(cyclical(step, 8, 2, 0.5)) for step in steps]
    assert cycles == [0, 0.5, 1, 1, 0, 0.5, 1, 1, 1, 1, 1, 1, 1]


def test_the_multiplier_rises_while_the_error_is_above_its_target_and_falls_below():
    geco = Geco(GecoSettings(error=0.01, decay=0.5))
    multipliers = []
    for error in [0.02] * 20 + [0.001] * 40:
        geco(torch.full((4,), error * 48), 48)
        multipliers.append(geco.metrics()["multiplier"])
    assert multipliers[:2] == [1.0, pytest.approx(1.01, abs=1e-4)]
    assert multipliers[:20] == sorted(multipliers[:20])
    assert multipliers[25:] == sorted(multipliers[25:], reverse=True)
    assert multipliers[-1] < multipliers[19]
    geco.eval()
    geco(torch.full((4,), 10.0), 48)
    assert geco.metrics()["multiplier"] == multipliers[-1]


def test_the_constraint_is_weighted_by_the_multiplier():
    geco = Geco(GecoSettings(error=0.5))
    geco.log_multiplier.fill_(2.0)
    torch.testing.assert_close(
        geco(torch.tensor([10.0, 4.0]), 12), torch.tensor(2.0).exp() * torch.tensor([4.0, -2.0])
    )
