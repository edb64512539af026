/** Drawing of the stage: a decoding enlarged, or a photograph with its faces changed. */
import { paint, windowOf } from "./compositor.js";
import { canvasOf, changeOf } from "./pictures.js";
import { WIDE, tinted, widened } from "./tinting.js";

/** The square of a face is painted in so many pixels a side, at the most. */
const LONGEST_REGION = 512;
/** Side of pictures that are compared, at the most. */
const LONGEST_SIDE = 800;
/** Side of the pictures in the history, in pixels. */
const THUMBNAIL = 96;

/** What is on the stage: the picture after and before, at the size at which they are shown. */
export class Painter {
  constructor() {
    this.after = canvas();
    this.before = canvas();
    this.region = canvas();
    const read = { willReadFrequently: true }; // their pixels are read for each step of a slider
    for (const one of [this.after, this.before, this.region]) one.getContext("2d", read);
  }

  /**
   * Set what is shown: everything is drawn anew when that changes.
   * @param {import("./state.js").Subject} subject
   * @param {number} width @param {number} height of the canvas, in its own pixels
   */
  resize(width, height) {
    for (const one of [this.after, this.before]) {
      one.width = width;
      one.height = height;
    }
  }

  /** Draw a decoding S×S×3 as the picture before or after; S is that of the run that is open. */
  decoding(which, rgb, size = undefined) {
    const context = this[which].getContext("2d");
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.drawImage(canvasOf(rgb, size), 0, 0, this[which].width, this[which].height);
  }

  /** Draw a photograph as the picture before. */
  photograph(bitmap) {
    const context = this.before.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, this.before.width, this.before.height);
  }

  /**
   * Draw the photograph with its faces changed.
   * @param {{square: object, flow: Int16Array, colour: Int16Array, tint: Float32Array,
   *   around: import("./tinting.js").Around, size?: number}[]} faces
   * @param {number} scale pixels of the canvas in one of the photograph
   */
  changed(faces, scale) {
    const context = this.after.getContext("2d");
    context.drawImage(this.before, 0, 0);
    for (const face of faces) this.#face(context, face, scale);
  }

  #face(context, face, scale) {
    const { x, y, side, angle } = face.square;
    const square = { x: x * scale, y: y * scale, side: side * scale, angle };
    const tint = tinted(face.around, face.tint);
    if (tint.alive.includes(1)) this.#paint(context, widened(square), () => tint, WIDE * LONGEST_REGION);
    this.#paint(context, square, (side) => changeOf(face, side), LONGEST_REGION);
  }

  /** Paint a change, made for the pixels that the side of its square has here, of `longest` at most. */
  #paint(context, square, made, longest) {
    const { width, height } = this.after;
    const window = windowOf(square, width, height);
    if (!window) return;
    const shrink = Math.min(1, longest / Math.max(window.width, window.height));
    const change = made(square.side * shrink);
    if (shrink === 1) {
      const part = context.getImageData(window.x, window.y, window.width, window.height);
      paint(part, inside(square, window, 1), change);
      context.putImageData(part, window.x, window.y);
      return;
    }
    const size = [window.width, window.height].map((length) => Math.round(length * shrink));
    [this.region.width, this.region.height] = size;
    const small = this.region.getContext("2d");
    small.imageSmoothingQuality = "high";
    const place = [window.x, window.y, window.width, window.height];
    small.drawImage(this.after, ...place, 0, 0, ...size);
    const part = small.getImageData(0, 0, ...size);
    paint(part, inside(square, window, size[0] / window.width), change, true);
    small.putImageData(part, 0, 0);
    context.imageSmoothingQuality = "high";
    context.drawImage(this.region, 0, 0, ...size, ...place);
  }

  /** All that is shown, as the address of a picture for comparing. */
  whole() {
    const { width, height } = this.after;
    const fit = Math.min(1, LONGEST_SIDE / Math.max(width, height));
    const copy = canvas();
    copy.width = Math.round(width * fit);
    copy.height = Math.round(height * fit);
    copy.getContext("2d").drawImage(this.after, 0, 0, copy.width, copy.height);
    return copy.toDataURL("image/jpeg", 0.9);
  }

  /** A small picture of what is shown; of a photograph, of the face in `square`. */
  thumbnail(square = null, scale = 1) {
    const small = canvas(THUMBNAIL);
    const { width, height } = this.after;
    let place = [0, 0, width, height];
    if (square) {
      const { x, y, side, angle } = square;
      const scaled = { x: x * scale, y: y * scale, side: side * scale, angle };
      const found = windowOf(scaled, width, height);
      if (found) place = [found.x, found.y, found.width, found.height];
    }
    const context = small.getContext("2d");
    context.imageSmoothingQuality = "high";
    const fit = Math.max(THUMBNAIL / place[2], THUMBNAIL / place[3]);
    const [w, h] = [place[2] * fit, place[3] * fit];
    context.drawImage(this.after, ...place, (THUMBNAIL - w) / 2, (THUMBNAIL - h) / 2, w, h);
    return small.toDataURL("image/jpeg", 0.85);
  }
}

function inside(square, window, factor) {
  return {
    x: (square.x - window.x) * factor,
    y: (square.y - window.y) * factor,
    side: square.side * factor,
    angle: square.angle,
  };
}

function canvas(side = 1) {
  const one = document.createElement("canvas");
  one.width = one.height = side;
  return one;
}
