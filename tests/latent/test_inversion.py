"""Codes that are fitted to pictures: nearer to them, and each by itself."""

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d

from lik.latent.inversion import InversionSettings, invert
from lik.latent.session import Session, decoded
from lik.models.catalogue import build
from lik.models.paper import PaperFirstSettings
from lik.models.refiner import Refined, RefinerSettings


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


@pytest.fixture
def sharp(session):
    """Sharpened, so that a code is looked at in many places, whose slopes are added up."""
    torch.manual_seed(1)
    model = Refined(session.model, RefinerSettings(widths=(8, 8), blocks=(1, 1), full=8))
    for weight in model.refiner.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    return Session(model, {}, "sharp")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_face_has_the_same_code_in_any_company_and_with_any_threads(
    sharp, pictures, threads, precision
):
    settings = InversionSettings(steps=10, precision=precision)
    threads(1)
    alone = [invert(sharp, picture[None], features, settings) for picture in pictures]
    for count in (1, 2, 3):
        threads(count)
        together = invert(sharp, pictures, features, settings)
        assert np.array_equal(together, np.concatenate(alone))
        assert torch.get_num_threads() == count


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
