import io
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


def an_archive():
    buffer = io.BytesIO()
    np.savez(buffer, images=np.zeros((10, 64, 64, 3), np.uint8))
    return buffer.getvalue()


BROKEN_FILES = {
    "short": ("images.npy", lambda data: data[:5000], r"images\.npy is broken"),
    "nonsense": ("images.npy", lambda data: b"nonsense", r"images\.npy is broken"),
    "an archive": ("images.npy", lambda data: an_archive(), r"images\.npy is broken"),
    "half one": ("images.npy", lambda data: b"PK\x03\x04" + data[4:], r"images\.npy is broken"),
    "a row less": (
        "index.csv", lambda data: data[: data.rindex(b"\n", 0, -1) + 1], "9 rows for 10 faces",
    ),
    "columns": (
        "index.csv", lambda data: data.replace(b"name,split", b"split,name", 1), "columns are not",
    ),
    "twice": ("index.csv", lambda data: data.replace(b"3.png", b"4.png"), r"'4\.png' more than"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "change", "said"), BROKEN_FILES.values(), ids=BROKEN_FILES)
def test_a_broken_file_is_said(broken, name, change, said):
    (broken / name).write_bytes(change((broken / name).read_bytes()))
    with pytest.raises(UnusableInput, match=said):
        FaceSet.open(broken)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"crop": 5}, "crop"), ({"crop": {}}, "crop"), ({"sha256": {}}, "sha256"),
        ({"sha256": []}, "sha256"), ({"sha256": {"images.npy": 1}}, "sha256"),
        ({"attribute_names": 3}, "attribute_names"), ({"kept": "10"}, "kept"),
        ({"version": "2"}, "version"), ({"version": None}, "version"),
        ({"version": 9}, "version 9"), ({"version": 2}, "prepare the set again"),
    ],
    ids=str,
)  # fmt: skip
def test_a_description_that_is_none_or_of_another_version_is_said(broken, entry, said):
    file = broken / "faceset.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | entry))
    with pytest.raises(UnusableInput, match=said):
        FaceSet.open(broken)


def test_a_missing_set_is_said(tmp_path):
    with pytest.raises(UnusableInput, match="no face set at"):
        FaceSet.open(tmp_path / "none")


def test_changed_pixels_and_a_file_that_is_gone_do_not_pass_verification(broken):
    content = bytearray((broken / "images.npy").read_bytes())
    content[-1] ^= 1
    (broken / "images.npy").write_bytes(content)
    faces = FaceSet.open(broken)
    with pytest.raises(UnusableInput, match=r"images\.npy is broken \(it has changed"):
        faces.verify()
    content[-1] ^= 1
    (broken / "images.npy").write_bytes(content)
    faces.verify()
    (broken / "index.csv").unlink()
    with pytest.raises(UnusableInput, match=r"index\.csv is broken"):
        faces.verify()
