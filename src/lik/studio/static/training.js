/** The tab for trainings: curves, samples over the epochs, what each dimension carries, numbers. */
import { effect, html, live, nothing, render, signal } from "./vendor.js";
import { bars, chart } from "./chart.js";
import { chosen, followed, trainings, watchTrainings } from "./following.js";
import { number, t } from "./i18n.js";
import { epochShown, samplesView, wantEpoch, watchSamples } from "./samples.js";
import { tab } from "./tabs.js";

/** Rows of the table of numbers, at the most: of more epochs, some are left out. */
const MOST_ROWS = 200;
const SHARES = { all: 1, half: 0.5, tenth: 0.1 };
const width = signal(600);
const pointed = signal(null);
const share = signal("all");

/** @param {HTMLElement} root @param {string} token */
export function mountTraining(root, token) {
  watchTrainings(token);
  watchSamples();
  new ResizeObserver(measure).observe(root);
  effect(() => {
    root.setAttribute("aria-label", t("tab.training"));
    if (tab.value === "training") render(view(), root);
    measure();
  });

  function measure() {
    const room = root.querySelector(".curves")?.clientWidth;
    if (room) width.value = Math.max(260, room - 32);
  }
}

function view() {
  if (trainings.value === null) return html`<div class="skeleton" aria-hidden="true"><span></span><span></span></div>`;
  if (!trainings.value.length) return emptyView();
  return html`${headView()}
    <div class="training-grid">
      <div class="curves">${curvesView()}</div>
      <div>${samplesView()} ${dimensionsView()}</div>
      <div class="broad-panel">${tableView()}</div>
    </div>`;
}

function emptyView() {
  return html`<div class="empty-state">
    <h2>${t("training.none")}</h2>
    <p>${t("training.none.says")}</p>
    <pre><code>lik train residual FACES runs/first
lik studio runs</code></pre>
  </div>`;
}

function headView() {
  const { training } = followed.value;
  const running = training?.state === "running";
  return html`<div class="training-head">
    <select aria-label=${t("training.run")} .value=${live(chosen.value)} @change=${(e) => (chosen.value = e.target.value)}>
      ${trainings.value.map(
        ({ id, name }) => html`<option value=${id} ?selected=${id === chosen.value}>${name}</option>`,
      )}
    </select>
    ${training
      ? html`<span class="state ${running ? "on" : ""}">${t(`training.state.${word(training.state)}`)}</span>
          <span>${epochsOf(training)}</span> <span class="quiet">${factsOf(training)}</span>`
      : nothing}
    ${running && training.epochs
      ? html`<progress max=${training.epochs} .value=${training.epochs_done} aria-label=${t("training.done")}></progress>`
      : nothing}
  </div>`;
}

function word(state) {
  return state.replace(" ", "-");
}

function epochsOf({ epochs_done: done, epochs }) {
  return epochs ? t("training.of", { done, epochs }) : t("training.epoch", { epoch: done });
}

function factsOf({ loss, best, size, latent, faces, model }) {
  return [
    loss === null ? "" : t("training.loss", { loss: number(loss, 1) }),
    best ? t("training.best", { loss: number(best.loss, 1), epoch: best.epoch }) : "",
    model, size ? t("run.pixels", { size }) : "", latent ? t("run.latent", { latent }) : "", faces,
  ].filter(Boolean).join(" · "); // prettier-ignore
}

function label(part) {
  const words = t(`part.${part}`);
  return words === `part.${part}` ? part.replaceAll("_", " ") : words;
}

function curvesView() {
  const all = followed.value.records;
  if (!all.length) return html`<section class="card-panel"><p class="quiet">${t("training.first")}</p></section>`;
  const first = Math.floor(all.length * (1 - SHARES[share.value]));
  const records = all.slice(Math.min(first, Math.max(0, all.length - 2)));
  return html`<section class="card-panel">
    <div class="row"><h2>${t("curves.title")}</h2><span class="gap"></span>
      <select aria-label=${t("curves.range")} .value=${live(share.value)} @change=${(e) => (share.value = e.target.value)}>
        ${Object.keys(SHARES).map(
          (name) => html`<option value=${name} ?selected=${name === share.value}>${t(`curves.${name}`)}</option>`,
        )}
      </select>
    </div>
    <p class="legend"><span class="train">${t("split.train")}</span>
      ${records.some((one) => one.validation) ? html`<span class="validation">${t("split.validation")}</span>` : nothing}
      ${followed.value.training?.scale
        ? html`<span class="quiet">${t("training.scale", { scale: followed.value.training.scale })}</span>`
        : nothing}</p>
    ${partsOf(records).map((part) => panel(part, records))}
  </section>`;
}

/** The parts of the loss, and itself first. */
function partsOf(records) {
  return Object.keys(records.at(-1).train);
}

function panel(part, records) {
  const epochs = records.map((one) => one.epoch);
  const of = (split) => records.map((one) => one[split]?.[part] ?? null);
  const series = ["train", "validation"]
    .map((kind) => ({ kind, label: t(`split.${kind}`), values: of(kind) }))
    .filter(({ values }) => values.some((value) => value !== null));
  const mark = pointed.value ?? epochShown();
  const at = epochs.indexOf(pointed.value);
  const row = at < 0 ? epochs.length - 1 : at;
  const told = series.map((one) => `${one.label} ${say(one.values[row])}`).join(", ");
  const epoch = t("training.epoch", { epoch: epochs[row] });
  return html`<h3>${label(part)} <span class="quiet">${epoch}: ${told}</span></h3>
    ${chart({
      width: width.value, epochs, series, marked: epochs.includes(mark) ? mark : null,
      label: t("curves.alt", { part: label(part), epoch, told }),
      onPoint: (one) => (pointed.value = one), onPick: wantEpoch,
    })}`; // prettier-ignore
}

function say(value) {
  if (value === null) return "–";
  return number(value, Math.abs(value) < 1 ? 4 : Math.abs(value) < 100 ? 2 : 1);
}

function dimensionsView() {
  const { dimensions, training } = followed.value;
  const line = training?.active ?? 0;
  const all = (dimensions ?? []).map((value, index) => ({ index, value: value ?? 0 }));
  all.sort((one, other) => other.value - one.value);
  const active = all.filter(({ value }) => value > line).length;
  const told = t("dims.active", { active, all: all.length, line: number(line) });
  const nameOf = ({ index, value }) => `${t("dimension", { index })}: ${number(value, 3)}`;
  return html`<section class="card-panel">
    <h2>${t("dims.title")}</h2>
    ${all.length
      ? html`<p class="quiet">${told}</p>
          ${bars({ width: width.value, bars: all, line, label: told, nameOf })}
          <details><summary>${t("dims.list")}</summary>
            <ol class="dims">${all.map((one) => html`<li>${nameOf(one)}</li>`)}</ol></details>`
      : html`<p class="quiet">${t("dims.none")}</p>`}
  </section>`;
}

function tableView() {
  const all = followed.value.records;
  if (!all.length) return nothing;
  const parts = partsOf(all);
  const step = Math.ceil(all.length / MOST_ROWS);
  const rows = all.filter((_, i) => (all.length - 1 - i) % step === 0).reverse();
  const columns = ["train", "validation"].flatMap((split) => parts.map((part) => [split, part]));
  return html`<details class="card-panel numbers">
    <summary><h2>${t("numbers.title")}</h2></summary>
    <div class="scrolled" tabindex="0" role="region" aria-label=${t("numbers.title")}><table>
      <thead><tr><th scope="col">${t("numbers.epoch")}</th>
        ${columns.map(([split, part]) => html`<th scope="col">${label(part)}<br /><span class="quiet">${t(`split.${split}`)}</span></th>`)}
        <th scope="col">${t("numbers.rate")}</th></tr></thead>
      <tbody>${rows.map(
        (one) => html`<tr><th scope="row">${one.epoch}</th>
          ${columns.map(([split, part]) => html`<td>${say(one[split]?.[part] ?? null)}</td>`)}
          <td>${number(one.images_per_second ?? 0, 0)}</td></tr>`,
      )}</tbody>
    </table></div>
  </details>`;
}
