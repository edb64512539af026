"""Trainings are watched by their files: no path goes out or comes in, and grids lose their text."""

import asyncio
import io
import json
import shutil

import pytest
from PIL import Image

from lik.core.run_folder import RunFolder
from lik.figures.png import save_png
from lik.studio.engine import StudioEngine
from lik.studio.journals import _streamed, _Training
from lik.training import journal
from lik.training.journal import EpochRecord
from terminal import succeed


@pytest.fixture(scope="module")
def trained(faces, tmp_path_factory):
    """A run of two epochs, whose weights are taken away again, as before they are written."""
    folder = tmp_path_factory.mktemp("runs")
    sizes = ["model.size=16", "model.latent=4"]
    succeed("train", "paper-first", faces.path, folder / "small", "epochs=2", *sizes)
    return folder


@pytest.fixture
def watching(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "runs")
    made = StudioEngine([tmp_path / "runs" / "small"], "cpu", watched=[tmp_path / "runs"])
    yield made
    made.close()


def told(events):
    return dict(events)


def test_a_training_is_told_line_by_line(watching):
    training = _Training(watching, "small")
    first = told(training.look())
    assert [one["epoch"] for one in first["journal"]["records"]] == [1, 2]
    assert len(first["journal"]["dimensions"]) == 4
    assert first["state"]["training"]["state"] == "finished"
    assert training.look() == []
    folder = watching.folder("small")
    metrics = {"loss": float("nan")}
    journal.append(folder.journal, EpochRecord(3, 9, metrics, None, 1.0, "SSE"))
    second = told(training.look())
    assert second["journal"]["records"][0]["train"] == {"loss": None}
    assert second["state"]["training"]["loss"] is None


def test_the_stream_ends_with_the_server(watching):
    async def first_of_it():
        listening, leaving = set(), asyncio.Event()
        stream = _streamed(watching, _Training(watching, "small"), listening, leaving)
        name, data = (await anext(stream)).decode().strip().split("\n")
        assert len(listening) == 1
        leaving.set()
        assert len([event async for event in stream]) == 1  # the rest of that look
        assert not listening
        return name, json.loads(data.removeprefix("data: "))

    name, data = asyncio.run(first_of_it())
    assert name == "event: journal"
    assert len(data["records"]) == 2


def test_a_run_appears_while_it_trains(watching, trained, tmp_path):
    shutil.copytree(trained / "small", tmp_path / "runs" / "new")
    weights = RunFolder(tmp_path / "runs" / "new").model
    weights.rename(weights.with_name("later"))
    assert [row["id"] for row in asyncio.run(watching.rows())] == ["small"]
    assert _Training(watching, "new").look()
    weights.with_name("later").rename(weights)
    assert [row["id"] for row in asyncio.run(watching.rows())] == ["small", "new"]


def test_a_grid_is_asked_for_by_its_epoch_and_names_no_command(client, place):
    save_png(RunFolder(place).grids / "epoch-0003.png", Image.new("RGB", (4, 4)), command="lik /x")
    answer = client.get("/api/runs/toy/samples/3")
    assert answer.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(answer.content)) as image:
        assert "lik /x" not in str(image.info)
    for epoch in ("4", "-1", "1e3", "..%2f3", "99999999999"):
        assert client.get(f"/api/runs/toy/samples/{epoch}").status_code in (400, 404, 422)
    assert client.get("/api/runs/none/samples/3").status_code == 404
    assert client.get("/api/runs/none/events").status_code == 404
    assert "/" not in client.get("/api/trainings").text.replace("\\/", "")
