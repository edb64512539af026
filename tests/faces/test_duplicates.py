import zipfile

import cv2
import numpy as np
import pytest

from lik.faces.drawn import rendering as drawn
from lik.faces.set.duplicates import FINGERPRINT_BYTES, fingerprint, groups


@pytest.fixture(scope="module")
def people() -> np.ndarray:
    """100 different drawn faces."""
    return np.stack([drawn.render(drawn.sample_factors(5, i), 64) for i in range(100)])


def grouped(faces):
    return groups([fingerprint(face) for face in faces], np.stack(faces))


def jpeg(face, quality):
    return cv2.imdecode(cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 1)


def recut(face, right, down, side):
    edge = (64 - side) / 2
    zoom = 64 / side
    matrix = np.array([[zoom, 0, -(edge + right) * zoom], [0, zoom, -(edge + down) * zoom]])
    return cv2.warpAffine(face, matrix, (64, 64), borderMode=cv2.BORDER_REPLICATE)


def rescaled(face, side):
    small = cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (64, 64), interpolation=cv2.INTER_CUBIC)


def brighter(face, gain, offset):
    return np.clip(face * gain + offset, 0, 255).astype(np.uint8)


CHANGES = {
    "jpeg 30": lambda face: jpeg(face, 30),
    "half": lambda face: rescaled(face, 32),
    "double": lambda face: rescaled(face, 128),
    "brighter": lambda face: brighter(face, 1.0, 12),
    "less contrast": lambda face: brighter(face, 0.85, 5),
    "one pixel aside": lambda face: recut(face, 1, -1, 64),
    "cut closer": lambda face: recut(face, 0, 0.5, 62),
    "several at once": lambda face: jpeg(rescaled(recut(brighter(face, 0.9, 8), 1, 0, 63), 48), 50),
    "grey": lambda face: np.repeat(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_copy_is_found_and_nobody_else(people, change):
    found = grouped([*people, *map(change, people)])
    original, copy = found[:100], found[100:]
    together = (original == copy) & (original >= 0)
    assert together.mean() >= 0.8  # of photographs more: drawn faces have hardly any texture
    assert len(set(original[together])) == together.sum()  # each with its own copy only


def test_different_faces_are_alone(people):
    assert (grouped(people) == -1).all()


def test_groups_are_numbered_as_they_appear(people):
    a, b, c, d = people[:4]
    assert grouped([a, b, c, b, d, a, b]).tolist() == [0, 1, -1, 1, -1, 0, 1]


def test_the_order_does_not_matter(people):
    faces = np.stack([*people, *(jpeg(face, 60) for face in people[::2])])
    order = np.random.default_rng(0).permutation(len(faces))
    found, shuffled = grouped(faces), grouped(faces[order])
    back = shuffled[np.argsort(order)]
    np.testing.assert_array_equal(back[:, None] == back, found[:, None] == found)


def test_faces_of_one_colour_and_of_any_size_have_fingerprints():
    for size in (8, 15, 64, 200):
        assert len(fingerprint(np.full((size, size, 3), 90, np.uint8))) == FINGERPRINT_BYTES
        noise = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
        assert any(fingerprint(noise))
    black = np.zeros((64, 64, 3), np.uint8)
    assert grouped([black, black]).tolist() == [0, 0]
    assert grouped([black]).tolist() == [-1]
    assert groups([], np.zeros((0, 64, 64, 3), np.uint8)).shape == (0,)


def test_one_picture_thousands_of_times_takes_no_time(people):
    """Pairs grow with the square of the copies; the work must not."""
    import time

    rng = np.random.default_rng(0)
    faces = np.repeat(people[:1], 6000, axis=0)
    faces[3000:] ^= rng.integers(0, 4, (3000, 64, 64, 3), dtype=np.uint8)  # all a little different
    begin = time.process_time()
    assert set(grouped(faces)) == {0}
    assert time.process_time() - begin < 20


@pytest.mark.long
def test_the_true_duplicates_of_celeba_are_found_and_no_strangers(real_data):
    with zipfile.ZipFile(real_data / "celeba-half" / "img_align_celeba.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
        data = [np.frombuffer(archive.read(name), np.uint8) for name in names]
    pictures = [cv2.imdecode(one, cv2.IMREAD_COLOR)[:, :, ::-1] for one in data]
    # the paper's square at half size
    found = grouped([np.ascontiguousarray(picture[26:90, 12:76]) for picture in pictures])
    pairs = {tuple(np.flatnonzero(found == group) + 1) for group in range(found.max() + 1)}
    seen = {(1692, 6800), (3116, 8074), (3209, 8966), (3670, 4282), (4642, 5476), (5594, 6467),
            (5801, 7622), (2080, 7653), (5194, 6100)}  # looked at, each one photograph  # fmt: skip
    assert pairs == seen
