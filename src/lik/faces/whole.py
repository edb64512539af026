"""A whole photograph, scaled down to a size that is handy."""

from pathlib import Path

import cv2
import numpy as np

from lik.core.errors import UnusableInput
from lik.faces.io.folder import Folder
from lik.faces.io.pictures import NotAPicture, Picture


def whole_picture(path: Path, side: int) -> Picture:
    """The picture of a file, uint8 (H, W, 3), its longer side at most ``side`` pixels.

    It is never enlarged.

    Raises:
        UnusableInput: the file is missing or no picture.
    """
    path = Path(path)
    if not path.is_file():
        raise UnusableInput(f"there is no picture at {path}.")
    try:
        pixels = Folder(path.parent).open(path.name).decode()
    except NotAPicture as error:
        raise UnusableInput(f"{path} cannot be used: {error}.") from error
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return pixels
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
