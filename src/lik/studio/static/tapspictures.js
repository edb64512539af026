/** What the dialog for eyes draws: the photograph, squares on it, a loupe, and what the model sees. */
import { svg } from "./vendor.js";
import { pointOf } from "./compositor.js";
import { cut, squareOf } from "./cutting.js";
import { isWhole } from "./eyes.js";
import { canvasOf } from "./pictures.js";

/** A preview is cut from so many pixels a side of the crop: a photograph may be far larger. */
const FINE = 4;
/** Pixels of the loupe in one of the screen, and of the picture's own, at the least. */
const LOUPE = 2.5;

/** Canvas → the face that it shows. @type {WeakMap<HTMLCanvasElement, object>} */
const drawn = new WeakMap();

/** Draw the photograph as it is looked at. @param {HTMLCanvasElement} canvas */
export function drawPhotograph(canvas, { bitmap, room }) {
  const { scale, x, y } = room.look.value;
  const { width, height } = room.room;
  const density = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * density), Math.round(height * density)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const context = canvas.getContext("2d");
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, x, y, bitmap.width * scale, bitmap.height * scale);
}

/** What is around a mark that is dragged, larger: a finger covers it. */
export function drawLoupe(canvas, { bitmap, room }, [x, y]) {
  const density = window.devicePixelRatio || 1;
  const scale = LOUPE * Math.max(room.look.value.scale, 0.25) * Math.min(2, density);
  const half = canvas.width / 2;
  const context = canvas.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, half - x * scale, half - y * scale, bitmap.width * scale, bitmap.height * scale);
  for (const [colour, width] of [["rgb(0 0 0 / 60%)", 6], ["#fff", 2.5]]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      context.moveTo(half + 14 * dx, half + 14 * dy);
      context.lineTo(half + 44 * dx, half + 44 * dy);
    }
    context.stroke();
  }
}

/** The face as the model sees it, on a canvas of its size; one that is there already stays. */
export function drawPreview(canvas, { bitmap, crop, size }, face) {
  if (drawn.get(canvas) === face) return;
  drawn.set(canvas, face);
  if (!face || !isWhole(face)) {
    canvas.width = canvas.height = size; // which clears it
    return;
  }
  const square = squareOf(face.eyes, crop);
  canvas.width = canvas.height = size;
  canvas.getContext("2d").drawImage(canvasOf(previewOf(bitmap, square, size), size), 0, 0);
}

/** The square, cut from a picture that was reduced beforehand: dragging shall not wait for it. */
function previewOf(bitmap, square, size) {
  const scale = Math.min(1, (FINE * size) / square.side);
  const half = square.side * 1.25; // with what is reflected
  const middle = pointOf(square, 0.5, 0.5);
  const span = (at, length) => [Math.max(0, Math.floor(at - half)), Math.min(length, Math.ceil(at + half))];
  const [left, right] = span(middle[0], bitmap.width);
  const [top, bottom] = span(middle[1], bitmap.height);
  const width = Math.max(1, Math.round((right - left) * scale));
  const height = Math.max(1, Math.round((bottom - top) * scale));
  const small = new OffscreenCanvas(width, height);
  const context = small.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, left, top, right - left, bottom - top, 0, 0, width, height);
  const own = width / (right - left);
  const there = { ...square, x: (square.x - left) * own, y: (square.y - top) * own, side: square.side * own };
  return cut(context.getImageData(0, 0, width, height), there, size);
}

/** The square of a face, and a line between its eyes. */
export function outlineOf({ eyes }, crop, room) {
  const square = squareOf(eyes, crop);
  const corners = [[0, 0], [1, 0], [1, 1], [0, 1]].map((share) => room.toRoom(pointOf(square, ...share)));
  const path = (points) => `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`;
  const lines = `${path(corners)}Z${path(eyes.map((eye) => room.toRoom(eye)))}`;
  const inner = svg`<path class="dark" d=${lines} /><path d=${lines} />`;
  return svg`<svg class="taps-square" aria-hidden="true">${inner}</svg>`;
}
