"""lik compress and lik expand."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from informed_run import save_informed
from terminal import refuse, succeed


@pytest.fixture(scope="module")
def kept(untrained, tmp_path_factory):
    """A run of one's own, with its tables."""
    path = save_informed(tmp_path_factory.mktemp("kept") / "toy", untrained)
    succeed("compress", path, "-n", 1, "-o", path / "one.lik")
    return path


def test_faces_go_into_a_file_and_come_back_by_their_names(kept, faces, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        image = Image.fromarray(np.asarray(faces.images[number]))
        image.save(folder / f"face {number}.png")
    file, sheet = tmp_path / "faces.lik", tmp_path / "sheet.png"
    answer = succeed("compress", kept, folder, "-o", file, "--sheet", sheet)
    assert "PSNR" in answer.output
    assert Image.open(sheet).size[0] > 200
    out = tmp_path / "out"
    told = json.loads(succeed("expand", kept, file, out, "--json").stdout)
    assert told["bytes"] == file.stat().st_size < 120
    assert sorted(told["names"]) == sorted(f.name for f in out.iterdir())
    expanded = Image.open(out / "face 1.png")
    assert expanded.size == (16, 16)
    assert "generative" in expanded.text["Description"]


def test_exact_faces_are_no_model_s_pictures(kept, faces, tmp_path):
    file = tmp_path / "exact.lik"
    told = json.loads(
        succeed("compress", kept, "--split", "all", "--lossless", "--no-names", "-o", file,
                "--json").stdout
    )  # fmt: skip
    assert told["psnr"] is None
    assert told["bits_per_dimension"] < 8
    succeed("expand", kept, file, tmp_path / "out")
    first = Image.open(tmp_path / "out" / "000001.png")
    np.testing.assert_array_equal(np.asarray(first), faces.images[0])
    assert "Description" not in first.text


def test_more_precision_is_more_bytes(kept, tmp_path):
    told = [
        json.loads(succeed("compress", kept, "--split", "all", "--precision", precision, "--json",
                           "-o", tmp_path / "a.lik").stdout)
        for precision in (0.5, 1, 2)
    ]  # fmt: skip
    sizes = [one["bytes"] for one in told]
    assert sizes == sorted(sizes)


def test_what_cannot_be_done_is_said_in_a_sentence_and_nothing_is_written(kept, tmp_path):
    out = tmp_path / "out"
    refuse(
        "precision 3: give 0.5, 1, 2", "compress", kept, "--precision", 3, "-o", tmp_path / "a.lik"
    )
    refuse("does not end in .lik", "compress", kept, "-o", tmp_path / "a.zip")
    refuse("no network", "compress", kept, "--invert", 3, "-o", tmp_path / "a.lik")
    refuse("x.lik is missing", "expand", kept, tmp_path / "x.lik", out)
    refuse("name the file and the folder", "expand", tmp_path / "x.lik")
    (tmp_path / "x.lik").write_bytes(b"PNG")
    refuse("holds no faces", "expand", kept, tmp_path / "x.lik", out)
    assert not out.exists()
    assert [file.name for file in tmp_path.iterdir()] == ["x.lik"]
    refuse("exists already", "expand", kept, kept / "one.lik", kept)


def test_a_run_that_was_trained_on_is_told_so(kept, tmp_path):
    later = shutil.copytree(kept, tmp_path / "later")
    again = save_informed(tmp_path / "again", later)
    (again / "compression.safetensors").write_bytes((kept / "compression.safetensors").read_bytes())
    refuse("written by the model", "expand", again, kept / "one.lik", tmp_path / "out")
    answer = succeed("compress", again, "-n", 1, "-o", tmp_path / "b.lik")
    assert "was trained on since" in answer.stderr
