"""One photograph brought into the frame of the run that is to read it."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lik.core.errors import UnusableInput
from lik.faces.cropping import (
    CELEBA_HEIGHT,
    CELEBA_WIDTH,
    CropRule,
    FaceCrop,
    FixedCrop,
    PaperCrop,
    crop_rule,
)
from lik.faces.folder import Folder
from lik.faces.pictures import NotAPicture
from lik.faces.preparation import NO_FACE, process


def crop_picture(path: Path, rule: dict[str, Any], size: int) -> NDArray[np.uint8]:
    """The face of a picture file, (size, size, 3).

    A picture that is size×size already is taken as it is. Rules that suit aligned sets alone give
    way to ``face``, which cuts to the same frame, where the picture is not of CelebA's form.

    Raises:
        UnusableInput: the file is missing, no picture, or has no face that can be cut out.
    """
    path = Path(path)
    if not path.is_file():
        raise UnusableInput(f"there is no picture at {path}.")
    folder = Folder(path.parent)
    try:
        picture = folder.open(path.name).decode()
    except NotAPicture as error:
        raise UnusableInput(f"{path} cannot be used: {error}.") from error
    height, width = picture.shape[:2]
    if (height, width) == (size, size):
        return picture
    result = process(folder, path.name, _rule_for(rule, width, height), size)
    if result.face is None:
        reason = "no face was found in it" if result.reason == NO_FACE else result.reason
        raise UnusableInput(f"{path} cannot be used: {reason}.")
    return result.face


def _rule_for(stored: dict[str, Any], width: int, height: int) -> CropRule:
    rule = crop_rule(stored, "the run's crop rule") if stored else FaceCrop()
    like_celeba = abs(width / height - CELEBA_WIDTH / CELEBA_HEIGHT) < 0.01
    if isinstance(rule, FixedCrop | PaperCrop) and like_celeba:
        return rule
    return rule if isinstance(rule, FaceCrop) else FaceCrop()
