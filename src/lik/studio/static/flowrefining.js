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
  const step = new Step(side);
  const system = Object.fromEntries(
    ["a11", "a12", "a22", "b1", "b2"].map((name) => [name, new Float32Array(side * side)]),
  );
  system.weights = new Float32Array(step.x.length);
  let now = flow;
  for (let i = 0; i < OUTER; i++) {
    explain(system, seen, step, side);
    smooth(system, flow, now, side, alpha / 2);
    for (let k = 0; k < INNER; k++) {
      relax(system, step, side, 0);
      relax(system, step, side, 1);
    }
    now = step.added(flow);
  }
  return now;
}

/** What is added to a flow: its planes have a border of one pixel, where nothing is. */
class Step {
  constructor(side) {
    this.side = side;
    this.x = new Float32Array((side + 2) ** 2);
    this.y = new Float32Array((side + 2) ** 2);
  }

  added({ x, y }) {
    const sum = { x: x.slice(), y: y.slice() };
    for (let row = 0, i = 0, k = this.side + 3; row < this.side; row++, k += 2) {
      for (let column = 0; column < this.side; column++, i++, k++) {
        sum.x[i] += this.x[k];
        sum.y[i] += this.y[k];
      }
    }
    return sum;
  }
}

/** `to` seen through the flow, by straight steps. */
function moved(to, side, flow) {
  const out = new Float32Array(to.length);
  const most = side - 1;
  for (let y = 0, i = 0; y < side; y++) {
    for (let x = 0; x < side; x++, i++) {
      const u = Math.min(Math.max(x + flow.x[i], 0), most);
      const v = Math.min(Math.max(y + flow.y[i], 0), most);
      const left = u | 0;
      const top = v | 0;
      const right = Math.min(left + 1, most);
      const bottom = Math.min(top + 1, most);
      const a = u - left;
      const b = v - top;
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
function explain({ a11, a12, a22, b1, b2 }, seen, step, side) {
  for (let row = 0, i = 0, k = side + 3; row < side; row++, k += 2) {
    for (let column = 0; column < side; column++, i++, k++) {
      const x = seen.x[i];
      const y = seen.y[i];
      const z = seen.z[i];
      const xx = seen.xx[i];
      const xy = seen.xy[i];
      const yy = seen.yy[i];
      const xz = seen.xz[i];
      const yz = seen.yz[i];
      const u = step.x[k];
      const v = step.y[k];
      const norm = x * x + y * y + ZETA;
      const off = z + x * u + y * v;
      const grey = GREY / (Math.sqrt((off * off) / norm + EPSILON) * norm);
      const along = 1 / (xx * xx + xy * xy + ZETA);
      const down = 1 / (yy * yy + xy * xy + ZETA);
      const offX = xz + xx * u + xy * v;
      const offY = yz + xy * u + yy * v;
      const weight = DERIVATIVES / Math.sqrt(offX * offX * along + offY * offY * down + EPSILON);
      const p = weight * along;
      const q = weight * down;
      a11[i] = grey * x * x + p * xx * xx + q * xy * xy + ZETA;
      a12[i] = grey * x * y + p * xx * xy + q * xy * yy;
      a22[i] = grey * y * y + p * xy * xy + q * yy * yy + ZETA;
      b1[i] = -(grey * z * x + p * xx * xz + q * xy * yz);
      b2[i] = -(grey * z * y + p * xy * xz + q * yy * yz);
    }
  }
}

/**
 * Add to the equations that neighbours move alike, less so where they do not; a11 and a22 are
 * turned into what is multiplied by when the equations are solved.
 */
function smooth({ a11, a22, b1, b2, weights }, flow, now, side, alpha) {
  const { x, y } = flow;
  for (let row = 0, i = 0, k = side + 3; row < side; row++, k += 2) {
    for (let column = 0; column < side; column++, i++, k++) {
      const right = column + 1 < side ? i + 1 : i;
      const below = row + 1 < side ? i + side : i;
      const ux = now.x[right] - now.x[i];
      const vx = now.y[right] - now.y[i];
      const uy = now.x[below] - now.x[i];
      const vy = now.y[below] - now.y[i];
      const weight = alpha / Math.sqrt(ux * ux + vx * vx + uy * uy + vy * vy + EPSILON);
      weights[k] = weight;
      const dx = weight * (x[right] - x[i]);
      const dy = weight * (y[right] - y[i]);
      const ex = weight * (x[below] - x[i]);
      const ey = weight * (y[below] - y[i]);
      const acrossToo = right === i ? 0 : weight;
      const downToo = below === i ? 0 : weight;
      b1[right] -= dx;
      b2[right] -= dy;
      b1[below] -= ex;
      b2[below] -= ey;
      a11[right] += acrossToo;
      a22[right] += acrossToo;
      a11[below] += downToo;
      a22[below] += downToo;
      // All that left and above had to add is there by now: this pixel is complete.
      b1[i] += dx + ex;
      b2[i] += dy + ey;
      a11[i] = RELAXATION / (a11[i] + acrossToo + downToo);
      a22[i] = RELAXATION / (a22[i] + acrossToo + downToo);
    }
  }
}

/** One pass of successive over-relaxation over every second pixel, as on a chess board. */
function relax({ a11, a12, a22, b1, b2, weights }, step, side, colour) {
  const u = step.x;
  const v = step.y;
  const wide = side + 2;
  for (let row = 0; row < side; row++) {
    const first = (row + colour) & 1;
    const end = (row + 1) * side;
    for (let i = row * side + first, k = (row + 1) * wide + 1 + first; i < end; i += 2, k += 2) {
      const left = weights[k - 1];
      const above = weights[k - wide];
      const here = weights[k];
      const su = b1[i] + left * u[k - 1] + above * u[k - wide] + here * (u[k + 1] + u[k + wide]);
      const sv = b2[i] + left * v[k - 1] + above * v[k - wide] + here * (v[k + 1] + v[k + wide]);
      const x = (1 - RELAXATION) * u[k] + (su - v[k] * a12[i]) * a11[i];
      u[k] = x;
      v[k] = (1 - RELAXATION) * v[k] + (sv - x * a12[i]) * a22[i];
    }
  }
}
