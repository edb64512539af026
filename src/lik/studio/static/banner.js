/** What is said across the page: the server was lost, or something passed or failed. */
import { effect, html, nothing, render } from "./vendor.js";
import { t } from "./i18n.js";
import { dismiss, notice, unreachable } from "./notices.js";
import { source } from "./pictures.js";
import { about, news, spoken } from "./state.js";

/** @param {() => void} retry */
export function mountBanner(root, retry) {
  effect(() => render(view(retry), root));
  const live = document.querySelector("#live");
  effect(() => (live.textContent = spoken.value));
}

/** Follow the socket: what was asked for in vain is asked for again. */
export function watchLink() {
  let was = "open";
  return effect(() => {
    const state = about.value && source.engine ? source.engine.link.state.value : "open";
    if (state === "open" && (was === "lost" || was === "busy")) {
      unreachable.value = false;
      queueMicrotask(() => news.value++);
    }
    if (state !== "opening") was = state;
  });
}

function view(retry) {
  const state = about.value && source.engine?.link.state.value;
  if (unreachable.value || state === "lost" || state === "busy") {
    const why = !unreachable.value && state === "busy" ? t("busy") : t("lost");
    return html`<div class="banner bad" role="alert">
      <span class="spinner"></span><span>${why}</span>
      <button type="button" @click=${retry}>${t("lost.retry")}</button>
    </div>`;
  }
  const now = notice.value;
  if (!now) return nothing;
  return html`<div class="banner ${now.bad ? "bad" : ""}" role=${now.bad ? "alert" : "status"}>
    <span>${now.text}</span>
    <button type="button" class="icon" aria-label=${t("close")} @click=${dismiss}>×</button>
  </div>`;
}
