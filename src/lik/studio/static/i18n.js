/** Words in the language of the page; records keep the names of the data set. */
import { signal } from "./vendor.js";
import { jsonOf } from "./own.js";

/** Code → its own name. The files lie in i18n/; Serbian in Latin script is made of the Cyrillic one. */
export const LANGUAGES = { en: "English", "sr-latn": "Srpski", "sr-cyrl": "Српски" };
const CYRILLIC = "абвгдђежзијклмнопрстћуфхцчш";
const LATIN = "abvgdđežzijklmnoprstćufhcčš";
const TAGS = { en: "en", "sr-latn": "sr-Latn", "sr-cyrl": "sr-Cyrl" };

/** @type {{value: string}} the language in use; views that read it are drawn again */
export const language = signal("en");
let words = {};
let english = {};
/** Making one takes longer than using it a hundred times. */
const formats = new Map();
let plural = new Intl.PluralRules("en");

/** Choose a language: the kept one, or the first of the browser's that there is. */
export function preferred() {
  const kept = localStorage.getItem("lik-language");
  if (kept in LANGUAGES) return kept;
  for (const tag of navigator.languages ?? []) {
    const lower = tag.toLowerCase();
    if (lower.startsWith("sr")) return lower.includes("latn") ? "sr-latn" : "sr-cyrl";
    if (lower.startsWith("en")) return "en";
  }
  return "en";
}

/** Serbian words in Latin script: each letter of the one has its own in the other, or two. */
export function inLatin(cyrillic) {
  const letters = new Map([..."љњџ"].map((letter, i) => [letter, ["lj", "nj", "dž"][i]]));
  [...CYRILLIC].forEach((letter, i) => letters.set(letter, LATIN[i]));
  for (const [letter, latin] of [...letters]) {
    letters.set(letter.toUpperCase(), latin[0].toUpperCase() + latin.slice(1));
  }
  const spelt = (text) => [...text].map((letter) => letters.get(letter) ?? letter).join("");
  return Object.fromEntries(Object.entries(cyrillic).map(([key, text]) => [key, spelt(text)]));
}

/** Load a language and draw the page in it. */
export async function choose(code) {
  const load = (name) => jsonOf(`i18n/${name}.json`);
  if (!Object.keys(english).length) english = await load("en");
  if (code === "en") words = english;
  else words = code === "sr-latn" ? inLatin(await load("sr-cyrl")) : await load(code);
  plural = new Intl.PluralRules(TAGS[code]);
  localStorage.setItem("lik-language", code);
  document.documentElement.lang = TAGS[code];
  language.value = code;
}

/**
 * The words of a key, with {names} filled in; `count` chooses the plural: key.one, key.few, …
 * @param {string} key @param {Record<string, string|number>} values
 */
export function t(key, values = {}) {
  language.value; // read, so that whoever draws is drawn again
  let text = words[key] ?? english[key];
  if (text === undefined && "count" in values) {
    const form = plural.select(values.count);
    text = words[`${key}.${form}`] ?? words[`${key}.other`] ?? english[`${key}.other`];
  }
  if (text === undefined) return key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** The label of a trait; of one that is not known, its name with spaces. */
export function traitLabel(name) {
  if (name.startsWith("dimension:")) return t("dimension", { index: name.slice(10) });
  const label = t(`trait.${name}`);
  return label === `trait.${name}` ? name.replaceAll("_", " ") : label;
}

/** What a run learned from, and for how long. */
export function learned({ faces, epochs }) {
  return [epochs && t("run.epochs", { count: epochs }), faces].filter(Boolean).join(" · ");
}

/** A number as it is written in the language. */
export function number(value, digits = 2) {
  const key = `${language.value} ${digits}`;
  if (!formats.has(key)) {
    const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    formats.set(key, new Intl.NumberFormat(TAGS[language.value], options));
  }
  return formats.get(key).format(Number(value)).replace("-", "−");
}
