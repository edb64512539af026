"""The page in a browser, before a stand-in for the server that answers from memory.

Skipped where Playwright or a Chromium is missing: LIK_CHROMIUM names one that lies elsewhere.
"""

import os
import shutil

import pytest
from exported_pages import save_guide, save_refined
from page_stand_in import ORIGIN, Studio, static_file

from lik.app.directions import FitRequest, fit_directions
from lik.app.run import Run


@pytest.fixture(scope="module")
def browser():
    """A browser for each module: while one is open, an event loop runs in which no other can."""
    api = pytest.importorskip("playwright.sync_api", reason="the page is tried with Playwright")
    path = os.environ.get("LIK_CHROMIUM") or shutil.which("chromium")
    if not path:
        pytest.skip("there is no Chromium: set LIK_CHROMIUM to one")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def modules(browser):
    """A blank page of the studio's origin, in which its modules can be imported."""
    context = browser.new_context()
    page = context.new_page()
    page.route("**/*", static_file)
    page.goto(f"{ORIGIN}/blank")
    yield page
    context.close()


@pytest.fixture
def studio(browser):
    """The page, opened before a server that answers from memory; see `Studio`."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en")
    studio = Studio(context.new_page())
    yield studio
    context.close()
    assert studio.problems == []


@pytest.fixture(scope="session")
def run(faces, tmp_path_factory):
    """A refined run that was never trained, with directions and a guide that reads codes."""
    path = save_refined(tmp_path_factory.mktemp("shown") / "toy", faces)
    fit_directions(Run(path, "cpu"), FitRequest("means"))
    save_guide(Run(path, "cpu"))
    return Run(path, "cpu", 1)


@pytest.fixture(scope="session")
def folder(run, tmp_path_factory):
    """Its page, exported as a folder."""
    for name in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(name)
    from lik.app.page_exporting import export_page

    out = tmp_path_factory.mktemp("exported") / "page"
    export_page(run, out)
    return out
