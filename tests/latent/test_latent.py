import numpy as np
import pytest
import torch

import lik
from lik.app.traversal import equal_steps, set_dimension
from lik.core.artifacts import write_json
from lik.core.errors import UnusableInput
from lik.core.pixels import to_float
from lik.latent.directions.direction import dimension, most_informative, separation
from lik.latent.directions.methods import difference_of_means
from lik.latent.projection import project
from lik.latent.session import Session, logits_of_pictures
from lik.models.catalogue import build
from lik.models.classifier import PlainSettings, build_classifier
from lik.models.paper import PaperFirstSettings
from lik.models.saved import save_model


@pytest.fixture
def session():
    return Session(build(PaperFirstSettings(size=16, latent=6)), {}, "toy")


def test_arrays_in_and_arrays_out(session, drawn_pictures):
    codes = session.encode(drawn_pictures)
    assert codes.shape == (8, 6)
    assert codes.dtype == np.float32
    pictures = session.decode(codes)
    assert pictures.shape == (8, 16, 16, 3)
    assert pictures.dtype == np.uint8
    np.testing.assert_array_equal(session.reconstruct(drawn_pictures), pictures)


def test_batches_do_not_show(session, drawn_pictures):
    many = np.concatenate([drawn_pictures] * 40)
    codes = session.encode(many)
    np.testing.assert_allclose(codes[-8:], session.encode(drawn_pictures), atol=1e-5)
    assert session.encode(many[:0]).shape == (0, 6)


def test_the_same_seed_gives_the_same_faces(session):
    np.testing.assert_array_equal(session.generate(3, seed=4), session.generate(3, seed=4))
    assert not np.array_equal(session.draw(3, seed=4), session.draw(3, seed=5))
    np.testing.assert_array_equal(session.draw(5, seed=4)[:3], session.draw(3, seed=4))
    assert not session.draw(2, temperature=0).any()


def test_kl_per_dimension_is_that_of_the_gaussian(session, drawn_pictures):
    posteriors = session.posteriors(drawn_pictures)
    total = float(posteriors.gaussian().kl_to_standard().mean())
    assert float(posteriors.kl_per_dimension().sum()) == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize("shape", [(2, 8, 8, 3), (16, 16, 3)])
def test_pictures_of_another_shape_are_refused(session, shape):
    with pytest.raises(UnusableInput, match="takes pictures of shape"):
        session.encode(np.zeros(shape, np.uint8))


def test_logits_of_many_pictures_are_those_of_each(drawn_pictures):
    settings = PlainSettings(size=16, attributes=("a", "b"), widths=(4, 4))
    network = build_classifier(settings)
    pictures = np.concatenate([drawn_pictures] * 40)
    logits = logits_of_pictures(network, pictures)
    assert logits.shape == (320, 2)
    with torch.no_grad():
        one = network(to_float(pictures[300:301])).numpy()
    np.testing.assert_allclose(logits[300:301], one, atol=1e-5)


def test_a_missing_run_is_said(tmp_path):
    with pytest.raises(UnusableInput, match="no trained weights at"):
        lik.load(tmp_path / "none")
    with pytest.raises(UnusableInput, match="no trained model"):
        lik.load(tmp_path)


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        ({"format": "lik-run", "version": 9, "faces": {}}, "version 9"),
        ({"format": "lik-run", "version": "1", "faces": {}}, "format version as a number"),
        ({"format": "lik-run", "version": 1}, "which face set"),
        ([], "no run of Lik"),
    ],
)
def test_a_run_of_a_newer_format_or_of_none_is_refused(tmp_path, session, stored, words):
    save_model(tmp_path / "model.safetensors", session.model, PaperFirstSettings(size=16), {})
    write_json(tmp_path / "environment.json", stored)
    with pytest.raises(UnusableInput, match=words):
        lik.load(tmp_path)


def test_the_difference_of_means_leads_from_one_class_to_the_other():
    codes = np.array([[0, 0], [0, 2], [4, 0], [4, 2], [9, 9]], np.float32)
    labels = np.array([-1, -1, 1, 1, np.nan])
    direction = difference_of_means("Smiling", codes, labels)
    np.testing.assert_allclose(direction.vector, [4, 0])
    with pytest.raises(UnusableInput, match="cannot be learned"):
        difference_of_means("Smiling", codes, np.ones(5))


def test_classes_that_lie_apart_are_farther_apart_than_such_that_do_not():
    codes = np.random.default_rng(0).standard_normal((400, 5)).astype(np.float32)
    codes[:200, 2] += 6
    apart = np.repeat([1.0, -1.0], 200)
    mixed = np.tile([1.0, -1.0], 200)
    assert separation(codes, apart) == pytest.approx(6 / 5**0.5, rel=0.05)
    assert separation(codes, mixed) < 0.3
    assert separation(codes * 9, apart) == pytest.approx(separation(codes, apart), rel=1e-4)
    assert separation(codes, np.where(apart > 0, 1.0, np.nan)) == 0


def test_a_dimension_is_set_and_steps_are_equal():
    codes = np.zeros((2, 3), np.float32)
    np.testing.assert_allclose(set_dimension(codes, 1, [-3, 3])[1, :, 1], [-3, 3])
    assert (set_dimension(codes, 1, [-3, 3])[:, :, [0, 2]] == 0).all()
    assert equal_steps(3, 6) == pytest.approx([-3, -1.8, -0.6, 0.6, 1.8, 3])
    for reach in (float("nan"), float("inf"), -1):
        with pytest.raises(UnusableInput, match="finite number from 0 on"):
            equal_steps(reach, 6)
    with pytest.raises(UnusableInput, match="no latent dimension 3"):
        dimension(3, 3)


def test_the_most_informative_come_first():
    assert most_informative(np.array([0.1, 3, 0, 2]), 2) == [1, 3]


def test_pca_finds_the_plane_that_there_is():
    random = np.random.default_rng(0)
    plane = random.standard_normal((50, 2)) @ random.standard_normal((2, 6))
    axes = project(plane.astype(np.float32)).axes
    shares = [float(axis.partition("(")[2].partition("%")[0]) for axis in axes]
    assert sum(shares) == pytest.approx(100, abs=0.1)


@pytest.mark.parametrize("method", ["pca", "tsne"])
@pytest.mark.parametrize(
    ("shape", "value", "words"),
    [
        ((50, 4), 0.5, "all the same"),
        ((50, 4), np.nan, "finite"),
        ((50, 1), 0.0, "at least 2 latent dimensions"),
        ((2, 4), 0.0, "at least 3"),
    ],
)
def test_codes_that_say_nothing_have_no_map(method, shape, value, words):
    with pytest.raises(UnusableInput, match=words):
        project(np.full(shape, value, np.float32), method)
