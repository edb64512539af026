"""The bytes of a picture file → upright pixels in sRGB, whatever kind of file it is.

Pillow reads the header, which costs 0.02 ms; JPEG and plain WebP are decoded by OpenCV, which is
the fastest at them, and all else by Pillow, which knows palettes, inks and frames.
"""

import functools
import io
import re
import warnings
from typing import IO, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import IMAGELENGTH, IMAGEWIDTH, TiffImageFile

from lik.faces.io import damage
from lik.faces.io.pictures import NotAPicture, Picture

MAX_BYTES = 2**28
"""Bytes of a file that are read at most: a JPEG of 178 megapixels has about 100 million."""

MAX_PIXELS = 178_000_000
"""Where Pillow's own limit lies, 0.5 GB decoded: beyond are scans, plans and bombs."""

MAX_RATIO = 20
"""Longer side to shorter: the widest panoramas have about 10, and strips hold no face."""

EMPTY = "the file is empty"
WEB_PAGE = "a web page, not a picture"
HEIC = "a HEIC file, which is not read: convert it to JPEG"
UNKNOWN = "no picture, or of a format that is not read"
PIXELS = "of a kind of pixels that is not read"
TRUNCATED = "truncated: the end of the file is missing"
DAMAGED = "damaged: it cannot be decoded in full"
GLUED = "damaged: a second JPEG follows the first in one file"
TOO_MANY_BYTES = "a file of more than 256 MiB"
TOO_MANY_PIXELS = "more than 178 megapixels"
STRIP = "a strip: one side is more than 20 times the other"
NO_MEMORY = "too large for the memory of this machine"

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "JPEG2000", "AVIF")
"""What Pillow may open; formats that run other programs (EPS) are not among them."""

ORIENTATION = 0x0112
"""The EXIF tag of the orientation, 1…8."""

REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
"""What asks OpenCV for a half, a fourth, an eighth of a JPEG."""

DEEP = {"I", "I;16", "I;16B", "I;16L", "I;16N"}
SHALLOW = {"1", "L", "P", "LA", "PA", "La", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV"}
GREY = {"1", "L", "LA", "La"} | DEEP
TRANSPARENT = {"RGBA", "RGBa", "LA", "La", "PA"}

SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}
"""The space that a profile must speak of, by Pillow's mode."""

NEAR = 3
"""Of 255: a profile that moves no colour further is one of the many that say sRGB."""


class PictureFile:
    """A picture as it lies in a file.

    Raises:
        NotAPicture: the bytes are of no format that is read, cut off in the header, or promise
            more than `MAX_PIXELS` or a strip.
    """

    def __init__(self, data: bytes) -> None:
        if not data:
            raise NotAPicture(EMPTY)
        if len(data) > MAX_BYTES:
            raise NotAPicture(TOO_MANY_BYTES)
        self._data = data
        header = self._opened()
        width, height = _stored_size(header)
        if width * height > MAX_PIXELS:
            raise NotAPicture(TOO_MANY_PIXELS)
        if max(width, height) > MAX_RATIO * min(width, height):
            raise NotAPicture(STRIP)
        self._orientation = _orientation(header)
        self.width, self.height = (height, width) if self._orientation > 4 else (width, height)
        self.format, self._mode = str(header.format), header.mode
        self._profile: bytes | None = header.info.get("icc_profile")
        self._by_opencv = _suits_opencv(header) and not damage.breaks_off(data)

    def decode(self, least: int | None = None) -> Picture:
        """The upright pixels, RGB uint8 (H, W, 3), reduced where ``least`` allows it."""
        try:
            reduction = self._reduction(least)
            pixels = self._decoded(reduction)
            zeros = damage.longest_hole(self._data, self.format)
            if zeros and damage.is_hole(zeros, self._decoded(1) if reduction > 1 else pixels):
                raise NotAPicture(DAMAGED)
            return pixels
        except NotAPicture:
            raise
        except Exception as error:  # decoders raise almost anything on broken bytes
            raise NotAPicture(_reason(error, self._data)) from error

    def _opened(self) -> Image.Image:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of sizes and tags: judged here
                return Image.open(io.BytesIO(self._data), formats=_formats(self._data))
        except Exception as error:
            raise NotAPicture(_reason(error, self._data)) from error

    def _reduction(self, least: int | None) -> int:
        """1, 2, 4 or 8: by how much JPEG's own scaling may reduce the picture."""
        if least is None or not damage.is_jpeg(self._data):
            return 1
        shorter = min(self.width, self.height)
        return next((by for by in (8, 4, 2) if -(-shorter // by) >= least), 1)

    def _decoded(self, reduction: int) -> Picture:
        return self._decoded_by_opencv(reduction) if self._by_opencv else self._decoded_by_pillow()

    def _decoded_by_opencv(self, reduction: int) -> Picture:
        # Turned here, so that there is one opinion about the orientation.
        pixels = self._heard(REDUCED[reduction] | cv2.IMREAD_IGNORE_ORIENTATION)
        if pixels is None:
            raise NotAPicture(DAMAGED)
        cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels)
        pixels = np.asarray(pixels, np.uint8)
        return _upright(self._in_srgb(pixels), self._orientation)

    def _decoded_by_pillow(self) -> Picture:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = self._opened()
            image.load()
            if damage.is_jpeg(self._data):
                self._heard(cv2.IMREAD_REDUCED_GRAYSCALE_8)
            # Pillow has turned a TIFF while loading it, and taken its orientation away.
            image = ImageOps.exif_transpose(image)
            if image.mode == "CMYK" and self._profile:
                image = _converted(image, self._profile)
            return np.ascontiguousarray(self._in_srgb(_rgb(image)))

    def _heard(self, flags: int) -> NDArray[Any] | None:
        """What OpenCV decodes, BGR, if libjpeg does not complain of it."""
        buffer = np.frombuffer(self._data, np.uint8)
        if not damage.is_jpeg(self._data):
            return cv2.imdecode(buffer, flags)
        if damage.is_glued(self._data):
            raise NotAPicture(GLUED)
        with damage.listening() as complaints:
            pixels = cv2.imdecode(buffer, flags)
        if complaints:
            raise NotAPicture(DAMAGED)
        return pixels

    def _in_srgb(self, pixels: Picture) -> Picture:
        """RGB or three times grey (H, W, 3), as the profile of the file means them."""
        if not self._profile:
            return pixels
        plane = pixels[:, :, 0] if self._mode in GREY else pixels
        image = _converted(Image.fromarray(plane), self._profile)
        return np.asarray(image.convert("RGB"), np.uint8)


def read_bounded(file: IO[bytes], size: int = MAX_BYTES + 1) -> bytes:
    """The next ``size`` bytes of ``file``, but never more than `MAX_BYTES`, whatever it claims.

    Raises:
        NotAPicture: there is more.
    """
    data = file.read(min(size, MAX_BYTES + 1))
    if len(data) > MAX_BYTES:
        raise NotAPicture(TOO_MANY_BYTES)
    return data


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    """Any image of Pillow → RGB; 16 bits are scaled, and what is transparent lies over white."""
    if image.mode in DEEP:
        deep = np.asarray(image).astype(np.int64).clip(0, 65535)
        return np.repeat(np.round(deep / 257).astype(np.uint8)[:, :, None], 3, axis=2)
    if image.mode not in SHALLOW:
        raise NotAPicture(PIXELS)
    if image.mode in TRANSPARENT or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(image, mask=image.getchannel("A"))
        return np.asarray(white, np.uint8)
    return np.asarray(image.convert("RGB"), np.uint8)


def _converted(image: Image.Image, profile: bytes) -> Image.Image:
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


def _upright(pixels: Picture, orientation: int) -> Picture:
    """Pixels as stored → upright, for the eight orientations of EXIF."""
    if orientation > 4:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _stored_size(header: Image.Image) -> tuple[int, int]:
    """Width and height before the picture is turned."""
    if isinstance(header, TiffImageFile):  # of which some versions of Pillow give the upright size
        return int(header.tag_v2[IMAGEWIDTH]), int(header.tag_v2[IMAGELENGTH])
    return header.size


def _orientation(header: Image.Image) -> int:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = header.getexif().get(ORIENTATION, 1)
    except Exception:  # broken EXIF data say nothing
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _suits_opencv(header: Image.Image) -> bool:
    if header.format in ("JPEG", "MPO"):
        return header.mode in ("RGB", "L")
    plain = header.format == "WEBP" and header.mode == "RGB"
    return plain and not getattr(header, "is_animated", False)


def _formats(data: bytes) -> tuple[str, ...]:
    """What Pillow is to try: one format where the first bytes tell it."""
    if damage.is_jpeg(data):
        return ("JPEG",)
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _reason(error: Exception, data: bytes) -> str:
    if isinstance(error, Image.DecompressionBombError):
        return TOO_MANY_PIXELS
    if isinstance(error, MemoryError) or getattr(error, "code", 0) == cv2.Error.StsNoMem:
        return NO_MEMORY
    if re.match(rb"\s*<(!doctype|html|\?xml|head)", data[:200], re.IGNORECASE):
        return WEB_PAGE
    if re.match(rb"....ftyp(heic|heix|hevc|heim|mif1|msf1)", data[:16], re.DOTALL):
        return HEIC
    if damage.breaks_off(data) or "truncated" in str(error).lower():
        return TRUNCATED
    if isinstance(error, UnidentifiedImageError) and not damage.is_jpeg(data):
        return UNKNOWN
    return DAMAGED
