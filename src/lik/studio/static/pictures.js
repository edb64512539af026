/**
 * Entries → pictures: codes are summed here, decoded by the engine, and kept by entry.
 *
 * @typedef {{decoding: Uint8Array}|{faces: {square: object, change: object}[]}} Picture
 *   a decoding S×S×3, or what becomes of the faces of a photograph
 */
import { prepared } from "./compositor.js";
import { places } from "./guided.js";
import { isGuided, source } from "./source.js";
import { DIMENSION, led } from "./sums.js";
import { aroundOf } from "./tinting.js";
import { about, chosenFaces, keyOf } from "./state.js";

export { isGuided, source };

const MOST_PICTURES = 260; // more than there are entries
const kept = new Map();

/** Open an engine; pictures of the one before are forgotten. */
export function useEngine(engine) {
  kept.clear();
  source.sets.clear();
  source.engine = engine;
}

/** The directions of a method, asked for once; none where the run has no such ones. */
export async function directionsOf(method) {
  if (!about.value.methods.some(({ name }) => name === method)) return new Map();
  if (!source.sets.has(method)) source.sets.set(method, await source.engine.directions(method));
  return source.sets.get(method);
}

/**
 * Where an entry leads each of the faces that it edits.
 * @param {import("./state.js").Entry} of
 * @returns {Promise<{codes: Float32Array[], exact: boolean}>}
 */
export async function codesOf(of) {
  const own = chosenFaces(of).map((i) => of.subject.faces[i].code);
  if (!of.terms.length) return { codes: own, exact: true };
  if (isGuided(of.method)) return places(of);
  const directions = await directionsOf(of.method);
  const known = of.terms.filter(([name]) => name.startsWith(DIMENSION) || directions.has(name));
  return { codes: own.map((code) => led(code, known, directions)), exact: true };
}

/** Whether an entry's picture can be made without waiting for a trajectory. */
export function isReady(of) {
  return !of.terms.length || !isGuided(of.method) || places(of).exact;
}

/** Whether an entry shows decodings, and not a photograph that is changed: of no photograph, of
 * one that is a face as it is, and of runs whose faces are too large to be carried live. */
export function showsDecoding(of) {
  const { photograph } = of.subject;
  return !photograph || photograph.aCrop || !about.value.abilities.carry;
}

/** @returns {Promise<Picture>} */
export async function pictureOf(of, first = true) {
  const key = keyOf(of);
  const there = kept.get(key);
  if (there) return there;
  const { codes, exact } = await codesOf(of);
  const picture = showsDecoding(of)
    ? { decoding: (await source.engine.decode([codes[0]], first))[0] }
    : { faces: await changesOf(of, codes, first) };
  if (exact && key === keyOf(of)) keep(key, picture); // fitting may have changed the codes
  return picture;
}

/** A picture of an entry in a hurry; null where the engine makes none, or the real one is there. */
export async function draftOf(of) {
  const { engine } = source;
  if (!engine.draft || kept.has(keyOf(of))) return null;
  const { codes } = await codesOf(of);
  if (!showsDecoding(of)) return { faces: await changesOf(of, codes, true, true) };
  return { decoding: await engine.draft(codes[0]) };
}

/** The entry without its edits: what is shown as before. */
export function before(of) {
  return { ...of, terms: [] };
}

async function changesOf(of, codes, first, quickly = false) {
  if (!of.terms.length) return [];
  const chosen = chosenFaces(of).map((i) => of.subject.faces[i]);
  const own = chosen.map((face) => face.code);
  const crops = chosen.map((face) => face.crop);
  const facts = about.value;
  const carried = await source.engine.carry(own, codes, crops, first, quickly);
  return carried.map(({ flow, colour, tint }, i) => ({
    square: chosen[i].square,
    flow,
    colour,
    tint,
    around: aroundOf(chosen[i], of.subject.photograph, facts),
  }));
}

/** The change of a face, ready to be painted at a length; too large to be kept with pictures. */
export function changeOf({ flow, colour, size = about.value.size }, length) {
  return prepared(flow, colour, size, length);
}

function keep(key, picture) {
  kept.set(key, picture);
  if (kept.size > MOST_PICTURES) kept.delete(kept.keys().next().value);
}

const small = document.createElement("canvas");

/** A decoding S×S×3 → canvas of its size, the same one each time. */
export function canvasOf(rgb, size = about.value.size) {
  if (small.width !== size) small.width = small.height = size;
  const image = new ImageData(size, size);
  for (let i = 0, j = 0; j < rgb.length; i += 4, j += 3) {
    image.data[i] = rgb[j];
    image.data[i + 1] = rgb[j + 1];
    image.data[i + 2] = rgb[j + 2];
    image.data[i + 3] = 255;
  }
  small.getContext("2d").putImageData(image, 0, 0);
  return small;
}

/** A decoding S×S×3 → the address of a picture. */
export function urlOf(rgb) {
  return canvasOf(rgb).toDataURL("image/png");
}
