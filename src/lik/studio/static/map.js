/** The tab of the map: what it shows, its canvas, the face that is looked at, and those near it. */
import { effect, html, live, nothing, render, signal } from "./vendor.js";
import { number, t, traitLabel } from "./i18n.js";
import { mountCanvas, showsFaces } from "./mapcanvas.js";
import {
  COUNTS, MOST_NEIGHBOURS, TOGETHER, attribute, attributes, colours, data, edit, entryAt, failure, loading, looked,
  nearest, seen, sourceAt, want, wanted, watchMap,
} from "./mapdata.js";
import { arrived, faceAt, faceOf, watchFaces } from "./mapfaces.js";
import { listeners } from "./maphand.js";
import { lookAt, showAll, zoomBy } from "./mapplace.js";
import { active, fill } from "./mixing.js";
import { report, say, tell } from "./notices.js";
import { about } from "./state.js";
import { tab } from "./tabs.js";

export { clearMap } from "./mapdata.js";

const NEIGHBOURS = 8;
/** The neighbours of a point are asked for when it was looked at for so long, in milliseconds. */
const PAUSE = 250;
const PREVIEW = 256;

/** @type {{value: number[]}} the points nearest to the one that is looked at */
const near = signal([]);
let wantedFace = -1;
let busy = false;
let timer = 0;

export function mountMap(root) {
  watchFaces();
  watchMap();
  effect(() => render(view(), root));
  mountCanvas(root);
  effect(() => {
    const index = looked.value;
    data.value; // laid out anew, a point has other neighbours
    clearTimeout(timer);
    if (index < 0 || tab.value !== "map") {
      near.value = [];
      return;
    }
    wantedFace = index;
    if (!busy) work(root);
    timer = setTimeout(() => settle(index), PAUSE);
  });
}

/** Decode the face that is looked at: of those passed meanwhile, only the newest. */
async function work(root) {
  busy = true;
  while (wantedFace >= 0) {
    const index = wantedFace;
    wantedFace = -1;
    try {
      const face = await faceOf(index);
      const context = root.querySelector("#looked")?.getContext("2d");
      if (!context || !face) continue;
      context.imageSmoothingQuality = "high";
      context.drawImage(face, 0, 0, PREVIEW, PREVIEW);
    } catch (error) {
      report(error);
    }
  }
  busy = false;
}

/** The faces near the one that is looked at, once the hand rests. */
async function settle(index) {
  if (!data.value) return;
  near.value = nearest(index, NEIGHBOURS + 1).slice(1);
  say(wordsOf(index));
  const { codes } = data.value;
  try {
    for (const one of near.value) {
      if (looked.value !== index || data.value?.codes !== codes) return;
      await faceOf(one, false);
    }
  } catch (error) {
    report(error);
  }
}

function view() {
  if (tab.value !== "map") return nothing;
  return html`
    <div class="map-stage">
      ${controls()}
      <div class="plane-room">
        <canvas
          id="plane" tabindex="0" role="application" aria-label=${t("map.label")} aria-describedby="map-keys"
          @wheel=${listeners.wheel} @pointerdown=${listeners.down} @pointermove=${listeners.move}
          @pointerup=${listeners.up} @pointercancel=${listeners.cancel} @keydown=${listeners.key}
        ></canvas>
        ${tools()} ${legend()} ${stateView()}
      </div>
      <p class="quiet map-says">${axes()} <span id="map-keys">${t("map.keys")}</span></p>
    </div>
    <div class="map-side">${lookedView()} ${nearView()}</div>
  `;
}

function controls() {
  const { kind, count, method } = wanted.value;
  const run = about.value;
  const option = (value, words, chosen) =>
    html`<option value=${value} ?selected=${value === chosen}>${words}</option>`;
  const tsne = method === "tsne";
  const sorted = attributes.value.map((name) => [name, traitLabel(name)]);
  sorted.sort(([, a], [, b]) => a.localeCompare(b));
  return html`<div class="map-controls">
    ${run?.abilities.testset
      ? html`<label class="stacked">${t("map.kind")}
          <select .value=${live(kind)} @change=${(e) => want({ kind: e.target.value })}>
            ${option("prior", t("map.kind.prior"), kind)} ${option("testset", t("map.kind.testset"), kind)}
          </select></label>`
      : nothing}
    <label class="stacked">${t("map.count")}
      <select .value=${live(String(count))} @change=${(e) => want({ count: Number(e.target.value) })}>
        ${COUNTS.filter((one) => one <= (tsne ? MOST_NEIGHBOURS : mostPoints())).map((one) =>
          option(String(one), number(one, 0), String(count)),
        )}
      </select></label>
    ${run?.exported
      ? nothing
      : html`<label class="stacked">${t("map.method")}
          <select .value=${live(method)} @change=${(e) => want({ method: e.target.value })}>
            ${option("pca", t("map.method.pca"), method)} ${option("tsne", t("map.method.tsne"), method)}
          </select></label>`}
    ${sorted.length
      ? html`<label class="stacked">${t("map.colour")}
          <select .value=${live(attribute.value)} @change=${(e) => (attribute.value = e.target.value)}>
            ${option("", t("map.colour.none"), attribute.value)}
            ${sorted.map(([name, words]) => option(name, words, attribute.value))}
          </select></label>`
      : nothing}
    <label class="check"><input
        type="checkbox" .checked=${live(showsFaces.value)}
        @change=${(e) => (showsFaces.value = e.target.checked)}
      /> ${t("map.faces")}</label>
  </div>`;
}

/** Points that a map can have: an exported page holds so many faces, but for those of seed 0. */
function mostPoints() {
  const run = about.value;
  return run?.exported ? (run.seeds - 1) * TOGETHER : Infinity;
}

function tools() {
  const button = (sign, words, action) => html`<button
    type="button" class="icon" aria-label=${t(words)} title=${t(words)} ?disabled=${!data.value} @click=${action}
  >${sign}</button>`;
  return html`<div class="map-tools">
    ${button("+", "map.closer", () => zoomBy(1.6))} ${button("−", "map.farther", () => zoomBy(1 / 1.6))}
    ${button("⤢", "map.all", showAll)}
  </div>`;
}

function legend() {
  if (!colours.value) return nothing;
  return html`<div class="legend">
    <b>${traitLabel(attribute.value)}</b>
    <span class="quiet">${t("map.unseen")}</span><span class="ramp" aria-hidden="true"></span>
    <span class="quiet">${t("map.seen")}</span>
  </div>`;
}

/** What is being worked on, or went wrong: over the canvas, so that nothing jumps. */
function stateView() {
  const now = loading.value;
  if (failure.value) {
    return html`<div class="map-state bad"><p>${failure.value}</p>
      <button type="button" @click=${() => want({})}>${t("map.again")}</button></div>`;
  }
  if (!now) return nothing;
  const share = now.total ? now.done / now.total : null;
  return html`<div class="map-state">
    <label class="stacked"><span>${t(`map.stage.${now.stage}`)}</span>
      ${share === null
        ? html`<progress></progress>`
        : html`<progress max="1" .value=${share}></progress>`}</label>
    ${now.stage === "seeing"
      ? html`<button type="button" @click=${() => (attribute.value = "")}>${t("stop")}</button>`
      : nothing}
  </div>`;
}

function axes() {
  const shares = data.value?.shares;
  if (!data.value) return "";
  if (!shares) return t("map.says.tsne");
  const [first, second] = shares.map((share) => number(share * 100, 1));
  return t("map.says.pca", { first, second });
}

/** Where the face of a point comes from, and what is seen in it. */
function wordsOf(index) {
  const from = sourceAt(index);
  const what = t(`alt.${from.kind}`, { seed: from.seed, number: from.index + 1 });
  const all = colours.value;
  return all ? `${what} · ${traitLabel(attribute.value)} ${percent(all[index])}` : what;
}

function percent(share) {
  return `${number(share * 100, 0)} %`;
}

function lookedView() {
  const index = looked.value;
  const there = index >= 0 && data.value;
  return html`<section class="looked ${there ? "" : "empty"}">
    <div class="looked-frame">
      <canvas
        id="looked" width=${PREVIEW} height=${PREVIEW} role="img" ?hidden=${!there}
        aria-label=${there ? wordsOf(index) : ""}
      ></canvas>
      ${there ? nothing : html`<p class="quiet">${t("map.empty")}</p>`}
    </div>
    <div class="looked-words">
      <p>${there ? wordsOf(index) : nothing}</p>
      ${there && seen.value ? strongest(index) : nothing}
      <div class="row">
        <button type="button" class="primary" ?disabled=${!there} @click=${() => edit(index)}>
          ${t("map.edit")}</button>
        <button type="button" ?disabled=${!there} @click=${() => toMix(index)}>${t("map.mix")}</button>
      </div>
    </div>
  </section>`;
}

/** The attributes that the network is surest of. */
function strongest(index) {
  const all = [...seen.value].map(([name, shares]) => [name, shares[index]]);
  all.sort(([, a], [, b]) => b - a);
  const words = all.slice(0, 5).map(([name, share]) => `${traitLabel(name)} ${percent(share)}`);
  return html`<p class="quiet">${words.join(" · ")}</p>`;
}

function toMix(index) {
  const corner = active.value + 1;
  fill(entryAt(index));
  tell(t("map.mixed", { number: corner }));
}

function nearView() {
  arrived.value;
  const slots = near.value.length ? near.value : Array.from({ length: NEIGHBOURS }, () => -1);
  return html`<section>
    <h2 id="near-title">${t("map.near")}</h2>
    ${looked.value < 0 && data.value
      ? html`<button type="button" class="wide" @click=${() => lookAt(middle())}>${t("map.begin")}</button>`
      : nothing}
    <ul class="near" aria-labelledby="near-title">
      ${slots.map((index) => html`<li>${index < 0 ? html`<span class="tile blank"></span>` : nearTile(index)}</li>`)}
    </ul>
  </section>`;
}

/** The point nearest to the middle of the map. */
function middle() {
  const { points } = data.value;
  const far = (i) => points[2 * i] ** 2 + points[2 * i + 1] ** 2;
  return data.value.codes.reduce((best, _, i) => (far(i) < far(best) ? i : best), 0);
}

function nearTile(index) {
  const face = faceAt(index);
  return html`<button
    type="button" class="tile" title=${wordsOf(index)} aria-label=${wordsOf(index)}
    @click=${() => lookAt(index)}
  >${face ? html`<img src=${urlOf(face)} alt="" />` : nothing}</button>`;
}

const urls = new WeakMap();

function urlOf(face) {
  if (!urls.has(face)) urls.set(face, face.toDataURL("image/png"));
  return urls.get(face);
}
