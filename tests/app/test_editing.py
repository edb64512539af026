"""Photographs are edited, edited again, and given back to the byte."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from PIL import Image

import lik
from finders import TwoFaces
from lik.app.calibrating import Calibrator
from lik.app.carrying import Carrier, decodings_of
from lik.app.directions import FitRequest, fit_directions, open_editor, traits_of
from lik.app.editing import editor_for, open_faces_of
from lik.app.edits import RECORD, Edit
from lik.app.guiding import distil_guide, fit_guided
from lik.app.hub_folder import copy_run
from lik.core.artifacts import sha256_of
from lik.core.errors import UnusableInput
from lik.faces.crop.cropping import Square
from lik.faces.motion import carry
from lik.faces.tinting import around_of
from lik.latent.directions.direction import saved_sets
from lik.latent.guided import GuidanceSettings
from lik.models.code_network import CodeNetwork, CodeNetworkSettings
from lik.models.saved import save_model


def smile(strength=9, **options):
    return Edit({"dimension:1": strength}, **options)


def test_no_strength_gives_every_byte_and_claims_nothing(run, photo, tmp_path):
    done = run.edit(photo, smile(0))
    np.testing.assert_array_equal(done.pixels, photo.photograph.pixels)
    text = Image.open(done.save(tmp_path / "a.png")).text
    assert "Description" not in text
    assert "Lik run" not in text


def test_an_edit_and_its_opposite_are_nothing(run, photo, tmp_path):
    there = run.edit(photo, smile("90.3"))
    assert (there.pixels != photo.photograph.pixels).any()
    there.save(tmp_path / "there.png")
    back = run.edit(photo, Edit.read(tmp_path / "there.png") + smile("-90.3"))
    np.testing.assert_array_equal(back.pixels, photo.photograph.pixels)
    again = run.edit(photo, Edit.read(tmp_path / "there.png"))
    np.testing.assert_array_equal(again.pixels, there.pixels)
    assert not [sentence for sentence in again.notices if "not be the same" in sentence]


def test_only_the_chosen_face_is_edited(run, photo):
    whole = photo.photograph.pixels
    first, second, both = (run.edit(photo, smile(), face).pixels for face in (1, 2, None))
    assert (first != whole).any()
    assert (second != whole).any()
    np.testing.assert_array_equal(first[:, 190:], whole[:, 190:])
    np.testing.assert_array_equal(second[:, :170], whole[:, :170])
    np.testing.assert_array_equal(both[:, :170], first[:, :170])
    np.testing.assert_array_equal(both[:, 190:], second[:, 190:])
    with pytest.raises(UnusableInput, match="2 faces were found"):
        run.edit(photo, smile(), 3)


def test_company_does_not_show_in_the_last_bits(tmp_path):
    """Of the run that ships, whose decodings of several codes differ in theirs."""
    run = lik.load("faces")
    wall = np.full((260, 900, 3), 120, np.uint8)
    for left, face in zip((60, 660), run.sample(2, seed=3, temperature=0.8).pictures, strict=True):
        wall[60:188, left : left + 128] = face.repeat(2, axis=0).repeat(2, axis=1)
    Image.fromarray(wall).save(tmp_path / "two.png")
    eyes = [(left + 45.5, 119.5, left + 84.5, 119.5) for left in (60, 660)]
    two = run.open_photograph(tmp_path / "two.png", eyes=eyes, invert=0)
    smiling = Edit({"Smiling": 1})
    both, first, second = (run.edit(two, smiling, face).pixels for face in (None, 1, 2))
    np.testing.assert_array_equal(both, np.where(first == two.photograph.pixels, second, first))


def test_what_is_around_a_face_is_looked_at_before_others_change(run, photo, monkeypatch):
    looked_at = []

    def watched(picture, *others):
        looked_at.append(picture.copy())
        return around_of(picture, *others)

    monkeypatch.setattr("lik.app.editing.around_of", watched)
    run.edit(photo, smile())
    assert len(looked_at) == 2
    for picture in looked_at:
        np.testing.assert_array_equal(picture, photo.photograph.pixels)


def test_sets_of_crops_change_as_photographs_do(run, photo):
    crops = np.stack([face.pixels for face in photo.photograph.faces])
    moved = photo.codes + np.float32(2)
    carried = Carrier(run, crops, photo.codes).carried(moved)
    sides = decodings_of(run, photo.codes, moved)
    square = Square(0, 0, run.size)
    for crop, two, own in zip(crops, sides, carried, strict=True):
        np.testing.assert_array_equal(own, carry(crop, square, np.float32(crop / 255), two))
        assert (own != crop).any()


def test_the_record_says_what_was_done_and_no_path(run, photo, tmp_path):
    done = run.edit(photo, smile() + Edit({"Smiling": 0.5}), 1)
    file = done.save(tmp_path / "a.png")
    text = Image.open(file).text
    record = json.loads(text[RECORD])
    assert record["strengths"] == {"dimension:1": "9", "Smiling": "0.5"}
    assert (record["face"], record["mode"], record["method"]) == (1, "transfer", "joint")
    assert record["run"] == "toy"
    assert len(record["model_sha256"]) == 64
    assert str(tmp_path) not in json.dumps(record)
    assert "edited by a generative model" in text["Description"]


def test_plain_decodings_stand_side_by_side(run, photo):
    assert run.edit(photo, smile(mode="decode")).pixels.shape == (16, 32, 3)


def test_directions_are_fitted_once_and_kept(run, photo):
    told = []
    run.edit(photo, Edit({"Smiling": 1}), notify=told.append)
    assert "fitted and kept beside the run" in " ".join(told)
    assert saved_sets(run.path) == ["joint"]
    anew, told = lik.load(run.path), []
    anew.metadata["crop"] = {"kind": "aligned"}
    done = anew.edit(photo, Edit({"Smiling": 1}), notify=told.append)
    assert not told
    np.testing.assert_array_equal(done.pixels, run.edit(photo, Edit({"Smiling": 1})).pixels)


def test_directions_of_other_weights_are_refused(run, photo):
    fit_directions(run, FitRequest("means"))
    file = run.path / "directions" / "means.json"
    file.write_text(file.read_text().replace(run.encoder_sha256, "0" * 64))
    with pytest.raises(UnusableInput, match="other weights"):
        lik.load(run.path).edit(photo, Edit({"Smiling": 1}, method="means"))


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (Edit({"Smilling": 1}), "'Smiling'"),
        (Edit({"Smilling": 0}), "'Smiling'"),
        (Edit({"dimension:9": 1}), "no latent dimension 9"),
        (Edit({"dimension:x": 1}), "names no dimension"),
        (Edit({"Smiling": 1}, method="nobody"), "no directions 'nobody'"),
        (Edit({}, {"Smiling": 0.9}), "needs a network"),
        (Edit({"Smiling": 1}, method="guided"), "need a network"),
    ],
)
def test_what_cannot_be_edited_is_said(run, photo, edit, words):
    with pytest.raises(UnusableInput, match=words):
        run.edit(photo, edit)


def test_a_probability_is_told_before_and_after(run, photo, classifier):
    done = run.edit(photo, Edit({}, {"Smiling": 0.6}), classifiers=[classifier])
    assert set(done.before) == set(done.after) == {"Smiling"}
    assert len(done.after["Smiling"]) == 2
    with pytest.raises(UnusableInput, match="guided edits alone"):
        run.edit(photo, Edit({}, {"Smiling": 0.6}), classifiers=[classifier, classifier])


@pytest.fixture
def few_steps(monkeypatch):
    few = GuidanceSettings(steps=20, rate=0.3, distance=9.0, max_logit_first=3.0, max_logit=9.0)
    monkeypatch.setattr("lik.latent.editing.GuidanceSettings", lambda: few)
    return few


def test_guided_edits_repeat_to_the_byte_and_are_taken_back(
    run, photo, classifier, few_steps, tmp_path
):
    fit_guided(run, [str(classifier)])
    edit = Edit({"Smiling": 1}, method="guided")
    done = run.edit(photo, edit)
    assert done.record.guidance == few_steps
    assert done.record.networks == (run.classifier(classifier).sha256,)
    done.save(tmp_path / "a.png")
    again = run.edit(photo, Edit.read(tmp_path / "a.png"))
    np.testing.assert_array_equal(again.pixels, done.pixels)
    back = run.edit(photo, Edit.read(tmp_path / "a.png") + Edit({"Smiling": -1}))
    np.testing.assert_array_equal(back.pixels, photo.photograph.pixels)
    file = run.path / "directions" / "guided.json"
    file.write_text(file.read_text().replace(str(classifier), "elsewhere"))
    with pytest.raises(UnusableInput, match="does not know where it is"):
        run.edit(photo, Edit.read(tmp_path / "a.png"))
    given = run.edit(photo, Edit.read(tmp_path / "a.png"), classifiers=[str(classifier)])
    np.testing.assert_array_equal(given.pixels, done.pixels)


@pytest.fixture
def quickly_calibrated(monkeypatch):
    monkeypatch.setattr("lik.app.calibrating.CALIBRATED_ON", 6)


@pytest.fixture
def uncalibrated(monkeypatch):
    monkeypatch.setattr("lik.app.guiding.Calibrator.calibrations", lambda *_: {})


@pytest.mark.usefixtures("quickly_calibrated")
def test_a_distilled_guide_reads_codes_and_guides_where_nobody_names_a_network(
    run, photo, classifier, tmp_path
):
    statistics, explained = distil_guide(run, [str(classifier)], count=3000)
    edit = Edit({"Smiling": 1}, method="guided")
    done = run.edit(photo, edit)
    assert done.record.networks == (sha256_of(run.folder.guide),)
    assert set(statistics.stds) == {*done.record.networks, run.classifier(classifier).sha256}
    assert set(explained) == set(run.classifier(classifier).network.attributes)
    assert done.record.guidance == GuidanceSettings.reading_codes()
    told = dict(traits_of(run, "guided"))
    assert open_editor(run, "guided").length("Smiling", 1) == told["Smiling"].length
    assert open_editor(run, "guided").length("Smiling", -1) == statistics.away["Smiling"].length
    done.save(tmp_path / "a.png")
    again = lik.load(run.path).edit(photo, Edit.read(tmp_path / "a.png"))
    np.testing.assert_array_equal(again.pixels, done.pixels)
    looking = open_editor(run, "guided", [str(classifier)])  # it may still be named
    assert looking.reader is None
    run.folder.guide.rename(tmp_path / "guide")
    assert traits_of(run, "guided") == []  # what is left guides by pictures
    (tmp_path / "guide").rename(run.folder.guide)
    assert looking.length("Smiling", 1) == 1  # for what was found by the guide says nothing of it
    other = editor_for(run, Edit.read(tmp_path / "a.png"), [str(classifier)])
    assert other.settings == GuidanceSettings()  # not as what reads codes is weighed
    elsewhere = tmp_path / "moved"
    shutil.copytree(run.path, elsewhere)
    assert open_editor(lik.load(elsewhere), "guided").reader


@pytest.mark.usefixtures("uncalibrated")
def test_a_distilled_guide_is_published_and_names_no_place(run, classifier, tmp_path):
    distil_guide(run, [str(classifier)], count=600)
    out = tmp_path / "out"
    out.mkdir()
    copy_run(run, out, print)
    assert open_editor(lik.load(out), "guided").reader
    for file in (out / "guide.safetensors", out / "directions" / "guided.json"):
        assert str(classifier.parent).encode() not in file.read_bytes()


@pytest.mark.usefixtures("uncalibrated")
def test_without_the_guide_the_networks_it_learned_from_guide(run, classifier):
    statistics, _ = distil_guide(run, [str(classifier)], count=600)
    assert list(statistics.paths) == [run.classifier(classifier).sha256]
    run.folder.guide.unlink()
    assert open_editor(run, "guided").networks == [run.classifier(classifier).sha256]


@pytest.mark.usefixtures("uncalibrated")
@pytest.mark.parametrize(
    ("latent", "names", "words"),
    [(3, None, "reads codes of 3 numbers"), (4, ("a", "b"), "other attributes")],
)
def test_a_guide_of_something_else_is_refused(run, classifier, latent, names, words):
    statistics, _ = distil_guide(run, [str(classifier)], count=600)
    settings = CodeNetworkSettings(latent=latent, attributes=names or statistics.attributes)
    save_model(run.folder.guide, CodeNetwork(settings), settings, {})
    stds = {sha256_of(run.folder.guide): (1.0,) * len(statistics.attributes)}
    statistics.model_copy(update={"stds": stds}).save(run.path)
    with pytest.raises(UnusableInput, match=words):
        open_editor(run, "guided")


@pytest.mark.usefixtures("uncalibrated")
def test_a_guide_that_is_broken_leaves_the_way_to_others(run, classifier):
    distil_guide(run, [str(classifier)], count=600)
    run.folder.guide.write_bytes(run.folder.guide.read_bytes()[:500])
    fit_guided(run, [str(classifier)])  # other networks serve meanwhile
    assert open_editor(run, "guided").reader is None


def test_networks_that_guide_are_different_ones(run, classifier):
    with pytest.raises(UnusableInput, match="given twice"):
        fit_guided(run, [str(classifier), str(classifier)])
    with pytest.raises(UnusableInput, match="need a network"):
        fit_guided(run, [])


@pytest.mark.parametrize("method", ["means", "joint", "logistic", "svm", "pca", "jacobian"])
def test_every_method_leaves_directions_beside_the_run(run, method):
    fitted = fit_directions(run, FitRequest(method, count=3))
    assert lik.load(run.path).directions(method).made == fitted.made
    assert fitted.made["faces_sha256"] == run.faces().hash
    assert all(found.vector.shape == (4,) for found in fitted.directions.values())


@pytest.mark.usefixtures("quickly_calibrated")
def test_a_network_calibrates_strengths_and_kept_traits_stay(run, classifier):
    request = FitRequest("svm", "calm", classifiers=[str(classifier)], keep=["Eyeglasses"])
    fitted = fit_directions(run, request)
    smile, glasses = (fitted.direction(name).vector for name in ("Smiling", "Eyeglasses"))
    assert np.linalg.norm(smile) == pytest.approx(fitted.calibrations["Smiling"].length, rel=1e-4)
    assert abs(smile @ glasses) < 1e-3 * np.linalg.norm(smile) * np.linalg.norm(glasses)
    told = traits_of(run, "calm")
    shares = [found.plain for _, found in told]
    assert shares == sorted(shares, reverse=True)
    assert all(name not in found.along and len(found.along) <= 3 for name, found in told)


def test_traits_that_all_faces_have_or_none_are_left_out_and_said(run, classifier):
    faces, said = run.faces(), []
    column = faces.attribute_names.index("Smiling")
    labels = np.array(faces.attributes)
    labels[:, column] = 1
    constant = dataclasses.replace(faces, attributes=labels)
    networks = [run.classifier(classifier)]
    none = Calibrator(run, constant, networks, ["Smiling"], lambda *_: None, said.append)
    assert none.calibrations(lambda name, codes: lambda length: codes, [1.0]) == {}
    assert said == ["Smiling is not calibrated: no faces have it, or all."]


def test_a_direction_by_example_leads_from_some_pictures_to_others(run, faces, tmp_path):
    for folder, part in (("with", faces.images[:3]), ("without", faces.images[3:7])):
        (tmp_path / folder).mkdir()
        for number, picture in enumerate(part):
            Image.fromarray(picture).save(tmp_path / folder / f"{number}.png")
    given = [str(tmp_path / "with")], [str(tmp_path / "without")]
    fitted = fit_directions(run, FitRequest(name="mine", having=given[0], lacking=given[1]))
    wanted = run.encode(faces.images[:3]).mean(0) - run.encode(faces.images[3:7]).mean(0)
    np.testing.assert_allclose(fitted.direction("mine").vector, wanted, atol=1e-5)
    with pytest.raises(UnusableInput, match="a direction by example needs"):
        fit_directions(run, FitRequest(having=given[0]))


def test_a_traversal_passes_through_the_code_itself(run):
    codes = run.sample(3).codes
    found = run.traverse(codes, "Smiling", steps=5)
    assert found.codes.shape == (3, 5, 4)
    assert found.pictures.shape == (3, 5, 16, 16, 3)
    np.testing.assert_allclose(found.codes[:, 2], codes, atol=1e-6)
    np.testing.assert_allclose(run.traverse(codes, "dimension:2").codes[0, :, 2][[0, -1]], [-3, 3])


def test_mixing_ends_where_it_should(run):
    first, second = run.sample(2, seed=1).codes, run.sample(2, seed=2).codes
    np.testing.assert_array_equal(run.mix(first, second, 0), first)
    np.testing.assert_array_equal(run.mix(first, second, 1), second)


def test_photographs_that_are_opened_together_are_as_if_alone(run, photo, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    paths = [photo.given] * 9 + [broken, photo.given]
    *opened, refused, last = open_faces_of(run, paths, finder=TwoFaces())
    assert isinstance(refused, UnusableInput)
    assert len(opened) == 9
    for one in [*opened, last]:
        np.testing.assert_allclose(one.codes, photo.codes, atol=1e-5)
        assert np.array_equal(one.photograph.pixels, photo.photograph.pixels)
