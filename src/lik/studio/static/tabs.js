/** The tabs of the page: one is shown at a time, and the others are hidden. */
import { effect, html, nothing, render, signal } from "./vendor.js";
import { t } from "./i18n.js";

export const TABS = ["edit", "training", "compare"];

const kept = sessionStorage.getItem("lik-tab");
/** @type {{value: string}} the tab that is shown */
export const tab = signal(TABS.includes(kept) ? kept : "edit");

export function showTab(name) {
  sessionStorage.setItem("lik-tab", name);
  tab.value = name;
}

/** The links to the tabs: in the header, and below it on a phone. */
export function tabLinks() {
  return TABS.map(
    (name) => html`<a
      href=${`#${name}`} aria-current=${name === tab.value ? "page" : nothing}
      @click=${(e) => (e.preventDefault(), showTab(name))}
    >${t(`tab.${name}`)}</a>`,
  );
}

/** @param {HTMLElement} root of the links on a phone */
export function mountTabs(root) {
  effect(() => {
    document.body.dataset.tab = tab.value;
    root.setAttribute("aria-label", t("tabs"));
    render(tabLinks(), root);
  });
}
