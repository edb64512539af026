/**
 * Codes added up, bit for bit as `lik edit` does it: products and sums are rounded to float32 one by
 * one, in the order of the record; the length of a step is a double.
 */

/** Begins the name of a single latent dimension, as in `dimension:17`. */
export const DIMENSION = "dimension:";
/** Strength of a guided edit at the end of its trajectory. */
const END = 2;

/**
 * code + strength · vector.
 * @param {Float32Array} code (D,)
 * @param {Float32Array} vector (D,)
 * @param {string|number} strength a decimal number
 * @returns {Float32Array} (D,)
 */
function moved(code, vector, strength) {
  const amount = Math.fround(strength);
  const sum = new Float32Array(code.length);
  for (let d = 0; d < sum.length; d++) sum[d] = code[d] + Math.fround(amount * vector[d]);
  return sum;
}

/**
 * Where strengths along directions lead a code, at about its length; dimensions are added after that.
 * @param {Float32Array} code (D,) @param {[string, string|number][]} terms names and strengths
 * @param {Map<string, Float32Array>} directions
 */
export function led(code, terms, directions) {
  const step = terms
    .filter(([name]) => !name.startsWith(DIMENSION))
    .reduce((sum, [name, strength]) => moved(sum, directions.get(name), strength), code.map(() => 0));
  const longer = Math.sqrt(1 + step.reduce((sum, value) => sum + value * value, 0) / code.length);
  const place = code.map((value, d) => Math.fround(value + step[d]) / longer);
  for (const [name, strength] of terms)
    if (name.startsWith(DIMENSION)) place[+name.slice(DIMENSION.length)] += Math.fround(strength);
  return place;
}

/**
 * Codes mixed, each by its share: products and sums are rounded as in `lik`.
 * @param {Float32Array[]} ends @param {number[]} shares one for each
 */
export function mixed(ends, shares) {
  return ends.reduce((sum, end, i) => moved(sum, end, shares[i]), new Float32Array(ends[0].length));
}

/**
 * The code at a share of the way that turns one code into another, keeping about its length.
 * @param {Float32Array} first @param {Float32Array} second @param {number} share 0…1
 */
export function turned(first, second, share) {
  if (share === 0 || share === 1) return share ? second : first;
  const dot = (a, b) => a.reduce((sum, value, d) => sum + value * b[d], 0);
  const lengths = Math.sqrt(dot(first, first) * dot(second, second));
  const cosine = lengths ? dot(first, second) / lengths : 1;
  let weights = [1 - share, share];
  if (Math.abs(cosine) <= 1 - 1e-9) {
    const angle = Math.acos(cosine);
    weights = weights.map((weight) => Math.sin(weight * angle) / Math.sin(angle));
  }
  return first.map((value, d) => weights[0] * value + weights[1] * second[d]);
}

/**
 * Codes mixed on a path: straight, or turned between two of them, or between the corners of a
 * square, down first, as `lik morph` does it.
 * @param {"straight"|"spherical"} path
 */
export function mixedOn(path, ends, shares) {
  if (path === "straight") return mixed(ends, shares);
  const [, across, down = 0, both = 0] = shares;
  if (ends.length === 2) return turned(...ends, across);
  const sides = [0, 1].map((i) => turned(ends[i], ends[i + 2], down + both));
  return turned(...sides, across + both);
}

/**
 * The place at a strength on a trajectory; between two stops it is straight.
 * @param {Float32Array[]} stops (K + 1) × (D,), the own code first
 * @param {string|number} strength 0 … ±2; its sign chose the trajectory
 */
export function placeOn(stops, strength) {
  const share = Math.min(Math.abs(Number(strength)) / END, 1);
  const at = share * (stops.length - 1);
  const last = Math.min(Math.floor(at), stops.length - 2);
  const rest = Math.fround(at - last);
  const [first, second] = [stops[last], stops[last + 1]];
  return first.map((value, d) => value + Math.fround(rest * Math.fround(second[d] - value)));
}

/** base + (place − start): a trajectory begun elsewhere, until the exact one is there. */
export function shifted(base, start, place) {
  return base.map((value, d) => value + (place[d] - start[d]));
}
