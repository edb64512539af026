"""Faces are cut in the browser as Lik cuts them, and files are hashed alike."""

import base64
import hashlib

import cv2
import numpy as np
import pytest

from lik.faces.crop.cropping import (
    AlignedCrop,
    FaceCrop,
    FixedCrop,
    Square,
    cut,
    eyes_under,
    square_of_eyes,
)

SQUARES = """async ([eyes, crops]) => {
  const { squareOf } = await import("/static/cutting.js");
  return crops.map((crop) => eyes.map((two) => squareOf(two, crop)));
}"""
EYES = """async (crops) => {
  const { eyesUnder } = await import("/static/cutting.js");
  return crops.map(eyesUnder);
}"""
CUT = """async ([rgba, width, height, squares, size]) => {
  const { fromBase64, toBase64 } = await import("/static/bytes.js");
  const { cut, cutFrom } = await import("/static/cutting.js");
  const image = new ImageData(new Uint8ClampedArray(fromBase64(rgba)), width, height);
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return squares.map((one) => [cut(image, one, size), cutFrom(canvas, one, size)].map(toBase64));
}"""
HASH = """async ([texts, without]) => {
  const { fromBase64 } = await import("/static/bytes.js");
  const { sha256Of } = await import("/static/sha256.js");
  if (without) Object.defineProperty(crypto, "subtle", { value: undefined });
  return Promise.all(texts.map((text) => sha256Of(new Blob([fromBase64(text)]))));
}"""

WIDTH, HEIGHT = 640, 480
FACES = {
    "upright": ((250, 200), (350, 200)), "turned": ((250, 260), (360, 190)),
    "large": ((100, 150), (500, 260)), "outside": ((12, 40), (70, 52)),
    "small": ((300, 200), (308, 201)), "upside down": ((400, 240), (250, 250)),
    "huge": ((2, 100), (638, 160)),
}  # fmt: skip


def described(square):
    return {"x": square.x, "y": square.y, "side": square.side, "angle": square.angle}


@pytest.fixture(scope="module")
def picture():
    noise = np.random.default_rng(2).normal(size=(HEIGHT, WIDTH, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    return np.clip(128 + smooth * 500, 0, 255).astype(np.uint8)


def test_squares_are_those_of_lik(modules):
    crops = [
        {"kind": "aligned"},
        {"kind": "aligned", "widen": 1.3},
        {"kind": "fixed", "widen": 1.2},
    ]
    found = modules.evaluate(SQUARES, [list(FACES.values()), crops])
    for crop, squares in zip(crops, found, strict=True):
        for eyes, square in zip(FACES.values(), squares, strict=True):
            aim = described(square_of_eyes(*eyes, crop.get("widen", 1.0)))
            assert square == pytest.approx(aim, abs=1e-9), (crop, eyes)


def test_eyes_lie_in_crops_where_lik_has_them(modules):
    rules = [
        AlignedCrop(), AlignedCrop(widen=1.4), FixedCrop(widen=1.1), FaceCrop(),
        FaceCrop(factor=1.5, right=0.02, down=-0.1),
    ]  # fmt: skip
    found = modules.evaluate(EYES, [rule.model_dump(mode="json") for rule in rules])
    assert np.array(found) == pytest.approx(np.array([eyes_under(rule) for rule in rules]))


def test_squares_of_detected_faces_are_upright(modules):
    """Of faces that a detector finds no more is known than where the median of them lies."""
    [[square]] = modules.evaluate(SQUARES, [[FACES["turned"]], [{"kind": "face"}]])
    aim = square_of_eyes(*FACES["turned"])
    middle = aim.point((0.5, 0.5))
    assert square["angle"] == 0
    assert square["side"] == round(aim.side)
    assert abs(square["x"] + square["side"] / 2 - middle[0]) <= 1
    assert abs(square["y"] + square["side"] / 2 - middle[1]) <= 1


@pytest.mark.parametrize("size", [64, 128])
def test_faces_are_cut_as_lik_cuts_them(modules, picture, size):
    squares = [square_of_eyes(*eyes, widen) for eyes in FACES.values() for widen in (1.0, 1.3)]
    squares += [Square(20, 30, size), Square(20, 30, 3 * size), Square(20, 30, size / 2)]
    rgba = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
    rgba[:, :, :3] = picture
    wire = [base64.b64encode(rgba.tobytes()).decode(), WIDTH, HEIGHT]
    found = modules.evaluate(CUT, [*wire, [described(one) for one in squares], size])
    for square, answers in zip(squares, found, strict=True):
        aim = cut(picture, square, size).astype(int)
        for answer in answers:
            own = np.frombuffer(base64.b64decode(answer), np.uint8).reshape(size, size, 3)
            assert np.abs(own - aim).mean() < 0.5, square
            assert np.abs(own - aim).max() <= 24, square
    whole = np.frombuffer(base64.b64decode(found[-3][0]), np.uint8).reshape(size, size, 3)
    assert (whole == picture[30 : 30 + size, 20 : 20 + size]).all()


@pytest.mark.parametrize("without", [False, True], ids=["the browser's", "our own"])
def test_files_are_hashed(modules, without):
    random = np.random.default_rng(3)
    files = [random.bytes(length) for length in (0, 1, 55, 56, 63, 64, 65, 119, 120, 5000)]
    texts = [base64.b64encode(file).decode() for file in files]
    found = modules.evaluate(HASH, [texts, without])
    assert found == [hashlib.sha256(file).hexdigest() for file in files]
