"""A whole training on a disk that fills up, which a small tmpfs is."""

import os
import subprocess
import sys

import pytest

from lik.models.saved import load_model
from lik.training.checkpoint import load_state
from trainings import same_weights


def mount(*arguments):
    try:
        subprocess.run(["mount", *map(str, arguments)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system can be mounted here ({error})")


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", place)
    yield place
    subprocess.run(["umount", str(place)], check=True)


def train(faces, run):
    """States are of 3.4 MB and weights of 1.1 MB."""
    command = [sys.executable, "-m", "lik", "train", "paper-first", str(faces.path), str(run),
               "epochs=6", "batch_size=16", "model.latent=64", "device.compile=false",
               "--grids-every", "0", "--device", "cpu", "--threads", "1"]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, env=os.environ)


def test_a_disk_that_fills_up_costs_the_last_state_and_no_more(faces, tmp_path, small_disk):
    run, whole = small_disk / "run", tmp_path / "whole"
    for _ in range(2):  # a disk that is still full is no different
        full = train(faces, run)
        assert full.returncode == 1, full.stdout + full.stderr
        complaints = [line for line in full.stderr.splitlines() if line.startswith("lik: ")]
        assert len(complaints) == 1
        assert "could not be written: the disk is full; what was there before is" in complaints[0]
        assert "Traceback" not in full.stderr
        state = load_state(run / "state" / "last.pt")
        assert state.train_state.step > 0
        assert state.remark is None
        load_model(run / "model.safetensors")
        assert not [file for file in run.rglob(".*") if file.name != ".lock"]
    mount("-o", "remount,size=64m", small_disk)
    assert train(faces, run).returncode == 0
    assert train(faces, whole).returncode == 0
    assert same_weights(whole, run)
