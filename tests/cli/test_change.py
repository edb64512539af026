import json

import numpy as np
import pytest
from lik.cli.aims import Aim, shifts_to
from PIL import Image

from lik.faces.drawn import rendering as drawn
from terminal import run_lik


@pytest.fixture(scope="module")
def run(faces, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "toy"
    answer = run_lik("train", "paper-first", faces.path, path, "epochs=2", "model.latent=8",
                     "batch_size=16")  # fmt: skip
    assert answer.exit_code == 0, answer.output
    return path


def pixels(path):
    return np.asarray(Image.open(path))


def test_a_photograph_is_changed_and_says_so(run, photo, tmp_path):
    out = tmp_path / "out.png"
    answer = run_lik("change", run, photo, "--set", "Smiling=9", "--set", "dimension:2=5",
                     "-o", out)  # fmt: skip
    assert answer.exit_code == 0, answer.output
    changed, original = pixels(out), pixels(photo)
    assert changed.shape == original.shape
    assert (changed != original).any()
    np.testing.assert_array_equal(changed[200:], original[200:])
    text = Image.open(out).text
    assert "edited by a generative model" in text["Description"]
    told = json.loads(text["Lik change"])
    assert told["settings"] == {"Smiling": "9", "dimension:2": "5"}
    assert told["run"] == "toy"
    assert len(told["model_sha256"]) == len(told["recipe_sha256"]) == 64


def test_no_strength_returns_every_byte_and_claims_nothing(run, photo, tmp_path):
    out = tmp_path / "out.png"
    assert run_lik("change", run, photo, "--set", "Smiling=0", "-o", out).exit_code == 0
    np.testing.assert_array_equal(pixels(out), pixels(photo))
    assert "Description" not in Image.open(out).text


def test_like_repeats_a_change_and_the_opposite_takes_it_back(run, photo, tmp_path):
    out, again, back = (tmp_path / f"{name}.png" for name in ("out", "again", "back"))
    run_lik("change", run, photo, "--set", "Smiling=0.3", "--face", 2, "-o", out)
    answer = run_lik("change", run, photo, "--like", out, "-o", again)
    assert answer.exit_code == 0, answer.output
    np.testing.assert_array_equal(pixels(out), pixels(again))
    np.testing.assert_array_equal(pixels(out)[:, :170], pixels(photo)[:, :170])
    answer = run_lik("change", run, photo, "--like", out, "--set", "Smiling=-0.3", "-o", back)
    assert answer.exit_code == 0, answer.output
    np.testing.assert_array_equal(pixels(back), pixels(photo))
    assert "changed by Lik before" in run_lik(
        "change", run, out, "--set", "Smiling=1", "-o", back
    ).output  # fmt: skip


def test_the_plain_decodings_stand_side_by_side(run, photo, tmp_path):
    out = tmp_path / "out.png"
    run_lik("change", run, photo, "--set", "Smiling=1", "--mode", "decode", "-o", out)
    assert Image.open(out).size == (32, 16)


def test_a_crop_is_decoded_unless_transfer_is_wanted(run, tmp_path):
    crop = tmp_path / "crop.png"
    Image.fromarray(drawn.render(drawn.sample_factors(9, 9), 16)).save(crop)
    for mode, same in ((["--mode", "transfer"], True), ([], False)):
        out = tmp_path / "out.png"
        answer = run_lik("change", run, crop, "--set", "Smiling=0", *mode, "-o", out)
        assert answer.exit_code == 0, answer.output
        assert np.array_equal(pixels(out), pixels(crop)) == same


def test_a_folder_of_photographs_goes_to_a_folder(run, photo, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        Image.open(photo).save(folder / name)
    Image.new("RGB", (400, 400)).save(folder / "none.png")
    answer = run_lik("change", run, folder, "--set", "Smiling=1", "-o", tmp_path / "out")
    assert answer.exit_code == 0, answer.output
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.png", "b.png"]
    assert "1 picture was passed over" in answer.output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["{photo}", "--set", "Smilling=1"], "Did you mean 'Smiling'?"),
        (["{photo}", "--set", "Smilling=0"], "Did you mean 'Smiling'?"),
        (["{photo}", "--set", "Smiling"], "NAME=NUMBER"),
        (["{photo}", "--set", "dimension:9=1"], "no latent dimension 9"),
        (["{photo}", "--set", "dimension:x=1"], "names no dimension"),
        (["{photo}", "--set", "Smiling=1", "--face", "3"], "2 faces were found"),
        (["{photo}", "--set", "Smiling=1", "--mode", "sharp"], "no mode 'sharp'"),
        (["{photo}", "--set", "Smiling=1", "-a", "Smiling"], "draws strips"),
        (["{photo}", "--set", "Smiling=1", "-o", "{photo}"], "the photograph itself"),
        (["{photo}", "--set", "Smiling=1", "-o", "a.jpg"], "does not end in .png"),
        (["{photo}", "{photo}", "--set", "Smiling=1", "-o", "a.png"], "name a folder"),
        (["{photo}.no", "--set", "Smiling=1"], "no picture at"),
        (["{photo}", "--like", "{photo}"], "does not say that Lik has changed it"),
        (["--set", "Smiling=1"], "name one"),
        (["{photo}", "--face", "1"], "go with --set"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(run, photo, options, words):
    answer = run_lik("change", run, *(option.format(photo=photo) for option in options))
    assert answer.exit_code == 2, answer.output
    assert words in answer.output


def test_morphs_are_strips_squares_and_films(run, photo, faces, tmp_path):
    ends = [photo, "seed:3", f"{faces.path}:{faces.names[0]}", "seed:4"]
    options = ["--side", 32, "--seconds", 0.5, "--path", "spherical"]
    for out, given in (("a.png", ends[:2]), ("b.png", ends), ("c.gif", ends[1:3]),
                       ("d.mp4", ends[:2])):  # fmt: skip
        answer = run_lik("morph", run, *given, *options, "-o", tmp_path / out)
        assert answer.exit_code == 0, answer.output
        assert (tmp_path / out).stat().st_size > 100
    assert "generative model" in Image.open(tmp_path / "a.png").text["Description"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["seed:1"], "between 2 faces"),
        (["seed:1", "seed:x"], "is no seed"),
        (["seed:1", "nobody.jpg"], "no picture at"),
        (["seed:1", "seed:2", "--path", "round"], "no way 'round'"),
        (["seed:1", "seed:2", "seed:3", "seed:4", "-o", "a.gif"], "a film goes between 2"),
        (["seed:1", "seed:2", "-o", "a.avi"], "does not end in .png or .gif or .mp4"),
    ],
)
def test_morphs_that_cannot_be_are_said(run, options, words):
    answer = run_lik("morph", run, *options)
    assert answer.exit_code == 2
    assert words in answer.output


def test_the_mean_face_is_that_of_the_mean_code(run, faces, tmp_path):
    import lik

    answer = run_lik("average", run, "-a", "Smiling", "--without", "Eyeglasses", "--pixels",
                     "-o", tmp_path / "a.png", "--arrays", tmp_path / "a.npz")  # fmt: skip
    assert answer.exit_code == 0, answer.output
    names, labels = faces.attribute_names, faces.attributes
    chosen = (labels[:, names.index("Smiling")] > 0) & (labels[:, names.index("Eyeglasses")] <= 0)
    arrays = np.load(tmp_path / "a.npz")
    codes = lik.load(run).encode(np.asarray(faces.images)[chosen])
    np.testing.assert_allclose(arrays["code"], codes.mean(axis=0), atol=1e-5)
    mean = np.asarray(faces.images)[chosen].mean(axis=0)
    np.testing.assert_allclose(arrays["pictures"][1], mean, atol=0.51)
    refused = run_lik("average", run, "-a", "Smiling", "--without", "Smiling")
    assert refused.exit_code == 2
    assert "no face that is left" in refused.output


def test_fitted_directions_are_gone_along_and_repeated(run, photo, tmp_path):
    name = "Smiling"
    fitted = run_lik("fit-directions", run, "--method", "joint")
    assert fitted.exit_code == 0, fitted.output
    try:
        out, means = tmp_path / "out.png", tmp_path / "means.png"
        assert run_lik("change", run, photo, "--set", f"{name}=1", "-o", out).exit_code == 0
        told = json.loads(Image.open(out).text["Lik change"])
        assert told["method"] == "joint"
        command = ("change", run, photo, "--set", f"{name}=1", "--method", "means", "-o", means)
        assert run_lik(*command).exit_code == 0
        assert json.loads(Image.open(means).text["Lik change"])["method"] == "means"
        again = tmp_path / "again.png"
        assert run_lik("change", run, photo, "--like", means, "-o", again).exit_code == 0
        assert (pixels(again) == pixels(means)).all()
        assert json.loads(Image.open(again).text["Lik change"])["method"] == "means"
        refused = run_lik("change", run, photo, "--set", "Smilling=1", "-o", out)
        assert refused.exit_code == 2
        assert name in refused.output
    finally:
        for file in (run / "directions").iterdir():
            file.unlink()


def test_each_face_goes_as_far_as_its_own_aim_needs():
    vector = np.array([2.0, 0.0], np.float32)
    aim = Aim("trait", 0.9, vector, lambda codes: codes[:, 0])
    codes = np.array([[-1.0, 5.0], [0.5, 5.0], [4.0, 5.0]], np.float32)
    shifts = shifts_to([aim], codes, np.zeros(2, np.float32))
    np.testing.assert_allclose(aim.reached(codes + shifts), 0.9, atol=2e-3)
    assert not shifts[:, 1].any()
    assert shifts[0, 0] > shifts[1, 0] > 0 > shifts[2, 0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--to", "smile=0.9"], "--features"),
        (["--to", "smile=2"], "between 0 and 1"),
        (["--to", "smile"], "NAME=PROBABILITY"),
        (["--features", "net"], "--to"),
    ],
)
def test_aims_that_cannot_be_are_said(run, photo, options, words):
    answer = run_lik("change", run, photo, *options)
    assert answer.exit_code == 2
    assert words in " ".join(answer.output.split())
