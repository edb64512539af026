/** SHA-256 (FIPS 180-4): the browser's own where it has it, which is on secure addresses alone. */

/** The first 32 bits of what roots of the first primes have behind the point. */
const PRIMES = firstPrimes(64);
const START = PRIMES.slice(0, 8).map((prime) => rootBits(prime, 2n));
const ROUNDS = Uint32Array.from(PRIMES, (prime) => rootBits(prime, 3n));

/** The hash of a file, in hexadecimal. @param {Blob} blob @returns {Promise<string>} */
export async function sha256Of(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const own = globalThis.crypto?.subtle;
  const hash = own ? new Uint8Array(await own.digest("SHA-256", bytes)) : sha256(bytes);
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {Uint8Array} bytes @returns {Uint8Array} 32 bytes */
export function sha256(bytes) {
  const state = Uint32Array.from(START);
  const words = new Uint32Array(64);
  const whole = bytes.length - (bytes.length % 64);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < whole; at += 64) add(state, words, view, at);
  // What is left, a one, zeros, and the length in bits.
  const left = bytes.subarray(whole);
  const end = new DataView(new ArrayBuffer(left.length < 56 ? 64 : 128));
  new Uint8Array(end.buffer).set(left);
  end.setUint8(left.length, 128);
  end.setBigUint64(end.byteLength - 8, BigInt(bytes.length) * 8n);
  for (let at = 0; at < end.byteLength; at += 64) add(state, words, end, at);
  const hash = new DataView(new ArrayBuffer(32));
  state.forEach((word, i) => hash.setUint32(4 * i, word));
  return new Uint8Array(hash.buffer);
}

/** Take a block of 64 bytes into the state. */
function add(state, words, view, at) {
  for (let i = 0; i < 16; i++) words[i] = view.getUint32(at + 4 * i);
  for (let i = 16; i < 64; i++) {
    const [p, q] = [words[i - 15], words[i - 2]];
    const small = turned(p, 7) ^ turned(p, 18) ^ (p >>> 3);
    const large = turned(q, 17) ^ turned(q, 19) ^ (q >>> 10);
    words[i] = words[i - 16] + small + words[i - 7] + large;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const mixed = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25);
    const first = (h + mixed + ((e & f) ^ (~e & g)) + ROUNDS[i] + words[i]) | 0;
    const other = turned(a, 2) ^ turned(a, 13) ^ turned(a, 22);
    const second = (other + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => (state[i] += word));
}

function turned(word, by) {
  return (word >>> by) | (word << (32 - by));
}

function firstPrimes(count) {
  const primes = [];
  for (let n = 2; primes.length < count; n++) {
    if (primes.every((prime) => n % prime)) primes.push(n);
  }
  return primes;
}

/** The whole number below a root of prime · 2³²ʳ, without its upper bits. */
function rootBits(prime, root) {
  const target = BigInt(prime) << (32n * root);
  let low = 0n;
  for (let bit = 1n << 40n; bit; bit >>= 1n) {
    if ((low + bit) ** root <= target) low += bit;
  }
  return Number(low & 0xffffffffn);
}
