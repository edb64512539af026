"""How far a guided face goes, and by what that is measured."""

import json

import numpy as np
import pytest
import torch
from lik.latent.guide_statistics import GuideStatistics, Medians, measure
from lik.latent.guided_ways import GuidedChanges, Way, distance_to
from torch import nn

from lik.core.errors import UnusableInput
from lik.latent.session import Session
from lik.models.catalogue import build
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


STATISTICS = GuideStatistics(
    {"red": 1.0, "green": 1.0},
    {"red": Medians(-0.1, 0.1)},
    [1.0] * 4,
    {"red": [1.0, 0.0, 0.0, 0.0]},
    {"model_sha256": "m"},
    {"n": [1.0, 2.0]},
)


def test_a_way_is_left_where_the_logit_has_moved_as_far_as_it_should():
    codes = np.array([[0.0, 0], [1, 0], [2, 4], [3, 4]], np.float32)
    way = Way(codes, np.array([0.0, 1, 3, 2]))
    np.testing.assert_allclose(way.at(0), codes[0])
    np.testing.assert_allclose(way.at(2), [1.5, 2])
    np.testing.assert_allclose(way.at(9), codes[2])  # out of reach: the farthest


@pytest.mark.parametrize("strength", [0.5, 1.0, -1.0])
def test_every_face_moves_as_far_as_the_medians_lie_apart(session, strength):
    changes = GuidedChanges(session, Channels(), STATISTICS)
    codes = session.draw(3, 1)
    moved = changes.moved(codes, "red", [strength])[:, 0]
    difference = changes.logits(moved, "red") - changes.logits(codes, "red")
    np.testing.assert_allclose(difference, strength * 0.2, atol=0.02)


def test_a_face_goes_its_way_whoever_stands_beside_it(session):
    changes = GuidedChanges(session, Channels(), STATISTICS)
    codes = session.draw(3, 1)
    together = changes.moved(codes, "red", [-1.0, 0.0, 1.0])
    np.testing.assert_array_equal(together[:, 1], codes)
    alone = changes.moved(codes[1:2], "red", [-1.0, 0.0, 1.0])
    np.testing.assert_array_equal(alone[0], together[1])


def test_strength_needs_a_network_that_tells_decodings_apart():
    with pytest.raises(UnusableInput, match="name a probability"):
        STATISTICS.distance("green")
    upside_down = GuideStatistics({"red": 1.0}, {"red": Medians(0.1, 0.1)}, [1.0], {}, {})
    with pytest.raises(UnusableInput, match="no more in decodings"):
        upside_down.distance("red")


def test_no_face_goes_beyond_where_the_median_face_arrives():
    def wanted(strength, logit):
        return STATISTICS.wanted("red", strength, logit)

    assert wanted(1, -0.1) == pytest.approx(0.2)  # the median face without it
    assert wanted(1, -0.5) == pytest.approx(0.2)  # one that has it less goes as far
    assert wanted(1, 0.05) == pytest.approx(0.05)
    assert wanted(1, 0.3) == 0
    assert wanted(2, 0.05) == pytest.approx(0.25)
    assert wanted(0.5, -0.1) == pytest.approx(0.1)
    assert wanted(-1, 0.1) == pytest.approx(-0.2)
    assert wanted(-1, -0.05) == pytest.approx(-0.05)
    assert wanted(-1, -0.3) == 0
    assert wanted(0, 0.0) == 0


def test_what_is_kept_is_what_is_found_again(tmp_path):
    assert GuideStatistics.load(tmp_path) is None
    path = STATISTICS.save(tmp_path)
    assert GuideStatistics.load(tmp_path) == STATISTICS
    path.write_text('{"format": "lik-guide", "version": 1, "attributes": [1]}')
    with pytest.raises(UnusableInput, match="broken"):
        GuideStatistics.load(tmp_path)
    content = json.loads(STATISTICS.save(tmp_path).read_text()) | {"beside": {"n": [1.0]}}
    path.write_text(json.dumps(content))
    with pytest.raises(UnusableInput, match="broken"):
        GuideStatistics.load(tmp_path)
    path.write_text('{"format": "lik-directions"}')
    with pytest.raises(UnusableInput, match="remove it"):
        GuideStatistics.load(tmp_path)


def test_some_attributes_are_measured_as_all_are(session, faces):
    class Known(Channels):
        attributes = (faces.attribute_names[0], "green")

    some = measure(session, Known(), faces, ["green"], {})
    every = measure(session, Known(), faces, list(Known.attributes), {})
    assert every.medians["green"] == some.medians["green"]
    assert (every.spread, every.scale) == (some.spread, some.scale)
    assert every.along == some.along
    assert set(every.along) == {faces.attribute_names[0], "green"}
    assert every.fingerprint == some.fingerprint
    labels = faces.attributes[faces.to_learn_from(), 0]
    codes = session.encode(faces.images[faces.to_learn_from()])
    logits = GuidedChanges(session, Known(), every).logits(codes, Known.attributes[0])
    medians = every.medians[Known.attributes[0]]
    assert medians.having == pytest.approx(np.median(logits[labels > 0]), rel=1e-3)
    assert medians.without == pytest.approx(np.median(logits[labels <= 0]), rel=1e-3)


def test_the_way_to_a_probability_is_counted_in_logits():
    assert distance_to(0.5, -2.0) == pytest.approx(2.0)
    with pytest.raises(UnusableInput, match="between 0 and 1"):
        distance_to(1.0, 0.0)
