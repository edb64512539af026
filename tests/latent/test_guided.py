import numpy as np
import pytest
import torch

from lik.core.errors import UnusableInput
from lik.latent.directions.direction import LENGTHS, calibrate, stepped, strengths_to
from lik.latent.guided import Classifier, GuidanceSettings, guided_trajectory, marked_steps


def decode(codes):
    """Codes (B, D) → images (B, 3, 4, 4): each of three numbers is the brightness of a channel."""
    return codes[:, :3, None, None].expand(-1, -1, 4, 4) / 10 + 0.5


def network(images):
    """Logits that mix the first two channels: a linear direction cannot be read off one of them."""
    means = (images.mean(dim=(2, 3)) - 0.5) * 10
    return torch.stack([means[:, 0] + means[:, 1], means[:, 1]], dim=1)


CLASSIFIER = Classifier(network, np.ones(2))
LATENT = 400
"""So many numbers that a step of a few does not lengthen a code."""
SCALE = np.ones(LATENT, np.float32)


def widened(codes):
    return np.pad(codes, [(0, 0)] * (codes.ndim - 1) + [(0, LATENT - codes.shape[-1])])


def trajectory(
    codes, signs, along=None, classifiers=(CLASSIFIER,), stops=20, stretch=1.0, seed=0, **settings
):
    """Codes (N, 3), of which the rest is nothing → (stops, N, 3) towards logits of 1 to 2."""
    given = {"distance": 4.0, "max_logit_first": 1.0, "pixel_weight": 0.0, "code_weight": 0.0}
    return guided_trajectory(
        widened(codes), decode, classifiers, 0, np.asarray(signs), SCALE,
        None if along is None else widened(along),
        GuidanceSettings(**{**given, **settings}), stops, stretch, seed,
    )[:, :, :3]  # fmt: skip


def logits(codes):
    return network(decode(torch.from_numpy(codes))).numpy()


def test_the_target_reaches_its_level_and_the_rest_is_preserved():
    codes = np.array([[-1, 0, 0], [1, 0.3, 2]], np.float32)
    end = trajectory(codes, [1, -1])[-1]
    np.testing.assert_allclose(logits(end)[:, 0], [2, -2], atol=0.5)
    np.testing.assert_allclose(logits(end)[:, 1], logits(codes)[:, 1], atol=0.3)


def test_a_far_face_goes_no_further_than_the_distance():
    codes = np.array([[-9, 0, 0], [-1, 0, 0]], np.float32)
    end = trajectory(codes, [1, 1], distance=3.0)[-1]
    np.testing.assert_allclose(logits(end)[:, 0], [-6, 2], atol=0.6)


def test_codes_stay_on_their_shell():
    codes = np.random.default_rng(0).normal(size=(50, LATENT)).astype(np.float32)
    end = guided_trajectory(
        codes, decode, [CLASSIFIER], 0, np.ones(50), SCALE, SCALE,
        GuidanceSettings(distance=30.0, max_logit=30.0, code_weight=0.0, residual_weight=0.0),
    )[-1]  # fmt: skip
    assert np.linalg.norm(end - codes, axis=1).mean() > 5
    assert np.square(end).mean() == pytest.approx(np.square(codes).mean(), rel=0.03)


def test_a_face_that_is_there_already_stays_to_the_bit():
    codes = np.array([[3.0, 0.1, -0.2], [-1, 0, 0]], np.float32)
    end = trajectory(codes, [1, 1])[-1]
    np.testing.assert_array_equal(end[0], codes[0])
    assert not np.array_equal(end[1], codes[1])


def test_stops_lead_on_and_the_same_seed_gives_the_same_trajectory():
    codes = np.array([[-1, 0, 0]], np.float32)
    stops = trajectory(codes, [1], stops=6, seed=3)
    assert stops.shape == (6, 1, 3)
    assert (np.diff([logits(stop)[0, 0] for stop in stops]) > -1e-2).all()
    np.testing.assert_array_equal(stops, trajectory(codes, [1], stops=6, seed=3))


def test_the_level_rises_late():
    codes = np.array([[0.0, 0, 0]], np.float32)
    settings = {"distance": 20.0, "max_logit_first": 0.5, "max_logit": 2.5, "steps": 180}
    stops = trajectory(codes, [1], stops=9, rate=0.03, **settings)
    share = np.minimum(1, np.sqrt(np.arange(1, 10) / 9) / 0.9)
    reached = np.array([logits(stop)[0, 0] for stop in stops])
    np.testing.assert_allclose(reached[2:], (0.5 + 2 * share**3)[2:], atol=0.3)


def test_stops_lie_where_something_is_seen_of_them():
    assert marked_steps(100, 4) == [50, 71, 87, 100]
    assert marked_steps(100, 4, 0.25) == [25, 35, 43, 50]  # a strength of 4 is now one of 1
    assert marked_steps(100, 4, 4) == [100] * 4  # and one of ½ is the end
    assert marked_steps(2, 2, 0.01) == [1, 1]


def test_a_stretched_trajectory_is_the_same_one_and_has_as_many_stops():
    codes = np.array([[-1, 0, 0]], np.float32)
    whole, short, long = (trajectory(codes, [1], stops=8, stretch=s) for s in (1.0, 0.5, 2.0))
    np.testing.assert_array_equal(short[1::2], whole[:4])
    np.testing.assert_array_equal(long[:4], whole[1::2])
    assert len(long) == 8
    np.testing.assert_array_equal(long[4:], whole[[-1] * 4])


def test_a_network_is_needed():
    with pytest.raises(UnusableInput, match="need a network"):
        trajectory(np.zeros((1, 3), np.float32), [1], classifiers=())


def test_a_shared_direction_is_kept_to_where_nothing_speaks_against_it():
    codes = np.array([[-1, 0, 0]], np.float32)
    along = np.array([1, 0, 1], np.float32)  # the third number is nothing to the network
    free = trajectory(codes, [1])[-1, 0] - codes[0]
    led = trajectory(codes, [1], along)[-1, 0] - codes[0]
    assert abs(free[2]) < 0.1 * abs(free[0])
    assert led[2] > 0.5 * led[0] > 0
    np.testing.assert_array_equal(trajectory(codes, [1], 0 * along)[-1, 0] - codes[0], free)


def test_networks_take_turns():
    asked = []

    def noted(name):
        return Classifier(lambda images: asked.append(name) or network(images), np.ones(2))

    trajectory(
        np.array([[-1, 0, 0]], np.float32), [1], classifiers=[noted("first"), noted("second")]
    )
    assert asked[-4:] in (["first", "second"] * 2, ["second", "first"] * 2)


def logit(codes):
    return 2 * codes[:, 0]


def along(vector, lacking, having, person=None):
    """How long a step along a vector is at strength 1."""
    unit = vector / np.linalg.norm(vector)
    return calibrate(
        lambda length: stepped(lacking, np.float32(length) * unit), LENGTHS, having, logit, person
    )


def test_at_strength_one_nine_of_ten_without_a_trait_show_it_plainly():
    random = np.random.default_rng(0)
    lacking, having = (
        (random.standard_normal((200, 64)) + shift * np.eye(64)[0]).astype(np.float32)
        for shift in (-2, 1)
    )
    vector = 5 * np.eye(64, dtype=np.float32)[0]
    found = along(vector, lacking, logit(having))
    plain = np.quantile(having[:, 0], 0.25)
    moved = stepped(lacking, vector / 5 * np.float32(found.length))
    assert np.quantile(moved[:, 0], 0.1) == pytest.approx(plain, abs=0.05)
    assert found.plain == pytest.approx(0.9, abs=0.02)
    assert found.reached == pytest.approx((moved[:, 0] > 0).mean(), abs=0.01)
    assert found.complete
    assert found.without < 0.1 < 0.7 < found.having
    other = along(-vector, lacking, logit(having))
    assert not other.complete
    assert other.length == pytest.approx(LENGTHS[0], rel=1e-3)


def test_no_strength_makes_somebody_else_of_a_person():
    vector = np.eye(64, dtype=np.float32)[0]
    lacking = np.tile(-3 * vector, (50, 1))

    def person(codes):
        return float(np.abs(codes - lacking).sum(axis=1).mean()) / 2

    assert along(vector, lacking, np.ones(3), lambda codes: 0.5).complete
    found = along(vector, lacking, np.ones(3), person)
    assert found.person == pytest.approx(1, abs=0.01)
    assert found.length == pytest.approx(2, abs=0.05)
    assert found.reached == 0
    assert not found.complete


def test_every_face_goes_as_far_as_its_own_prediction_needs():
    vector = 2 * np.eye(64, dtype=np.float32)[0]
    codes = np.array([[-0.5], [0.1], [1.5], [-10]], np.float32) * vector
    strengths = strengths_to(codes, vector, logit, 0.9)
    ends = 1 / (1 + np.exp(-logit(stepped(codes, strengths[:, None] * vector))))
    np.testing.assert_allclose(ends[:3], 0.9, atol=0.01)
    assert strengths[2] < 0 < strengths[0]
    assert strengths[3] == pytest.approx(3, abs=0.01)  # out of reach
    with pytest.raises(UnusableInput, match="between 0 and 1"):
        strengths_to(codes, vector, logit, 1.0)
