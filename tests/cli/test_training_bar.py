"""What a person sees of a training: the lines of its epochs, and how it ended."""

import time

from lik.cli.training_bar import TrainingBar, details_in_words
from lik.training.journal import EpochRecord
from lik.training.loop import TrainingProgress, TrainState
from trainings import recipe_of

METRICS = {"loss": 3.0, "reconstruction": 2.0, "kl": 1.0}


def test_the_time_to_go_is_true_after_a_part_of_an_epoch(capsys, monkeypatch):
    """An epoch is 100 steps of 16 images and takes 16 s, its validation 2 s."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    bar = TrainingBar()
    bar.progress = None
    resumed = TrainState(epoch=1, step_in_epoch=90, step=190)
    bar.began(recipe_of("epochs=4"), resumed, 100, "CPU")
    for epoch, trained, validated in ((2, 1.6, 3.6), (3, 19.6, 21.6), (4, 37.6, 39.6)):
        now[0] = trained
        bar.progressed(TrainingProgress(epoch, 100, 100 * epoch, METRICS, 100.0))
        now[0] = validated
        bar.epoch_ended(EpochRecord(epoch, 100 * epoch, METRICS, METRICS, 100.0, "Σ + KL"), None)
    lines = [line for line in capsys.readouterr().err.splitlines() if "to go" in line]
    assert [line.split()[-3] for line in lines] == ["0:36", "0:18", "0:00"]


def test_the_line_says_how_many_dimensions_are_active():
    kl = {"kl_per_dimension": [1.0, 0.0], "active_units": 1}
    assert details_in_words(kl | {"skipped_steps": 0}) == "  1/2 active"
    assert details_in_words({"skipped_steps": 3}) == "  3 steps skipped"
    assert details_in_words({}) == ""
