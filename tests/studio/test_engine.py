"""What the studio keeps, and what it calls its runs."""

import asyncio
import shutil
from collections import OrderedDict
from pathlib import Path

import pytest

from lik.core.errors import UnusableInput
from lik.studio.engine import StudioEngine, kept
from untrained_runs import save_untrained


@pytest.fixture
def open_engine():
    opened = []

    def make(*places):
        opened.append(StudioEngine(list(places), "cpu"))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def test_runs_have_short_names_of_their_own(open_engine, tmp_path, monkeypatch):
    names = ["one/a b", "two/a b", "two/é.safetensors", "three/a b"]
    engine = open_engine(*(tmp_path / name for name in names))
    assert list(engine.places) == ["a-b", "a-b-2", "run", "a-b-3"]
    monkeypatch.chdir(tmp_path)
    here = open_engine(Path("."))
    assert list(here.places.values()) == [tmp_path.resolve()]
    assert list(here.names.values()) == [tmp_path.name]


def test_a_broken_run_is_left_out_of_the_list(open_engine, place, tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"nothing")
    engine = open_engine(tmp_path / "broken", place)
    rows = asyncio.run(engine.rows())
    assert [row["id"] for row in rows] == ["toy"]
    with pytest.raises(UnusableInput):
        asyncio.run(engine.about("broken"))


def test_a_run_that_is_trained_again_or_deleted_is_listed_as_it_is_now(
    open_engine, place, tmp_path, faces
):
    run = tmp_path / "own"
    run.mkdir()
    weights = run / "model.safetensors"
    weights.write_bytes(b"nothing")
    engine = open_engine(run)
    assert asyncio.run(engine.rows()) == []
    shutil.copy(place / "model.safetensors", weights)
    assert [row["id"] for row in asyncio.run(engine.rows())] == ["own"]
    before = asyncio.run(engine.about("own"))
    save_untrained(tmp_path / "other", faces, {"kind": "aligned"}, seed=5)
    shutil.copy(tmp_path / "other" / "model.safetensors", weights)
    kept_open = asyncio.run(engine.run("own"))  # for pages that are open already
    assert kept_open.sha256 == before["model_sha256"]
    after = asyncio.run(engine.about("own"))
    assert after["model_sha256"] != before["model_sha256"]
    assert asyncio.run(engine.run("own")).sha256 == after["model_sha256"]
    shutil.rmtree(run)
    assert asyncio.run(engine.rows()) == []


def test_what_was_not_asked_for_the_longest_gives_way():
    known: OrderedDict[int, int] = OrderedDict()
    made = []
    for key in (1, 2, 1, 3, 1, 2):
        kept(known, key, lambda key=key: made.append(key) or key, 2)
    assert made == [1, 2, 3, 2]
    assert list(known) == [1, 2]
