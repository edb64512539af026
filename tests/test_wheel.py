"""What is installed is whole: a wheel edits a photograph without data, training or a network."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lik
from lik.app.pretrained import shipped

ROOT = Path(__file__).parents[1]
NO_SOCKETS = """
import socket

def refuse(*args, **kwargs):
    raise OSError("no network here")

socket.socket.connect = socket.getaddrinfo = refuse
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder into which a wheel of this tree is installed, beside what it depends on."""
    place = tmp_path_factory.mktemp("wheel")
    tree = place / "tree"  # a build leaves files, of which the next one would take some
    shutil.copytree(ROOT / "src", tree / "src", ignore=shutil.ignore_patterns("*.egg-info"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    wheel = ["wheel", str(tree), "--no-deps", "--no-build-isolation", "-w", str(place)]
    subprocess.run([*pip, *wheel], check=True, capture_output=True)
    (file,) = place.glob("*.whl")
    assert file.stat().st_size < 17_000_000  # weights 12, the runtime of exported pages 4
    site = place / "site"
    subprocess.run([*pip, "install", "--no-deps", "--target", str(site), str(file)], check=True)
    (site / "sitecustomize.py").write_text(NO_SOCKETS)
    return site


def run_installed(installed, tmp_path, *arguments):
    environment = os.environ | {"PYTHONPATH": str(installed), "OMP_NUM_THREADS": "1"}
    code = "import lik; print(lik.__file__); from lik.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], cwd=tmp_path, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.skipif(not shipped(), reason="no run ships with this tree")
def test_a_wheel_edits_draws_and_refuses(installed, tmp_path):
    face = lik.load().sample(1, seed=3).pictures[0]
    Image.fromarray(face).save(tmp_path / "face.png")
    edit = ("edit", "face.png", "--set", "Smiling=1", "--mode", "transfer", "-o", "out.png")
    done = run_installed(installed, tmp_path, *edit)
    assert done.returncode == 0, done.stderr
    assert str(installed) in done.stdout
    assert (np.asarray(Image.open(tmp_path / "out.png")) != face).any()
    assert (
        run_installed(installed, tmp_path, "generate", "-n", "4", "-o", "new.png").returncode == 0
    )
    Image.fromarray(np.full((300, 300, 3), 90, np.uint8)).save(tmp_path / "wall.png")
    refused = run_installed(installed, tmp_path, "edit", "wall.png", "--set", "Smiling=1")
    assert refused.returncode == 2
    assert "no face was found" in refused.stderr
    assert "Traceback" not in refused.stderr
