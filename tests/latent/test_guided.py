import numpy as np
import pytest
import torch
from lik.latent.calibration import calibrate, strengths_to

from lik.core.errors import UnusableInput
from lik.latent.guided import Guidance, Guide, guide


def decode(codes):
    """Codes (B, 3) → images (B, 3, 4, 4): each number is the brightness of one channel."""
    return codes[:, :, None, None].expand(-1, -1, 4, 4) / 10 + 0.5


def network(images):
    """Logits that mix the first two channels: a linear direction cannot be read off one of them."""
    means = (images.mean(dim=(2, 3)) - 0.5) * 10
    return torch.stack([means[:, 0] + means[:, 1], means[:, 1]], dim=1)


GUIDE = Guide(network, np.ones(2))
SCALE = np.ones(3, np.float32)


def walk(codes, signs, distance=4.0, ceiling=(1.0, 2.0), **options):
    return guide(
        codes, decode, [GUIDE], 0, np.asarray(signs), distance, SCALE, ceiling=ceiling, **options
    )


def test_the_target_reaches_the_ceiling_and_the_rest_stays():
    codes = np.array([[-1, 0, 0], [1, 0.3, 2]], np.float32)
    guidance = Guidance(pixels=0.0, length=0.0)
    end = torch.from_numpy(walk(codes, [1, -1], guidance=guidance).end)
    before, after = network(decode(torch.from_numpy(codes))), network(decode(end))
    np.testing.assert_allclose(after[:, 0], [2, -2], atol=0.5)
    np.testing.assert_allclose(after[:, 1], before[:, 1], atol=0.3)


def test_without_a_ceiling_all_faces_go_the_same_distance():
    codes = np.array([[-1, 0, 0], [3, 0, 0]], np.float32)
    guidance = Guidance(pixels=0.0, length=0.0)
    end = walk(codes, [1, 1], 1.5, ceiling=None, guidance=guidance).end
    logits = [network(decode(torch.from_numpy(where)))[:, 0].numpy() for where in (codes, end)]
    np.testing.assert_allclose(logits[1] - logits[0], 1.5, atol=0.3)


def test_a_far_face_goes_no_further_than_the_distance():
    codes = np.array([[-9, 0, 0], [-1, 0, 0]], np.float32)
    way = walk(codes, [1, 1], 3.0, stops=3)
    np.testing.assert_allclose(way.distances, [1.1, 2.2, 3.0], atol=0.1)
    reached = network(decode(torch.from_numpy(way.end)))[:, 0].numpy()
    np.testing.assert_allclose(reached, [-6, 2], atol=0.6)


def test_a_face_that_is_there_already_stays_to_the_bit():
    codes = np.array([[3.0, 0.1, -0.2], [-1, 0, 0]], np.float32)
    end = walk(codes, [1, 1]).end
    np.testing.assert_array_equal(end[0], codes[0])
    assert not np.array_equal(end[1], codes[1])


def test_the_way_has_stops_that_lead_on_and_the_same_seed_goes_the_same_way():
    codes = np.array([[-1, 0, 0]], np.float32)
    way = walk(codes, [1], stops=6, seed=3)
    assert way.codes.shape == (6, 1, 3)
    reached = network(decode(torch.from_numpy(way.codes[:, 0])))[:, 0]
    assert (np.diff(reached) > -1e-2).all()
    np.testing.assert_array_equal(way.codes, walk(codes, [1], stops=6, seed=3).codes)


def test_more_steps_are_shorter_and_lead_the_same_way():
    assert Guidance.in_steps(Guidance().steps) == Guidance()
    many = Guidance.in_steps(240)
    assert many.steps == 240
    assert many.steps * many.rate == pytest.approx(Guidance().steps * Guidance().rate)


def test_the_ceiling_rises_late():
    codes = np.array([[-9.0, 0, 0], [0, 0, 0]], np.float32)  # the second is below the ceiling
    way = walk(codes, [1, 1], 20.0, ceiling=(0.5, 2.5), stops=9, guidance=Guidance(steps=180))
    reached = np.array([network(decode(torch.from_numpy(stop)))[1, 0].item() for stop in way.codes])
    share = np.minimum(1, np.arange(1, 10) / 8.1)
    np.testing.assert_allclose(reached[2:], (0.5 + 2 * share**3)[2:], atol=0.3)


def test_a_guide_is_needed():
    with pytest.raises(UnusableInput, match="need a network"):
        guide(np.zeros((1, 3), np.float32), decode, [], 0, np.ones(1), 1.0, SCALE)


def test_a_shared_direction_is_kept_to_where_nothing_speaks_against_it():
    codes = np.array([[-1, 0, 0]], np.float32)
    along = np.array([1, 0, 1], np.float32)  # the third number is nothing to the network
    free = walk(codes, [1]).end[0] - codes[0]
    led = walk(codes, [1], along=along).end[0] - codes[0]
    assert abs(free[2]) < 0.1 * abs(free[0])
    assert led[2] > 0.5 * led[0] > 0
    np.testing.assert_array_equal(walk(codes, [1], along=0 * along).end[0] - codes[0], free)


def test_networks_take_turns():
    asked = []

    def told(name):
        return Guide(lambda images: asked.append(name) or network(images), np.ones(2))

    pair = [told("first"), told("second")]
    guide(np.array([[-1, 0, 0]], np.float32), decode, pair, 0, np.ones(1), 4.0, SCALE)
    assert asked[-4:] in (["first", "second"] * 2, ["second", "first"] * 2)


def judge(codes):
    return 2 * codes[:, 0]


def test_strength_one_takes_the_median_face_from_without_to_with():
    random = np.random.default_rng(0)
    lacking = random.standard_normal((200, 2)).astype(np.float32) - [2, 0]
    having = random.standard_normal((200, 2)).astype(np.float32) + [1, 0]
    vector = np.array([5, 0], np.float32)
    found = calibrate(vector, lacking.astype(np.float32), having.astype(np.float32), judge)
    wanted = np.median(having[:, 0]) - np.median(lacking[:, 0])
    assert found.length == pytest.approx(wanted, abs=0.05)
    assert found.complete
    assert found.without < 0.1 < 0.8 < found.having
    away = calibrate(-vector, lacking.astype(np.float32), having.astype(np.float32), judge)
    assert not away.complete


def test_every_face_goes_as_far_as_its_own_prediction_needs():
    codes = np.array([[-1.0, 0], [0.2, 0], [3, 0], [-20, 0]], np.float32)
    vector = np.array([2, 0], np.float32)
    strengths = strengths_to(codes, vector, judge, 0.9)
    ends = 1 / (1 + np.exp(-judge(codes + strengths[:, None] * vector)))
    np.testing.assert_allclose(ends[:3], 0.9, atol=0.01)
    assert strengths[2] < 0 < strengths[0]
    assert strengths[3] == pytest.approx(3, abs=0.01)  # out of reach
    with pytest.raises(UnusableInput, match="between 0 and 1"):
        strengths_to(codes, vector, judge, 1.0)
