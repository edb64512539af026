"""lik runs: every run is a row, broken ones with the reason, and only what compares is compared."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from PIL import Image

from lik.app.overview import find_runs, overview
from lik.app.training import train
from lik.core.locks import held
from lik.figures.curves import MOST_CURVES, Group, RunCurve, comparison
from lik.training import journal
from lik.training.journal import EpochRecord
from terminal import refuse, run_lik, succeed

SSE, HALF = "Σ(x−x̂)² + KL", "½Σ(x−x̂)² + KL"


def made(path, losses, epochs=3, scale=SSE, validation=True):
    """A run, as far as its files tell."""
    path.mkdir(parents=True)
    environment = {"format": "lik-run", "version": 1, "faces": {"path": "/sets/drawn"}}
    (path / "environment.json").write_text(json.dumps(environment))
    (path / "recipe.yaml").write_text(
        "model: {name: paper-first, size: 64, latent: 8}\n"
        f"objective: {{reconstruction: sse, beta: 1.0}}\nepochs: {epochs}\n"
    )
    for epoch, loss in enumerate(losses, 1):
        figures = {"loss": loss, "reconstruction": loss - 1, "kl": 1.0}
        known = figures if validation else None
        journal.append(
            path / "journal.jsonl", EpochRecord(epoch, 10 * epoch, figures, known, 99.0, scale)
        )
    return path


@pytest.fixture
def folder(tmp_path):
    made(tmp_path / "runs" / "a", [9.0, 5.0, 6.0])
    made(tmp_path / "runs" / "sweep" / "b", [9.0, 4.0])
    made(tmp_path / "runs" / "c", [3.0], scale=HALF, validation=False)
    made(tmp_path / "runs" / "new", [])
    broken = made(tmp_path / "runs" / "broken", [1.0])
    (broken / "journal.jsonl").write_text("no journal\n{}\n")
    (tmp_path / "runs" / ".hidden").mkdir()
    made(tmp_path / "runs" / ".hidden" / "d", [1.0])
    (tmp_path / "runs" / "pictures").mkdir()
    return tmp_path / "runs"


def described(folder, *options):
    answer = succeed("runs", folder, "--json", *options)
    return {run["name"]: run for run in json.loads(answer.stdout)}


def test_every_run_is_told_as_far_as_it_came(folder):
    runs = described(folder)
    assert list(runs) == ["a", "broken", "c", "new", "sweep/b"]
    states = {name: (run["state"], run["epochs_done"]) for name, run in runs.items()}
    assert states == {
        "a": ("finished", 3), "broken": ("broken", 0), "c": ("stopped", 1), "new": ("stopped", 0),
        "sweep/b": ("stopped", 2),
    }  # fmt: skip
    assert runs["a"]["validation"]["loss"] == 6.0
    assert runs["a"]["best_validation"] == {"epoch": 2, "loss": 5.0}
    about = {"model": "paper-first", "size": 64, "latent": 8, "faces": "drawn"}
    assert runs["a"] | about == runs["a"]
    assert "line 1, is no record" in runs["broken"]["reason"]


def test_the_lowest_loss_comes_first_among_those_that_compare(folder):
    assert list(described(folder, "--sort", "loss")) == ["c", "sweep/b", "a", "broken", "new"]


def test_the_table_says_what_does_not_compare(folder):
    answer = succeed("runs", folder)
    assert "3/3" in answer.output
    assert "3.00*" in answer.output
    assert "of the training faces" in answer.output
    assert "do not compare" in answer.output
    assert "broken is broken: " in answer.output
    image = Image.open(folder / "runs.png")
    assert "Description" not in image.text  # no picture of a model is in it
    assert run_lik("runs", folder / "a").output.splitlines()[2].split()[0] == "a"


def test_runs_of_other_scales_have_axes_of_their_own(folder, tmp_path):
    out = tmp_path / "b.png"
    succeed("runs", folder, "-o", out)
    shutil.rmtree(folder / "c")
    succeed("runs", folder)
    assert Image.open(out).height > 1.7 * Image.open(folder / "runs.png").height


def test_a_run_that_is_being_trained_says_so(folder):
    with held(folder / "a" / ".lock", "busy"):
        assert overview(folder / "a", folder).state == "running"
    assert overview(folder / "a", folder).state == "finished"


def test_a_run_that_patience_ended_is_told_as_such(folder):
    losses = [9.0, 5.0, 6.0, 5.0]
    path = made(folder / "patient", losses, epochs=9)
    assert overview(path, folder).state == "stopped"
    recipe = (path / "recipe.yaml").read_text()
    for patience, state in ((3, "stopped"), (2, "ended early")):
        (path / "recipe.yaml").write_text(f"{recipe}patience: {patience}\n")
        assert overview(path, folder).state == state
    assert (
        "patient ended early: no better validation loss for 2 epochs."
        in run_lik("runs", folder).output
    )


def test_real_runs_are_found_and_remember_how_they_were_trained(faces, tmp_path):
    settings = ("model.latent=8", "batch_size=16", "device.compile=false")
    for number, precision in enumerate(("float32", "bfloat16"), 1):
        more = (f"epochs={number}", f"device.precision={precision}")
        train("paper-first", faces, tmp_path / "toy", [*settings, *more], "cpu")
        assert find_runs(tmp_path) == [tmp_path / "toy"]
        toy = overview(tmp_path / "toy", tmp_path)
        assert (toy.device, toy.precision, toy.compiled) == ("cpu", precision, False)
        assert (toy.state, toy.epochs_done, toy.scale) == ("finished", number, SSE)
    assert "cpu bfloat16" in run_lik("runs", tmp_path).output


def test_where_output_is_not_utf8_the_table_has_plain_lines(folder):
    for encoding in ("cp1252", "ascii", "utf-8"):
        done = subprocess.run(
            [sys.executable, "-m", "lik", "runs", str(folder)],
            capture_output=True, env=os.environ | {"PYTHONIOENCODING": encoding},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        line = done.stdout.decode(encoding).splitlines()[1]
        assert set(line) <= ({"─", " "} if encoding == "utf-8" else {"-", " "})


def test_no_folder_and_no_runs_are_said(tmp_path):
    (tmp_path / "empty").mkdir()
    for path, words in ((tmp_path / "none", "no folder at"), (tmp_path / "empty", "no runs in")):
        refuse(words, "runs", path)


@pytest.mark.parametrize("damage", ["epochs: many\n", "- a list\n", "model: 3\nepochs: 2\n", "\0"])
def test_a_damaged_recipe_is_a_row_and_not_the_end(folder, damage):
    (folder / "a" / "recipe.yaml").write_text(damage)
    runs = described(folder)
    assert runs["a"]["state"] == "broken"
    assert runs["sweep/b"]["state"] == "stopped"


def test_no_more_curves_than_can_be_told_apart():
    curves = [RunCurve(f"run {n}", [1, 2], {"loss": [9.0, n]}) for n in range(40)]
    few, many = (
        comparison([Group("one scale", curves[:n])], "runs") for n in (MOST_CURVES, len(curves))
    )
    assert few.tobytes() == many.tobytes()
