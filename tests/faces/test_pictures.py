import io
import os
import random
import struct
import zlib

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image, ImageCms, features

from lik.faces.io import damage, decoding
from lik.faces.io.decoding import PictureFile
from lik.faces.io.pictures import NotAPicture
from lik.faces.io.sources import open_source

QUARTERS = np.zeros((40, 60, 3), np.uint8)
QUARTERS[:20, :30] = (220, 40, 40)
QUARTERS[:20, 30:] = (40, 200, 60)
QUARTERS[20:, :30] = (50, 60, 210)
QUARTERS[20:, 30:] = (200, 190, 50)

NOISE = np.random.default_rng(0).integers(0, 256, (160, 160, 3), dtype=np.uint8)

UPRIGHT = [
    None, "FLIP_LEFT_RIGHT", "ROTATE_180", "FLIP_TOP_BOTTOM", "TRANSPOSE", "ROTATE_270",
    "TRANSVERSE", "ROTATE_90",
]  # fmt: skip
"""What brings a picture of EXIF's orientation 1, 2 … upright."""


def encoded(image, format="PNG", **options):
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def decode(data, least=None):
    return PictureFile(data).decode(least)


def difference(first, second):
    return np.abs(np.asarray(first).astype(int) - np.asarray(second).astype(int)).mean()


def reason(data):
    with pytest.raises(NotAPicture) as caught:
        decode(data)
    return str(caught.value)


def png_header(width, height):
    """A PNG that promises pixels and holds none."""
    fields = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", fields), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


class TestKindsOfPictures:
    @pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
    def test_lossless_formats_give_the_pixels_back(self, format):
        options = {"lossless": True} if format == "WEBP" else {}
        data = encoded(QUARTERS, format, **options)
        assert_array_equal(decode(data), QUARTERS)
        if format == "PNG":  # whose end mark may be missing
            assert_array_equal(decode(data[:-12]), QUARTERS)

    @pytest.mark.parametrize(
        "options", [{"format": "JPEG"}, {"format": "JPEG", "progressive": True}, {"format": "WEBP"}]
    )
    def test_lossy_formats_nearly_do(self, options):
        assert difference(decode(encoded(QUARTERS, quality=95, **options)), QUARTERS) < 4

    @pytest.mark.parametrize("format", ["PNG", "TIFF", "JPEG"])
    def test_grey_has_three_equal_channels(self, format):
        grey = np.full((8, 8), 90, np.uint8)
        assert (decode(encoded(grey, format)) == 90).all()
        assert decode(encoded(grey, format)).shape == (8, 8, 3)

    @pytest.mark.parametrize("extension", [".png", ".tiff"])
    @pytest.mark.parametrize("shape", [(8, 8), (8, 8, 3)])
    def test_sixteen_bits_keep_their_brightness(self, extension, shape):
        for value in (0, 90, 255):
            _, deep = cv2.imencode(extension, np.full(shape, value * 257, np.uint16))
            assert (decode(deep.tobytes()) == value).all()

    def test_one_bit_and_one_pixel(self):
        assert (decode(encoded(Image.new("1", (9, 5), 1))) == 255).all()
        assert decode(encoded(np.full((1, 1, 3), 7, np.uint8))).tolist() == [[[7, 7, 7]]]

    @pytest.mark.parametrize("mode", ["RGBA", "LA"])
    def test_what_is_transparent_lies_over_white(self, mode):
        image = Image.new(mode, (4, 4))  # black, and nothing of it seen
        opaque = Image.new("L", (4, 4), 0)
        opaque.paste(255, (0, 0, 4, 2))
        opaque.putpixel((0, 3), 51)
        image.putalpha(opaque)
        pixels = decode(encoded(image))
        assert (pixels[:2] == 0).all()
        assert (pixels[2] == 255).all()
        assert (pixels[3, 0] == 204).all()

    def test_palettes_and_their_transparency(self):
        palette = Image.fromarray(QUARTERS).quantize(4)
        assert_array_equal(decode(encoded(palette)), np.asarray(palette.convert("RGB"), np.uint8))
        clear = palette.getpixel((0, 0))
        pixels = decode(encoded(palette, transparency=clear))
        assert (pixels[:20, :30] == 255).all()
        assert difference(pixels[20:], QUARTERS[20:]) < 3
        pixels = decode(encoded(QUARTERS, transparency=(220, 40, 40)))
        assert (pixels[:20, :30] == 255).all()
        assert_array_equal(pixels[20:], QUARTERS[20:])

    @pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF"])
    def test_of_moving_pictures_the_first_is_taken(self, format):
        first, second = Image.fromarray(QUARTERS), Image.new("RGB", (60, 40))
        options = {"lossless": True} if format == "WEBP" else {}
        data = encoded(first, format, save_all=True, append_images=[second, second], **options)
        assert Image.open(io.BytesIO(data)).n_frames >= 2
        assert difference(decode(data), QUARTERS) < 3

    def test_inks_become_the_colours_they_print(self):
        inks = Image.fromarray(QUARTERS).convert("CMYK")
        data = encoded(inks, "JPEG", quality=95)
        assert Image.open(io.BytesIO(data)).mode == "CMYK"
        assert difference(decode(data), QUARTERS) < 4
        assert difference(decode(data, least=20), QUARTERS) < 4
        assert difference(decode(encoded(inks, "TIFF")), QUARTERS) < 2

    def test_inks_in_luminance_and_colour_do_as_well(self):
        data = ycck(QUARTERS)
        assert Image.open(io.BytesIO(data)).mode == "CMYK"
        assert difference(decode(data), QUARTERS) < 4
        opencvs = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert difference(opencvs[:, :, ::-1], QUARTERS) < 4


def ycck(pixels):
    """A JPEG of YCCK without black, as Adobe writes it: a CMYK JPEG with the mark for YCCK.

    Adobe stores inks inverted (255 − C …), and YCCK takes what is stored as the negative of R, G
    and B, so that the planes are those of the picture's negative.
    """
    ycc = np.asarray(Image.fromarray(255 - pixels).convert("YCbCr"))
    # Pillow inverts what it writes as CMYK.
    stored = np.dstack([ycc, np.full(ycc.shape[:2], 255, np.uint8)])
    data = encoded(Image.fromarray(255 - stored, "CMYK"), "JPEG", quality=95)
    mark = data.index(b"Adobe")
    assert data[mark + 11] == 0
    return data[: mark + 11] + b"\x02" + data[mark + 12 :]


class TestSizeAndOrientation:
    @pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
    @pytest.mark.parametrize(("orientation", "turn"), list(enumerate(UPRIGHT, 1)))
    def test_all_eight_orientations_stand_upright(self, format, orientation, turn):
        image = Image.fromarray(QUARTERS)
        exif = image.getexif()
        exif[decoding.ORIENTATION] = orientation
        picture = PictureFile(encoded(image, format, exif=exif))
        expected = np.asarray(image.transpose(Image.Transpose[turn]) if turn else image)
        whole, reduced = picture.decode(), picture.decode(least=20)
        assert (picture.height, picture.width) == expected.shape[:2] == whole.shape[:2]
        assert difference(whole, expected) < 5
        enlarged = cv2.resize(reduced, (picture.width, picture.height), interpolation=0)
        assert difference(enlarged, expected) < 12

    @pytest.mark.parametrize(
        ("least", "shorter"), [(None, 218), (200, 218), (109, 109), (100, 109), (55, 55), (28, 28)]
    )
    def test_no_side_becomes_shorter_than_asked_for(self, least, shorter):
        pixels = cv2.resize(QUARTERS, (300, 218))
        picture = PictureFile(encoded(pixels, "JPEG"))
        assert min(picture.decode(least).shape[:2]) == shorter
        assert (picture.width, picture.height) == (300, 218)
        assert picture.decode(5).shape[:2] == (28, 38)
        assert picture.decode().shape == (218, 300, 3)
        assert PictureFile(encoded(pixels)).decode(5).shape == (218, 300, 3)

    def test_broken_exif_data_do_not_matter(self):
        data = encoded(QUARTERS, "JPEG", quality=95, exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
        assert difference(decode(data), QUARTERS) < 4


def linear_profile():
    """sRGB's own profile with its three curves made straight."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for index in range(struct.unpack(">I", data[128:132])[0]):
        tag, start, size = struct.unpack(">4sII", data[132 + 12 * index : 144 + 12 * index])
        if tag in (b"rTRC", b"gTRC", b"bTRC"):
            data[start : start + size] = (b"curv" + bytes(8)).ljust(size, b"\0")
    return bytes(data)


class TestColours:
    """A profile of linear light, by which the middle grey 55 is sRGB's 128."""

    @pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
    def test_another_profile_is_converted(self, format):
        grey = np.full((16, 16, 3), 55, np.uint8)
        assert (np.abs(decode(encoded(grey, format)).astype(int) - 55) <= 2).all()
        data = encoded(grey, format, icc_profile=linear_profile())
        assert (np.abs(decode(data).astype(int) - 128) <= 4).all()

    @pytest.mark.parametrize("mode", ["RGB", "L"])
    def test_srgb_and_what_is_no_profile_change_no_byte(self, mode):
        image = Image.fromarray(QUARTERS).convert(mode)
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        for profile in (srgb, b"no profile"):
            data = encoded(image, "JPEG", icc_profile=profile)
            assert_array_equal(decode(data), decode(encoded(image, "JPEG")))


class TestWhatIsRefused:
    def test_each_trouble_has_its_words(self):
        assert reason(b"") == decoding.EMPTY
        for page in (b"<!DOCTYPE html><html>404</html>", b"\n <html lang=en>", b"<?xml?>"):
            assert reason(page) == decoding.WEB_PAGE
        for text in (b"no picture", bytes(range(256)), b"%!PS-Adobe-3.0 EPSF-3.0\n", b"\0" * 99):
            assert reason(text) == decoding.UNKNOWN
        assert reason(b"\0\0\0\x18ftypheic" + b"\0" * 40) == decoding.HEIC
        assert reason(encoded(Image.new("F", (8, 8), 0.5), "TIFF")) == decoding.PIXELS

    @pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "PPM"])
    @pytest.mark.parametrize("kept", [0.02, 0.3, 0.6, 0.95])
    def test_a_file_cut_off_is_truncated(self, format, kept):
        data = encoded(NOISE[:60, :60], format)
        assert reason(data[: int(kept * len(data))]) == decoding.TRUNCATED

    def test_a_thumbnails_end_is_not_the_pictures(self):
        thumbnail = encoded(QUARTERS, "JPEG")
        data = encoded(cv2.resize(QUARTERS, (300, 200)), "JPEG", exif=b"Exif\0\0" + thumbnail)
        assert decode(data).shape == (200, 300, 3)
        assert reason(data[:-100]) == decoding.TRUNCATED

    def test_progressive_and_half_empty_files_are_truncated(self):
        data = encoded(NOISE[:64, :64], "JPEG", progressive=True)
        assert reason(data[:-300]) == decoding.TRUNCATED
        assert reason(data[: len(data) // 2] + bytes(len(data) // 2)) == decoding.TRUNCATED

    @pytest.mark.parametrize("least", [None, 60])
    @pytest.mark.parametrize("form", ["RGB", "L", "CMYK", "progressive", "optimize"])
    def test_what_libjpeg_paints_over_is_refused(self, form, least, capfd):
        image = Image.fromarray(NOISE)
        options = {form: True} if form in ("progressive", "optimize") else {}
        image = image if options else image.convert(form)
        data = encoded(image, "JPEG", quality=75, **options)
        other = encoded(image.rotate(180), "JPEG", quality=75, **options)
        middle = (data.index(b"\xff\xda") + len(data)) // 2
        broken = {
            "cut, with an end mark": data[:middle] + b"\xff\xd9",
            "zeroed": data[:middle] + bytes(200) + data[middle + 200 :],
            "half of one and another": data[:middle] + other,
            "two": data + other,
        }
        for what, given in broken.items():
            with pytest.raises(NotAPicture) as caught:
                decode(given, least)
            said = decoding.GLUED if what == "two" else decoding.DAMAGED
            assert str(caught.value) == said, what
        assert decode(data + b"a note of the camera", least).shape[2] == 3
        assert capfd.readouterr().err == ""

    @pytest.mark.parametrize("format", ["WEBP", "AVIF", "JPEG2000"])
    @pytest.mark.parametrize("size", [64, 512])
    def test_holes_are_found_where_nothing_has_a_checksum(self, format, size):
        if not features.check(format.lower().replace("jpeg2000", "jpg_2000")):
            pytest.skip(f"this Pillow reads no {format}")
        data = encoded(NOISE, format)
        assert decode(data).shape == NOISE.shape
        for at in range(len(data) // 3, len(data) - size, len(data) // 5):
            assert reason(data[:at] + bytes(size) + data[at + size :]) == decoding.DAMAGED

    @pytest.mark.parametrize(
        "options",
        [
            {"format": "JPEG", "optimize": True}, {"format": "JPEG", "progressive": True},
            {"format": "WEBP"}, {"format": "WEBP", "quality": 100, "method": 0},
            {"format": "JPEG2000"},
        ],
    )  # fmt: skip
    def test_flat_backgrounds_are_no_holes(self, options):
        image = Image.new("RGB", (1200, 900), (255, 255, 255))
        image.paste(Image.fromarray(NOISE), (500, 400))
        assert decode(encoded(image, **options)).shape == (900, 1200, 3)

    def test_what_others_say_meanwhile_is_passed_on(self, capfd):
        with damage.listening() as complaints:
            os.write(2, b"Corrupt JPEG data: premature end\nsomebody else\n")
        assert len(complaints) == 1
        assert capfd.readouterr().err == "somebody else\n"

    def test_pictures_of_cameras_that_announce_more_are_read(self):
        first, second = Image.fromarray(QUARTERS), Image.fromarray(QUARTERS[::-1])
        data = encoded(first, "MPO", save_all=True, append_images=[second], quality=95)
        assert difference(decode(data), QUARTERS) < 4

    @pytest.mark.parametrize("data", ["photos", "celeba-half", "lfw"])
    def test_no_good_picture_is_refused(self, real_data, data):
        place = real_data / data
        source = open_source(str(next(place.glob("*.zip")) if data == "lfw" else place), 64)
        for name in source.names[:: {"photos": 3, "celeba-half": 60, "lfw": 90}[data]]:
            assert source.container.open(name).decode().size

    def test_bombs_are_known_before_they_go_off(self):
        assert len(png_header(50_000, 50_000)) < 100
        for sides in ((50_000, 50_000), (13_342, 13_342), (2**31 - 1, 2**31 - 1)):
            assert reason(png_header(*sides)) == decoding.TOO_MANY_PIXELS
        PictureFile(png_header(13_341, 13_341))

    def test_strips_are_refused(self):
        assert decode(encoded(np.zeros((1, 20, 3), np.uint8))).shape == (1, 20, 3)
        for shape in ((1, 21, 3), (21, 1, 3)):
            assert reason(encoded(np.zeros(shape, np.uint8))) == decoding.STRIP

    def test_files_are_read_up_to_a_limit(self, monkeypatch):
        monkeypatch.setattr(decoding, "MAX_BYTES", 100)
        assert decoding.read_bounded(io.BytesIO(bytes(100))) == bytes(100)
        with pytest.raises(NotAPicture, match="256 MiB"):
            decoding.read_bounded(io.BytesIO(bytes(101)))
        assert reason(bytes(101)) == decoding.TOO_MANY_BYTES

    def test_whatever_is_broken_is_a_reason_and_nothing_else(self, capfd, recwarn):
        draw = random.Random(0)
        files = [encoded(QUARTERS, f) for f in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")]
        files.append(encoded(QUARTERS, "TIFF", compression="tiff_lzw"))
        known = {value for value in vars(decoding).values() if isinstance(value, str)}
        said = set()
        for _ in range(600):
            data = bytearray(draw.choice(files))
            for _ in range(draw.randint(1, 12)):
                data[draw.randrange(draw.choice((60, len(data))))] = draw.randrange(256)
            data = data[: draw.randint(1, len(data))] if draw.random() < 0.3 else data
            try:
                picture = PictureFile(bytes(data))
                pixels = picture.decode()
                assert pixels.shape == (picture.height, picture.width, 3)
            except NotAPicture as error:
                said.add(str(error))
        assert said <= known
        assert not recwarn.list
        assert "Traceback" not in capfd.readouterr().err  # decoders in C may say more
