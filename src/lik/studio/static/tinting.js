/**
 * Hair and skin around a crop take the colour that an edit gives to such hair and skin within.
 *
 * The twin of `lik.faces.tinting`: a matte says what belongs to the head, by its colour and place, and
 * is of the square that is `WIDE` times as wide as the crop.
 */
import { whitened } from "./bitmaps.js";
import { pointOf } from "./compositor.js";
import { cutFrom } from "./cutting.js";
import { HEAD, faceOf, feathered } from "./masks.js";
import { blurred, planesOf } from "./planes.js";

/** The square that is tinted is so many times as wide as the crop. */
export const WIDE = 2;
/** Samples of the face along a side of the crop. */
const SAMPLES = 16;
/** Stds of the distances in colour, of 1 each channel, and in place, in sides of the crop, at which a
 * pixel belongs to what a face has. */
const [ALIKE, REACH] = [0.06, 0.25];
/** The same for what the border has. */
const [APART, AWAY] = [0.07, 0.22];
/** Weights of the background against the face, and of neither. */
const BACKGROUND = 1;
const FAINT = 0.001;
/** A share of the head below this is none, and one above 1 less this is all. */
const UNSURE = 0.1;
/** Background is looked for at the border of the wide square, or of the photograph where that is nearer,
 * in this share of it from above; so far beyond the head, in its radii, it is that for sure. */
const [UPPER, FREE] = [0.6, 0.5];
/** A large photograph is reduced to so many pixels a side for each that is looked at. */
const MOST_SAMPLES = 2;
/** Levels of 255 below which nobody sees a tint. */
const SEEN = 0.25;
/** Powers of e below this are none. */
const NOTHING = -16;
/** A tint fades out over this share of the side of the wide square. */
const EDGE = 0.15;

/** @typedef {{rgb: Uint8Array, matte: Float32Array}} Around (WIDE · S)² pixels: their colours, and what
 *   belongs to the head of them; 0 where the face is painted */
/** What is around a face, by its crop. @type {WeakMap<Uint8Array, Around>} */
const known = new WeakMap();

/** The square of so many times the side about the same middle. */
export function widened(square) {
  const [x, y] = pointOf(square, (1 - WIDE) / 2, (1 - WIDE) / 2);
  return { x, y, side: WIDE * square.side, angle: square.angle };
}

/**
 * What is around the crop of a photograph, kept for the next time.
 * @param {{square: object, crop: Uint8Array}} face
 * @param {{bitmap: ImageBitmap, width: number}} photograph its bitmap may be reduced
 * @param {{size: number, crop?: {widen?: number}}} facts of the run
 * @returns {Around}
 */
export function aroundOf(face, photograph, facts) {
  if (!known.has(face.crop)) known.set(face.crop, seenAround(face, photograph, facts));
  return known.get(face.crop);
}

/** The same, looked at anew. */
export function seenAround({ square, crop }, { bitmap, width }, { size, crop: { widen = 1 } = {} }) {
  const { x, y, side, angle } = widened(square);
  const shrink = Math.min(bitmap.width / width, (MOST_SAMPLES * WIDE * size) / side);
  const picture = reduced(bitmap, (width * shrink) / bitmap.width);
  const scale = picture.width / width;
  const wide = { x: x * scale, y: y * scale, side: side * scale, angle };
  const [length, start] = [WIDE * size, ((WIDE - 1) * size) >> 1];
  const rgb = cutFrom(picture, wide, length);
  for (let row = 0; row < size; row++) {
    rgb.set(crop.subarray(3 * row * size, 3 * (row + 1) * size), 3 * ((start + row) * length + start));
  }
  const face = faceOf(planesOf(crop), size, widen);
  return { rgb, matte: matteOf(rgb, face, rimOf(wide, size, widen, picture), size, widen) };
}

/** A picture of so many times the size, where that is less. */
function reduced(bitmap, scale) {
  if (scale >= 1) return bitmap;
  const canvas = new OffscreenCanvas(Math.ceil(bitmap.width * scale), Math.ceil(bitmap.height * scale));
  const context = whitened(canvas);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** How likely a colour is among those of the face against those at the rim, nearby ones above all. */
function matteOf(rgb, face, rim, size, widen) {
  const [side, start, cell] = [WIDE * size, ((WIDE - 1) * size) >> 1, cellOf(size)];
  const samples = [];
  for (let y = cell >> 1; y < size; y += cell) {
    for (let x = cell >> 1; x < size; x += cell) {
      samples.push({ x: start + x, y: start + y, weight: face[y * size + x] ** 2 });
    }
  }
  const inner = density(rgb, side, samples, 255 * ALIKE, (size * REACH) / widen);
  const outer = density(rgb, side, rim, 255 * APART, (size * AWAY) / widen);
  const sharp = inner.map((one, i) => {
    const share = one / (one + BACKGROUND * outer[i] + FAINT);
    return Math.min(1, Math.max(0, (share - UNSURE) / (1 - 2 * UNSURE)));
  });
  const [edge, feather] = [feathered(side, EDGE), feathered(size)];
  const matte = blurred(sharp, side, size / 64).map((value, i) => value * edge[i]);
  for (let i = 0; i < size * size; i++) {
    matte[(start + Math.floor(i / size)) * side + start + (i % size)] *= 1 - feather[i] * face[i];
  }
  return matte;
}

function cellOf(size) {
  return Math.max(1, Math.floor(size / SAMPLES));
}

/** How near each pixel is to weighted samples, in stds of colour and place: the mean of exp(−d²/2). */
function density(rgb, side, samples, colour, place) {
  const [like, near] = [-0.5 / colour ** 2, -0.5 / place ** 2];
  const out = new Float32Array(side * side);
  for (const { x, y, weight } of samples) {
    const from = 3 * (y * side + x);
    const [r, g, b] = [rgb[from], rgb[from + 1], rgb[from + 2]];
    const share = weight / samples.length;
    for (let v = 0, i = 0; v < side; v++) {
      const far = near * (v - y) ** 2;
      for (let u = 0; u < side; u++, i++) {
        const [red, green, blue] = [rgb[3 * i] - r, rgb[3 * i + 1] - g, rgb[3 * i + 2] - b];
        const power = far + near * (u - x) ** 2 + like * (red * red + green * green + blue * blue);
        if (power > NOTHING) out[i] += share * Math.exp(power);
      }
    }
  }
  return out;
}

/** Every so many pixels of the upper border of what the photograph has of a square. */
function rimOf(wide, size, widen, { width, height }) {
  const [side, step] = [WIDE * size, cellOf(size)];
  const isInside = (x, y) => {
    if (Math.min(x, y) < 0 || Math.max(x, y) >= side) return false;
    const [u, v] = pointOf(wide, (x + 0.5) / side, (y + 0.5) / side);
    return u > 0 && u < width && v > 0 && v < height;
  };
  const around = [-1, 0, 1].flatMap((dx) => [-1, 0, 1].map((dy) => [dx, dy]));
  const place = (i) => ((i + 0.5) / size - WIDE / 2) * widen;
  const rim = [];
  for (let y = 0; y < UPPER * side; y++) {
    for (let x = (step - (y % step)) % step; x < side; x += step) {
      if (!isInside(x, y) || around.every(([dx, dy]) => isInside(x + dx, y + dy))) continue;
      const beyond = Math.hypot(place(x) / HEAD[0], place(y) / HEAD[1]) - 1;
      rim.push({ x, y, weight: Math.min(1, Math.max(0, beyond / FREE)) });
    }
  }
  return rim;
}

/**
 * What becomes of the colours around a crop, ready to be painted onto the square that is widened.
 * @param {Around} around @param {Float32Array} tint
 * @returns {ReturnType<typeof import("./compositor.js").prepared>}
 */
export function tinted({ rgb, matte }, tint) {
  const field = new Float32Array(5 * matte.length);
  for (let i = 0; i < matte.length; i++) {
    for (let c = 0, k = 0; c < 3; c++, k += 4) {
      const change = tint[k] * rgb[3 * i] + tint[k + 1] * rgb[3 * i + 1] + tint[k + 2] * rgb[3 * i + 2];
      field[5 * i + 2 + c] = matte[i] * (change + 255 * tint[k + 3]);
    }
  }
  const alive = Uint8Array.from(matte, (_, i) => [2, 3, 4].some((c) => Math.abs(field[5 * i + c]) > SEEN));
  return { side: Math.sqrt(matte.length), scale: 1, field, alive };
}
