"""lik morph: what lies between two faces, or four."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lik.cli.options import Device, Run, Temperature, file_of
from lik.cli.output import figure_path, save_figure, say

if TYPE_CHECKING:
    from lik.cli.opening import Pictures
    from lik.latent.interpolation import Path as Way
    from lik.latent.morphing import End
    from lik.latent.session import Session

FILMS = (".gif", ".mp4")


def morph(
    run: Run,
    ends: Annotated[
        list[str],
        typer.Argument(
            help="Two faces, or four for a square: photographs, FACES:NAME for a face of a face "
            "set, or seed:N for a generated one.",
            metavar="A B [C D]",
        ),
    ],
    path: Annotated[
        str,
        typer.Option(help="The way between codes: straight, or spherical.", metavar="WAY"),
    ] = "straight",
    steps: Annotated[int, typer.Option(help="Faces in a row.", metavar="N", min=2)] = 7,
    seconds: Annotated[
        float, typer.Option(help="Length of a film, to and fro.", metavar="S", min=0.2, max=60)
    ] = 3.0,
    rate: Annotated[
        int, typer.Option(help="Pictures a second of a film.", metavar="N", min=2, max=60)
    ] = 20,
    side: Annotated[
        int, typer.Option(help="Side of a face in pixels.", metavar="PX", min=16, max=2048)
    ] = 256,
    plain: Annotated[
        bool, typer.Option("--plain", help="The decodings alone, without the ends' own pixels.")
    ] = False,
    temperature: Temperature = 0.8,
    out: Annotated[
        str | None,
        typer.Option(
            "--out", "-o", help="What to write: PNG (strip or square), GIF or MP4 (film).",
            metavar="FILE", show_default=False, callback=file_of(".png", *FILMS),
        ),
    ] = None,
    device: Device = "auto",
) -> None:  # fmt: skip
    """Morph between faces: a strip of two, a square of four, or a film.

    Example: lik morph runs/first one.jpg other.jpg -o morph.gif
    """
    from lik.cli.opening import open_session
    from lik.core.errors import UnusableInput
    from lik.latent.interpolation import PATHS

    if len(ends) not in (2, 4):
        raise UnusableInput(f"a morph is between 2 faces, or 4 for a square, not {len(ends)}.")
    if path not in PATHS:
        raise UnusableInput(f"there is no way '{path}': give one of {', '.join(PATHS)}.")
    film = out is not None and Path(out).suffix.lower() in FILMS
    if film and len(ends) == 4:
        raise UnusableInput("a film goes between 2 faces: give 2, or write the square as PNG.")
    session = open_session(run, device)
    opened = [_end(session, name, side, plain, temperature) for name in ends]
    way: Way = "spherical" if path == "spherical" else "straight"
    if film:
        assert out is not None
        _film(session, opened, way, Path(out), round(seconds * rate), rate, side)
    else:
        _sheet(session, opened, way, steps, side, out, run)


def _end(session: "Session", name: str, side: int, plain: bool, temperature: float) -> "End":
    """What a word of the command line names.

    Raises:
        UnusableInput: there is no such photograph, face, or seed.
    """
    from lik.core.errors import UnusableInput
    from lik.latent.morphing import End

    if name.startswith("seed:"):
        number = name.removeprefix("seed:")
        if not number.isdecimal():
            raise UnusableInput(f"'{name}' is no seed: write it as seed:7.")
        return End(session.draw(1, int(number), temperature)[0], None, f"seed {number}")
    faces, colon, wanted = name.rpartition(":")
    if colon and (Path(faces) / "faceset.json").is_file():
        crop = sharp = _face_of_set(session, faces, wanted)
        label = wanted
    else:
        crop, sharp = _face_of_photograph(session, Path(name), side)
        label = Path(name).name
    return End(session.encode(crop[None])[0], None if plain else sharp, label)


def _face_of_set(session: "Session", faces: str, name: str) -> "Pictures":
    import numpy as np

    from lik.cli.opening import require_size
    from lik.core.configuration import nearest
    from lik.core.errors import UnusableInput
    from lik.faces.set.faceset import FaceSet

    opened = FaceSet.open(Path(faces))
    require_size(session, opened)
    names = opened.names
    found = [i for i, own in enumerate(names) if own == name] or [
        i for i, own in enumerate(names) if own.endswith(f"/{name}")
    ]
    if not found:
        raise UnusableInput(f"there is no face '{name}' in {faces}.{nearest(name, names)}")
    return np.asarray(opened.images[found[0]])


def _face_of_photograph(session: "Session", path: Path, side: int) -> tuple["Pictures", "Pictures"]:
    """The largest face of a photograph, as the encoder sees it and at the size of the morph."""
    from lik.faces.crop.cropping import cut
    from lik.faces.photograph import open_photograph

    photograph = open_photograph(path, session.metadata.get("crop") or {}, session.size)
    face = photograph.faces[0]
    return face.pixels, cut(photograph.pixels, face.square, side)


def _film(
    session: "Session", ends: list["End"], way: "Way", out: Path, count: int, rate: int, side: int
) -> None:
    """There and back, slower at the ends."""
    import numpy as np

    from lik.figures.films import save_gif, save_mp4
    from lik.latent.morphing import morph as morphed
    from lik.latent.morphing import to_bytes

    side += side % 2  # MP4 wants it even
    phases = np.linspace(0, 2 * np.pi, max(count, 2), endpoint=False)
    shares = [float(share) for share in (1 - np.cos(phases)) / 2]
    frames = to_bytes(morphed(session, ends[0], ends[1], shares, side, way))
    save = save_gif if out.suffix.lower() == ".gif" else save_mp4
    save(out, list(frames), rate)
    say(str(out))


def _sheet(
    session: "Session",
    ends: list["End"],
    way: "Way",
    steps: int,
    side: int,
    out: str | None,
    run: str,
) -> None:
    import numpy as np

    from lik.figures.grids import Row, sheet
    from lik.latent.morphing import morph as morphed
    from lik.latent.morphing import square_of_morphs, to_bytes

    if len(ends) == 2:
        shares = [float(share) for share in np.linspace(0, 1, steps)]
        rows = [Row(to_bytes(morphed(session, ends[0], ends[1], shares, side, way)))]
        labels = [ends[0].name, *[""] * (steps - 2), ends[1].name]
        what = f"From {ends[0].name} to {ends[1].name}"
    else:
        rows = [Row(row) for row in to_bytes(square_of_morphs(session, ends, steps, side, way))]
        labels = []
        what = "In the corners " + ", ".join(end.name for end in ends)
    real = any(end.pixels is not None for end in ends)
    image = sheet(
        rows,
        f"Between faces, by the run “{session.name}”",
        f"{what}; {way} way between the codes"
        + ("; the ends show their own pixels." if real else "."),
        labels,
        tile=side,
    )
    save_figure(image, out or str(figure_path(run, "morph.png")), run, "morph.png")
