import numpy as np
import pytest
import torch

from lik.core.errors import UnusableInput
from lik.core.pixels import to_float, to_uint8


def test_pixels_there_and_back_are_the_same():
    pictures = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    images = to_float(pictures)
    assert images.shape == (1, 3, 16, 16)
    assert images.min() == 0
    assert images.max() == 1
    np.testing.assert_array_equal(to_uint8(images), pictures)


def test_values_outside_the_range_are_clipped():
    assert to_uint8(torch.tensor([-0.5, 0.5, 2.0]).reshape(1, 3, 1, 1)).tolist() == [
        [[[0, 128, 255]]]
    ]


@pytest.mark.parametrize("wrong", [np.zeros((2, 8, 8, 3)), np.zeros((8, 8, 3), np.uint8)])
def test_other_types_and_shapes_are_refused(wrong):
    with pytest.raises(UnusableInput, match="uint8"):
        to_float(wrong)
