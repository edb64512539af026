/**
 * A change of a face seen in its photograph: pixels moved by a flow, and a colour added.
 *
 * The twin of `lik.faces.motion.painted`, for previews. Squares, flows and coordinates are those
 * of `lik.faces.crop.cropping`: continuous, pixel i covers i … i + 1.
 */

import { cubic, mirrored } from "./planes.js";

const FLOW_UNIT = 1 / 256;
const COLOUR_UNIT = 1 / 64;
/** Side to which flow and colour are brought by cubic steps; beyond it straight ones do. */
const LARGE = 256;

/**
 * The window of a photograph that a square covers; null for none.
 * @param {import("./engine.js").Square} square
 */
export function windowOf(square, width, height) {
  const corners = [[0, 0], [1, 0], [1, 1], [0, 1]].map((share) => pointOf(square, ...share));
  const [xs, ys] = [corners.map((c) => c[0]), corners.map((c) => c[1])];
  const x = Math.max(0, Math.floor(Math.min(...xs)));
  const y = Math.max(0, Math.floor(Math.min(...ys)));
  const right = Math.min(width, Math.ceil(Math.max(...xs)));
  const bottom = Math.min(height, Math.ceil(Math.max(...ys)));
  return x < right && y < bottom ? { x, y, width: right - x, height: bottom - y } : null;
}

/** The point of the picture at a share (0 … 1 right, 0 … 1 down) of the square. */
export function pointOf(square, right, down) {
  const turn = (square.angle * Math.PI) / 180;
  const [cosine, sine] = [Math.cos(turn), Math.sin(turn)];
  const [u, v] = [right * square.side, down * square.side];
  return [square.x + cosine * u - sine * v, square.y + sine * u + cosine * v];
}

/**
 * Flow and colour of a face, ready to be painted.
 * @param {Int16Array} flow S×S×2 @param {Int16Array} colour S×S×3
 * @param {number} length pixels that the side of the square has where it is painted
 * @returns {{side: number, scale: number, field: Float32Array, alive: Uint8Array}}
 *   field side×side×5; alive side×side, 0 where it is nothing
 */
export function prepared(flow, colour, size, length = LARGE) {
  const field = new Float32Array(size * size * 5);
  for (let i = 0; i < size * size; i++) {
    field[i * 5] = flow[i * 2] * FLOW_UNIT;
    field[i * 5 + 1] = flow[i * 2 + 1] * FLOW_UNIT;
    for (let c = 0; c < 3; c++) field[i * 5 + 2 + c] = colour[i * 3 + c] * COLOUR_UNIT;
  }
  const factor = Math.ceil(Math.min(LARGE, Math.max(length, size)) / size);
  const side = size * factor;
  const large = grown(field, size, factor);
  const alive = new Uint8Array(side * side);
  for (let i = 0, j = 0; i < alive.length; i++, j += 5) {
    alive[i] = large[j] || large[j + 1] || large[j + 2] || large[j + 3] || large[j + 4] ? 1 : 0;
  }
  return { side, scale: factor, field: large, alive };
}

/**
 * Paint a change onto a part of a photograph, in place.
 * @param {ImageData} part the window of the square, at some scale
 * @param {import("./engine.js").Square} square in pixels of the part, from its corner
 * @param {ReturnType<typeof prepared>} change
 * @param {boolean} only whether pixels that do not change become transparent
 */
export function paint(part, square, change, only = false) {
  const { width, height, data } = part;
  const source = new Uint8ClampedArray(data);
  const { side, field, alive, scale } = change;
  const turn = (square.angle * Math.PI) / 180;
  const cosine = Math.cos(turn);
  const sine = Math.sin(turn);
  const per = side / square.side; // pixels of the field in one of the part
  // A flow is in pixels of the crop, side / scale of which lie along the square.
  const reach = (square.side * scale) / side;
  const value = new Float64Array(5);
  for (let py = 0; py < height; py++) {
    for (let px = 0; px < width; px++) {
      const dx = px + 0.5 - square.x;
      const dy = py + 0.5 - square.y;
      const u = (cosine * dx + sine * dy) * per - 0.5;
      const v = (cosine * dy - sine * dx) * per - 0.5;
      const to = (py * width + px) * 4;
      if (!between(field, alive, side, u, v, value)) {
        if (only) data[to + 3] = 0;
        continue;
      }
      const x = px + (cosine * value[0] - sine * value[1]) * reach;
      const y = py + (sine * value[0] + cosine * value[1]) * reach;
      pick(source, width, height, x, y, value, data, to);
    }
  }
}

/** Field at (u, v) by straight steps, into `value`; false where it is nothing. */
function between(field, alive, side, u, v, value) {
  const x = Math.floor(u);
  const y = Math.floor(v);
  if (x < -1 || y < -1 || x >= side || y >= side) return false;
  const left = x >= 0;
  const right = x + 1 < side;
  const top = y >= 0;
  const bottom = y + 1 < side;
  const at = y * side + x;
  // What lies outside, and what is nothing, has no weight.
  const p = left && top ? alive[at] : 0;
  const q = right && top ? alive[at + 1] : 0;
  const r = left && bottom ? alive[at + side] : 0;
  const s = right && bottom ? alive[at + side + 1] : 0;
  if (p + q + r + s === 0) return false;
  const a = u - x;
  const b = v - y;
  const [i, j, k, l] = [p && at * 5, q && at * 5 + 5, r && (at + side) * 5, s && (at + side) * 5 + 5];
  const wp = p * (1 - a) * (1 - b);
  const wq = q * a * (1 - b);
  const wr = r * (1 - a) * b;
  const ws = s * a * b;
  for (let c = 0; c < 5; c++) {
    value[c] = wp * field[i + c] + wq * field[j + c] + wr * field[k + c] + ws * field[l + c];
  }
  return true;
}

/** A pixel of the source at (x, y) by straight steps, plus colour, into `out`. */
function pick(source, width, height, x, y, value, out, to) {
  const x0 = Math.floor(x);
  const y0 = Math.floor(y);
  const a = x - x0;
  const b = y - y0;
  const left = mirrored(x0, width) * 4;
  const right = mirrored(x0 + 1, width) * 4;
  const top = mirrored(y0, height) * width * 4;
  const bottom = mirrored(y0 + 1, height) * width * 4;
  for (let c = 0; c < 3; c++) {
    const above = (1 - a) * source[top + left + c] + a * source[top + right + c];
    const below = (1 - a) * source[bottom + left + c] + a * source[bottom + right + c];
    // The array rounds, and keeps it within 0 … 255.
    out[to + c] = (1 - b) * above + b * below + value[2 + c];
  }
}

/** A field (size, size, 5) enlarged by a whole factor, cubic, nothing beyond its border. */
function grown(field, size, factor) {
  if (factor === 1) return field;
  const across = stretched(field, size, size, factor, 5, size * 5);
  return stretched(across, size * factor, size, factor, size * factor * 5, 5);
}

/** One pass of `grown`: `along` is the stride between the samples that are mixed. */
function stretched(field, lines, size, factor, along, across) {
  const out = new Float32Array(field.length * factor);
  const [next, line] = along === 5 ? [5, size * factor * 5] : [along, across];
  for (let to = 0; to < size * factor; to++) {
    const at = (to + 0.5) / factor - 0.5;
    const first = Math.floor(at);
    const weights = cubic(at - first);
    for (let k = 0; k < 4; k++) {
      const from = first - 1 + k;
      if (from < 0 || from >= size) continue;
      const weight = weights[k];
      for (let i = 0; i < lines; i++) {
        const target = to * next + i * line;
        const start = from * along + i * across;
        for (let c = 0; c < 5; c++) out[target + c] += weight * field[start + c];
      }
    }
  }
  return out;
}
