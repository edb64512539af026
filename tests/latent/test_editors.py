"""Editors: the same protocol for both, and the identities that edits live by."""

import numpy as np
import pytest
import torch
from torch import nn

from lik.core.errors import UnusableInput
from lik.latent.directions.direction import Calibration, Direction, DirectionSet, stepped
from lik.latent.editing import GuidedEditor, LinearEditor, place_on
from lik.latent.guided import GuidanceSettings, GuidedStatistics
from lik.latent.session import Session
from lik.models.catalogue import build
from lik.models.code_network import CodeNetwork, CodeNetworkSettings
from lik.models.paper import PaperFirstSettings


class Channels(nn.Module):
    """A network whose logits are how red, and how green, the pictures are."""

    attributes = ("red", "green")
    size = 16

    def forward(self, images):
        return 1000 * (images.mean(dim=(2, 3))[:, :2] - 0.5)


@pytest.fixture(scope="module")
def session():
    torch.manual_seed(0)
    return Session(build(PaperFirstSettings(size=16, latent=4)), {}, "toy")


STATISTICS = GuidedStatistics(
    encoder_sha256="m", faces_sha256="f", faces="faces", attributes=("red", "green"),
    scale=(1.0,) * 4, along={"red": (1.0, 0.0, 0.0, 0.0)}, stds={"n": (0.2, 0.2)}, paths={},
)  # fmt: skip


def linear(calibrated=False):
    vector = np.array([1, 0, 2, 0], np.float32)
    calibration = Calibration(length=1, without=0, having=1, reached=1, plain=1)
    found = DirectionSet(
        "joint", {"red": Direction("red", vector, "")}, {"red": calibration} if calibrated else {}
    )
    return LinearEditor("joint", lambda: found, 4, lambda name: lambda codes: codes[:, 0])


def reading_codes():
    """A network that reads codes, as it is loaded."""
    torch.manual_seed(0)
    settings = CodeNetworkSettings(latent=4, attributes=STATISTICS.attributes, widths=(16,))
    return CodeNetwork(settings).double().requires_grad_(False)


@pytest.fixture(scope="module", params=["linear", "guided", "guided by codes"])
def editor(request, session):
    if request.param == "linear":
        return linear()
    settings = GuidanceSettings(steps=40, rate=0.1)
    if request.param == "guided by codes":
        return GuidedEditor(session, {"n": reading_codes()}, STATISTICS, settings)
    return GuidedEditor(session, {"n": Channels()}, STATISTICS, settings)


def test_strength_0_is_the_code_itself_and_k_strengths_are_k_codes(editor, session):
    codes = session.draw(3, 1)
    moved = editor.moved(codes, "red", [-1.0, 0.0, 0.5, 1.0])
    assert moved.shape == (3, 4, 4)
    np.testing.assert_array_equal(moved[:, 1], codes)
    assert (moved[:, [0, 3]] != codes[:, None]).any(axis=(1, 2)).all()  # up, down, or both
    np.testing.assert_array_equal(editor.moved(codes, "red", [1.0])[:, 0], moved[:, 3])


def test_a_face_goes_its_way_whoever_stands_beside_it(editor, session):
    codes = session.draw(3, 1)
    together = editor.moved(codes, "red", [-1.0, 1.0])
    np.testing.assert_allclose(
        editor.moved(codes[1:2], "red", [-1.0, 1.0])[0], together[1], atol=1e-3
    )


def test_guided_by_codes_a_face_is_the_same_to_the_bit_whoever_stands_beside_it(session):
    editor = GuidedEditor(session, {"n": reading_codes()}, STATISTICS)
    assert editor.reader
    assert editor.settings == GuidanceSettings.reading_codes()
    codes = session.draw(40, 1)
    together = editor.moved(codes, "red", [1.0])
    alone = [editor.moved(code[None], "red", [1.0]) for code in codes]
    np.testing.assert_array_equal(np.concatenate(alone), together)
    up = editor.logits(together[:, 0], "red") - editor.logits(codes, "red")
    assert (up >= 0).all()
    assert up.max() > 0.1


def test_what_reads_codes_guides_alone(session):
    with pytest.raises(UnusableInput, match="alone"):
        GuidedEditor(session, {"n": reading_codes(), "m": Channels()}, STATISTICS)


def test_a_calibrated_strength_is_another_one_on_the_same_trajectory(session):
    found = Calibration(length=0.5, without=0, having=1, reached=1, plain=1)
    away = found.model_copy(update={"length": 0.25})
    told = STATISTICS.model_copy(update={"calibrations": {"red": found}, "away": {"red": away}})
    plain, calibrated = (
        GuidedEditor(session, {"n": reading_codes()}, one) for one in (STATISTICS, told)
    )
    codes = session.draw(3, 1)
    one = calibrated.moved(codes, "red", [0.4, 1.0, 2.0, -1.0])
    np.testing.assert_array_equal(one, plain.moved(codes, "red", [0.2, 0.5, 1.0, -0.25]))
    assert (plain.reach, calibrated.reach) == (1.0, 1.5)
    assert plain.measured != calibrated.measured
    np.testing.assert_array_equal(
        calibrated.uncalibrated().moved(codes, "red", [0.4, -1.0]),
        plain.moved(codes, "red", [0.4, -1.0]),
    )
    assert calibrated.length("red", 1) == 0.5
    other = GuidanceSettings(steps=50)
    assert GuidedEditor(session, {"n": reading_codes()}, told, other).length("red", 1) == 1.0
    looking = GuidedEditor(session, {"n": Channels()}, told)
    assert looking.measured == GuidedEditor(session, {"n": Channels()}, STATISTICS).measured
    assert (looking.length("red", 1), looking.reach) == (1.0, 1.0)


def test_an_unknown_attribute_names_the_nearest(editor):
    with pytest.raises(UnusableInput, match="'red'"):
        editor.require("reds")


def test_linear_edits_step_along_the_direction_and_codes_keep_their_length():
    codes = np.ones((2, 4), np.float32)
    place = linear().moved(codes, "red", [2.0])[0, 0]  # the step is (2, 0, 4, 0), of square 20
    np.testing.assert_allclose(place, np.array([3, 1, 5, 1]) / np.sqrt(1 + 20 / 4), rtol=1e-6)
    np.testing.assert_allclose(linear().moved(codes, "dimension:3", [-1.0])[1, 0], [1, 1, 1, 0])
    for name, words in (("dimension:4", "no latent dimension 4"), ("dimension:x", "no dimension")):
        with pytest.raises(UnusableInput, match=words):
            linear().moved(codes, name, [1.0])
    assert linear().reach == 2.0
    assert linear(calibrated=True).reach == 1.5


def test_several_strengths_are_one_step_whatever_their_order_and_dimensions_come_on_top():
    codes = np.ones((2, 4), np.float32)
    vectors = {"red": np.float32([1, 0, 2, 0]), "green": np.float32([0, 3, 1, 0])}
    found = DirectionSet("joint", {name: Direction(name, v, "") for name, v in vectors.items()})
    editor = LinearEditor("joint", lambda: found, 4)
    strengths = {"red": 2.0, "dimension:3": -1.0, "green": -1.0, "dimension:1": 0.5}
    place = editor.moved_by(codes, strengths)
    step = np.array([2, -3, 3, 0])  # of square 22
    expected = (1 + step) / np.sqrt(1 + 22 / 4) + [0, 0.5, 0, -1]
    np.testing.assert_allclose(place, np.tile(expected, (2, 1)), rtol=1e-6)
    turned = editor.moved_by(codes, dict(reversed(strengths.items())))
    np.testing.assert_allclose(turned, place, rtol=1e-6)
    np.testing.assert_array_equal(editor.moved_by(codes, {"red": 0.0}), codes)


def test_steps_preserve_the_mean_square_of_the_lengths_of_codes():
    codes = np.random.default_rng(0).normal(size=(2000, 64)).astype(np.float32)
    for length in (1.0, 6.0, 12.0, 100.0):
        step = np.zeros(64, np.float32)
        step[5] = length
        assert (stepped(codes, step) ** 2).sum(axis=1).mean() == pytest.approx(64, rel=0.02)
    ends = stepped(np.zeros((1, 64), np.float32), step)
    assert np.linalg.norm(ends) == pytest.approx(8, rel=0.01)  # no step leads beyond the shell


def test_each_face_goes_as_far_as_its_own_probability_needs():
    codes = np.array([[-1.0, 5, 0, 0], [0.5, 5, 0, 0], [4.0, 5, 0, 0], [-3.0, 5, 0, 0]], np.float32)
    vector = linear().direction("red").vector
    seen = lambda name: lambda codes: 5 * codes[:, 0]  # noqa: E731
    editor = LinearEditor("joint", linear()._open_set, 4, seen)
    moved = editor.moved_to(codes, "red", 0.9)
    np.testing.assert_allclose(1 / (1 + np.exp(-5 * moved[:3, 0])), 0.9, atol=3e-3)
    farthest = stepped(codes[3:], 3 * vector)  # 3 times the direction is the most
    np.testing.assert_allclose(moved[3:], farthest, atol=0.01)
    without = LinearEditor("joint", linear()._open_set, 4)
    with pytest.raises(UnusableInput, match="needs a network"):
        without.moved_to(codes, "red", 0.9)


def test_guided_faces_reach_a_probability(session):
    editor = GuidedEditor(
        session, {"n": Channels()}, STATISTICS, GuidanceSettings(steps=40, rate=0.1)
    )
    codes = session.draw(3, 2)
    level = float(editor.logits(codes, "red").mean())
    probability = 1 / (1 + np.exp(-level))
    moved = editor.moved_to(codes, "red", probability)
    np.testing.assert_allclose(editor.logits(moved, "red"), level, atol=0.02)


def test_a_place_on_a_trajectory():
    trajectory = np.array([[[0.0, 0]], [[1, 0]], [[1, 2]]], np.float32)
    for share, place in ((0, (0, 0)), (0.25, (0.5, 0)), (0.75, (1, 1)), (1, (1, 2)), (3, (1, 2))):
        np.testing.assert_allclose(place_on(trajectory, share)[0], place)


def test_statistics_come_back_as_they_were_and_broken_ones_are_refused(tmp_path):
    assert GuidedStatistics.load(tmp_path) is None
    file = STATISTICS.save(tmp_path)
    assert GuidedStatistics.load(tmp_path) == STATISTICS
    whole = file.read_text()
    for content, words in (
        ('{"format": "lik-directions"}', "remove it"),
        (whole.replace('"version": 2', '"version": 9'), "version 9"),
        (whole.replace('"scale": [', '"scale": ["x", '), "scale"),
    ):
        file.write_text(content)
        with pytest.raises(UnusableInput, match=words):
            GuidedStatistics.load(tmp_path)


def test_what_an_edit_is_measured_by_is_of_the_networks_that_guide_it():
    more = STATISTICS.model_copy(update={"stds": {**STATISTICS.stds, "m": (1.0, 1.0)}})
    assert more.fingerprint(["n"]) == STATISTICS.fingerprint(["n"])
    assert more.fingerprint(["m"]) != more.fingerprint(["n"])
