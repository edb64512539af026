import json
import shutil

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

import lik
from lik.core.artifacts import sha256_of
from lik.latent.direction_sets import DirectionSet
from terminal import run_lik


@pytest.fixture(scope="module")
def run(faces, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "toy"
    answer = run_lik("train", "paper-first", faces.path, path, "epochs=1", "model.latent=6",
                     "batch_size=16")  # fmt: skip
    assert answer.exit_code == 0, answer.output
    return path


@pytest.fixture(scope="module")
def networks(faces, tmp_path_factory):
    folder = tmp_path_factory.mktemp("networks")
    for seed in (0, 1):
        answer = run_lik("train-classifier", faces.path, folder / str(seed), "epochs=1",
                         "model.widths=[4,8]", f"seed={seed}")  # fmt: skip
        assert answer.exit_code == 0, answer.output
    return [folder / "0", folder / "1"]


@pytest.mark.parametrize("method", ["means", "joint", "logistic", "svm", "pca", "jacobian"])
def test_every_method_leaves_directions_beside_the_run(run, method):
    answer = run_lik("fit-directions", run, "--method", method, "-n", 3)
    assert answer.exit_code == 0, answer.output
    fitted = DirectionSet.load(run, method, sha256_of(run / "model.safetensors"))
    assert fitted.made["method"] == method
    assert fitted.made["faces_sha256"]
    assert all(found.vector.shape == (6,) for found in fitted.directions.values())


def test_a_network_calibrates_the_strength(run, networks):
    answer = run_lik("fit-directions", run, "--method", "svm", "--keep", "Eyeglasses", "--features",
                     networks[0], "--name", "calm")  # fmt: skip
    assert answer.exit_code == 0, answer.output
    assert "median probability" in answer.output
    fitted = DirectionSet.load(run, "calm")
    assert set(fitted.calibrations) == set(fitted.directions)
    smile, male = fitted.direction("Smiling"), fitted.direction("Eyeglasses")
    length = fitted.calibrations["Smiling"].length
    assert np.linalg.norm(smile.vector) == pytest.approx(length, rel=1e-4)
    assert abs(smile.vector @ male.vector) < 1e-3 * length * np.linalg.norm(male.vector)


def test_a_direction_by_example_leads_from_some_pictures_to_others(run, faces, tmp_path):
    for folder, part in (("with", faces.images[:3]), ("without", faces.images[3:7])):
        (tmp_path / folder).mkdir()
        for number, picture in enumerate(part):
            Image.fromarray(picture).save(tmp_path / folder / f"{number}.png")
    answer = run_lik("fit-directions", run, "--examples-with", tmp_path / "with",
                     "--examples-without", tmp_path / "without", "--name", "mine")  # fmt: skip
    assert answer.exit_code == 0, answer.output
    session = lik.load(run)
    wanted = session.encode(faces.images[:3]).mean(0) - session.encode(faces.images[3:7]).mean(0)
    vector = DirectionSet.load(run, "mine").direction("mine").vector
    np.testing.assert_allclose(vector, wanted, atol=1e-5)
    half = run_lik("fit-directions", run, "--examples-with", tmp_path / "with")
    assert half.exit_code == 2
    assert "--examples-without" in half.output


def test_faces_are_drawn_from_a_fitted_prior(run, networks, tmp_path):
    for prior in ("gaussian", "gmm", "flow"):
        answer = run_lik("fit-prior", run, "--prior", prior, "--steps", 3)
        assert answer.exit_code == 0, answer.output
        out = tmp_path / f"{prior}.png"
        answer = run_lik("generate", run, "--prior", prior, "-n", 4, "-o", out)
        assert answer.exit_code == 0, answer.output
        assert out.is_file()
    answer = run_lik("generate", run, "--prior", "gmn")
    assert answer.exit_code == 2
    assert "'gmm'" in answer.output


def test_conditions_hold_for_all_that_is_drawn(run, networks, tmp_path):
    from lik.cli.networks import open_network
    from lik.latent.judging import logits_of

    session = lik.load(run)
    path = tmp_path / "divides.safetensors"
    with safe_open(networks[0] / "model.safetensors", "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        description = file.metadata()
    network = open_network(str(networks[0]), session).network
    logits = logits_of(session, network, session.draw(400, 1))
    column, name = 1, network.attributes[1]
    tensors["head.bias"][column] -= float(np.median(logits[:, column]))  # so that half have it
    save_file(tensors, path, description)
    loaded = open_network(str(path), session)
    answer = run_lik("generate", run, "--with", name, "--features", path, "-n", 5,
                     "-o", tmp_path / "a.png", "--arrays", tmp_path / "a.npz")  # fmt: skip
    assert answer.exit_code == 0, answer.output
    codes = np.load(tmp_path / "a.npz")["codes"]
    assert (logits_of(session, loaded.network, codes)[:, column] > 0).all()
    assert run_lik("generate", run, "--with", name).exit_code == 2


def test_the_nearest_training_faces_go_only_where_the_user_says(run, tmp_path):
    refused = run_lik("generate", run, "--nearest")
    assert refused.exit_code == 2
    assert "real people" in refused.output
    answer = run_lik("generate", run, "--nearest", "-n", 2, "-o", tmp_path / "near.png")
    assert answer.exit_code == 0, answer.output


def test_changes_are_measured_by_a_judge_that_guides_nothing(run, networks):
    answer = run_lik("evaluate-changes", run, "--judge", networks[0], "--guide", networks[1],
                     "--attributes", "Smiling,Eyeglasses", "--steps", 15, "--split", "all", "-n", 6,
                     "--json")  # fmt: skip
    assert answer.exit_code == 0, answer.output
    stored = json.loads((run / "changes" / "changes.json").read_text())
    assert [(r["attribute"], r["method"]) for r in stored["results"]][:2] == [
        ("Smiling", "means"), ("Smiling", "joint"),
    ]  # fmt: skip
    assert len(stored["results"]) == 10
    assert (run / "changes" / "index.html").is_file()
    assert (run / "changes" / "Eyeglasses.png").is_file()
    same = run_lik("evaluate-changes", run, "--judge", networks[0], "--guide", networks[0])
    assert same.exit_code == 2
    assert "own guide" in same.output


def test_a_trial_that_was_stopped_goes_on_where_it_was(run, networks, tmp_path, monkeypatch):
    from lik.cli.change_trial import Trial

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    measured, measure = [], Trial.measure

    def noted(trial, name, method):
        if stop_after is not None and len(measured) == stop_after:
            raise KeyboardInterrupt
        measured.append((name, method))
        measure(trial, name, method)

    def ask(folder, *more):
        measured.clear()
        return run_lik("evaluate-changes", folder, "--judge", networks[0], "--guide", networks[1],
                       "--methods", "means,guided", "--attributes", "Smiling,Eyeglasses",
                       "--split", "all", "-n", 5, "--steps", 12, *more)  # fmt: skip

    def answer_of(folder):
        stored = json.loads((folder / "changes" / "changes.json").read_text())
        return {key: value for key, value in stored.items() if key != "run"}

    for folder in (whole, broken):
        shutil.copytree(run, folder, ignore=shutil.ignore_patterns("changes"))
    monkeypatch.setattr(Trial, "measure", noted)
    stop_after = None
    assert ask(whole).exit_code == 0
    stop_after = 3
    assert ask(broken).exit_code != 0
    stop_after = None
    again = ask(broken)
    assert again.exit_code == 0, again.output
    assert measured == [("Eyeglasses", "guided")]
    assert "3 of 4 had been measured before" in again.output
    assert answer_of(broken) == answer_of(whole)
    assert (broken / "changes" / "Eyeglasses.png").is_file()

    assert ask(broken, "--steps", 13).exit_code == 0
    assert measured == [("Smiling", "guided"), ("Eyeglasses", "guided")]
    (broken / "changes" / "measured" / "Smiling.means.safetensors").write_bytes(b"broken")
    assert ask(broken, "--steps", 13).exit_code == 0
    assert measured == [("Smiling", "means")]
    assert ask(broken, "--steps", 13, "--seed", 1).exit_code == 0
    assert len(measured) == 4


def test_more_generated_faces_are_measured_anew(run, networks, tmp_path):
    own = tmp_path / "run"
    shutil.copytree(run, own, ignore=shutil.ignore_patterns("changes"))
    found = []
    for count in (4, 40):  # the set has fewer faces
        answer = run_lik("evaluate-changes", own, "--judge", networks[0], "--methods", "means",
                         "--attributes", "Smiling", "--split", "all", "--generated",
                         "-n", count)  # fmt: skip
        assert answer.exit_code == 0, answer.output
        assert "measured before" not in answer.output
        found.append(json.loads((own / "changes" / "changes.json").read_text()))
    assert [answer["faces"] for answer in found] == [4, 40]
    assert found[0]["results"] != found[1]["results"]


def test_faces_of_a_fitted_prior_are_changed(run, networks, tmp_path):
    own = tmp_path / "run"
    shutil.copytree(run, own, ignore=shutil.ignore_patterns("changes"))
    fitted = run_lik("fit-prior", own, "--prior", "gaussian")
    assert fitted.exit_code == 0, fitted.output
    arrays = [tmp_path / f"{number}.npz" for number in range(2)]
    strips = ["change", own, "--generated", "-n", 2, "-d", 0, "--prior", "gaussian",
              "-o", tmp_path / "strip.png", "--arrays", arrays[0]]  # fmt: skip
    assert run_lik(*strips).exit_code == 0
    drawn = run_lik("generate", own, "-n", 2, "--prior", "gaussian", "-o", tmp_path / "a.png",
                    "--arrays", arrays[1])  # fmt: skip
    assert drawn.exit_code == 0, drawn.output
    assert "--prior draws" not in drawn.output
    plain = run_lik("generate", own, "-n", 1, "-o", tmp_path / "b.png")
    assert "or gaussian" in plain.output or "from gaussian" in plain.output
    np.testing.assert_array_equal(*(np.load(path)["codes"] for path in arrays))
    measure = ["evaluate-changes", own, "--judge", networks[0], "--methods", "means",
               "--attributes", "Smiling", "--split", "all", "-n", 4, "--prior"]  # fmt: skip
    answer = run_lik(*measure, "gaussian", "--generated")
    assert answer.exit_code == 0, answer.output
    assert json.loads((own / "changes" / "changes.json").read_text())["prior"] == "gaussian"
    for refused, words in (
        ((*measure, "gaussian"), "--prior goes with --generated"),
        ((*measure, "gausian", "--generated"), "Did you mean 'gaussian'"),
        (("change", own, "-d", 0, "--prior", "gaussian"), "--prior goes with --generated"),
        ((*strips, "--temperature", 0.5), "--temperature goes with the standard normal"),
    ):
        answer = run_lik(*refused)
        assert answer.exit_code == 2, answer.output
        assert words in " ".join(answer.output.split())


def test_attributes_that_share_a_file_do_not_share_figures(tmp_path):
    from lik.cli.change_results import KeptResults, Result

    kept, shown = KeptResults(tmp_path), np.zeros((1, 4, 4, 3), np.uint8)
    kept.keep(Result("a b", "means", [], {"0.8": None}), shown, {"seed": 1})
    assert kept.find("a b", "means", {"seed": 1}) is not None
    assert kept.find("a_b", "means", {"seed": 1}) is None
    assert kept.find("a b", "means", {"seed": 2}) is None


def test_networks_of_other_attributes_do_not_guide_together(run, networks, tmp_path):
    other = tmp_path / "other.safetensors"
    with safe_open(networks[1] / "model.safetensors", "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        description = file.metadata()
    model = json.loads(description["model"])
    model["attributes"].reverse()
    save_file(tensors, other, description | {"model": json.dumps(model)})
    answer = run_lik("evaluate-changes", run, "--judge", networks[0], "--guide", networks[1],
                     "--guide", other)  # fmt: skip
    assert answer.exit_code == 2
    assert "same attributes in the same order" in " ".join(answer.output.split())


def test_changes_of_drawn_faces_are_held_against_the_truth(run, networks):
    answer = run_lik("evaluate-changes", run, "--judge", networks[0], "--methods", "means,joint",
                     "--attributes", "Smiling,Eyeglasses", "--split", "all", "-n", 20)  # fmt: skip
    assert answer.exit_code == 0, answer.output
    assert "true counterfactuals" in answer.output
    assert "trained with" not in answer.output
    stored = json.loads((run / "changes" / "changes.json").read_text())
    first = [result["changes"][0] for result in stored["results"]]
    assert all(change["counterfactual_error"] == 1 for change in first)
    assert all(change["factor_leakage"] in (0, None) for change in first)
    assert [true["attribute"] for true in stored["truth"]["true_changes"]] == [
        "Smiling", "Eyeglasses",
    ]  # fmt: skip
    page = (run / "changes" / "index.html").read_text()
    assert "Against the truth" in page
    assert "none of these is of a person" in page


@pytest.mark.parametrize("generated", [False, True])
def test_where_no_factor_is_known_the_judge_stands_alone(
    run, networks, faces, tmp_path, generated
):  # fmt: skip
    bare = tmp_path / "bare"
    shutil.copytree(faces.path, bare)
    if not generated:
        (bare / "factors.csv").unlink()
    answer = run_lik("evaluate-changes", run, "--judge", networks[0], "--methods", "means",
                     "--attributes", "Smiling", "--split", "all", "-n", 6, "--faces", bare,
                     *(["--generated"] if generated else []))  # fmt: skip
    assert answer.exit_code == 0, answer.output
    assert "truth" not in answer.output
    assert "counterfactual" not in (run / "changes" / "changes.json").read_text()
    page = (run / "changes" / "index.html").read_text()
    assert "Against the truth" not in page
    assert ("real people" in page) is not generated


def test_the_attributes_are_those_that_the_networks_know(run, networks):
    answer = run_lik("evaluate-changes", run, "--judge", networks[0], "--methods", "means",
                     "--split", "all", "-n", 4)  # fmt: skip
    assert answer.exit_code == 0, answer.output
    stored = json.loads((run / "changes" / "changes.json").read_text())
    named = [result["attribute"] for result in stored["results"]]
    assert "Smiling" in named
    assert "Male" not in named
    asked = run_lik("evaluate-changes", run, "--judge", networks[0], "--methods", "means",
                    "--attributes", "Male")  # fmt: skip
    assert asked.exit_code == 2
    assert "no attribute 'Male'" in asked.output


def test_a_judge_that_taught_the_run_is_told(run, networks, faces, tmp_path):
    taught = tmp_path / "taught"
    answer = run_lik("train", "perceptual", faces.path, taught, "epochs=1", "model.latent=6",
                     "batch_size=16", "objective.features.layers=[0]", "--grids-every", 0,
                     f"objective.features.network={networks[0]}")  # fmt: skip
    assert answer.exit_code == 0, answer.output
    measure = ("--methods", "means", "--attributes", "Smiling", "--split", "all", "-n", 4)
    for judge, told in ((networks[0], 1), (networks[1], 0)):
        changes = run_lik("evaluate-changes", taught, "--judge", judge, *measure)
        assert changes.exit_code == 0, changes.output
        assert changes.output.count("judged by its own teacher") == told
        whole = run_lik("evaluate", taught, "--features", judge, "--split", "train")
        assert whole.exit_code == 0, whole.output
        assert whole.output.count("judged by its own teacher") == told
