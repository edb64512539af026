import numpy as np
import pytest
import torch

from lik.core.configuration import validated
from lik.core.errors import UnusableInput
from lik.models.classifier import load_attribute_classifier
from lik.training import journal
from lik.training.batches import Batches
from lik.training.classifier import ClassifierPlan, as_labels, learnable
from trainings import CPU, StopAfter, drawn_data, train_plan

NAMES = ["Wearing_Hat", "Eyeglasses"]
SMALL = {
    "model": {"name": "attributes-plain", "size": 16, "attributes": NAMES, "widths": [8, 16]},
    "batch_size": 16,
    "optimizer": {"learning_rate": 1e-2},
}


def labels_of(faces):
    columns = [faces.attribute_names.index(name) for name in NAMES]
    return as_labels(faces.attributes[:, columns])


def train(path, faces, epochs, callback=None, labels=None, **settings):
    plan = validated(ClassifierPlan, SMALL | {"epochs": epochs} | settings, "test")
    data = drawn_data(faces, labels_of(faces) if labels is None else labels)
    return train_plan(path, plan, data, callback)


def weights(path):
    return (path / "model.safetensors").read_bytes()


def test_it_learns_what_the_labels_say(tmp_path, faces):
    """Another rule than any attribute: whether the picture is a bright one."""
    brightness = faces.images[:].mean(axis=(1, 2, 3))
    bright = (brightness > np.median(brightness)).astype(np.float32)
    labels = np.stack([bright, 1 - bright], axis=1)
    train(tmp_path / "run", faces, 15, labels=labels, objective={"light": 0, "contrast": 0})
    records = journal.read(tmp_path / "run" / "journal.jsonl")
    assert set(records[0].train) == {"loss", "accuracy"}
    assert records[-1].validation["accuracy"] > 0.85
    assert records[-1].train["loss"] < records[0].train["loss"]
    loaded = load_attribute_classifier(tmp_path / "run")
    assert loaded.network.attributes == tuple(NAMES)
    assert loaded.metadata["hash"] == faces.hash


def test_the_same_gives_the_same_bytes_and_another_seed_others(tmp_path, faces):
    for name, seed in (("one", 0), ("two", 0), ("other", 1)):
        train(tmp_path / name, faces, 2, seed=seed)
    assert weights(tmp_path / "one") == weights(tmp_path / "two")
    assert weights(tmp_path / "one") != weights(tmp_path / "other")


@pytest.mark.parametrize("steps", [1, 4])
def test_resumed_equals_unbroken(tmp_path, faces, steps):
    train(tmp_path / "whole", faces, 3)
    assert not train(tmp_path / "broken", faces, 3, StopAfter(steps)).finished
    assert train(tmp_path / "broken", faces, 3).finished
    assert weights(tmp_path / "whole") == weights(tmp_path / "broken")


def test_labels_stay_with_their_faces(faces):
    """Each picture of a batch comes with its own row, whatever the order and the share."""
    pictures = np.zeros((10, 4, 4, 3), np.uint8)
    pictures[:] = np.arange(10)[:, None, None, None]
    rows = np.arange(10, dtype=np.float32)[:, None] / 255
    for rank in range(3):
        batches = Batches(
            pictures, np.arange(2, 10), 5, CPU, rank=rank, processes=3, labels=rows, mirror=True
        )
        for batch in [*batches.epoch(0), *batches.in_order()]:
            torch.testing.assert_close(batch.images[:, :1, 0, 0], batch.labels)
    assert Batches(pictures, np.arange(10), 5, CPU).epoch(0).__next__().labels is None


def test_what_attributes_become():
    attributes = np.array([[1, -1, 0.3, np.nan, 1], [-1, -1, -0.2, np.nan, np.nan]])
    labels = as_labels(attributes)
    np.testing.assert_array_equal(labels, [[1, 0, 1, np.nan, 1], [0, 0, 0, np.nan, np.nan]])
    assert learnable(labels).tolist() == [True, False, True, False, False]


def test_unknown_settings_are_refused():
    with pytest.raises(UnusableInput, match=r"Did you mean 'model\.widths'"):
        validated(ClassifierPlan, SMALL | {"model": SMALL["model"] | {"width": [4, 8]}}, "test")
    with pytest.raises(UnusableInput, match="attributes-plain"):
        validated(ClassifierPlan, SMALL | {"model": {"name": "attributes-plan"}}, "test")
