/** The tab that mixes: the picture of the mixture, a film strip, corners, and the square. */
import { effect, html, live, nothing, render, signal } from "./vendor.js";
import { commandView } from "./command.js";
import { number, t, traitLabel } from "./i18n.js";
import { isSame, mountPad, padView } from "./mixpad.js";
import {
  active, canFill, codeAt, codes, corners, fill, mixture, moveTo, path, pictures, place, takeOver,
  watchCorners,
} from "./mixing.js";
import { report } from "./notices.js";
import { Rest } from "./resting.js";
import { canvasOf, source, urlOf } from "./pictures.js";
import { about, entry } from "./state.js";
import { tab } from "./tabs.js";
import { thumbnails } from "./thumbnails.js";
import { unlessTyped } from "./typing.js";

/** Steps of the film strip between the first two corners. */
const STEPS = 9;
/** Side of the canvas in pixels: it is shown at whatever size there is room for. */
const SIDE = 640;

/** @type {{value: string[]}} pictures of the film strip */
const film = signal([]);
const isDrawn = signal(false);
/** Whether the tab was shown once: what it holds stays then. */
let opened = false;
let filmed = null;
let wanted = null;
let busy = false;
const rest = new Rest();

export function mountMix(root) {
  watchCorners();
  effect(() => render(view(), root));
  mountPad(root);
  effect(() => {
    const now = place.value;
    path.value;
    if (tab.value !== "mix" || !codes.value) return;
    wanted = now;
    rest.disturb();
    if (!busy) work(root);
  });
  effect(() => {
    const ends = codes.value;
    path.value;
    if (!ends) return clear(root);
    return tab.value === "mix" && drawFilm(ends);
  });
}

function clear(root) {
  film.value = [];
  isDrawn.value = false;
  const canvas = root.querySelector("#mixture");
  canvas?.getContext("2d").clearRect(0, 0, SIDE, SIDE);
}

/** Decode where the point is: of the places passed meanwhile, only the newest. */
async function work(root) {
  busy = true;
  while (wanted && codes.value) {
    const code = codeAt(wanted);
    wanted = null;
    try {
      const { engine } = source;
      if (engine.draft && isDrawn.value) {
        present(root, await engine.draft(code));
        if (!wanted) await rest.come();
        if (wanted) continue;
      }
      present(root, (await engine.decode([code], true))[0]);
    } catch (error) {
      report(error);
    }
  }
  busy = false;
}

function present(root, rgb) {
  const context = root.querySelector("#mixture").getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(canvasOf(rgb), 0, 0, SIDE, SIDE);
  isDrawn.value = true;
}

async function drawFilm(ends) {
  const way = path.value;
  if (isSame(filmed, ends, way)) return;
  filmed = { ends, way };
  try {
    const steps = Array.from({ length: STEPS }, (_, i) => codeAt({ x: i / (STEPS - 1), y: 0 }, ends));
    const found = [];
    for (let start = 0; start < STEPS; start += 3) {
      found.push(...(await source.engine.decode(steps.slice(start, start + 3))));
      if (!isSame(filmed, codes.value, path.value)) return;
    }
    film.value = found.map((rgb) => urlOf(rgb));
  } catch (error) {
    filmed = null;
    report(error);
  }
}

function view() {
  opened ||= tab.value === "mix";
  if (!opened) return nothing;
  const there = Boolean(codes.value);
  return html`
    <div class="mix-stage">
      <div class="mix-room">
        <div class="mix-frame">
          <canvas id="mixture" width=${SIDE} height=${SIDE} role="img" aria-label=${alt()}></canvas>
          ${isDrawn.value ? nothing : html`<p class="quiet">${t("stage.loading")}</p>`}
        </div>
      </div>
      <div class="row mix-actions">
        <button type="button" class="primary" ?disabled=${!there} @click=${takeOver}>
          ${t("mix.take")}</button>
      </div>
      ${filmView()}
      ${there ? commandView(mixture(), "mix-command") : html`<div class="command"><code></code></div>`}
    </div>
    <div class="mix-side">${squareView()} ${cornersView()} ${pathsView()}</div>
  `;
}

function alt() {
  const { x, y } = place.value;
  const across = Math.round(x * 100);
  return t("mix.alt", { across, down: Math.round(y * 100) });
}

function filmView() {
  const { x, y } = place.value;
  return html`<section class="film">
    <h2>${t("mix.film")}</h2>
    <div class="film-strip">
      ${Array.from({ length: STEPS }, (_, i) => {
        const share = i / (STEPS - 1);
        const url = film.value[i];
        return html`<button
          type="button" class="tile" ?disabled=${!url} aria-pressed=${y === 0 && x === share}
          aria-label=${t("mix.film.step", { share: number(share * 100, i % 2 ? 1 : 0) })}
          @click=${() => moveTo(share, 0)}
        >${url ? html`<img src=${url} alt="" />` : nothing}</button>`;
      })}
    </div>
  </section>`;
}

function cornersView() {
  const own = entry.value;
  const usable = canFill(own);
  return html`<section>
    <h2>${t("mix.corners")}</h2>
    <div class="corners">
      ${corners.value.map((of, i) => {
        const url = pictures.value[i];
        return html`<button
          type="button" class="tile" aria-pressed=${active.value === i}
          aria-label=${t("mix.corner", { number: i + 1, what: wordsOf(of) })} title=${wordsOf(of)}
          @click=${() => (active.value = i)}
        >${url ? html`<img src=${url} alt="" />` : nothing}<span class="count" aria-hidden="true">${i + 1}</span></button>`;
      })}
    </div>
    <p class="quiet">${t("mix.corners.says", { number: active.value + 1 })}</p>
    <button
      type="button" class="wide with-face" ?disabled=${!usable}
      @click=${() => fill({ ...own, face: own.subject.photograph ? (own.face ?? 1) : null })}
    >${usable && thumbnails.get(own) ? html`<img src=${thumbnails.get(own)} alt="" />` : nothing}
      ${t("mix.corner.edited", { number: active.value + 1 })}</button>
    ${own && !usable ? html`<p class="quiet">${t("mix.corner.mixture")}</p>` : nothing}
  </section>`;
}

/** What is in a corner, in words. */
function wordsOf(of) {
  if (!of) return "";
  const { source: from, name } = of.subject;
  const what = from.kind === "photograph"
    ? `${name || t("photo")}, ${t("face.number", { number: of.face ?? 1 })}`
    : t(`alt.${from.kind}`, { seed: from.seed, number: from.index + 1 });
  const edits = of.terms.map(([trait, strength]) => `${traitLabel(trait)} ${number(strength)}`);
  return edits.length ? t("alt.edited", { what, edits: edits.join(", ") }) : what;
}

function squareView() {
  return html`<section>
    <h2 id="square-title">${t("mix.square")}</h2>
    ${padView()}
    <div class="twins">${twin("x", "mix.across")} ${twin("y", "mix.down")}</div>
  </section>`;
}

function pathsView() {
  const kinds = ["straight", "spherical"];
  return html`<section>
    <fieldset class="paths">
      <legend>${t("mix.path")}</legend>
      ${kinds.map(
        (kind) => html`<label class="method">
          <input
            type="radio" name="path" value=${kind} .checked=${live(path.value === kind)}
            @change=${() => (path.value = kind)}
          />
          <span><b>${t(`mix.path.${kind}`)}</b>
            <span class="quiet">${t(`mix.path.${kind}.says`)}</span></span>
        </label>`,
      )}
    </fieldset>
  </section>`;
}

function twin(axis, words) {
  const shown = (place.value[axis] * 100).toFixed(1).replace(/\.0$/, "");
  return html`<label class="stacked">${t(words)}
    <input
      type="number" min="0" max="100" step="1" inputmode="decimal" .value=${unlessTyped(shown)}
      ?disabled=${!about.value}
      @input=${(e) => e.target.value !== "" && typed(axis, e.target.value)}
      @change=${(e) => typed(axis, e.target.value)}
    /></label>`;
}

function typed(axis, text) {
  const value = Number(text) / 100;
  if (!Number.isFinite(value)) return;
  const next = { ...place.value, [axis]: value };
  moveTo(next.x, next.y);
}
