"""Changing photographs: the part of lik change that gives pictures back, not strips."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lik.cli.aims import Aim, open_aims, shifts_to
from lik.cli.choices import figure_path
from lik.cli.directions import Directions
from lik.cli.terminal import command_line, note, say
from lik.core.errors import UnusableInput

if TYPE_CHECKING:
    from lik.latent.amounts import Amounts
    from lik.latent.photographs import KeptPhotograph
    from lik.latent.session import Codes, Session

VERSION = 1
"""Of what the PNG says of its change."""

MODES = ("decode", "transfer")


@dataclass(frozen=True)
class Wanted:
    """A change: amounts by name, one face counted from 1 or None for all, mode and method.

    ``model`` is the SHA-256 of the weights that a change was made with before; ``aims`` are
    probabilities by name, as the network ``features`` sees them.
    """

    amounts: "Amounts"
    face: int | None = None
    mode: str | None = None
    method: str | None = None
    model: str | None = None
    aims: dict[str, float] = field(default_factory=dict)
    features: str | None = None


def change_photographs(
    run: str,
    given: Sequence[str],
    wanted: Wanted,
    faces: str | None,
    out: str | None,
    device: str,
) -> None:
    """Write every photograph with the change made to it."""
    from lik.cli.opening import open_session
    from lik.latent.amounts import shift

    targets = _targets(run, given, out)
    if wanted.mode not in (None, *MODES):
        raise UnusableInput(f"there is no mode '{wanted.mode}': give one of {', '.join(MODES)}.")
    session = open_session(run, device)
    directions = Directions(session, run, faces, wanted.method)
    vector = shift(wanted.amounts, directions.direction, session.latent)
    aims = open_aims(wanted.aims, wanted.features, session, directions)
    origin = _origin(run, session) | {"method": directions.method}
    if wanted.model not in (None, origin["model_sha256"]):
        note(f"the change was made with other weights than {run} has: it will not be the same.")
    refused: list[UnusableInput] = []
    for target in targets:
        try:
            _change_one(session, target, wanted, vector, aims, origin)
        except UnusableInput as error:
            if not target.found:
                raise
            refused.append(error)
    if refused and len(refused) == len(targets):
        raise UnusableInput(f"none of the {len(targets)} pictures will do: {refused[0]}")
    if refused:
        what = "1 picture was" if len(refused) == 1 else f"{len(refused)} pictures were"
        note(f"{what} passed over; the first: {refused[0]}")


def repeated(path: str, more: Wanted) -> Wanted:
    """The change that a PNG says was made to it, with ``more`` added.

    What ``more`` says of face, mode and method goes before what the PNG says.

    Raises:
        UnusableInput: it is no picture that Lik has changed, or of a newer Lik.
    """
    from lik.core.artifacts import check_version
    from lik.latent.amounts import added

    told = _told(Path(path))
    if told is None:
        raise UnusableInput(f"{path} does not say that Lik has changed it: give a PNG that does.")
    check_version(f"what {path} says of its change", told.get("version"), VERSION)
    if told.get("aims") and not more.aims:
        raise UnusableInput(
            f"{path} was changed with --to, which suits each face by itself: give --to again."
        )
    try:
        before = {str(name): Decimal(amount) for name, amount in told["settings"].items()}
        kept = told["face"], told["mode"]
    except (KeyError, AttributeError, TypeError, InvalidOperation):
        raise UnusableInput(f"what {path} says of its change is broken.") from None
    return Wanted(
        added(before, more.amounts), more.face or kept[0], more.mode or kept[1],
        more.method or told.get("method"), told.get("model_sha256"), more.aims, more.features,
    )  # fmt: skip


@dataclass(frozen=True)
class _Target:
    """A photograph, where its changed self goes, and whether it was found in a folder."""

    source: Path
    out: Path
    found: bool


def _change_one(
    session: "Session", target: _Target, wanted: Wanted, vector: "Codes", aims: list[Aim],
    origin: dict[str, str],
) -> None:  # fmt: skip
    import numpy as np
    from PIL import Image

    from lik.figures.png import CHANGE, EDITED, save_png
    from lik.latent.amounts import written
    from lik.latent.photographs import changed, keep

    kept = keep(session, target.source)
    chosen = _chosen(target.source, kept, wanted.face)
    codes = kept.codes[chosen]
    shifts = shifts_to(aims, codes, vector)
    mode = wanted.mode or ("decode" if kept.photograph.a_crop else "transfer")
    if mode == "decode":
        pixels = np.concatenate(list(session.decode(codes + shifts)), axis=1)
    else:
        pixels = changed(session, kept, shifts, chosen)
        earlier = _told(target.source)
        if earlier and earlier.get("settings"):
            note(
                f"{target.source} was changed by Lik before, and is changed further now: what "
                "undoes a change exactly is --like with the original."
            )
    edited = mode == "decode" or bool(shifts.any())
    told = {
        "version": VERSION,
        "settings": {name: str(amount) for name, amount in wanted.amounts.items()},
        "face": wanted.face,
        "mode": mode,
        "aims": wanted.aims,
        **origin,
    }
    save_png(
        target.out, Image.fromarray(pixels), command=command_line(), quickly=True,
        run=session.name if edited else None, description=EDITED,
        more={CHANGE: json.dumps(told, ensure_ascii=False)},
    )  # fmt: skip
    count = "1 face" if len(chosen) == 1 else f"{len(chosen)} faces"
    what = written(wanted.amounts) if vector.any() else "" if aims else "nothing changed"
    told_aims = [
        f"{aim.name} {', '.join(f'{p:.2f}' for p in aim.reached(codes))} → "
        f"{', '.join(f'{p:.2f}' for p in aim.reached(codes + shifts))}"
        for aim in aims
    ]
    say(f"{target.out}  ({'; '.join(filter(None, [count, what, *told_aims]))})")


def _chosen(source: Path, kept: "KeptPhotograph", face: int | None) -> list[int]:
    count = len(kept.photograph.faces)
    if face is None:
        return list(range(count))
    if not 1 <= face <= count:
        found = "1 face was found" if count == 1 else f"{count} faces were found"
        raise UnusableInput(
            f"there is no face {face} in {source}: {found}, counted from the largest as 1."
        )
    return [face - 1]


def _origin(run: str, session: "Session") -> dict[str, str]:
    """What tells one model from another: the run's name and the hashes of model and recipe."""
    from lik.cli.networks import model_hash
    from lik.core.artifacts import sha256_of
    from lik.core.run_folder import RunFolder

    path = Path(run)
    folder = RunFolder(path)
    told = {"run": session.name, "model_sha256": model_hash(run)}
    if path.is_dir() and folder.recipe.is_file():
        told["recipe_sha256"] = sha256_of(folder.recipe)
    return told


def _told(path: Path) -> dict[str, Any] | None:
    """What a PNG says of the change that Lik made to it; None where there is no such word."""
    from PIL import Image

    from lik.figures.png import CHANGE

    if not path.is_file():
        raise UnusableInput(f"there is no picture at {path}.")
    try:
        with Image.open(path) as image:
            told = json.loads(getattr(image, "text", {}).get(CHANGE, "null"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return told if isinstance(told, dict) else None


def _targets(run: str, given: Sequence[str], out: str | None) -> list[_Target]:
    """The photographs and where each goes: one to the file that is named, several to a folder.

    Raises:
        UnusableInput: there are none, or a name that will not do.
    """
    sources = list(_sources(given))
    named = out is not None and Path(out).suffix.lower() == ".png" and not Path(out).is_dir()
    if named and len(sources) > 1:
        raise UnusableInput(f"{out} is one file for {len(sources)} photographs: name a folder.")
    if out is not None and not named and Path(out).suffix and not Path(out).is_dir():
        raise UnusableInput(f"{out} does not end in .png, and that is what is written: name it so.")
    if named:
        assert out is not None
        targets = [_Target(path, Path(out), found) for path, found in sources]
    else:
        folder = Path(out) if out else figure_path(run, "changed")
        names = [path.stem for path, _ in sources]
        targets = [
            _Target(path, folder / f"{path.stem if names.count(path.stem) == 1 else path.name}.png",
                    found)
            for path, found in sources
        ]  # fmt: skip
    for target in targets:
        if target.out.exists() and target.out.resolve() == target.source.resolve():
            raise UnusableInput(f"{target.out} is the photograph itself: name another file.")
    return targets


def _sources(given: Sequence[str]) -> Iterator[tuple[Path, bool]]:
    """The photographs that are meant, each with whether it was found in a folder."""
    from lik.faces.pictures import SUFFIXES

    if not given:
        raise UnusableInput("--set and --like change photographs: name one, or a folder of them.")
    for path in map(Path, given):
        if (path / "faceset.json").is_file():
            raise UnusableInput(f"{path} is a face set: --set and --like change photographs.")
        if not path.is_dir():
            yield path, False
            continue
        files = sorted(f for f in path.iterdir() if f.suffix.lower() in SUFFIXES and f.is_file())
        if not files:
            raise UnusableInput(f"{path} holds no pictures.")
        yield from ((file, True) for file in files)
