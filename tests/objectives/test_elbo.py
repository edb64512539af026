import torch

from lik.models.catalogue import build
from lik.models.paper import PaperFirstSettings
from lik.objectives.elbo import Elbo, ElboSettings
from lik.objectives.reconstruction import half_sse, sse


def test_equal_pictures_have_no_error():
    images = torch.rand(3, 3, 8, 8)
    assert torch.equal(sse(images, images), torch.zeros(3))


def test_errors_are_sums_over_pixels_and_channels_of_each_image():
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


def test_half_sse_at_beta_1_is_half_of_sse_at_beta_2():
    model = build(PaperFirstSettings(size=8, latent=4)).eval()
    images, noise = torch.rand(5, 3, 8, 8), torch.randn(5, 4)
    first, second = (
        Elbo(settings)(model, images, noise)["loss"]
        for settings in (
            ElboSettings(reconstruction="half_sse", beta=1),
            ElboSettings(reconstruction="sse", beta=2),
        )
    )
    torch.testing.assert_close(2 * first, second)


def test_figures_say_their_scale():
    assert ElboSettings().scale == "Σ(x−x̂)² + KL"
    assert ElboSettings(reconstruction="half_sse", beta=4).scale == "½Σ(x−x̂)² + 4·KL"
