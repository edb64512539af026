"""The verbs that show what a run gives: what they write, say and refuse."""

import re

import numpy as np
import pytest
import torch
from PIL import Image

from lik.cli.options import names_of
from lik.cli.output import progress_bar
from lik.core.errors import UnusableInput
from lik.models.catalogue import build
from lik.models.paper import PaperFirstSettings
from lik.models.saved import save_model
from terminal import run_lik, succeed


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    torch.manual_seed(0)
    settings = PaperFirstSettings(size=16, latent=4)
    path = tmp_path_factory.mktemp("runs") / "toy"
    save_model(path / "model.safetensors", build(settings), settings, {})
    return path


def test_a_figure_says_which_command_made_it_and_its_arrays_are_written(run, tmp_path):
    out, arrays = tmp_path / "a.png", tmp_path / "a.npz"
    answer = run_lik("generate", run, "-n", 2, "--temperature", 0, "-o", out, "--arrays", arrays)
    assert answer.output.splitlines() == [str(out), str(arrays)]
    assert Image.open(out).text["Lik run"] == "toy"
    assert not np.load(arrays)["codes"].any()
    succeed("morph", run, "seed:1", "seed:2", "--side", 16)
    assert (run / "figures" / "morph.png").is_file()
    film = run_lik("morph", run, "seed:1", "seed:2", "--seconds", 0.2, "-o", tmp_path / "a.gif")
    assert film.output.strip() == str(tmp_path / "a.gif")


def test_what_of_a_folder_is_passed_over_is_told(run, faces, tmp_path):
    (tmp_path / "1.txt").write_text("no picture")
    Image.fromarray(faces.images[0]).save(tmp_path / "2.png")
    answer = succeed("reconstruct", run, tmp_path)
    assert re.search(r"1 file was passed over; the first: .*1\.txt", answer.stderr)
    assert answer.stdout.strip() == str(run / "figures" / "reconstructions.png")


def test_a_fitted_prior_is_told_and_drawn_from(run, faces, tmp_path):
    fitted = succeed("fit-prior", run, faces.path, "--components", 1, "--without", "Smiling")
    assert fitted.output.splitlines()[1] == str(run / "priors" / "gmm.safetensors")
    assert "faces: 1 component." in fitted.output
    drawn = ["generate", run, "--prior", "gmm", "-n", 1, "-o", tmp_path / "a.png"]
    succeed(*drawn)
    succeed(*drawn, "--temperature", 0.8)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["generate", "{run}", "--nearest"], "real people"),
        (["generate", "{run}", "--with", "Smiling"], "--classifier NET"),
        (["generate", "{run}", "--with", 'a,"b'], "no list of names"),
        (["average", "{run}"], "--faces FACES"),
        (["fit-prior", "{run}/model.safetensors"], "no folder of a run"),
        (["morph", "{run}", "seed:1"], "2 faces, or 4"),
        (["morph", "{run}", "seed:1", "seed:2", "-o", "a.jpg"], "does not end in .png or .gif"),
        (["map", "{run}", "--faces", "{faces}", "-n", 2], "at least 3 faces"),
    ],
)
def test_what_cannot_be_drawn_is_refused(run, faces, arguments, words):
    places = {"run": run, "faces": faces.path}
    answer = run_lik(*(a.format(**places) if isinstance(a, str) else a for a in arguments))
    assert answer.exit_code == 2, answer.output
    assert words in answer.output


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (None, []),
        (["A,B", " C "], ["A", "B", "C"]),
        (['"A, B",C'], ["A, B", "C"]),
        (['A, "B, ""C"""'], ["A", 'B, "C"']),
        (["x/../evil", "[/foo]", "hair=blond", ""], ["x/../evil", "[/foo]", "hair=blond"]),
    ],
)
def test_names_are_divided_by_commas_outside_of_quotes(given, names):
    assert names_of(given) == names


def test_a_list_that_cannot_be_read_is_refused():
    for line in ('"A', 'A,"B"C', "A\nB"):
        with pytest.raises(UnusableInput, match="no list of names"):
            names_of([line])


def test_names_in_bars_are_no_markup(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with progress_bar("figures") as bar:
        bar.add_task("encoding [/foo]", total=2, figures="[/bar] [b]x[/b]")
        bar.refresh()
    shown = capsys.readouterr().err
    assert "encoding [/foo]" in shown
    assert "[/bar] [b]x[/b]" in shown
