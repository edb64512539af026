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
