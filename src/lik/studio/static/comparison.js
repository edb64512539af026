/** Pinned entries beside what is shown. */
import { html, signal } from "./vendor.js";
import { number, t, traitLabel } from "./i18n.js";
import { entry, goTo, past, pinned, togglePin } from "./state.js";
import { thumbnails } from "./thumbnails.js";

/** Whether pinned entries are shown on the stage. */
export const comparison = signal(false);

export function wordsOf(of) {
  if (!of.terms.length) return t("history.start");
  return of.terms.map(([name, strength]) => `${traitLabel(name)} ${number(strength)}`).join(", ");
}

export function comparisonView() {
  const shown = [...pinned.value, entry.value];
  return html`<div class="comparison">
    ${shown.map(
      (of, i) => html`<figure>
        <img src=${thumbnails.whole(of) ?? ""} alt=${wordsOf(of)} />
        <figcaption>
          <strong>${i < pinned.value.length ? t("history.pinned") : t("history.now")}</strong>
          <span>${wordsOf(of)}</span>
          ${i < pinned.value.length
            ? html`<button type="button" class="plain" @click=${() => back(of)}>
                  ${t("history.return")}</button>
                <button type="button" class="plain" @click=${() => togglePin(of)}>
                  ${t("history.unpin")}</button>`
            : ""}
        </figcaption>
      </figure>`,
    )}
  </div>`;
}

function back(of) {
  const index = past.value.indexOf(of);
  if (index >= 0) goTo(index);
}
