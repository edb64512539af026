/** SHA-256: by the browser, or where it keeps that to secure addresses, by hand. */

/** @param {ArrayBuffer} buffer @returns {Promise<string>} in hexadecimal */
export async function sha256Of(buffer) {
  const digest = globalThis.crypto?.subtle
    ? new Uint8Array(await crypto.subtle.digest("SHA-256", buffer))
    : digested(new Uint8Array(buffer));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The digest of bytes, as FIPS 180-4 has it. */
export function digested(bytes) {
  const { starts, factors } = constants();
  const state = Uint32Array.from(starts);
  const padded = new Uint8Array(Math.ceil((bytes.length + 9) / 64) * 64);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(bytes.length / 2 ** 29));
  view.setUint32(padded.length - 4, (bytes.length * 8) >>> 0);
  const words = new Uint32Array(64);
  for (let at = 0; at < padded.length; at += 64) {
    for (let i = 0; i < 16; i++) words[i] = view.getUint32(at + 4 * i);
    for (let i = 16; i < 64; i++) {
      const [a, b] = [words[i - 15], words[i - 2]];
      const small = turned(a, 7) ^ turned(a, 18) ^ (a >>> 3);
      const large = turned(b, 17) ^ turned(b, 19) ^ (b >>> 10);
      words[i] = words[i - 16] + small + words[i - 7] + large;
    }
    round(state, words, factors);
  }
  const out = new DataView(new ArrayBuffer(32));
  state.forEach((value, i) => out.setUint32(4 * i, value));
  return new Uint8Array(out.buffer);
}

function round(state, words, factors) {
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const large = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25);
    const one = (h + large + ((e & f) ^ (~e & g)) + factors[i] + words[i]) | 0;
    const two = ((turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((value, i) => (state[i] += value));
}

function turned(word, by) {
  return (word >>> by) | (word << (32 - by));
}

/** The first 32 bits of what follows the point in square and cube roots of the first primes. */
function constants() {
  const primes = [];
  for (let n = 2; primes.length < 64; n++) {
    if (primes.every((prime) => n % prime)) primes.push(n);
  }
  const bits = (root) => Math.floor((root - Math.floor(root)) * 2 ** 32);
  return { starts: primes.slice(0, 8).map((n) => bits(Math.sqrt(n))), factors: primes.map((n) => bits(Math.cbrt(n))) };
}
