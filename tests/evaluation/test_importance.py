"""The importance-weighted bound, on a model whose likelihood has a closed form."""

import math

import numpy as np
import pytest
import torch

from lik.core.errors import UnusableInput
from lik.core.gaussian import DiagonalGaussian
from lik.core.randomness import torch_stream
from lik.evaluation.importance import bits_per_dimension, importance_weighted_bound
from lik.objectives.likelihood import likelihood

LATENT, PIXELS, VARIANCE = 2, 12, 0.5


class Linear:
    """x = W z + b + noise of variance σ²: p(x) = N(b, W Wᵀ + σ² I)."""

    def __init__(self):
        stream = torch.Generator().manual_seed(3)
        self.weight = torch.randn(PIXELS, LATENT, generator=stream)
        # With orthogonal columns, the true posterior is a diagonal Gaussian.
        self.weight[:, 1] -= self.weight[:, 0] * (
            self.weight[:, 0] @ self.weight[:, 1] / self.weight[:, 0].square().sum()
        )
        self.bias = torch.randn(PIXELS, generator=stream)
        codes = torch.randn(20, LATENT, generator=stream)
        noise = VARIANCE**0.5 * torch.randn(20, PIXELS, generator=stream)
        self.images = (self.decode(codes).flatten(1) + noise).reshape(20, 3, 2, 2)
        covariance = self.weight @ self.weight.T + VARIANCE * torch.eye(PIXELS)
        exact = torch.distributions.MultivariateNormal(self.bias.double(), covariance.double())
        self.exact = exact.log_prob(self.images.flatten(1).double())

    def decode(self, codes):
        return (codes @ self.weight.T + self.bias).reshape(-1, 3, 2, 2)

    def posterior(self, off=0.0, wider=1.0):
        """The true one; or one whose means are off, and whose variances are wider."""
        precision = 1 + self.weight.square().sum(dim=0) / VARIANCE
        mean = (self.images.flatten(1) - self.bias) @ self.weight / VARIANCE / precision
        variance = (wider / precision).expand(20, LATENT)
        return DiagonalGaussian(mean + off, variance.log())

    def bound(self, codes, seed=0, **posterior):
        return importance_weighted_bound(
            self.images, self.posterior(**posterior), self.decode,
            likelihood({"reconstruction": "sse"}, {}).log_density, codes,
            torch_stream(seed, "test"),
        )  # fmt: skip


@pytest.fixture(scope="module")
def linear():
    return Linear()


def test_with_the_true_posterior_the_bound_is_the_likelihood(linear):
    for codes in (1, 7):
        bound = linear.bound(codes)
        np.testing.assert_allclose(bound.importance_weighted, linear.exact, atol=1e-4, rtol=0)
        np.testing.assert_allclose(bound.elbo, linear.exact, atol=1e-4, rtol=0)
        np.testing.assert_allclose(bound.effective, codes, atol=1e-3, rtol=0)


def test_the_bound_rises_with_its_codes_and_stays_below_the_truth(linear):
    """Of the mean over 20 images and 20 seeds, so that chance does not decide."""
    means = [
        float(torch.stack([linear.bound(codes, seed, off=0.2, wider=2.0).importance_weighted
                           for seed in range(20)]).mean())
        for codes in (1, 4, 16, 64, 1024)
    ]  # fmt: skip
    exact = float(linear.exact.mean())
    assert means == sorted(means)
    assert means[0] < exact - 0.2
    assert means[-1] <= exact + 1e-3
    assert means[-1] == pytest.approx(exact, abs=0.02)


def test_one_code_is_the_elbo(linear):
    bound = linear.bound(1, off=0.3)
    assert torch.equal(bound.importance_weighted, bound.elbo)
    many = linear.bound(4000, off=0.3)
    kl = linear.posterior(off=0.3).kl_to_standard().double()
    closed = []
    for image, mean, variance in zip(
        linear.images.flatten(1).double(), linear.posterior(off=0.3).mean.double(),
        linear.posterior().log_variance.exp().double(), strict=True,
    ):  # fmt: skip
        left = image - linear.bias.double() - linear.weight.double() @ mean
        spread = (linear.weight.double().square() @ variance).sum()
        constant = PIXELS * math.log(2 * math.pi * VARIANCE)
        closed.append(-0.5 * ((left.square().sum() + spread) / VARIANCE + constant))
    torch.testing.assert_close(many.elbo, torch.stack(closed) - kl, atol=0.1, rtol=0)


def test_parts_of_a_batch_change_nothing_but_the_draw(linear, monkeypatch):
    whole = linear.bound(500, off=0.1).importance_weighted
    monkeypatch.setattr("lik.evaluation.importance.AT_ONCE", 37)
    parts = linear.bound(500, off=0.1).importance_weighted
    np.testing.assert_allclose(parts, whole, atol=0.15, rtol=0)


def test_far_weights_neither_overflow_nor_vanish():
    images = torch.zeros(2, 3, 64, 64)
    posterior = DiagonalGaussian(torch.zeros(2, 4), torch.zeros(2, 4))
    bound = importance_weighted_bound(
        images, posterior, lambda codes: torch.ones(len(codes), 3, 64, 64),
        likelihood({"reconstruction": "sse"}, {}).log_density, 3, torch_stream(0),
    )  # fmt: skip
    exact = -(3 * 64 * 64) * (1 + 0.5 * math.log(math.pi))
    np.testing.assert_allclose(bound.importance_weighted, exact, rtol=1e-7)


def test_no_codes_are_refused(linear):
    with pytest.raises(UnusableInput, match="at least 1"):
        linear.bound(0)


def test_bits_of_a_uniform_density_are_eight():
    assert bits_per_dimension(0.0, 12, discrete=False) == 8
    assert bits_per_dimension(-12 * math.log(2), 12, discrete=True) == pytest.approx(1)


def test_the_variance_is_that_of_the_scale():
    images, decoded = torch.rand(2, 3, 4, 4), torch.rand(2, 3, 4, 4)
    for name, variance in (("sse", 0.5), ("half_sse", 1.0)):
        normal = torch.distributions.Normal(decoded, variance**0.5)
        torch.testing.assert_close(
            likelihood({"reconstruction": name}, {}).log_density(images, decoded),
            normal.log_prob(images).flatten(1).sum(dim=1),
        )
    with pytest.raises(UnusableInput, match="no likelihood"):
        likelihood({"reconstruction": "ssim"}, {})
