/**
 * Guided edits: the trajectory of a face is computed once, and then one slides along it.
 *
 * A trajectory begins where the terms before it lead. If one of those changes, the old trajectory
 * stands in, shifted to the new beginning, until the slider is let go and the exact one is there.
 */
import { effect, signal } from "./vendor.js";
import { placeOn, shifted } from "./sums.js";
import { chosenFaces, entry, gesture, news } from "./state.js";
import { isGuided, source } from "./source.js";
import { report } from "./notices.js";
import { isSettling } from "./photograph.js";

/** @type {{value: {name: string, done: number, total: number}|null}} the bar */
export const guiding = signal(null);

const MOST_TRAJECTORIES = 300;
/** Milliseconds after which one is told that it takes a while. */
const PATIENCE = 150;
const exactOnes = new Map();
const latest = new Map();
let running = null;

/**
 * Where an entry leads its faces, as far as trajectories are known.
 * @param {import("./state.js").Entry} of
 * @returns {{codes: Float32Array[], exact: boolean, missing: object[]}}
 */
export function places(of) {
  const missing = [];
  const codes = chosenFaces(of).map((face) => {
    let place = of.subject.faces[face].code;
    let path = `${of.subject.id}.${of.subject.version}.${face}`;
    let sure = true;
    for (const [name, strength] of of.terms) {
      const sign = Number(strength) > 0 ? 1 : -1;
      const key = `${path} ${name} ${sign}`;
      const rough = `${of.subject.id}.${face} ${name} ${sign}`;
      const exact = sure ? exactOnes.get(key) : undefined;
      const stops = exact ?? latest.get(rough);
      if (sure && !exact) {
        missing.push({ key, rough, name, sign, code: place, stale: Boolean(stops) });
        sure = false; // what comes after begins at an unknown place
      }
      path += ` ${name}=${strength}`;
      if (!stops) continue;
      const there = placeOn(stops, strength);
      place = exact ? there : shifted(place, stops[0], there);
    }
    return place;
  });
  return { codes, exact: !missing.length, missing };
}

/** Forget the trajectories of a run that is closed. */
export function forgetTrajectories() {
  running?.abort();
  exactOnes.clear();
  latest.clear();
}

/** Compute what is missing, one after the other, while the entry asks for it. */
export function watchTrajectories() {
  effect(() => {
    news.value;
    const of = entry.value;
    if (!of || !isGuided(of.method)) {
      running?.abort();
      return;
    }
    if (isSettling(of)) return; // a trajectory begins at the fitted code
    const wanted = places(of).missing.filter((one) => !gesture.value || !one.stale);
    if (running && running.subject !== of.subject) running.abort();
    if (wanted.length && !running) compute(of.subject, wanted[0]);
  });
}

async function compute(subject, { key, rough, name, sign, code }) {
  running = new AbortController();
  running.subject = subject;
  const own = running;
  let reached = { name, done: 0, total: 0 };
  const soon = setTimeout(() => (guiding.value = reached), PATIENCE);
  try {
    const step = (done, total) => {
      reached = { name, done, total };
      if (guiding.value) guiding.value = reached;
    };
    const stops = await source.engine.trajectory(code, name, sign, step, own.signal);
    exactOnes.set(key, stops);
    latest.set(rough, stops);
    if (exactOnes.size > MOST_TRAJECTORIES) exactOnes.delete(exactOnes.keys().next().value);
  } catch (error) {
    report(error);
    if (error.code === "lost") return; // it is asked for again once the server is back
    // What cannot be done is not asked for again and again; what came at a bad time is.
    if (error.code === "busy") await new Promise((resolve) => setTimeout(resolve, 1000));
    else if (error.name !== "AbortError") exactOnes.set(key, [code, code]);
  } finally {
    clearTimeout(soon);
    running = null;
    guiding.value = null;
  }
  news.value++;
}
