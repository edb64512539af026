/** A photograph comes in: its faces are found, shown at once, and fitted in the background. */
import { effect, signal } from "./vendor.js";
import { t } from "./i18n.js";
import { refusal, report, say, sentenceOf } from "./notices.js";
import { source } from "./source.js";
import { bitmapOf } from "./bitmaps.js";
import { about, begin, gesture, news, subjectOf } from "./state.js";
import { aroundOf } from "./tinting.js";

/** @type {{value: string}} name of the photograph that is opened now, or "" */
export const opening = signal("");
/** How many faces are fitted now. */
export const settling = signal(0);
/** @type {{value: {blob: Blob, name: string, start: object}|null}} one in which no face was found */
export const faceless = signal(null);
/** @type {{value: import("./state.js").Subject[]}} photographs opened so far, newest first */
export const photographs = signal([]);

const MOST_KEPT = 8;
/** Longest side of the picture that is kept for drawing. */
const LONGEST = 4096;
/** Milliseconds between two faces of which the surroundings are looked at. */
const PAUSE = 50;
let latest = 0;

/**
 * Open a photograph, and begin to edit it.
 * @param {Blob} blob @param {string} name
 * @param {object} start the parts of an entry to begin with: terms, method, face; and the eyes of its
 *   faces, where a person has shown them
 * @returns {Promise<import("./state.js").Subject|null>}
 */
export async function openPhotograph(blob, name, start = {}) {
  const own = ++latest;
  const engine = source.engine;
  refusal.value = "";
  faceless.value = null;
  opening.value = name || t("photo");
  try {
    const [found, bitmap] = await Promise.all([engine.encode(blob, start.eyes), drawable(blob)]);
    if (own !== latest || engine !== source.engine) return null; // another one, or another run, meanwhile
    const { width, height, a_crop: aCrop, sha256 } = found;
    const photograph = { blob, bitmap, width, height, aCrop, notice: found.notice };
    const from = { kind: "photograph", sha256, ...(found.eyes ? { eyes: found.eyes } : {}) };
    const subject = subjectOf(from, found.faces, photograph, name);
    photographs.value = [subject, ...photographs.value].slice(0, MOST_KEPT);
    begin(subject, start.terms, start.method, start.face ?? null);
    say(t("photo.opened", { count: found.faces.length }));
    settle(subject);
    lookAround(subject);
    return subject;
  } catch (error) {
    if (own !== latest || error.code === "cancelled") return null;
    if (error.code === "lost") report(error);
    else refusal.value = sentenceOf(error);
    if (error.code === "no-face") faceless.value = { blob, name, start };
    say(refusal.value);
    return null;
  } finally {
    if (own === latest) opening.value = "";
  }
}

/** The upright picture, reduced where it is larger than any screen. */
async function drawable(blob) {
  const whole = await bitmapOf(blob);
  const scale = LONGEST / Math.max(whole.width, whole.height);
  if (scale >= 1) return whole;
  const size = { resizeWidth: Math.round(whole.width * scale), resizeQuality: "high" };
  const reduced = await createImageBitmap(whole, size);
  whole.close();
  return reduced;
}

/** Look at what is around each face before a slider is moved, a face at a time. */
async function lookAround({ faces, photograph }) {
  const facts = about.value;
  if (photograph.aCrop || !facts.abilities.carry) return;
  for (const face of faces) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    if (facts !== about.value) return;
    aroundOf(face, photograph, facts);
  }
}

/** Fit the codes; the faces settle when no slider is being moved. */
async function settle(subject) {
  const steps = about.value.invert;
  const engine = source.engine;
  if (!steps) return;
  settling.value += subject.faces.length;
  try {
    const codes = await engine.fit(subject.faces.map((face) => face.crop)); // together, as for Save
    if (engine !== source.engine) return;
    await still();
    subject.faces.forEach((face, i) => Object.assign(face, { code: codes[i], inverted: steps }));
    subject.version++;
  } catch (error) {
    report(error);
  } finally {
    settling.value -= subject.faces.length;
    news.value++;
  }
}

/** When no gesture is going on. */
function still() {
  return new Promise((resolve) => {
    const stop = effect(() => {
      if (!gesture.value) queueMicrotask(() => (stop(), resolve()));
    });
  });
}

/** Whether the faces of an entry's photograph are still being fitted. */
export function isSettling(of) {
  return settling.value > 0 && of.subject.photograph && !of.subject.version;
}
