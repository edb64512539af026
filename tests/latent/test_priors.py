import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from lik.core.errors import UnusableInput
from lik.core.gaussian import DiagonalGaussian
from lik.latent.flow import SIGMA, FlowPrior, fit_flow, flow_matching_loss, integrate
from lik.latent.priors import (
    aggregated,
    fit_gaussian,
    fit_mixture,
    load_prior,
    prior_path,
    save_prior,
    saved_priors,
)
from lik.latent.session import Posteriors


@pytest.fixture(scope="module")
def two_heaps():
    """Codes in two heaps far apart: no single Gaussian is like them."""
    random = np.random.default_rng(0)
    sides = np.where(random.random(2000) < 0.3, -3, 3)
    codes = 0.5 * random.standard_normal((2000, 2))
    codes[:, 0] += sides
    return codes.astype(np.float32)


def test_a_gaussian_has_the_moments_of_the_codes(two_heaps):
    drawn = fit_gaussian(two_heaps).sample(20_000, 1)
    np.testing.assert_allclose(drawn.mean(0), two_heaps.mean(0), atol=0.1)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(two_heaps.T), atol=0.3)


def test_held_out_codes_choose_as_many_components_as_there_are(two_heaps):
    mixture, tried = fit_mixture(two_heaps)
    assert tried[2] > tried[1]
    drawn = mixture.sample(5000, 0)
    assert (np.abs(drawn[:, 0]) < 1).mean() < 0.01
    assert (drawn[:, 0] < 0).mean() == pytest.approx(0.3, abs=0.04)
    np.testing.assert_array_equal(drawn, mixture.sample(5000, 0))
    with pytest.raises(UnusableInput, match="too few"):
        fit_mixture(two_heaps[:3])


def test_a_flow_learns_what_a_gaussian_cannot(two_heaps):
    flow = fit_flow(two_heaps, steps=600, width=48)
    drawn = flow.sample(2000, 0)
    assert (np.abs(drawn[:, 0]) < 1).mean() < 0.12  # of one Gaussian, it is 0.3
    assert (drawn[:, 0] < 0).mean() == pytest.approx(0.3, abs=0.1)


def test_the_solver_is_exact_where_the_velocity_is_constant_in_the_path():
    noise = torch.randn(5, 3)
    target = torch.tensor([1.0, -2.0, 0.5])

    def straight(codes, times):
        """The velocity of paths that all end in one point: (x₁ − x) / (1 − t)."""
        return (target - codes) / (1 - times[:, None]).clamp(min=1e-3)

    np.testing.assert_allclose(integrate(straight, noise, 16), target.expand(5, 3), atol=0.15)
    # dx/dt = x: Heun's error falls with the square of the step.
    exact = noise * np.e
    coarse, fine = ((integrate(lambda x, t: x, noise, n) - exact).abs().max() for n in (8, 16))
    assert 3 < coarse / fine < 5


def test_the_true_velocity_has_no_loss():
    codes, noise, times = torch.randn(4, 3), torch.randn(4, 3), torch.rand(4)
    loss = flow_matching_loss(lambda x, t: codes - (1 - SIGMA) * noise, codes, noise, times)
    assert loss.shape == (4,)
    assert float(loss.max()) < 1e-10


@pytest.mark.parametrize("kind", ["gaussian", "gmm", "flow"])
def test_a_prior_comes_back_and_draws_the_same(two_heaps, tmp_path, kind):
    prior = {
        "gaussian": lambda: fit_gaussian(two_heaps),
        "gmm": lambda: fit_mixture(two_heaps, components=2)[0],
        "flow": lambda: fit_flow(two_heaps, steps=5, width=16),
    }[kind]()
    save_prior(tmp_path, "mine", prior, {"encoder_sha256": "abc"})
    back = load_prior(tmp_path, "mine", "abc")
    assert back.kind == kind
    np.testing.assert_allclose(back.sample(7, 3), prior.sample(7, 3), rtol=1e-5, atol=1e-6)
    assert isinstance(back, FlowPrior) == (kind == "flow")
    assert saved_priors(tmp_path) == ["mine"]
    with pytest.raises(UnusableInput, match="other weights"):
        load_prior(tmp_path, "mine", "def")
    with pytest.raises(UnusableInput, match="'mine'"):
        load_prior(tmp_path, "mime")


def test_a_mixture_whose_factors_are_whole_matrices_is_read_as_one_of_triangles(
    two_heaps, tmp_path
):
    """So Lik wrote them at first."""
    prior = fit_mixture(two_heaps, components=2)[0]
    path = save_prior(tmp_path, "mine", prior, {})
    numbers = load_file(path)
    assert numbers["factors"].shape == (2, 3)
    numbers["factors"] = torch.from_numpy(prior.factors)
    told = {"format": "lik-prior", "version": "1", "kind": "gmm", "made": "{}"}
    save_file(numbers, prior_path(tmp_path, "old"), told)
    back, old = (load_prior(tmp_path, name) for name in ("mine", "old"))
    np.testing.assert_array_equal(back.factors, prior.factors)
    np.testing.assert_array_equal(old.factors, prior.factors)


def test_the_aggregated_posterior_is_wider_than_its_means():
    means = np.random.default_rng(1).standard_normal((500, 2)).astype(np.float32)
    gaussian = DiagonalGaussian(torch.from_numpy(means), torch.zeros(500, 2))
    codes = aggregated(Posteriors([gaussian], 2), draws=4)
    assert codes.shape == (2000, 2)
    assert codes.var() == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("fit", [fit_gaussian, fit_mixture, fit_flow])
@pytest.mark.parametrize(("value", "words"), [(0.5, "all the same"), (np.nan, "finite")])
def test_codes_that_say_nothing_bear_no_prior(fit, value, words):
    with pytest.raises(UnusableInput, match=words):
        fit(np.full((40, 3), value, np.float32))


def test_few_codes_of_few_dimensions_bear_a_mixture():
    codes = np.random.default_rng(3).standard_normal((6, 1)).astype(np.float32)
    assert len(fit_mixture(codes)[0].weights) == 1


def test_what_is_half_written_is_no_prior(two_heaps, tmp_path):
    path = save_prior(tmp_path, "mine", fit_gaussian(two_heaps), {})
    path.with_name(".other.safetensors.1.part.safetensors").touch()
    assert saved_priors(tmp_path) == ["mine"]


@pytest.mark.parametrize("name", ["../evil", "", ".hidden", "a/b", "x" * 300, "nul\0"])
def test_a_name_that_is_no_file_names_no_prior(two_heaps, tmp_path, name):
    with pytest.raises(UnusableInput, match="cannot name a prior"):
        save_prior(tmp_path, name, fit_gaussian(two_heaps), {})
