import os
from pathlib import Path

import numpy as np
import pytest
import torch

from lik.faces.crop.cropping import WholeCrop
from lik.faces.drawn import rendering as drawn
from lik.faces.io.sources import open_source
from lik.faces.set.extraction import Plan
from lik.faces.set.faceset import FaceSet
from lik.faces.set.preparation import prepare
from untrained_runs import save_untrained


@pytest.fixture(scope="module", autouse=True)
def usual_threads():
    """A file that asks for other threads of PyTorch leaves them as they were for the next."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def threads():
    """Sets the threads of PyTorch for one test."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def faces(tmp_path_factory) -> FaceSet:
    """64 drawn faces of 16 pixels: what the commands are tried on."""
    out = tmp_path_factory.mktemp("sets") / "drawn"
    prepare(open_source("drawn:64", 16), out, Plan(WholeCrop(), 16))
    return FaceSet.open(out)


@pytest.fixture(scope="session")
def untrained(faces, tmp_path_factory) -> Path:
    return save_untrained(tmp_path_factory.mktemp("untrained") / "toy", faces, faces.crop)


@pytest.fixture(scope="session")
def drawn_pictures() -> np.ndarray:
    return np.stack([drawn.render(drawn.sample_factors(1, i), 16) for i in range(8)])


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with CelebA at half size and photographs; such tests skip without it."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    path = Path(os.environ.get("LIK_DATA", default))
    if not (path / "celeba-half").is_dir():
        pytest.skip(f"no real faces at {path}: set LIK_DATA to the folder that holds celeba-half")
    return path


@pytest.fixture(scope="session")
def author_weights(real_data) -> list[Path]:
    pytest.importorskip("h5py")
    folder = real_data.parent / "reference"
    paths = [folder / "model1-encoder.keras", folder / "model1-decoder.keras"]
    if not paths[0].is_file():
        pytest.skip(f"the author's weights are not at {folder}")
    return paths


def pytest_collection_modifyitems(items):
    """The files that take longest begin first, so that no worker is left alone with one."""
    longest = ("page/test_flows", "training/test_running", "page/test_page_exported")
    items.sort(key=lambda item: not any(name in item.nodeid for name in longest))
