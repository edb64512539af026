/**
 * The page's own files: beside its modules, or within it where the page is a single file.
 *
 * A page that is a single file holds them before any module begins, as `globalThis.likHeld`.
 */
const held = globalThis.likHeld;

/** Where a file lies, seen from the modules: "icon.png". */
export function addressOf(name) {
  return held ? held.addressOf(name) : new URL(name, import.meta.url).href;
}

/** @returns {Promise<Uint8Array>} */
export async function bytesOf(name) {
  if (held) return held.bytesOf(name);
  const answer = await fetch(addressOf(name));
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

/** A file of JSON. */
export async function jsonOf(name) {
  return JSON.parse(new TextDecoder().decode(await bytesOf(name)));
}
