/** For a class: the face and a few sliders, large, and nothing else. */
import { effect, html, nothing, signal } from "./vendor.js";
import { t, traitLabel } from "./i18n.js";
import { say, tell } from "./notices.js";
import { about, entry } from "./state.js";
import { tab } from "./tabs.js";

/** Traits that are shown to a class, at the most. */
export const MOST = 5;
const KEPT = "lik-starred";

/** Whether the page is shown to a class. */
export const presenting = signal(false);
/** @type {{value: string[]}} traits with a star, which stay for the next time */
export const starred = signal(readKept());

function readKept() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
    return Array.isArray(kept) ? kept.filter((one) => typeof one === "string").slice(0, 50) : [];
  } catch {
    return [];
  }
}

export function present(on = !presenting.value) {
  if (on && (tab.value !== "edit" || !entry.value)) return;
  presenting.value = on;
  say(t(on ? "present.begun" : "present.ended"));
}

export function watchPresenting() {
  effect(() => {
    if (tab.value !== "edit") presenting.value = false;
    document.body.classList.toggle("presenting", presenting.value);
  });
}

/** The traits that a class sees: those with a star, or those moved, or the first ones. */
export function presented() {
  const known = about.value.traits.map(({ name }) => name);
  const isKnown = (name) => known.includes(name) || isDimension(name);
  const own = starred.value.filter(isKnown);
  const moved = entry.value.terms.map(([name]) => name);
  const dimensions = about.value.dimensions.map(({ index }) => `dimension:${index}`);
  const rest = own.length ? [] : [...new Set([...moved, ...known, ...dimensions])];
  return [...own, ...rest].slice(0, MOST);
}

function isDimension(name) {
  return /^dimension:\d+$/.test(name) && Number(name.slice(10)) < about.value.latent;
}

/** The star of a slider's row. */
export function starView(name) {
  const on = starred.value.includes(name);
  const label = t("present.star", { trait: traitLabel(name) });
  return html`<button
    type="button" class="icon star" aria-pressed=${on} aria-label=${label} title=${label}
    @click=${() => star(name, on)}
  >${on ? "★" : "☆"}</button>`;
}

function star(name, was) {
  const known = new Set(about.value.traits.map((trait) => trait.name));
  const here = starred.value.filter((one) => known.has(one) || isDimension(one));
  if (!was && here.length >= MOST) return tell(t("present.most", { most: MOST }));
  starred.value = was ? starred.value.filter((one) => one !== name) : [...starred.value, name];
  try {
    localStorage.setItem(KEPT, JSON.stringify(starred.value));
  } catch {
    // It is kept for this time alone.
  }
  return undefined;
}

export function presentButton(of) {
  return html`<button
    type="button" class="plain present" ?disabled=${!of} title=${t("present.title")} @click=${() => present(true)}
  >${t("present")}</button>`;
}

/** What a class sees beside the stage; `rows` are sliders. */
export function presentView(rows) {
  return html`<div class="presented">
    <button type="button" class="leave" @click=${() => present(false)}>${t("present.leave")} <kbd>Esc</kbd></button>
    ${rows}
    ${starred.value.length ? nothing : html`<p class="quiet">${t("present.hint")}</p>`}
  </div>`;
}
