/** The right column: methods, search, traits in groups, dimensions. */
import { effect, html, live, nothing, render, repeat, signal } from "./vendor.js";
import { grouped } from "./groups.js";
import { number, t, traitLabel } from "./i18n.js";
import { tell } from "./notices.js";
import { directionsOf, isGuided } from "./pictures.js";
import { report } from "./notices.js";
import { presentView, presented, presenting } from "./present.js";
import { measured, slider } from "./slider.js";
import { about, change, entry } from "./state.js";
import { DIMENSION } from "./sums.js";

const FIRST_DIMENSIONS = 12;
const searched = signal("");
const opened = signal({ dimensions: false, all: false });

export function mountTraits(root) {
  effect(() => render(view(), root));
}

function view() {
  const run = about.value;
  if (!run || !entry.value) return skeleton();
  if (presenting.value) return presentView(presented().map((name) => slider(name, traitLabel(name))));
  const words = plain(searched.value);
  const own = run.methods.find(({ name }) => name === entry.value.method)?.measured ?? {};
  const shown = run.traits.filter((trait) => matches(trait.name, words));
  return html`
    ${methodsView(run)}
    <div class="search">
      <input
        type="search" id="search" placeholder=${t("traits.search")}
        aria-label=${t("traits.search")} .value=${live(searched.value)}
        @input=${(e) => (searched.value = e.target.value)}
      />
      <button
        type="button" class="plain" ?disabled=${!entry.value.terms.length}
        @click=${() => change({ terms: [] })}
      >${t("traits.reset")}</button>
    </div>
    ${grouped(shown).map(
      ([group, traits]) => html`<details class="group" open>
        <summary><h2>${t(`group.${group}`)}</h2><span class="quiet">${traits.length}</span></summary>
        ${repeat(
          traits,
          (trait) => trait.name,
          ({ name }) => slider(name, traitLabel(name), measured(Object.hasOwn(own, name) && own[name], traitLabel)),
        )}
      </details>`,
    )}
    ${shown.length ? nothing : html`<p class="quiet none">${noneView(run)}</p>`}
    ${dimensionsView(run, words)}
  `;
}

function noneView(run) {
  return run.traits.length ? t("traits.none") : t("traits.unfitted", { command: "lik fit-directions" });
}

function methodsView(run) {
  if (run.methods.length < 2) return nothing;
  return html`<fieldset class="methods">
    <legend>${t("method.title")}</legend>
    ${run.methods.map(
      ({ name, unit, guided }) => html`<label class="method">
        <input
          type="radio" name="method" value=${name} .checked=${live(entry.value.method === name)}
          @change=${() => chooseMethod(name)}
        />
        <span><b>${methodLabel(name)}</b>
          <span class="quiet">${guided ? t("method.guided.says") : sentence(name, unit)}</span>
        </span>
      </label>`,
    )}
  </fieldset>`;
}

function methodLabel(name) {
  const label = t(`method.${name}`);
  return label === `method.${name}` ? name : label;
}

function sentence(name, unit) {
  const says = t(`method.${name}.says`);
  return says === `method.${name}.says` ? unit : says;
}

/** Another method: guided edits know traits alone, so that dimensions are left out. */
async function chooseMethod(name) {
  const { terms } = entry.value;
  let kept = terms;
  try {
    if (isGuided(name)) kept = terms.filter(([trait]) => !trait.startsWith(DIMENSION));
    else await directionsOf(name);
  } catch (error) {
    return report(error);
  }
  if (kept.length < terms.length) tell(t("method.dimensions"));
  change({ method: name, terms: kept });
}

function dimensionsView(run, words) {
  if (isGuided(entry.value.method)) return nothing;
  const found = run.dimensions.filter(({ index }) => !words || dimensionMatches(index, words));
  const { dimensions, all } = opened.value;
  const moved = new Set(entry.value.terms.map(([name]) => name));
  const some = found.filter(
    ({ index }, i) => all || i < FIRST_DIMENSIONS || moved.has(`${DIMENSION}${index}`),
  );
  const toggle = (e) => (opened.value = { ...opened.value, dimensions: e.target.open });
  return html`<details class="group" .open=${dimensions} @toggle=${toggle}>
    <summary><h2>${t("group.dimensions")}</h2><span class="quiet">${run.latent}</span></summary>
    ${dimensions
      ? html`<p class="quiet none">${t("dimensions.says")}</p>
          ${repeat(some, ({ index }) => index, dimensionRow)}
          ${some.length < found.length
            ? html`<button
                type="button" class="wide"
                @click=${() => (opened.value = { dimensions: true, all: true })}
              >${t("dimensions.all", { count: found.length })}</button>`
            : nothing}`
      : nothing}
  </details>`;
}

function dimensionRow({ index, kl }) {
  const name = `${DIMENSION}${index}`;
  const says = kl === null ? nothing : html`<p>${t("dimensions.kl", { nats: number(kl) })}</p>`;
  return slider(name, traitLabel(name), says);
}

function dimensionMatches(index, words) {
  return plain(`${t("dimension", { index })} ${index}`).includes(words);
}

/** Whether a trait is meant: by its label, its own name, without marks on letters. */
function matches(name, words) {
  return !words || plain(`${traitLabel(name)} ${name.replaceAll("_", " ")}`).includes(words);
}

function plain(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").replaceAll("đ", "d").toLowerCase().trim();
}

function skeleton() {
  return html`<div class="skeleton" aria-hidden="true">
    ${Array.from({ length: 9 }, () => html`<span></span>`)}
  </div>`;
}
