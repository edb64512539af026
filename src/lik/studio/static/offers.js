/** A picture or link that holds a record: what shall be done with it? */
import { effect, html, nothing, render, signal } from "./vendor.js";
import { takeSource } from "./drawing.js";
import { number, t, traitLabel } from "./i18n.js";
import { canOpen, openMix, takeMix } from "./mixing.js";
import { report, tell } from "./notices.js";
import { openPhotograph, photographs } from "./photograph.js";
import { partsOf } from "./record.js";
import { about, begin, change, entry } from "./state.js";
import { show, tab } from "./tabs.js";

/** @type {{value: {record: object, source: object|null, file: File|null}|null}} */
const offered = signal(null);

export function mountOffers(root) {
  effect(() => render(view(), root));
}

/** Ask what shall become of a record. */
export function offer({ record, source }, file) {
  offered.value = { record, source, file };
  document.querySelector("#offer").showModal();
}

/** What a link holds is shown at once, where it can be just as it was; else there is a question. */
export async function openLinked(shared) {
  const parts = partsOf(shared.record);
  const original = originalOf(shared);
  const same = original && !parts.unknown.length && !parts.otherWeights;
  if (same) await goOn(original, parts);
  else offer(shared, null);
}

export function tellUnreadable() {
  tell(t("offer.unreadable"), true);
}

function close() {
  document.querySelector("#offer").close();
}

/** The original of an offer, where it can be had: drawn again, or opened in this tab. */
function originalOf({ source }) {
  if (source?.kind === "photograph") {
    return photographs.value.find((one) => one.source.sha256 === source.sha256) ?? null;
  }
  if (source?.kind === "mix") return canOpen(source) ? source : null;
  if (source?.kind === "testset" && !about.value.abilities.testset) return null;
  return source;
}

function proceed() {
  const original = originalOf(offered.value);
  const parts = partsOf(offered.value.record);
  close();
  return goOn(original, parts);
}

async function goOn(original, parts) {
  try {
    if (original.kind !== "mix" && tab.value !== "edit") show("edit");
    if (original.faces) begin(original, parts.terms, parts.method, fitting(parts.face, original));
    else if (original.kind !== "mix") await takeSource(original, parts);
    else if (parts.terms.length) await takeMix(original, parts);
    else await openMix(original);
  } catch (error) {
    report(error);
  }
}

function apply() {
  const { terms, method, face } = partsOf(offered.value.record);
  close();
  if (tab.value !== "edit") show("edit");
  change({ terms, method, face: fitting(face, entry.value.subject) });
}

function justOpen() {
  const { file } = offered.value;
  close();
  openPhotograph(file, file.name);
}

/** A face that the subject has; else all of them. */
function fitting(face, subject) {
  return face !== null && face <= subject.faces.length ? face : null;
}

function view() {
  const now = offered.value;
  return html`<dialog id="offer" aria-labelledby="offer-title" @close=${() => (offered.value = null)}>
    ${now && about.value ? content(now) : nothing}
  </dialog>`;
}

function content(now) {
  const parts = partsOf(now.record);
  const original = originalOf(now);
  const isMix = now.source?.kind === "mix";
  const words = parts.terms.map(([name, value]) => `${traitLabel(name)} ${number(value)}`);
  return html`
    <h2 id="offer-title">${t("offer.title")}</h2>
    <p>${words.join(", ") || t(isMix ? "offer.mixture" : "offer.nothing")}</p>
    ${parts.unknown.length
      ? html`<p class="warning">${t("offer.unknown", { names: parts.unknown.join(", ") })}</p>`
      : nothing}
    ${parts.otherWeights ? html`<p class="warning">${t("offer.weights")}</p>` : nothing}
    <div class="choices">
      <button type="button" class="primary" ?disabled=${!original} @click=${proceed}>
        <b>${t("offer.continue")}</b>
        <span>${original
          ? t(isMix && !words.length ? "offer.mixture.says" : "offer.continue.says")
          : t("offer.continue.missing")}</span>
      </button>
      <button type="button" ?disabled=${!entry.value || !words.length} @click=${apply}>
        <b>${t("offer.apply")}</b><span>${t("offer.apply.says")}</span>
      </button>
      ${now.file
        ? html`<button type="button" @click=${justOpen}>
            <b>${t("offer.open")}</b><span>${t("offer.open.says")}</span>
          </button>`
        : nothing}
    </div>
    <div class="row end">
      <button type="button" class="plain" @click=${close}>${t("cancel")}</button>
    </div>
  `;
}
