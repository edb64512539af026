/** What is known while eyes are shown: the photograph, its faces so far, and how to step back. */
import { batch, computed, signal } from "./vendor.js";
import { ordered, wrong } from "./eyes.js";
import { t } from "./i18n.js";

/** @type {{value: {bitmap: ImageBitmap, crop: object, size: number, room: PhotoRoom,
 *   finish: (faces: object[]|null) => void}|null}} the photograph that is asked about */
export const asked = signal(null);
/** @type {{value: import("./eyes.js").Face[]}} */
export const faces = signal([]);
/** The mark that is dragged now: {face, eye}. */
export const held = signal(null);
export const complaint = signal("");
/** Faces before each step, and what the last step was: keys that go on with it are one step. */
let past = [];
let lastStep = "";
export const canUndo = signal(false);

/** What is to be done next, or what is wrong. */
export const hint = computed(() => {
  if (complaint.value) return complaint.value;
  const open = faces.value.find(({ shown }) => !shown.every(Boolean));
  if (open?.shown[0]) return t("eyes.hint.right");
  if (open) return t("eyes.hint.start");
  return t(faces.value.length ? "eyes.hint.more" : "eyes.hint.left");
});

/** Begin with a photograph and the marks that it may have. */
export function begin(question, marks) {
  past = [];
  lastStep = "";
  batch(() => {
    canUndo.value = false;
    complaint.value = "";
    held.value = null;
    faces.value = marks;
    asked.value = question;
  });
}

/** The next step is another one, whatever its name. */
export function pause() {
  lastStep = "";
}

/** Take a step that can be undone; steps of the same name, one after the other, are one. */
export function step(next, name = "") {
  if (!name || name !== lastStep) past.push(faces.value);
  lastStep = name;
  batch(() => {
    canUndo.value = true;
    complaint.value = "";
    faces.value = next;
  });
}

export function undo() {
  if (!past.length) return;
  lastStep = "";
  batch(() => {
    faces.value = past.pop();
    canUndo.value = past.length > 0;
    complaint.value = "";
  });
}

/** Done: the eyes are given back, unless they make no sense. */
export function done() {
  const found = ordered(faces.value);
  const problem = wrong(found);
  if (!problem) return asked.value.finish(found);
  complaint.value = t(problem.key, { number: problem.number });
  return undefined;
}

export function cancel(event) {
  event?.preventDefault();
  asked.value?.finish(null);
}
