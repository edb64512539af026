import math

import pytest
import torch

from lik.core.errors import UnusableInput
from lik.objectives.elbo import ElboSettings
from lik.objectives.likelihood import likelihood
from lik.objectives.reconstruction import (
    ErrorOptions,
    GaussianError,
    ReconstructionLoss,
    ReconstructionSettings,
    gaussian,
    laplace,
    logistic,
    optimal_log_sigma,
    sse,
)
from lik.objectives.similarity import feature_loss


def batch(size=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    levels = torch.randint(0, 256, (4, 3, size, size), generator=generator)
    decoded = torch.rand(4, 3, size, size, generator=generator)
    return levels / 255, decoded


def loss_of(errors, options=None):
    return ReconstructionLoss(ReconstructionSettings.model_validate(errors), options)


def test_gaussian_and_laplace_are_the_densities_of_torch():
    images, decoded = batch()
    normal = torch.distributions.Normal(decoded, 0.3).log_prob(images).flatten(1).sum(dim=1)
    torch.testing.assert_close(gaussian(images, decoded, torch.tensor(0.3).log()), -normal)
    other = torch.distributions.Laplace(decoded, 0.3).log_prob(images).flatten(1).sum(dim=1)
    torch.testing.assert_close(laplace(images, decoded, 0.3), -other)


def test_the_optimal_variance_is_the_mean_square_error_and_gives_the_closed_form():
    images, decoded = batch()
    log_sigma = optimal_log_sigma(images, decoded)
    square = (images - decoded).square().mean()
    torch.testing.assert_close((2 * log_sigma).exp(), square)
    values = images[0].numel()
    closed = 0.5 * values * (torch.log(2 * math.pi * square) + 1)
    torch.testing.assert_close(gaussian(images, decoded, log_sigma).mean(), closed)
    for off in (-0.1, 0.1):
        assert gaussian(images, decoded, log_sigma + off).mean() > closed


def test_the_gradient_through_the_optimal_variance_is_nothing():
    images, decoded = batch()
    decoded.requires_grad_()
    square = (images - decoded).square().mean()
    whole = gaussian(images, decoded, 0.5 * square.log()).mean()
    cut = gaussian(images, decoded, optimal_log_sigma(images, decoded)).mean()
    (first,), (second,) = (torch.autograd.grad(loss, decoded) for loss in (whole, cut))
    torch.testing.assert_close(first, second)


@pytest.mark.parametrize("scale", [0.002, 0.05, 1.0])
def test_the_logistic_is_a_distribution_of_256_values(scale):
    levels = (torch.arange(256) / 255).view(256, 1, 1, 1)
    decoded = torch.full((256, 1, 1, 1), 0.3)
    masses = (-logistic(levels, decoded, torch.tensor(scale).log())).exp()
    assert float(masses.sum()) == pytest.approx(1, abs=1e-4)
    assert int(masses[1:-1].argmax()) + 1 == round(0.3 * 255)  # the ends have the tails


def test_distances_of_features_are_means_of_squares_of_the_layers():
    def network(images):
        return images, 2 * images[:, :, ::2, ::2]

    images, decoded = batch()
    decoded.requires_grad_()
    first = 0.5 * (images - decoded).square().flatten(1).mean(dim=1)
    torch.testing.assert_close(feature_loss(network, images, decoded, (0,)), first)
    both = feature_loss(network, images, decoded)
    torch.testing.assert_close(both, first + feature_loss(network, images, decoded, (1,)))
    both.sum().backward()
    assert decoded.grad.abs().sum() > 0


def test_a_loss_is_the_weighted_sum_of_its_terms():
    images, decoded = batch(16)
    found = loss_of({"sse": 0.5, "ssim": 100})(images, decoded)
    assert set(found.terms) == {"sse", "ssim_error"}
    torch.testing.assert_close(
        found.total, 0.5 * found.terms["sse"] + 100 * found.terms["ssim_error"]
    )


def test_a_loss_tells_the_squares_and_the_default_nothing_more():
    images, decoded = batch()
    assert torch.equal(loss_of("l1")(images, decoded).terms["sse"],
                       sse(images, decoded))  # fmt: skip
    default = loss_of("sse")
    assert default(images, decoded).terms == {}
    assert default.state_dict() == {}


@pytest.mark.parametrize("name", ["gaussian", "logistic"])
def test_learned_scales_get_a_gradient_and_find_the_error(name):
    images = torch.full((8, 3, 8, 8), 128 / 255)
    generator = torch.Generator().manual_seed(0)
    decoded = images + 0.05 * torch.randn(images.shape, generator=generator)
    loss = loss_of({name: 1.0}, ErrorOptions("learned"))
    optimizer = torch.optim.Adam(loss.parameters(), 5e-3)
    for _ in range(300):
        optimizer.zero_grad()
        loss(images, decoded).total.mean().backward()
        optimizer.step()
    (found,) = loss.metrics().values()
    assert found == pytest.approx(0.05 if name == "gaussian" else 0.05 * 0.57, rel=0.1)


def test_what_is_measured_takes_the_variance_of_the_last_batches():
    error = GaussianError(ErrorOptions())
    images = torch.zeros(2, 3, 4, 4)
    for off in (0.1, 0.3):
        error.log_sigma(images, images + off)
    error.eval()
    expected = math.log(math.sqrt((0.01 + 0.09) / 2))
    assert float(error.log_sigma(images, images + 0.9)) == pytest.approx(expected, rel=1e-5)
    assert GaussianError(ErrorOptions("learned")).state_dict().keys() == {"slow_log"}


@pytest.mark.parametrize(
    ("reconstruction", "state", "density"),
    [
        ("sse", {}, torch.distributions.Normal(0.0, 0.5**0.5)),
        ("half_sse", {}, torch.distributions.Normal(0.0, 1.0)),
        ({"sse": 50.0}, {}, torch.distributions.Normal(0.0, 0.1)),
        ("gaussian", {"sigma": 0.2}, torch.distributions.Normal(0.0, 0.2)),
        ("l1", {}, torch.distributions.Laplace(0.0, 1.0)),
    ],
)
def test_likelihoods_of_saved_objectives_are_densities(reconstruction, state, density):
    images, decoded = batch()
    objective = ElboSettings(reconstruction=reconstruction, beta=4).model_dump(mode="json")
    found = likelihood(objective, state)
    expected = density.log_prob(images - decoded).flatten(1).sum(dim=1)
    torch.testing.assert_close(found.log_density(images, decoded), expected)
    assert not found.discrete


def test_the_logistic_has_bits_and_losss_have_no_likelihood():
    images, decoded = batch()
    found = likelihood({"reconstruction": "logistic"}, {"logistic_scale": 0.1})
    assert found.discrete
    expected = -logistic(images, decoded, torch.tensor(0.1).log())
    torch.testing.assert_close(found.log_density(images, decoded), expected)
    with pytest.raises(UnusableInput, match="no likelihood"):
        likelihood({"reconstruction": {"sse": 1, "ssim": 100}}, {})
    with pytest.raises(UnusableInput, match="does not say its sigma"):
        likelihood({"reconstruction": "gaussian"}, {})
