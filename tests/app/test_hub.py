"""Runs on the hub, against a stand-in of it: no test here touches a network."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lik
from hub_standin import Standin
from lik.app.directions import FitRequest, fit_directions, open_editor
from lik.app.evaluating import EvaluationRequest, evaluate, losses
from lik.app.exporting import ExportedRun
from lik.app.guiding import fit_guided
from lik.app.hub import HubName, name_in_cache, prepare_upload
from lik.app.hub_folder import export_hub
from lik.app.pretrained import run_and_rest
from lik.app.run import Run
from lik.app.sampling import PriorRequest, fit_prior
from lik.core.artifacts import sha256_of, write_json
from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.export.manifest import is_read, read_manifest
from lik.models.saved import with_metadata
from terminal import refuse, run_lik, succeed

hub = pytest.importorskip("huggingface_hub")
pytest.importorskip("huggingface_hub.constants")
pytest.importorskip("onnx")

CODES = np.random.default_rng(0).standard_normal((4, 4)).astype(np.float32)


@pytest.fixture
def standin(monkeypatch, tmp_path):
    """A hub of our own, a cache of our own, and a token that is none."""
    server = Standin()
    # Where huggingface_hub reads them; of the environment it read them when it was imported.
    for name, value in (
        ("ENDPOINT", server.address), ("HF_HUB_CACHE", str(tmp_path / "cache")),
        ("HF_HUB_OFFLINE", False), ("HF_HUB_DISABLE_XET", True),
        ("HUGGINGFACE_CO_URL_TEMPLATE",
         server.address + "/{repo_id}/resolve/{revision}/{filename}"),
    ):  # fmt: skip
        monkeypatch.setattr(hub.constants, name, value)
    monkeypatch.setenv("HF_TOKEN", "hf_standin")
    yield server
    server.end()


def no_networks(run, out, weights):
    """In place of the ONNX files, which take seconds: one round trip is with them."""
    (Path(out) / "decoder.onnx").write_bytes(b"onnx")
    return ExportedRun({"decoder": Path(out) / "decoder.onnx"}, {}, None)


@pytest.fixture(scope="module")
def folder(untrained, tmp_path_factory):
    """An exported run with directions and priors, which no test changes."""
    place = tmp_path_factory.mktemp("hub") / "toy"
    shutil.copytree(untrained, place)
    run = Run(place, "cpu")
    fit_prior(run, PriorRequest("gaussian", name="faces"))
    fit_directions(run, FitRequest("means"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lik.app.hub_folder.export_networks", no_networks)
        return export_hub(run, place.parent / "out").path


@pytest.fixture
def on_hub(standin, folder):
    """What lies on the hub, as me/toy: name of a file → content."""
    names = [file for file in folder.rglob("*") if file.is_file()]
    files = {file.relative_to(folder).as_posix(): file.read_bytes() for file in names}
    standin.files["me/toy"] = files
    return files


def test_a_round_trip_gives_the_same_pictures_bit_for_bit(standin, untrained, tmp_path):
    shutil.copytree(untrained, tmp_path / "toy")
    run = Run(tmp_path / "toy", "cpu")
    fit_prior(run, PriorRequest("gaussian", name="faces"))
    out = tmp_path / "out"
    answer = succeed(
        "export", "hub", tmp_path / "toy", out, "--push", "me/toy", "--yes", "--private"
    )
    assert f"{standin.address}/me/toy" in answer.output
    assert standin.private == {"me/toy": True}
    assert 'lik.load("hf://me/toy")' in standin.files["me/toy"]["README.md"].decode()
    again = lik.load("hf://me/toy")
    assert again.name == "toy"
    np.testing.assert_array_equal(again.decode(CODES), run.decode(CODES))
    np.testing.assert_array_equal(again.sample(5, 3).codes, run.sample(5, 3).codes)
    taken = {line.rpartition("/")[2] for line in standin.asked if "/resolve/" in line}
    assert "README.md" not in taken
    assert not any(name.endswith((".onnx", ".png")) for name in taken)
    standin.end()  # no server: what was downloaded is used, and that is said
    told = []
    once_more = Run("hf://me/toy", "cpu", notify=told.append)
    np.testing.assert_array_equal(once_more.decode(CODES), run.decode(CODES))
    assert told == ["the hub cannot be reached: hf://me/toy is used as it was downloaded before."]


def test_it_is_there_offline_or_that_is_said(standin, on_hub, monkeypatch):
    first = lik.load("hf://me/toy")
    standin.asked.clear()
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    np.testing.assert_array_equal(lik.load("hf://me/toy").decode(CODES), first.decode(CODES))
    assert standin.asked == []
    with pytest.raises(FailedOnTheWay, match=r"hf://me/other is not on this computer.*HF_HUB_OFF"):
        lik.load("hf://me/other")
    with pytest.raises(UnusableInput, match="uploading needs a network"):
        prepare_upload("me/toy")


def test_the_environment_is_what_the_hub_reads_it_for(standin, on_hub, tmp_path):
    """As people set it: in a process of its own."""
    told = {"HF_ENDPOINT": standin.address, "HF_HOME": str(tmp_path / "home"), "HF_TOKEN": ""}
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGINGFACE_"))}
    drawn = []
    for more in ({}, {"HF_HUB_OFFLINE": "1"}):
        out = tmp_path / f"{len(drawn)}.npz"
        words = [sys.executable, "-m", "lik", "generate", "hf://me/toy", "-n", "2",
                 "-o", str(tmp_path / "a.png"), "--arrays", str(out)]  # fmt: skip
        answer = subprocess.run(words, env=kept | told | more, capture_output=True, text=True)
        assert answer.returncode == 0, answer.stderr
        said = "" if more else "downloading hf://me/toy, 1.0 MB, once.\n"
        assert answer.stderr == said
        drawn.append(np.load(out)["pictures"])
        standin.end()
    np.testing.assert_array_equal(*drawn)


def test_no_network_and_nothing_there(standin):
    standin.end()
    answer = run_lik("generate", "hf://me/toy")
    assert (answer.exit_code, answer.output.count("\n")) == (1, 1)
    assert "hf://me/toy is not on this computer" in answer.output


def test_revisions_and_what_is_not_there(standin, on_hub):
    commit = standin.commit("me/toy")
    assert lik.load(f"hf://me/toy@{commit}").name == "toy"
    with pytest.raises(UnusableInput, match="no such branch, tag or commit"):
        lik.load("hf://me/toy@gone")
    with pytest.raises(UnusableInput, match="hf://you/gone is not on the hub"):
        lik.load("hf://you/gone")
    standin.broken = 500
    assert lik.load(f"hf://me/toy@{commit}").name == "toy"


@pytest.mark.parametrize(
    "text",
    ["hf://toy", "hf://me/toy/more", "hf://me/../toy", "hf://me/toy@../x", "hf:///me", "hf://",
     "hf://me/to--y", "hf://.me/toy", "hf://me/toy@", "hf://me/toy\n/x"],
)  # fmt: skip
def test_other_names_are_refused(text):
    with pytest.raises(UnusableInput, match="names no run on the hub"):
        HubName.parse(text)


def test_a_run_may_stand_before_pictures():
    assert run_and_rest("hf://me/toy", ["seed:1"]) == ("hf://me/toy", ["seed:1"])


def test_the_command_line_takes_it_wherever_it_takes_a_run(standin, on_hub, faces, tmp_path):
    out = tmp_path / "new.png"
    assert str(out) in succeed("generate", "hf://me/toy", "-n", "2", "-o", out).output
    succeed("morph", "hf://me/toy", "seed:1", "seed:2", "-o", tmp_path / "morph.png")
    succeed("traverse", "hf://me/toy", "--generated", "--dimension", "1", "-o", tmp_path / "t.png")


def vouched(on_hub):
    """Let the list vouch for what the files are now."""
    told = json.loads(on_hub["lik.json"])
    told["files"] = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        for name, data in on_hub.items() if name not in ("lik.json", "README.md", "LICENSE.md")
    }  # fmt: skip
    told["model_sha256"] = told["files"]["model.safetensors"]["sha256"]
    on_hub["lik.json"] = json.dumps(told).encode()


def test_a_wrong_hash_is_refused(standin, on_hub):
    content = bytearray(on_hub["model.safetensors"])
    content[-1] ^= 1
    on_hub["model.safetensors"] = bytes(content)
    with pytest.raises(UnusableInput, match=r"model\.safetensors is not what its"):
        lik.load("hf://me/toy")


def test_what_was_changed_in_the_cache_is_refused(standin, on_hub, tmp_path):
    place = lik.load("hf://me/toy").path
    file = (place / "priors" / "faces.safetensors").resolve()
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(UnusableInput, match=r"priors/faces\.safetensors is not what"):
        lik.load("hf://me/toy")


@pytest.mark.parametrize(
    ("name", "words"),
    [("../model.safetensors", "outside"), ("/etc/passwd", "outside"), ("a/../../b", "outside"),
     ("C:/x", "outside"), ("..\\x", "outside"), ("a//b", "outside"),
     ("directions/more.json", "is missing")],
)  # fmt: skip
def test_a_list_that_names_other_places_is_refused(standin, on_hub, name, words):
    told = json.loads(on_hub["lik.json"])
    told["files"][name] = told["files"]["model.safetensors"]
    on_hub["lik.json"] = json.dumps(told).encode()
    with pytest.raises(UnusableInput, match=words):
        lik.load("hf://me/toy")


def test_what_nobody_vouches_for_is_refused(standin, on_hub):
    on_hub["directions/evil.json"] = b"{}"
    with pytest.raises(UnusableInput, match=r"does not vouch for directions/evil\.json"):
        lik.load("hf://me/toy")


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "no run of Lik"), (b"{}", "not one's"), (b"[" * 100_000, "cannot be read as JSON"),
     (b'{"format": "lik-hub", "version": 9}', "update Lik"),
     (b'{"format": "lik-hub", "version": ' + b"9" * 5000 + b"}", "cannot be read as JSON"),
     (b'{"format": "lik-hub", "version": 1, "files": 3}', "must")],
)  # fmt: skip
def test_a_broken_list_is_refused(standin, on_hub, content, words):
    del on_hub["lik.json"]
    if content is not None:
        on_hub["lik.json"] = content
    with pytest.raises(UnusableInput) as caught:
        lik.load("hf://me/toy")
    assert words in str(caught.value) or words == "must"


def test_programs_and_pickles_are_not_downloaded(standin, on_hub):
    on_hub["model.pt"] = on_hub["state/last.pt"] = b"\x80\x02"
    on_hub["run.py"] = on_hub["directions/x.py"] = b"print()"
    place = lik.load("hf://me/toy").path
    assert {file.suffix for file in place.rglob("*") if file.is_file()} <= {".json", ".safetensors"}


def test_a_guide_is_among_what_is_downloaded():
    assert is_read("guide.safetensors")


def test_what_is_too_large_is_refused_before_it_is_downloaded(standin, on_hub, monkeypatch):
    monkeypatch.setattr("lik.app.hub.MOST", 1000)
    with pytest.raises(UnusableInput, match="is too large"):
        lik.load("hf://me/toy")
    assert not any("/resolve/" in line for line in standin.asked)


def test_nothing_is_written_beside_it(standin, on_hub, faces, classifier):
    run = lik.load("hf://me/toy")
    before = sorted(run.path.rglob("*"))
    for work in (
        lambda: fit_directions(run, FitRequest("svm", faces=faces.path)),
        lambda: fit_prior(run, PriorRequest("gaussian"), faces.path),
        lambda: fit_guided(run, [classifier], faces.path),
    ):
        with pytest.raises(UnusableInput, match="no run of your own, and nothing is kept"):
            work()
    evaluate([run], EvaluationRequest(faces.path))
    open_editor(run, "ridge", faces=faces.path)
    assert str(run.figures) == "figures"
    assert sorted(run.path.rglob("*")) == before
    refuse("no run of your own", "fit-prior", "hf://me/toy", faces.path)


def test_paths_of_others_are_not_followed(standin, on_hub, faces, classifier):
    told = json.loads(on_hub["environment.json"])
    told["faces"]["path"] = str(faces.path)
    on_hub["environment.json"] = json.dumps(told).encode()
    vouched(on_hub)
    run = lik.load("hf://me/toy")
    with pytest.raises(UnusableInput, match="remembers no face set"):
        run.faces()
    run.metadata["objective"] = {"network": str(classifier)}
    run.metadata["features_sha256"] = sha256_of(classifier)
    assert run.network is None


def test_the_network_of_an_objective_is_looked_for_beside_the_run(standin, on_hub, tmp_path):
    header = int.from_bytes(on_hub["model.safetensors"][:8], "little")
    told = json.loads(on_hub["model.safetensors"][8 : 8 + header])
    metadata = json.loads(told["__metadata__"]["metadata"])
    asked = {"reconstruction": {"features": 1.0}, "features": {"network": "/dev/zero"}}
    metadata["objective"] = asked
    (tmp_path / "m").write_bytes(on_hub["model.safetensors"])
    on_hub["model.safetensors"] = with_metadata(tmp_path / "m", metadata)
    vouched(on_hub)
    run = lik.load("hf://me/toy")
    assert run.network is None
    pictures = np.zeros((1, 16, 16, 3), np.uint8)
    with pytest.raises(UnusableInput, match=r"features\.safetensors"):
        losses(run, pictures)


def test_a_cache_elsewhere_is_known_by_its_folders(tmp_path):
    place = tmp_path / "models--me--my--toy" / "snapshots" / ("0" * 40)
    place.mkdir(parents=True)
    assert name_in_cache(place) == "toy"
    assert name_in_cache(tmp_path) is None


def test_the_package_is_missing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(UnusableInput, match=r"pip install 'lik-vae\[hub\]'"):
        lik.load("hf://me/toy")


def test_an_upload_is_refused_in_one_sentence(standin, untrained, tmp_path, monkeypatch):
    monkeypatch.setattr("lik.app.hub_folder.export_networks", no_networks)
    out = tmp_path / "out"
    refuse("nobody can be asked here", "export", "hub", untrained, out, "--push", "me/toy")
    refuse("names no run on the hub", "export", "hub", untrained, out, "--push", "toy", "--yes")
    refuse("go with --push", "export", "hub", untrained, out, "--yes")
    assert not out.exists()
    answer = run_lik("export", "hub", untrained, out, "--push", "you/toy", "--yes")
    assert answer.exit_code == 2
    assert "the hub gives no right to it" in answer.output
    assert out.is_dir()  # so that it need not be made again
    asked = succeed("export", "hub", untrained, out, "--push", "me/toy", "--yes")
    assert "for everybody to see: weights" in asked.output
    standin.broken = 503
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    answer = run_lik("export", "hub", untrained, out, "--push", "me/toy", "--yes")
    assert answer.exit_code == 1
    standin.broken = 0
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.setattr(hub, "get_token", lambda: None)
    refuse("without a token", "export", "hub", untrained, out, "--push", "me/toy", "--yes")


def test_what_is_no_longer_in_the_folder_goes_from_the_hub(standin, on_hub, folder):
    on_hub["priors/old.safetensors"] = b"old"
    on_hub["notes.txt"] = b"by hand"
    prepare_upload("me/toy").push(folder)
    assert "priors/old.safetensors" not in on_hub
    assert on_hub["notes.txt"] == b"by hand"
    assert lik.load("hf://me/toy").name == "toy"


def test_another_folder_is_not_uploaded_in_place_of_the_run(standin, untrained, folder, tmp_path):
    shutil.copytree(untrained, tmp_path / "run")
    refuse("no run of Lik", "export", "hub", untrained, tmp_path / "run", "--push", "me/t", "--yes")
    shutil.copytree(folder, tmp_path / "changed")
    write_json(tmp_path / "changed" / "environment.json", {})
    refuse(
        "is not what its lik.json vouches for",
        "export", "hub", untrained, tmp_path / "changed", "--push", "me/t", "--yes",
    )  # fmt: skip
    assert read_manifest(folder, "it").name == "toy"
    assert standin.files == {}
