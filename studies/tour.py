"""Execute the notebook docs/tour.ipynb and keep what its cells show, in place.

    python studies/tour.py

The work is done in a folder that is gone afterwards, so that it begins anew and names no place.
"""

import hashlib
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

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
        write_text(NOTEBOOK, nbformat.writes(executed(notebook, Path(folder))) + "\n")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    main()
