/** The dialog in which a person shows where the eyes of the faces in a photograph are. */
import { effect, html, nothing, render } from "./vendor.js";
import { pointOf } from "./compositor.js";
import { squareOf } from "./cutting.js";
import { isWhole, startFaces } from "./eyes.js";
import { t } from "./i18n.js";
import { PhotoRoom, listenToPointers } from "./photoroom.js";
import { about } from "./state.js";
import { styled } from "./styled.js";
import { ZOOM, addFace, pointing, pressed, remove } from "./tapshand.js";
import { drawLoupe, drawPhotograph, drawPreview, outlineOf } from "./tapspictures.js";
import { asked, begin, canUndo, cancel, complaint, done, faces, held, hint, undo } from "./tapsstate.js";

/** Eyes nearer than this on the screen, in pixels, have smaller marks. */
const SMALL = 72;
let previewed = 0;

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
    const room = new PhotoRoom(bitmap.width, bitmap.height);
    begin({ bitmap, crop, size, finish, room }, startFaces(bitmap.width, bitmap.height));
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
    const [now, all] = [asked.value, faces.value];
    // Once the canvases are there.
    queueMicrotask(() => {
      if (now !== asked.peek()) return;
      const canvases = [...root.querySelectorAll(".taps-preview")];
      if (now) canvases.forEach((canvas, i) => drawPreview(canvas, now, all[i]));
      if (canvases.length > previewed) canvases.at(-1).parentElement.scrollIntoView({ block: "nearest", inline: "nearest" });
      previewed = canvases.length;
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

function view() {
  const now = asked.value;
  return html`<dialog
    id="eyes" class="taps" aria-labelledby="eyes-title" aria-describedby="eyes-keys"
    @cancel=${cancel} @close=${cancel} @keydown=${(e) => asked.value && pressed(e)}
  >
    <div class="taps-words">
      <h2 id="eyes-title">${t("eyes.title")}</h2>
      <p role="status" class=${complaint.value ? "taps-complaint" : ""}>${now ? hint.value : ""}</p>
    </div>
    <div class="taps-room" tabindex="-1">
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
  const at = ([x, y]) => styled({ left: `${x}px`, top: `${y}px` });
  return faces.value.map((face, i) => {
    const whole = isWhole(face);
    const [left, right] = face.eyes.map((eye) => eye && room.toRoom(eye));
    const small = right && Math.hypot(right[0] - left[0], right[1] - left[1]) < SMALL;
    const corner = whole && faces.value.length > 1 ? room.toRoom(pointOf(squareOf(face.eyes, crop), 0, 0)) : null;
    return html`${whole ? outlineOf(face, crop, room) : nothing}
      ${corner ? html`<span class="taps-number" aria-hidden="true" data-place=${at(corner)}>${i + 1}</span>` : nothing}
      ${[left, right].map((place, eye) => {
        if (!place) return nothing;
        const label = t(eye ? "eyes.mark.right" : "eyes.mark.left", { number: i + 1 });
        return html`<button type="button" aria-label=${label} data-mark=${`${i}.${eye}`} data-place=${at(place)}
          class="taps-mark ${face.shown[eye] ? "" : "maybe"} ${small ? "small" : ""}"
          @focus=${(e) => e.target.matches(":focus-visible") && room.reveal(face.eyes[eye])}></button>`;
      })}`;
  });
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
          ${faces.value.length > 1 ? html`<span class="taps-number" aria-hidden="true">${i + 1}</span>` : nothing}
          <canvas class="taps-preview ${isWhole(face) ? "" : "empty"}" role="img"
            aria-label=${t("face.number", { number: i + 1 })}></canvas>
          <button type="button" class="icon" @click=${() => remove(i)}
            aria-label=${t("eyes.remove", { number: i + 1 })}>×</button>
        </li>`,
      )}
    </ul>`;
}
