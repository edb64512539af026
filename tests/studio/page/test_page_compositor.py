"""What the page paints onto a photograph is what Lik paints, but for a level or two."""

import base64

import cv2
import numpy as np
import pytest

from lik.faces.compositing import window_of
from lik.faces.crop.cropping import Square, cut
from lik.faces.drawn import rendering as drawn
from lik.faces.motion import painted
from lik.faces.tinting import around_of, tinted

PAINT = """async ([part, width, height, square, flow, colour, size]) => {
  const { fromBase64, toBase64 } = await import("/static/bytes.js");
  const { paint, prepared } = await import("/static/compositor.js");
  const image = new ImageData(new Uint8ClampedArray(fromBase64(part)), width, height);
  const ints = (text) => new Int16Array(fromBase64(text).buffer);
  paint(image, square, prepared(ints(flow), ints(colour), size));
  return toBase64(image.data);
}"""

TINT = """async ([part, width, height, square, crop, tint, size, widen, reduction = 1]) => {
  const { fromBase64, toBase64 } = await import("/static/bytes.js");
  const { aroundOf, tinted, widened } = await import("/static/tinting.js");
  const { paint } = await import("/static/compositor.js");
  const image = new ImageData(new Uint8ClampedArray(fromBase64(part)), width, height);
  const options = { resizeWidth: width / reduction, resizeQuality: "high" };
  const bitmap = await createImageBitmap(image, options);
  const face = { square, crop: fromBase64(crop) };
  const around = aroundOf(face, { bitmap, width }, { size, crop: { widen } });
  paint(image, widened(square), tinted(around, new Float32Array(fromBase64(tint).buffer)));
  return [toBase64(around.matte), toBase64(image.data)];
}"""

SQUARES = [
    Square(40.0, 30.0, 300.0), Square(90.3, 20.7, 280.0, 11.0), Square(60.0, 90.0, 110.0, -25.0),
    Square(-40.5, 150.2, 260.0, 5.0),
]  # fmt: skip


def smooth(random, size, channels, std):
    noise = random.normal(size=(size, size, channels)).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), size / 16).reshape(size, size, channels)
    place = np.linspace(0, 1, size)
    rise = np.clip(np.minimum(place, 1 - place) / 0.2, 0, 1)
    field = blurred * np.outer(rise, rise)[:, :, None]
    return np.asarray(field * std / np.abs(field).max(), np.float32)


def text(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


@pytest.mark.parametrize("size", [64, 128])
@pytest.mark.parametrize("square", SQUARES, ids=["upright", "turned", "small", "outside"])
def test_a_change_is_painted_as_lik_paints_it(modules, square, size):
    random = np.random.default_rng(3)
    picture = drawn.render(drawn.sample_factors(1, 5), 400)
    flow = smooth(random, size, 2, size / 20)
    colour = smooth(random, size, 3, 0.3)
    expected = painted(picture, square, flow, colour)
    (x, y), (width, height) = window_of(square, picture)
    part = np.full((height, width, 4), 255, np.uint8)
    part[:, :, :3] = picture[y : y + height, x : x + width]
    there = {"x": square.x - x, "y": square.y - y, "side": square.side, "angle": square.angle}
    wires = np.rint(flow * 256).astype("<i2"), np.rint(colour * 255 * 64).astype("<i2")
    answer = modules.evaluate(PAINT, [text(part), width, height, there, *map(text, wires), size])
    found = np.frombuffer(base64.b64decode(answer), np.uint8).reshape(height, width, 4)[:, :, :3]
    aim = expected[y : y + height, x : x + width]
    assert np.abs(found.astype(int) - aim).mean() < 2
    changed = np.abs(aim.astype(int) - picture[y : y + height, x : x + width]).mean()
    assert np.abs(found.astype(int) - aim).mean() < changed / 3  # it did paint


@pytest.mark.parametrize(
    ("square", "size", "widen"),
    [*((square, 64, 1.0) for square in SQUARES), (SQUARES[1], 32, 1.3), (SQUARES[0], 128, 1.0)],
    ids=["upright", "turned", "small", "outside", "wider", "larger"],
)
def test_what_lies_around_is_tinted_as_lik_tints_it(modules, square, size, widen):
    picture = drawn.render(drawn.sample_factors(1, 5), 400)
    crop = cut(picture, square, size)
    tint = np.float32([[-0.5, 0, 0, 0.4], [0, -0.3, 0, 0.2], [0, 0, 0, -0.2]])
    aim = around_of(picture, square, np.float32(crop / 255), widen)
    expected = tinted(picture, square, aim, tint).astype(int)
    whole = np.full((400, 400, 4), 255, np.uint8)
    whole[:, :, :3] = picture
    there = {"x": square.x, "y": square.y, "side": square.side, "angle": square.angle}
    asked = [text(whole), 400, 400, there, text(crop), text(tint), size, widen]
    matte, image = map(base64.b64decode, modules.evaluate(TINT, asked))
    own = np.frombuffer(matte, "<f4").reshape(aim.matte.shape)
    assert np.abs(own - aim.matte).mean() < 0.01
    found = np.frombuffer(image, np.uint8).reshape(400, 400, 4)[:, :, :3]
    changed = np.abs(expected - picture).mean()
    assert changed > 0.05
    assert np.abs(found - expected).mean() < changed / 5


def test_what_is_transparent_is_white_and_a_reduced_photograph_will_do(modules):
    picture = drawn.render(drawn.sample_factors(1, 5), 400)
    square, size = SQUARES[0], 64
    whole = np.dstack([picture, np.full((400, 400), 255, np.uint8)])
    whole[:, :60, 3] = whole[:30, :, 3] = 0
    picture = np.where(whole[:, :, 3:] > 0, picture, 255).astype(np.uint8)
    crop = cut(picture, square, size)
    aim = around_of(picture, square, np.float32(crop / 255)).matte
    there = {"x": square.x, "y": square.y, "side": square.side, "angle": square.angle}
    tint = text(np.zeros(12, np.float32))
    for reduction, far in ((1, 0.01), (2, 0.02)):
        asked = [text(whole), 400, 400, there, text(crop), tint, size, 1, reduction]
        matte = base64.b64decode(modules.evaluate(TINT, asked)[0])
        assert np.abs(np.frombuffer(matte, "<f4").reshape(aim.shape) - aim).mean() < far
    assert aim.mean() > 0.05
