"""lik evaluate: the table, the JSON, the page, and what it says where something goes wrong."""

import json
import shutil

import pytest

from lik.faces.set.faceset import FaceSet
from terminal import refuse, run_lik, succeed


@pytest.fixture
def copied(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    return tmp_path / "run"


def test_several_runs_stand_side_by_side(copied, run, faces, tmp_path):
    out = tmp_path / "page.html"
    answer = succeed("evaluate", copied, run, "--split", "train", "--out", out)
    assert "Σ(x−x̂)² + KL" in answer.output
    head = next(line for line in answer.output.splitlines() if line.startswith("metric"))
    assert head.split() == ["metric", "run", "toy"]
    losses = next(line for line in answer.output.splitlines() if line.startswith("loss"))
    assert losses.count("±") == 2
    assert "Reconstructions" in out.read_text()
    told = json.loads(run_lik("evaluate", copied, run, "--json", "--out", out).stdout)
    assert [metrics["run"] for metrics in told] == ["run", "toy"]
    assert told[1] == json.loads((run / "metrics.json").read_text())
    refuse("given twice", "evaluate", run, run)
    FaceSet.open(faces.path).verify()  # which is left as it was


def test_metrics_are_told_even_where_they_cannot_be_kept(copied, run, tmp_path):
    second = shutil.copytree(run, tmp_path / "second")
    (copied / "metrics.json").unlink(missing_ok=True)
    (copied / "metrics.json").mkdir()  # no file can take its place
    answer = run_lik("evaluate", copied, second, "--split", "train")
    assert answer.exit_code == 1, answer.output
    assert "could not be written" in answer.output
    assert any(line.startswith("loss") for line in answer.output.splitlines())
    assert (second / "metrics.json").is_file()


def test_without_faces_it_says_how_to_name_them(copied):
    (copied / "environment.json").unlink()
    refuse("--faces", "evaluate", copied)
