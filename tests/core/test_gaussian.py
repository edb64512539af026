import torch
from torch.distributions import Normal, kl_divergence

from lik.core.gaussian import DiagonalGaussian
from lik.core.randomness import torch_stream


def noise(gaussian, purpose):
    return torch.randn(gaussian.mean.shape, generator=torch_stream(5, purpose))


def test_kl_of_equal_gaussians_is_zero():
    standard = DiagonalGaussian(torch.zeros(3, 5), torch.zeros(3, 5))
    assert torch.equal(standard.kl_to_standard(), torch.zeros(3))


def test_kl_agrees_with_torch_distributions():
    mean, log_variance = torch.randn(4, 7), torch.randn(4, 7)
    ours = DiagonalGaussian(mean, log_variance).kl_to_standard()
    theirs = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(ours, theirs)


def test_samples_have_the_mean_and_the_variance():
    gaussian = DiagonalGaussian(torch.full((20000, 1), 2.0), torch.full((20000, 1), -1.0))
    sample = gaussian.sample(noise(gaussian, "test"))
    assert abs(sample.mean() - 2) < 0.02
    assert abs(sample.var().log() + 1) < 0.05


def test_a_seed_gives_the_same_sample_and_another_purpose_another():
    gaussian = DiagonalGaussian(torch.zeros(2, 3), torch.zeros(2, 3))
    first, again, other = (gaussian.sample(noise(gaussian, word)) for word in ("a", "a", "b"))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
