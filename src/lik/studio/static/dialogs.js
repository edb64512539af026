/** Dialogs that only say something: the keys, and what the run is. */
import { effect, html, render } from "./vendor.js";
import { t } from "./i18n.js";
import { about } from "./state.js";

const KEYS = [
  ["↑ ↓ ← →", "keys.arrows"],
  ["Page ↑ ↓", "keys.page"],
  ["↑ ↓ ← →", "keys.point"],
  ["␣", "keys.space"],
  ["Ctrl+Z", "keys.undo"],
  ["Ctrl+Y", "keys.redo"],
  ["Ctrl+S", "keys.save"],
  ["Ctrl+V", "keys.paste"],
  ["/", "keys.search"],
  ["P, Esc", "keys.present"],
  ["?", "keys.help"],
];

export function mountDialogs(root) {
  effect(() => render(view(), root));
}

export function openHelp() {
  document.querySelector("#help").showModal();
}

export function openCard() {
  document.querySelector("#card").showModal();
}

function view() {
  return html`
    <dialog id="help" aria-labelledby="help-title">
      <h2 id="help-title">${t("help.title")}</h2>
      <dl class="keys">
        ${KEYS.map(([key, words]) => html`<dt><kbd>${key}</kbd></dt><dd>${t(words)}</dd>`)}
      </dl>
      <p class="quiet">${t(about.value?.exported ? "help.exported" : "help.privacy")}</p>
      ${closing("#help")}
    </dialog>
    <dialog id="card" class="broad" aria-labelledby="card-title">
      <h2 id="card-title">${about.value?.name ?? ""}</h2>
      <pre class="card" tabindex="0">${about.value?.card ?? ""}</pre>
      ${closing("#card")}
    </dialog>
  `;
}

function closing(selector) {
  const close = () => document.querySelector(selector).close();
  return html`<div class="row end">
    <button type="button" autofocus @click=${close}>${t("close")}</button>
  </div>`;
}
