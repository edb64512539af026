"""Codes that are fitted to pictures: nearer to them, and each by itself."""

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d

from lik.latent.inversion import InversionSettings, invert
from lik.latent.session import Session, decoded
from lik.models.catalogue import build
from lik.models.paper import PaperFirstSettings


def features(images):
    return [avg_pool2d(images, 2), avg_pool2d(images, 4)]


@pytest.fixture(scope="module")
def session():
    torch.manual_seed(0)
    model = build(PaperFirstSettings(size=16, latent=4)).requires_grad_(False)
    for weight in model.decoder.parameters():  # a decoder of which one sees what its codes are
        weight *= 1.5
    return Session(model, {}, "toy")


@pytest.fixture(scope="module")
def pictures(session):
    return session.decode(np.random.default_rng(0).normal(0, 1.5, (5, 4)).astype(np.float32))


def error(session, pictures, codes):
    return ((decoded(session, codes) - pictures / 255) ** 2).sum(axis=(1, 2, 3))


def test_fitted_codes_show_the_pictures_better(session, pictures):
    settings = InversionSettings(steps=60, learning_rate=0.2, prior=0)
    found = invert(session, pictures, features, settings)
    encoded = session.encode(pictures)
    assert found.shape == encoded.shape
    before, after = (error(session, pictures, codes) for codes in (encoded, found))
    assert (after < before).all()
    assert np.median(after / before) < 0.2


def test_no_steps_give_the_means(session, pictures):
    found = invert(session, pictures, features, InversionSettings(steps=0))
    assert np.array_equal(found, session.encode(pictures))


def test_a_face_goes_its_own_way_however_many_there_are(session, pictures):
    settings = InversionSettings(steps=10, precision="float32")
    together = invert(session, pictures, features, settings)
    alone = invert(session, pictures[2:3], features, settings)
    np.testing.assert_allclose(together[2:3], alone, atol=2e-4)
    assert np.array_equal(together, invert(session, pictures, features, settings))


def test_the_prior_keeps_codes_short(session, pictures):
    far, near = (
        invert(session, pictures, features, InversionSettings(prior=weight, learning_rate=0.2))
        for weight in (0.0, 100.0)
    )
    assert np.abs(near).mean() < 0.3 * np.abs(far).mean()


def test_progress_is_told(session, pictures):
    told = []
    one = InversionSettings(steps=1)
    invert(session, pictures, features, one, progress=lambda *what: told.append(what))
    assert told[-1] == ("fitting", 5, 5)
