/** What is compared: which runs, of what face, and under which edit. */
import { batch, computed, effect, signal, untracked } from "./vendor.js";
import { Contender } from "./contender.js";
import { photographs } from "./photograph.js";
import { about, entry, runs } from "./state.js";
import { tab } from "./tabs.js";

export const LEAST = 2;
export const MOST = 4;

/** @type {{value: string[]}} ids of the runs that are compared */
export const picked = signal([]);
/** @type {{value: Contender[]}} */
export const contenders = signal([]);
/** @type {{value: object}} the face that all are given; a photograph is the newest one opened */
export const given = signal({ kind: "prior", seed: 1, index: 0 });
/** @type {{value: [string, string][]}} */
export const terms = signal([]);
/** Whether decodings are shown, and not the photograph that is changed. */
export const decoding = signal(false);
/** The face of the photograph that is compared, counted from 0. */
export const face = signal(0);

let begun = false;

/** Open what is picked, while the tab is open, and give it what it is to show. */
export function watchComparison(token) {
  effect(() => {
    if (tab.value !== "compare" || begun || runs.value.runs.length < LEAST) return;
    begun = true;
    untracked(begin);
  });
  effect(() => {
    const ids = tab.value === "compare" ? picked.value : [];
    untracked(() => open(token, ids));
  });
  effect(() => {
    const wanted = { terms: terms.value, decoding: decoding.value };
    for (const one of contenders.peek()) one.want(wanted);
  });
  effect(() => {
    const [newest] = photographs.value;
    if (newest && tab.peek() === "compare") given.value = photographOf(newest);
  });
  effect(() => {
    const what = whatIsGiven();
    const wanted = untracked(() => ({ terms: terms.value, decoding: decoding.value }));
    for (const one of contenders.peek()) one.take(what, wanted);
  });
}

/** The run, the face and the edit that are open in the other tab, and other runs beside it. */
function begin() {
  const ids = runs.value.runs.map(({ id }) => id);
  const own = about.value?.id;
  const others = ids.filter((id) => id !== own).slice(0, own ? LEAST - 1 : LEAST);
  const subject = entry.value?.subject;
  batch(() => {
    picked.value = own ? [own, ...others] : others;
    terms.value = entry.value?.terms.filter(([name]) => !name.includes(":")) ?? [];
    if (subject?.photograph) given.value = photographOf(subject);
    else if (["prior", "testset"].includes(subject?.source.kind)) given.value = subject.source;
  });
}

function whatIsGiven() {
  return given.value.kind === "photograph" ? { ...given.value, face: face.value } : given.value;
}

export function photographOf(subject) {
  return { kind: "photograph", subject };
}

function open(token, ids) {
  const before = new Map(contenders.value.map((one) => [one.id, one]));
  const fresh = [];
  contenders.value = ids.map((id) => {
    if (before.has(id)) return before.get(id);
    fresh.push(new Contender(token, id));
    return fresh.at(-1);
  });
  for (const [id, one] of before) if (!ids.includes(id)) one.close();
  const wanted = { terms: terms.value, decoding: decoding.value };
  for (const one of fresh) one.take(whatIsGiven(), wanted);
}

/** Add a run, or leave it out again. */
export function toggle(id) {
  const now = picked.value;
  if (now.includes(id)) picked.value = now.filter((one) => one !== id);
  else if (now.length < MOST) picked.value = [...now, id];
}

/** The runs that are open by now, each with what it is. */
export const opened = computed(() => contenders.value.filter((one) => one.facts.value));

/** Every trait that a run knows, and which runs do not know it. */
export const traits = computed(() => {
  const all = new Map();
  for (const one of opened.value) {
    for (const trait of one.facts.value.traits) all.set(trait.name, trait);
  }
  return [...all.values()].map(({ name }) => ({
    name,
    missing: opened.value.filter((one) => !one.knows(name)).map((one) => one.facts.value.name),
  }));
});

/** What the sliders of the comparison move. */
export const MOVED = {
  prefix: "compared",
  strength: (name) => terms.value.find(([own]) => own === name)?.[1] ?? "0",
  adjust(name, strength) {
    const others = terms.value.filter(([own]) => own !== name);
    const there = others.length < terms.value.length;
    const next = there
      ? terms.value.map((term) => (term[0] === name ? [name, strength] : term))
      : [...others, [name, strength]];
    terms.value = next.filter(([, value]) => Number(value) !== 0);
  },
  end() {},
  reset(name) {
    terms.value = terms.value.filter(([own]) => own !== name);
  },
};

export function setSeed(seed) {
  const index = given.value.index ?? 0;
  const kind = given.value.kind === "testset" ? "testset" : "prior";
  given.value = { kind, seed: Math.min(4294967295, Math.max(0, Math.floor(seed) || 0)), index };
}

