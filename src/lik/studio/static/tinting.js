/**
 * Hair and skin around a crop take the colour that an edit gives to such hair and skin within.
 *
 * The twin of `lik.faces.tinting`: a matte says what belongs to the head, by its colour and place, and
 * is of the square that is `WIDE` times as wide as the crop.
 */
import { pointOf } from "./compositor.js";
import { cutFrom } from "./cutting.js";
import { faceOf, windowed } from "./masks.js";
import { blurred, planesOf } from "./planes.js";

/** The square that is tinted is so many times as wide as the crop. */
const WIDE = 2;
/** Samples of the face along a side of the crop. */
const SAMPLES = 16;
/** Std of the distance, in sides of the crop, over which a face reaches beyond the crop. */
const REACH = 0.25;
/** Std of the distance of two colours, of 1 each channel, that belong together. */
const ALIKE = 0.06;
/** The same for the background, whose light changes more. */
const APART = 0.1;
/** Weights of the background against the face, and of neither. */
const BACKGROUND = 2;
const FAINT = 0.001;
/** A share of the head below this is none, and one above 1 less this is all. */
const UNSURE = 0.1;
/** The share of the sides of the wide square, from above, where background is looked for. */
const UPPER = 0.6;
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
 * What is around the crop of a photograph.
 * @param {{square: object, crop: Uint8Array}} face
 * @param {{bitmap: ImageBitmap, width: number}} photograph its bitmap may be reduced
 * @param {{size: number, crop?: {widen?: number}}} facts of the run
 * @returns {Around}
 */
export function aroundOf({ square, crop }, { bitmap, width }, { size, crop: { widen = 1 } = {} }) {
  if (!known.has(crop)) {
    const scale = bitmap.width / width;
    const { x, y, side, angle } = widened(square);
    known.set(crop, seen(bitmap, { x: x * scale, y: y * scale, side: side * scale, angle }, crop, size, widen));
  }
  return known.get(crop);
}

/** How likely a colour is among those of the face, nearby ones above all, against those at the rim. */
function seen(bitmap, wide, crop, size, widen) {
  const [side, start] = [WIDE * size, ((WIDE - 1) * size) >> 1];
  const rgb = cutFrom(bitmap, wide, side);
  for (let y = 0; y < size; y++) {
    rgb.set(crop.subarray(3 * y * size, 3 * (y + 1) * size), 3 * ((start + y) * side + start));
  }
  const face = faceOf(planesOf(crop), size, widen);
  const cell = Math.max(1, Math.floor(size / SAMPLES));
  const samples = [];
  for (let y = cell >> 1; y < size; y += cell) {
    for (let x = cell >> 1; x < size; x += cell) {
      samples.push({ x: start + x, y: start + y, weight: face[y * size + x] ** 2 });
    }
  }
  const rim = rimOf(wide, side, cell, bitmap);
  const [near, like, unlike] = [REACH * size, 255 * ALIKE, 255 * APART].map((std) => -0.5 / std ** 2);
  const apart = (i, x, y) => {
    const j = 3 * (y * side + x);
    return (rgb[i] - rgb[j]) ** 2 + (rgb[i + 1] - rgb[j + 1]) ** 2 + (rgb[i + 2] - rgb[j + 2]) ** 2;
  };
  const sharp = new Float32Array(side * side);
  for (let v = 0; v < side; v++) {
    for (let u = 0; u < side; u++) {
      const at = 3 * (v * side + u);
      let [inner, outer] = [0, 0];
      for (const { x, y, weight } of samples) {
        inner += weight * Math.exp(near * ((u - x) ** 2 + (v - y) ** 2) + like * apart(at, x, y));
      }
      for (const { x, y } of rim) outer += Math.exp(unlike * apart(at, x, y));
      inner /= samples.length;
      outer /= rim.length || 1;
      const share = inner / (inner + BACKGROUND * outer + FAINT);
      sharp[at / 3] = Math.min(1, Math.max(0, (share - UNSURE) / (1 - 2 * UNSURE)));
    }
  }
  const [soft, edge, window] = [blurred(sharp, side, size / 64), windowed(side, EDGE), windowed(size)];
  const matte = soft.map((value, i) => value * edge[i]);
  for (let i = 0; i < size * size; i++) {
    matte[(start + Math.floor(i / size)) * side + start + (i % size)] *= 1 - window[i] * face[i];
  }
  return { rgb, matte };
}

/** Every so many pixels of the upper border of a square, so far as the photograph has it. */
function rimOf(wide, side, step, { width, height }) {
  const places = [];
  for (let x = 0; x < side; x += step) places.push({ x, y: 1 });
  for (let y = 2; y < Math.round(UPPER * side); y += step) places.push({ x: 1, y }, { x: side - 2, y });
  return places.filter(({ x, y }) => {
    const [u, v] = pointOf(wide, (x + 0.5) / side, (y + 0.5) / side);
    return u > 0 && u < width && v > 0 && v < height;
  });
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
  const alive = Uint8Array.from(matte, (value) => value > 0);
  return { side: Math.sqrt(matte.length), scale: 1, field, alive };
}
