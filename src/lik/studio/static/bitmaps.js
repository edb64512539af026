/** Pictures as a browser decodes them. */
import { StudioError } from "./errors.js";
import { t } from "./i18n.js";

/** The upright picture, in full. @param {Blob} photograph */
export async function bitmapOf(photograph) {
  try {
    return await createImageBitmap(photograph, { imageOrientation: "from-image" });
  } catch {
    throw new StudioError({ code: "bad-picture", message: t("photo.unreadable") });
  }
}

/** The context of a canvas that is white: so is what is transparent in a picture. */
export function whitened(canvas) {
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  return context;
}
