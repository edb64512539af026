"""Where runs lie: those that ship, each a folder with its card, those on the hub, and paths."""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from lik.app.hub import download, is_on_hub, name_in_cache
from lik.core.configuration import nearest
from lik.core.errors import UnusableInput
from lik.core.events import Notify, no_notices
from lik.core.run_folder import RunFolder
from lik.faces.io.pictures import SUFFIXES

PLACE = Path(str(resources.files("lik"))) / "pretrained"
DEFAULT = "faces"
"""The run that is taken where none is named."""


def shipped() -> list[str]:
    """The names of the runs that ship."""
    return sorted(folder.parent.name for folder in PLACE.glob("*/model.safetensors"))


def place_of(run: str | Path | None, notify: Notify = no_notices) -> Path:
    """Where a run lies: a path, the name of one that ships, or None for the usual one.

    A run on the hub, ``hf://owner/name``, is downloaded and lies in the hub's cache then.

    Raises:
        UnusableInput: none is named and none ships, or a name that is neither; or as `download`.
        FailedOnTheWay: as `download`.
    """
    if is_on_hub(run):
        return download(str(run), notify)
    names = shipped()
    if run is None:
        if DEFAULT not in names:
            raise UnusableInput("no run ships with this Lik: name one.", needs="run")
        return PLACE / DEFAULT
    path = Path(run)
    if str(run) in names and not path.is_file() and not RunFolder(path).model.is_file():
        return PLACE / str(run)  # though a folder of that name may hold face sets
    if not path.exists() and path.name == str(run) and names:
        raise UnusableInput(
            f"there are no trained weights at {run}, and no run of that name ships with Lik "
            f"({', '.join(names)})." + nearest(str(run), names)
        )
    return path


def is_borrowed(place: Path) -> bool:
    """Whether what lies there is not the user's own: a run that ships, or the hub's copy of one."""
    return place.parent == PLACE or name_in_cache(place) is not None


def run_and_rest(first: str | None, rest: Sequence[str] | None) -> tuple[str | None, list[str]]:
    """What was given first, and what after it → a run, or None for the usual one, and the rest.

    A run may be left out. What is no run then belongs to the rest: pictures and folders of them,
    face sets, and names with a colon, such as seed:1.
    """
    others = list(rest or ())
    if (
        first is None
        or is_on_hub(first)
        or first in shipped()
        or RunFolder(Path(first)).model.is_file()
    ):
        return first, others
    path = Path(first)
    other = path.exists() and path.suffix != ".safetensors"
    if other or ":" in first or path.suffix.lower() in SUFFIXES:
        return None, [first, *others]
    return first, others
