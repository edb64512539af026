"""lik demo: the whole path in a few minutes, and a page that explains it."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lik.cli.options import Device, Threads
from lik.cli.output import say

if TYPE_CHECKING:
    from lik.faces.set.faceset import FaceSet
    from lik.figures.page import Section

PREFERRED = ("Smiling", "Eyeglasses", "Blond_Hair", "Wearing_Hat", "Male", "No_Beard", "Bald")
"""Attributes that are worth showing, as far as a set has them; four at the most are shown."""

LEAST_EPOCHS, MOST_EPOCHS = 3, 200

MAPPED = 1200
"""Faces on the map of neighbourhoods."""


def demo(
    out: Annotated[Path, typer.Argument(help="Where everything goes.", metavar="OUT")] = Path(
        "demo"
    ),
    faces: Annotated[
        str,
        typer.Option(help="Pictures to learn from: CelebA, a folder, a zip, a face set, drawn:N."),
    ] = "drawn:6000",
    minutes: Annotated[
        float, typer.Option(help="How long to train, roughly.", metavar="N", min=0)
    ] = 2.0,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Prepare, train, reconstruct, generate, change and map; the path of the page comes last.

    The same command goes on where it was left.

    Example: lik demo --faces holiday-pictures/
    """
    from lik.cli.evaluate import evaluate_on, show
    from lik.cli.opening import open_session
    from lik.core.artifacts import write_json
    from lik.core.device import choose_device

    say("1. Faces")
    face_set = _faces(faces, out / "faces")
    say("\n2. Training the paper's first model")
    run = out / "first-model"
    epochs = _train(face_set, run, minutes, choose_device(device, threads))
    say("\n3. Figures")
    split = "test" if len(face_set.indices("test")) else "all"
    attributes, mapped = _figures(str(run), face_set, split, device)
    metrics = evaluate_on(open_session(str(run), device), face_set, split, 0)
    write_json(run / "metrics.json", metrics)
    show(metrics)
    page = out / "index.html"
    _write(page, face_set, run, _Shown(faces, epochs, attributes, mapped), metrics)
    say(f"\nOpen this in a browser:\n{page.resolve()}")


@dataclass(frozen=True)
class _Shown:
    """What the page was made of: ``mapped`` is the attribute that colours the last map."""

    source: str
    epochs: int
    attributes: list[str]
    mapped: str | None


def _faces(source: str, out: Path) -> "FaceSet":
    from lik.app.preparing import Crop, PrepareRequest, prepare, save_contact_sheet
    from lik.cli.output import command_line, stages
    from lik.faces.io.celeba import find_celeba
    from lik.faces.set.faceset import FaceSet

    if (Path(source) / "faceset.json").is_file():
        say(f"{source} is a face set already.")
        return FaceSet.open(source)
    # CelebA is aligned already and drawn faces are whole pictures: neither needs detection.
    fixed = source.startswith("drawn:") or find_celeba(Path(source)) is not None
    with stages() as progress:
        request = PrepareRequest(crop=Crop.fixed if fixed else Crop.aligned)
        prepared = prepare([source], out, request, progress, say)
    for line in prepared.lines():
        say(line)
    assert prepared.faces is not None
    save_contact_sheet(prepared.faces, command_line())
    return prepared.faces


def _train(faces: "FaceSet", run: Path, minutes: float, device: Any) -> int:
    """Epoch by epoch, in ever better guesses of how many fit into the time; gives their number."""
    import time

    from lik.cli.train import report, train_run
    from lik.core.run_folder import RunFolder
    from lik.training.recipe import read_run_recipe

    folder = RunFolder(run)
    started = folder.recipe.is_file()
    epochs = read_run_recipe(folder.recipe).epochs if started else 1
    outcome = None
    begin = time.monotonic()
    while True:
        before = time.monotonic()
        settings = [f"epochs={epochs}", "mirror=true", "device.compile=false"]
        outcome = train_run("paper-first", faces, run, settings, device, verify=outcome is None)
        if not outcome.finished:
            report(run, outcome)
            raise typer.Exit(130)
        trained = outcome.position.step - outcome.resumed_from
        left = 60 * minutes - (time.monotonic() - begin)
        if started or left <= 0 or not trained or epochs >= MOST_EPOCHS:
            break
        an_epoch = (time.monotonic() - before) * (outcome.position.step / epochs) / trained
        if left < an_epoch / 2 and epochs >= LEAST_EPOCHS:
            break
        epochs += max(1, int(min(MOST_EPOCHS - epochs, 0.6 * left / an_epoch)))
    report(run, outcome)
    return epochs


def _figures(run: str, faces: "FaceSet", split: str, device: str) -> tuple[list[str], str | None]:
    """Draw every figure; gives the attributes shown, and the one that colours the map."""
    from lik.cli.change import change
    from lik.cli.generate import generate
    from lik.cli.map import Method, map_
    from lik.cli.reconstruct import reconstruct

    own = str(faces.path)
    attributes = [name for name in PREFERRED if _has_both(faces, name)][:4]
    reconstruct(run, faces=own, split=split, count=16, device=device)
    generate(run, device=device)
    change(run, faces=own, split=split, device=device)
    if attributes:
        change(run, attribute=attributes, faces=own, split=split, device=device)
    map_(run, faces=own, device=device)
    mapped = _farthest_apart(run, faces, attributes, device) if attributes else None
    if mapped:
        map_(run, method=Method.tsne, attribute=mapped, faces=own, count=MAPPED, device=device)
    return attributes, mapped


def _farthest_apart(run: str, faces: "FaceSet", attributes: list[str], device: str) -> str:
    """The attribute whose classes lie farthest apart in the latent space: its map shows most."""
    from lik.cli.opening import drawn_indices, open_session
    from lik.latent.directions import labels_of, separation

    chosen = drawn_indices(faces, "all", MAPPED, 0)
    codes = open_session(run, device).encode(faces.images[chosen])

    def apart(name: str) -> float:
        labels = labels_of(name, faces.attributes, faces.attribute_names)[chosen]
        return separation(codes, labels)

    return max(attributes, key=apart)


def _has_both(faces: "FaceSet", name: str) -> bool:
    if name not in faces.attribute_names:
        return False
    column = faces.attributes[:, faces.attribute_names.index(name)]
    return bool((column > 0).sum() >= 5 and (column <= 0).sum() >= 5)


def _write(page: Path, faces: "FaceSet", run: Path, shown: _Shown, metrics: dict[str, Any]) -> None:
    import shutil

    from lik.figures.page import write_page

    sheet = run / "figures" / "faces.png"
    if not (faces.path / "contact-sheet.png").is_file():
        from lik.app.preparing import save_contact_sheet
        from lik.cli.output import command_line

        save_contact_sheet(faces, command_line(), sheet)
    else:
        shutil.copyfile(faces.path / "contact-sheet.png", sheet)
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
        _sections(faces, run, shown, metrics),
        "Made by Lik. All faces but those called originals were made by a generative model; "
        "the PNG files say so in their text.",
    )


def _prepare_command(faces: "FaceSet", source: str) -> str:
    """The command that makes the set again; none for a set that was given as it is."""
    if faces.path == Path(source):
        return ""
    crop = faces.crop["kind"]
    options = ["--crop", crop] if crop in ("aligned", "fixed") else []  # drawn faces need none
    return shlex.join(["lik", "prepare", source, str(faces.path), *options])


def _sections(
    faces: "FaceSet", run: Path, shown: _Shown, metrics: dict[str, Any]
) -> "list[Section]":
    from lik.figures.page import Section

    def figure(heading: str, text: str, name: str, command: str) -> Section:
        return Section(heading, text, f"{run.name}/figures/{name}", heading, command=command)

    pixels = faces.size**2 * 3
    latent = 128
    sections = [
        figure(
            "1. The faces",
            f"{len(faces):,} faces, cut to {faces.size}×{faces.size} pixels. They are all that the "
            "model ever sees; nothing tells it what an eye is.",
            "faces.png",
            _prepare_command(faces, shown.source),
        ),
        figure(
            "2. Training",
            "The loss is the sum of two parts. The reconstruction error falls as the pictures "
            "come out better. The KL divergence, the price of the code, starts near zero, because "
            "an untrained code says nothing, and grows as the code learns to carry information.",
            "training.png",
            shlex.join(
                [
                    "lik",
                    "train",
                    "paper-first",
                    str(faces.path),
                    str(run),
                    f"epochs={shown.epochs}",
                    "mirror=true",
                ]
            ),
        ),
        figure(
            "3. Reconstruction",
            f"Faces that were not trained on, and under each what is left of it after its "
            f"{pixels:,} numbers went through a code of {latent}. What is missing is what the code "
            "had no room for: fine detail goes first, hence the blur.",
            "reconstructions.png",
            f"lik reconstruct {run}",
        ),
        figure(
            "4. New faces",
            f"{latent} random numbers, decoded. None of these faces was in the set.",
            "generated.png",
            f"lik generate {run}",
        ),
        figure(
            "5. One number at a time",
            "The same face while one number of its code goes from one end of its range to the "
            "other. The model chose by itself what each number stands for; these are the five that "
            "carry the most information.",
            "changes.png",
            f"lik change {run}",
        ),
    ]
    if shown.attributes:
        options = " ".join(f"--attribute {name}" for name in shown.attributes)
        sections += [
            figure(
                "6. One trait at a time",
                "The mean code of the faces with a trait, less that of the faces without it, is a "
                "direction. A face moved along it gains or loses the trait and keeps the rest, as "
                "far as the set let the model tell them apart.",
                "changes-attributes.png",
                f"lik change {run} {options}",
            ),
        ]
    sections.append(
        figure(
            "A map of the latent space",
            "Each face at the place of its code, brought down from all dimensions to the two along "
            "which codes differ most. Faces that are alike lie near each other.",
            "map-pca.png",
            f"lik map {run}",
        )
    )
    if shown.mapped:
        sections.append(
            figure(
                "The same map, by neighbourhood",
                f"t-SNE keeps neighbours together. Coloured by {shown.mapped}, "
                "which the model was never told.",
                f"map-tsne-{shown.mapped}.png",
                f"lik map {run} --method tsne --attribute {shown.mapped} --count {MAPPED}",
            )
        )
    sections.append(
        Section(
            "In figures",
            f"Measured on {metrics['images']:,} faces of the {metrics['split']} split, in the "
            f"scale of the paper's published figures: {metrics['scale']}.",
            table=[
                ("loss", f"{metrics['loss']:.1f}"),
                ("reconstruction", f"{metrics['reconstruction']:.1f}"),
                ("KL divergence", f"{metrics['kl']:.1f}"),
                ("PSNR", f"{metrics['psnr']:.2f} dB"),
                ("SSIM", f"{metrics['ssim']:.3f}"),
            ],
            command=f"lik evaluate {run}",
        )
    )
    return sections
