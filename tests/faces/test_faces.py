import io
import json
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from lik.core.errors import UnusableInput
from lik.faces import preparation
from lik.faces.cropping import (
    Box,
    FaceCrop,
    FixedCrop,
    PaperCrop,
    Square,
    WholeCrop,
    cut,
    square_of,
)
from lik.faces.faceset import FaceSet
from lik.faces.photograph import crop_picture
from lik.faces.preparation import prepare
from lik.faces.sources import open_source


def picture(width=89, height=109, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def png(pixels, mode=None):
    buffer = io.BytesIO()
    Image.fromarray(pixels, mode).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path):
    """Ten pictures, and two files that are none."""
    path = tmp_path / "pictures"
    path.mkdir()
    for index in range(10):
        (path / f"{index}.png").write_bytes(png(picture(seed=index)))
    (path / "empty.jpg").write_bytes(b"")
    (path / "notes.txt").write_text("no picture")
    return path


class TestCropping:
    def test_the_reference_frame_at_full_and_at_half_size(self):
        assert square_of(FixedCrop(), 178, 218, None) == Square(24, 52, 128)
        assert square_of(FixedCrop(), 89, 109, None) == Square(12, 26, 64)

    def test_a_square_of_the_wanted_size_is_not_rescaled(self):
        pixels = picture()
        face = cut(pixels, Square(12, 26, 64), 64)
        np.testing.assert_array_equal(face, pixels[26:90, 12:76])

    def test_the_papers_square_lies_around_the_middle_of_the_detection(self):
        assert square_of(PaperCrop(), 178, 218, Box(69, 104, 40, 1)) == Square(25, 60, 128)

    def test_the_face_rule_does_not_see_the_size_of_the_picture(self):
        rule, box = FaceCrop(factor=1.5, right=0, down=0.1), Box(100, 100, 40, 1)
        assert square_of(rule, 300, 300, box) == square_of(rule, 3000, 200, box)
        assert square_of(rule, 300, 300, box) == Square(90, 94, 60)

    def test_squares_that_leave_the_picture_are_known(self):
        assert Square(0, 0, 10).inside(10, 10)
        assert not Square(1, 0, 10).inside(10, 10)
        assert not Square(0, -1, 5).inside(10, 10)

    def test_scaling_averages(self):
        pixels = np.zeros((4, 4, 3), np.uint8)
        pixels[:, ::2] = 200
        assert (cut(pixels, Square(0, 0, 4), 2) == 100).all()


class TestPreparation:
    def test_packed_and_read_is_the_same(self, folder, tmp_path):
        report = prepare(open_source(str(folder), 64), tmp_path / "set", FixedCrop(), 64)
        faces = FaceSet.open(tmp_path / "set")
        assert (report.pictures, report.kept, len(faces)) == (12, 10, 10)
        for index, name in enumerate(faces.names):
            expected = picture(seed=int(name[0]))[26:90, 12:76]
            np.testing.assert_array_equal(faces.images[index], expected)
        faces.verify()
        rejected = (tmp_path / "set" / "rejected.csv").read_text()
        assert "empty.jpg,the file is empty" in rejected
        assert 'notes.txt,"no picture' in rejected
        assert not (tmp_path / "set" / ".partial").exists()

    def test_the_number_of_workers_does_not_show(self, tmp_path, monkeypatch):
        monkeypatch.setattr(preparation, "CHUNK", 4)
        sets = []
        for workers in (1, 2):
            out = tmp_path / str(workers)
            prepare(open_source("drawn:40", 16), out, WholeCrop(), 16, workers)
            sets.append({file.name: file.read_bytes() for file in out.iterdir()})
        assert sets[0] == sets[1]

    @pytest.mark.parametrize("done", [0, 1, 8, 11])
    def test_broken_off_and_resumed_equals_unbroken(self, folder, tmp_path, monkeypatch, done):
        monkeypatch.setattr(preparation, "CHUNK", 3)
        prepare(open_source(str(folder), 64), tmp_path / "whole", FixedCrop(), 64)
        true_process, left = preparation.process, [done]

        def killed(*arguments):
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            return true_process(*arguments)

        monkeypatch.setattr(preparation, "process", killed)
        with pytest.raises(KeyboardInterrupt):
            prepare(open_source(str(folder), 64), tmp_path / "set", FixedCrop(), 64)
        monkeypatch.setattr(preparation, "process", true_process)
        with pytest.raises(UnusableInput, match="no finished face set"):
            FaceSet.open(tmp_path / "set")
        rows = tmp_path / "set" / ".partial" / "rows.jsonl"
        rows.write_bytes(rows.read_bytes() + b'{"name": "cut o')  # as a kill may leave it
        prepare(open_source(str(folder), 64), tmp_path / "set", FixedCrop(), 64)
        for file in (tmp_path / "whole").iterdir():
            assert file.read_bytes() == (tmp_path / "set" / file.name).read_bytes()

    def test_the_same_job_again_is_done_already_and_another_is_refused(self, folder, tmp_path):
        source = open_source(str(folder), 64)
        prepare(source, tmp_path / "set", FixedCrop(), 64)
        assert prepare(source, tmp_path / "set", FixedCrop(), 64).already_done
        before = (tmp_path / "set" / "faceset.json").read_bytes()
        with pytest.raises(UnusableInput, match="size 64 → 32"):
            prepare(source, tmp_path / "set", FixedCrop(), 32)
        with pytest.raises(UnusableInput, match="not empty"):
            prepare(source, folder, FixedCrop(), 64)
        assert (tmp_path / "set" / "faceset.json").read_bytes() == before

    def test_nothing_to_keep_is_said_and_leaves_nothing(self, folder, tmp_path):
        with pytest.raises(UnusableInput, match="none of the 12 pictures"):
            prepare(
                open_source(str(folder), 64), tmp_path / "set", FixedCrop(x=80, y=0, side=64), 64
            )
        assert not (tmp_path / "set").exists()

    def test_a_zip_gives_what_its_folder_gives(self, folder, tmp_path):
        with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
            for file in folder.iterdir():
                archive.write(file, file.name)
        for name, source in (("a", folder), ("b", tmp_path / "p.zip")):
            prepare(open_source(str(source), 64), tmp_path / name, FixedCrop(), 64)
        for file in ("images.npy", "index.csv"):
            assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()

    def test_drawn_sets_keep_their_factors(self, faces):
        assert faces.factors is not None
        assert faces.factors.shape == (64, len(faces.factor_names))
        smiling = faces.attributes[:, faces.attribute_names.index("Smiling")]
        smile = faces.factors[:, faces.factor_names.index("smile")]
        assert smile[smiling > 0].min() > smile[smiling < 0].max()


class TestOpening:
    @pytest.fixture
    def broken(self, folder, tmp_path):
        prepare(open_source(str(folder), 64), tmp_path / "set", FixedCrop(), 64)
        return tmp_path / "set"

    def test_corrupt_images_are_said(self, broken):
        images = broken / "images.npy"
        images.write_bytes(images.read_bytes()[:5000])
        with pytest.raises(UnusableInput, match=r"images\.npy is broken"):
            FaceSet.open(broken)
        images.write_bytes(b"nonsense")
        with pytest.raises(UnusableInput, match=r"images\.npy is broken"):
            FaceSet.open(broken)

    def test_changed_pixels_do_not_pass_verification(self, broken):
        content = bytearray((broken / "images.npy").read_bytes())
        content[-1] ^= 1
        (broken / "images.npy").write_bytes(content)
        with pytest.raises(UnusableInput, match="has changed"):
            FaceSet.open(broken).verify()

    def test_a_newer_set_and_a_missing_one_are_said(self, broken, tmp_path):
        file = broken / "faceset.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"version": 9}))
        with pytest.raises(UnusableInput, match="version 9"):
            FaceSet.open(broken)
        with pytest.raises(UnusableInput, match="no face set at"):
            FaceSet.open(tmp_path / "none")

    def test_an_index_of_other_length_is_said(self, broken):
        lines = (broken / "index.csv").read_text().splitlines()
        (broken / "index.csv").write_text("\n".join(lines[:-1]) + "\n")
        with pytest.raises(UnusableInput, match="9 rows for 10 faces"):
            FaceSet.open(broken)


class TestPhotographs:
    def test_a_picture_of_the_runs_size_is_taken_as_it_is(self, tmp_path):
        pixels = picture(64, 64)
        (tmp_path / "a.png").write_bytes(png(pixels))
        np.testing.assert_array_equal(
            crop_picture(tmp_path / "a.png", {"kind": "face"}, 64), pixels
        )

    def test_a_picture_without_a_face_and_a_missing_one_are_said(self, tmp_path):
        (tmp_path / "a.png").write_bytes(png(np.full((200, 200, 3), 128, np.uint8)))
        with pytest.raises(UnusableInput, match="no face was found"):
            crop_picture(tmp_path / "a.png", {}, 64)
        with pytest.raises(UnusableInput, match="no picture at"):
            crop_picture(tmp_path / "b.png", {}, 64)

    def test_most_photographs_have_a_face(self, real_data):
        files = sorted((real_data / "photos").glob("*.jpg"))[:60]
        found = 0
        for file in files:
            with suppress(UnusableInput):
                found += crop_picture(file, {"kind": "fixed"}, 64).shape == (64, 64, 3)
        assert found >= 0.9 * len(files)
