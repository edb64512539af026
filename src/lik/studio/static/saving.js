/** Saving: the server makes the very picture of `lik edit`, and the browser downloads it. */
import { signal } from "./vendor.js";
import { t } from "./i18n.js";
import { photographsIn } from "./mixing.js";
import { capital, report, tell } from "./notices.js";
import { source } from "./pictures.js";
import { withoutRecord } from "./pngtext.js";
import { recordOf } from "./record.js";

/** @type {{value: {done: number, total: number}|null}} */
export const saving = signal(null);

/**
 * @param {import("./state.js").Entry|null} of
 * @param {boolean} plainly without the record of how it was made
 */
export async function save(of, plainly = false) {
  if (!of || saving.value) return;
  saving.value = { done: 0, total: 0 };
  try {
    const step = (done, total) => (saving.value = { done, total });
    const { png, notices } = await pictureFor(of, step);
    download(plainly ? await withoutRecord(png) : png, `${stem(of.subject)}-lik.png`);
    tell([t("saved"), ...notices.map(capital)].join(" "));
  } catch (error) {
    report(error);
  } finally {
    saving.value = null;
  }
}

/** The PNG of an entry, and what is to be said of it. */
async function pictureFor(of, onStep) {
  const { photograph, source: from } = of.subject;
  const record = recordOf(of);
  if (photograph) return source.engine.edit(record, photograph.blob, from.eyes ? from : null, onStep);
  try {
    return await source.engine.edit(record, null, from, onStep);
  } catch (error) {
    const mixed = from.kind === "mix" ? photographsIn(from) : [];
    if (error.code !== "unusable" || !mixed.length) throw error;
    for (const one of mixed) await source.engine.encode(one.photograph.blob, one.source.eyes); // it forgot them
    return source.engine.edit(record, null, from, onStep);
  }
}

export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export function stem({ name, source: { kind, seed, index } }) {
  if (name) return name.replace(/\.[^.]*$/, "");
  return kind === "mix" ? kind : `${kind}-${seed}-${index + 1}`;
}
