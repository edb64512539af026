/** The left column: a photograph dropped in, new faces, and the faces found. */
import { effect, html, nothing, render } from "./vendor.js";
import { COUNT, draw, drawing, seed, take, tiles } from "./drawing.js";
import { dragging, openFiles } from "./intake.js";
import { openCamera, hasCamera } from "./camera.js";
import { bitmapOf } from "./bitmaps.js";
import { t } from "./i18n.js";
import { corners, entryOf, faceOf, fill } from "./mixing.js";
import { capital, dismissRefusal, refusal, report } from "./notices.js";
import { faceless, openPhotograph, opening, photographs } from "./photograph.js";
import { urlOf } from "./pictures.js";
import { shownEyes } from "./shown.js";
import { about, begin, change, entry, runs } from "./state.js";
import { tab } from "./tabs.js";
import { unlessTyped } from "./typing.js";

const crops = new WeakMap();

export function mountFaces(root) {
  effect(() => render(view(), root));
}

function view() {
  return html`
    ${dropZone()} ${photographsView()} ${foundView()} ${drawnView()}
  `;
}

function dropZone() {
  const { network } = runs.value;
  if (about.value?.abilities.photographs === false) return nothing; // it was exported without encoder
  return html`<section class="drop ${dragging.value ? "over" : ""}">
    <p class="drop-words">
      <strong>${t("drop.title")}</strong>
      <span>${network ? t("drop.network", { name: network }) : t("drop.local")}
        ${about.value?.exported ? t("drop.taps") : nothing}</span>
    </p>
    <div class="row">
      <label class="button primary ${about.value ? "" : "disabled"}">
        ${t("drop.choose")}
        <input
          type="file" id="file" class="visually-hidden" multiple ?disabled=${!about.value}
          accept="image/jpeg,image/png,image/webp"
          @change=${(e) => (openFiles([...e.target.files]), (e.target.value = ""))}
        />
      </label>
      ${hasCamera()
        ? html`<button type="button" ?disabled=${!about.value} @click=${openCamera}>${t("drop.camera")}</button>`
        : nothing}
    </div>
    <div class="drop-state" aria-live="polite">
      ${opening.value
        ? html`<p class="quiet"><span class="spinner"></span>
            ${t(about.value?.exported ? "photo.tapping" : "photo.opening", { name: opening.value })}</p>`
        : nothing}
      ${refusal.value
        ? html`<p class="refusal">${refusal.value}
            <button type="button" class="icon" aria-label=${t("close")} @click=${dismissRefusal}>
              ×</button></p>
            ${faceless.value
              ? html`<button type="button" class="wide" @click=${() => showEyes(faceless.value)}>
                  ${t("eyes.show")}</button>`
              : nothing}`
        : nothing}
    </div>
  </section>`;
}

function photographsView() {
  const all = photographs.value;
  if (all.length < 2 && (!all.length || entry.value?.subject === all[0])) return nothing;
  return html`<section>
    <h2>${t("photos.title")}</h2>
    <div class="tiles small">
      ${all.map(
        (subject) => html`<button
          type="button" class="tile" aria-pressed=${entry.value?.subject === subject}
          title=${subject.name} @click=${() => openAgain(subject)}
        ><img src=${cropUrl(subject.faces[0])} alt=${subject.name || t("photo")} /></button>`,
      )}
    </div>
  </section>`;
}

function foundView() {
  const of = entry.value;
  if (!of?.subject.photograph) return nothing;
  const { faces, name, photograph } = of.subject;
  return html`<section>
    <h2>${t("found.title", { count: faces.length })}</h2>
    <p class="quiet name" title=${name}>${name}</p>
    ${photograph.notice ? html`<p class="quiet">${capital(photograph.notice.replace(/^the photograph: /, ""))}</p>` : nothing}
    ${about.value.abilities.carry || photograph.aCrop
      ? nothing
      : html`<p class="quiet">${t("found.decoded")}</p>`}
    <div class="tiles small">
      ${faces.map((face, i) => {
        const on = of.face === i + 1 || of.face === null;
        return html`<button
          type="button" class="tile" aria-pressed=${on}
          aria-label=${t("face.number", { number: i + 1 })}
          @click=${() => choose(of, i)}
        ><img src=${cropUrl(face)} alt="" /><span class="count">${i + 1}</span></button>`;
      })}
    </div>
    ${faces.length > 1 && tab.value !== "mix"
      ? html`<button
          type="button" class="wide" aria-pressed=${of.face === null}
          @click=${() => change({ face: null })}
        >${t("found.all")}</button>`
      : nothing}
    ${photograph.aCrop
      ? nothing
      : html`<button type="button" class="plain" @click=${() => showEyes(shownAgain(of))}>
          ${t("eyes.others")}</button>`}
  </section>`;
}

/** A photograph whose faces are to be shown, and what is kept of its edit. */
function shownAgain({ subject, terms, method }) {
  return { blob: subject.photograph.blob, name: subject.name, start: { terms, method } };
}

/** Let a person show where the eyes are in a photograph, and open it by them. */
async function showEyes({ blob, name, start = {} }) {
  try {
    const bitmap = await bitmapOf(blob);
    const eyes = await shownEyes(bitmap).finally(() => bitmap.close());
    return await openPhotograph(blob, name, { ...start, eyes });
  } catch (error) {
    if (error.code !== "cancelled") report(error);
    return null;
  }
}

function drawnView() {
  const run = about.value;
  const empty = Array.from({ length: COUNT });
  return html`<section>
    <h2>${t("drawn.title")}</h2>
    <div class="row seed">
      <label for="seed">${t("drawn.seed")}</label>
      <input
        id="seed" type="number" min="0" max=${lastSeed()} step="1" inputmode="numeric"
        .value=${unlessTyped(String(seed.value))} @change=${seedChanged}
      />
      <button type="button" ?disabled=${!run} @click=${another}>${t("drawn.new")}</button>
    </div>
    ${run?.exported ? html`<p class="quiet">${t("drawn.seeds", { last: lastSeed() })}</p>` : nothing}
    ${run?.abilities.testset
      ? html`<button type="button" class="wide" @click=${() => draw("testset")}>
          ${t("drawn.testset")}</button>`
      : nothing}
    <div class="tiles" aria-busy=${drawing.value}>
      ${tiles.value.length
        ? tiles.value.map((tile, i) => tileView(tile, i))
        : empty.map(() => html`<span class="tile blank"></span>`)}
    </div>
  </section>`;
}

function tileView(tile, i) {
  const isOf = ({ source: { kind, seed: own, index } }) =>
    kind === tile.source.kind && own === tile.source.seed && index === i;
  const mixing = tab.value === "mix";
  const on = !mixing && entry.value && isOf(entry.value.subject);
  const number = corners.value.findIndex((of) => of && !of.terms.length && isOf(of.subject)) + 1;
  const label = t(`alt.${tile.source.kind}`, { seed: tile.source.seed, number: i + 1 });
  return html`<button
    type="button" class="tile" aria-pressed=${Boolean(on || (mixing && number))}
    @click=${() => (mixing ? fill(entryOf(tile)) : take(tile))}
  ><img src=${tile.url} alt=${label} />${mixing && number
    ? html`<span class="count" aria-hidden="true">${number}</span>`
    : nothing}</button>`;
}

/** A photograph that was opened before: here, or into a corner. */
function openAgain(subject) {
  begin(subject);
  if (tab.value === "mix") fill(faceOf(subject));
}

/** One of the faces that were found: the one that is edited, or one for a corner. */
function choose(of, i) {
  const { subject } = of;
  if (tab.value === "mix") return fill(faceOf(subject, i + 1));
  return change({ face: of.face === i + 1 || subject.faces.length === 1 ? null : i + 1 });
}

function seedChanged(event) {
  const value = Math.floor(Number(event.target.value));
  if (Number.isFinite(value) && value >= 0) seed.value = Math.min(value, lastSeed());
  draw("prior");
}

/** The last seed that can be drawn: an exported page holds the faces of some. */
function lastSeed() {
  return (about.value?.seeds ?? 2 ** 32) - 1;
}

function another() {
  const last = Math.min(9999, lastSeed());
  const next = 1 + Math.floor(Math.random() * last);
  seed.value = next === seed.value ? 1 + (next % last) : next;
  draw("prior");
}

function cropUrl(face) {
  if (!crops.has(face)) crops.set(face, urlOf(face.crop));
  return crops.get(face);
}
