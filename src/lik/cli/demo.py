"""lik demo: the whole path in a few minutes, and a page that explains it."""

import shlex
import shutil
import time
from pathlib import Path
from typing import Any

from lik.app.demonstration import MAPPED, Demonstration
from lik.app.opened import OpenedRun
from lik.app.preparing import Crop, PrepareRequest, prepare, save_contact_sheet
from lik.app.training import TrainOptions, train
from lik.cli.options import Device, Threads, argument, option
from lik.cli.output import command_line, note, progress, save_figure, say, table
from lik.cli.training_bar import TrainingBar, say_how_it_ended
from lik.core.run_folder import RunFolder
from lik.faces.io.celeba import find_celeba
from lik.faces.set.faceset import FaceSet
from lik.figures.page import Section, write_page
from lik.training.recipe import read_run_recipe

LEAST_EPOCHS, MOST_EPOCHS = 3, 200


def demo(
    out: Path = argument(Path("demo"), "Where everything goes.", "OUT"),
    faces: str = option(
        "drawn:6000", "Pictures to learn from: CelebA, a folder, a zip, a face set, drawn:N."
    ),
    minutes: float = option(2.0, "How long to train, roughly.", "N", min=0),
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Prepare, train, reconstruct, generate, change and map; the path of the page comes last.

    The same command goes on where it was left.

    Example: lik demo --faces holiday-pictures/
    """
    say("1. Faces")
    face_set = _faces(faces, out / "faces")
    say("\n2. Training the paper's first model")
    run = out / "first-model"
    epochs = _train(face_set, run, minutes, device, threads)
    say("\n3. Figures")
    shown = Demonstration(OpenedRun(run, device, notify=note), face_set)
    for drawn in shown.figures():
        save_figure(shown.run, drawn)
    metrics = shown.measure()
    table(("figure", "mean"), _figures(metrics))
    page = out / "index.html"
    _write(page, shown, faces, epochs, metrics)
    say(f"\nOpen this in a browser:\n{page.resolve()}")


def _faces(source: str, out: Path) -> FaceSet:
    if (Path(source) / "faceset.json").is_file():
        say(f"{source} is a face set already.")
        return FaceSet.open(source)
    # CelebA is aligned already and drawn faces are whole pictures: neither needs detection.
    fixed = source.startswith("drawn:") or find_celeba(Path(source)) is not None
    with progress() as step:
        request = PrepareRequest(crop=Crop.fixed if fixed else Crop.aligned)
        prepared = prepare([source], out, request, step, say)
    for line in prepared.lines():
        say(line)
    assert prepared.faces is not None
    save_contact_sheet(prepared.faces, command_line())
    return prepared.faces


def _train(faces: FaceSet, run: Path, minutes: float, device: str, threads: int | None) -> int:
    """Epoch by epoch, in ever better guesses of how many fit into the time; gives their number."""
    folder = RunFolder(run)
    started = folder.recipe.is_file()
    epochs = read_run_recipe(folder.recipe).epochs if started else 1
    outcome = None
    begin = time.monotonic()
    while True:
        before = time.monotonic()
        settings = [f"epochs={epochs}", "mirror=true", "device.compile=false"]
        options = TrainOptions(command=command_line(), verify=outcome is None, threads=threads)
        with TrainingBar() as bar:
            trained = train("paper-first", faces, run, settings, device, options, bar, note)
        outcome = trained.outcome
        if not outcome.finished:
            break
        steps = outcome.state.step - outcome.resumed_from
        left = 60 * minutes - (time.monotonic() - begin)
        if started or left <= 0 or not steps or epochs >= MOST_EPOCHS:
            break
        an_epoch = (time.monotonic() - before) * (outcome.state.step / epochs) / steps
        if left < an_epoch / 2 and epochs >= LEAST_EPOCHS:
            break
        epochs += max(1, int(min(MOST_EPOCHS - epochs, 0.6 * left / an_epoch)))
    say_how_it_ended(trained)
    return epochs


def _figures(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("loss", f"{metrics['loss']:.1f}"),
        ("reconstruction", f"{metrics['reconstruction']:.1f}"),
        ("KL divergence", f"{metrics['kl']:.1f}"),
        ("PSNR", f"{metrics['psnr']:.2f} dB"),
        ("SSIM", f"{metrics['ssim']:.3f}"),
    ]


def _prepare_command(faces: FaceSet, source: str) -> list[str | Path]:
    """The command that makes the set again; none for a set that was given as it is."""
    if faces.path == Path(source):
        return []
    crop = faces.crop["kind"]
    options = ["--crop", crop] if crop in ("aligned", "fixed") else []  # drawn faces need none
    return ["prepare", source, faces.path, *options]


def _write(
    page: Path, shown: Demonstration, source: str, epochs: int, metrics: dict[str, Any]
) -> None:
    sheet = shown.run.figures / "faces.png"
    if not (shown.faces.path / "contact-sheet.png").is_file():
        save_contact_sheet(shown.faces, command_line(), sheet)
    else:
        shutil.copyfile(shown.faces.path / "contact-sheet.png", sheet)
    figures = Section(
        "In figures",
        f"Measured on {metrics['images']:,} faces of the {metrics['split']} split, in the "
        f"scale of the paper's published figures: {metrics['scale']}.",
        table=_figures(metrics),
        command=_typed(["evaluate", shown.run.path]),
    )
    write_page(
        page,
        "What a variational autoencoder learns from faces",
        [
            "A variational autoencoder is two small networks. The first, the encoder, squeezes a "
            "picture into a short list of numbers, its code; the second, the decoder, unfolds a "
            "code into a picture again. They learn together to lose as little as they can, while "
            "the codes of all faces are kept close to a cloud of plain random numbers.",
            "That cloud is the latent space. Because it has no holes, any point in it is a face: "
            "one can draw new ones, and walk from one to the other. Below is everything that was "
            "made on this machine just now, and the command for each figure.",
        ],
        [*_sections(shown, source, epochs), figures],
        "Made by Lik. All faces but those called originals were made by a generative model; "
        "the PNG files say so in their text.",
    )


def _sections(shown: Demonstration, source: str, epochs: int) -> list[Section]:
    """The sections with a figure: each its heading, text, figure and command."""
    faces, run, latent = shown.faces, shown.run.path, shown.run.latent
    figures: list[tuple[str, str, str, list[str | Path]]] = [
        (
            "1. The faces",
            f"{len(faces):,} faces, cut to {faces.size}×{faces.size} pixels. They are all that the "
            "model ever sees; nothing tells it what an eye is.",
            "faces",
            _prepare_command(faces, source),
        ),
        (
            "2. Training",
            "The loss is the sum of two parts. The reconstruction error falls as the pictures "
            "come out better. The KL divergence, the price of the code, starts near zero, because "
            "an untrained code says nothing, and grows as the code learns to carry information.",
            "training",
            ["train", "paper-first", faces.path, run, f"epochs={epochs}", "mirror=true"],
        ),
        (
            "3. Reconstruction",
            f"Faces that were not trained on, and under each what is left of it after its "
            f"{faces.size**2 * 3:,} numbers went through a code of {latent}. What is missing is "
            "what the code had no room for: fine detail goes first, hence the blur.",
            "reconstructions",
            ["reconstruct", run],
        ),
        (
            "4. New faces",
            f"{latent} random numbers, decoded. None of these faces was in the set.",
            "generated",
            ["generate", run],
        ),
        (
            "5. One number at a time",
            "The same face while one number of its code goes from one end of its range to the "
            "other. The model chose by itself what each number stands for; these are the five that "
            "carry the most information.",
            "traversals",
            ["traverse", run],
        ),
        (
            "6. One trait at a time",
            "The mean code of the faces with a trait, less that of the faces without it, is a "
            "direction. A face moved along it gains or loses the trait and keeps the rest, as "
            "far as the set let the model tell them apart.",
            "traversals-attributes",
            ["traverse", run, *(word for name in shown.attributes for word in ("-a", name))],
        ),
        (
            "A map of the latent space",
            "Each face at the place of its code, brought down from all dimensions to the two along "
            "which codes differ most. Faces that are alike lie near each other.",
            "map-pca",
            ["map", run],
        ),
        (
            "The same map, by neighbourhood",
            f"t-SNE keeps neighbours together. Coloured by {shown.mapped}, "
            "which the model was never told.",
            f"map-tsne-{shown.mapped}",
            ["map", run, "--method", "tsne", "-a", f"{shown.mapped}", "--count", f"{MAPPED}"],
        ),
    ]
    needing_attributes = () if shown.attributes else (figures[5], figures[7])
    return [
        Section(heading, text, f"{run.name}/figures/{name}.png", heading, command=_typed(command))
        for heading, text, name, command in figures
        if (heading, text, name, command) not in needing_attributes
    ]


def _typed(command: list[str | Path]) -> str:
    return shlex.join(["lik", *map(str, command)]) if command else ""
