import numpy as np
import pytest
import torch

from lik.core.batched import batches, slices, through


def test_batches_are_what_all_at_once_would_be_in_order():
    pictures = np.random.default_rng(0).integers(0, 256, (7, 2, 2, 3), dtype=np.uint8)
    codes, told = np.arange(7, dtype=np.float32), []
    made = through(
        lambda images, numbers: images.sum(dim=(1, 2, 3)) + numbers, pictures, codes,
        size=3, progress=lambda *how: told.append(how), stage="sums",
    )  # fmt: skip
    np.testing.assert_allclose(made, pictures.sum(axis=(1, 2, 3)) / 255 + codes, rtol=1e-6)
    assert told == [("sums", 3, 7), ("sums", 6, 7), ("sums", 7, 7)]


def test_nothing_gives_nothing_of_the_right_shape():
    assert [*slices(0)] == [slice(0, 256)]
    layer = torch.nn.Linear(4, 2)
    assert through(layer, np.zeros((0, 4), np.float32)).shape == (0, 2)


def test_gradients_are_off_inside_and_as_they_were_outside():
    layer = torch.nn.Linear(4, 2)
    for made in batches(layer, np.zeros((5, 4), np.float32), size=2):
        assert not made.requires_grad
        assert torch.is_grad_enabled()
    with pytest.raises(RuntimeError):
        made.sum().backward()
