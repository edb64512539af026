"""True counterfactuals: the trait changes, and nothing else does."""

from dataclasses import replace

import numpy as np
import pytest

from lik.faces.drawn.factors import (
    BEHIND,
    FACTOR_NAMES,
    attributes,
    factor_values,
    factors_of,
    sample_factors,
)
from lik.faces.drawn.redrawing import can_be_redrawn, counterfactuals


def column(faces, name):
    return faces.attributes[:, faces.attribute_names.index(name)]


def test_factors_are_read_back_as_they_were():
    for index in range(20):
        face = sample_factors(3, index)
        again = factors_of(factor_values(face))
        assert again == face
        assert list(map(type, vars(again).values())) == list(map(type, vars(face).values()))


def test_every_attribute_has_factors_behind_it():
    assert set(BEHIND) == set(attributes(sample_factors(0, 0)))
    assert {name for names in BEHIND.values() for name in names} <= set(FACTOR_NAMES)


def test_drawn_sets_can_be_redrawn_and_others_cannot(faces):
    assert can_be_redrawn(faces)
    assert not can_be_redrawn(replace(faces, factors=None, factor_names=[]))
    assert not can_be_redrawn(replace(faces, images=255 - np.asarray(faces.images)))


@pytest.mark.parametrize("name", ["Eyeglasses", "Mouth_Slightly_Open", "Wearing_Hat"])
def test_only_what_the_trait_paints_is_changed(faces, name):
    chosen = faces.indices()
    found = counterfactuals(faces, chosen, name, -column(faces, name))
    assert list(found.places) == list(range(64))  # nothing hides these
    different = (found.pictures != faces.images[chosen]).any(axis=(1, 2, 3))
    assert different.all()
    rows = (found.pictures != faces.images[chosen]).any(axis=(0, 2, 3))
    untouched = {"Eyeglasses": slice(12, 16), "Mouth_Slightly_Open": slice(0, 7),
                 "Wearing_Hat": slice(13, 16)}[name]  # fmt: skip
    # Factors are kept rounded, so that a face drawn again may differ by a trifle.
    moved = np.abs(found.pictures.astype(int) - faces.images[chosen]).mean(axis=(0, 2, 3))
    assert rows.any()
    assert moved[untouched].max() < 0.02 * moved.max()


def test_faces_that_are_there_already_have_none(faces):
    same = counterfactuals(faces, faces.indices(), "Smiling", column(faces, "Smiling"))
    assert same.places.shape == (0,)
    assert same.pictures.shape == (0, 16, 16, 3)


def test_what_a_hat_hides_is_left_out(faces):
    found = counterfactuals(faces, faces.indices(), "Bangs", np.ones(64))
    hats = np.flatnonzero(column(faces, "Wearing_Hat") > 0)
    assert len(found.places)
    assert len(hats)
    assert not set(found.places) & set(hats)


def test_attributes_of_which_nothing_is_known_have_none(faces):
    assert not len(counterfactuals(faces, faces.indices(), "Young", np.ones(64)).places)
    bald = faces.attributes.copy()
    bald[:, faces.attribute_names.index("Bald")] = -1
    nobody = replace(faces, attributes=bald)
    assert not len(counterfactuals(nobody, faces.indices(), "Bald", np.ones(64)).places)
