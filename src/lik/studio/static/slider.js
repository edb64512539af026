/** A trait that is moved: a range, a number, a reset, and what is known of it. */
import { html, live, nothing } from "./vendor.js";
import { styled } from "./styled.js";
import { number, t } from "./i18n.js";
import { starView } from "./present.js";
import { adjust, change, decimal, end, entry, strengthOf } from "./state.js";
import { unlessTyped } from "./typing.js";

const REACH = 2;
const STEP = 0.05;
const LEAP = 0.25;
/** Beyond this a face stops being the person, or a face. */
const FAR = 1.5;

/** What the sliders of the page for editing move. */
const ENTRY = {
  prefix: "trait",
  strength: (name) => strengthOf(entry.value, name),
  adjust,
  end,
  reset(name) {
    end();
    change({ terms: entry.value.terms.filter(([own]) => own !== name) });
  },
  star: starView,
};

let held = false;

/**
 * @param {string} name of the trait @param {string} label for people
 * @param {unknown} details what is known of it, a template; `nothing` for none
 * @param {typeof ENTRY} of what it moves @param {string} why it cannot be moved, or ""
 */
export function slider(name, label, details = nothing, of = ENTRY, why = "") {
  const strength = of.strength(name);
  const value = Number(strength);
  const far = Math.abs(value) > FAR;
  const id = `${of.prefix}-${name.replace(/[^\w-]/gu, (sign) => `_${sign.codePointAt(0).toString(16)}`)}`;
  const off = Boolean(why);
  const said = [far ? `${id}-far` : "", off ? `${id}-why` : ""].filter(Boolean).join(" ");
  return html`<div class="trait ${value ? "moved" : ""} ${far ? "far" : ""} ${off ? "off" : ""}" data-trait=${name}>
    <label for=${id}>${label}</label>
    <input
      type="text" class="number" inputmode="decimal" autocomplete="off"
      .value=${unlessTyped(number(value))} aria-label=${t("trait.number", { trait: label })} ?disabled=${off}
      @change=${(e) => typed(name, e.target, of)}
    />
    <button
      type="button" class="icon" ?disabled=${!value} title=${t("trait.reset")}
      aria-label=${t("trait.reset.of", { trait: label })} @click=${() => of.reset(name)}
    >↺</button>
    ${of.star ? of.star(name) : nothing}
    <input
      type="range" id=${id} min=${-REACH} max=${REACH} step=${STEP} ?disabled=${off}
      .value=${live(strength)} data-fill=${styled(fill(value))}
      aria-valuetext=${number(value)} aria-describedby=${said || nothing}
      @pointerdown=${() => (held = true)}
      @pointerup=${() => released(of)} @pointercancel=${() => released(of)}
      @input=${(e) => of.adjust(name, decimal(Number(e.target.value)), held)}
      @change=${() => held && released(of)}
      @keydown=${(e) => leap(e, name, of)}
      @dblclick=${() => of.reset(name)}
    />
    ${details === nothing
      ? nothing
      : html`<details class="about-trait">
          <summary aria-label=${t("trait.about", { trait: label })}>i</summary>
          <div>${details}</div>
        </details>`}
    ${off ? html`<p class="quiet why" id=${`${id}-why`}>${why}</p>` : nothing}
    ${far ? html`<p class="warning" id=${`${id}-far`}>${t("trait.far")}</p>` : nothing}
  </div>`;
}

/** What is measured of a trait by a method, in short sentences. */
export function measured(trait, labelOf) {
  if (!trait) return nothing;
  const along = Object.entries(trait.along);
  const parts = [html`<p>${t("trait.reached", { share: percent(trait.reached) })}</p>`];
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
  return parts;
}

/** Where the filled part of the track begins and ends. */
function fill(value) {
  const place = (one) => `${((Math.min(REACH, Math.max(-REACH, one)) + REACH) / (2 * REACH)) * 100}%`;
  return { "--low": place(Math.min(0, value)), "--high": place(Math.max(0, value)) };
}

function percent(share) {
  return `${Math.round(share * 100)} %`;
}

function released(of) {
  held = false;
  of.end();
}

/** PageUp and PageDown go five steps, where browsers go a tenth of the range. */
function leap(event, name, of) {
  const way = { PageUp: LEAP, PageDown: -LEAP }[event.key];
  if (!way) return;
  event.preventDefault();
  const value = Number(of.strength(name)) + way;
  of.adjust(name, decimal(Math.min(REACH, Math.max(-REACH, value))), false);
}

/** A number that was typed: with a point or a comma, a hyphen or a minus. */
function typed(name, field, of) {
  const text = field.value.trim().replace(",", ".").replace("−", "-").replace("+", "");
  const value = text === "" ? 0 : Number(text);
  if (Number.isFinite(value)) {
    of.adjust(name, decimal(Math.min(REACH, Math.max(-REACH, value))), false);
    of.end();
  }
  field.value = number(Number(of.strength(name)));
}
