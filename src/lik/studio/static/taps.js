/** The dialog in which a person shows where the eyes of the faces in a photograph are. */
import { batch, computed, effect, html, nothing, render, signal } from "./vendor.js";
import { added, isWhole, moved, ordered, startFaces, tapped, without, wrong } from "./eyes.js";
import { t } from "./i18n.js";
import { PhotoRoom, listenToPointers } from "./photoroom.js";
import { about } from "./state.js";
import { styled } from "./styled.js";
import { drawLoupe, drawPhotograph, drawPreview, outlineOf } from "./tapspictures.js";

/** What arrow keys move a mark by, in pixels of the screen; with Shift the longer one. */
const STEP = 1;
const LEAP = 10;
const ZOOM = 1.5;
/** How near a mark is taken hold of, in pixels of the screen: by a mouse and by a finger. */
const GRASP = { mouse: 14, touch: 26 };

/** @type {{value: {bitmap: ImageBitmap, crop: object, size: number, room: PhotoRoom,
 *   finish: (faces: object[]|null) => void}|null}} the photograph that is asked about */
const asked = signal(null);
/** @type {{value: import("./eyes.js").Face[]}} */
const faces = signal([]);
/** The mark that is dragged now: {face, eye}. */
const held = signal(null);
const complaint = signal("");
/** Faces before each step, and what the last step was: keys that go on with it are one step. */
let past = [];
let lastStep = "";
const canUndo = signal(false);

const hint = computed(() => {
  if (complaint.value) return complaint.value;
  const open = faces.value.find(({ shown }) => !shown.every(Boolean));
  if (open?.shown[0]) return t("eyes.hint.right");
  if (open) return t("eyes.hint.start");
  return t(faces.value.length ? "eyes.hint.more" : "eyes.hint.left");
});

/**
 * Ask where the eyes of the faces in a photograph are.
 * @param {ImageBitmap|HTMLCanvasElement} bitmap the photograph, upright
 * @param {{crop?: object, size?: number, width?: number}} options the run's crop rule and the side of
 *   its faces; the width of the photograph, where the bitmap is a reduced one
 * @returns {Promise<[[number, number], [number, number]][]|null>} of each face the eye on the left
 *   and that on the right of the picture, in pixels of the photograph, to a tenth; null for none
 */
export function askForEyes(bitmap, options = {}) {
  if (!document.querySelector("#eyes")) mountTaps(document.body.appendChild(document.createElement("div")));
  asked.value?.finish(null);
  const { crop = about.value?.crop ?? {}, size = about.value?.size ?? 64, width = bitmap.width } = options;
  const scale = width / bitmap.width;
  const tenths = (value) => Math.round(value * scale * 10) / 10;
  return new Promise((resolve) => {
    const finish = (found) => {
      asked.value = null;
      document.querySelector("#eyes").close();
      resolve(found && found.map(({ eyes }) => eyes.map((eye) => eye.map(tenths))));
    };
    batch(() => {
      past = [];
      lastStep = "";
      canUndo.value = false;
      complaint.value = "";
      faces.value = startFaces(bitmap.width, bitmap.height);
      asked.value = { bitmap, crop, size, finish, room: new PhotoRoom(bitmap.width, bitmap.height) };
    });
    const dialog = document.querySelector("#eyes");
    dialog.showModal();
    measure(dialog.querySelector(".taps-room"));
    (dialog.querySelector(".taps-mark") ?? dialog.querySelector(".taps-add")).focus();
  });
}

export function mountTaps(root) {
  effect(() => render(view(), root));
  const element = root.querySelector(".taps-room");
  listenToPointers(element, () => asked.value?.room, pointing);
  new ResizeObserver(() => measure(element)).observe(element);
  effect(() => asked.value && drawPhotograph(root.querySelector("#taps-picture"), asked.value));
  effect(() => {
    if (!asked.value) return;
    root.querySelectorAll(".taps-preview").forEach((canvas, i) => {
      drawPreview(canvas, asked.value, faces.value[i]);
    });
  });
  effect(() => {
    const eye = held.value && faces.value[held.value.face]?.eyes[held.value.eye];
    if (asked.value && eye) drawLoupe(root.querySelector("#taps-loupe"), asked.value, eye);
  });
}

function measure(element) {
  if (element.clientWidth) asked.value?.room.resize(element.clientWidth, element.clientHeight);
}

/** Take a step that can be undone; steps of the same name, one after the other, are one. */
function step(next, name = "") {
  if (!name || name !== lastStep) past.push(faces.value);
  lastStep = name;
  batch(() => {
    canUndo.value = true;
    complaint.value = "";
    faces.value = next;
  });
}

function undo() {
  if (!past.length) return;
  lastStep = "";
  batch(() => {
    faces.value = past.pop();
    canUndo.value = past.length > 0;
    complaint.value = "";
  });
}

/** Done: the eyes are given back, unless they make no sense. */
function done() {
  const found = ordered(faces.value);
  const problem = wrong(found);
  if (!problem) return asked.value.finish(found);
  complaint.value = t(problem.key, { number: problem.number });
  return undefined;
}

function cancel(event) {
  event?.preventDefault();
  asked.value?.finish(null);
}

/** What pointers in the room do. */
const pointing = {
  find(at, touch) {
    const { room } = asked.value;
    const marks = faces.value.flatMap(({ eyes }, face) =>
      eyes.map((point, eye) => ({ face, eye, point })).filter(({ point }) => point),
    );
    const far = ({ point }) => {
      const [x, y] = room.toRoom(point);
      return Math.hypot(x - at[0], y - at[1]);
    };
    // What was not shown yet is in nobody's way: there a tap is meant for the picture.
    const near = marks.filter(
      (mark) => far(mark) < (touch ? GRASP.touch : GRASP.mouse) && faces.value[mark.face].shown[mark.eye],
    );
    return near.sort((a, b) => far(a) - far(b))[0] ?? null;
  },
  tap(at) {
    const { room, crop } = asked.value;
    const set = tapped(faces.value, room.toPicture(at), crop);
    step(ordered(set.faces));
  },
  grab({ face, eye }) {
    markOf(face, eye)?.focus({ preventScroll: true });
  },
  drag({ face, eye, point }, off) {
    const { room } = asked.value;
    const [x, y] = room.toRoom(point);
    if (!held.value) held.value = { face, eye };
    step(moved(faces.value, face, eye, room.toPicture([x + off[0], y + off[1]])), "drag");
  },
  drop() {
    lastStep = "";
    held.value = null;
    faces.value = ordered(faces.value);
  },
};

function markOf(face, eye) {
  return document.querySelector(`#eyes [data-mark="${face}.${eye}"]`);
}

/** Keys in the dialog; those of buttons are theirs. */
function pressed(event) {
  const { room } = asked.value;
  const mark = event.target.dataset?.mark?.split(".").map(Number);
  const did = (action) => {
    event.preventDefault();
    action();
  };
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") return did(undo);
  if (event.ctrlKey || event.metaKey || event.altKey) return undefined;
  const about = mark ? room.toRoom(faces.value[mark[0]].eyes[mark[1]]) : [];
  if (event.key === "+" || event.key === "=") return did(() => room.zoom(ZOOM, ...about));
  if (event.key === "-") return did(() => room.zoom(1 / ZOOM, ...about));
  if (event.key === "Enter" && (mark || event.target.tagName !== "BUTTON")) return did(done);
  if (!mark) return undefined;
  if (event.key === "Delete" || event.key === "Backspace") return did(() => remove(mark[0]));
  const along = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  return along ? did(() => nudge(...mark, along, event.shiftKey ? LEAP : STEP)) : undefined;
}

function nudge(face, eye, along, length) {
  const { room } = asked.value;
  const [x, y] = room.toRoom(faces.value[face].eyes[eye]);
  const point = room.toPicture([x + along[0] * length, y + along[1] * length]);
  step(moved(faces.value, face, eye, point), `key ${face} ${eye}`);
  room.reveal(point);
}

/** Another face, whose marks stand in the middle of what is seen. */
function addFace() {
  const { room } = asked.value;
  const middle = room.toPicture([room.room.width / 2, room.room.height / 2]);
  step(added(faces.value, middle, room.width, room.height));
  markOf(faces.value.length - 1, 0).focus({ focusVisible: true });
}

function remove(face) {
  step(without(faces.value, face));
  document.querySelector("#eyes .taps-mark, #eyes .taps-add").focus();
}

function view() {
  const now = asked.value;
  return html`<dialog
    id="eyes" class="taps" aria-labelledby="eyes-title" aria-describedby="eyes-keys"
    @cancel=${cancel} @keydown=${(e) => asked.value && pressed(e)}
  >
    <div class="taps-words">
      <h2 id="eyes-title">${t("eyes.title")}</h2>
      <p role="status" class=${complaint.value ? "taps-complaint" : ""}>${now ? hint.value : ""}</p>
    </div>
    <div class="taps-room">
      <canvas id="taps-picture" role="img" aria-label=${t("eyes.photograph")}></canvas>
      ${now ? marks(now) : nothing}
      <canvas id="taps-loupe" width="264" height="264" ?hidden=${!held.value}
        class=${now && held.value ? loupeSide(now) : ""} aria-hidden="true"></canvas>
    </div>
    <div class="taps-tools">${tools(now)}</div>
    <section class="taps-faces" aria-label=${t("eyes.preview")}>${previews()}</section>
    <p id="eyes-keys" class="quiet">${t("eyes.keys")}</p>
    <div class="row end">
      <button type="button" @click=${cancel}>${t("cancel")}</button>
      <button type="button" class="primary" @click=${done}>${t("eyes.done")}</button>
    </div>
  </dialog>`;
}

function tools(now) {
  const zoom = (factor) => () => now.room.zoom(factor);
  const whole = !now || now.room.look.value.scale <= now.room.fit * 1.001;
  return html`
    <button type="button" class="icon" aria-label=${t("eyes.smaller")} title=${`${t("eyes.smaller")} (−)`}
      ?disabled=${whole} @click=${now && zoom(1 / ZOOM)}>−</button>
    <button type="button" class="icon" aria-label=${t("eyes.larger")} title=${`${t("eyes.larger")} (+)`}
      @click=${now && zoom(ZOOM)}>+</button>
    <button type="button" class="icon" aria-label=${t("undo")} title=${`${t("undo")} (Ctrl+Z)`}
      ?disabled=${!canUndo.value} @click=${undo}>↶</button>
    <button type="button" class="taps-add" @click=${now && addFace}>
      ${t(faces.value.length ? "eyes.another" : "eyes.set")}</button>`;
}

/** The marks, and the squares that they make; pointers are heard by the room. */
function marks({ room, crop }) {
  const outlines = faces.value.map((face) => (isWhole(face) ? outlineOf(face, crop, room) : nothing));
  const buttons = faces.value.flatMap((face, i) =>
    face.eyes.map((eye, side) => {
      if (!eye) return nothing;
      const [x, y] = room.toRoom(eye);
      const label = t(side ? "eyes.mark.right" : "eyes.mark.left", { number: i + 1 });
      return html`<button type="button" class="taps-mark ${face.shown[side] ? "" : "maybe"}"
        data-mark=${`${i}.${side}`} data-place=${styled({ left: `${x}px`, top: `${y}px` })}
        aria-label=${label} @focus=${() => room.reveal(eye)}></button>`;
    }),
  );
  return [outlines, buttons];
}

/** The loupe is in the corner where the finger is not. */
function loupeSide({ room }) {
  const eye = faces.value[held.value.face]?.eyes[held.value.eye];
  return eye && room.toRoom(eye)[0] < room.room.width / 2 ? "right" : "";
}

function previews() {
  return html`<h3>${t("eyes.preview")}</h3>
    <ul>
      ${faces.value.map(
        (face, i) => html`<li>
          <canvas class="taps-preview ${isWhole(face) ? "" : "empty"}" role="img"
            aria-label=${t("face.number", { number: i + 1 })}></canvas>
          <button type="button" class="icon" @click=${() => remove(i)}
            aria-label=${t("eyes.remove", { number: i + 1 })}>×</button>
        </li>`,
      )}
    </ul>`;
}
