/** Apply to more: the same edit on many photographs, one after the other. */
import { effect, html, nothing, render, signal } from "./vendor.js";
import { t } from "./i18n.js";
import { sentenceOf } from "./notices.js";
import { openPhotograph } from "./photograph.js";
import { source } from "./pictures.js";
import { recordOf } from "./record.js";
import { download } from "./saving.js";
import { about, entry } from "./state.js";
import { wordsOf } from "./comparison.js";

/** @type {{value: File[]}} */
const files = signal([]);
/** @type {{value: {done: number, running: boolean, refused: {name: string, why: string}[]}}} */
const state = signal({ done: 0, running: false, refused: [] });

let runs = 0;

export function mountBatch(root) {
  effect(() => render(view(), root));
}

/** Show the dialog, with the files that were given. */
export function offerBatch(given = []) {
  if (state.value.running) return;
  files.value = given;
  state.value = { done: 0, running: false, refused: [] };
  document.querySelector("#batch").showModal();
}

async function run() {
  const record = recordForAll(entry.value);
  const engine = source.engine;
  const own = ++runs;
  state.value = { done: 0, running: true, refused: [] };
  for (const file of files.value) {
    const refused = [...state.value.refused];
    try {
      const { png } = await engine.edit(record, file, null);
      download(png, `${file.name.replace(/\.[^.]*$/, "")}-lik.png`);
    } catch (error) {
      refused.push({ name: file.name, why: sentenceOf(error) });
    }
    if (own !== runs || !state.value.running) return; // stopped, or begun anew
    state.value = { ...state.value, done: state.value.done + 1, refused };
  }
  state.value = { ...state.value, running: false };
}

/** The record for photographs, whatever the face on the stage came from. */
function recordForAll(of) {
  return { ...recordOf({ ...of, face: null }), mode: "transfer", inverted: about.value.invert };
}

function close() {
  document.querySelector("#batch").close();
}

function openFirst() {
  const [first] = files.value;
  close();
  openPhotograph(first, first.name);
}

function view() {
  const stop = () => (state.value = { ...state.value, running: false });
  return html`<dialog id="batch" aria-labelledby="batch-title" @close=${stop}>
    <h2 id="batch-title">${t("batch.title")}</h2>
    ${entry.value ? content(entry.value) : nothing}
  </dialog>`;
}

function content(of) {
  const { done, running, refused } = state.value;
  const total = files.value.length;
  return html`
    <p>${of.terms.length ? wordsOf(of) : t("batch.nothing")}</p>
    <label class="button ${running ? "disabled" : ""}">
      ${t("batch.choose")}
      <input
        type="file" class="visually-hidden" multiple accept="image/jpeg,image/png,image/webp"
        ?disabled=${running} @change=${(e) => offerAgain([...e.target.files])}
      />
    </label>
    <p class="quiet">${t("batch.chosen", { count: total })}</p>
    <progress max=${Math.max(total, 1)} .value=${done} aria-label=${t("batch.title")}></progress>
    <p aria-live="polite">${done ? t("batch.done", { done: done - refused.length, total }) : ""}</p>
    ${refused.length
      ? html`<h3>${t("batch.refused", { count: refused.length })}</h3>
          <ul class="refusals">
            ${refused.map(({ name, why }) => html`<li><b>${name}</b> ${why}</li>`)}
          </ul>`
      : nothing}
    <div class="row end">
      ${!of.terms.length && total
        ? html`<button type="button" @click=${openFirst}>${t("batch.first")}</button>`
        : nothing}
      <button type="button" class="plain" @click=${close}>${running ? t("stop") : t("close")}</button>
      <button
        type="button" class="primary" ?disabled=${!total || running || !of.terms.length}
        @click=${run}
      >${t("batch.run")}</button>
    </div>
  `;
}

function offerAgain(given) {
  files.value = given;
  state.value = { done: 0, running: false, refused: [] };
}
