/** The square: a mosaic of what lies in it, and the point that a pointer or arrow keys move. */
import { effect, html } from "./vendor.js";
import { number, t } from "./i18n.js";
import { codeAt, codes, moveTo, path, place } from "./mixing.js";
import { report } from "./notices.js";
import { canvasOf, source } from "./pictures.js";
import { about } from "./state.js";
import { styled } from "./styled.js";
import { tab } from "./tabs.js";

/** Faces a side in the mosaic; the point goes from the middle of one corner's face to the other's. */
const CELLS = 5;
const STEP = 0.02;
const LEAP = 0.1;

let held = false;
/** The corners and the path of which the mosaic is. */
let laid = null;

/** Whether something was made of these corners and this path. */
export function isSame(made, ends, way) {
  return made?.ends === ends && made.way === way;
}

export function mountPad(root) {
  effect(() => {
    const ends = codes.value;
    path.value;
    if (tab.value === "mix" && ends) drawMosaic(root, ends);
  });
}

/** Draw the mosaic row by row, behind what the point asks for. */
async function drawMosaic(root, ends) {
  const way = path.value;
  if (isSame(laid, ends, way)) return;
  laid = { ends, way };
  const share = (cell) => cell / (CELLS - 1);
  try {
    for (let row = 0; row < CELLS; row++) {
      const line = Array.from({ length: CELLS }, (_, i) => codeAt({ x: share(i), y: share(row) }, ends));
      const pictures = await source.engine.decode(line);
      if (!isSame(laid, codes.value, path.value)) return;
      const context = root.querySelector("#mosaic").getContext("2d");
      const { size } = about.value;
      pictures.forEach((rgb, i) => context.drawImage(canvasOf(rgb), i * size, row * size));
    }
  } catch (error) {
    laid = null;
    report(error);
  }
}

export function padView() {
  const { x, y } = place.value;
  const at = (value) => `${((value * (CELLS - 1) + 0.5) / CELLS) * 100}%`;
  const side = CELLS * (about.value?.size ?? 64);
  const words = t("mix.point", { across: percent(x), down: percent(y) });
  return html`<div
    class="pad" @pointerdown=${grab} @pointermove=${drag} @pointerup=${drop} @pointercancel=${drop}
  >
    <canvas id="mosaic" width=${side} height=${side} aria-hidden="true"></canvas>
    ${[1, 2, 3, 4].map((corner) => html`<span class="count" aria-hidden="true">${corner}</span>`)}
    <div
      id="point" role="slider" tabindex="0" aria-labelledby="square-title" aria-valuemin="0"
      aria-valuemax="100" aria-valuenow=${Math.round(x * 100)} aria-valuetext=${words}
      aria-keyshortcuts="ArrowLeft ArrowRight ArrowUp ArrowDown" @keydown=${pressed}
      data-place=${styled({ left: at(x), top: at(y) })}
    ></div>
  </div>`;
}

function percent(share) {
  return number(share * 100, Number.isInteger(Math.round(share * 1000) / 10) ? 0 : 1);
}

function grab(event) {
  if (event.button) return;
  held = true;
  event.currentTarget.setPointerCapture(event.pointerId);
  event.currentTarget.querySelector("#point").focus({ preventScroll: true });
  drag(event);
}

function drag(event) {
  if (!held) return;
  event.preventDefault();
  const box = event.currentTarget.getBoundingClientRect();
  const share = (at, start, length) => (((at - start) / length) * CELLS - 0.5) / (CELLS - 1);
  moveTo(share(event.clientX, box.left, box.width), share(event.clientY, box.top, box.height));
}

function drop() {
  held = false;
}

function pressed(event) {
  const { x, y } = place.value;
  const far = event.shiftKey ? LEAP : STEP;
  const next = {
    ArrowLeft: [x - far, y], ArrowRight: [x + far, y], ArrowUp: [x, y - far], ArrowDown: [x, y + far],
    PageUp: [x, y - LEAP], PageDown: [x, y + LEAP], Home: [0, y], End: [1, y],
  }[event.key];
  if (!next) return;
  event.preventDefault();
  moveTo(...next);
}
