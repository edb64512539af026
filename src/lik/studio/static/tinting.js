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

/** Mattes by the crop of the face. @type {WeakMap<Uint8Array, Float32Array>} */
const mattes = new WeakMap();

/** The square of so many times the side about the same middle. */
export function widened(square) {
  const [x, y] = pointOf(square, (1 - WIDE) / 2, (1 - WIDE) / 2);
  return { x, y, side: WIDE * square.side, angle: square.angle };
}

/**
 * What belongs to the head around the crop of a photograph; 0 where that is painted.
 * @param {{square: object, crop: Uint8Array}} face
 * @param {{bitmap: ImageBitmap, width: number}} photograph its bitmap may be reduced
 * @param {{size: number, crop?: {widen?: number}}} facts of the run
 * @returns {Float32Array} (WIDE · S)²
 */
export function matteOf({ square, crop }, { bitmap, width }, { size, crop: { widen = 1 } = {} }) {
  if (!mattes.has(crop)) {
    const scale = bitmap.width / width;
    const { x, y, side, angle } = widened(square);
    const around = { x: x * scale, y: y * scale, side: side * scale, angle };
    mattes.set(crop, matteIn(bitmap, around, crop, size, widen));
  }
  return mattes.get(crop);
}

function matteIn(bitmap, around, crop, size, widen) {
  const [side, start] = [WIDE * size, ((WIDE - 1) * size) >> 1];
  const rgb = cutFrom(bitmap, around, side);
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
  const rim = rimOf(around, side, cell, bitmap);
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
  return matte;
}

/** Every so many pixels of the upper border of a square, so far as the photograph has it. */
function rimOf(around, side, step, { width, height }) {
  const places = [];
  for (let x = 0; x < side; x += step) places.push({ x, y: 1 });
  for (let y = 2; y < Math.round(UPPER * side); y += step) places.push({ x: 1, y }, { x: side - 2, y });
  return places.filter(({ x, y }) => {
    const [u, v] = pointOf(around, (x + 0.5) / side, (y + 0.5) / side);
    return u > 0 && u < width && v > 0 && v < height;
  });
}

/**
 * Tint a part of a photograph, in place.
 * @param {ImageData} part @param {object} square of the crop, in pixels of the part
 * @param {{matte: Float32Array, tint: Float32Array}} face
 * @param {boolean} only whether pixels that do not change become transparent
 */
export function tinted({ width, height, data }, square, { matte, tint }, only = false) {
  const { x: left, y: top, side: length, angle } = widened(square);
  const side = Math.sqrt(matte.length);
  const per = side / length;
  const turn = (angle * Math.PI) / 180;
  const [cosine, sine] = [Math.cos(turn) * per, Math.sin(turn) * per];
  const at = (x, y) => (x < 0 || y < 0 || x >= side || y >= side ? 0 : matte[y * side + x]);
  for (let py = 0, i = 0; py < height; py++) {
    for (let px = 0; px < width; px++, i += 4) {
      const u = cosine * (px + 0.5 - left) + sine * (py + 0.5 - top) - 0.5;
      const v = cosine * (py + 0.5 - top) - sine * (px + 0.5 - left) - 0.5;
      const x = Math.floor(u);
      const y = Math.floor(v);
      const [a, b] = [u - x, v - y];
      const above = (1 - a) * at(x, y) + a * at(x + 1, y);
      const weight = (1 - b) * above + b * ((1 - a) * at(x, y + 1) + a * at(x + 1, y + 1));
      if (weight > 0) {
        const [red, green, blue] = [data[i], data[i + 1], data[i + 2]];
        for (let c = 0, k = 0; c < 3; c++, k += 4) {
          data[i + c] += weight * (tint[k] * red + tint[k + 1] * green + tint[k + 2] * blue + 255 * tint[k + 3]);
        }
      } else if (only) data[i + 3] = 0;
    }
  }
}
