import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import lik
from lik.cli.main import GROUPS, VERBS, _loaded
from terminal import refuse, run_lik, succeed


def test_a_run_holds_what_it_should(run, faces):
    for name in ("recipe.yaml", "model.safetensors", "state/last.pt", "journal.jsonl",
                 "environment.json", "figures/training.png"):  # fmt: skip
        assert (run / name).is_file(), name
    session = lik.load(run)
    assert session.metadata["crop"] == faces.crop
    assert session.metadata["attribute_names"] == faces.attribute_names
    assert "path" not in session.metadata


@pytest.mark.parametrize(
    ("arguments", "figure"),
    [
        (["reconstruct"], "reconstructions.png"),
        (["generate", "--count", 10, "--temperature", 0.5], "generated.png"),
        (["traverse"], "traversals.png"),
        (["traverse", "-a", "Smiling", "-a", "Eyeglasses"], "traversals-attributes.png"),
        (["traverse", "-d", 3, "--generated", "-n", 1], "traversals.png"),
        (["map"], "map-pca.png"),
        (["map", "-a", "Smiling"], "map-pca-Smiling.png"),
        (["map", "--method", "tsne"], "map-tsne.png"),
    ],
)
def test_every_figure_is_drawn_and_says_what_made_it(run, tmp_path, arguments, figure):
    verb, *options = arguments
    answer = succeed(verb, run, *options, "--arrays", tmp_path / "a.npz")
    assert str(run / "figures" / figure) in answer.output
    image = Image.open(run / "figures" / figure)
    assert min(image.size) > 200
    assert "generative model" in image.text["Description"]
    assert image.text["Lik run"] == "toy"
    assert "Lik command" in image.text
    assert len(np.load(tmp_path / "a.npz").files) >= 2


def test_given_pictures_are_reconstructed_and_traversed(run, faces, tmp_path):
    Image.fromarray(faces.images[0]).save(tmp_path / "face.png")
    for verb in ("reconstruct", "traverse"):
        succeed(verb, run, tmp_path / "face.png", "-o", tmp_path / f"{verb}.png")
        assert (tmp_path / f"{verb}.png").is_file()


def test_evaluation_says_what_was_measured(run, faces):
    answer = run_lik("evaluate", run, "--split", "train", "--json")
    metrics = json.loads(answer.output)
    assert metrics["images"] == len(faces.indices("train"))
    assert metrics["faces_sha256"] == faces.hash
    assert metrics["loss"] == pytest.approx(metrics["reconstruction"] + metrics["kl"])
    assert json.loads((run / "metrics.json").read_text()) == metrics
    shown = run_lik("evaluate", run, "--split", "train").output
    assert f"{metrics['loss']:.2f}" in shown
    assert "Σ(x−x̂)² + KL" in shown


def test_the_figures_of_one_face_are_json(run, faces, tmp_path):
    one = tmp_path / "set"
    shutil.copytree(faces.path, one)
    index = one / "index.csv"
    index.write_text(index.read_text().replace(",test,", ",train,").replace("train", "test", 1))

    def refuse(word):
        raise AssertionError(word)

    answer = run_lik("evaluate", run, "--faces", one, "--json")
    metrics = json.loads(answer.output, parse_constant=refuse)
    assert metrics["images"] == 1
    assert metrics["loss_error"] is None
    assert "±" not in run_lik("evaluate", run, "--faces", one).output.split("error.")[1]


def test_models_and_recipes_are_listed():
    counts = {
        m["name"]: m["encoder"]["total"] for m in json.loads(run_lik("models", "--json").output)
    }
    assert counts == {
        "paper-first": 558_944, "paper-second": 1_511_464, "residual": 2_077_040,
        "refined": 558_944,
    }  # fmt: skip
    assert "paper-second" in run_lik("recipes").output
    assert "learning_rate: 5.0e-4" in run_lik("recipes", "paper-first").output


def test_prepare_draws_a_contact_sheet_and_counts(tmp_path):
    answer = succeed("prepare", "drawn:12", tmp_path / "set", "--size", 32)
    assert "12 pictures, 12 faces found, 12 kept" in answer.output
    assert (tmp_path / "set" / "contact-sheet.png").is_file()
    again = succeed("prepare", "drawn:12", tmp_path / "set", "--size", 32)
    assert "prepared already" in again.output


def test_the_demo_makes_a_page_whose_pictures_are_there(tmp_path):
    answer = succeed("demo", tmp_path / "demo", "--faces", "drawn:80", "--minutes", 0)
    page = tmp_path / "demo" / "index.html"
    assert answer.output.strip().endswith(str(page))
    pictures = re.findall(r'src="([^"]+)"', page.read_text())
    assert len(pictures) >= 7
    assert all((page.parent / picture).is_file() for picture in pictures)
    out = tmp_path / "demo"
    commands = re.findall("<pre>(lik .*)</pre>", page.read_text())
    assert commands[:2] == [
        f"lik prepare drawn:80 {out / 'faces'}",
        f"lik train paper-first {out / 'faces'} {out / 'first-model'} epochs=1 mirror=true",
    ]
    for command in commands[:2]:  # they find everything done already
        succeed(*command.split()[1:])


def test_sets_without_attributes_train_and_are_traversed(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(6):
        pixels = np.random.default_rng(index).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.webp")
    faces, run = tmp_path / "set", tmp_path / "run"
    succeed("prepare", folder, faces, "--crop", "fixed", "--square", "0,0,16", "--size", 16)
    succeed("train", "paper-second", faces, run, "epochs=1")
    succeed("traverse", run, "--split", "all")
    refuse("no attributes", "traverse", run, "-a", "Smiling", "--split", "all")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "paper-first", "{faces}", "{new}", "epoch=3"], "Did you mean 'epochs'?"),
        (["train", "paper-frist", "{faces}", "{new}"], "paper-first"),
        (["train", "paper-first", "{none}", "{new}"], "no face set at"),
        (["train", "paper-first", "{faces}", "{new}", "model.size=64"], "model.size"),
        (["train", "paper-first", "{faces}", "{new}", "--device", "tpu"], "is no device"),
        (["prepare", "{empty}", "{new}"], "holds no files"),
        (["prepare", "{none}", "{new}"], "nothing at"),
        (["prepare", "drawn:x", "{new}"], "drawn:N"),
        (["prepare", "drawn:5", "{new}", "--crop", "fixed", "--square", "1,2"], "X,Y,SIDE"),
        (["generate", "{none}"], "no trained weights at"),
        (["generate", "{empty}"], "no trained model"),
        (["reconstruct", "{run}", "{none}"], "no picture at"),
        (["reconstruct", "{run}", "--split", "holiday"], "no split 'holiday'"),
        (["traverse", "{run}", "-a", "Smilling"], "Did you mean 'Smiling'?"),
        (["traverse", "{run}", "-d", "99"], "no latent dimension 99"),
        (["traverse", "{run}", "--reach", "inf"], "finite number"),
        (["generate", "{run}", "-o", "{empty}"], "is a folder"),
        (["generate", "{run}", "-o", "{new}.jpg"], "does not end in .png"),
        (["map", "{run}", "--arrays", "{new}.npy"], "does not end in .npz"),
        (["map", "{run}", "-n", -400], "at least 1, not -400"),
        (["reconstruct", "{run}", "{empty}"], "holds no pictures"),
        (["generate", "{run}", "--temperature", "inf"], "not inf"),
        (["evaluate", "{run}", "--faces", "{none}"], "no face set at"),
        (["import-keras", "{none}", "{new}"], "is missing"),
        (["recipes", "paper-frist"], "paper-first"),
        (["recipes", "nope"], "no recipe 'nope': Lik has beta-tcvae, paper-first, paper-second"),
    ],
)
def test_bad_input_gets_one_sentence_and_exit_code_2(arguments, words, run, faces, tmp_path):
    pytest.importorskip("h5py")
    (tmp_path / "empty").mkdir()
    places = {"faces": faces.path, "run": run, "none": tmp_path / "none", "new": tmp_path / "new",
              "empty": tmp_path / "empty"}  # fmt: skip
    refuse(words, *(a.format(**places) if isinstance(a, str) else a for a in arguments))
    assert not (tmp_path / "new").exists()


def test_a_run_of_a_newer_lik_is_refused(run, tmp_path):
    from safetensors import safe_open
    from safetensors.torch import save_file

    newer = tmp_path / "newer"
    shutil.copytree(run, newer)
    with safe_open(newer / "model.safetensors", "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata() | {"version": "99"}
    save_file(tensors, newer / "model.safetensors", metadata)
    refuse("version 99", "generate", newer)


@pytest.mark.parametrize("damaged", ["images.npy", "index.csv"])
def test_a_damaged_set_is_not_trained_on(faces, tmp_path, damaged):
    shutil.copytree(faces.path, tmp_path / "set")
    file = tmp_path / "set" / damaged
    content = bytearray(file.read_bytes())
    position = -1 if damaged == "images.npy" else content.index(b"train")
    content[position : position + 1 or None] = bytes([content[position] ^ 1])
    file.write_bytes(content)
    refuse(
        f"{damaged} is broken (it has changed",
        "train",
        "paper-first",
        tmp_path / "set",
        tmp_path / "run",
        "epochs=1",
    )
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("changed", ["hash", "index_hash"])
def test_another_set_at_the_place_of_the_runs_own_is_refused(run, tmp_path, changed):
    shutil.copytree(run, tmp_path / "run")
    environment = tmp_path / "run" / "environment.json"
    stored = json.loads(environment.read_text())
    stored["faces"][changed] = "0" * 64
    environment.write_text(json.dumps(stored))
    refuse("is no longer the face set", "reconstruct", tmp_path / "run")
    own = stored["faces"]["path"]
    succeed("reconstruct", tmp_path / "run", "--faces", own)


def test_a_finished_run_without_its_journal_is_finished_still(run, faces, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "journal.jsonl").unlink()
    answer = succeed(
        "train",
        "paper-first",
        faces.path,
        tmp_path / "run",
        "epochs=2",
        "model.latent=8",
        "batch_size=16",
    )
    assert "finished already" in answer.output


def test_no_reach_changes_nothing(run, tmp_path):
    file = tmp_path / "a.npz"
    options = ("-a", "Smiling", "-d", 3, "--reach", 0, "--arrays", file)
    succeed("traverse", run, *options)
    arrays = np.load(file)
    np.testing.assert_array_equal(arrays["Smiling"], np.stack([arrays["codes"]] * 6, axis=1))
    assert not arrays["dimension_3"][:, :, 3].any()


def test_too_little_memory_is_said(run, monkeypatch):
    def full(*arguments):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried")

    monkeypatch.setattr("lik.latent.session.Session.decode", full)
    answer = run_lik("generate", run)
    assert answer.exit_code == 1
    assert "not enough memory" in answer.output


def test_a_reader_who_has_enough_hears_no_complaint():
    command = f"{sys.executable} -m lik models --json | true"
    answer = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert answer.stderr == ""


COMMANDS = [(verb,) for verb in VERBS if verb not in GROUPS]
COMMANDS += [(verb, kind) for verb, kinds in GROUPS.items() for kind in kinds]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_verb_has_help_with_an_example(command):
    answer = succeed(*command, "--help")
    assert "Example: lik" in answer.output


def test_a_verb_of_verbs_lists_them_and_knows_the_nearest():
    answer = succeed("export", "--help")
    assert all(kind in answer.output for kind in GROUPS["export"])
    wrong = run_lik("export", "onx")
    assert wrong.exit_code == 2
    assert "onnx" in wrong.output


def test_help_keeps_its_square_brackets():
    """Rich takes them for markup where they are not escaped, and says nothing."""
    from rich.text import Text

    assert "'lik-vae[keras]'" in run_lik("import-keras", "--help").output
    loaded = [_loaded(verb) for verb in VERBS]
    loaded += [_loaded(kind, verb) for verb, kinds in GROUPS.items() for kind in kinds]
    for command in loaded:
        helps = [command.help, *(getattr(option, "help", None) for option in command.params)]
        for text in filter(None, helps):
            assert Text.from_markup(text).plain == text.replace(r"\[", "["), command.name


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (("export", "onnx", "faces", ""), "OUT"),
        (("prepare", " ", "out"), "SOURCE"),
        (("train", "paper-first", "faces", ""), "RUN"),
        (("edit", "", "--set", "Smiling=1"), "PHOTO"),
    ],
)
def test_an_empty_text_is_no_path(command, name):
    """Such as that of a variable of the shell that is not set: it would be the folder one is in."""
    refuse(f"{name} is empty", *command)
