import json
import shutil

import cv2
import numpy as np
import pytest
from PIL import Image

from lik.app.sampling import code_source
from lik.app.selection import Selection, open_given
from lik.app.views import (
    draw_average,
    draw_map,
    draw_morph,
    draw_reconstructions,
    film_morph,
    open_ends,
)
from lik.core.errors import UnusableInput
from lik.faces.set.faceset import FaceSet

ALL = Selection()


@pytest.fixture
def folder(faces, tmp_path):
    """Four pictures that can be used, after one file that cannot, and a hidden one."""
    folder = tmp_path / "holiday"
    folder.mkdir()
    (folder / "1.txt").write_text("no picture")
    for number in (2, 3, 4, 5):
        Image.fromarray(faces.images[number]).save(folder / f"{number}.png")
    shutil.copy(folder / "2.png", folder / ".2.png")
    return folder


@pytest.fixture
def odd(faces, tmp_path):
    """The face set, its attribute Smiling called by a name that is a path, or worse."""

    def renamed(name):
        path = tmp_path / "odd"
        shutil.copytree(faces.path, path)
        for file, written in (("faceset.json", json.dumps(name)[1:-1]), ("index.csv", f'"{name}"')):
            text = (path / file).read_text()
            (path / file).write_text(text.replace("Smiling", written))
        assert name in FaceSet.open(path).attribute_names
        return path

    return renamed


class TestGiven:
    def test_of_a_folder_what_has_a_face_is_taken(self, run, folder):
        notices = []
        shown = open_given(run, Selection(count=3), [folder], notify=notices.append)
        assert shown.names == ["2.png", "3.png", "4.png"]
        assert shown.description == "3 given pictures"
        assert "1 file was passed over; the first: " in notices[0]
        assert "1.txt" in notices[0]
        assert len(open_given(run, ALL, [folder]).names) == 4

    @pytest.mark.parametrize("by", ["given", "faces", "own"])
    def test_faces_of_a_set_are_drawn_alike_however_it_is_named(self, run, faces, by):
        given = [faces.path] if by == "given" else []
        chosen = Selection("train", count=5, seed=3)
        shown = open_given(run, chosen, given, faces.path if by == "faces" else None)
        indices = chosen.of(faces)
        np.testing.assert_array_equal(shown.pictures, faces.images[indices])
        assert shown.names == [faces.names[index] for index in indices]
        assert shown.description == "5 train faces of the set “drawn”"

    @pytest.mark.parametrize(
        ("given", "count", "words"),
        [("1.txt", 1, "1.txt"), ("none.png", 1, "no picture at"), ("", -2, "at least 1, not -2")],
    )
    def test_what_is_named_must_be_usable(self, run, folder, given, count, words):
        with pytest.raises(UnusableInput, match=words):
            open_given(run, Selection(count=count), [folder / given])

    def test_a_folder_without_pictures_is_refused(self, run, folder):
        for file in folder.glob("*.png"):
            file.unlink()
        with pytest.raises(UnusableInput, match="none of the 1 files"):
            open_given(run, ALL, [folder])
        (folder / "1.txt").unlink()
        with pytest.raises(UnusableInput, match="holds no pictures"):
            open_given(run, ALL, [folder])


def test_reconstructions_are_what_the_session_gives(run, faces):
    shown = open_given(run, Selection("test", count=3))
    drawn = draw_reconstructions(run, shown, columns=2)
    reconstructed = run.session.reconstruct(shown.pictures)
    np.testing.assert_array_equal(drawn.arrays["reconstructions"], reconstructed)
    np.testing.assert_array_equal(drawn.arrays["originals"], shown.pictures)


def test_the_average_is_the_mean_of_the_codes_decoded(run, faces):
    drawn = draw_average(run, Selection("train", ["Smiling"], ["Eyeglasses"]), pixels=True)
    columns = [faces.attributes[:, faces.attribute_names.index(name)]
               for name in ("Smiling", "Eyeglasses")]  # fmt: skip
    chosen = (faces.splits == "train") & (columns[0] > 0) & (columns[1] <= 0)
    code = run.session.encode(faces.images[chosen]).mean(axis=0)
    np.testing.assert_allclose(drawn.arrays["code"], code, atol=1e-6)
    pixels = faces.images[chosen].mean(axis=0)
    np.testing.assert_allclose(drawn.arrays["pictures"][1], pixels, atol=0.51)
    assert drawn.name == "average-Smiling-no-Eyeglasses.png"


@pytest.mark.parametrize("name", ["x/../../../evil", "[/foo]", "a, b", "$\\foo$", "hair=blond"])
def test_attributes_of_any_name_are_drawn_inside_the_run(run, odd, name):
    path = odd(name)
    for drawn in (
        draw_average(run, Selection("all", [name]), path),
        draw_map(run, Selection(count=20), path, attribute=name),
    ):
        figure = run.figures / drawn.name
        assert figure.parent == run.figures
        assert ".." not in figure.parts


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_a_map_has_a_point_for_each_face(run, method):
    drawn = draw_map(run, Selection(count=20), method=method)
    assert drawn.name == f"map-{method}.png"
    assert drawn.arrays["points"].shape == (20, 2)
    assert np.isfinite(drawn.arrays["points"]).all()


def test_equal_codes_have_no_map(run):
    run.session.encode = lambda pictures: np.ones((len(pictures), 4), np.float32)
    for method in ("pca", "tsne"):
        with pytest.raises(UnusableInput, match="all the same"):
            draw_map(run, Selection(count=20), method=method)


class TestMorphs:
    def test_generated_ends_are_drawn_from_the_code_source(self, run):
        drawn = draw_morph(run, open_ends(run, ["seed:1", "seed:2"]), side=16, steps=3)
        codes = np.concatenate([code_source(run, usual=0.8)(1, seed) for seed in (1, 2)])
        sheet = np.asarray(drawn.image)
        for x, picture in zip((20, 60), run.session.decode(codes), strict=True):
            np.testing.assert_allclose(sheet[-36:-20, x : x + 16].astype(int), picture, atol=1)

    def test_faces_of_a_set_and_photographs_show_their_own_pixels(self, run, faces, folder):
        shutil.copytree(faces.path, folder / "a:b")
        names = [f"{folder / 'a:b'}:{faces.names[7]}", str(folder / "3.png")]
        sheet, plain = (
            np.asarray(draw_morph(run, open_ends(run, names, 16, plain), side=16, steps=2).image)
            for plain in (False, True)
        )
        np.testing.assert_array_equal(sheet[-36:-20, 20:36], faces.images[7])
        np.testing.assert_array_equal(sheet[-36:-20, 40:56], faces.images[3])
        assert (plain[-36:-20, 20:36] != faces.images[7]).any()

    def test_films_go_there_and_back(self, run, tmp_path):
        ends = open_ends(run, ["seed:1", "seed:2"], 17)
        for name in ("a.gif", "a.mp4"):
            film_morph(run, ends, tmp_path / name, side=17, seconds=1, per_second=6)
            film = cv2.VideoCapture(str(tmp_path / name))
            assert film.get(cv2.CAP_PROP_FRAME_WIDTH) == 18
        with Image.open(tmp_path / "a.gif") as film:
            assert film.n_frames == 6

    @pytest.mark.parametrize(
        ("names", "path", "words"),
        [
            (["seed:1"], "straight", "2 faces, or 4"),
            (["seed:1", "seed:x"], "straight", "no seed"),
            (["seed:1", "seed:2"], "round", "no path 'round'"),
            (["seed:1", "none.jpg"], "straight", "no picture at none.jpg"),
            (["seed:1", "{faces}:none"], "straight", "no face 'none'"),
        ],
    )
    def test_ends_that_are_none_are_refused(self, run, faces, names, path, words):
        with pytest.raises(UnusableInput, match=words):
            draw_morph(run, open_ends(run, [name.format(faces=faces.path) for name in names]), path)

    def test_a_film_of_four_is_refused(self, run, tmp_path):
        with pytest.raises(UnusableInput, match="between 2 faces"):
            film_morph(run, open_ends(run, ["seed:1"] * 4), tmp_path / "a.gif")
