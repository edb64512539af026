import numpy as np
import pytest
import torch

from lik.core.errors import UnusableInput
from lik.core.pixels import to_float
from lik.evaluation.networks import distance_of_maps, feature_distance
from lik.models.classifier import PlainSettings, build_classifier


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    settings = PlainSettings(size=16, attributes=("a",), widths=(8, 8, 8))
    return build_classifier(settings).eval().features


def test_equal_pictures_have_no_distance(network, drawn_pictures):
    assert not feature_distance(drawn_pictures, drawn_pictures, network).any()


def test_it_is_the_same_both_ways_and_grows_with_the_difference(network, drawn_pictures):
    noise = np.random.default_rng(0).normal(size=drawn_pictures.shape)
    little, much = (
        np.clip(drawn_pictures + scale * noise, 0, 255).astype(np.uint8) for scale in (8, 64)
    )
    near = feature_distance(drawn_pictures, little, network)
    far = feature_distance(drawn_pictures, much, network)
    assert near.shape == (8,)
    assert (near > 0).all()
    assert (far > 2 * near).all()
    assert (far <= 2).all()
    back = feature_distance(much, drawn_pictures, network)
    np.testing.assert_allclose(back, far, rtol=1e-5)


def test_each_pair_by_itself_whatever_the_kind_of_arrays(network, drawn_pictures):
    first = np.concatenate([drawn_pictures] * 20)
    second = np.roll(first, 3, axis=0)
    together = feature_distance(first, second, network)
    images = to_float(second)
    np.testing.assert_allclose(feature_distance(first, images, network), together)
    alone = feature_distance(first[150:151], second[150:151], network)
    np.testing.assert_allclose(alone, together[150:151], rtol=1e-4)


def test_by_hand():
    """Perpendicular vectors are √2 apart, and the strength of a response counts for nothing."""
    one = [torch.tensor([3.0, 0.0]).view(1, 2, 1, 1), torch.tensor([0.0, 5.0]).view(1, 2, 1, 1)]
    other = [torch.tensor([0.0, 7.0]).view(1, 2, 1, 1), torch.tensor([0.0, 1.0]).view(1, 2, 1, 1)]
    torch.testing.assert_close(distance_of_maps(one, other), torch.tensor([1.0]))
    nothing = [torch.zeros(1, 2, 1, 1)] * 2
    assert distance_of_maps(nothing, nothing) == 0


def test_pictures_that_do_not_pair_are_refused(network, drawn_pictures):
    with pytest.raises(UnusableInput, match="one by one"):
        feature_distance(drawn_pictures, drawn_pictures[:3], network)
