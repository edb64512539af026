"""The notebook of the documents: it runs, and what stands in it was shown by what stands in it."""

import base64
import io
import json
import re
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
SMALL = 'FOLDER = Path("tour")\nFACES, EPOCHS = 150, 1'
MOST_CELLS, MOST_BYTES = 20, 1_500_000
PLACES = re.compile(r"(?<![\w.])/(?:home|root|tmp|Users|usr|opt|var|mnt|srv|work)\b|[A-Z]:\\\\")


@pytest.fixture
def tour(monkeypatch):
    pytest.importorskip("nbclient")
    monkeypatch.syspath_prepend(str(ROOT / "studies"))
    import tour

    yield tour
    del sys.modules["tour"]


@pytest.fixture
def notebook(tour):
    import nbformat

    notebook = nbformat.read(tour.NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    return notebook


def code_of(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def kinds(notebook):
    """Of each cell, the kinds of what it shows."""
    return [
        [set(output.get("data", {output.output_type: ""})) for output in cell.outputs]
        for cell in code_of(notebook)
    ]


def test_small_it_shows_what_the_committed_one_shows(tour, notebook, tmp_path):
    committed = kinds(notebook)
    done = tour.executed(tour.with_settings(notebook, SMALL), tmp_path)
    assert kinds(done) == committed
    assert {file.name for file in (tmp_path / "tour").iterdir()} >= {"faces", "first", "edited.png"}
    assert str(tmp_path) not in json.dumps(done)


def test_what_is_committed_was_executed_whole_and_in_order(tour, notebook):
    cells = code_of(notebook)
    assert len(cells) <= MOST_CELLS
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert notebook.metadata.executed_sha256 == tour.sources_sha256(notebook), (
        "a cell was changed: python studies/tour.py executes the notebook again"
    )
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert len([cell for cell in cells if cell.outputs]) >= len(cells) - 2


def test_each_cell_follows_words(notebook):
    before = [cell.cell_type for cell in notebook.cells]
    assert before[0] == before[-1] == "markdown"
    assert ("code",) * 3 not in set(zip(before, before[1:], before[2:], strict=False))


def test_what_is_committed_is_small_and_names_no_place(tour, notebook):
    text = tour.NOTEBOOK.read_text(encoding="utf-8")
    assert len(text.encode()) <= MOST_BYTES
    assert not PLACES.search(text)
    assert notebook.metadata.language_info == {"name": "python"}
    pictures = 0
    for output in (output for cell in code_of(notebook) for output in cell.outputs):
        data = output.get("data", {}).get("image/png")
        if data is not None:
            image = Image.open(io.BytesIO(base64.b64decode(data)))
            pictures += 1
            assert "Lik command" not in image.text
            assert image.text["Software"] == "Lik"
    assert pictures >= 10


def test_its_links_lead_to_documents(notebook):
    words = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\(([^)]+)\)", words)
    assert len(links) >= 5
    for link in links:
        assert (ROOT / "docs" / link).is_file(), link
