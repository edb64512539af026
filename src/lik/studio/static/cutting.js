/**
 * Which square of a photograph becomes a face, and how it is cut: the twin of
 * `lik.faces.crop.cropping`, for pages where a person shows the eyes.
 *
 * Coordinates are continuous, x to the right and y down: pixel i covers i … i + 1. Angles are in
 * degrees, clockwise as one looks at the picture. Of two eyes, the left one is that on the left of
 * the picture.
 *
 * @typedef {[number, number]} Point
 * @typedef {[Point, Point]} Eyes
 * @typedef {{width: number, height: number, data: Uint8Array|Uint8ClampedArray}} Pixels RGBA, as an
 *   ImageData has them
 * @typedef {import("./engine.js").Square} Square
 */
import { whitened } from "./bitmaps.js";
import { pointOf } from "./compositor.js";
import { cubic, reflected } from "./planes.js";

/** Where the eyes lie in the reference frame, in shares of its side. */
const EYES = [[45.5 / 128, 59.5 / 128], [84.5 / 128, 59.5 / 128]];
/** The calibrated rule for a detected box: side in sides of the box, and how far off its middle. */
const FACE = { factor: 1.2075, right: -0.0085, down: -0.079 };
/** Samples a side for each pixel of a crop; larger faces are reduced before they are turned. */
const MOST_SAMPLES = 4;

/**
 * The square in which two eyes of a photograph come to lie where crops by a rule have them.
 *
 * For `aligned` it is the square that Python cuts, and so it is for `fixed` and `whole`, by which
 * Python too cuts photographs aligned. `face` and `paper` cut upright squares around what a detector
 * has found: here around where it finds the median face with such eyes.
 * @param {Eyes} eyes @param {object} crop the rule of the run
 * @returns {Square} of no extent where the eyes coincide
 */
export function squareOf([left, right], crop = {}) {
  const [inCrop, other] = eyesUnder(crop);
  const [across, down] = [right[0] - left[0], right[1] - left[1]];
  const side = Math.hypot(across, down) / (other[0] - inCrop[0]);
  const angle = (Math.atan2(down, across) * 180) / Math.PI;
  const [x, y] = pointOf({ x: 0, y: 0, side, angle }, ...inCrop);
  const square = { x: left[0] - x, y: left[1] - y, side, angle };
  return isUpright(crop) ? upright(square) : square;
}

/**
 * Where the eyes lie in crops by a rule, in shares of the side.
 * @param {{kind?: string, widen?: number, factor?: number, right?: number, down?: number}} crop
 * @returns {Eyes}
 */
export function eyesUnder(crop = {}) {
  if (isUpright(crop)) {
    const own = crop.kind === "face" ? { ...FACE, ...crop } : FACE;
    const start = (rule, off) => 0.5 - rule.factor / 2 + rule[off];
    const share = (at, off) => (start(FACE, off) + at * FACE.factor - start(own, off)) / own.factor;
    return EYES.map(([x, y]) => [share(x, "right"), share(y, "down")]);
  }
  const widen = crop.widen ?? 1;
  return EYES.map((eye) => eye.map((share) => 0.5 + (share - 0.5) / widen));
}

function isUpright({ kind }) {
  return kind === "face" || kind === "paper";
}

/** The upright square of whole pixels about the same middle. */
function upright(square) {
  const [x, y] = pointOf(square, 0.5, 0.5);
  const side = Math.round(square.side);
  return { x: Math.round(x - side / 2), y: Math.round(y - side / 2), side, angle: 0 };
}

/**
 * The square of a photograph, scaled to `size`; of what lies outside, the photograph reflected at
 * its border.
 * @param {Pixels} pixels @param {Square} square @param {number} size
 * @returns {Uint8Array} size × size × 3
 */
export function cut(pixels, square, size) {
  const reduction = square.side / size;
  if (reduction > 1 && isWhole(square, pixels)) {
    const { x, y, side } = square;
    return rgbOf(averaged(pixels, x, y, side, side, size, size));
  }
  if (reduction > MOST_SAMPLES) {
    const [part, moved] = reduced(pixels, square, reduction / 2);
    return cut(part, moved, size);
  }
  const samples = Math.max(1, Math.ceil(reduction - 0.05));
  const steps = size * samples;
  const pick = reduction >= 1 ? straight : smooth;
  const turn = (square.angle * Math.PI) / 180;
  const step = square.side / steps;
  const [cosine, sine] = [Math.cos(turn) * step, Math.sin(turn) * step];
  const [startX, startY] = pointOf(square, 0.5 / steps, 0.5 / steps);
  const sums = new Float32Array(size * size * 3);
  const colour = new Float64Array(3);
  for (let y = 0; y < steps; y++) {
    const row = Math.floor(y / samples) * size;
    for (let x = 0; x < steps; x++) {
      const u = startX - 0.5 + cosine * x - sine * y;
      const v = startY - 0.5 + sine * x + cosine * y;
      pick(pixels, u, v, colour);
      const to = (row + Math.floor(x / samples)) * 3;
      for (let c = 0; c < 3; c++) sums[to + c] += colour[c];
    }
  }
  const each = samples * samples;
  return Uint8Array.from(sums, (sum) => Math.min(255, Math.max(0, Math.round(sum / each))));
}

/** Whether a square is upright, consists of whole pixels, and lies inside. */
function isWhole({ x, y, side, angle }, { width, height }) {
  const whole = [x, y, side].every(Number.isInteger) && angle === 0;
  return whole && Math.min(x, y) >= 0 && x + side <= width && y + side <= height;
}

function rgbOf({ data }) {
  return Uint8Array.from(data.filter((_, i) => i % 4 < 3));
}

/** The colour at (u, v), counted from the middle of pixels, by straight steps. */
function straight({ data, width, height }, u, v, colour) {
  const x = Math.floor(u);
  const y = Math.floor(v);
  const [left, right] = [reflected(x, width) * 4, reflected(x + 1, width) * 4];
  const above = reflected(y, height) * width * 4;
  const below = reflected(y + 1, height) * width * 4;
  const a = u - x;
  const b = v - y;
  for (let c = 0; c < 3; c++) {
    const high = (1 - a) * data[above + left + c] + a * data[above + right + c];
    const low = (1 - a) * data[below + left + c] + a * data[below + right + c];
    colour[c] = Math.round((1 - b) * high + b * low);
  }
}

/** The same by cubic steps. */
function smooth({ data, width, height }, u, v, colour) {
  const x = Math.floor(u);
  const y = Math.floor(v);
  const [across, down] = [cubic(u - x), cubic(v - y)];
  colour.fill(0);
  for (let j = 0; j < 4; j++) {
    const row = reflected(y - 1 + j, height) * width;
    for (let i = 0; i < 4; i++) {
      const from = (row + reflected(x - 1 + i, width)) * 4;
      for (let c = 0; c < 3; c++) colour[c] += down[j] * across[i] * data[from + c];
    }
  }
}

/**
 * The same, cut from what a canvas can draw: of a large photograph only what is needed is read.
 * @param {ImageBitmap|HTMLCanvasElement|OffscreenCanvas} bitmap the upright photograph
 */
export function cutFrom(bitmap, square, size) {
  const part = around(square, bitmap.width, bitmap.height);
  const canvas = new OffscreenCanvas(part.width, part.height);
  const context = whitened(canvas);
  context.drawImage(bitmap, -part.x, -part.y);
  const pixels = context.getImageData(0, 0, part.width, part.height);
  return cut(pixels, { ...square, x: square.x - part.x, y: square.y - part.y }, size);
}

/** What a square, and what is reflected into it, needs of a photograph. */
function around(square, width, height) {
  const corners = [[0, 0], [1, 0], [1, 1], [0, 1]].map((share) => pointOf(square, ...share));
  const reach = square.side / 2;
  const span = (axis, length) => {
    const places = corners.map((corner) => corner[axis]);
    const first = Math.min(Math.max(0, Math.trunc(Math.min(...places) - reach)), length - 1);
    const end = Math.min(length, Math.trunc(Math.max(...places) + reach));
    return [first, Math.max(end, first + 1) - first];
  };
  const [[x, across], [y, down]] = [span(0, width), span(1, height)];
  return { x, y, width: across, height: down };
}

/**
 * The part of a photograph around a square, averaged down by about `factor`.
 * @returns {[Pixels, Square]}
 */
function reduced({ data, width, height }, square, factor) {
  const { x, y, width: across, height: down } = around(square, width, height);
  const small = [across, down].map((length) => Math.max(1, Math.round(length / factor)));
  const part = averaged({ data, width }, x, y, across, down, ...small);
  // One factor serves both sides: rounding moves a point by half a small pixel at the most.
  const scale = Math.sqrt(((small[0] / across) * small[1]) / down);
  const moved = {
    x: (square.x - x) * scale, y: (square.y - y) * scale, side: square.side * scale, angle: square.angle,
  };
  return [part, moved];
}

/** A part of a picture as one of fewer pixels, each the mean of what it covers. */
function averaged({ data, width }, x, y, across, down, columns, rows) {
  const lines = sharesOf(across, columns);
  const sums = new Float32Array(columns * down * 3);
  for (let j = 0; j < down; j++) {
    const row = ((y + j) * width + x) * 4;
    for (const [from, to, share] of lines) {
      const target = (j * columns + to) * 3;
      for (let c = 0; c < 3; c++) sums[target + c] += share * data[row + from * 4 + c];
    }
  }
  const out = new Float32Array(columns * rows * 3);
  for (const [from, to, share] of sharesOf(down, rows)) {
    const [source, target] = [from * columns * 3, to * columns * 3];
    for (let i = 0; i < columns * 3; i++) out[target + i] += share * sums[source + i];
  }
  const pixels = new Uint8ClampedArray(columns * rows * 4).fill(255);
  for (let i = 0; i < columns * rows; i++) {
    for (let c = 0; c < 3; c++) pixels[i * 4 + c] = out[i * 3 + c]; // the array rounds
  }
  return { data: pixels, width: columns, height: rows };
}

/** How much each of `from` pixels in a line gives to each of `to`: [from, to, share]. */
function sharesOf(from, to) {
  const per = from / to;
  const shares = [];
  for (let target = 0; target < to; target++) {
    const [start, end] = [target * per, Math.min(from, (target + 1) * per)];
    for (let i = Math.floor(start); i < end - 1e-9; i++) {
      shares.push([i, target, (Math.min(i + 1, end) - Math.max(i, start)) / per]);
    }
  }
  return shares;
}
