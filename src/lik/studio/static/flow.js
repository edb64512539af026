/**
 * Where each pixel of a face was before: dense optical flow between decodings.
 *
 * The twin of `motion` and of what it stands on in `lik.faces.motion`. Images are planar,
 * 3 · S · S in 0 … 1.
 *
 * @typedef {{x: Float32Array, y: Float32Array}} Flow planes of S², in pixels of the crop
 */
import { evened } from "./contrast.js";
import { patchFlow } from "./patchflow.js";
import { blurred, enlarged, greyOf, halved, stretched } from "./planes.js";

/** Lengths are in units of which a crop has so many, whatever its size in pixels. */
export const UNITS = 64;
/** Decodings are enlarged so often before flow is looked for, to that side at the most. */
const FINER = 4;
const LARGE = 256;
/** Least determinant of the motion's Jacobian, below which a flow is shortened. */
const NO_FOLD = 0.2;
const SHARES = 20;

/** An image, enlarged, in grey and with even contrast, as flow is found best. */
export function sought(image, side) {
  const large = Math.min(FINER * side, LARGE);
  const grey = enlarged(greyOf(image), side, large);
  const levels = grey.map((value) => Math.min(255, Math.max(0, Math.round(value * 255))));
  return evened(levels, large);
}

/**
 * Where each pixel of `after` was in `before`.
 * @param {Float32Array} before @param {Float32Array} after as `sought` makes them
 * @param {number} side S @param {number} scale of the finest flow, 0 the finest of all
 * @param {number} alpha weight of smoothness @param {number} blur std of a Gaussian, in units
 * @returns {Flow}
 */
export function motion(before, after, side, scale = 1, alpha = 40, blur = 1.5) {
  const large = Math.min(FINER * side, LARGE);
  const found = patchFlow(after, before, large, scale, alpha);
  const smooth = (plane) => {
    let length = found.side;
    let own = plane;
    for (; length >= 2 * side; length >>= 1) own = halved(own, length);
    if (length !== side) own = stretched(own, length, side);
    const per = side / found.side;
    return blurred(own, side, (blur * side) / UNITS).map((value) => value * per);
  };
  return { x: smooth(found.x), y: smooth(found.y) };
}

/** The flow, shortened as a whole until it folds nowhere. */
export function unfolded(flow, side) {
  for (let i = SHARES; i > 0; i--) {
    if (leastDeterminant(flow, side, i / SHARES) < NO_FOLD) continue;
    return i === SHARES ? flow : shortened(flow, () => i / SHARES);
  }
  return shortened(flow, () => 0);
}

/** The flow, of which each pixel keeps a share. */
export function shortened({ x, y }, shareOf) {
  return {
    x: x.map((value, i) => value * shareOf(i)),
    y: y.map((value, i) => value * shareOf(i)),
  };
}

/** The least determinant of the Jacobian of p → p + share · flow(p). */
function leastDeterminant({ x, y }, side, share) {
  let least = Infinity;
  for (let row = 0; row < side - 1; row++) {
    for (let i = row * side; i < row * side + side - 1; i++) {
      const xx = 1 + share * (x[i + 1] - x[i]);
      const yy = 1 + share * (y[i + side] - y[i]);
      const turned = share * share * (x[i + side] - x[i]) * (y[i + 1] - y[i]);
      least = Math.min(least, xx * yy - turned);
    }
  }
  return least;
}
