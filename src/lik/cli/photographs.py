"""Changing photographs: the part of lik change that gives pictures back, not strips."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lik.cli.aims import StraightChange, open_aims
from lik.cli.directions import Directions
from lik.cli.output import command_line, figure_path, note, say
from lik.core.errors import UnusableInput

if TYPE_CHECKING:
    from lik.latent.amounts import Amounts
    from lik.latent.photographs import KeptPhotograph
    from lik.latent.session import Codes, Session

VERSION = 2
"""Of what the PNG says of its change."""

MODES = ("decode", "transfer")

DECISIVE = {
    "model_sha256": "with other weights",
    "method": "by another method",
    "network_sha256": "by another network",
    "beside_sha256": "with other networks beside it",
    "measured": "by another measure of strength",
}
"""What a change that is repeated must have been made with, and how people call another."""


@dataclass(frozen=True)
class Wanted:
    """A change: amounts by name, one face counted from 1 or None for all, mode and method.

    ``aims`` are probabilities by name, as the first network of ``features`` sees them; ``earlier``
    is what a PNG says of the change that is repeated.
    """

    amounts: "Amounts"
    face: int | None = None
    mode: str | None = None
    method: str | None = None
    aims: dict[str, float] = field(default_factory=dict)
    features: Sequence[str] = ()
    earlier: Mapping[str, Any] = field(default_factory=dict)


class Change(Protocol):
    """What is done to the codes of faces, along directions or guided.

    Attributes:
        told: what a PNG says of it beyond amounts and probabilities.
    """

    @property
    def told(self) -> Mapping[str, Any]: ...

    def shifts(self, codes: "Codes") -> "Codes":
        """What is added to the code of each face, (N, D)."""

    def seen(self, codes: "Codes") -> dict[str, list[float]]:
        """The probability of each trait in each face, where a network judges it."""


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

    targets = _targets(run, given, out)
    if wanted.mode not in (None, *MODES):
        raise UnusableInput(f"there is no mode '{wanted.mode}': give one of {', '.join(MODES)}.")
    session = open_session(run, device)
    change = _opened(session, run, wanted, faces)
    origin = {**_origin(run, session), **change.told}
    for key, what in DECISIVE.items():
        if key in origin and wanted.earlier.get(key) not in (None, origin[key]):
            note(f"the change was made {what} than now: it will not be the same.")
    refused: list[UnusableInput] = []
    for target in targets:
        try:
            _change_one(session, target, wanted, change, origin)
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
    from lik.latent.guide_statistics import GUIDED

    told = _told(Path(path))
    if told is None:
        raise UnusableInput(f"{path} does not say that Lik has changed it: give a PNG that does.")
    check_version(f"what {path} says of its change", told.get("version"), VERSION)
    told = _as_said_today(told)
    try:
        before = {str(name): Decimal(amount) for name, amount in told["settings"].items()}
        aims = {str(name): float(p) for name, p in (told.get("aims") or {}).items()} | more.aims
        face, mode = told["face"], told["mode"]
        if face is not None and (type(face) is not int or face < 1):
            raise ValueError(face)
        networks = told.get("features") or []
        networks = (
            [networks] if isinstance(networks, str) else [str(network) for network in networks]
        )
    except (KeyError, AttributeError, TypeError, ValueError, InvalidOperation):
        raise UnusableInput(f"what {path} says of its change is broken.") from None
    method = more.method or told.get("method")
    if method != GUIDED:
        networks = networks[:1]  # the one that measured
    features = more.features or networks
    needed = (aims or method == GUIDED) and not more.features
    for network in features if needed else []:
        if not Path(network).exists():
            raise UnusableInput(
                f"{path} was changed with the network {network}, which is not there: say with "
                "--features where it is."
            )
    return Wanted(
        added(before, more.amounts), more.face or face, more.mode or mode, method,
        aims, features, told,
    )  # fmt: skip


def _as_said_today(told: dict[str, Any]) -> dict[str, Any]:
    """What a PNG of the first version says, whose guided changes knew one network and no limit."""
    from lik.latent.guide_statistics import GUIDED

    if told["version"] == 1 and told.get("method") == GUIDED:
        return {"beside_sha256": [], "limited": False} | told
    return told


def _opened(session: "Session", run: str, wanted: Wanted, faces: str | None) -> Change:
    """What is to be done to codes, by the method that is wanted."""
    from lik.cli.guiding import open_walk
    from lik.cli.networks import only_one
    from lik.latent.amounts import shift
    from lik.latent.guide_statistics import GUIDED

    if wanted.method == GUIDED:
        return open_walk(
            session, run, faces, wanted.features, wanted.amounts, wanted.aims, wanted.earlier
        )
    directions = Directions(session, run, faces, wanted.method)
    vector = shift(wanted.amounts, directions.direction, session.latent)
    aims = open_aims(wanted.aims, only_one(wanted.features), session, directions)
    return StraightChange(vector, aims, {"method": directions.method})


@dataclass(frozen=True)
class _Target:
    """A photograph, where its changed self goes, and whether it was found in a folder."""

    source: Path
    out: Path
    found: bool


def _change_one(
    session: "Session", target: _Target, wanted: Wanted, change: Change, origin: Mapping[str, Any]
) -> None:  # fmt: skip
    import numpy as np
    from PIL import Image

    from lik.figures.png import CHANGE, EDITED, save_png
    from lik.latent.amounts import written
    from lik.latent.photographs import changed, keep

    kept = keep(session, target.source)
    chosen = _chosen(target.source, kept, wanted.face)
    codes = kept.codes[chosen]
    shifts = change.shifts(codes)
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
        "features": list(wanted.features),
        **origin,
    }
    save_png(
        target.out, Image.fromarray(pixels), command=command_line(), quickly=True,
        run=session.name if edited else None, description=EDITED,
        more={CHANGE: json.dumps(told, ensure_ascii=False)},
    )  # fmt: skip
    count = "1 face" if len(chosen) == 1 else f"{len(chosen)} faces"
    amounts = {name: amount for name, amount in wanted.amounts.items() if amount}
    what = written(amounts) or ("" if wanted.aims else "nothing changed")
    before, after = change.seen(codes), change.seen(codes + shifts)
    seen = [f"{name} {_listed(before[name])} → {_listed(after[name])}" for name in before]
    say(f"{target.out}  ({'; '.join(filter(None, [count, what, *seen]))})")


def _listed(probabilities: Sequence[float]) -> str:
    return ", ".join(f"{probability:.2f}" for probability in probabilities)


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
    from lik.faces.io.pictures import SUFFIXES

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
