/**
 * What is mixed: four corners of a square, the place in it, and the code that lies there.
 *
 * A corner is an entry with a single face, so that an edited face can be one too.
 */
import { effect, signal } from "./vendor.js";
import { COUNT, tiles } from "./drawing.js";
import { StudioError } from "./errors.js";
import { t } from "./i18n.js";
import { report } from "./notices.js";
import { photographs } from "./photograph.js";
import { codesOf, source, urlOf } from "./pictures.js";
import { PLAIN, about, begin, news, subjectOf } from "./state.js";
import { mixedOn } from "./sums.js";
import { show, tab } from "./tabs.js";

/** @type {{value: (import("./state.js").Entry|null)[]}} in the order of reading */
export const corners = signal([null, null, null, null]);
/** The corner that the next face goes to, counted from 0. */
export const active = signal(0);
/** @type {{value: {x: number, y: number}}} the place in the square, 0…1 */
export const place = signal({ x: 0.5, y: 0.5 });
/** @type {{value: "straight"|"spherical"}} */
export const path = signal("straight");
/** @type {{value: Float32Array[]|null}} the codes of the corners, once all are there */
export const codes = signal(null);
/** @type {{value: (string|null)[]}} small pictures of the corners */
export const pictures = signal([null, null, null, null]);

/** Keep codes and pictures of the corners; those that are empty get the first new faces. */
export function watchCorners() {
  effect(() => {
    const all = corners.value;
    if (tab.value !== "mix" || !tiles.value.length || all.every(Boolean)) return;
    corners.value = all.map((of, i) => of ?? entryOf(tiles.value[i % tiles.value.length]));
  });
  effect(() => {
    news.value; // a code was fitted
    const all = corners.value;
    if (all.every(Boolean)) resolve(all);
    else codes.value = null;
  });
  let last = null;
  effect(() => {
    const [newest] = photographs.value; // one that is opened here goes to a corner at once
    const isNew = newest && newest !== last;
    last = newest;
    if (isNew && tab.peek() === "mix") fill(faceOf(newest));
    else if (isNew && tab.peek() === "map") show("edit");
  });
}

async function resolve(all) {
  try {
    const found = await Promise.all(all.map(async (of) => (await codesOf(of)).codes[0]));
    if (all !== corners.value) return;
    const known = codes.value;
    const changed = found.map((code, i) => !known || known[i] !== code);
    if (!changed.some(Boolean)) return;
    codes.value = found;
    const decoded = await source.engine.decode(found);
    if (all === corners.value) pictures.value = decoded.map((rgb) => urlOf(rgb));
  } catch (error) {
    report(error);
  }
}

/** Forget the corners, when another run is opened. */
export function clearMix() {
  corners.value = pictures.value = [null, null, null, null];
  codes.value = null;
  active.value = 0;
  place.value = { x: 0.5, y: 0.5 };
}

/** A drawn face → an entry. */
export function entryOf({ source: from, code }) {
  const face = { square: null, code, crop: null, inverted: 0 };
  return { subject: subjectOf(from, [face]), terms: [], method: about.value.usual_method ?? PLAIN, face: null };
}

/** A face of a photograph, counted from 1 → an entry. */
export function faceOf(subject, face = 1) {
  return { subject, terms: [], method: about.value.usual_method ?? PLAIN, face };
}

/** Put a face into the active corner; the next one is then active. */
export function fill(of) {
  const at = active.value;
  corners.value = corners.value.map((one, i) => (i === at ? of : one));
  active.value = (at + 1) % 4;
}

/** Whether an entry can go to a corner: a mixture cannot. */
export function canFill(of) {
  return Boolean(of) && of.subject.source.kind !== "mix";
}

/** Move the place: thousandths are kept, so that shares are short decimal numbers. */
export function moveTo(x, y) {
  const within = (value) => Math.round(Math.min(1, Math.max(0, value)) * 1000) / 1000;
  place.value = { x: within(x), y: within(y) };
}

/** The code at a place; on a spherical path as in `lik morph`, down first. */
export function codeAt({ x, y }, ends = codes.value) {
  return mixedOn(path.value, ends, shares(x, y).map(Number));
}

function shares(x, y) {
  return [(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y].map((share) =>
    share.toFixed(6).replace(/\.?0+$/, ""),
  );
}

/** The mixture as an entry; all corners are told, also those that have no share. */
export function mixture() {
  const { x, y } = place.value;
  const ends = corners.value.map(endOf);
  const from = { kind: "mix", ends, shares: shares(x, y), path: path.value };
  return entryOf({ source: from, code: codeAt({ x, y }) });
}

function endOf({ subject, terms, method, face }) {
  const { source: own } = subject;
  const plain = own.kind === "photograph" ? { ...own, face: face ?? 1 } : own;
  if (!terms.length) return plain;
  return { kind: "edited", source: plain, method, strengths: Object.fromEntries(terms) };
}

/** Go on with the mixture in Edit. */
export function takeOver() {
  begin(mixture().subject);
  show("edit");
}

/** Whether all faces that a mixture is of can be had here. */
export function canOpen(from) {
  const own = from.source ?? from;
  if (own.kind === "mix") return own.ends.every(canOpen);
  if (own.kind === "photograph") return Boolean(photographOf(own));
  return own.kind !== "testset" || about.value.abilities.testset;
}

/** Open the mixture that a source describes: its corners, its place, its path. */
export async function openMix(from) {
  const ends = await entriesOf(from);
  if (ends.length === 3) return takeMix(from); // which are no square
  const [, across, down = 0, both = 0] = from.shares.map(Number);
  path.value = from.path;
  corners.value = corners.value.map((of, i) => ends[i] ?? of);
  moveTo(across + both, down + both);
  return show("mix");
}

/** Edit the mixture that a source describes. */
export async function takeMix(from, { terms, method } = {}) {
  const ends = await entriesOf(from);
  const own = await Promise.all(ends.map(async (of) => (await codesOf(of)).codes[0]));
  const code = mixedOn(from.path, own, from.shares.map(Number));
  begin(entryOf({ source: from, code }).subject, terms, method);
  show("edit");
}

function entriesOf(from) {
  if (canOpen(from)) return Promise.all(from.ends.map(endEntry));
  throw new StudioError({ code: "missing", message: t("mix.missing") });
}

async function endEntry(end) {
  if (end.kind === "edited") {
    const of = await endEntry(end.source);
    return { ...of, terms: Object.entries(end.strengths), method: end.method };
  }
  if (end.kind === "photograph") {
    return faceOf(photographOf(end), end.face);
  }
  const { index, ...rest } = end;
  const drawn = await source.engine.draw({ ...rest, count: Math.ceil((index + 1) / COUNT) * COUNT });
  return entryOf({ source: end, code: drawn[index] });
}

/** The photographs, open here, of which a mixture has faces. */
export function photographsIn(from) {
  if (from.ends) return from.ends.flatMap(photographsIn);
  const own = from.source ?? from;
  return own.kind === "photograph" ? [photographOf(own)].filter(Boolean) : [];
}

function photographOf({ sha256, face }) {
  const own = photographs.value.find((one) => one.source.sha256 === sha256);
  return own && own.faces.length >= (face ?? 1) ? own : null;
}
