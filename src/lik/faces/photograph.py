"""One photograph brought into the frame of the run that is to read it."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.faces.cropping import (
    CELEBA_HEIGHT,
    CELEBA_WIDTH,
    AlignedCrop,
    CropRule,
    FaceCrop,
    FixedCrop,
    PaperCrop,
    crop_rule,
    needs_detection,
)
from lik.faces.extraction import NO_FACE, Plan, extract
from lik.faces.finding import Finder, finder_for
from lik.faces.folder import Folder
from lik.faces.pictures import NotAPicture


def crop_picture(path: Path, rule: dict[str, Any], size: int) -> NDArray[np.uint8]:
    """The largest face of a picture file, (size, size, 3).

    A picture that is size×size already is taken as it is. Rules that suit aligned sets alone give
    way to ``aligned``, which cuts to the same frame, where the picture is not of CelebA's form.

    Raises:
        UnusableInput: the file is missing, no picture, or has no face that can be cut out.
    """
    path = Path(path)
    if not path.is_file():
        raise UnusableInput(f"there is no picture at {path}.")
    folder = Folder(path.parent)
    try:
        encoded = folder.open(path.name)
        if (encoded.width, encoded.height) == (size, size):
            return encoded.decode()
    except NotAPicture as error:
        raise UnusableInput(f"{path} cannot be used: {error}.") from error
    fitting = _rule_for(rule, encoded.width, encoded.height)
    finder = _finder(fitting.kind) if needs_detection(fitting) else None
    result = extract(folder, path.name, Plan(fitting, size, finder))
    if not result.faces:
        reason = result.left_out[0].reason
        reason = "no face was found in it" if reason == NO_FACE else reason
        raise UnusableInput(f"{path} cannot be used: {reason}.")
    return result.faces[0].pixels


def _rule_for(stored: dict[str, Any], width: int, height: int) -> CropRule:
    rule = crop_rule(stored, "the run's crop rule") if stored else FaceCrop()
    like_celeba = abs(width / height - CELEBA_WIDTH / CELEBA_HEIGHT) < 0.01
    if isinstance(rule, FaceCrop | AlignedCrop):
        return rule
    if isinstance(rule, FixedCrop | PaperCrop) and like_celeba:
        return rule
    if isinstance(rule, PaperCrop):
        return FaceCrop()
    return AlignedCrop(widen=rule.widen if isinstance(rule, FixedCrop) else 1)


@cache
def _finder(kind: str) -> Finder:
    return finder_for(kind)
