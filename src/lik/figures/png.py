"""PNG files that say what they show: who made the picture, from what, by which command."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from lik.core.artifacts import replacing
from lik.faces.io.files import InMemory

GENERATIVE = "Contains pictures made by a generative model (a variational autoencoder)."
EDITED = "A photograph that was edited by a generative model (a variational autoencoder)."

LEAST_SHOWN, MOST_SHOWN = 256, 1024
"""Sides in pixels between which a notebook shows a picture."""


class ShownAsPicture:
    """Shows itself as a picture in a notebook, and can be saved."""

    def png(self) -> bytes:
        """The picture as PNG, whose text says what made it, without a path or a command."""
        raise NotImplementedError

    def save(self, path: str | Path) -> Path:
        """Write the picture as PNG.

        Raises:
            FailedOnTheWay: it cannot be written.
        """
        with replacing(Path(path)) as temporary:
            temporary.write_bytes(self.png())
        return Path(path)

    def _repr_png_(self) -> bytes:
        return self.png()


def fitted(image: Image.Image) -> Image.Image:
    """A picture at a size that a screen shows well: small ones enlarged, large ones reduced."""
    if max(image.size) > MOST_SHOWN:
        share = MOST_SHOWN / max(image.size)
        size = tuple(max(1, round(share * side)) for side in image.size)
        return image.resize((size[0], size[1]), Image.Resampling.LANCZOS)
    factor = min(LEAST_SHOWN // min(image.size), MOST_SHOWN // max(image.size))
    if factor <= 1:
        return image
    enlarged = (factor * image.width, factor * image.height)
    return image.resize(enlarged, Image.Resampling.BICUBIC)


@dataclass(frozen=True, repr=False)
class Drawn(ShownAsPicture):
    """A figure.

    Attributes:
        name: of its file where none is given. arrays: what it shows.
        run: the run whose model made it; None where no model did.
    """

    image: Image.Image
    name: str
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    run: str | None = None

    def __repr__(self) -> str:
        return f"{self.name}: {self.image.width}×{self.image.height} pixels"

    def png(self) -> bytes:
        return png_bytes(self.image, command=None, run=self.run)


def text_of(given: str | Path | InMemory) -> dict[str, str]:
    """The text chunks of a PNG, a file or bytes, by key; none of what is no such picture."""
    try:
        with Image.open(io.BytesIO(given.data) if isinstance(given, InMemory) else given) as image:
            return dict(getattr(image, "text", {}))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return {}


def png_bytes(
    image: Image.Image,
    *,
    command: str | None,
    run: str | None = None,
    quickly: bool = False,
    description: str = GENERATIVE,
    more: Mapping[str, str] | None = None,
) -> bytes:
    """``image`` as PNG with text chunks; with ``run``, they say that a model made it and which.

    Args:
        command: the command line that made it; None where nobody is to know it.
        run: the run whose model made it, or None for a picture that no model made.
        quickly: a somewhat larger file in a tenth of the time, where a training waits for it.
        description: what the model did, where it did anything. more: further text chunks.
    """
    text = PngImagePlugin.PngInfo()
    text.add_itxt("Software", "Lik")
    if command is not None:
        text.add_itxt("Lik command", command)
    if run is not None:
        text.add_itxt("Lik run", run)
        text.add_itxt("Description", description)
    for key, value in (more or {}).items():
        text.add_itxt(key, value)
    file = io.BytesIO()
    image.save(
        file, format="PNG", pnginfo=text,
        optimize=not quickly, compress_level=1 if quickly else 9,
    )  # fmt: skip
    return file.getvalue()


def save_png(
    path: Path,
    image: Image.Image,
    *,
    command: str,
    run: str | None = None,
    quickly: bool = False,
) -> None:
    """Write ``image`` as PNG, as `png_bytes` makes it."""
    with replacing(Path(path)) as temporary:
        temporary.write_bytes(png_bytes(image, command=command, run=run, quickly=quickly))
