"""Several processes that train one model."""

import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from lik.training import journal

TOGETHER = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node",
            "2", "-m", "lik", "train"]  # fmt: skip
ALONE = [sys.executable, "-m", "lik", "train"]


def command(faces, run, *settings):
    return ["paper-first", str(faces.path), str(run), "batch_size=7", "model.latent=4",
            "device.precision=float32", "--grids-every", "0", *settings]  # fmt: skip


def figures(run):
    records = journal.read(run / "journal.jsonl")
    return [
        [r.train["loss"], r.validation["loss"], *r.details.get("objective", {}).values()]
        for r in records
    ]


@pytest.mark.long
@pytest.mark.parametrize(
    ("settings", "tolerance"),
    [
        (("ema=0.9", "optimizer.clip=100"), 1e-5),
        (("objective.geco.error=0.02",), 1e-4),
        (("objective.reconstruction=gaussian", "objective.variance=learned"), 1e-4),
    ],
)
def test_two_processes_learn_what_one_learns(settings, tolerance, faces, tmp_path):
    """Batches of seven do not divide by two, and the last of an epoch is smaller still."""
    for start, name in ((ALONE, "one"), (TOGETHER, "two")):
        done = subprocess.run(
            [*start, *command(faces, tmp_path / name, "epochs=6", *settings)],
            capture_output=True, text=True, timeout=250, env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("Finished") == 1
    one, two = figures(tmp_path / "one"), figures(tmp_path / "two")
    assert len(one) == len(two) == 6
    np.testing.assert_allclose(two, one, rtol=tolerance)


@pytest.mark.long
def test_the_loss_of_one_process_ends_all_with_one_message(faces, tmp_path):
    job = subprocess.Popen(
        [*TOGETHER, *command(faces, tmp_path / "run", "epochs=5000")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not (tmp_path / "run" / "model.safetensors").is_file() and time.monotonic() < deadline:
        time.sleep(0.1)
    ranks = subprocess.run(
        ["pgrep", "-f", f"lik train paper-first {faces.path} {tmp_path / 'run'}"],
        capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    workers = [pid for pid in ranks if int(pid) != job.pid]
    os.kill(int(workers[-1]), signal.SIGKILL)
    _, errors = job.communicate(timeout=120)
    assert job.returncode != 0
    assert errors.count("lik: ") <= 1
    assert errors.count("Traceback") == 1  # that of torchrun itself
    assert not re.search(r'File "[^"]*/lik/', errors)
