"""Short films of pictures: GIF by Pillow, MP4 by OpenCV."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lik.core.artifacts import replacing
from lik.core.errors import UnusableInput
from lik.figures.png import GENERATIVE

Frames = Sequence[NDArray[np.uint8]]


def save_film(path: Path, frames: Frames, per_second: float) -> None:
    """Write pictures uint8 (H, W, 3) of one even size as GIF or MP4, as the suffix says."""
    save = save_gif if Path(path).suffix.lower() == ".gif" else save_mp4
    save(path, frames, per_second)


def save_gif(path: Path, frames: Frames, per_second: float) -> None:
    """Write pictures uint8 (H, W, 3) as a GIF that repeats for ever; its comment says a model
    made it."""
    images = [Image.fromarray(frame) for frame in frames]
    with replacing(Path(path)) as temporary:
        images[0].save(
            temporary, format="GIF", save_all=True, append_images=images[1:], loop=0,
            duration=round(1000 / per_second), comment=GENERATIVE.encode(),
        )  # fmt: skip


def save_mp4(path: Path, frames: Frames, per_second: float) -> None:
    """Write pictures uint8 (H, W, 3) of one even size as an MP4 (MPEG-4 part 2).

    Raises:
        UnusableInput: this OpenCV cannot write it.
    """
    height, width = frames[0].shape[:2]
    with replacing(Path(path)) as temporary:
        code = cv2.VideoWriter.fourcc(*"mp4v")
        temporary.touch()  # OpenCV says nothing of a folder that cannot be written to
        writer = cv2.VideoWriter(str(temporary), code, per_second, (width, height))
        if not writer.isOpened():
            raise UnusableInput(
                f"{path} cannot be written: this OpenCV has no codec for MP4 (mp4v). "
                f"Name it {Path(path).with_suffix('.gif').name} to make a GIF."
            )
        for frame in frames:
            writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        writer.release()
