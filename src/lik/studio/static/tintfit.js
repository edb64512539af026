/** What a change does to colours, fitted: the twin of `lik.faces.tinting.tint_of`. */
import { feathered } from "./masks.js";

/** How much less what is painted anyway counts than what lies at the border. */
const INNER = 0.9;
/** Ridge of the fit, of the variance of a colour of 1. */
const FLAT = 0.003;

/**
 * @param {Float32Array} image which colour is where, planar @param {Float32Array} known weight of pixels
 * @returns {(change: Float32Array) => Float32Array} a planar change → an affine map, 3×4, of red, green,
 *   blue and 1
 */
export function tintFor(image, known, size) {
  const pixels = size * size;
  const feather = feathered(size);
  const weight = known.map((value, i) => value * (1 - INNER * feather[i]));
  const of = (k, i) => (k < 3 ? image[k * pixels + i] : 1);
  const sum = (term) => weight.reduce((all, one, i) => all + one * term(i), 0);
  const total = sum(() => 1);
  const spread = [0, 1, 2, 3].map((j) => [0, 1, 2, 3].map((k) => sum((i) => of(j, i) * of(k, i))));
  spread.forEach((row, k) => (row[k] += (k < 3 ? FLAT * total : 0) + 1e-6));
  return (change) => {
    const rows = spread.map((row, k) => [
      ...row, ...[0, 1, 2].map((c) => sum((i) => of(k, i) * change[c * pixels + i])),
    ]);
    eliminate(rows);
    return Float32Array.from({ length: 12 }, (_, at) => rows[at % 4][4 + Math.floor(at / 4)]);
  };
}

/** Solve the systems of rows [A | B], A positive definite, in place: B becomes A⁻¹ B. */
function eliminate(rows) {
  rows.forEach((row, k) => {
    const pivot = row[k];
    row.forEach((value, i) => (row[i] = value / pivot));
    for (const other of rows) {
      const factor = other === row ? 0 : other[k];
      if (factor) other.forEach((value, i) => (other[i] = value - factor * row[i]));
    }
  });
}
