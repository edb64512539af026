import pytest
import torch
import yaml

from lik.core.configuration import to_yaml, validated
from lik.core.errors import UnusableInput
from lik.models.catalogue import build
from lik.models.interface import Pass
from lik.models.paper import PaperFirstSettings
from lik.objectives.elbo import Elbo, ElboSettings
from lik.objectives.reconstruction import ERRORS, half_sse, sse


def test_errors_are_sums_over_pixels_and_channels_of_each_image():
    images = torch.rand(3, 3, 8, 8)
    assert torch.equal(sse(images, images), torch.zeros(3))
    zeros, halves = torch.zeros(2, 3, 4, 4), torch.full((2, 3, 4, 4), 0.5)
    assert sse(zeros, halves).tolist() == [12.0, 12.0]
    assert half_sse(zeros, halves).tolist() == [6.0, 6.0]


def test_the_loss_is_equation_1():
    model = build(PaperFirstSettings(size=8, latent=4)).eval()
    images = torch.rand(5, 3, 8, 8)
    elbo = Elbo(ElboSettings(reconstruction="half_sse", beta=3))
    noise = torch.randn(5, 4)
    terms = elbo(model, images, noise)
    assert terms["loss"].shape == (5,)
    torch.testing.assert_close(terms["loss"], terms["reconstruction"] + 3 * terms["kl"])
    output = model(images, noise)
    torch.testing.assert_close(terms["reconstruction"], half_sse(images, output.reconstruction))
    doubled = Elbo(ElboSettings(reconstruction="sse", beta=6))(model, images, noise)
    torch.testing.assert_close(doubled["loss"], 2 * terms["loss"])


def elbo_of(tree, **more):
    return Elbo(validated(ElboSettings, tree, "recipe"), **more)


def passed(elbo, batch=6):
    torch.manual_seed(0)
    model = build(PaperFirstSettings(size=16, latent=4))
    terms = elbo(model, torch.rand(batch, 3, 16, 16), torch.randn(batch, 4))
    return model, terms


def network(images):
    return images.tanh(), torch.nn.functional.avg_pool2d(images, 2)


CAPACITY = {"nats": 25, "steps": 9, "gamma": 10}
OBJECTIVES = {
    "sse": {},
    "half_sse": {"reconstruction": "half_sse"},
    "gaussian": {"reconstruction": "gaussian"},
    "learned": {"reconstruction": "gaussian", "variance": "learned"},
    "l1": {"reconstruction": "l1"},
    "logistic": {"reconstruction": "logistic"},
    "ssim": {"reconstruction": {"sse": 0.5, "ssim": 100}},
    "ms_ssim": {"reconstruction": {"ms_ssim": 100}},
    "features": {
        "reconstruction": {"sse": 1, "features": 5}, "features": {"network": "n", "layers": [1]},
    },
    "linear": {"warmup": {"steps": 10}, "beta": 2},
    "cyclical": {"warmup": {"kind": "cyclical", "steps": 10, "cycles": 2}},
    "free bits": {"free_bits": 0.01},
    "capacity": {"capacity": {"nats": 5, "steps": 10, "gamma": 3}},
    "geco": {"geco": {"error": 0.01}},
    "total correlation": {"total_correlation": 6},
}  # fmt: skip


def test_every_error_is_tried_here():
    settings = [ElboSettings.model_validate(tree) for tree in OBJECTIVES.values()]
    assert {name for one in settings for name in one.reconstruction.weights} == set(ERRORS)


def test_the_total_correlation_is_known_of_gaussian_codes_alone():
    def symbols(images, noise):
        return Pass(None, noise, images, noise.square())

    images, noise = torch.rand(2, 3, 8, 8), torch.randn(2, 4)
    terms = elbo_of({})(symbols, images, noise)
    torch.testing.assert_close(terms["kl"], noise.square().sum(dim=1))
    with pytest.raises(UnusableInput, match="Gaussian codes alone"):
        elbo_of({"total_correlation": 4})(symbols, images, noise)


def test_terms_of_the_family_itself_are_added_as_they_are():
    def model(images, noise):
        extra = {"commitment": torch.full((2,), 5.0)}
        return Pass(None, noise, images, noise.square(), extra)

    terms = elbo_of({"beta": 2})(model, torch.rand(2, 3, 8, 8), torch.randn(2, 4))
    torch.testing.assert_close(terms["loss"], 2 * terms["kl"] + 5)
    assert terms["commitment"].tolist() == [5, 5]


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_gives_terms_per_image_and_moves_both_halves(name):
    elbo = elbo_of(OBJECTIVES[name], features=network)
    for _ in range(2):  # where β rises from zero, the second step is the first that counts
        model, terms = passed(elbo)
    assert {"loss", "reconstruction", "kl"} <= set(terms)
    assert all(term.shape == (6,) and torch.isfinite(term).all() for term in terms.values())
    terms["loss"].mean().backward()
    for part in (model.encoder, model.decoder, elbo):
        for weight in part.parameters():
            assert weight.grad is not None
            assert weight.grad.abs().sum() > 0
    assert all("features" not in key for key in elbo.state_dict())


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_loss_is_the_sum_of_what_is_told_and_measuring_changes_no_state(name):
    elbo = elbo_of(OBJECTIVES[name], features=network)
    _, terms = passed(elbo)
    divergence = terms.get("kl_term", terms["kl"])
    error = terms["reconstruction"]
    if name == "geco":
        error = error - 0.01 * 3 * 16 * 16
    torch.testing.assert_close(terms["loss"], error + divergence)
    before = {key: value.clone() for key, value in elbo.state_dict().items()}
    passed(elbo.eval())
    assert all(torch.equal(value, before[key]) for key, value in elbo.state_dict().items())


@pytest.mark.parametrize("name", OBJECTIVES)
def test_settings_survive_a_file(name):
    settings = validated(ElboSettings, OBJECTIVES[name], "recipe")
    assert validated(ElboSettings, yaml.safe_load(to_yaml(settings)), "again") == settings


def test_the_default_has_no_state_and_tells_three_terms():
    elbo = Elbo(ElboSettings())
    _, terms = passed(elbo)
    assert list(terms) == ["loss", "reconstruction", "kl"]
    assert elbo.state_dict() == {}
    assert elbo.metrics() == {}
    assert elbo.settled()


def test_kl_is_told_as_it_is_and_weights_settle():
    elbo = elbo_of({"beta": 3, "warmup": {"steps": 4}})
    shares = []
    for _ in range(6):
        _, terms = passed(elbo)
        shares.append(float((terms["kl_term"] / terms["kl"]).detach().mean()))
    assert shares == pytest.approx([0, 0.75, 1.5, 2.25, 3, 3])
    assert elbo.settled()
    assert elbo.metrics() == {"beta": 3.0}


def test_a_total_correlation_of_beta_is_plain_beta():
    _, plain = passed(elbo_of({"beta": 3}))
    _, split = passed(elbo_of({"beta": 3, "total_correlation": 3}))
    torch.testing.assert_close(plain["loss"], split["loss"])


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ({"reconstruction": "ssse"}, "it must be one of sse.*Did you mean 'sse'"),
        ({"reconstruction": {"ssmi": 1}}, "unknown key 'reconstruction.ssmi'.*ssim"),
        ({"reconstruction": {"sse": 0}}, "must have a weight above 0"),
        ({"reconstruction": {"sse": -1}}, "greater than or equal to 0"),
        ({"variance": "learned"}, "variance belongs to the reconstruction 'gaussian'"),
        ({"reconstruction": {"features": 1}}, "features.network=PATH"),
        ({"features": {"network": "n"}}, "belongs to the reconstruction 'features'"),
        ({"geco": {"error": 0.01}, "beta": 2}, "geco .* does not go together with beta"),
        ({"geco": {"error": 0.01}, "capacity": CAPACITY}, "not go together with capacity"),
        ({"geco": {"error": 0.01}, "reconstruction": "gaussian"}, "together with gaussian"),
        ({"capacity": CAPACITY, "beta": 2}, "does not go together with beta"),
        ({"free_bits": 0.1, "total_correlation": 4}, "does not go together with total_corr"),
        ({"warmup": {"steps": 5, "cycles": 2}}, "cycles and share belong to kind: cyclical"),
    ],
)
def test_what_does_not_go_together_is_refused_in_a_sentence(tree, words):
    with pytest.raises(UnusableInput, match=words) as caught:
        validated(ElboSettings, tree, "recipe")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("tree", "scale"),
    [
        ({}, "Σ(x−x̂)² + KL"),
        ({"reconstruction": "half_sse", "beta": 4}, "½Σ(x−x̂)² + 4·KL"),
        ({"reconstruction": {"sse": 0.5, "ssim": 100}}, "0.5·Σ(x−x̂)² + 100·(1−SSIM) + KL"),
        ({"reconstruction": "gaussian"}, "−log N(x; x̂, σ²), σ² optimal + KL"),
        ({"warmup": {"steps": 5}, "beta": 2}, "Σ(x−x̂)² + 2·w(t)·KL"),
        ({"free_bits": 0.1}, "Σ(x−x̂)² + Σmax(KL_d, 0.1)"),
        ({"total_correlation": 4}, "Σ(x−x̂)² + (KL−TC) + 4·TC"),
        ({"capacity": CAPACITY}, "Σ(x−x̂)² + 10·|KL−C|, C to 25"),
        ({"geco": {"error": 0.01}}, "KL + λ·(Σ(x−x̂)² − 0.01 a value)"),
    ],
)
def test_objectives_say_their_scale(tree, scale):
    assert validated(ElboSettings, tree, "recipe").scale == scale
