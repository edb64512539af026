import math

import pytest
import torch

from lik.alignment.cuts import REFERENCE, EyePositions, Rng
from lik.alignment.model import Aligner, AlignerSettings, Sight
from lik.alignment.plan import Alignment, AlignmentSettings, transformed

PLACES = (0.37, 0.47, 0.61, 0.45)
EYES = EyePositions(torch.tensor(PLACES[:2]), torch.tensor(PLACES[2:]))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def dots(eyes, size=176):
    """Black pictures (1, 1, S, S), one with a bright dot for the left eye, one for the right."""
    middles = (torch.arange(size) + 0.5) / size
    pictures = []
    for point in (eyes.left, eyes.right):
        square = (middles[None, :] - point[0]) ** 2 + (middles[:, None] - point[1]) ** 2
        pictures.append(torch.exp(-square / (2 * 0.015**2))[None, None])
    return pictures


def centre_of_mass(cuts):
    size = cuts.shape[-1]
    middles = (torch.arange(size) + 0.5) / size
    weights = cuts[:, 0] / cuts.sum((1, 2, 3))[:, None, None]
    return torch.stack([(weights.sum(1) * middles).sum(1), (weights.sum(2) * middles).sum(1)], 1)


def random_transforms(count):
    rng = Rng(count, generator(), torch.device("cpu"))
    return transformed(
        EYES, rng.uniform(-0.6, 0.6), rng.log_uniform(0.8, 1.4), rng.uniform(-0.1, 0.1, 2),
        rng.chance(0.5),
    )  # fmt: skip


def test_the_targets_are_where_the_eyes_are():
    left, right = dots(EYES)
    cuts, targets = random_transforms(64)
    seen = [
        centre_of_mass(cuts.take(picture.expand(64, -1, -1, -1), 64)) for picture in (left, right)
    ]
    swapped = cuts.matrix.det() < 0
    assert 10 < swapped.sum() < 54
    first = torch.where(swapped[:, None], seen[1], seen[0])
    second = torch.where(swapped[:, None], seen[0], seen[1])
    torch.testing.assert_close(first, targets.left, atol=0.004, rtol=0)
    torch.testing.assert_close(second, targets.right, atol=0.004, rtol=0)
    assert (targets.left[:, 0] < targets.right[:, 0]).all()


def test_cuts_know_where_their_points_lie_in_the_picture():
    cuts, targets = random_transforms(16)
    swapped = (cuts.matrix.det() < 0)[:, None]
    left = torch.where(swapped, targets.right, targets.left)
    torch.testing.assert_close(cuts.in_picture(left), EYES.left.expand(16, 2))


def test_nothing_off_is_the_reference_frame():
    zeros, ones = torch.zeros(1), torch.ones(1)
    cuts, targets = transformed(REFERENCE, zeros, ones, torch.zeros(1, 2), torch.tensor([False]))
    torch.testing.assert_close(cuts.matrix[0], torch.eye(2))
    torch.testing.assert_close(cuts.offset[0], torch.zeros(2), atol=1e-6, rtol=0)
    torch.testing.assert_close(targets.left[0], REFERENCE.left)
    pictures = torch.rand(1, 1, 64, 64)
    plain = torch.nn.functional.avg_pool2d(
        torch.nn.functional.interpolate(pictures, scale_factor=2, mode="bilinear"), 2
    )
    torch.testing.assert_close(cuts.take(pictures, 64), plain, atol=1e-5, rtol=1e-5)


def test_a_turn_of_the_cut_turns_its_eyes_by_that_angle():
    angle = torch.tensor([0.3])
    _, eyes = transformed(REFERENCE, angle, torch.ones(1), torch.zeros(1, 2), torch.tensor([False]))
    x, y = (eyes.right - eyes.left)[0].tolist()
    assert math.atan2(y, x) == pytest.approx(0.3, abs=1e-6)


class Oracle:
    """Knows the targets, because it draws the same numbers."""

    def __init__(self, alignment, pictures, off=0.0):
        _, self.eyes = alignment.task(pictures, generator(5))
        self.off = off

    def look(self, cuts):
        count = len(cuts) // 2
        both = [torch.cat([eye, eye]) for eye in (self.eyes.left, self.eyes.right)]
        distance = torch.cat([self.eyes.distance] * 2)[:, None]
        face = torch.cat([torch.full((count,), 30.0), torch.full((count,), -30.0)])
        return Sight(both[0] + torch.tensor([self.off, 0.0]) * distance, both[1], face)


def test_the_loss_is_nothing_for_who_knows_and_else_the_error_in_eye_distances():
    alignment = Alignment(AlignmentSettings(), PLACES)
    images = torch.rand(14, 1, 32, 32).expand(-1, 3, -1, -1)
    right = alignment(Oracle(alignment, images[:, :1]), images, generator(5))
    torch.testing.assert_close(right["loss"], torch.zeros(14), atol=1e-6, rtol=0)
    wrong = alignment(Oracle(alignment, images[:, :1], off=1.0), images, generator(5))
    torch.testing.assert_close(wrong["eyes"], torch.full((14,), 0.5), atol=0.01, rtol=0)


@pytest.mark.parametrize("count", [1, 3, 7, 16])
def test_batches_of_any_size_give_terms_for_each_face(count):
    torch.manual_seed(0)
    alignment = Alignment(AlignmentSettings(face=2), PLACES)
    model = Aligner(AlignerSettings())
    images = torch.rand(count, 3, 24, 24)
    terms = alignment(model, images, generator())
    assert all(term.shape == (count,) for term in terms.values())
    torch.testing.assert_close(terms["loss"], terms["eyes"] + 2 * terms["face"])
    again = alignment(model, images, generator())
    assert all(torch.equal(again[name], term) for name, term in terms.items())


def test_light_changes_nothing_that_the_network_sees():
    torch.manual_seed(0)
    model = Aligner(AlignerSettings()).eval()
    cuts = torch.rand(4, 1, 64, 64) * 100
    torch.testing.assert_close(model(cuts), model(cuts + 50), atol=1e-4, rtol=0)
    torch.testing.assert_close(model(cuts), model(cuts * 2), atol=5e-2, rtol=0)
    assert model(torch.zeros(1, 1, 64, 64)).isfinite().all()
