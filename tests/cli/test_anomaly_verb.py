"""lik anomaly: pictures put in the order of how unusual they are."""

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from lik.faces import photograph
from terminal import refuse, succeed


class NoFaces:
    """A finder that finds nothing."""

    @property
    def description(self):
        return {"kind": "none"}

    def find(self, picture, every=False):
        return []


@pytest.fixture
def watched(run, tmp_path):
    """A run of one's own, that nothing is kept beside yet."""
    return shutil.copytree(run, tmp_path / "watched")


def test_noise_is_less_usual_than_faces(watched, faces, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(4):
        Image.fromarray(np.asarray(faces.images[i])).save(folder / f"face{i}.png")
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    Image.fromarray(noise).save(folder / "noise.png")
    options = ("--csv", tmp_path / "all.csv", "-o", tmp_path / "sheet.png")
    answer = succeed("anomaly", watched, folder, *options)
    first = answer.output.splitlines()[2]
    assert first.startswith("noise.png")
    rows = list(csv.DictReader((tmp_path / "all.csv").open()))
    assert rows[0]["name"] == "noise.png"
    assert rows[0]["typicality"] == "100.0"
    assert len(rows) == 5
    assert Image.open(tmp_path / "sheet.png").size[0] > 200
    kept = (watched / "anomaly.safetensors").read_bytes()
    told = json.loads(succeed("anomaly", watched, folder, "--json", "--by", "pixels").output)
    assert told["by"] == "pixels"
    pixels = [row["scores"]["pixels"] for row in told["pictures"]]
    assert pixels == sorted(pixels, reverse=True)
    assert (watched / "anomaly.safetensors").read_bytes() == kept  # what was learned is read


def test_faces_of_the_set_are_ordered_where_nothing_is_given(watched):
    answer = succeed("anomaly", watched, "--split", "all", "-n", 8)
    assert len(answer.output.splitlines()) == 2 + 8 + 1
    assert (watched / "figures" / "anomalies.png").is_file()


def test_a_picture_without_a_face_is_scored_by_its_middle(watched, tmp_path, monkeypatch):
    monkeypatch.setattr(photograph, "_finder", lambda kind: NoFaces())
    monkeypatch.setattr(photograph, "_rule_for", lambda *_: photograph.AlignedCrop())
    wide = np.zeros((40, 100, 3), np.uint8)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    answer = succeed("anomaly", watched, tmp_path / "wide.png", "-o", tmp_path / "a.png")
    assert "wide.png (no face)" in answer.output


def test_what_cannot_be_scored_is_said_in_a_sentence(watched, tmp_path):
    (tmp_path / "no.png").write_bytes(b"no picture")
    refuse("no.png", "anomaly", watched, tmp_path / "no.png")
    picture = tmp_path / "face.png"
    Image.new("RGB", (16, 16)).save(picture)
    refuse("not both", "anomaly", watched, picture, "--faces", tmp_path)
    refuse("there is no score 'luck'", "anomaly", watched, "--by", "luck")
    refuse("no score 'features'", "anomaly", watched, "--by", "features")
    (watched / "anomaly.safetensors").write_bytes(b"broken")
    refuse("anomaly.safetensors", "anomaly", watched)


def test_json_is_json_though_a_sheet_is_written(watched, faces, tmp_path):
    Image.fromarray(np.asarray(faces.images[0])).save(tmp_path / "a.png")
    answer = succeed("anomaly", watched, tmp_path / "a.png", "--json", "-o", tmp_path / "s.png")
    assert json.loads(answer.stdout)["pictures"][0]["name"] == "a.png"
    assert (tmp_path / "s.png").is_file()


def test_pictures_of_one_name_are_told_apart(watched, faces, tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    Image.fromarray(np.asarray(faces.images[0])).save(tmp_path / "x.png")
    Image.fromarray(np.zeros((40, 100, 3), np.uint8)).save(tmp_path / "other" / "x.png")
    monkeypatch.setattr(photograph, "_finder", lambda kind: NoFaces())
    monkeypatch.setattr(photograph, "_rule_for", lambda *_: photograph.AlignedCrop())
    given = (tmp_path / "x.png", tmp_path / "other" / "x.png")
    told = json.loads(succeed("anomaly", watched, *given, "--json").stdout)
    assert sorted(row["face"] for row in told["pictures"]) == [False, True]


def test_what_cannot_be_kept_is_said_and_used_all_the_same(watched, faces, tmp_path):
    (watched / "anomaly.safetensors" / "in the way").mkdir(parents=True)
    Image.fromarray(np.asarray(faces.images[0])).save(tmp_path / "a.png")
    answer = succeed("anomaly", watched, tmp_path / "a.png", "-o", tmp_path / "s.png")
    assert "is not kept" in answer.stderr
    assert "a.png" in answer.stdout
