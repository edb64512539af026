import base64
import csv
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from lik.app.inspecting import inspect
from lik.faces.drawn import rendering as drawn
from lik.faces.set.faceset import BOX_COLUMNS, MEASURES, VERSION, FaceSet
from lik.faces.set.statistics import correlations, frequencies, members, strongest
from terminal import refuse, run_lik, succeed


@pytest.fixture
def face_set(tmp_path):
    """Makes a set in a folder, out of pictures, columns and what was left out."""

    def write(path, rows):
        with open(path, "w", newline="") as file:
            csv.writer(file).writerows(rows)

    def make(pictures, measures=None, attributes=None, rejected=(), splits=None):
        out = tmp_path / "set"
        out.mkdir()
        np.save(out / "images.npy", np.stack(pictures))
        attributes, count = attributes or {}, len(pictures)
        numbers = (
            dict.fromkeys(BOX_COLUMNS + MEASURES, [""] * count) | (measures or {}) | attributes
        )
        rows = [["name", "split", *numbers]]
        for i, split in enumerate(splits or ["train"] * count):
            rows.append([f"a/<face> {i}.jpg", split, *(column[i] for column in numbers.values())])
        write(out / "index.csv", rows)
        seen = [picture for _, _, picture in rejected if picture is not None]
        if seen:
            np.save(out / "rejected.npy", np.stack(seen))
        number = iter(range(len(seen)))
        shown = [[n, why, "" if p is None else next(number)] for n, why, p in rejected]
        write(out / "rejected.csv", [["name", "reason", "thumbnail"], *shown])
        description = {
            "format": "lik-faceset", "version": VERSION, "source": "folder <tests>",
            "detector": None, "crop": {"kind": "whole"}, "size": pictures[0].shape[0],
            "pictures": count + len(rejected), "kept": count, "splits": {"train": count},
            "rejected": {reason: 1 for _, reason, _ in rejected},
            "attribute_names": list(attributes), "job": {}, "fingerprint": "",
            "sha256": {"images.npy": "0" * 64, "index.csv": "0" * 64},
        }  # fmt: skip
        (out / "faceset.json").write_text(json.dumps(description))
        return out

    return make


def people(count, size=64):
    return [drawn.render(drawn.sample_factors(2, i), size) for i in range(count)]


def pictures_in(page):
    found = re.findall(r'src="data:image/\w+;base64,([^"]+)"', page)
    return [Image.open(io.BytesIO(base64.b64decode(data))) for data in found]


def test_the_page_stands_alone_and_says_that_it_is_private(faces):
    answer = succeed("inspect", faces.path)
    page = (faces.path / "inspect.html").read_text()
    assert str(faces.path / "inspect.html") in answer.output
    assert "Private" in page
    assert len(pictures_in(page)) >= 5
    assert not re.search(r'(src|href)="(?!data:)', page)
    faces.verify()  # the set itself is as it was
    for words in ("64 of 16×16", "Smiling", "sharpness", "--min-sharpness", "go together"):
        assert words in answer.output


def test_json_holds_the_same_for_programs(faces):
    out = faces.path / "inspect.html"
    answer = json.loads(run_lik("inspect", faces.path, "--json").output)
    assert answer["faces"] == 64
    assert sum(answer["splits"].values()) == 64
    assert answer["page"] == str(out)
    assert answer["measures"]["sharpness"]["known"] == 64
    assert answer["measures"]["score"] is None
    smiling = next(a for a in answer["attributes"] if a["name"] == "Smiling")
    column = faces.attributes[:, faces.attribute_names.index("Smiling")]
    assert smiling["overall"] == pytest.approx((column > 0).mean())
    assert all(-1 <= pair["value"] <= 1 for pair in answer["correlations"])


def test_the_page_goes_where_it_is_asked_to(face_set, tmp_path):
    path, out = face_set(people(2)), tmp_path / "new" / "page.html"
    succeed("inspect", path, "--out", out)
    assert out.is_file()
    assert not (path / "inspect.html").exists()


def test_everything_that_a_set_can_have_is_shown(face_set):
    faces = people(40)
    faces[7] = faces[3]
    rng = np.random.default_rng(0)
    path = face_set(
        faces,
        {
            "score": rng.uniform(0.5, 1, 40), "detected": rng.uniform(30, 90, 40),
            "sharpness": rng.uniform(0, 1, 40), "brightness": rng.uniform(0.2, 0.9, 40),
            "padding_fraction": [0] * 30 + [0.1] * 10,
            "duplicate": ["", "", "", 0, "", "", "", 0, *[""] * 32],
        },
        {"Smiling": [1, -1] * 20, "Hat": [-1, 1] * 20, "Age": list(range(40)), "Dark": [""] * 40},
        [("b/none.jpg", "no face found", faces[0]), ("b/<i>.jpg", "the picture is broken", None)],
        ["train"] * 5 + ["test"] * 35,
    )  # fmt: skip
    answer = succeed("inspect", path)
    page = (path / "inspect.html").read_text()
    for heading in ("The faces", "Measures", "Sharpness", "Brightness: the darkest", "Detection",
                    "The smallest detections", "Padding", "Near-duplicates", "Left out",
                    "Attributes", "Attributes with numbers", "What goes together"):  # fmt: skip
        assert f"<h2>{heading}" in page, heading
    assert "as 1 of these groups do" in page
    assert "no face found" in page
    assert "&lt;i&gt;.jpg" in page
    assert "<tests>" not in page
    assert "<i>" not in page
    assert "Hat – Smiling" in answer.output.replace("Smiling – Hat", "Hat – Smiling")
    assert "−1.00" in answer.output
    assert "2 faces in 1 group\n" in answer.output


@pytest.mark.parametrize("count", [1, 2, 9, 11])
def test_tiny_sets_without_attributes_are_shown(face_set, count):
    path = face_set(people(count), {"sharpness": range(count)})
    answer = succeed("inspect", path)
    page = (path / "inspect.html").read_text()
    assert "<h2>The faces" in page
    assert ("<h2>Sharpness" in page) == (count >= 10)
    assert "go together" not in answer.output


def test_flat_and_equal_faces_are_shown(face_set):
    path = face_set([np.full((64, 64, 3), 9, np.uint8)] * 12, {"duplicate": [0] * 12})
    answer = succeed("inspect", path)
    assert "12 faces in 1 group" in answer.output


def test_a_large_set_gives_a_small_page(face_set):
    faces = people(8, 32)
    many = [faces[i % 8] for i in range(3000)]
    rng = np.random.default_rng(0)
    path = face_set(
        many,
        {"sharpness": rng.uniform(size=3000), "duplicate": np.arange(3000) // 2},
        {f"a{k}": rng.choice([-1, 1], 3000) for k in range(40)},
    )
    succeed("inspect", path)
    assert (path / "inspect.html").stat().st_size < 3_000_000


def test_limits_are_named_by_who_shows_them(faces, tmp_path):
    found = inspect(faces.path)
    limit, count = found.limits["min_sharpness"]
    assert (faces.measures["sharpness"] < limit).sum() == count == 1
    for words, shown in ((None, f"min_sharpness = {limit:g}"), ("{}!{}".format, "min_sharpness!")):
        found.write_page(tmp_path / "page.html", in_words=words)
        assert shown in (tmp_path / "page.html").read_text()
    assert "--" not in re.sub(
        "<style>.*</style>", "", (tmp_path / "page.html").read_text(), flags=re.S
    )


def test_what_is_no_face_set_gets_one_sentence(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        refuse("", "inspect", path)


def test_correlations_are_those_of_numpy_over_what_both_know():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(200, 4)) @ rng.normal(size=(4, 4)) + 100
    values[rng.random(values.shape) < 0.2] = np.nan
    found = correlations(values)
    for i in range(4):
        for j in range(4):
            both = ~np.isnan(values[:, i]) & ~np.isnan(values[:, j])
            expected = np.corrcoef(values[both, i], values[both, j])[0, 1]
            assert found[i, j] == pytest.approx(expected, abs=1e-9)


def test_correlations_pass_over_what_does_not_vary_or_is_not_known():
    rng = np.random.default_rng(0)
    values = np.stack(
        [rng.choice([-1.0, 1.0], 50), np.ones(50), np.full(50, np.nan), rng.normal(size=50)], axis=1
    )
    found = correlations(values)
    assert np.isnan(found[1]).all()
    assert np.isnan(found[:, 2]).all()
    assert found[0, 0] == pytest.approx(1)
    assert [(p.first, p.second) for p in strongest(found, list("abcd"), 5)] == [("a", "d")]
    assert correlations(np.zeros((5, 0))).shape == (0, 0)


def test_frequencies_are_of_the_known(face_set):
    path = face_set(
        people(4, 16), attributes={"A": [1, -1, "", 1], "B": [2, 4, 6, ""], "C": [""] * 4},
        splits=["train", "train", "test", "test"],
    )  # fmt: skip
    a, b, c = frequencies(FaceSet.open(path))
    assert (a.binary, a.known, a.overall) == (True, 3, pytest.approx(2 / 3))
    assert a.of_split == {"train": 0.5, "test": 1.0}
    assert (b.binary, b.overall) == (False, 4.0)
    assert c.known == 0
    assert np.isnan(c.overall)


def test_groups_come_largest_first():
    numbers = np.array([np.nan, 0, 1, 1, 0, 1, np.nan])
    assert [group.tolist() for group in members(numbers)] == [[2, 3, 5], [1, 4]]
    assert members(np.full(3, np.nan)) == []
