/** The engine that is open, and what kinds of edits it knows. */
import { about } from "./state.js";

/** @type {{engine: import("./engine.js").ServerEngine|null, sets: Map<string, Map>}} */
export const source = { engine: null, sets: new Map() };

export function isGuided(method) {
  return Boolean(about.value?.methods.find((one) => one.name === method)?.guided);
}
