/** Small pictures of entries, for the history. */
import { signal } from "./vendor.js";
import { keyOf } from "./state.js";

const MOST = 400;
const kept = new Map();
/** Counts the pictures that came, so that those who show them draw again. */
export const arrived = signal(0);

/** A key without the version of the codes: an older picture stays until the new one is there. */
function keyFor(of) {
  return keyOf(of).replace(/^(\d+)\.\d+/, "$1");
}

export const thumbnails = {
  put(of, small, whole) {
    kept.set(keyFor(of), { small, whole });
    if (kept.size > MOST) kept.delete(kept.keys().next().value);
    arrived.value++;
  },
  get(of) {
    arrived.value;
    return kept.get(keyFor(of))?.small;
  },
  /** The whole picture, as it was on the stage. */
  whole(of) {
    arrived.value;
    return kept.get(keyFor(of))?.whole;
  },
  clear() {
    kept.clear();
  },
};
