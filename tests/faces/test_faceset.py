import json

import numpy as np
import pytest
from PIL import Image

from lik.core.errors import UnusableInput
from lik.faces.crop.cropping import FixedCrop
from lik.faces.io.sources import open_source
from lik.faces.set.extraction import Plan
from lik.faces.set.faceset import FaceSet
from lik.faces.set.preparation import prepare


@pytest.fixture
def broken(tmp_path):
    """A set of ten faces and one file that is none, to be broken."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    random = np.random.default_rng(0)
    for index in range(10):
        pixels = random.integers(0, 256, (109, 89, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(pictures / f"{index}.png")
    (pictures / "empty.jpg").write_bytes(b"")
    prepare(open_source(str(pictures), 64), tmp_path / "set", Plan(FixedCrop(), 64))
    return tmp_path / "set"


def test_corrupt_images_are_said(broken):
    images = broken / "images.npy"
    images.write_bytes(images.read_bytes()[:5000])
    with pytest.raises(UnusableInput, match=r"images\.npy is broken"):
        FaceSet.open(broken)
    images.write_bytes(b"nonsense")
    with pytest.raises(UnusableInput, match=r"images\.npy is broken"):
        FaceSet.open(broken)


@pytest.mark.parametrize("archive", [True, False])
def test_an_archive_in_the_place_of_the_images_is_said(broken, archive):
    images = broken / "images.npy"
    if archive:
        with open(images, "wb") as file:
            np.savez(file, images=np.zeros((10, 64, 64, 3), np.uint8))
    else:
        images.write_bytes(b"PK\x03\x04" + images.read_bytes()[4:])
    with pytest.raises(UnusableInput, match=r"images\.npy is broken"):
        FaceSet.open(broken)


@pytest.mark.parametrize(
    "entry",
    [{"crop": 5}, {"crop": {}}, {"sha256": {}}, {"sha256": []}, {"sha256": {"images.npy": 1}},
     {"attribute_names": 3}, {"kept": "10"}, {"version": "2"}, {"version": None}],
    ids=str,
)  # fmt: skip
def test_a_description_that_is_none_is_said(broken, entry):
    file = broken / "faceset.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | entry))
    with pytest.raises(UnusableInput, match=f"{next(iter(entry))}|version"):
        FaceSet.open(broken)


def test_a_file_that_is_gone_does_not_pass_verification(broken):
    faces = FaceSet.open(broken)
    (broken / "index.csv").unlink()
    with pytest.raises(UnusableInput, match=r"index\.csv is broken"):
        faces.verify()


def test_changed_pixels_do_not_pass_verification(broken):
    content = bytearray((broken / "images.npy").read_bytes())
    content[-1] ^= 1
    (broken / "images.npy").write_bytes(content)
    with pytest.raises(UnusableInput, match="has changed"):
        FaceSet.open(broken).verify()


def test_a_newer_set_and_a_missing_one_are_said(broken, tmp_path):
    file = broken / "faceset.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"version": 9}))
    with pytest.raises(UnusableInput, match="version 9"):
        FaceSet.open(broken)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"version": 2}))
    with pytest.raises(UnusableInput, match="prepare the set again"):
        FaceSet.open(broken)
    with pytest.raises(UnusableInput, match="no face set at"):
        FaceSet.open(tmp_path / "none")


def test_an_index_of_other_length_is_said(broken):
    lines = (broken / "index.csv").read_text().splitlines()
    (broken / "index.csv").write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(UnusableInput, match="9 rows for 10 faces"):
        FaceSet.open(broken)


def test_columns_that_are_not_those_of_the_description_are_said(broken):
    index = broken / "index.csv"
    index.write_text(index.read_text().replace("name,split", "split,name", 1))
    with pytest.raises(UnusableInput, match="columns are not those"):
        FaceSet.open(broken)


def test_a_face_that_is_there_twice_is_said(broken):
    index = broken / "index.csv"
    index.write_text(index.read_text().replace("3.png", "4.png"))
    with pytest.raises(UnusableInput, match=r"'4\.png' more than once"):
        FaceSet.open(broken)
