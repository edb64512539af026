/** Contrast evened tile by tile (CLAHE; Zuiderveld, Graphics Gems IV), on a grey of 256 levels. */

const TILES = 4;
const CLIP = 2;
const LEVELS = 256;

/**
 * @param {Float32Array} grey whole numbers 0 … 255 @param {number} side a multiple of four
 * @returns {Float32Array} the same
 */
export function evened(grey, side) {
  const tile = side / TILES;
  const curves = [];
  for (let row = 0; row < TILES; row++) {
    for (let column = 0; column < TILES; column++) {
      curves.push(curveOf(grey, side, column * tile, row * tile, tile));
    }
  }
  const out = new Float32Array(grey.length);
  const within = (i) => Math.min(TILES - 1, Math.max(0, i));
  for (let y = 0, i = 0; y < side; y++) {
    const v = y / tile - 0.5;
    const top = Math.floor(v);
    const b = v - top;
    const [above, below] = [within(top) * TILES, within(top + 1) * TILES];
    for (let x = 0; x < side; x++, i++) {
      const u = x / tile - 0.5;
      const left = Math.floor(u);
      const a = u - left;
      const [p, q] = [within(left), within(left + 1)];
      const level = grey[i];
      const high = (1 - a) * curves[above + p][level] + a * curves[above + q][level];
      const low = (1 - a) * curves[below + p][level] + a * curves[below + q][level];
      out[i] = Math.round((1 - b) * high + b * low);
    }
  }
  return out;
}

/** How a tile spreads its levels: its histogram, clipped, summed up. */
function curveOf(grey, side, left, top, tile) {
  const counts = new Int32Array(LEVELS);
  for (let y = top; y < top + tile; y++) {
    for (let x = left; x < left + tile; x++) counts[grey[y * side + x]]++;
  }
  const most = Math.max(1, Math.floor((CLIP * tile * tile) / LEVELS));
  let over = 0;
  for (let i = 0; i < LEVELS; i++) {
    over += Math.max(0, counts[i] - most);
    counts[i] = Math.min(most, counts[i]);
  }
  const each = Math.floor(over / LEVELS);
  const rest = over - each * LEVELS;
  const step = rest ? Math.max(1, Math.floor(LEVELS / rest)) : LEVELS;
  const curve = new Float32Array(LEVELS);
  let sum = 0;
  for (let i = 0, left = rest; i < LEVELS; i++) {
    const one = left > 0 && i % step === 0 ? 1 : 0;
    left -= one;
    sum += counts[i] + each + one;
    curve[i] = Math.round((sum * (LEVELS - 1)) / (tile * tile));
  }
  return curve;
}
