/** A trait that is moved: a range, a number, a reset, and what is known of it. */
import { html, live, nothing } from "./vendor.js";
import { styled } from "./styled.js";
import { number, t } from "./i18n.js";
import { adjust, change, decimal, end, entry, strengthOf } from "./state.js";

const REACH = 2;
const STEP = 0.05;
const LEAP = 0.25;
/** Beyond this a face stops being the person, or a face. */
const FAR = 1.5;

let held = false;

/**
 * @param {string} name of the trait @param {string} label for people
 * @param {unknown} details what is known of it, a template; `nothing` for none
 */
export function slider(name, label, details = nothing) {
  const strength = strengthOf(entry.value, name);
  const value = Number(strength);
  const far = Math.abs(value) > FAR;
  const id = `trait-${name.replace(/\W/g, "-")}`;
  return html`<div class="trait ${value ? "moved" : ""} ${far ? "far" : ""}" data-trait=${name}>
    <label for=${id}>${label}</label>
    <input
      type="text" class="number" inputmode="decimal" autocomplete="off"
      .value=${live(number(value))} aria-label=${t("trait.number", { trait: label })}
      @change=${(e) => typed(name, e.target)}
    />
    <button
      type="button" class="icon" ?disabled=${!value} title=${t("trait.reset")}
      aria-label=${t("trait.reset.of", { trait: label })} @click=${() => reset(name)}
    >↺</button>
    <input
      type="range" id=${id} min=${-REACH} max=${REACH} step=${STEP}
      .value=${live(strength)} data-fill=${styled(fill(value))}
      aria-valuetext=${number(value)} aria-describedby=${far ? `${id}-far` : nothing}
      @pointerdown=${() => (held = true)}
      @pointerup=${released} @pointercancel=${released}
      @input=${(e) => adjust(name, decimal(Number(e.target.value)), held)}
      @change=${() => held && released()}
      @keydown=${(e) => leap(e, name)}
      @dblclick=${() => reset(name)}
    />
    ${details === nothing
      ? nothing
      : html`<details class="about-trait">
          <summary aria-label=${t("trait.about", { trait: label })}>i</summary>
          <div>${details}</div>
        </details>`}
    ${far ? html`<p class="warning" id=${`${id}-far`}>${t("trait.far")}</p>` : nothing}
  </div>`;
}

/** What is measured of a trait, in short sentences. */
export function measured(trait, labelOf) {
  const along = Object.entries(trait.along ?? {});
  const parts = [];
  if (trait.reached !== null) {
    parts.push(html`<p>${t("trait.reached", { share: percent(trait.reached) })}</p>`);
  }
  if (trait.person !== null) {
    parts.push(html`<p>${t("trait.person", { share: percent(trait.person) })}</p>`);
  }
  if (along.length) {
    parts.push(html`<p>${t("trait.along")}</p>
      <ul>
        ${along.map(
          ([name, share]) => html`<li>
            <span>${labelOf(name)}</span><b>${share > 0 ? "+" : "−"}${percent(Math.abs(share))}</b>
          </li>`,
        )}
      </ul>`);
  }
  return parts.length ? parts : nothing;
}

/** Where the filled part of the track begins and ends. */
function fill(value) {
  const place = (one) => `${((Math.min(REACH, Math.max(-REACH, one)) + REACH) / (2 * REACH)) * 100}%`;
  return { "--low": place(Math.min(0, value)), "--high": place(Math.max(0, value)) };
}

function percent(share) {
  return `${Math.round(share * 100)} %`;
}

function released() {
  held = false;
  end();
}

/** PageUp and PageDown go five steps, where browsers go a tenth of the range. */
function leap(event, name) {
  const way = { PageUp: LEAP, PageDown: -LEAP }[event.key];
  if (!way) return;
  event.preventDefault();
  const value = Number(strengthOf(entry.value, name)) + way;
  adjust(name, decimal(Math.min(REACH, Math.max(-REACH, value))), false);
}

/** A number that was typed: with a point or a comma, a hyphen or a minus. */
function typed(name, field) {
  const text = field.value.trim().replace(",", ".").replace("−", "-").replace("+", "");
  const value = text === "" ? 0 : Number(text);
  if (Number.isFinite(value)) {
    adjust(name, decimal(Math.min(REACH, Math.max(-REACH, value))), false);
    end();
  }
  field.value = number(Number(strengthOf(entry.value, name)));
}

function reset(name) {
  end();
  change({ terms: entry.value.terms.filter(([own]) => own !== name) });
}
