/** The strip at the bottom: what was done, to go back to, and to pin for comparing. */
import { effect, html, nothing, render, untracked } from "./vendor.js";
import { comparison, wordsOf } from "./comparison.js";
import { t } from "./i18n.js";
import { say } from "./notices.js";
import { goTo, keyOf, past, pinned, position, togglePin } from "./state.js";
import { thumbnails } from "./thumbnails.js";

export function mountHistory(root) {
  effect(() => render(view(), root));
  let was = -1;
  effect(() => {
    const now = position.value;
    if (was >= 0 && now >= 0) untracked(() => say(wordsOf(past.value[now])));
    was = now;
  });
  effect(() => {
    position.value; // the newest entry, or the one gone to, is brought into sight
    past.value;
    requestAnimationFrame(() => {
      const strip = root.querySelector("ol");
      const now = root.querySelector("[aria-current]")?.closest("li");
      if (!strip || !now) return;
      const [left, right] = [now.offsetLeft, now.offsetLeft + now.offsetWidth];
      if (left < strip.scrollLeft) strip.scrollLeft = left - 8;
      const seen = strip.scrollLeft + strip.clientWidth;
      if (right > seen) strip.scrollLeft = right - strip.clientWidth + 8;
    });
  });
}

function view() {
  const pins = new Set(pinned.value.map(keyOf));
  return html`<h2 class="visually-hidden">${t("history.title")}</h2>
    <ol>
      ${past.value.map((of, i) => step(of, i, pins.has(keyOf(of))))}
    </ol>`;
}

function step(of, i, isPinned) {
  const words = wordsOf(of);
  const url = thumbnails.get(of);
  const now = i === position.value;
  return html`<li class=${now ? "now" : ""}>
    <button
      type="button" class="step" aria-current=${now ? "step" : nothing} title=${words}
      aria-label=${t("history.step", { number: i + 1, what: words })} @click=${() => goTo(i)}
    >${url ? html`<img src=${url} alt="" />` : html`<span class="blank"></span>`}</button>
    <button
      type="button" class="pin" aria-pressed=${isPinned} title=${t("history.pin")}
      aria-label=${t("history.pin.of", { number: i + 1 })}
      @click=${() => {
        togglePin(of);
        if (!pinned.value.length) comparison.value = false;
      }}
    >${isPinned ? "★" : "☆"}</button>
  </li>`;
}
