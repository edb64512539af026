/** Bytes in the forms in which they travel: base64, base64url, SHA-256. */

/** @param {string} text base64 → Uint8Array */
export function fromBase64(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** @param {ArrayBufferView} view → base64 */
export function toBase64(view) {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  let binary = "";
  for (let i = 0; i < bytes.length; i += 8192) {
    binary += String.fromCharCode(...bytes.subarray(i, i + 8192));
  }
  return btoa(binary);
}

/** A plain value → base64url of its JSON, as it stands in a link. */
export function toFragment(value) {
  const text = toBase64(new TextEncoder().encode(JSON.stringify(value)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** The value that `toFragment` wrote; null for anything else. */
export function fromFragment(text) {
  try {
    const plain = text.replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(new TextDecoder().decode(fromBase64(plain)));
  } catch {
    return null;
  }
}

/** float32 (N, D) in one buffer → N arrays (D,). */
export function rows(buffer, width) {
  const all = buffer instanceof Float32Array ? buffer : new Float32Array(buffer);
  const count = Math.floor(all.length / width);
  return Array.from({ length: count }, (_, i) => all.slice(i * width, (i + 1) * width));
}
