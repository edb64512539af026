"""Whatever is sent as a photograph, the answer is a sentence, and the studio lives on."""

import io
import random
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from lik.studio.refusals import Refused
from lik.studio.uploads import checked

FACES = "/api/runs/toy/faces"


def encoded(kind, size=(96, 80), mode="RGB", **options):
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    file = io.BytesIO()
    image = Image.fromarray(pixels)
    if mode == "I;16":
        image = Image.fromarray(pixels[:, :, 0].astype(np.uint16) * 257)
    else:
        image = image.convert(mode)
    image.save(file, kind, **options)
    return file.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width=96, height=80, before=b"", data=None, depth=8, colour=2):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    rows = b"\0" * (height * (1 + 3 * width)) if data is None else data
    pixels = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + head + before + pixels + chunk(b"IEND", b"")


def jpeg_of(width, height):
    """A JPEG whose header claims other sides than it has."""
    data = bytearray(encoded("JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def with_exif(content):
    return encoded("JPEG", exif=b"Exif\0\0" + content)


def text(value):
    info = PngImagePlugin.PngInfo()
    info.add_itxt("Lik edit", value)
    return encoded("PNG", pnginfo=info)


BOMB = zlib.compress(bytes(100_000_000), 9)
WHOLE = {"jpeg": encoded("JPEG"), "png": encoded("PNG"), "webp": encoded("WEBP")}
CASES = {
    **{f"{kind} cut at {share}": data[: int(len(data) * share)]
       for kind, data in WHOLE.items() for share in (0.01, 0.3, 0.9, 0.999)},
    **{f"{kind} and more": data + bytes(1000) for kind, data in WHOLE.items()},
    **{f"two of {kind}": data * 2 for kind, data in WHOLE.items()},
    **{f"header of {kind}": data[:12] for kind, data in WHOLE.items()},
    "empty": b"", "zeros": bytes(5000), "noise": random.Random(0).randbytes(5000),
    "gif": encoded("GIF"), "bmp": encoded("BMP"), "tiff": encoded("TIFF"), "ppm": encoded("PPM"),
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "html": b"<!doctype html><script>alert(1)</script>", "pdf": b"%PDF-1.7\n", "zip": b"PK\3\4",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n", "heic": b"\0\0\0\x18ftypheic",
    "png of 2.5 gigapixels": png(50_000, 50_000, data=b""),
    "png of 60 megapixels": png(10_000, 6_000, data=b""),
    "png of no pixels": png(0, 0, data=b""), "png of 2^31 pixels": png(2**31 - 1, 1, data=b""),
    "png without pixels": png(data=b""), "png of too many rows": png(data=bytes(10_000_000)),
    "png with a bomb of text": png(before=chunk(b"zTXt", b"a\0\0" + BOMB)),
    "png with a bomb of international text": png(before=chunk(b"iTXt", b"a\0\1\0\0\0" + BOMB)),
    "png with a bomb of a profile": png(before=chunk(b"iCCP", b"a\0\0" + BOMB)),
    "png with a thousand texts": png(before=chunk(b"tEXt", b"a\0" + b"b" * 1000) * 1000),
    "png with a wrong checksum": WHOLE["png"].replace(b"IDAT", b"IDAU"),
    "png of an odd depth": png(depth=3), "png of an odd colour": png(colour=5),
    "jpeg of 4 gigapixels": jpeg_of(65_535, 65_535), "jpeg of no height": jpeg_of(96, 0),
    "jpeg larger than it is": jpeg_of(7_000, 7_000), "jpeg that is a strip": jpeg_of(60_000, 2),
    "exif of zeros": with_exif(bytes(100)), "exif cut off": with_exif(b"II*\0\x08\0\0\0\xff\xff"),
    "exif in circles": with_exif(b"II*\0\x08\0\0\0\0\0\x08\0\0\0"),
    "exif turned nine times": with_exif(
        b"II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x09\0\0\0\0\0\0\0"),
    "webp of no size": WHOLE["webp"][:4] + bytes(4) + WHOLE["webp"][8:],
    "webp with a hole": WHOLE["webp"][:200] + bytes(1000) + WHOLE["webp"][1200:],
    "a record of a script": text('{"version": 1, "strengths": {"<script>": "1"}}'),
    "a record in itself": text("[" * 50_000), "a long record": text("x" * 2_000_000),
    "one pixel": encoded("PNG", (1, 1)), "a grey picture": encoded("PNG", mode="L"),
    "a palette": encoded("PNG", mode="P"), "a transparent picture": encoded("PNG", mode="RGBA"),
    "inks": encoded("JPEG", mode="CMYK"), "sixteen bits": encoded("PNG", mode="I;16"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_no_upload_breaks_the_studio(client, name):
    require_answered(client.put(FACES, content=CASES[name]))


def require_answered(answer):
    assert answer.status_code in (200, 413, 415, 422), answer.text
    if answer.status_code != 200:
        error = answer.json()["error"]
        assert error["message"].endswith(".")
        assert "/" not in error["message"]
        assert "<" not in error["message"]


@pytest.mark.long
def test_no_broken_picture_breaks_the_studio(client):
    """500 pictures with bytes changed, cut out, or put in."""
    rng = random.Random(1)
    for _ in range(500):
        data = bytearray(rng.choice([*WHOLE.values(), *filter(None, CASES.values())])[:20_000])
        for _ in range(rng.choice((1, 3, 30))):
            at = rng.randrange(len(data))
            what = rng.randrange(3)
            if what == 0:
                data[at] = rng.randrange(256)
            elif what == 1:
                del data[at : at + rng.randrange(1, 50)]
            else:
                data[at:at] = rng.randbytes(rng.randrange(1, 50))
            data = data or bytearray(1)
        require_answered(client.put(FACES, content=bytes(data)))


@pytest.mark.parametrize(
    ("name", "status"),
    [("gif", 415), ("svg", 415), ("empty", 415), ("jpeg of 4 gigapixels", 413),
     ("png of 60 megapixels", 413), ("png of 2.5 gigapixels", 413), ("header of png", 422)],
)  # fmt: skip
def test_the_header_is_enough_to_refuse(name, status, monkeypatch):
    monkeypatch.setattr("cv2.imdecode", None)  # nothing is decoded
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", None)
    with pytest.raises(Refused) as refused:
        checked(CASES[name])
    assert refused.value.status == status


@pytest.mark.parametrize("kind", WHOLE)
def test_whole_pictures_are_taken(kind):
    assert checked(WHOLE[kind]).data == WHOLE[kind]
