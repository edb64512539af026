/**
 * A change of a face carried onto its photograph: as motion, and as the colour that motion leaves.
 *
 * The twin of `lik.faces.motion`, for pages without a server; what it gives is what a server sends.
 * Images are planar, 3 · S · S in 0 … 1, as networks give them.
 *
 * @typedef {object} Ground what is the same for every edit of a face
 * @property {number} size S, its side in pixels
 * @property {Float32Array} before its decoding
 * @property {Float32Array|null} baseBefore what the base decoder alone makes of it
 * @property {import("./flow.js").Flow} flow registration of the decoding onto the crop
 * @property {Float32Array} pulled the decoding, registered
 * @property {Float32Array} sought the same, as flow is looked for in it
 * @property {Float32Array} mask where a change may show
 * @property {(change: Float32Array) => Float32Array} tint what a change does to colours: see `tintFor`
 * @property {boolean} grey whether the crop has no colours
 */
import { motion, shortened, sought, unfolded, UNITS } from "./flow.js";
import { faceOf, feathered } from "./masks.js";
import { blurred, greyOf, planesOf, warped } from "./planes.js";
import { tintFor } from "./tintfit.js";

/** Error of a decoding, of the range of a pixel, at which it is believed by 1/e. */
const TRUSTED = 0.2;
/** Largest distance of the channels of a crop, of 255, that JPEG leaves of a grey picture. */
const GREY_SPREAD = 6;
/** Std of the Gaussian that tells coarse parts from details, in units. */
const COARSE = 2;
/** Change of a blurred pixel, of 1, at which sharp details may change altogether. */
const GATE = 0.04;
/** Units, at the most, by which decodings are pulled onto the face. */
const LONGEST_REGISTRATION = 2;

/**
 * Register a decoding onto the crop that it decodes, and see where it may change.
 * @param {{crop: Uint8Array, before: Float32Array, baseBefore?: Float32Array|null}} face
 *   crop S×S×3 as the encoder saw it
 * @param {number} size S @param {number} widen by how much the crop is wider than the frame
 * @returns {Ground}
 */
export function groundOf({ crop, before, baseBefore = null }, size, widen = 1) {
  const image = planesOf(crop);
  const flow = registration(image, before, size);
  const pulled = warped(before, size, flow);
  const [trust, feather] = [trustOf(image, pulled, size), feathered(size)];
  const known = faceOf(image, size, widen).map((value, i) => value * trust[i]);
  const mask = known.map((value, i) => value * feather[i]);
  const tint = tintFor(image, known, size);
  const there = sought(pulled, size);
  return { size, before, baseBefore, flow, pulled, sought: there, mask, tint, grey: isGrey(crop) };
}

/**
 * What an edit changes of a face.
 * @param {Ground} ground
 * @param {{after: Float32Array, baseAfter?: Float32Array|null}} edited its decodings
 * @returns {import("./engine.js").Carried}
 */
export function changeOf(ground, { after, baseAfter = null }) {
  const { size, mask, pulled } = ground;
  const gate = ground.baseBefore && baseAfter;
  const edited = gate ? gated(ground.before, after, ground.baseBefore, baseAfter, size) : after;
  const there = warped(edited, size, ground.flow);
  const found = motion(ground.sought, sought(there, size), size);
  const flow = unfolded(shortened(found, (i) => mask[i]), size);
  const moved = warped(pulled, size, flow);
  const pixels = size * size;
  const left = moved.map((value, i) => there[i] - value);
  if (ground.grey) {
    const grey = greyOf(left);
    for (let c = 0; c < 3; c++) left.set(grey, c * pixels);
  }
  const colour = left.map((value, i) => value * mask[i % pixels]);
  return { ...travelling(after, flow, colour, pixels), tint: ground.tint(left) };
}

/** The flow that pulls a decoding onto the crop that it decodes, at most two units long. */
function registration(image, before, size) {
  const flow = motion(sought(before, size), sought(image, size), size, 2, 60, 2.5);
  const longest = (LONGEST_REGISTRATION * size) / UNITS;
  return shortened(flow, (i) =>
    Math.min(1, longest / Math.max(Math.hypot(flow.x[i], flow.y[i]), 1e-6)),
  );
}

/** How far the decoder has understood what is there. */
function trustOf(image, before, size) {
  const pixels = size * size;
  const error = new Float32Array(pixels);
  for (let i = 0; i < image.length; i++) error[i % pixels] += Math.abs(image[i] - before[i]) / 3;
  return blurred(error, size, size / 32).map((off) => Math.exp(-((off / TRUSTED) ** 2)));
}

/** Whether a crop has no colours, but for what compression adds. */
export function isGrey(crop) {
  for (let i = 0; i < crop.length; i += 3) {
    const [r, g, b] = [crop[i], crop[i + 1], crop[i + 2]];
    if (Math.max(r, g, b) - Math.min(r, g, b) > GREY_SPREAD) return false;
  }
  return true;
}

/**
 * `after`, with sharp details changed only where the base decoding changes: the two sides of a
 * refiner invent different details also where nothing does.
 */
function gated(before, after, baseBefore, baseAfter, size) {
  const pixels = size * size;
  const change = baseAfter.map((value, i) => value - baseBefore[i]);
  const sharp = after.map((value, i) => value - before[i]);
  const std = (COARSE * size) / UNITS;
  const coarse = blurred(change, size, std);
  const broad = blurred(sharp, size, std);
  const gate = new Float32Array(pixels);
  for (let i = 0; i < coarse.length; i++) gate[i % pixels] += Math.abs(coarse[i]) / 3;
  return before.map((value, i) => {
    const open = Math.min(1, gate[i % pixels] / GATE) ** 2;
    return value + open * (sharp[i] - broad[i] + coarse[i]) + (1 - open) * change[i];
  });
}

/** As changes travel: bytes, 1/256 of a pixel, 1/64 of a level. */
function travelling(after, flow, colour, pixels) {
  const told = {
    decoding: new Uint8Array(pixels * 3),
    flow: new Int16Array(pixels * 2),
    colour: new Int16Array(pixels * 3),
  };
  const short = (value) => Math.min(32767, Math.max(-32768, Math.round(value)));
  for (let i = 0; i < pixels; i++) {
    told.flow[2 * i] = short(flow.x[i] * 256);
    told.flow[2 * i + 1] = short(flow.y[i] * 256);
    for (let c = 0; c < 3; c++) {
      const [to, from] = [3 * i + c, c * pixels + i];
      told.decoding[to] = Math.min(255, Math.max(0, Math.round(after[from] * 255)));
      told.colour[to] = short(colour[from] * 255 * 64);
    }
  }
  return told;
}
