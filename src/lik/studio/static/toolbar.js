/** Above the stage: what was before, the divider, the size, and what is pinned. */
import { html, nothing, signal } from "./vendor.js";
import { comparison } from "./comparison.js";
import { t } from "./i18n.js";
import { presentButton } from "./present.js";
import { canRedo, canUndo, pinned, redo, undo } from "./state.js";

/** Whether the picture before is shown: while a key or the button is held. */
export const showsBefore = signal(false);
/** The divider: null where there is none, else the share 0 … 1 that shows what was before. */
export const divider = signal(null);
/** One pixel of the picture on one of the page. */
export const oneToOne = signal(false);

export function toolbar(of) {
  const changed = of?.terms.length > 0;
  const hold = (on) => () => (showsBefore.value = on);
  return html`<div class="toolbar" role="toolbar" aria-label=${t("stage.tools")}>
    <button
      type="button" class="plain phone" ?disabled=${!canUndo.value} aria-label=${t("undo")} @click=${undo}
    >↶</button>
    <button
      type="button" class="plain phone" ?disabled=${!canRedo.value} aria-label=${t("redo")} @click=${redo}
    >↷</button>
    <button
      type="button" class="plain" ?disabled=${!changed}
      aria-pressed=${showsBefore.value}
      @pointerdown=${hold(true)} @pointerup=${hold(false)} @pointerleave=${hold(false)}
      @keydown=${(e) => (e.key === "Enter" || e.key === " ") && hold(true)()}
      @keyup=${hold(false)} @blur=${hold(false)} @contextmenu=${(e) => e.preventDefault()} title=${t("stage.hold.title")}
    >${t("stage.hold")}</button>
    <button
      type="button" class="plain" ?disabled=${!changed} aria-pressed=${divider.value !== null}
      @click=${() => (divider.value = divider.value === null ? 0.5 : null)}
    >${t("stage.divider")}</button>
    <button
      type="button" class="plain" aria-pressed=${oneToOne.value} ?disabled=${!of}
      @click=${() => (oneToOne.value = !oneToOne.value)} title=${t("stage.one.title")}
    >1:1</button>
    ${pinned.value.length
      ? html`<button
          type="button" class="plain" aria-pressed=${comparison.value}
          @click=${() => (comparison.value = !comparison.value)}
        >${t("stage.pinned")}</button>`
      : nothing}
    ${presentButton(of)}
  </div>`;
}
