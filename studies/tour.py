"""Execute the notebook docs/tour.ipynb and keep what its cells show, in place.

    python studies/tour.py

The work is done in a folder that is gone afterwards, so that it begins anew and names no place.
"""

import base64
import hashlib
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image, PngImagePlugin

from lik.core.artifacts import write_text

NOTEBOOK = Path(__file__).resolve().parents[1] / "docs" / "tour.ipynb"
SECONDS = 900
"""What a cell may take."""


def executed(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """Execute all cells in ``folder``; what is kept tells nothing of the machine."""
    client = NotebookClient(
        notebook,
        timeout=SECONDS,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    done = client.execute()
    done.metadata.language_info = {"name": "python"}
    done.metadata.executed_sha256 = sources_sha256(done)
    return done


def with_small_pictures(notebook: NotebookNode) -> NotebookNode:
    """The notebook with its pictures in 256 colours each, a third as large; their text stays."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if picture := output.get("data", {}).get("image/png"):
                output.data["image/png"] = _in_few_colours(picture)
    return notebook


def _in_few_colours(picture: str) -> str:
    image = Image.open(io.BytesIO(base64.b64decode(picture)))
    told = PngImagePlugin.PngInfo()
    for key, value in image.text.items():
        told.add_itxt(key, value)
    few = image.convert("RGB").quantize(256, Image.Quantize.MEDIANCUT, kmeans=2)
    file = io.BytesIO()
    few.save(file, "PNG", pnginfo=told, optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def sources_sha256(notebook: NotebookNode) -> str:
    """The hash of all code: outputs belong to these sources and to no others."""
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256("\0".join(sources).encode()).hexdigest()


def with_settings(notebook: NotebookNode, settings: str) -> NotebookNode:
    """The notebook with other code in its cell of parameters."""
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = settings
    return notebook


def main() -> None:
    """Execute the notebook where nothing lies yet."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with TemporaryDirectory() as folder:
        done = with_small_pictures(executed(notebook, Path(folder)))
    write_text(NOTEBOOK, nbformat.writes(done) + "\n")


if __name__ == "__main__":
    main()
