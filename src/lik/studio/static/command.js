/** What does the same without the page: a command for photographs, Python for drawn faces. */
import { html, nothing } from "./vendor.js";
import { t } from "./i18n.js";
import { about } from "./state.js";
import { tell } from "./notices.js";

/** @param {import("./state.js").Entry} of @param {string} id of the place that holds the text */
export function commandView(of, id = "command") {
  if (!of) return nothing;
  const text = commandOf(of);
  return html`<div class="command">
    <code id=${id} tabindex="0" aria-label=${t("command.label")}>${text}</code>
    <button type="button" class="plain" @click=${() => copy(text, `#${id}`)}>
      ${t("command.copy")}
    </button>
  </div>`;
}

/** @param {import("./state.js").Entry} of */
function commandOf(of) {
  return of.subject.photograph ? editCommand(of) : pythonOf(of);
}

function editCommand({ subject, terms, method, face }) {
  const name = subject.name || "photo.jpg";
  const words = ["lik edit", quoted(name)];
  words.push(...optionsOf(subject, terms, method, face));
  if (about.value.exported) words.push("--invert", "0"); // a page without a server fits no codes
  for (const eyes of subject.source.eyes ?? []) words.push("--eyes", eyes.join(","));
  if (about.value.shipped !== "faces") words.push("--run", quoted(placeOf(about.value)));
  return words.join(" ");
}

function optionsOf(subject, terms, method, face) {
  const words = [];
  for (const [name, strength] of terms) words.push("--set", quoted(`${name}=${strength}`));
  if (method !== about.value.usual_method) words.push("--method", quoted(method));
  if (face !== null && subject.faces.length > 1) words.push("--face", String(face));
  return words;
}

/** How a run is named in a terminal: where it lies the page is never told. */
function placeOf({ shipped, name }) {
  return shipped ?? `…/${name}`;
}

function pythonOf({ subject, terms, method }) {
  const { kind, seed, index } = subject.source;
  const holds = /"photograph"/.test(JSON.stringify(subject.source)); // which only a page has open
  const lines = ["import lik"];
  if (terms.length) lines.push("from lik.app.directions import open_editor");
  lines.push(`run = lik.load(${python(placeOf(about.value))})`);
  const plain = subject.source.temperature === null && subject.source.prior === about.value.usual_prior;
  if (kind === "prior" && plain) {
    lines.push(`code = run.sample(16, seed=${seed}).codes[${index}:${index + 1}]`);
  } else if (holds) {
    lines.push("code = …");
  } else {
    lines.splice(1, 0, "from lik.app.source_records import code_of, read_source");
    lines.push(`code = code_of(run, read_source(${python(subject.source)}))[None]`);
  }
  if (terms.length) {
    const moves = terms.map(([name, strength]) => `${python(name)}: ${strength}`).join(", ");
    lines.push(`code = open_editor(run, ${python(method)}).moved_by(code, {${moves}})`);
  }
  return [...lines, "face = run.decode(code)[0]"].join("; ");
}

/** A plain value as Python has it; what is not set is left out. */
function python(value) {
  return JSON.stringify(value, (_, one) => one ?? undefined);
}

/** A word as a shell takes it. */
function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Copy a text; where the clipboard is missing, as on plain network addresses, select it. */
export async function copy(text, selector) {
  try {
    await navigator.clipboard.writeText(text);
    tell(t("copied"));
  } catch {
    const place = document.querySelector(selector);
    if (place instanceof HTMLInputElement) place.select();
    else if (place) getSelection().selectAllChildren(place);
    tell(t("copied.not"));
  }
}
