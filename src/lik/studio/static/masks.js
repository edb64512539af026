/** Where a face is in its crop: the twin of the masks in `lik.faces.compositing`. */
import { guided } from "./guidedfilter.js";

/** A change fades in over this share of the crop's side, from nothing at its border. */
const FEATHER = 0.2;
/** Half width and half height of a face without most of its hair, in sides of the reference frame. */
const FACE = [0.33, 0.46];
/** The same of a head, hair and neck included. */
export const HEAD = [0.4, 0.55];
/** The edge of that ellipse, in shares of its radius to either side. */
const SOFTNESS = 0.25;

/** A soft ellipse whose edge goes to an edge of the crop. @param {Float32Array} image planar, S² each */
export function faceOf(image, size, widen) {
  const place = (i) => ((i + 0.5) / size - 0.5) * widen;
  const ellipse = Float32Array.from({ length: size * size }, (_, i) => {
    const radius = Math.hypot(place(i % size) / FACE[0], place(Math.floor(i / size)) / FACE[1]);
    return 1 - smooth((radius - 1 + SOFTNESS) / (2 * SOFTNESS));
  });
  const face = guided(ellipse, image, size, Math.round(size * 0.1), 0.002);
  return face.map((value) => Math.min(1, Math.max(0, value)));
}

/** A square that fades to nothing at its border, over a share of its side. */
export function feathered(size, feather = FEATHER) {
  const rise = (i) => smooth(Math.min(i, size - 1 - i) / (size - 1) / feather);
  const rises = Float32Array.from({ length: size }, (_, i) => rise(i));
  return Float32Array.from({ length: size * size }, (_, i) => rises[i % size] * rises[Math.floor(i / size)]);
}

/** 0 below 0, 1 above 1, and between them the cubic that is flat at both. */
function smooth(value) {
  const t = Math.min(1, Math.max(0, value));
  return t * t * (3 - 2 * t);
}
