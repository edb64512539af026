/**
 * Planes of numbers, blurred, resized and warped as OpenCV does it.
 *
 * A plane is a Float32Array of height · width numbers, row by row; an image is planar, one plane
 * after the other.
 */

const CUBIC = -0.75; // as OpenCV has it

/** Weights of luma (ITU-R BT.601). */
export const LUMINANCE = [0.299, 0.587, 0.114];

/** An index reflected at the border, which is not repeated: … 2 1 0 1 2 … */
export function mirrored(index, length) {
  if (index >= 0 && index < length) return index;
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const place = ((index % period) + period) % period;
  return place < length ? place : period - place;
}

/** An index reflected at the border, which is repeated: … 1 0 0 1 … */
export function reflected(index, length) {
  if (index >= 0 && index < length) return index;
  const period = 2 * length;
  const place = ((index % period) + period) % period;
  return place < length ? place : period - 1 - place;
}

/** The four weights of a cubic step at a place 0 … 1 between its middle samples. */
export function cubic(t) {
  const far = (x) => ((CUBIC * x - 5 * CUBIC) * x + 8 * CUBIC) * x - 4 * CUBIC;
  const near = (x) => ((CUBIC + 2) * x - (CUBIC + 3)) * x * x + 1;
  return [far(t + 1), near(t), near(1 - t), far(2 - t)];
}

/** Planes of a picture S×S×3 of bytes, in 0 … 1. @param {Uint8Array} rgb */
export function planesOf(rgb) {
  const pixels = rgb.length / 3;
  const planes = new Float32Array(rgb.length);
  for (let i = 0, j = 0; i < pixels; i++, j += 3) {
    planes[i] = rgb[j] / 255;
    planes[pixels + i] = rgb[j + 1] / 255;
    planes[2 * pixels + i] = rgb[j + 2] / 255;
  }
  return planes;
}

/** The planes of an image, as views. */
export function split(image, pixels) {
  const count = image.length / pixels;
  return Array.from({ length: count }, (_, c) => image.subarray(c * pixels, (c + 1) * pixels));
}

/** Grey of an image of three planes. */
export function greyOf(image) {
  const pixels = image.length / 3;
  const grey = new Float32Array(pixels);
  const [r, g, b] = LUMINANCE;
  for (let i = 0; i < pixels; i++) {
    grey[i] = r * image[i] + g * image[pixels + i] + b * image[2 * pixels + i];
  }
  return grey;
}

/** Each plane of a square image blurred by a Gaussian; mirrored at the border. */
export function blurred(image, side, std) {
  const reach = Math.round(4 * std);
  const kernel = Float32Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-((i - reach) ** 2) / (2 * std * std)),
  );
  const sum = kernel.reduce((all, one) => all + one, 0);
  const place = Int32Array.from({ length: side + 2 * reach }, (_, i) => mirrored(i - reach, side));
  const weights = kernel.map((one) => one / sum);
  const out = new Float32Array(image.length);
  const line = new Float32Array(side + 2 * reach);
  const across = new Float32Array(side * side);
  for (let start = 0; start < image.length; start += side * side) {
    for (let y = 0; y < side; y++) {
      for (let i = 0; i < line.length; i++) line[i] = image[start + y * side + place[i]];
      for (let x = 0; x < side; x++) {
        let total = 0;
        for (let k = 0; k < weights.length; k++) total += weights[k] * line[x + k];
        across[x * side + y] = total; // turned over, so that columns are read as rows
      }
    }
    for (let x = 0; x < side; x++) {
      for (let i = 0; i < line.length; i++) line[i] = across[x * side + place[i]];
      for (let y = 0; y < side; y++) {
        let total = 0;
        for (let k = 0; k < weights.length; k++) total += weights[k] * line[y + k];
        out[start + y * side + x] = total;
      }
    }
  }
  return out;
}

/** A square plane of another side, by cubic steps. */
export function enlarged(plane, from, to) {
  if (from === to) return plane.slice();
  return steps(steps(plane, from, from, to), to, from, to);
}

/** One pass of `enlarged`: each row becomes so long, and the plane is turned over. */
function steps(plane, rows, from, to) {
  const out = new Float32Array(rows * to);
  for (let x = 0; x < to; x++) {
    const at = ((x + 0.5) * from) / to - 0.5;
    const first = Math.floor(at);
    const [a, b, c, d] = cubic(at - first);
    const [i, j, k, l] = [-1, 0, 1, 2].map((o) => Math.min(from - 1, Math.max(0, first + o)));
    for (let y = 0, row = 0; y < rows; y++, row += from) {
      out[x * rows + y] =
        a * plane[row + i] + b * plane[row + j] + c * plane[row + k] + d * plane[row + l];
    }
  }
  return out;
}

/** A square plane of half the side, by means of four. */
export function halved(plane, side) {
  const half = side >> 1;
  const out = new Float32Array(half * half);
  for (let y = 0; y < half; y++) {
    for (let x = 0; x < half; x++) {
      const at = 2 * y * side + 2 * x;
      out[y * half + x] = (plane[at] + plane[at + 1] + plane[at + side] + plane[at + side + 1]) / 4;
    }
  }
  return out;
}

/** A square plane of another side, by straight steps. */
export function stretched(plane, from, to) {
  const out = new Float32Array(to * to);
  const within = (i) => Math.min(from - 1, Math.max(0, i));
  for (let y = 0; y < to; y++) {
    const v = ((y + 0.5) * from) / to - 0.5;
    const top = Math.floor(v);
    const b = v - top;
    const [above, below] = [within(top) * from, within(top + 1) * from];
    for (let x = 0; x < to; x++) {
      const u = ((x + 0.5) * from) / to - 0.5;
      const left = Math.floor(u);
      const a = u - left;
      const [i, j] = [within(left), within(left + 1)];
      const high = (1 - a) * plane[above + i] + a * plane[above + j];
      const low = (1 - a) * plane[below + i] + a * plane[below + j];
      out[y * to + x] = (1 - b) * high + b * low;
    }
  }
  return out;
}

/**
 * An image whose pixels come from where the flow says, by cubic steps; mirrored at the border.
 * @param {Float32Array} image planar @param {{x: Float32Array, y: Float32Array}} flow
 */
export function warped(image, side, flow) {
  const pixels = side * side;
  const out = new Float32Array(image.length);
  const columns = new Int32Array(4);
  for (let y = 0, i = 0; y < side; y++) {
    for (let x = 0; x < side; x++, i++) {
      const u = x + flow.x[i];
      const v = y + flow.y[i];
      const left = Math.floor(u);
      const top = Math.floor(v);
      const across = cubic(u - left);
      const down = cubic(v - top);
      for (let k = 0; k < 4; k++) columns[k] = mirrored(left - 1 + k, side);
      for (let k = 0; k < 4; k++) {
        const row = mirrored(top - 1 + k, side) * side;
        for (let c = 0; c < image.length; c += pixels) {
          const at = c + row;
          out[c + i] +=
            down[k] *
            (across[0] * image[at + columns[0]] + across[1] * image[at + columns[1]] +
              across[2] * image[at + columns[2]] + across[3] * image[at + columns[3]]);
        }
      }
    }
  }
  return out;
}
