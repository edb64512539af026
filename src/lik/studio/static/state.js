/**
 * What is edited, and the list of what was done: immutable entries, so that undo is a step back.
 *
 * @typedef {{kind: "photograph", sha256: string}
 *   | {kind: "prior"|"testset", seed: number, index: number}} Source
 * @typedef {object} Subject what is edited
 * @property {number} id @property {Source} source @property {string} name of the file, or ""
 * @property {import("./engine.js").Face[]} faces with codes, of which fitting makes better ones
 * @property {number} version counts the codes that it has had
 * @property {{blob: Blob, bitmap: ImageBitmap, width: number, height: number, aCrop: boolean}|null}
 *   photograph
 * @typedef {readonly [string, string]} Term a trait and its strength, a decimal number as text
 * @typedef {{subject: Subject, terms: Term[], method: string, face: number|null}} Entry
 */
import { batch, computed, signal } from "./vendor.js";

const MOST_ENTRIES = 200;
/** A gesture by keys ends when none was pressed for so long, in milliseconds. */
const PAUSE = 600;
/** The method of an edit of dimensions alone, where a run has no directions. */
export const PLAIN = "joint";

/** @type {{value: object|null}} what the run is (`about` of the API) */
export const about = signal(null);
/** @type {{value: {runs: object[], usual: string, network: string|null}}} */
export const runs = signal({ runs: [], usual: "", network: null });
/** @type {{value: Entry|null}} what is shown, also in the middle of a gesture */
export const entry = signal(null);
/** @type {{value: Entry[]}} */
export const past = signal([]);
export const position = signal(-1);
/** Whether a slider is being moved. */
export const gesture = signal(false);
/** Counts codes that were fitted and trajectories that arrived: pictures may be new by it. */
export const news = signal(0);
/** @type {{value: Entry[]}} entries pinned for comparing */
export const pinned = signal([]);
/** @type {{value: string}} the sentence that is read to those who do not see the page */
export const spoken = signal("");

export const canUndo = computed(() => position.value > 0);
export const canRedo = computed(() => position.value < past.value.length - 1);

let subjects = 0;
let timer = 0;

/** @returns {Subject} */
export function subjectOf(source, faces, photograph = null, name = "") {
  return { id: ++subjects, source, faces, photograph, name, version: 0 };
}

/** The strength of a trait in an entry, as text; "0" where it is left alone. */
export function strengthOf(of, name) {
  return of?.terms.find(([own]) => own === name)?.[1] ?? "0";
}

/** A number as the record has it: two digits at the most, no zeros behind. */
export function decimal(value) {
  const text = (Math.round(value * 100) / 100).toFixed(2).replace(/\.?0+$/, "");
  return text === "-0" || text === "" ? "0" : text;
}

/** Which faces of its subject an entry edits, counted from 0. */
export function chosenFaces(of) {
  return of.face === null ? of.subject.faces.map((_, i) => i) : [of.face - 1];
}

/** A key that is the same for entries that look the same. */
export function keyOf(of) {
  const { subject, terms, method, face } = of;
  const what = terms.map(([name, strength]) => `${name}=${strength}`).join(" ");
  return `${subject.id}.${subject.version} ${face} ${what ? `${method} ${what}` : ""}`;
}

/** Start upon another face or photograph. */
export function begin(subject, terms = [], method = about.value.usual_method ?? PLAIN, face = null) {
  clearTimeout(timer);
  gesture.value = false;
  push({ subject, terms: Object.freeze([...terms]), method, face });
}

/** Set a trait while a gesture lasts; `end` ends it, or a pause. */
export function adjust(name, strength, held) {
  const now = entry.value;
  if (!now || strengthOf(now, name) === strength) return;
  const others = now.terms.some(([own]) => own === name);
  const terms = others
    ? now.terms.map((term) => (term[0] === name ? [name, strength] : term))
    : [...now.terms, [name, strength]];
  clearTimeout(timer);
  batch(() => {
    gesture.value = true;
    entry.value = { ...now, terms: terms.filter(([, value]) => Number(value) !== 0) };
  });
  if (!held) timer = setTimeout(end, PAUSE);
}

/** End a gesture: what is there now can be undone at once. */
export function end() {
  clearTimeout(timer);
  batch(() => {
    gesture.value = false;
    const last = past.value[position.value];
    if (entry.value && last && !same(entry.value, last)) push(entry.value);
  });
}

/** Change an entry in one step: its terms, method or face. */
export function change(parts) {
  end();
  const next = { ...entry.value, ...parts };
  if (!same(next, entry.value)) push(next);
}

export function undo() {
  end();
  if (canUndo.value) goTo(position.value - 1);
}

export function redo() {
  end();
  if (canRedo.value) goTo(position.value + 1);
}

export function goTo(index) {
  end();
  batch(() => {
    position.value = index;
    entry.value = past.value[index];
  });
}

/** Forget everything, when another run is opened. */
export function clear() {
  clearTimeout(timer);
  batch(() => {
    gesture.value = false;
    entry.value = null;
    past.value = [];
    pinned.value = [];
    position.value = -1;
  });
}

export function togglePin(of) {
  const key = keyOf(of);
  const others = pinned.value.filter((one) => keyOf(one) !== key);
  const was = others.length < pinned.value.length;
  pinned.value = was ? others : [...pinned.value.slice(-1), of]; // two are compared
}

function push(next) {
  batch(() => {
    const kept = [...past.value.slice(0, position.value + 1), next].slice(-MOST_ENTRIES);
    past.value = kept;
    position.value = kept.length - 1;
    entry.value = next;
  });
}

function same(one, other) {
  return keyOf(one) === keyOf(other) && one.method === other.method && one.face === other.face;
}
