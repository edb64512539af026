"""What a page without a server carries onto a face is what Lik carries, but for a level or two."""

import base64
from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from lik.app.carrying import Carrier
from lik.app.opened import OpenedRun
from lik.faces.crop.cropping import Square
from lik.faces.drawn import rendering as drawn
from lik.faces.motion import Decodings, carry, change_of, ground_of, unfolded
from lik.faces.tinting import around_of
from lik.latent.session import decoded_twice

CARRY = """async ([size, widen, faces]) => {
  const { fromBase64, toBase64 } = await import("/static/bytes.js");
  const { changeOf, groundOf } = await import("/static/carrying.js");
  const { paint, prepared } = await import("/static/compositor.js");
  const { aroundOf, tinted, widened } = await import("/static/tinting.js");
  const floats = (text) => text && new Float32Array(fromBase64(text).buffer);
  const square = { x: 0, y: 0, side: size, angle: 0 };
  return Promise.all(faces.map(async ([crop, before, baseBefore, afters]) => {
    const rgb = fromBase64(crop);
    const plain = new ImageData(size, size);
    plain.data.fill(255);
    rgb.forEach((level, i) => (plain.data[Math.floor(i / 3) * 4 + (i % 3)] = level));
    const bitmap = await createImageBitmap(plain);
    const facts = { size, crop: { widen } };
    const around = aroundOf({ square, crop: rgb }, { bitmap, width: size }, facts);
    const given = { crop: rgb, before: floats(before), baseBefore: floats(baseBefore) };
    const ground = groundOf(given, size, widen);
    return afters.map(([after, baseAfter]) => {
      const edited = { after: floats(after), baseAfter: floats(baseAfter) };
      const { decoding, flow, colour, tint } = changeOf(ground, edited);
      const image = new ImageData(plain.data.slice(), size);
      paint(image, widened(square), tinted(around, tint));
      paint(image, square, prepared(flow, colour, size, size));
      return [decoding, flow, colour, tint, image.data, ground.mask, around.matte].map(toBase64);
    });
  }));
}"""

UNFOLD = """async ([x, y, side]) => {
  const { fromBase64, toBase64 } = await import("/static/bytes.js");
  const { unfolded } = await import("/static/flow.js");
  const plane = (text) => new Float32Array(fromBase64(text).buffer);
  const flow = unfolded({ x: plane(x), y: plane(y) }, side);
  return [toBase64(flow.x), toBase64(flow.y)];
}"""

SIZE = 64
DRAWN = 3
"""Which of the crops is of a drawn face."""
MOVES = (("Smiling", 1), ("Young", -1), ("Eyeglasses", 1), ("Mouth_Slightly_Open", 1),
         ("Bangs", 1), ("Male", -1))  # fmt: skip


@dataclass
class Change:
    """What the page answers: (S, S, …) each, and the crop painted."""

    decoding: np.ndarray
    flow: np.ndarray
    colour: np.ndarray
    tint: np.ndarray
    painted: np.ndarray
    mask: np.ndarray
    matte: np.ndarray


def text(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def planar(image):
    return None if image is None else text(np.asarray(image, "<f4").transpose(2, 0, 1))


def carried(page, faces, widen=1.0):
    """Faces as (crop, decoding, base decoding, [(decoding, base decoding) after]) → Change each."""
    size = len(faces[0][0])
    wire = [
        [text(crop), planar(before), planar(base), [list(map(planar, pair)) for pair in afters]]
        for crop, before, base, afters in faces
    ]
    answers = page.evaluate(CARRY, [size, widen, wire])
    return [[_change(one, size) for one in answer] for answer in answers]


def _change(answer, size):
    decoding, flow, colour, tint, image, mask, matte = map(base64.b64decode, answer)
    return Change(
        np.frombuffer(decoding, np.uint8).reshape(size, size, 3),
        np.frombuffer(flow, "<i2").reshape(size, size, 2) / 256,
        np.frombuffer(colour, "<i2").reshape(size, size, 3) / (255 * 64),
        np.frombuffer(tint, "<f4").reshape(3, 4),
        np.frombuffer(image, np.uint8).reshape(size, size, 4)[:, :, :3].astype(float),
        np.frombuffer(mask, "<f4").reshape(size, size),
        np.frombuffer(matte, "<f4").reshape(2 * size, 2 * size),
    )


@pytest.fixture(scope="module")
def run():
    return OpenedRun()


def crops_of(run):
    """Two decodings; one of another code, blurred, shifted and noisy; a drawn face; a grey one.

    The drawn face and the noisy one are such whose flows do not hang on last bits, as others' do:
    where one just folds, here or there, all of it is shortened.
    """
    random = np.random.default_rng(1)
    codes = run.session.draw(2, 3)
    near = codes + random.normal(size=codes.shape).astype(np.float32) * 0.35
    shift = np.array([[1, 0, 1.2], [0, 1, -0.8]])
    made = cv2.GaussianBlur(run.session.decode(near)[0], (0, 0), 0.5)
    made = cv2.warpAffine(made, shift, (SIZE, SIZE), borderMode=cv2.BORDER_REFLECT)
    made = np.clip(made + random.normal(size=made.shape) * 3, 0, 255).astype(np.uint8)
    picture = drawn.render(drawn.sample_factors(1, 2), SIZE)
    first = run.session.decode(codes)
    grey = np.repeat(first[1].mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    crops = np.stack([*first, made, picture, grey])
    return crops, np.concatenate([codes, run.session.encode(crops[2:])])


def test_edits_are_carried_as_lik_carries_them(modules, run):
    crops, codes = crops_of(run)
    carrier, directions = Carrier(run, crops, codes), run.directions("joint")
    moved = [codes + np.float32(sign) * directions.direction(name).vector for name, sign in MOVES]
    before = decoded_twice(run.session, codes)
    afters = [decoded_twice(run.session, each) for each in moved]
    faces = [
        (crop, before[0][i], before[1][i], [(after[0][i], after[1][i]) for after in afters])
        for i, crop in enumerate(crops)
    ]
    found = carried(modules, faces)
    for k, each in enumerate(moved):
        for i, (aim, crop, own) in enumerate(zip(carrier.carried(each), crops, found, strict=True)):
            off = np.abs(own[k].painted - aim).mean()
            assert off < (2.5 if i == DRAWN else 1.5), (MOVES[k], i)
            assert off < np.abs(aim.astype(int) - crop).mean() / 3, (MOVES[k], i)  # it did carry
            decoding = np.rint(afters[k][0][i] * 255)
            assert np.abs(own[k].decoding - decoding).max() <= 1
        for own, (_, told) in zip(found[:3], carrier.changes(each), strict=False):
            assert np.abs(own[k].flow - told.flow).mean() < 0.15
            assert np.abs(own[k].colour - told.colour).mean() * 255 < 1.5
            assert np.abs(own[k].tint - told.tint).max() < 0.03
    assert np.ptp(found[4][0].painted, axis=2).max() <= 1  # what is grey stays so


@pytest.mark.parametrize(("size", "widen"), [(32, 1.0), (96, 1.3), (256, 1.0)])
def test_other_sizes_and_wider_crops_without_a_refiner(modules, size, widen):
    """Drawn faces, of which one blurred stands for a decoding, moved by a smooth flow."""
    picture = drawn.render(drawn.sample_factors(1, 8), size)
    before = cv2.GaussianBlur(picture, (0, 0), size / 64).astype(np.float32) / 255
    place = np.linspace(-1, 1, size, dtype=np.float32)
    bump = np.exp(-3 * (place[None, :] ** 2 + place[:, None] ** 2)) * size / 40
    grid = np.arange(size, dtype=np.float32)
    after = cv2.remap(
        before, grid[None, :] + bump, grid[:, None] + 0.5 * bump, cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT,
    )  # fmt: skip
    after = np.clip(after + 0.1 * bump[:, :, None] / bump.max(), 0, 1)
    ground = ground_of(np.float32(picture / 255), before, widen)
    flow = change_of(Decodings(before, after), ground).flow
    square = Square(0, 0, size)
    aim = carry(picture, square, ground.crop, Decodings(before, after), widen)
    [[own]] = carried(modules, [(picture, before, None, [(after, None)])], widen)
    assert np.abs(own.mask - ground.mask).mean() < 0.01
    assert np.abs(own.matte - around_of(picture, square, ground.crop, widen).matte).mean() < 0.01
    assert np.abs(own.flow - flow).mean() < 0.15 * np.abs(flow).mean() + 0.02
    assert np.abs(own.painted - aim).mean() < 2
    assert np.abs(own.painted - aim).mean() < np.abs(aim.astype(int) - picture).mean() / 3


def test_where_nothing_changes_nothing_is_carried(modules):
    picture = drawn.render(drawn.sample_factors(1, 9), 32)
    before = picture.astype(np.float32) / 255
    [[own]] = carried(modules, [(picture, before, before, [(before, before)])])
    assert not own.flow.any()
    assert not own.colour.any()
    assert not own.tint.any()
    assert (own.painted == picture).all()


@pytest.mark.parametrize("length", [0.5, 3.0, 8.0])
def test_a_flow_that_folds_is_shortened_as_in_lik(modules, length):
    noise = np.random.default_rng(1).normal(size=(32, 32, 2)).astype(np.float32)
    flow = cv2.GaussianBlur(noise, (0, 0), 2)
    flow *= np.float32(length / np.abs(flow).max())
    answer = modules.evaluate(UNFOLD, [text(flow[:, :, 0]), text(flow[:, :, 1]), 32])
    found = np.stack(
        [np.frombuffer(base64.b64decode(one), "<f4").reshape(32, 32) for one in answer], 2
    )
    aim = unfolded(flow)
    assert np.abs(found - aim).max() < 1e-5
    assert (np.abs(aim).max() < np.abs(flow).max()) == (length > 2)
