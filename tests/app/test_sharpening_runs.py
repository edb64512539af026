"""A sharpened run: of its base it has codes, directions and priors, and it can fit codes."""

import shutil

import numpy as np
import pytest

import lik
from finders import TwoFaces, save_photograph
from lik.app.directions import FitRequest, fit_directions
from lik.app.editing import edit_photograph, open_face
from lik.app.edits import Edit
from lik.app.guiding import fit_guided
from lik.app.run import Run
from lik.app.sampling import PriorRequest, fit_prior
from lik.app.training import sharpen
from lik.core.errors import UnusableInput
from lik.faces.crop.cropping import WholeCrop
from lik.faces.io.sources import open_source
from lik.faces.set.faceset import FaceSet
from lik.faces.set.preparation import Plan, prepare
from lik.models.classifier import PlainSettings, load_attribute_classifier
from lik.models.saved import load_model, save_model

FEW = (
    "epochs=1", "batch_size=16", "model.refiner.widths=[8]", "model.refiner.blocks=[1]",
    "objective.layers=[0,1]", "objective.alone=1", "objective.rise=1",
)  # fmt: skip


@pytest.fixture
def sharp(run, faces, classifier, tmp_path):
    fit_directions(run, FitRequest("means"))
    fit_prior(run, PriorRequest("gaussian", name="g"))
    trained = sharpen(run.path, faces, tmp_path / "sharp", classifier, FEW, "cpu")
    assert trained.outcome.finished
    return Run(tmp_path / "sharp", "cpu")


def test_what_was_fitted_to_the_codes_goes_along(run, sharp, faces):
    assert np.array_equal(run.encode(faces.images[:4]), sharp.encode(faces.images[:4]))
    ours, theirs = (r.directions("means").direction("Smiling").vector for r in (sharp, run))
    assert np.array_equal(ours, theirs)
    assert np.array_equal(
        sharp.sample(2, seed=1, prior="g").codes, run.sample(2, seed=1, prior="g").codes
    )
    assert sharp.sha256 != run.sha256


def test_a_photograph_is_fitted_edited_and_given_back(sharp, tmp_path):
    sharp.metadata["crop"] = {"kind": "aligned"}
    path = save_photograph(tmp_path / "photo.png")
    photo = open_face(sharp, path, 3, TwoFaces())
    plain = open_face(sharp, path, 0, TwoFaces())
    assert (photo.inverted, plain.inverted) == (3, 0)
    assert not np.array_equal(photo.codes, plain.codes)
    smile = Edit({"Smiling": 50}, method="means")
    done = edit_photograph(sharp, photo, smile)
    assert done.record.inverted == 3
    assert (done.pixels != photo.photograph.pixels).any()
    done.save(tmp_path / "smile.png")
    back = Edit.read(tmp_path / "smile.png") + Edit({"Smiling": -50})
    assert np.array_equal(edit_photograph(sharp, photo, back).pixels, photo.photograph.pixels)
    other = edit_photograph(sharp, plain, Edit.read(tmp_path / "smile.png"))
    assert any("fitted otherwise" in notice for notice in other.notices)


def test_a_sharp_run_is_enlarged_by_faces_of_twice_the_size(sharp, classifier, tmp_path):
    prepare(open_source("drawn:32", 32), tmp_path / "larger", Plan(WholeCrop(), 32))
    large = FaceSet.open(tmp_path / "larger")
    sharpen(sharp.path, large, tmp_path / "large", classifier, FEW, "cpu")
    run = Run(tmp_path / "large", "cpu")
    assert run.size == 2 * sharp.size
    pictures = large.images[:3]
    halves = pictures.reshape(3, 16, 2, 16, 2, 3).mean(axis=(2, 4))
    codes = run.encode(pictures)
    assert np.allclose(codes, sharp.encode(np.rint(halves).astype(np.uint8)), atol=0.02)
    assert np.array_equal(run.directions("means").direction("Smiling").vector,
                          sharp.directions("means").direction("Smiling").vector)  # fmt: skip
    with pytest.raises(UnusableInput, match="takes pictures of shape"):
        run.encode(pictures[:, :, :20], invert=3)
    # Codes are fitted to what the smaller decoder can show.
    fitted = run.encode(pictures, invert=3)
    assert not np.array_equal(fitted, codes)
    run.metadata["crop"] = {"kind": "aligned"}
    photo = open_face(run, save_photograph(tmp_path / "photo.png"), 3, TwoFaces())
    done = edit_photograph(run, photo, Edit({"Smiling": 50}, method="means"))
    assert (done.pixels != photo.photograph.pixels).any()
    fit_guided(run, [str(classifier)])  # a network of the smaller faces
    guided = run.edit(photo, Edit({"Smiling": 1}, method="guided"))
    assert guided.pixels.shape == photo.photograph.pixels.shape


def test_codes_cannot_be_fitted_without_a_network(run, faces):
    with pytest.raises(UnusableInput, match="no network"):
        run.encode(faces.images[:2], invert=2)
    assert open_face(run, faces_picture(faces, run), finder=TwoFaces()).inverted == 0


def faces_picture(faces, run):
    run.metadata["crop"] = {"kind": "aligned"}
    return save_photograph(run.path / "photo.png")


@pytest.mark.parametrize("what", ["sharpened", "half"])
def test_what_cannot_be_sharpened_is_said(sharp, run, faces, classifier, tmp_path, what):
    base = sharp.path
    if what == "half":
        base = tmp_path / "half"
        shutil.copytree(run.path, base)
        saved = load_model(base / "model.safetensors")
        save_model(base / "model.safetensors", saved.model, saved.settings, {"parts": ["decoder"]})
    words = "sharpened already" if what == "sharpened" else "no encoder"
    with pytest.raises(UnusableInput, match=words):
        sharpen(base, faces, tmp_path / "again", classifier, FEW, "cpu")
    assert not (tmp_path / "again").exists()


def test_a_clip_that_would_not_be_heeded_is_refused(run, faces, classifier, tmp_path):
    with pytest.raises(UnusableInput, match="leave optimizer"):
        sharpen(run.path, faces, tmp_path / "x", classifier, ("optimizer.clip=9",), "cpu")


@pytest.mark.long
def test_calibrations_tell_how_far_people_move_where_the_network_knows_people(sharp, classifier):
    told = load_attribute_classifier(classifier)
    neck = {"neck_mean": [0.0] * 8, "neck_var": [1.0] * 8, "same_person": 0.5}
    settings = PlainSettings(size=16, attributes=told.network.attributes, widths=(4, 8))
    assert sharp.recogniser is None
    save_model(sharp.folder.features, told.network, settings, neck)
    run = Run(sharp.path, "cpu")
    found = fit_directions(run, FitRequest("means", classifiers=[str(classifier)])).calibrations
    people = [calibration.person for calibration in found.values()]
    assert all(person is not None and 0 <= person <= 1.05 for person in people)


def test_base_and_sharpened_are_evaluated_side_by_side(run, sharp):
    base, refined = (
        {metric.key: metric.value for metric in evaluation.metrics}
        for evaluation in lik.evaluate([run, sharp]).evaluations
    )
    assert base.keys() == refined.keys()
    assert base["kl"] == refined["kl"]
    assert base["ssim"] != refined["ssim"]
