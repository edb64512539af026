"""Whole trainings that meet numbers which are none: what they do, say and leave behind."""

import json

import pytest
import torch

from lik.training import fast, journal
from lik.training.checkpoint import load_state
from terminal import run_lik
from trainings import same_weights, weights

SETTINGS = ("model.latent=4", "device.compile=false", "device.workers=1", "--grids-every", "0",
            "--device", "cpu")  # fmt: skip


def train(faces, run, *settings, batch_size=16):
    sized = (*SETTINGS, f"batch_size={batch_size}")
    return run_lik("train", "paper-first", faces.path, run, *sized, *settings)


def plant(monkeypatch, broken):
    """Make the loss of the training steps that ``broken`` names no number; counts one worker's."""
    steps, original = iter(range(10**6)), fast.quick_loss

    def quick_loss(*arguments):
        loss = original(*arguments)

        def planted(batch, noise):
            terms = loss(batch, noise)
            if broken(next(steps)):
                terms = {name: values * torch.nan for name, values in terms.items()}
            return terms

        return planted

    monkeypatch.setattr(fast, "quick_loss", quick_loss)


def test_a_broken_batch_is_skipped_counted_and_told(faces, tmp_path, monkeypatch):
    plant(monkeypatch, lambda step: step == 5)
    answer = train(faces, tmp_path / "run", "epochs=4", "mirror=true")
    assert answer.exit_code == 0, answer.output
    assert "  1 step skipped" in answer.stderr
    assert "skipped     1 of" in answer.stdout
    records = journal.read(tmp_path / "run" / "journal.jsonl")
    assert [record.details["skipped_steps"] for record in records] == [0, 1, 1, 1]
    assert all(0 < record.train["loss"] < 1e6 for record in records)


def test_an_epoch_without_a_step_is_not_the_end(faces, tmp_path, monkeypatch):
    plant(monkeypatch, lambda step: step == 2)
    answer = train(faces, tmp_path / "run", "epochs=4", batch_size=64)
    assert answer.exit_code == 0, answer.output
    losses = [record.train["loss"] for record in journal.read(tmp_path / "run" / "journal.jsonl")]
    assert [loss > 0 for loss in losses] == [True, True, False, True]
    told = run_lik("runs", tmp_path, "--json")
    assert json.loads(told.stdout, parse_constant=pytest.fail)[0]["state"] == "finished"


def test_a_run_that_is_given_up_keeps_what_was_saved_before(faces, tmp_path, monkeypatch):
    """Once the trouble is gone it goes on from there and ends as if there had been none."""
    whole, run = tmp_path / "whole", tmp_path / "run"
    assert train(faces, whole, "epochs=30").exit_code == 0
    with monkeypatch.context() as patched:
        plant(patched, lambda step: step >= 10)
        answer = train(faces, run, "epochs=30")
    assert answer.exit_code == 1
    complaint = [line for line in answer.stderr.splitlines() if line.startswith("lik: ")]
    assert len(complaint) == 1
    assert "what was saved before them is intact" in complaint[0]
    assert "Traceback" not in answer.output
    state = load_state(run / "state" / "last.pt")
    assert 0 < state.train_state.step <= 10
    assert state.remark is None
    assert train(faces, run, "epochs=30").exit_code == 0
    assert same_weights(whole, run)


@pytest.mark.parametrize("rate", [1, 1e12])
def test_a_learning_rate_that_explodes_ends_in_one_sentence(faces, tmp_path, rate):
    run = tmp_path / "run"
    answer = train(faces, run, "epochs=80", f"optimizer.learning_rate={rate}")
    assert answer.exit_code == 1
    assert answer.stderr.splitlines()[-1].startswith("lik: ")
    assert f"learning_rate={rate / 5:.1g}" in answer.stderr.splitlines()[-1]
    assert not (run / "model-best.safetensors").exists()
    if (run / "model.safetensors").exists():
        assert all(tensor.isfinite().all() for tensor in weights(run).values())


def test_a_last_loss_that_is_no_number_is_a_failure(faces, tmp_path):
    answer = train(faces, tmp_path / "run", "epochs=3", "optimizer.learning_rate=1e12")
    assert answer.exit_code == 1
    assert "the loss after the last epoch, 3, is no finite number" in answer.stderr
    assert not (tmp_path / "run" / "model.safetensors").exists()
