import pytest
import torch
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    structural_similarity_index_measure,
)

from lik.objectives.similarity import ms_ssim, scale_exponents, ssim


def pairs(size, noise):
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(3, 3, size // 8, size // 8, generator=generator)
    images = torch.nn.functional.interpolate(images, size=(size, size), mode="bilinear")
    return images, (images + noise * torch.randn(images.shape, generator=generator)).clamp(0, 1)


@pytest.mark.parametrize("size", [16, 64])
@pytest.mark.parametrize("noise", [0.02, 0.3])
def test_ssim_is_that_of_torchmetrics(size, noise):
    images, others = pairs(size, noise)
    expected = structural_similarity_index_measure(others, images, data_range=1.0, reduction="none")
    torch.testing.assert_close(ssim(images, others), expected, atol=2e-5, rtol=0)


@pytest.mark.parametrize(("size", "scales"), [(64, 3), (32, 2), (96, 3), (99, 4), (176, 5)])
def test_ms_ssim_is_that_of_torchmetrics(size, scales):
    images, others = pairs(size, 0.1)
    exponents = scale_exponents(size)
    assert len(exponents) == scales
    assert sum(exponents) == pytest.approx(1)
    expected = multiscale_structural_similarity_index_measure(
        others, images, data_range=1.0, betas=exponents, reduction="none", normalize="relu"
    )
    torch.testing.assert_close(ms_ssim(images, others), expected, atol=2e-5, rtol=0)


@pytest.mark.parametrize("index", [ssim, ms_ssim])
def test_equal_pictures_are_wholly_alike_and_others_less(index):
    images, others = pairs(64, 0.1)
    torch.testing.assert_close(index(images, images), torch.ones(3), atol=1e-5, rtol=0)
    assert (index(images, others) < 0.98).all()


def test_opposite_pictures_have_a_finite_gradient():
    images = torch.rand(2, 3, 32, 32)
    others = (1 - images).requires_grad_()
    value = ms_ssim(images, others)
    value.sum().backward()
    assert value.tolist() == [0.0, 0.0]
    assert torch.isfinite(others.grad).all()
