/** Sharing: as a picture, as a record, or as a link that never reaches a server. */
import { effect, html, nothing, render, signal } from "./vendor.js";
import { offerBatch } from "./batch.js";
import { commandView, copy } from "./command.js";
import { t } from "./i18n.js";
import { linkOf, shareable } from "./record.js";
import { download, save, stem } from "./saving.js";
import { about, entry } from "./state.js";

/** @type {{value: import("./state.js").Entry|null}} what is shared */
const open = signal(null);

export function mountShare(root) {
  effect(() => render(view(), root));
}

export function openShare(of) {
  open.value = of;
  document.querySelector("#share").showModal();
}

function close() {
  document.querySelector("#share").close();
}

function view() {
  return html`<dialog id="share" aria-labelledby="share-title" @close=${() => (open.value = null)}>
    ${open.value ? content(open.value) : nothing}
  </dialog>`;
}

function content(of) {
  const link = linkOf(of);
  return html`
    <h2 id="share-title">${t("share.title")}</h2>
    ${link
      ? html`<label class="stacked">${t("share.link")}
            <span class="row">
              <input id="link" type="text" readonly .value=${link} @focus=${(e) => e.target.select()} />
              <button type="button" @click=${() => copy(link, "#link")}>${t("command.copy")}</button>
            </span>
          </label>
          <p class="quiet">${neededFor(of)}</p>`
      : html`<p class="quiet">${t("share.file")}</p>`}
    <p class="stacked">${t("command.label")}</p>
    ${commandView(of, "shared-command")}
    <div class="choices">
      <button type="button" @click=${() => (close(), save(of))}>
        <b>${t("share.png")}</b><span>${t("share.png.says")}</span>
      </button>
      <button type="button" @click=${() => (close(), save(of, true))}>
        <b>${t("share.plain")}</b><span>${t("share.plain.says")}</span>
      </button>
      <button type="button" @click=${() => saveRecord(of)}>
        <b>${t("share.json")}</b><span>${t("share.json.says")}</span>
      </button>
      ${of !== entry.value // what is applied is the edit of the tab Edit
        ? nothing
        : html`<button type="button" @click=${() => (close(), offerBatch())}>
            <b>${t("batch.open")}</b><span>${t("batch.says")}</span>
          </button>`}
    </div>
    <div class="row end">
      <button type="button" class="plain" @click=${close}>${t("close")}</button>
    </div>
  `;
}

/** What else it takes to open a link. */
function neededFor(of) {
  const what = holdsPhotograph(of.subject.source) ? "photo" : "drawn";
  return t(about.value.exported ? `share.${what}.page` : `share.${what}`);
}

function holdsPhotograph(from) {
  const parts = from.ends ?? (from.source ? [from.source] : []);
  return from.kind === "photograph" || parts.some(holdsPhotograph);
}

function saveRecord(of) {
  const text = JSON.stringify(shareable(of), null, 2);
  download(new Blob([text], { type: "application/json" }), `${stem(of.subject)}-lik.json`);
  close();
}
