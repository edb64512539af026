"""A studio with one tiny run, asked without a network."""

import pytest
from starlette.testclient import TestClient

from finders import TwoFaces, save_photograph
from lik.app.directions import fit_directions
from lik.app.run import Run
from lik.faces import photograph
from lik.studio.api import create_api
from lik.studio.engine import StudioEngine
from lik.studio.server import create_app
from studio_requests import HOST, ORIGIN, TOKEN
from untrained_runs import save_untrained


@pytest.fixture(scope="session")
def place(faces, tmp_path_factory):
    """A run with directions, which looks for faces in photographs."""
    path = tmp_path_factory.mktemp("shown") / "toy"
    save_untrained(path, faces, {"kind": "aligned"})
    fit_directions(Run(path, "cpu"))
    return path


@pytest.fixture(scope="session")
def engine(place):
    made = StudioEngine([place], "cpu")
    yield made
    made.close()


@pytest.fixture(scope="session")
def app(engine):
    made = create_app(lambda: (create_api(engine), lambda: None), TOKEN, frozenset({HOST}))
    with TestClient(made, ORIGIN):  # begins the loading
        yield made


@pytest.fixture(scope="session")
def client(app):
    return TestClient(app, ORIGIN, headers={"X-Lik-Token": TOKEN})


@pytest.fixture
def photo(tmp_path, monkeypatch):
    monkeypatch.setattr(photograph, "_finder", lambda kind: TwoFaces())
    return save_photograph(tmp_path / "photo.png")


@pytest.fixture(scope="session")
def record(client):
    about = client.get("/api/runs/toy").json()
    return {
        "strengths": {"Smiling": "0.5", "dimension:1": "9"}, "method": "joint",
        "mode": "transfer", "run": "toy", "model_sha256": about["model_sha256"],
    }  # fmt: skip
