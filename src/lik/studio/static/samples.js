/** The sample grids of a run over its epochs: one is shown, and a slider goes through them. */
import { effect, html, live, nothing, signal } from "./vendor.js";
import { chosen, followed, gridOf } from "./following.js";
import { t } from "./i18n.js";
import { report } from "./notices.js";

const MOST_KEPT = 120;
const FRAME = 500;
/** @type {{value: number|null}} the epoch whose grid is wanted; null for the newest */
const wanted = signal(null);
/** @type {{value: {epoch: number, url: string}|null}} the grid that is shown */
const shown = signal(null);
const kept = new Map();
const playing = signal(0);

/** Fetch the grid that is wanted; the one before stays until it is there. */
export function watchSamples() {
  effect(() => {
    chosen.value;
    stop();
    for (const epoch of [...kept.keys()]) forget(epoch);
    wanted.value = null;
    shown.value = null;
  });
  effect(() => {
    const epoch = epochShown();
    if (epoch !== null && epoch !== shown.peek()?.epoch) show(chosen.peek(), epoch);
  });
}

function forget(epoch) {
  URL.revokeObjectURL(kept.get(epoch));
  kept.delete(epoch);
}

function grids() {
  return followed.value.training?.grids ?? [];
}

/** The epoch whose grid is shown, or will be: the one wanted, or the last before it. */
export function epochShown() {
  const all = grids();
  if (!all.length) return null;
  if (wanted.value === null) return all.at(-1);
  return all.findLast((epoch) => epoch <= wanted.value) ?? all[0];
}

/** Show the grid of an epoch, or of the last one before it that has one. */
export function wantEpoch(epoch) {
  wanted.value = epoch === grids().at(-1) ? null : epoch;
}

async function show(id, epoch) {
  try {
    if (!kept.has(epoch)) kept.set(epoch, await gridOf(id, epoch));
    if (id !== chosen.value || epoch !== epochShown()) return;
    shown.value = { epoch, url: kept.get(epoch) };
    if (kept.size > MOST_KEPT) forget(kept.keys().next().value);
  } catch (error) {
    report(error);
  }
}

function play() {
  if (playing.value) return stop();
  const all = grids();
  if (epochShown() === all.at(-1)) wantEpoch(all[0]);
  playing.value = setInterval(() => {
    const next = all[all.indexOf(epochShown()) + 1];
    if (next === undefined) stop();
    else wantEpoch(next);
  }, FRAME);
  return undefined;
}

function stop() {
  clearInterval(playing.peek());
  playing.value = 0;
}

export function samplesView() {
  const all = grids();
  const epoch = epochShown();
  return html`<section class="card-panel samples">
    <div class="row"><h2>${t("samples.title")}</h2><span class="gap"></span>
      ${epoch === null ? nothing : html`<b class="quiet">${t("training.epoch", { epoch })}</b>`}</div>
    ${all.length
      ? html`<div class="row">
          <input
            type="range" min="0" max=${all.length - 1} step="1" .value=${live(String(all.indexOf(epoch)))}
            aria-label=${t("samples.epoch")} aria-valuetext=${t("training.epoch", { epoch })}
            ?disabled=${all.length < 2}
            @input=${(e) => (stop(), wantEpoch(all[Number(e.target.value)]))}
          />
          <button type="button" ?disabled=${all.length < 2} @click=${play}>
            ${playing.value ? t("stop") : t("samples.play")}</button>
        </div>
        <div class="grid-room" tabindex="0" role="group" aria-label=${t("samples.title")}>
          ${shown.value
            ? html`<img src=${shown.value.url} alt=${t("samples.alt", { epoch: shown.value.epoch })} />`
            : html`<span class="blank"></span>`}
        </div>`
      : html`<p class="quiet">${t("samples.none")}</p>`}
  </section>`;
}
