/**
 * A flow refined until it explains grey and its derivatives, and is smooth (Brox, Bruhn,
 * Papenberg and Weickert, ECCV 2004): a few outer steps, in each of which a linear system is solved
 * by over-relaxation.
 */

const OUTER = 5;
const INNER = 5;
const RELAXATION = 1.6;
const GREY = 5 / 2; // half the weight of grey, and of its derivatives
const DERIVATIVES = 10 / 2;
const ZETA = 0.1 ** 2; // keeps weights finite where an image is flat
const EPSILON = 0.01 ** 2; // and where something is explained wholly

/**
 * @param {Float32Array} from @param {Float32Array} to greys of side²
 * @param {{x: Float32Array, y: Float32Array}} flow @param {number} alpha weight of smoothness
 */
export function refined(from, to, side, flow, alpha) {
  const seen = derivatives(from, moved(to, side, flow), side);
  const step = { x: new Float32Array(from.length), y: new Float32Array(from.length) };
  let now = flow;
  for (let i = 0; i < OUTER; i++) {
    const system = explaining(seen, step);
    smoothing(system, flow, now, side, alpha / 2);
    for (let k = 0; k < INNER; k++) {
      relax(system, step, side, 0);
      relax(system, step, side, 1);
    }
    now = { x: flow.x.map((value, j) => value + step.x[j]), y: flow.y.map((value, j) => value + step.y[j]) };
  }
  return now;
}

/** `to` seen through the flow, by straight steps. */
function moved(to, side, flow) {
  const out = new Float32Array(to.length);
  const most = side - 1;
  for (let y = 0, i = 0; y < side; y++) {
    for (let x = 0; x < side; x++, i++) {
      const u = Math.min(Math.max(x + flow.x[i], 0), most);
      const v = Math.min(Math.max(y + flow.y[i], 0), most);
      const [left, top] = [u | 0, v | 0];
      const [right, bottom] = [Math.min(left + 1, most), Math.min(top + 1, most)];
      const [a, b] = [u - left, v - top];
      const high = (1 - a) * to[top * side + left] + a * to[top * side + right];
      const low = (1 - a) * to[bottom * side + left] + a * to[bottom * side + right];
      out[i] = (1 - b) * high + b * low;
    }
  }
  return out;
}

/** What is needed of two greys: change z, and derivatives of both. */
function derivatives(from, there, side) {
  const z = there.map((value, i) => value - from[i]);
  const mean = there.map((value, i) => (value + from[i]) / 2);
  const [x, y] = [across(mean, side), down(mean, side)];
  return {
    x, y, z, xx: across(x, side), xy: down(x, side), yy: down(y, side),
    xz: across(z, side), yz: down(z, side),
  };
}

function across(plane, side) {
  const out = new Float32Array(plane.length);
  for (let row = 0; row < plane.length; row += side) {
    for (let x = 0; x < side; x++) {
      out[row + x] = plane[row + Math.min(side - 1, x + 1)] - plane[row + Math.max(0, x - 1)];
    }
  }
  return out;
}

function down(plane, side) {
  const out = new Float32Array(plane.length);
  for (let y = 0; y < side; y++) {
    const [above, below] = [Math.max(0, y - 1) * side, Math.min(side - 1, y + 1) * side];
    for (let x = 0; x < side; x++) out[y * side + x] = plane[below + x] - plane[above + x];
  }
  return out;
}

/** The equations a11 dx + a12 dy = b1, a12 dx + a22 dy = b2 of how images are explained. */
function explaining(seen, step) {
  const pixels = step.x.length;
  const [a11, a12, a22, b1, b2] = Array.from({ length: 5 }, () => new Float32Array(pixels));
  for (let i = 0; i < pixels; i++) {
    const [x, y, z, xx, xy, yy, xz, yz] = [
      seen.x[i], seen.y[i], seen.z[i], seen.xx[i], seen.xy[i], seen.yy[i], seen.xz[i], seen.yz[i],
    ];
    const [u, v] = [step.x[i], step.y[i]];
    let norm = x * x + y * y + ZETA;
    const off = z + x * u + y * v;
    let weight = GREY / Math.sqrt((off * off) / norm + EPSILON) / norm;
    a11[i] = weight * x * x + ZETA;
    a12[i] = weight * x * y;
    a22[i] = weight * y * y + ZETA;
    b1[i] = -weight * z * x;
    b2[i] = -weight * z * y;
    norm = xx * xx + xy * xy + ZETA;
    const other = yy * yy + xy * xy + ZETA;
    const offX = xz + xx * u + xy * v;
    const offY = yz + xy * u + yy * v;
    weight = DERIVATIVES / Math.sqrt((offX * offX) / norm + (offY * offY) / other + EPSILON);
    const [p, q] = [weight / norm, weight / other];
    a11[i] += p * xx * xx + q * xy * xy;
    a12[i] += p * xx * xy + q * xy * yy;
    a22[i] += p * xy * xy + q * yy * yy;
    b1[i] -= p * xx * xz + q * xy * yz;
    b2[i] -= p * xy * xz + q * yy * yz;
  }
  return { a11, a12, a22, b1, b2, weights: null };
}

/** Add to the equations that neighbours move alike, less so where they do not. */
function smoothing(system, flow, now, side, alpha) {
  const { a11, a22, b1, b2 } = system;
  const weights = new Float32Array(flow.x.length);
  const pull = (i, j, weight) => {
    const dx = weight * (flow.x[j] - flow.x[i]);
    const dy = weight * (flow.y[j] - flow.y[i]);
    b1[i] += dx;
    b2[i] += dy;
    b1[j] -= dx;
    b2[j] -= dy;
    a11[i] += weight;
    a22[i] += weight;
    a11[j] += weight;
    a22[j] += weight;
  };
  for (let y = 0, i = 0; y < side; y++) {
    for (let x = 0; x < side; x++, i++) {
      const right = x + 1 < side ? i + 1 : i;
      const below = y + 1 < side ? i + side : i;
      const [ux, vx] = [now.x[right] - now.x[i], now.y[right] - now.y[i]];
      const [uy, vy] = [now.x[below] - now.x[i], now.y[below] - now.y[i]];
      weights[i] = alpha / Math.sqrt(ux * ux + vx * vx + uy * uy + vy * vy + EPSILON);
      if (right !== i) pull(i, right, weights[i]);
      if (below !== i) pull(i, below, weights[i]);
    }
  }
  system.weights = weights;
}

/** One pass over every second pixel, as on a chess board. */
function relax({ a11, a12, a22, b1, b2, weights }, step, side, colour) {
  const { x: u, y: v } = step;
  for (let y = 0; y < side; y++) {
    const last = side - 1;
    for (let x = (y + colour) & 1; x < side; x += 2) {
      const i = y * side + x;
      let [su, sv] = [b1[i], b2[i]];
      if (x > 0) [su, sv] = [su + weights[i - 1] * u[i - 1], sv + weights[i - 1] * v[i - 1]];
      if (y > 0) [su, sv] = [su + weights[i - side] * u[i - side], sv + weights[i - side] * v[i - side]];
      if (x < last) [su, sv] = [su + weights[i] * u[i + 1], sv + weights[i] * v[i + 1]];
      if (y < last) [su, sv] = [su + weights[i] * u[i + side], sv + weights[i] * v[i + side]];
      u[i] += RELAXATION * ((su - v[i] * a12[i]) / a11[i] - u[i]);
      v[i] += RELAXATION * ((sv - u[i] * a12[i]) / a22[i] - v[i]);
    }
  }
}
