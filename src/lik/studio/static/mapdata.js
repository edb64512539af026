/** The map that is shown: its points, where each comes from, and what the network sees in them. */
import { batch, computed, effect, signal } from "./vendor.js";
import { entryOf } from "./mixing.js";
import { report, sentenceOf } from "./notices.js";
import { source } from "./pictures.js";
import { about, begin } from "./state.js";
import { show, tab } from "./tabs.js";

/** Points that can be asked for; of those that t-SNE lays out, a thousand at the most. */
export const COUNTS = [300, 600, 1000, 2000, 4000];
export const MOST_NEIGHBOURS = 1000;
/** Faces that a seed gives: the next ones are of the seed after it. */
export const TOGETHER = 16;

/** @type {{value: {kind: string, seed: number, count: number, method: string}}} */
export const wanted = signal({ kind: "prior", seed: 1, count: 600, method: "pca" });
/** The attribute that colours the points, or "". */
export const attribute = signal("");
/** @type {{value: object|null}} what `engine.map` gave, and what it was asked for */
export const data = signal(null);
/** @type {{value: string[]}} */
export const attributes = signal([]);
/** @type {{value: Map<string, Float32Array>|null}} */
export const seen = signal(null);
/** @type {{value: {stage: string, done: number, total: number}|null}} */
export const loading = signal(null);
/** What went wrong, in a sentence. */
export const failure = signal("");
/** The point that is looked at, or −1. */
export const looked = signal(-1);
/** Probabilities of the points, or null. */
export const colours = computed(() => (attribute.value && seen.value?.get(attribute.value)) ?? null);

let running = null;
let askedFor = null;

/** Ask for what is missing while the map is shown, and for nothing while it is not. */
export function watchMap() {
  effect(() => {
    const run = about.value;
    if (tab.value !== "map" || !run) {
      running?.abort();
      return;
    }
    if (failure.value) return;
    const request = wanted.value;
    if (askedFor !== run) {
      askedFor = run;
      learn();
    }
    if (data.value?.wanted !== request) ask(request, load);
    else if (attribute.value && !seen.value) ask(request, look);
    else running?.abort();
  });
}

/** Forget the map, when another run is opened. */
export function clearMap() {
  running?.abort();
  batch(() => {
    data.value = seen.value = null;
    attributes.value = [];
    attribute.value = failure.value = "";
    looked.value = -1;
    wanted.value = { ...wanted.value, kind: "prior" };
  });
}

/** Ask for another map. */
export function want(parts) {
  const next = { ...wanted.value, ...parts };
  if (next.method === "tsne") next.count = Math.min(next.count, MOST_NEIGHBOURS);
  batch(() => {
    failure.value = "";
    wanted.value = next;
  });
}

async function learn() {
  try {
    const { engine } = source;
    const names = await engine.mapAttributes();
    if (engine === source.engine) attributes.value = names;
  } catch (error) {
    report(error);
  }
}

async function ask(request, job) {
  if (running?.request === request && running.job === job) return;
  running?.abort();
  const own = (running = Object.assign(new AbortController(), { request, job }));
  loading.value = { stage: "drawing", done: 0, total: 0 };
  const step = (done, total, stage) => own === running && (loading.value = { stage, done, total });
  try {
    await job(request, step, own.signal, () => own === running);
  } catch (error) {
    if (own === running && error.name !== "AbortError") failure.value = sentenceOf(error);
  } finally {
    if (own === running) {
      running = null;
      loading.value = null;
    }
  }
}

async function load(request, step, signal, isNew) {
  const found = await source.engine.map(request, step, signal);
  if (!isNew()) return;
  const last = data.value?.wanted;
  const same = last && ["kind", "seed", "count"].every((key) => last[key] === request[key]);
  running = null; // what is missing next may be asked for at once
  batch(() => {
    loading.value = null;
    if (!same) {
      seen.value = null;
      looked.value = -1;
    }
    data.value = { ...found, wanted: request };
  });
}

async function look(request, step, signal, isNew) {
  const { kind, seed, count } = request;
  const found = await source.engine.mapSeen({ kind, seed, count }, step, signal);
  if (isNew()) seen.value = found;
}

/** Where a point comes from, as the record has it. */
export function sourceAt(index) {
  const { kind, seed } = data.value.wanted;
  const number = data.value.places[index];
  const own = { kind, seed: seed + Math.floor(number / TOGETHER), index: number % TOGETHER };
  return kind === "prior" ? { ...own, temperature: null, prior: about.value.usual_prior } : own;
}

/** The face of a point as an entry. */
export function entryAt(index) {
  return entryOf({ source: sourceAt(index), code: data.value.codes[index] });
}

/** Edit the face of a point. */
export function edit(index) {
  begin(entryAt(index).subject);
  show("edit");
}

/** The points that lie nearest to one, itself first. */
export function nearest(index, count) {
  const { points } = data.value;
  const [x, y] = [points[2 * index], points[2 * index + 1]];
  const order = Array.from({ length: points.length / 2 }, (_, i) => i);
  const far = order.map((i) => (points[2 * i] - x) ** 2 + (points[2 * i + 1] - y) ** 2);
  return order.sort((a, b) => far[a] - far[b]).slice(0, count);
}
