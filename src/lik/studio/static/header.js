/** The header: the run, the tabs, undo and redo, Share, Save, language, help. */
import { effect, html, live, nothing, render } from "./vendor.js";
import { offerBatch } from "./batch.js";
import { current, isThere } from "./current.js";
import { openCard, openHelp } from "./dialogs.js";
import { LANGUAGES, choose, language, learned, t } from "./i18n.js";
import { report } from "./notices.js";
import { addressOf } from "./own.js";
import { save, saving } from "./saving.js";
import { openShare } from "./share.js";
import { about, canRedo, canUndo, entry, redo, runs, undo } from "./state.js";
import { TABS, show, tab } from "./tabs.js";

/** @param {(id: string) => void} openRun */
export function mountHeader(root, openRun) {
  effect(() => render(view(openRun), root));
}

function view(openRun) {
  return html`
    <h1 class="brand"><img src=${addressOf("icon.png")} alt="Lik" width="24" height="24" /><b aria-hidden="true">Lik</b></h1>
    ${runView(openRun)}
    <nav aria-label=${t("tabs")}>
      ${TABS.map(
        (name) => html`<a
          href="#" aria-current=${name === tab.value ? "page" : nothing}
          @click=${(e) => (e.preventDefault(), show(name))}
        >${t(`tab.${name}`)}</a>`,
      )}
    </nav>
    <span class="gap"></span>
    <div class="row tools">
      <button
        type="button" class="icon" ?disabled=${!canUndo.value} @click=${undo}
        title=${`${t("undo")} (Ctrl+Z)`} aria-label=${t("undo")}
      >↶</button>
      <button
        type="button" class="icon" ?disabled=${!canRedo.value} @click=${redo}
        title=${`${t("redo")} (Ctrl+Y)`} aria-label=${t("redo")}
      >↷</button>
    </div>
    <button type="button" class="more" ?disabled=${!entry.value} @click=${() => offerBatch()}>
      ${t("batch.open")}</button>
    <button type="button" class="share" ?disabled=${!isThere.value} @click=${() => openShare(current())}>${t("share")}</button>
    ${saveView()}
    <select
      class="language" aria-label=${t("language")} .value=${live(language.value)}
      @change=${(e) => choose(e.target.value).catch(report)}
    >
      ${Object.entries(LANGUAGES).map(
        ([code, name]) => html`<option value=${code} ?selected=${code === language.value}>${name}</option>`,
      )}
    </select>
    <button type="button" class="icon" @click=${openHelp} aria-label=${t("help.title")}>?</button>
  `;
}

function runView(openRun) {
  const run = about.value;
  const all = runs.value.runs;
  const facts = run ? [learned(run.facts), run.facts.loss].filter(Boolean).join(" · ") : "";
  return html`<div class="run">
    ${all.length > 1
      ? html`<select
          aria-label=${t("run")} .value=${live(run?.id ?? "")}
          @change=${(e) => openRun(e.target.value)}
        >
          ${all.map(
            ({ id, name }) => html`<option value=${id} ?selected=${id === run?.id}>${name}</option>`,
          )}
        </select>`
      : html`<b class="run-name" title=${run?.name ?? ""}>${run?.name ?? ""}</b>`}
    ${facts ? html`<span class="quiet facts" title=${facts}>${facts}</span>` : nothing}
    ${run?.card
      ? html`<button type="button" class="icon" @click=${openCard} aria-label=${t("card.open")}>i</button>`
      : nothing}
  </div>`;
}

function saveView() {
  const now = saving.value;
  return html`<button
    type="button" class="primary save" ?disabled=${!isThere.value || Boolean(now)}
    aria-busy=${Boolean(now)} title="Ctrl+S" @click=${() => save(current())}
  >${now ? t("saving") : t("save")}
    ${now ? html`<progress max=${now.total || 1} .value=${now.done}></progress>` : nothing}
  </button>`;
}
