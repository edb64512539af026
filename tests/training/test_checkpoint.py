"""States of a run: what is damaged is noticed, and what was there before is never hurt."""

import hashlib
import io
import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from lik.core.errors import FailedOnTheWay, UnusableInput
from lik.training import journal
from lik.training.checkpoint import MARK, discard_damaged, has_state, load_state, save_state
from lik.training.loop import TrainState
from trainings import noise_data, same_weights, train


def parts(value):
    return {"model": {"weight": torch.full((200,), value)}, "count": 3}


def write_sealed(path, content):
    """Write what another Lik might have: whole, with the checksum that belongs to it."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    whole = buffer.getvalue()
    path.write_bytes(whole + MARK + hashlib.sha256(whole).digest())


@pytest.fixture
def path(tmp_path):
    """Two generations: step 1 before, step 2 last."""
    path = tmp_path / "state" / "last.pt"
    for step in (1, 2):
        save_state(path, parts(float(step)), TrainState(step=step, sums={"loss": 0.5}))
    return path


def test_a_state_returns_as_it_was_saved(path):
    state = load_state(path)
    assert state.train_state == TrainState(step=2, sums={"loss": 0.5})
    assert torch.equal(state.parts["model"]["weight"], torch.full((200,), 2.0))
    assert state.parts["count"] == 3
    assert (state.path, state.remark) == (path, None)
    assert sorted(os.listdir(path.parent)) == ["last.pt", "previous.pt"]


def test_every_damage_is_noticed_and_the_generation_before_serves(path):
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    damaged = [whole[:end] for end in (0, 10, 1000, len(whole) - 44, len(whole) - 1)]
    for place in random.integers(len(whole), size=40):
        damaged.append(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
    for content in damaged:
        path.write_bytes(content)
        state = load_state(path)
        assert state.train_state.step == 1
        assert torch.equal(state.parts["model"]["weight"], torch.full((200,), 1.0))
        assert "going on from the one before it, of step 1" in state.remark
    path.unlink()
    assert has_state(path)
    assert "no such file" in load_state(path).remark


def test_a_damaged_state_never_becomes_the_generation_before(path):
    path.write_bytes(b"not a state")
    state = load_state(path)
    discard_damaged(path, state)
    save_state(path, parts(3.0), TrainState(step=3))
    path.unlink()
    assert load_state(path).train_state.step == 1


def test_two_damaged_generations_are_refused(path):
    for name in ("last.pt", "previous.pt"):
        path.with_name(name).write_bytes(b"PK\3\4 and no more")
    with pytest.raises(UnusableInput, match="neither can the one before it: delete the run"):
        load_state(path)


def test_a_newer_state_is_refused_and_not_passed_over(path):
    write_sealed(path, {"version": 99, "parts": {}, "train_state": {}})
    with pytest.raises(UnusableInput, match="version 99"):
        load_state(path)


def test_a_state_that_holds_code_is_not_run(path):
    class Harm:
        def __reduce__(self):
            return (os.mkdir, (str(path.parent / "harm"),))

    for name in ("last.pt", "previous.pt"):
        write_sealed(path.with_name(name), {"version": 2, "parts": Harm(), "train_state": {}})
    with pytest.raises(UnusableInput, match="cannot be read"):
        load_state(path)
    assert not (path.parent / "harm").exists()


def test_parts_that_are_missing_or_do_not_fit_are_named(path):
    model = torch.nn.Linear(2, 2)
    with pytest.raises(UnusableInput, match="its ema is missing or does not fit"):
        load_state(path).restore({"ema": model})
    with pytest.raises(UnusableInput, match="its model is missing or does not fit"):
        load_state(path).restore({"model": model})


@pytest.mark.parametrize("room", [0, 100, 2000])
def test_a_full_disk_hurts_neither_generation(path, room):
    """A limit on the size of files stands for the disk: writing fails half-way through."""
    before = {file: file.read_bytes() for file in path.parent.iterdir()}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
        with pytest.raises(FailedOnTheWay, match="could not be written"):
            save_state(path, parts(3.0), TrainState(step=3))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == before
    assert load_state(path).train_state.step == 2


def test_without_hard_links_two_generations_are_kept_all_the_same(path, monkeypatch):
    def refused(*arguments):
        raise PermissionError

    monkeypatch.setattr(os, "link", refused)
    save_state(path, parts(3.0), TrainState(step=3))
    assert load_state(path).train_state.step == 3
    path.unlink()
    assert load_state(path).train_state.step == 2


def test_a_run_goes_on_from_the_generation_before_and_ends_the_same(tmp_path):
    data, remarks = noise_data(), []
    for run in ("whole", "run"):
        train(tmp_path / run, data, notify=remarks.append)
    assert remarks == []
    state = tmp_path / "run" / "state" / "last.pt"
    state.write_bytes(state.read_bytes()[:-7])
    train(tmp_path / "run", data, notify=remarks.append)
    assert len(remarks) == 1
    assert "of step 6" in remarks[0]
    assert same_weights(tmp_path / "whole", tmp_path / "run")
    records = journal.read(tmp_path / "run" / "journal.jsonl")
    assert [record.epoch for record in records] == [1, 2, 3]


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_killed_twenty_times_it_ends_with_the_same_weights(tmp_path, faces):
    """Ten kills at random points, and ten in the middle of a saving."""
    random = np.random.default_rng(0)

    def command(run):
        return [sys.executable, "-m", "lik", "train", "paper-first", str(faces.path), str(run),
                "batch_size=8", "model.latent=4", "epochs=400"]  # fmt: skip

    run, whole = tmp_path / "run", tmp_path / "whole"
    in_saving = 0
    for kill in range(20):
        job = subprocess.Popen(
            command(run), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )
        known = len(journal.read(run / "journal.jsonl"))
        while len(journal.read(run / "journal.jsonl")) <= known:
            assert job.poll() is None, job.stderr.read().decode()
            time.sleep(0.01)
        time.sleep(random.uniform(0, 0.4))
        while kill % 2 and not list((run / "state").glob(".last*")):
            assert job.poll() is None, "it ended before it was killed twenty times"
        os.killpg(job.pid, signal.SIGKILL)
        job.communicate()
        in_saving += bool(list((run / "state").glob(".*")))
        assert load_state(run / "state" / "last.pt").remark is None
    assert in_saving >= 5
    last = subprocess.run(command(run), capture_output=True, text=True, check=True)
    assert "Going on in epoch" in last.stderr
    subprocess.run(command(whole), capture_output=True, check=True)
    assert same_weights(whole, run)
    one, two = (load_state(path / "state" / "last.pt") for path in (whole, run))
    assert one.train_state == two.train_state
    torch.testing.assert_close(
        one.parts["optimizer"]["state"], two.parts["optimizer"]["state"], rtol=0, atol=0
    )
    records = journal.read(run / "journal.jsonl")
    assert [record.epoch for record in records] == list(range(1, 401))
