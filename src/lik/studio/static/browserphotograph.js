/** A photograph as an exported page opens it: its eyes are tapped, and the faces cut by them. */
import { bitmapOf, whitened } from "./bitmaps.js";
import { sha256Of } from "./sha256.js";
import { shownEyes } from "./shown.js";

/**
 * @param {Blob} photograph @param {object} facts of the run @param {number[][]|null} eyes
 * @returns {Promise<object>} what `ServerEngine.encode` gives, yet without codes, and the eyes
 */
export async function opened(photograph, facts, eyes) {
  const bitmap = await bitmapOf(photograph);
  const { width, height } = bitmap;
  const sha256 = await sha256Of(photograph);
  const about = { sha256, width, height, notice: "" };
  try {
    const { size } = facts;
    if (width === size && height === size) {
      const face = faceOf({ x: 0, y: 0, side: size, angle: 0 }, coloursOf(pixelsOf(bitmap)));
      return { ...about, a_crop: true, faces: [face] };
    }
    const all = eyes ?? (await shownEyes(bitmap));
    return { ...about, a_crop: false, eyes: all, faces: await cutFaces(bitmap, all, facts) };
  } finally {
    bitmap.close();
  }
}

async function cutFaces(bitmap, eyes, { crop, size }) {
  const { cut, squareOf } = await import("./cutting.js");
  const pixels = pixelsOf(bitmap);
  return eyes.map(([ax, ay, bx, by]) => {
    const square = squareOf([[ax, ay], [bx, by]], crop);
    return faceOf(square, cut(pixels, square, size));
  });
}

function faceOf(square, crop) {
  return { square, crop, code: null, inverted: 0 };
}

/** A canvas that holds the picture; what is transparent in it is white. */
export function canvasWith(bitmap) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  whitened(canvas).drawImage(bitmap, 0, 0);
  return canvas;
}

function pixelsOf(bitmap) {
  const canvas = canvasWith(bitmap);
  return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
}

/** ImageData → its pixels without transparency. */
function coloursOf({ data }) {
  return Uint8Array.from({ length: (data.length / 4) * 3 }, (_, i) => data[4 * Math.floor(i / 3) + (i % 3)]);
}
