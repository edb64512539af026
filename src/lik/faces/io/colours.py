"""Colours that a file means by a profile of its own (ICC) → sRGB."""

import functools
import io

import numpy as np
from PIL import Image, ImageCms

SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}
"""The space that a profile must speak of, by Pillow's mode."""

NEAR = 3
"""Of 255: a profile that moves no colour further is one of the many that say sRGB."""


def in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """An image in RGB, L or CMYK with the profile that lay in its file → RGB, sRGB.

    It stays as it is where the profile is sRGB's, broken, or of another kind of pixels.
    """
    transform = _transform(profile, image.mode)
    if transform is None:
        return image
    return ImageCms.applyTransform(image, transform) or image


@functools.lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if given.profile.xcolor_space.strip() != SPACES.get(mode):
            return None
        transform = ImageCms.buildTransform(
            given,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ImportError):
        return None
    return None if mode == "RGB" and _changes_nothing(transform) else transform


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    steps = np.linspace(0, 255, 16).astype(np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(16, -1, 3)
    moved = ImageCms.applyTransform(Image.fromarray(colours), transform)
    return bool(np.abs(np.asarray(moved).astype(int) - colours).max() <= NEAR)
