/** Where a person shows the eyes in a picture. */
import { StudioError } from "./errors.js";
import { t } from "./i18n.js";

/**
 * The eyes that a person shows in a picture, in tenths of a pixel, as the record has them.
 * @param {ImageBitmap} bitmap @returns {Promise<number[][]>} [left x, left y, right x, right y] each
 */
export async function shownEyes(bitmap) {
  const { askForEyes } = await import("./taps.js");
  const pairs = await askForEyes(bitmap);
  if (!pairs?.length) throw new StudioError({ code: "cancelled", message: t("photo.untapped") });
  return pairs.map((pair) => pair.flat());
}
