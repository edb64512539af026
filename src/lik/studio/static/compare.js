/** The tab that compares runs: two to four of them, of one face, under one edit. */
import { effect, html, live, nothing, render, repeat, untracked } from "./vendor.js";
import {
  LEAST, MOST, MOVED, contenders, decoding, face, given, opened, photographOf, picked, setSeed,
  terms, toggle, traits, watchComparison,
} from "./comparing.js"; // prettier-ignore
import { SIDE } from "./contender.js";
import { grouped } from "./groups.js";
import { learned, number, t, traitLabel } from "./i18n.js";
import { openFiles } from "./intake.js";
import { opening, photographs } from "./photograph.js";
import { refusal } from "./notices.js";
import { saveSheet } from "./sheet.js";
import { slider } from "./slider.js";
import { about, runs } from "./state.js";
import { tab } from "./tabs.js";
import { showsBefore } from "./toolbar.js";
import { unlessTyped } from "./typing.js";

/** @param {HTMLElement} root @param {string} token */
export function mountCompare(root, token) {
  watchComparison(token);
  effect(() => {
    root.setAttribute("aria-label", t("tab.compare"));
    if (tab.value === "compare") render(view(), root);
  });
  effect(() => {
    const old = showsBefore.value;
    for (const one of contenders.value) {
      if (!one.drawn.value) continue;
      const canvas = untracked(() => root.querySelector(`canvas[data-run="${CSS.escape(one.id)}"]`));
      canvas?.getContext("2d").drawImage(old ? one.painter.before : one.painter.after, 0, 0);
    }
  });
}

function view() {
  const all = runs.value.runs;
  if (all.length < LEAST) {
    return html`<div class="empty-state"><h2>${t("compare.none")}</h2><p>${t("compare.none.says")}</p>
      <pre><code>lik studio runs</code></pre></div>`;
  }
  return html`<div class="compare-grid">
    <div class="compare-left">
      ${sourceView()} ${pickView(all)} ${notesView()}
      <div class="panels count-${contenders.value.length}">
        ${repeat(contenders.value, (one) => one.id, panel)}
      </div>
    </div>
    <div class="compare-right column">${traitsView()}</div>
  </div>`;
}

function pickView(all) {
  const full = picked.value.length >= MOST;
  return html`<fieldset class="pick"><legend>${t("compare.runs", { least: LEAST, most: MOST })}</legend>
    ${all.map(({ id, name }) => {
      const on = picked.value.includes(id);
      const fixed = on ? picked.value.length <= LEAST : full;
      return html`<label class=${fixed && !on ? "disabled" : ""}>
        <input type="checkbox" .checked=${live(on)} ?disabled=${fixed} @change=${() => toggle(id)} />
        <span>${name}</span></label>`;
    })}
  </fieldset>`;
}

function sourceView() {
  const now = given.value;
  const isPhoto = now.kind === "photograph";
  const tests = opened.value.length > 0 && opened.value.every((one) => one.facts.value.abilities.testset);
  const faces = Math.max(1, ...contenders.value.map((one) => one.found.value));
  return html`<div class="compare-bar row">
    <label class="button primary">${t("compare.photo")}
      <input type="file" class="visually-hidden" id="compare-file" accept="image/jpeg,image/png,image/webp"
        ?disabled=${!about.value} @change=${(e) => (openFiles([...e.target.files]), (e.target.value = ""))} /></label>
    ${photographs.value.length && !isPhoto
      ? html`<button type="button" @click=${() => (given.value = photographOf(photographs.value[0]))}>
          ${t("compare.back", { name: photographs.value[0].name || t("photo") })}</button>`
      : nothing}
    ${isPhoto ? nothing : html`<span class="row pair"><label for="compare-seed" class="quiet">${t("drawn.seed")}</label>
      <input id="compare-seed" type="number" min="0" max="4294967295" step="1"
        .value=${unlessTyped(String(now.seed ?? 1))} @change=${(e) => setSeed(Number(e.target.value))} /></span>`}
    <span class="row pair" ?hidden=${isPhoto && faces < 2}><label for="compare-index" class="quiet">${t("compare.face")}</label>
      <input id="compare-index" type="number" min="1" max=${isPhoto ? faces : 16} step="1"
        .value=${unlessTyped(String((isPhoto ? face.value : now.index) + 1))}
        @change=${(e) => chooseFace(Number(e.target.value), isPhoto ? faces : 16)} /></span>
    ${tests
      ? html`<button type="button" aria-pressed=${now.kind === "testset"} class="plain"
          @click=${() => (given.value = { kind: "testset", seed: now.seed ?? 1, index: 0 })}>
          ${t("drawn.testset")}</button>`
      : nothing}
    ${now.kind === "prior" ? nothing : html`<button type="button" class="plain"
      @click=${() => (given.value = { kind: "prior", seed: now.seed ?? 1, index: 0 })}>${t("drawn.title")}</button>`}
    <span class="gap"></span>
    ${isPhoto
      ? html`<button type="button" class="plain" aria-pressed=${decoding.value}
          @click=${() => (decoding.value = !decoding.value)}>${t("compare.decoding")}</button>`
      : nothing}
    ${holdView()}
    <button type="button" ?disabled=${!contenders.value.some((one) => one.drawn.value)} @click=${saveSheet}>
      ${t("compare.save")}</button>
  </div>`; // prettier-ignore
}

function chooseFace(value, most) {
  const index = Math.min(most, Math.max(1, Math.floor(value) || 1)) - 1;
  if (given.value.kind === "photograph") face.value = index;
  else given.value = { ...given.value, index };
}

function holdView() {
  const hold = (on) => () => (showsBefore.value = on);
  return html`<button
    type="button" class="plain" ?disabled=${!terms.value.length} aria-pressed=${showsBefore.value}
    @pointerdown=${hold(true)} @pointerup=${hold(false)} @pointerleave=${hold(false)}
    @keydown=${(e) => (e.key === "Enter" || e.key === " ") && hold(true)()} @keyup=${hold(false)}
    @blur=${hold(false)} @contextmenu=${(e) => e.preventDefault()} title=${t("stage.hold.title")}
  >${t("stage.hold")}</button>`;
}

/** What differs between the runs, each in a sentence. */
function notesView() {
  const facts = opened.value.map((one) => one.facts.value);
  const sizes = [...new Set(facts.map((one) => one.size))].sort((a, b) => a - b);
  const shared = traits.value.filter(({ missing }) => !missing.length).length;
  const notes = [];
  if (opening.value) notes.push(t("photo.opening", { name: opening.value }));
  if (refusal.value) notes.push(refusal.value);
  if (given.value.kind === "prior") notes.push(t("compare.own"));
  const sets = new Set(facts.map((one) => one.facts.faces));
  if (given.value.kind === "testset" && sets.size > 1) notes.push(t("compare.sets"));
  if (sizes.length > 1) notes.push(t("compare.sizes", { sizes: sizes.join(", ") }));
  if (shared < traits.value.length) {
    notes.push(t("compare.traits", { shared, all: traits.value.length }));
  }
  const bare = facts.filter((one) => !one.usual_method).map((one) => one.name);
  if (bare.length) {
    notes.push(t("compare.traitless", { runs: bare.join(", "), command: "lik fit-directions" }));
  }
  if (facts.filter((one) => one.facts.loss).length > 1) notes.push(t("compare.losses"));
  return html`<p class="quiet notes" aria-live="polite">${notes.join(" ")}</p>`;
}

function panel(one) {
  const facts = one.facts.value;
  const name = facts?.name ?? runs.value.runs.find(({ id }) => id === one.id)?.name ?? one.id;
  const there = one.drawn.value > 0;
  return html`<figure class="panel">
    <div class="panel-picture ${there ? "" : "waits"}">
      <canvas data-run=${one.id} width=${SIDE} height=${SIDE} role="img" aria-label=${altOf(name)}></canvas>
      ${one.failure.value ? html`<p class="refusal">${one.failure.value}</p>` : nothing}
    </div>
    <figcaption><b>${name}</b> <span class="quiet">${facts ? wordsOf(facts) : ""}</span></figcaption>
  </figure>`;
}

/** Size, loss and what it was trained on, in short words. */
export function wordsOf({ size, latent, facts }) {
  return [
    t("run.pixels", { size }), t("run.latent", { latent }),
    facts.loss ? t("training.loss", { loss: number(facts.loss, 1) }) : "", learned(facts),
  ].filter(Boolean).join(" · "); // prettier-ignore
}

/** The edit in words, as it is said below sheets. */
export function editWords() {
  return terms.value.map(([name, strength]) => `${traitLabel(name)} ${number(strength)}`).join(", ");
}

/** What all are given, in words. */
export function givenWords() {
  const { kind, seed, index, subject } = given.value;
  if (kind === "photograph") return t("alt.photograph", { name: subject.name, count: subject.faces.length });
  return t(`alt.${kind}`, { seed, number: index + 1 });
}

function altOf(name) {
  const what = `${name}: ${givenWords()}`;
  const edits = editWords();
  return edits ? t("alt.edited", { what, edits }) : what;
}

function traitsView() {
  const all = traits.value;
  const shared = all.filter(({ missing }) => !missing.length);
  const others = all.filter(({ missing }) => missing.length);
  return html`<div class="row head"><h2>${t("region.traits")}</h2><span class="gap"></span>
      <button type="button" class="plain" ?disabled=${!terms.value.length} @click=${() => (terms.value = [])}>
        ${t("traits.reset")}</button></div>
    ${grouped(shared).map(
      ([group, own]) => html`<details class="group" open>
        <summary><h2>${t(`group.${group}`)}</h2><span class="quiet">${own.length}</span></summary>
        ${repeat(own, ({ name }) => name, ({ name }) => slider(name, traitLabel(name), nothing, MOVED))}
      </details>`,
    )}
    ${others.length
      ? html`<details class="group" ?open=${!shared.length}>
          <summary><h2>${t("compare.unshared")}</h2><span class="quiet">${others.length}</span></summary>
          ${repeat(others, ({ name }) => name, ({ name, missing }) =>
            slider(name, traitLabel(name), nothing, MOVED, t("compare.unknown", { runs: missing.join(", ") })))}
        </details>`
      : nothing}`; // prettier-ignore
}
