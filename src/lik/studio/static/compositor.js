/**
 * A change of a face seen in its photograph: pixels moved by a flow, and a colour added.
 *
 * The twin of `lik.faces.motion.painted`, for previews. Squares, flows and coordinates are those
 * of `lik.faces.crop.cropping`: continuous, pixel i covers i … i + 1.
 */

const FLOW_UNIT = 1 / 256;
const COLOUR_UNIT = 1 / 64;
/** Side to which flow and colour are brought by cubic steps; beyond it straight ones do. */
const LARGE = 256;
const CUBIC = -0.75; // as OpenCV has it

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
 * Flow and colour of a face, ready to be painted at any scale.
 * @param {Int16Array} flow S×S×2 @param {Int16Array} colour S×S×3
 * @returns {{side: number, scale: number, field: Float32Array}} field side×side×5
 */
export function prepared(flow, colour, size) {
  const field = new Float32Array(size * size * 5);
  for (let i = 0; i < size * size; i++) {
    field[i * 5] = flow[i * 2] * FLOW_UNIT;
    field[i * 5 + 1] = flow[i * 2 + 1] * FLOW_UNIT;
    for (let c = 0; c < 3; c++) field[i * 5 + 2 + c] = colour[i * 3 + c] * COLOUR_UNIT;
  }
  const factor = Math.max(1, Math.floor(LARGE / size));
  return { side: size * factor, scale: factor, field: grown(field, size, factor) };
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
  const { side, field, scale } = change;
  const turn = (square.angle * Math.PI) / 180;
  const [cosine, sine] = [Math.cos(turn), Math.sin(turn)];
  const per = side / square.side; // pixels of the field in one of the part
  // A flow is in pixels of the crop, side / scale of which lie along the square.
  const reach = (square.side * scale) / side;
  const value = new Float32Array(5);
  for (let py = 0; py < height; py++) {
    for (let px = 0; px < width; px++) {
      const [dx, dy] = [px + 0.5 - square.x, py + 0.5 - square.y];
      const u = (cosine * dx + sine * dy) * per - 0.5;
      const v = (cosine * dy - sine * dx) * per - 0.5;
      if (!between(field, side, u, v, value)) {
        if (only) data[(py * width + px) * 4 + 3] = 0;
        continue;
      }
      const fx = (cosine * value[0] - sine * value[1]) * reach;
      const fy = (sine * value[0] + cosine * value[1]) * reach;
      pick(source, width, height, px + fx, py + fy, value, data, (py * width + px) * 4);
    }
  }
}

/** Field at (u, v) by straight steps, into `value`; false where it is nothing. */
function between(field, side, u, v, value) {
  const [x, y] = [Math.floor(u), Math.floor(v)];
  if (x < -1 || y < -1 || x >= side || y >= side) return false;
  const [a, b] = [u - x, v - y];
  value.fill(0);
  let any = false;
  for (let j = 0; j < 2; j++) {
    const row = y + j;
    if (row < 0 || row >= side) continue;
    const wy = j ? b : 1 - b;
    for (let i = 0; i < 2; i++) {
      const column = x + i;
      if (column < 0 || column >= side) continue;
      const weight = wy * (i ? a : 1 - a);
      const at = (row * side + column) * 5;
      for (let c = 0; c < 5; c++) {
        const part = field[at + c];
        if (part !== 0) any = true;
        value[c] += weight * part;
      }
    }
  }
  return any;
}

/** A pixel of the source at (x, y) by straight steps, plus colour, into `out`. */
function pick(source, width, height, x, y, value, out, to) {
  const [x0, y0] = [Math.floor(x), Math.floor(y)];
  const [a, b] = [x - x0, y - y0];
  const [left, right] = [mirrored(x0, width), mirrored(x0 + 1, width)];
  const [top, bottom] = [mirrored(y0, height) * width, mirrored(y0 + 1, height) * width];
  const weights = [(1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b];
  const places = [top + left, top + right, bottom + left, bottom + right];
  for (let c = 0; c < 3; c++) {
    let sum = value[2 + c];
    for (let k = 0; k < 4; k++) sum += weights[k] * source[places[k] * 4 + c];
    out[to + c] = sum; // the array rounds, and keeps it within 0 … 255
  }
}

/** An index reflected at the border, without repeating the pixel there. */
function mirrored(index, length) {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const place = ((index % period) + period) % period;
  return place < length ? place : period - place;
}

/** A field (size, size, 5) enlarged by a whole factor, cubic, nothing beyond its border. */
function grown(field, size, factor) {
  if (factor === 1) return field;
  const across = stretched(field, size, size, factor, 5, size * 5);
  return stretched(across, size * factor, size, factor, size * factor * 5, 5);
}

/** One pass of `grown`: `along` is the stride between the samples that are mixed. */
function stretched(field, lines, size, factor, along, across) {
  const row = along === 5;
  const out = new Float32Array(field.length * factor);
  for (let to = 0; to < size * factor; to++) {
    const at = (to + 0.5) / factor - 0.5;
    const first = Math.floor(at);
    const weights = cubic(at - first);
    for (let line = 0; line < lines; line++) {
      const start = line * across;
      const target = row ? line * size * factor * 5 + to * 5 : to * along + start;
      for (let k = 0; k < 4; k++) {
        const from = first - 1 + k;
        if (from < 0 || from >= size) continue;
        for (let c = 0; c < 5; c++) out[target + c] += weights[k] * field[start + from * along + c];
      }
    }
  }
  return out;
}

function cubic(t) {
  const far = (x) => ((CUBIC * x - 5 * CUBIC) * x + 8 * CUBIC) * x - 4 * CUBIC;
  const near = (x) => ((CUBIC + 2) * x - (CUBIC + 3)) * x * x + 1;
  return [far(t + 1), near(t), near(1 - t), far(2 - t)];
}
