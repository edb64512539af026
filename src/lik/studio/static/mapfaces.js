/** Faces of the map's points, decoded when there is time and kept: few at a time. */
import { effect, signal } from "./vendor.js";
import { data } from "./mapdata.js";
import { report } from "./notices.js";
import { canvasOf, source } from "./pictures.js";
import { tab } from "./tabs.js";

const AT_ONCE = 4;
const MOST = 1500;

/** Counts the faces that came, so that those who show them draw again. */
export const arrived = signal(0);
const kept = new Map();
let missing = [];
let busy = false;

/** Faces of a map that is gone are forgotten. */
export function watchFaces() {
  let last = null;
  effect(() => {
    if (data.value?.codes === last) return;
    last = data.value?.codes ?? null;
    kept.clear();
    missing = [];
  });
}

/** @returns {HTMLCanvasElement|undefined} the face of a point, where it is there */
export function faceAt(index) {
  return kept.get(index);
}

/** Ask for the faces of points; those that were asked for before, and are not shown now, wait. */
export function wantFaces(indices) {
  missing = indices.filter((i) => !kept.has(i));
  if (!busy) work();
}

/** The face of one point, by default before all others. */
export async function faceOf(index, first = true) {
  if (!data.value?.codes[index]) return undefined; // of a map that is gone
  if (!kept.has(index)) await decode([index], first);
  return kept.get(index);
}

async function work() {
  busy = true;
  try {
    while (missing.length && tab.value === "map") await decode(missing.splice(0, AT_ONCE), false);
  } catch (error) {
    report(error);
  }
  busy = false;
}

async function decode(indices, first) {
  const { codes } = data.value;
  const pictures = await source.engine.decode(indices.map((i) => codes[i]), first);
  if (data.value?.codes !== codes) return;
  pictures.forEach((rgb, i) => keep(indices[i], copyOf(canvasOf(rgb))));
  arrived.value++;
}

function keep(index, face) {
  kept.set(index, face);
  if (kept.size > MOST) kept.delete(kept.keys().next().value);
}

function copyOf(canvas) {
  const copy = document.createElement("canvas");
  copy.width = copy.height = canvas.width;
  copy.getContext("2d").drawImage(canvas, 0, 0);
  return copy;
}
