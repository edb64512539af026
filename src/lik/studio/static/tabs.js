/** The tabs: which one is shown; each has a region of its own. */
import { effect, signal } from "./vendor.js";

export const TABS = ["edit", "mix", "map"];

/** @type {{value: string}} the tab that is shown */
export const tab = signal(TABS[0]);

/** What only one tab shows is hidden by the style sheet, by the name on the body. */
export function watchTabs() {
  effect(() => (document.body.dataset.tab = tab.value));
}

/** Show a tab, from its beginning. */
export function show(name) {
  tab.value = name;
  window.scrollTo(0, 0);
}
