/**
 * The guided filter with a colour guide (He, Sun and Tang, TPAMI 2013, equations 19–21).
 *
 * In every window the mask is fitted as a linear function of the guide's colours, so that its edges
 * go where the guide has edges.
 */
import { reflected, split } from "./planes.js";

/**
 * @param {Float32Array} mask side² @param {Float32Array} guide planar, 3 · side², in 0 … 1
 * @param {number} flatness variance of the guide below which the mask is just blurred
 */
export function guided(mask, guide, side, radius, flatness) {
  const pixels = side * side;
  const mean = (plane) => boxMean(plane, side, Math.max(1, radius));
  const times = (a, b) => a.map((value, i) => value * b[i]);
  const colours = split(guide, pixels);
  const means = colours.map(mean);
  const level = mean(mask);
  const along = colours.map((colour) => mean(times(colour, mask)));
  const pairs = [[0, 0], [0, 1], [0, 2], [1, 1], [1, 2], [2, 2]];
  const products = pairs.map(([a, b]) => mean(times(colours[a], colours[b])));
  const slopes = means.map(() => new Float32Array(pixels));
  const offset = new Float32Array(pixels);
  for (let i = 0; i < pixels; i++) {
    const [r, g, b] = [means[0][i], means[1][i], means[2][i]];
    const spread = [
      products[0][i] - r * r + flatness, products[1][i] - r * g, products[2][i] - r * b,
      products[3][i] - g * g + flatness, products[4][i] - g * b,
      products[5][i] - b * b + flatness,
    ];
    const slope = solved(spread, along.map((one, c) => one[i] - means[c][i] * level[i]));
    slope.forEach((value, c) => (slopes[c][i] = value));
    offset[i] = level[i] - slope[0] * r - slope[1] * g - slope[2] * b;
  }
  const [sr, sg, sb] = slopes.map(mean);
  return mean(offset).map(
    (value, i) => value + sr[i] * guide[i] + sg[i] * guide[pixels + i] + sb[i] * guide[2 * pixels + i],
  );
}

/** x of the symmetric A x = b; A as its upper triangle, row by row. */
function solved([a, b, c, d, e, f], [x, y, z]) {
  const [p, q, r] = [d * f - e * e, c * e - b * f, b * e - c * d];
  const [s, t, u] = [a * f - c * c, b * c - a * e, a * d - b * b];
  const scale = 1 / (a * p + b * q + c * r);
  return [
    (p * x + q * y + r * z) * scale, (q * x + s * y + t * z) * scale, (r * x + t * y + u * z) * scale,
  ];
}

/** Means over windows of 2 · radius + 1 pixels a side; reflected at the border. */
function boxMean(plane, side, radius) {
  return boxRows(boxRows(plane, side, radius), side, radius);
}

/** Means along rows; what comes out is turned over. */
function boxRows(plane, side, radius) {
  const out = new Float32Array(plane.length);
  const width = 2 * radius + 1;
  const place = Int32Array.from({ length: side + width }, (_, i) => reflected(i - radius, side));
  for (let y = 0; y < side; y++) {
    const row = y * side;
    let sum = 0;
    for (let k = 0; k < width; k++) sum += plane[row + place[k]];
    for (let x = 0; x < side; x++) {
      out[x * side + y] = sum / width;
      sum += plane[row + place[x + width]] - plane[row + place[x]];
    }
  }
  return out;
}
