import pytest
import torch

from lik.core.errors import UnusableInput
from lik.models.catalogue import RefinedSettings, build
from lik.models.paper import PaperFirstSettings
from lik.models.refiner import BINOMIAL, Refiner, RefinerSettings, filtered

SETTINGS = RefinedSettings(size=32, base=PaperFirstSettings(size=32, latent=5))


def test_a_fresh_refiner_smooths_and_adds_nothing():
    refiner = Refiner(RefinerSettings(), 5)
    decodings = torch.full((2, 3, 32, 32), 0.3)
    assert torch.allclose(refiner(decodings, torch.randn(2, 5)), decodings)


def test_a_lattice_of_two_pixels_is_gone_by_construction():
    x = torch.arange(32) % 2 * 0.2
    refiner = Refiner(RefinerSettings(), 5)
    for lattice in (x[None, :] + 0 * x[:, None], x[:, None] + 0 * x[None, :], x[:, None] + x):
        smooth = refiner(lattice.expand(1, 3, 32, 32), torch.randn(1, 5))
        assert smooth[..., 1:-1, 1:-1].std() < 1e-6


def test_coarse_parts_the_outermost_pixels_and_colours_are_the_bases_of_a_grey_one():
    refiner, decodings = Refiner(RefinerSettings(), 5, smooth=False), torch.rand(2, 3, 32, 32)
    torch.nn.init.constant_(refiner.last.bias, 0.3)
    assert torch.allclose(refiner(decodings, torch.randn(2, 5)), decodings, atol=1e-6)
    torch.nn.init.normal_(refiner.last.weight, std=0.3)
    added = refiner(decodings, torch.randn(2, 5)) - decodings
    assert added.abs().mean() > 0.02
    assert torch.allclose(added, added[:, :1].expand(-1, 3, -1, -1), atol=1e-6)
    assert added[..., 1:-1, 1:-1].mean(dim=(2, 3)).abs().max() < 0.2 * added.abs().mean()
    for line in (added[..., 0], added[..., -1], added[..., 0, :], added[..., -1, :]):
        assert not line.any()


def twins(*settings):
    """Refiners of such settings, in use, with the same weights."""
    made = [Refiner(RefinerSettings(**each), 5, smooth=False).eval() for each in settings]
    torch.nn.init.normal_(made[0].last.weight, std=0.3)
    for other in made[1:]:
        other.load_state_dict(made[0].state_dict())
    return made


def test_what_is_added_to_colours_counts_less_than_to_luminance():
    less, colours = twins({"colour": 0.5}, {"colour": 1})
    decodings, codes = torch.rand(2, 3, 32, 32), torch.randn(2, 5)
    half, whole = (refiner(decodings, codes) - decodings for refiner in (less, colours))
    means = half.mean(dim=1, keepdim=True), whole.mean(dim=1, keepdim=True)
    assert torch.allclose(*means, atol=1e-6)
    assert (whole - means[1]).abs().mean() > 0.02
    assert torch.allclose(half - means[0], 0.5 * (whole - means[1]), atol=1e-6)


def test_the_finest_part_of_what_is_added_counts_more_in_use_alone():
    plain, crisp = twins({"crisp": 0}, {"crisp": 0.5})
    decodings, codes = torch.rand(4, 3, 32, 32), torch.randn(4, 5)
    less, more = (refiner(decodings, codes) - decodings for refiner in (plain, crisp))
    finest = less - filtered(less, BINOMIAL)
    inside = ..., slice(5, -5), slice(5, -5)
    assert finest.abs().mean() > 0.02
    assert torch.allclose(more[inside], (less + 0.5 * finest)[inside], atol=1e-6)
    assert torch.equal(crisp.train()(decodings, codes), plain.train()(decodings, codes))


def test_encoder_and_codes_are_those_of_the_base():
    model = build(SETTINGS).eval()
    images = torch.rand(3, 3, 32, 32)
    assert torch.equal(model.encode(images).mean, model.base.encode(images).mean)
    assert model.noise_width == model.base.noise_width
    assert model.decoder(torch.randn(2, 5)).shape == (2, 3, 32, 32)


def test_an_enlarging_refiner_sees_half_and_makes_twice_the_pixels():
    model = build(RefinedSettings(size=64, base=SETTINGS)).eval()
    images, codes = torch.rand(3, 3, 64, 64), torch.randn(2, 5)
    halves = torch.nn.functional.avg_pool2d(images, 2)
    assert torch.equal(model.encode(images).mean, model.base.encode(halves).mean)
    decodings, blurred = model.decode_both(codes)
    assert decodings.shape == blurred.shape == (2, 3, 64, 64)
    assert torch.equal(decodings, model.decode(codes))
    # A fresh one adds nothing: averaged down again, the picture is that of the base.
    again = torch.nn.functional.avg_pool2d(decodings, 2)
    assert (again - model.base.decode(codes)).abs().mean() < 0.01


@pytest.mark.parametrize("size", [16, 48, 96])
def test_a_size_that_is_neither_the_bases_nor_twice_it_is_refused(size):
    with pytest.raises(UnusableInput, match="at that size or at twice of it"):
        build(RefinedSettings(size=size, base=SETTINGS.base))


def test_the_code_changes_what_is_added():
    refiner = Refiner(RefinerSettings(), 5)
    torch.manual_seed(0)
    for weight in refiner.parameters():
        weight.data.add_(0.05 * torch.randn_like(weight))
    decodings = torch.rand(1, 3, 32, 32)
    first, second = (refiner(decodings, code) for code in torch.randn(2, 1, 5))
    assert (first - second).abs().max() > 1e-4


def test_sizes_that_cannot_be_halved_are_refused():
    refiner = RefinerSettings(widths=(8, 8, 8, 8), blocks=(1, 1, 1, 1))
    base = PaperFirstSettings(size=24, latent=5)
    with pytest.raises(UnusableInput, match="multiple of 16"):
        build(RefinedSettings(size=24, base=base, refiner=refiner))
