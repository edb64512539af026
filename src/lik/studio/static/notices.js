/** Sentences for people: one near the drop zone, one on the page, one that is read aloud. */
import { signal } from "./vendor.js";
import { StudioError } from "./errors.js";
import { t } from "./i18n.js";
import { spoken } from "./state.js";

/** @type {{value: string}} about the picture that was given */
export const refusal = signal("");
/** @type {{value: {text: string, bad: boolean}|null}} about all else */
export const notice = signal(null);
/** Whether the server was lost by a request (the socket has a state of its own). */
export const unreachable = signal(false);

let timer = 0;

/** Say something that passes. */
export function tell(text, bad = false) {
  clearTimeout(timer);
  notice.value = { text, bad };
  say(text);
  if (!bad) timer = setTimeout(() => (notice.value = null), 5000);
}

export function dismiss() {
  notice.value = null;
}

/** Read a sentence to those who do not see the page. */
export function say(text) {
  spoken.value = text;
}

/** The sentence of an error. */
export function sentenceOf(error) {
  if (error instanceof StudioError && error.code === "lost") return t("lost.short");
  if (error instanceof StudioError && error.message) return capital(error.sentence);
  return t("error.unknown", { what: error?.message ?? "" });
}

/** A sentence with a large first letter: those of the command line follow a colon. */
export function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Show what went wrong. */
export function report(error) {
  if (error?.name === "AbortError") return;
  if (!(error instanceof StudioError)) console.error(error);
  if (error?.code === "lost") unreachable.value = true;
  else tell(sentenceOf(error), true);
}

export function dismissRefusal() {
  refusal.value = "";
}
