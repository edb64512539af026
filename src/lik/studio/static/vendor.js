/** The two small libraries that the page stands on, from one place. */
export { html, svg, render, nothing } from "./vendor/lit-html/lit-html.js";
export { live } from "./vendor/lit-html/directives/live.js";
export { repeat } from "./vendor/lit-html/directives/repeat.js";
export { signal, computed, effect, batch, untracked } from "./vendor/signals-core/signals-core.js";
