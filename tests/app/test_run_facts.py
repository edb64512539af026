"""What a front end is told of a run: all that is known, nothing of other weights, and no path."""

import json
import shutil

import numpy as np
import pytest

import lik
from lik.app.directions import FitRequest, fit_directions, open_editor
from lik.app.editing import record_of
from lik.app.edits import Edit
from lik.app.guiding import fit_guided, kept_guided
from lik.app.run_facts import describe_run, linear_sets
from lik.core.artifacts import sha256_of
from lik.core.errors import OtherWeights
from lik.latent.directions.direction import Calibration, Direction, DirectionSet
from lik.training import journal


def test_an_untouched_run_has_its_dimensions_alone(run):
    told = describe_run(run)
    assert (told["methods"], told["usual_method"], told["traits"]) == ([], None, [])
    assert told["dimensions"] == [{"index": index, "kl": None} for index in range(4)]
    assert (told["priors"], told["usual_prior"], told["card"]) == ([], None, None)
    assert told["facts"] == {"faces": "drawn", "epochs": None, "loss": ""}
    assert not told["abilities"]["guided"]
    assert told["abilities"]["testset"]
    assert "/" not in json.dumps(told)


def test_what_was_fitted_is_told_the_best_trait_first(run):
    fit_directions(run, FitRequest("means"))
    weak = Calibration(length=9, without=0.0, having=0.4, reached=0.3, plain=0.3)
    strong = Calibration(length=3, without=0.1, having=0.8, reached=0.9, plain=0.9, person=0.2)
    vectors = {
        name: Direction(name, np.ones(4, np.float32), "one") for name in ("Bare", "Hat", "Smiling")
    }
    made = {"encoder_sha256": run.encoder_sha256}
    DirectionSet("joint", vectors, {"Hat": weak, "Smiling": strong}, made).save(run.path)
    told = describe_run(run)
    assert [method["name"] for method in told["methods"]] == ["joint", "means"]
    assert told["usual_method"] == "joint"
    assert [trait["name"] for trait in told["traits"]] == ["Smiling", "Hat", "Bare"]
    measured, none = (method["measured"] for method in told["methods"])
    assert measured["Smiling"] == {"reached": 0.9, "person": 0.2, "along": {}}
    assert set(measured) == {"Smiling", "Hat"}
    assert none == {}


def test_the_journal_tells_what_dimensions_carry(run):
    details = {"kl_per_dimension": [0.5, 2.0, 0.0, 1.0]}
    losses = {"loss": 12.34}
    record = journal.EpochRecord(3, 30, losses, losses, 100.0, "nats", details)
    journal.append(run.folder.journal, record)
    told = describe_run(run)
    assert [one["index"] for one in told["dimensions"]] == [1, 3, 0, 2]
    assert told["dimensions"][0]["kl"] == 2.0
    assert told["facts"] == {"faces": "drawn", "epochs": 3, "loss": "12.3"}
    (run.path / "card.md").write_text("# toy")
    assert describe_run(run)["card"] == "# toy"


def test_guided_edits_are_an_ability_while_the_network_is_there(run, classifier, tmp_path):
    copy = shutil.copy(classifier, tmp_path / "network.safetensors")
    fit_guided(run, [str(copy)])
    assert kept_guided(run)
    told = describe_run(run)["methods"][-1]
    assert told["guided"]
    editor = open_editor(run, "guided")  # what it would write into a record is told beforehand
    written = record_of(run, Edit({"Smiling": 1}), editor, "decode").model_dump(mode="json")
    assert told["record"] == {name: written[name] for name in told["record"]}
    assert told["record"].keys() == {"networks", "measured", "guidance"}
    (tmp_path / "network.safetensors").unlink()
    again = lik.load(run.path)
    assert kept_guided(again) is None
    assert not describe_run(again)["abilities"]["guided"]


def test_a_guide_that_cannot_be_read_is_no_ability_and_no_obstacle(run, classifier):
    statistics = fit_guided(run, [str(classifier)])
    run.folder.guide.write_bytes(b"no network")
    stds = {sha256_of(run.folder.guide): next(iter(statistics.stds.values()))}
    statistics.model_copy(update={"stds": stds}).save(run.path)
    told = describe_run(run)
    assert not told["abilities"]["guided"]
    assert not any(one["guided"] for one in told["methods"])


def test_directions_of_other_weights_are_left_out(run):
    fit_directions(run, FitRequest("means"))
    file = run.path / "directions" / "means.json"
    file.write_text(file.read_text().replace(run.encoder_sha256, "0" * 64))
    assert linear_sets(run) == {}
    with pytest.raises(OtherWeights):
        run.directions("means")
