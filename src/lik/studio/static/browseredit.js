/** The picture of an edit, made in the browser: what `lik edit` does, and what it writes. */
import { bitmapOf } from "./bitmaps.js";
import { paint, prepared, windowOf } from "./compositor.js";
import { unusable } from "./errors.js";
import { t } from "./i18n.js";
import { canvasWith } from "./browserphotograph.js";
import { withText } from "./pngtext.js";
import { sha256Of } from "./sha256.js";
import { DIMENSION, led, mixedOn } from "./sums.js";
import { seenAround, tinted, widened } from "./tinting.js";

const GENERATIVE = "Contains pictures made by a generative model (a variational autoencoder).";
const EDITED = "A photograph that was edited by a generative model (a variational autoencoder).";

/**
 * @param {import("./browserengine.js").BrowserEngine} engine
 * @param {object} record @param {Blob|null} photograph
 * @param {object|null} source where the face came from, if from no photograph
 * @returns {Promise<{png: Blob, notices: string[]}>}
 */
export async function edited(engine, record, photograph, source, onStep) {
  if (record.model_sha256 !== engine.facts.model_sha256) throw unusable(t("offer.weights"));
  onStep(0, 2);
  const made = photograph
    ? await ofPhotograph(engine, record, photograph)
    : await ofCode(engine, record, source);
  onStep(1, 2);
  const plain = await new Promise((resolve) => made.canvas.toBlob(resolve, "image/png"));
  if (!plain) throw unusable(t("engine.large"));
  const lines = { Software: "Lik" };
  if (made.changed) {
    lines["Lik run"] = record.run;
    lines.Description = photograph ? EDITED : GENERATIVE;
  }
  lines["Lik edit"] = JSON.stringify(wholeOf(record));
  lines["Lik source"] = JSON.stringify(made.source, (_, one) => one ?? undefined);
  return { png: await withText(plain, lines), notices: [] };
}

/** The record with all that `lik edit` writes. */
function wholeOf({ version, strengths, method, ...rest }) {
  return { version, strengths, targets: {}, method, networks: [], ...rest };
}

async function ofCode(engine, record, source) {
  const code = await ledBy(engine, record, await codeOf(engine, source));
  const [decoding] = await engine.decode([code]);
  return { canvas: decodings([decoding], engine.facts.size), source, changed: true };
}

async function ofPhotograph(engine, record, photograph) {
  const sha256 = await sha256Of(photograph);
  const found = engine.photograph(sha256) ?? (await engine.encode(photograph));
  if (record.face > found.faces.length) throw unusable(t("engine.face", { number: record.face }));
  const faces = record.face ? [found.faces[record.face - 1]] : found.faces;
  const codes = await Promise.all(faces.map(({ code }) => ledBy(engine, record, code)));
  const isMoved = (i) => codes[i].some((value, d) => value !== faces[i].code[d]);
  const { eyes } = found;
  const source = { kind: "photograph", sha256, ...(eyes ? { eyes } : {}) };
  if (record.mode === "decode" || found.a_crop) {
    const canvas = decodings(await engine.decode(codes), engine.facts.size);
    return { canvas, source, changed: true };
  }
  const bitmap = await bitmapOf(photograph);
  const canvas = canvasWith(bitmap);
  const chosen = [...faces.keys()].filter(isMoved);
  const of = (list) => chosen.map((i) => list[i]);
  const crops = of(faces.map((face) => face.crop));
  const carried = chosen.length
    ? await engine.carry(of(faces.map((face) => face.code)), of(codes), crops)
    : [];
  of(faces).forEach((face, i) => {
    const { flow, colour, tint } = carried[i];
    const around = seenAround(face, { bitmap, width: bitmap.width }, engine.facts);
    painted(canvas, widened(face.square), tinted(around, tint));
    painted(canvas, face.square, prepared(flow, colour, engine.facts.size, face.square.side));
  });
  bitmap.close();
  return { canvas, source, changed: chosen.length > 0 };
}

/** Paint a change onto the photograph, in full. */
function painted(canvas, square, change) {
  const window = windowOf(square, canvas.width, canvas.height);
  if (!window) return;
  const context = canvas.getContext("2d");
  const part = context.getImageData(window.x, window.y, window.width, window.height);
  const inside = { ...square, x: square.x - window.x, y: square.y - window.y };
  paint(part, inside, change);
  context.putImageData(part, window.x, window.y);
}

/** Where the record's terms lead a code. */
async function ledBy(engine, { method, strengths, measured }, code) {
  const terms = Object.entries(strengths).filter(([, strength]) => Number(strength) !== 0);
  const own = engine.facts.methods.find(({ name, guided }) => guided && name === method);
  if (own && terms.length) {
    if (measured && measured !== own.record.measured) throw unusable(t("offer.weights"));
    return (await engine.guide()).led(code, terms);
  }
  const named = terms.map(([name]) => name).filter((name) => !name.startsWith(DIMENSION));
  const directions = named.length ? await engine.directions(method) : new Map();
  const unknown = named.find((name) => !directions.has(name));
  if (unknown) throw unusable(t("offer.unknown", { names: unknown }));
  return led(code, terms, directions);
}

/** The code that a source stands for. */
async function codeOf(engine, source) {
  if (source.kind === "mix") {
    const ends = await Promise.all(source.ends.map((end) => codeOf(engine, end)));
    return mixedOn(source.path, ends, source.shares.map(Number));
  }
  if (source.kind === "edited") return ledBy(engine, source, await codeOf(engine, source.source));
  if (source.kind === "photograph") {
    const face = engine.photograph(source.sha256)?.faces[(source.face ?? 1) - 1];
    if (!face) throw unusable(t("mix.missing"));
    return face.code;
  }
  const { index, ...rest } = source;
  return (await engine.draw({ ...rest, count: index + 1 }))[index];
}

/** Decodings beside each other. */
function decodings(pictures, size) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [size * pictures.length, size];
  const context = canvas.getContext("2d", { alpha: false }); // PNG without it, too
  pictures.forEach((rgb, at) => {
    const image = new ImageData(size, size);
    for (let i = 0; i < size * size; i++) image.data.set([rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2], 255], 4 * i);
    context.putImageData(image, at * size, 0);
  });
  return canvas;
}
