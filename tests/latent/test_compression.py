"""Codes and faces as bytes: what comes back, how long they are, and what is refused."""

import math
import resource
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from lik.core.errors import OtherWeights, UnusableInput
from lik.latent.compression.codebook import CompressionTables, load_tables, save_tables
from lik.latent.compression.coding import decode, encode
from lik.latent.compression.container import PackedFaces, pack, unpack
from lik.latent.compression.levels import CONTEXTS, FARTHEST, TOTAL, Level, nearest_level
from lik.latent.compression.quantising import fit_levels, quantise, whole_frequencies
from lik.latent.compression.residuals import fit_likelihood, smoothed

SHA256 = "ab" * 32


@pytest.fixture(scope="module")
def posteriors():
    """Codes (400, 6) of which two hang together and one says nothing, and their stds."""
    random = np.random.default_rng(0)
    codes = random.normal(size=(400, 6)).astype(np.float32)
    codes[:, 1] = 0.9 * codes[:, 0] + 0.3 * codes[:, 1]
    codes[:, 5] *= 0.01
    stds = np.array([0.1, 0.1, 0.2, 0.3, 0.5, 1.0], np.float32)
    return codes, np.broadcast_to(stds, codes.shape) * random.uniform(0.8, 1.2, codes.shape)


@pytest.fixture(scope="module")
def levels(posteriors):
    return fit_levels(*posteriors)


@pytest.fixture(scope="module")
def pictures(faces):
    images = np.asarray(faces.images)
    return images, smoothed(images)


@pytest.fixture(scope="module")
def tables(levels, pictures):
    return CompressionTables(levels, fit_likelihood(*pictures), {"weights_sha256": SHA256})


@pytest.fixture
def by_hand():
    """A level of three dimensions, of which two are coded."""
    first = whole_frequencies(np.array([1.0, 4, 10, 4, 1, 0.1]))
    second = [whole_frequencies(np.array([n + 1.0, 6, CONTEXTS - n, 0.1])) for n in range(CONTEXTS)]
    return Level(
        1.0, np.array([0.5, 1, 0.25], np.float32), np.array([2, 0], np.int16),
        np.array([-2, -1], np.int16), np.array([[0, 0], [127, 0]], np.int8),
        np.tile(np.array([-200, -100, 1, 100, 200], np.int32), (2, 1)),
        [np.stack([first] * CONTEXTS), np.stack(second)],
    )  # fmt: skip


def test_the_bytes_of_given_symbols_are_the_same_for_ever(by_hand):
    symbols = np.array(
        [[0, 0, 0], [1, 0, 2], [-1, 0, -2], [1, 0, 1], [700, 0, -1], [0, 0, 0], [0, 0, 1]], np.int32
    )
    written = encode(symbols, by_hand)
    assert written.hex() == "b84f49b1fa4644"
    np.testing.assert_array_equal(decode(written, by_hand, len(symbols)), symbols)


def test_symbols_come_back_however_far_out(levels, posteriors):
    random = np.random.default_rng(1)
    for level in levels:
        for symbols in (quantise(*posteriors, level), np.zeros((3, 6), np.int32)):
            far = symbols.copy()
            where = random.integers(0, len(far), 5), random.choice(level.order, 5)
            far[where] = [-FARTHEST, FARTHEST, 40, -900, 3]
            for one in (symbols, far, symbols[:1]):
                np.testing.assert_array_equal(decode(encode(one, level), level, len(one)), one)


def test_bytes_are_as_many_as_the_tables_say(levels, posteriors):
    for level in levels:
        symbols = quantise(*posteriors, level)
        assert 8 * len(encode(symbols, level)) == pytest.approx(level.bits(symbols).sum(), rel=0.01)
        alone = [8 * len(encode(one[None], level)) for one in symbols[:50]]
        assert np.mean(alone - level.bits(symbols[:50])) < 8  # a byte, not the coder's word


def test_steps_are_those_of_the_posteriors(levels, posteriors):
    typical = np.sqrt(np.square(posteriors[1]).mean(axis=0))
    for level in levels:
        np.testing.assert_allclose(level.steps, math.sqrt(12) * typical / level.precision, 1e-5)
    assert 5 not in levels[1].order  # which says nothing, and costs nothing
    finer = [level.bits(quantise(*posteriors, level)).mean() for level in levels]
    assert finer == sorted(finer)
    assert nearest_level(levels, 2.0) == 2
    with pytest.raises(UnusableInput, match=r"precision 3: give 0\.5, 1, 2"):
        nearest_level(levels, 3.0)


def test_what_was_coded_before_shortens_what_follows(levels, posteriors):
    level = levels[1]
    symbols = quantise(*posteriors, level)
    deaf = replace(level, weights=np.zeros_like(level.weights))
    assert level.bits(symbols).mean() < deaf.bits(symbols).mean() - 0.5


def test_rounding_follows_the_posterior_where_bits_cost_nothing(levels, posteriors):
    codes, stds = posteriors
    level = levels[2]
    exact = quantise(codes, np.full_like(stds, 1e-6), level)
    order = level.order
    np.testing.assert_array_equal(exact[:, order], np.rint(codes / level.steps)[:, order])
    cheap = quantise(codes, stds, level)
    assert level.bits(cheap).mean() < level.bits(exact).mean()


def test_frequencies_are_whole_and_none_is_lost():
    found = whole_frequencies(np.array([0.0, 1e-9, 5, 1]))
    assert found.sum() == TOTAL
    assert found.min() == 1


def test_too_little_to_learn_from_is_said(posteriors):
    codes, stds = posteriors
    with pytest.raises(UnusableInput, match="3 faces are too few"):
        fit_levels(codes[:3], stds[:3])
    with pytest.raises(UnusableInput, match="all the same"):
        fit_levels(np.zeros_like(codes), stds)


def test_every_pixel_comes_back_at_the_length_that_is_told(pictures):
    images, around = pictures
    likelihood = fit_likelihood(images[:40], around[:40])
    likelihood.require_sound()
    noise = np.random.default_rng(0).integers(0, 256, images[:2].shape).astype(np.uint8)
    for given, decoded in ((images[40:], around[40:]), (noise, around[:2]), (noise, noise[::-1])):
        written = likelihood.encode(given, decoded)
        np.testing.assert_array_equal(likelihood.decode(written, decoded), given)
        bits = likelihood.bits(given, decoded).sum()
        assert 8 * len(written) == pytest.approx(bits, rel=0.002, abs=64)
        assert likelihood.least_bits * given.size <= bits
    flat = np.full_like(around, 128)
    assert likelihood.least_bits * flat[0].size <= likelihood.bits(flat, flat).min()
    assert likelihood.bits(images, around).mean() < likelihood.bits(images, flat).mean()


def test_tables_come_back_from_their_file(tables, tmp_path, posteriors):
    path = save_tables(tmp_path / "t.safetensors", tables)
    again = load_tables(path, SHA256, 6)
    assert again.checksum == tables.checksum
    for one, other in zip(tables.levels, again.levels, strict=True):
        symbols = quantise(*posteriors, one)
        assert encode(symbols, one) == encode(symbols, other)
    with pytest.raises(OtherWeights):
        load_tables(path, "cd" * 32, 6)
    with pytest.raises(UnusableInput, match="is broken"):
        load_tables(path, SHA256, 7)
    for content in (b"", b"nothing", (8).to_bytes(8, "little") + b"{}      "):
        path.write_bytes(content)
        with pytest.raises(UnusableInput, match=r"t\.safetensors"):
            load_tables(path, SHA256, 6)


@pytest.mark.parametrize(
    "change",
    [
        {"steps": np.zeros(6, np.float32)},
        {"steps": np.full(6, np.nan, np.float32)},
        {"order": np.array([0, 1, 2, 3, 9], np.int16)},
        {"order": np.array([0, 0, 2, 3, 4], np.int16)},
        {"frequencies": [np.ones((CONTEXTS, 3), np.uint16)] * 5},
        {"frequencies": [np.zeros((CONTEXTS, 3), np.uint16)] * 5},
        {"precision": -1.0},
    ],
)
def test_tables_that_nothing_could_be_coded_by_are_refused(tables, change, tmp_path):
    level = replace(tables.levels[1], **change)
    path = tmp_path / "t.safetensors"
    save_tables(path, replace(tables, levels=[tables.levels[0], level]))
    with pytest.raises(UnusableInput, match="is broken"):
        load_tables(path, SHA256, 6)


@pytest.mark.parametrize("names", [(), ("a.jpg", "б/в.png", "x" * 400)])
@pytest.mark.parametrize("residuals", [None, b"", b"rest\0"])
def test_what_is_packed_is_unpacked(names, residuals):
    given = PackedFaces(b"12345678", 7, 2, 3, names, b"\1\2", residuals, 9 if residuals else 0)
    found = unpack(pack(given), "x.lik")
    short = tuple(name[:255] for name in names)
    assert found == replace(given, names=list(short))


def test_a_head_takes_few_bytes():
    assert len(pack(PackedFaces(bytes(8), 0, 1, 1, (), b""))) == 23


def test_what_is_no_such_file_is_said_in_a_sentence():
    whole = pack(PackedFaces(b"12345678", 7, 1, 3, ("a", "b", "c"), b"codes"))
    newer = bytes([*whole[:3], 9, *whole[4:]])
    for content, words in [
        (b"", "holds no faces"), (b"\x89PNG....", "holds no faces"), (b"LIK", "is damaged"),
        (whole[:-1], "is damaged"), (whole + b"\0", "is damaged"), (newer, "update Lik"),
    ]:  # fmt: skip
        with pytest.raises(UnusableInput, match=words):
            unpack(content, "x.lik")


def test_a_symbol_that_all_training_faces_have_is_no_trouble(posteriors):
    codes, stds = (part.copy() for part in posteriors)
    codes[:, 1] = 4 * stds[:, 1].max()  # the same, and not 0
    levels = fit_levels(codes, stds)
    for level in levels:
        symbols = quantise(codes, stds, level)
        np.testing.assert_array_equal(decode(encode(symbols, level), level, len(codes)), symbols)
    with pytest.raises(UnusableInput, match="no width"):
        fit_levels(codes, stds * 0)


def test_a_small_file_of_tables_cannot_take_much_memory(levels, pictures, tmp_path):
    """Else one of two thousand bytes would ask for gigabytes."""
    arrays = CompressionTables(levels, fit_likelihood(*pictures), {}).arrays()
    arrays["0.order"] = np.arange(20_000, dtype="<i2")
    wide = SimpleNamespace(arrays=lambda: arrays, levels=levels, made={})
    path = save_tables(tmp_path / "t.safetensors", wide)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UnusableInput, match="is broken: put back a copy"):
        load_tables(path, "", 6)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB
