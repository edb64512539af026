/** An exported page starts: it is about one run, which the browser itself decodes. */
import { BrowserEngine } from "./browserengine.js";
import { mountPage, openEngine, openShared } from "./page.js";
import { about, runs } from "./state.js";

/** The record in the fragment of the address; it stays there, so that the page can be opened again. */
function shared() {
  return new URLSearchParams(location.hash.slice(1)).get("r");
}

async function start() {
  document.querySelector("#starting")?.remove();
  const none = () => {};
  const engine = new BrowserEngine();
  const known = engine.runs();
  await mountPage(none, none);
  runs.value = await known;
  addEventListener("hashchange", () => about.value && shared() && openShared(shared()));
  await openEngine(engine);
  if (shared()) openShared(shared());
}

start().catch(() => document.body.classList.add("failed"));
