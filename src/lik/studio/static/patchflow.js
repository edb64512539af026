/**
 * Optical flow by dense inverse search (Kroeger, Timofte, Dai and Van Gool, arXiv:1603.03590).
 *
 * From coarse to fine, the displacement of each patch is found by descent, starting from what its
 * neighbours have found; a pixel takes the mean of the patches over it, weighted by how well each
 * explains it. Then the flow is refined (`flowrefining.js`).
 */
import { halved, mirrored, stretched } from "./planes.js";
import { refined } from "./flowrefining.js";

const PATCH = 8;
const STRIDE = 3;
const DESCENT = 12; // steps, at the most, each time that patches are gone through
const CLOSE = 0.005; // pixels: a step as short as this is the last
const BORDER = 16;
const BANDS = 8; // patches ask no neighbours beyond their band

/**
 * Where each pixel of `first` is in `second`.
 * @param {Float32Array} first @param {Float32Array} second square greys 0 … 255
 * @param {number} finest the flow is found at this scale: 0 is that of the images, 1 half of it, …
 * @param {number} alpha weight of smoothness
 * @returns {{x: Float32Array, y: Float32Array, side: number}} in pixels of the finest scale
 */
export function patchFlow(first, second, side, finest, alpha) {
  const pyramids = [pyramid(first, side), pyramid(second, side)];
  const coarsest = Math.max(
    finest, Math.min(Math.floor(Math.log2(side / (4 * PATCH)) + 0.5), Math.floor(Math.log2(side / PATCH))),
  );
  let length = side >> coarsest;
  let flow = { x: new Float32Array(length * length), y: new Float32Array(length * length) };
  for (let scale = coarsest; ; scale--) {
    const [from, to] = pyramids.map((levels) => levels[scale]);
    flow = refined(from, to, length, spread(search(from, to, length, flow), from, to, length), alpha);
    if (scale === finest) return { ...flow, side: length };
    const next = side >> (scale - 1);
    const twice = (plane) => stretched(plane, length, next).map((value) => 2 * value);
    flow = { x: twice(flow.x), y: twice(flow.y) };
    length = next;
  }
}

function pyramid(grey, side) {
  const levels = [grey];
  for (let length = side; length >= 2 * PATCH; length >>= 1) {
    levels.push(halved(levels.at(-1), length).map((value) => Math.floor(value + 0.5)));
  }
  return levels;
}

/** The displacement of each patch: {x, y} of `count`² patches. */
function search(from, to, side, flow) {
  const count = 1 + Math.floor((side - PATCH) / STRIDE);
  const matcher = new Matcher(from, to, side);
  const found = { x: new Float32Array(count * count), y: new Float32Array(count * count), count };
  const band = Math.ceil(count / BANDS);
  for (let top = 0; top < count; top += band) {
    const bottom = Math.min(count, top + band);
    for (const direction of [1, -1]) {
      const [rows, columns] = [ordered(top, bottom, direction), ordered(0, count, direction)];
      for (const row of rows) {
        for (const column of columns) {
          const at = row * count + column;
          matcher.take(column * STRIDE, row * STRIDE);
          if (direction === 1) {
            const middle = (row * STRIDE + PATCH / 2) * side + column * STRIDE + PATCH / 2;
            found.x[at] = flow.x[middle];
            found.y[at] = flow.y[middle];
          }
          const beside = column !== columns[0] ? at - direction : at;
          const above = row !== rows[0] ? at - direction * count : at;
          matcher.start(found.x[at], found.y[at]);
          matcher.propose(0, 0);
          matcher.propose(found.x[beside], found.y[beside]);
          matcher.propose(found.x[above], found.y[above]);
          matcher.descend();
          found.x[at] = matcher.x;
          found.y[at] = matcher.y;
        }
      }
    }
  }
  return found;
}

function ordered(first, end, direction) {
  const all = Array.from({ length: end - first }, (_, i) => first + i);
  return direction === 1 ? all : all.reverse();
}

/** Looks for one patch after the other of an image in another. */
class Matcher {
  constructor(from, to, side) {
    this.side = side;
    this.from = from;
    this.wide = side + 2 * BORDER;
    this.to = bordered(to, side);
    [this.gx, this.gy] = gradients(from, side);
    this.patch = new Float32Array(PATCH * PATCH);
    this.px = new Float32Array(PATCH * PATCH);
    this.py = new Float32Array(PATCH * PATCH);
  }

  /** Take the patch whose corner is at (left, top). */
  take(left, top) {
    [this.left, this.top] = [left, top];
    let xx = 0;
    let xy = 0;
    let yy = 0;
    let sx = 0;
    let sy = 0;
    for (let y = 0, k = 0; y < PATCH; y++) {
      for (let x = 0, at = (top + y) * this.side + left; x < PATCH; x++, k++, at++) {
        const gx = this.gx[at];
        const gy = this.gy[at];
        this.patch[k] = this.from[at];
        this.px[k] = gx;
        this.py[k] = gy;
        xx += gx * gx;
        xy += gx * gy;
        yy += gy * gy;
        sx += gx;
        sy += gy;
      }
    }
    const determinant = Math.max(xx * yy - xy * xy, 1e-3);
    [this.ixx, this.ixy, this.iyy] = [yy / determinant, -xy / determinant, xx / determinant];
    [this.sx, this.sy] = [sx, sy];
  }

  start(x, y) {
    this.cost = this.compare(x, y);
    [this.x, this.y] = [x, y];
  }

  /** Go on from a displacement where it explains the patch better. */
  propose(x, y) {
    if (x === this.x && y === this.y) return;
    const cost = this.compare(x, y);
    if (cost >= this.cost) return;
    this.cost = cost;
    [this.x, this.y] = [x, y];
  }

  /** Descend until it gets no better; what leads too far is forgotten. */
  descend() {
    let { x, y } = this;
    let before = Infinity;
    for (let step = 0; step < DESCENT; step++) {
      const cost = this.compare(x, y, true);
      const dx = this.ixx * this.dx + this.ixy * this.dy;
      const dy = this.ixy * this.dx + this.iyy * this.dy;
      x -= dx;
      y -= dy;
      if (cost >= before || Math.max(Math.abs(dx), Math.abs(dy)) < CLOSE) break;
      before = cost;
    }
    if (Math.hypot(x - this.x, y - this.y) <= PATCH) [this.x, this.y] = [x, y];
  }

  /** Sum of squared differences, their mean taken off; sets the slope too if asked for. */
  compare(x, y, slope = false) {
    const { wide, to, patch, px, py } = this;
    const low = BORDER - PATCH + 1;
    const high = BORDER + this.side - 1;
    const v = Math.min(Math.max(this.top + y + BORDER, low), high);
    const u = Math.min(Math.max(this.left + x + BORDER, low), high);
    const row = v | 0;
    const column = u | 0;
    const b = v - row;
    const a = u - column;
    let sum = 0;
    let squares = 0;
    let dx = 0;
    let dy = 0;
    for (let i = 0, k = 0; i < PATCH; i++) {
      let at = (row + i) * wide + column;
      let left = to[at] + b * (to[at + wide] - to[at]);
      for (let j = 0; j < PATCH; j++, k++) {
        at++;
        const right = to[at] + b * (to[at + wide] - to[at]);
        const off = left + a * (right - left) - patch[k];
        left = right;
        sum += off;
        squares += off * off;
        dx += off * px[k];
        dy += off * py[k];
      }
    }
    const mean = sum / (PATCH * PATCH);
    if (slope) {
      this.dx = dx - mean * this.sx;
      this.dy = dy - mean * this.sy;
    }
    return squares - sum * mean;
  }
}

/** Patches → pixels: {x, y} of side². */
function spread({ x, y, count }, from, to, side) {
  const flow = { x: new Float32Array(side * side), y: new Float32Array(side * side) };
  const most = side - 1 - 1e-3;
  for (let py = 0, i = 0; py < side; py++) {
    const [top, bottom] = covering(py, count);
    for (let px = 0; px < side; px++, i++) {
      const [left, right] = covering(px, count);
      let sx = 0;
      let sy = 0;
      let all = 0;
      for (let row = top; row <= bottom; row++) {
        for (let column = left; column <= right; column++) {
          const at = row * count + column;
          const u = Math.min(Math.max(px + x[at], 0), most);
          const v = Math.min(Math.max(py + y[at], 0), most);
          const j = u | 0;
          const k = (v | 0) * side + j;
          const a = u - j;
          const b = v - (v | 0);
          const high = (1 - a) * to[k] + a * to[k + 1];
          const low = (1 - a) * to[k + side] + a * to[k + side + 1];
          const weight = 1 / Math.max(1, Math.abs((1 - b) * high + b * low - from[i]));
          sx += weight * x[at];
          sy += weight * y[at];
          all += weight;
        }
      }
      flow.x[i] = sx / all;
      flow.y[i] = sy / all;
    }
  }
  return flow;
}

/** The first and last patch over a place; the last one where no patch reaches. */
function covering(place, count) {
  const last = Math.min(Math.floor(place / STRIDE), count - 1);
  const first = Math.ceil((place - PATCH + 1) / STRIDE);
  return [Math.min(Math.max(0, first), last), last];
}

function bordered(plane, side) {
  const wide = side + 2 * BORDER;
  const out = new Float32Array(wide * wide);
  const within = (i) => Math.min(side - 1, Math.max(0, i - BORDER));
  for (let y = 0, i = 0; y < wide; y++) {
    for (let x = 0; x < wide; x++, i++) out[i] = plane[within(y) * side + within(x)];
  }
  return out;
}

/** Sobel's derivatives, not divided by eight: steps of the descent are shorter so. */
function gradients(plane, side) {
  const [gx, gy] = [new Float32Array(plane.length), new Float32Array(plane.length)];
  for (let y = 0, i = 0; y < side; y++) {
    const [up, here, down] = [-1, 0, 1].map((o) => mirrored(y + o, side) * side);
    for (let x = 0; x < side; x++, i++) {
      const [l, r] = [mirrored(x - 1, side), mirrored(x + 1, side)];
      const rising = plane[down + r] - plane[up + l];
      const falling = plane[up + r] - plane[down + l];
      gx[i] = rising + falling + 2 * (plane[here + r] - plane[here + l]);
      gy[i] = rising - falling + 2 * (plane[down + x] - plane[up + x]);
    }
  }
  return [gx, gy];
}
