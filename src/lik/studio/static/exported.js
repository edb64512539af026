/** An exported page starts: it is about one run, which the browser itself decodes. */
import { BrowserEngine } from "./browserengine.js";

/** The record in the fragment of the address; it stays there, so that the page can be opened again. */
function shared() {
  return new URLSearchParams(location.hash.slice(1)).get("r");
}

async function start() {
  const engine = new BrowserEngine();
  const known = engine.runs(); // the networks are on their way while the page is
  const { about, mountPage, openEngine, openShared, runs } = await import("./page.js");
  document.querySelector("#starting")?.remove();
  const none = () => {};
  await mountPage(none, none);
  runs.value = await known;
  addEventListener("hashchange", () => about.value && shared() && openShared(shared()));
  await openEngine(engine);
  if (shared()) openShared(shared());
}

start().catch((error) => {
  const place = document.querySelector("#starting") ?? document.querySelector("#banner");
  place.textContent = `This page could not be opened. ${error?.message ?? ""}`;
});
