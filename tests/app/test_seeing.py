"""What is to be seen of a run: its sample grids, TensorBoard, its curves."""

import numpy as np
import pytest
from PIL import Image

from lik.app.overview import draw_curves, draw_dimensions
from lik.app.watching import SampleGrids, TensorBoard, has_grid, scalars
from lik.core.errors import FailedOnTheWay
from lik.core.run_folder import RunFolder
from lik.figures.grids import epochs_grid, strip, unstripped
from lik.latent.session import Session
from lik.training import journal
from lik.training.callback import Callback, Callbacks
from lik.training.journal import EpochRecord
from lik.training.loop import TrainState
from lik.training.recipe import load_recipe
from terminal import refuse, succeed
from trainings import same_weights

PLAN = load_recipe("paper-first", ["batch_size=16", "model.latent=4", "epochs=3"], 16)
FIGURES = {"loss": 3.0, "reconstruction": 2.0, "kl": 1.0}


def record(epoch, step=None, speed=100.0, **details):
    return EpochRecord(epoch, step or 10 * epoch, FIGURES, FIGURES, speed, "Σ + KL", details)


def train(faces, path, *more):
    settings = ("model.latent=8", "batch_size=16", *more)
    answer = succeed("train", "paper-first", faces.path, path, *settings)
    return answer.output


def grids(path):
    return sorted(file.name for file in (path / "figures" / "grids").glob("*.png"))


def sample_grids(folder, faces, notices=None):
    notify = [].append if notices is None else notices.append
    return SampleGrids(folder, faces, None, "lik train", notify)


class TestSampleGrids:
    def test_a_model_is_looked_at_often_at_first(self):
        assert [epoch for epoch in range(1, 1001) if has_grid(epoch)] == [
            1, 2, 3, 5, 8, 12, *range(20, 100, 10), *range(100, 501, 50), 750, 1000,
        ]  # fmt: skip
        assert [epoch for epoch in range(1, 10) if has_grid(epoch, 4)] == [4, 8]
        assert not any(has_grid(epoch, 0) for epoch in range(1, 100))

    def test_a_run_leaves_its_grids_until_epochs_are_trained_again(self, faces, tmp_path):
        assert "  grids " in train(faces, tmp_path / "run", "epochs=4")
        folder = RunFolder(tmp_path / "run")
        assert grids(folder.path) == [f"epoch-000{epoch}.png" for epoch in (1, 2, 3, 4)]
        for file in [folder.figures / "grids.png", *folder.figures.rglob("epoch*.png")]:
            text = Image.open(file).text
            assert "generative model" in text["Description"], file
            assert text["Lik run"] == "run"
        pictures = unstripped(Image.open(folder.grids / "strips" / "epoch-0004.png"))
        session, drawn = Session.load(folder.path), sample_grids(folder, faces)
        shown = len(drawn.originals)  # the last strip shows what the run gives
        np.testing.assert_array_equal(pictures[:shown], session.reconstruct(drawn.originals))
        np.testing.assert_array_equal(pictures[shown:], session.generate(16, 0))
        drawn.began(PLAN, TrainState(epoch=2, step=6), 3, "")
        assert grids(folder.path) == ["epoch-0001.png", "epoch-0002.png"]

    def test_grids_as_often_as_wanted_or_none(self, faces, tmp_path):
        train(faces, tmp_path / "two", "epochs=5", "--grids-every", 2)
        assert grids(tmp_path / "two") == [f"epoch-000{epoch}.png" for epoch in (2, 4, 5)]
        assert "  grids " not in train(faces, tmp_path / "none", "epochs=2", "--grids-every", 0)
        assert not (tmp_path / "none" / "figures" / "grids").exists()

    def test_drawing_changes_nothing_of_the_training(self, faces, tmp_path):
        train(faces, tmp_path / "seen", "epochs=3", "--grids-every", 1)
        train(faces, tmp_path / "unseen", "epochs=3", "--grids-every", 0)
        assert same_weights(tmp_path / "seen", tmp_path / "unseen")

    def test_a_grid_that_cannot_be_written_does_not_end_the_training(
        self, faces, tmp_path, monkeypatch
    ):
        def full(*arguments, **settings):
            raise FailedOnTheWay("x.png could not be written: the disk is full.")

        notices = []
        drawn = sample_grids(RunFolder(tmp_path), faces, notices)
        drawn.began(PLAN, TrainState(), 3, "")
        monkeypatch.setattr("lik.app.watching.save_png", full)
        for epoch in (1, 2):
            drawn.epoch_ended(record(epoch), PLAN.build().eval())
        assert ["the disk is full" in notice for notice in notices] == [True]

    def test_a_hundred_grids_are_a_page(self):
        pictures = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3), dtype=np.uint8)
        few, many = (
            epochs_grid([(epoch, pictures) for epoch in range(1, n + 1)], pictures[:8], "a", "b")
            for n in (16, 100)
        )
        assert few.height == many.height
        np.testing.assert_array_equal(unstripped(strip(pictures)), pictures)


class TestTensorBoard:
    @pytest.fixture
    def folder(self, tmp_path):
        pytest.importorskip("tensorboard")
        return RunFolder(tmp_path)

    def written(self, folder):
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        events = EventAccumulator(str(folder.path / "tensorboard"))
        events.Reload()
        return {
            tag: [(event.step, event.value) for event in events.Scalars(tag)]
            for tag in events.Tags()["scalars"]
        }

    def test_a_run_writes_its_figures(self, faces, folder):
        train(faces, folder.path / "run", "epochs=2", "--tensorboard")
        records = journal.read(folder.path / "run" / "journal.jsonl")
        losses = self.written(RunFolder(folder.path / "run"))["loss/validation"]
        assert losses == [
            (record.step, pytest.approx(record.validation["loss"])) for record in records
        ]

    def test_a_resumed_run_goes_on_without_doublets(self, folder):
        with TensorBoard(folder) as first:
            first.began(PLAN, TrainState(), 10, "")
            for epoch in (1, 2, 3):
                first.epoch_ended(record(epoch, learning_rate=0.5), None)
        with TensorBoard(folder) as second:
            second.began(PLAN, TrainState(epoch=1, step_in_epoch=3, step=13), 10, "")
            for epoch in (2, 3, 4):
                second.epoch_ended(record(epoch, learning_rate=0.25), None)
        rates = self.written(folder)["run/learning_rate"]
        assert rates == [(10, 0.5), (20, 0.25), (30, 0.25), (40, 0.25)]

    def test_what_was_trained_without_it_is_written_after_the_fact(self, folder):
        for epoch in (1, 2):
            journal.append(folder.journal, record(epoch))
        with TensorBoard(folder) as board:
            board.began(PLAN, TrainState(epoch=2, step=20), 10, "")
            board.epoch_ended(record(3), None)
        assert [step for step, _ in self.written(folder)["kl/training"]] == [10, 20, 30]

    def test_single_figures_are_scalars_and_lists_are_not(self):
        named = scalars(record(1, kl_per_dimension=[0.5, 0.0], active_units=1))
        assert named["run/active_units"] == 1
        assert "run/kl_per_dimension" not in named

    def test_without_the_package_a_sentence_says_how_to_get_it(self, faces, tmp_path, monkeypatch):
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        refuse(
            "pip install 'lik-vae[tensorboard]'",
            "train",
            "paper-first",
            faces.path,
            tmp_path / "new",
            "--tensorboard",
        )
        assert not (tmp_path / "new").exists()


def test_all_callbacks_are_told_and_any_may_stop():
    class Tells(Callback):
        def __init__(self, stops):
            self.stops, self.told = stops, []

        def began(self, plan, resumed, steps_per_epoch, how):
            self.told.append(how)

        def epoch_ended(self, record, model):
            self.told.append(record.epoch)

        def should_stop(self):
            return self.stops

    quiet, loud = Tells(False), Tells(True)
    both = Callbacks(quiet, loud)
    both.began(PLAN, TrainState(), 3, "a")
    both.epoch_ended(record(7), None)
    assert quiet.told == loud.told == ["a", 7]
    assert both.should_stop()
    assert not Callbacks(quiet).should_stop()


def test_dimensions_are_drawn_where_the_journal_has_them(tmp_path):
    folder = RunFolder(tmp_path)
    journal.append(folder.journal, record(1))
    assert draw_dimensions(folder, "lik train") is None
    for kl in ([0.5, 0.0, 0.02], [0.0, 0.0, 0.0]):  # the second: all of them collapsed
        journal.append(folder.journal, record(2, kl_per_dimension=kl))
        assert min(Image.open(draw_dimensions(folder, "lik train")).size) > 300


def test_the_plane_of_rate_and_distortion_is_drawn_where_there_are_both(tmp_path):
    vae, other = RunFolder(tmp_path / "vae"), RunFolder(tmp_path / "other")
    figures = {"loss": 3.0, "eyes": 2.0, "face": 1.0}
    for folder, parts in ((vae, FIGURES), (other, figures)):
        folder.path.mkdir()
        journal.append(folder.journal, EpochRecord(1, 10, parts, None, 1.0, "a"))
    first, second = (Image.open(draw_curves(folder, "lik train")).width for folder in (vae, other))
    assert first == pytest.approx(second * 4 / 3, rel=0.01)
