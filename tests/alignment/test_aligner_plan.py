import pytest

from lik.alignment.plan import AlignerPlan, eyes_of_crop
from lik.core.configuration import validated
from lik.core.errors import UnusableInput
from lik.training import journal
from trainings import StopAfter, drawn_data, metrics, train_plan

EYES = [45.5 / 128, 59.5 / 128, 84.5 / 128, 59.5 / 128]
SMALL = {"eyes": EYES, "batch_size": 16, "model": {"widths": [4, 4, 8, 8], "hidden": 16}}


def train(path, faces, epochs, callback=None, **settings):
    plan = validated(AlignerPlan, SMALL | {"epochs": epochs} | settings, "test")
    return train_plan(path, plan, drawn_data(faces), callback)


def test_it_learns_from_drawn_faces(tmp_path, faces):
    train(tmp_path / "run", faces, 40, optimizer={"learning_rate": 5e-3})
    records = journal.read(tmp_path / "run" / "journal.jsonl")
    assert set(records[0].train) == {"loss", "eyes", "face"}
    assert records[-1].train["eyes"] < 0.75 * records[0].train["eyes"]
    assert records[-1].train["face"] < records[0].train["face"]


@pytest.mark.parametrize("steps", [1, 4])
def test_resumed_equals_unbroken(tmp_path, faces, steps):
    train(tmp_path / "whole", faces, 3)
    assert not train(tmp_path / "broken", faces, 3, StopAfter(steps)).finished
    assert train(tmp_path / "broken", faces, 3).finished
    whole, broken = (tmp_path / name / "model.safetensors" for name in ("whole", "broken"))
    assert whole.read_bytes() == broken.read_bytes()
    assert metrics(whole.parent) == metrics(broken.parent)


def test_the_rate_falls_to_nothing():
    plan = validated(AlignerPlan, SMALL, "test")
    rates = [plan.optimizer.rate(step, 10) for step in range(11)]
    assert rates[0] == plan.optimizer.learning_rate
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == 0


def test_eyes_of_crops():
    assert eyes_of_crop({"kind": "fixed"}) == pytest.approx(EYES)
    wide = eyes_of_crop({"kind": "aligned", "widen": 2.0})
    assert wide == pytest.approx([0.5 + (place - 0.5) / 2 for place in EYES])
    assert eyes_of_crop({"kind": "face"}) is None
    assert eyes_of_crop({"kind": "fixed", "x": 0, "y": 14, "side": 88}) is None


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"eyes": eyes}, "eyes") for eyes in ([0.6, 0.5, 0.4, 0.5], [0.3, 0.5, 1.4, 0.5], [0.3, 0.5])]
    + [({"eyes": EYES, "mirror": True}, "mirror")],
    ids=str,
)
def test_eyes_that_cannot_be_and_mirroring_are_refused(settings, words):
    with pytest.raises(UnusableInput, match=words):
        validated(AlignerPlan, settings, "test")
