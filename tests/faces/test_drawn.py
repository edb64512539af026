import dataclasses

import numpy as np

from lik.faces.drawn import FACTOR_NAMES, Factors, attributes, factor_values, render, sample_factors

CELEBA = set(
    "5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose "
    "Black_Hair Blond_Hair Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee "
    "Gray_Hair Heavy_Makeup High_Cheekbones Male Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard "
    "Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks Sideburns Smiling Straight_Hair "
    "Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace Wearing_Necktie "
    "Young".split()
)


def difference(first: Factors, second: Factors, rows=slice(None)) -> float:
    pictures = [render(face).astype(float)[rows] for face in (first, second)]
    return float(np.abs(pictures[0] - pictures[1]).mean())


def test_the_same_factors_give_the_same_bytes():
    assert sample_factors(3, 7) == sample_factors(3, 7)
    assert sample_factors(3, 7) != sample_factors(3, 8)
    first, again = (render(sample_factors(3, 7)) for _ in range(2))
    assert first.dtype == np.uint8
    assert first.shape == (64, 64, 3)
    np.testing.assert_array_equal(first, again)


def test_a_larger_picture_is_the_same_picture():
    face = sample_factors(0, 3)
    large = render(face, 128).reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    assert np.abs(large - render(face, 64)).mean() < 2


def test_small_changes_are_small_and_large_ones_larger():
    plain = Factors()
    for name in ("skin", "smile", "yaw", "light", "hair_shade", "brow_raise", "mouth_open"):
        start = getattr(plain, name)
        near, far = (dataclasses.replace(plain, **{name: start + d}) for d in (0.02, 0.5))
        assert difference(plain, near) < 2.0, name
        assert difference(plain, near) < difference(plain, far), name


def test_a_smile_changes_the_mouth_and_not_the_hair():
    plain, smiling = Factors(), Factors(smile=0.9)
    assert difference(plain, smiling, slice(40, 56)) > 1
    assert difference(plain, smiling, slice(0, 16)) == 0


def test_the_eyes_lie_in_the_reference_frame():
    grey = render(Factors(skin=0, eye_colour=0), 256).astype(float).mean(axis=2)
    for x in (22.75, 42.25):
        column, row = round(x * 4), round(29.75 * 4)
        part = grey[row - 14 : row + 14, column - 22 : column + 22]
        dark = np.argwhere(part < 60)
        down, across = dark.mean(axis=0) - [14, 22]
        assert abs(across) < 4
        assert abs(down) < 6


def test_labels_are_celebas_and_of_sensible_frequency():
    labels = [attributes(sample_factors(0, index)) for index in range(800)]
    assert set(labels[0]) <= CELEBA
    assert all(value in (1, -1) for row in labels for value in row.values())
    share = {name: np.mean([row[name] > 0 for row in labels]) for name in labels[0]}
    assert 0.35 < share["Smiling"] < 0.55
    assert 0.15 < share["Eyeglasses"] < 0.25
    assert all(0.02 < value < 0.9 for value in share.values()), share


def test_factors_are_numbers_and_independent():
    values = [factor_values(sample_factors(0, index)) for index in range(800)]
    assert tuple(values[0]) == FACTOR_NAMES
    table = np.array([list(row.values()) for row in values])
    correlation = np.corrcoef(table.T) - np.eye(len(FACTOR_NAMES))
    assert np.abs(correlation).max() < 0.15
