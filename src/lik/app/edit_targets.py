"""Which photographs are meant, and where each of them goes once it is edited."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lik.core.artifacts import file_stem
from lik.core.errors import UnusableInput
from lik.faces.io.pictures import SUFFIXES

LONGEST_NAME = 200
"""Bytes of the name of an edited photograph: files have names of 255, with what is put behind."""


@dataclass(frozen=True)
class Target:
    """A photograph, where its edited self goes, and whether it was found in a folder."""

    source: Path
    out: Path
    found: bool


def targets_of(given: Sequence[str], out: str | None, default: Path) -> list[Target]:
    """The photographs and where each goes: one to the file that is named, several to a folder.

    In a folder each has its own name with .png, or where two have the same one, as many of its
    folders before it as tell them apart.

    Raises:
        UnusableInput: there are none, or a name that will not do.
    """
    sources = list(dict.fromkeys(_sources(given)))
    named = out is not None and Path(out).suffix.lower() == ".png" and not Path(out).is_dir()
    if named and len(sources) > 1:
        raise UnusableInput(f"{out} is one file for {len(sources)} photographs: name a folder.")
    if out is not None and not named and Path(out).suffix and not Path(out).is_dir():
        raise UnusableInput(f"{out} does not end in .png, and that is what is written: name it so.")
    folder = Path(out) if out else default
    places = [Path(out or "")] if named else [
        folder / name for name in distinct_names([path for path, _ in sources])
    ]  # fmt: skip
    originals = {path.resolve() for path, _ in sources}
    for place in places:
        if place.exists() and place.resolve() in originals:
            raise UnusableInput(f"{place} is a photograph that is edited: name another file.")
    return [
        Target(path, place, found) for (path, found), place in zip(sources, places, strict=True)
    ]


def target_of_drawn(out: str | None, default: Path, like: str) -> Path:
    """Where a face goes that is drawn again as a PNG says.

    Raises:
        UnusableInput: a name that does not end in .png, or that of the PNG itself.
    """
    if out is not None and not Path(out).is_dir() and Path(out).suffix.lower() != ".png":
        raise UnusableInput(f"{out} does not end in .png, and that is what is written: name it so.")
    named = out is not None and not Path(out).is_dir()
    place = Path(str(out)) if named else (Path(out) if out else default) / f"{Path(like).stem}.png"
    if place.exists() and place.resolve() == Path(like).resolve():
        raise UnusableInput(f"{place} is the picture that is repeated: name another file.")
    return place


def distinct_names(sources: Sequence[Path]) -> list[Path]:
    """A relative name with .png for each file, all of them distinct on any file system."""
    resolved = [path.resolve() for path in sources]
    depth = max((len(path.parts) for path in resolved), default=1)
    candidates = [[path.stem for path in resolved]]
    candidates += [
        ["/".join(path.parts[-kept:]) for path in resolved] for kept in range(1, depth + 1)
    ]
    for names in candidates:
        if len({name.casefold() for name in names}) == len(names):
            break
    else:  # names that differ in case alone, which is nothing to some file systems
        names = [f"{name}-{number}" for number, name in enumerate(names, 1)]
    return [
        Path(
            *(file_stem(part, LONGEST_NAME) for part in folders),
            f"{file_stem(name, LONGEST_NAME)}.png",
        )
        for *folders, name in (each.strip("/").split("/") for each in names)
    ]


def _sources(given: Sequence[str]) -> Iterator[tuple[Path, bool]]:
    """The photographs that are meant, each with whether it was found in a folder."""
    if not given:
        raise UnusableInput("there is no photograph to edit: name one, or a folder of them.")
    for path in map(Path, given):
        if (path / "faceset.json").is_file():
            raise UnusableInput(f"{path} is a face set, and photographs are edited.")
        if (path / "model.safetensors").is_file():
            raise UnusableInput(f"{path} is a run: name photographs, and the run.", needs="run")
        if not path.is_dir():
            yield path, False
            continue
        files = sorted(
            f for f in path.iterdir()
            if f.suffix.lower() in SUFFIXES and f.is_file() and not f.name.startswith(".")
        )  # fmt: skip
        if not files:
            raise UnusableInput(f"{path} holds no pictures.")
        yield from ((file, True) for file in files)
