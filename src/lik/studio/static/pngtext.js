/** The text of a PNG: what Lik has written of an edit. */
import { readText } from "./record.js";

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const RECORD = "Lik edit";
const SOURCE = "Lik source";
const LONGEST = 20_000;
/** What tells how a picture was made, and by which run. */
const TELLING = new Set([RECORD, SOURCE, "Lik run"]);

/**
 * The record in a PNG, and the source beside it; null where there is none.
 * @param {Blob} blob
 */
export async function recordIn(blob) {
  const texts = await textsOf(blob);
  const record = texts.get(RECORD);
  if (!record || record.length > LONGEST) return null;
  const source = texts.get(SOURCE);
  const whole = source && source.length < LONGEST ? `{"record":${record},"source":${source}}` : record;
  return readText(whole) ?? readText(record);
}

/** The same picture, which says no more than that a generative model made it. @param {Blob} blob */
export async function withoutRecord(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const kept = [bytes.subarray(0, 8)];
  for (const { type, data, whole } of chunksOf(bytes)) {
    if (!(type === "iTXt" && TELLING.has(keyOf(data)))) kept.push(whole);
  }
  return new Blob(kept, { type: "image/png" });
}

/** @param {Blob} blob @returns {Promise<Map<string, string>>} */
async function textsOf(blob) {
  const texts = new Map();
  for (const { type, data } of chunksOf(new Uint8Array(await blob.arrayBuffer()))) {
    if (["tEXt", "zTXt", "iTXt"].includes(type) && data.length < 10 * LONGEST) {
      const found = await textOf(type, data).catch(() => null);
      if (found) texts.set(...found);
    }
  }
  return texts;
}

/** The chunks of a PNG: type, data, and all bytes of each; none of anything else. */
function* chunksOf(bytes) {
  if (SIGNATURE.some((byte, i) => bytes[i] !== byte)) return;
  const view = new DataView(bytes.buffer);
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 12 + view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    yield { type, data: bytes.subarray(at + 8, end - 4), whole: bytes.subarray(at, end) };
    at = end;
  }
}

function keyOf(data) {
  return new TextDecoder("latin1").decode(data.subarray(0, data.indexOf(0)));
}

async function textOf(type, data) {
  const end = data.indexOf(0);
  const key = keyOf(data);
  if (type === "tEXt") return [key, new TextDecoder("latin1").decode(data.subarray(end + 1))];
  if (type === "zTXt") return [key, await inflated(data.subarray(end + 2), "latin1")];
  const compressed = data[end + 1] === 1;
  let at = data.indexOf(0, end + 3) + 1; // after the language
  at = data.indexOf(0, at) + 1; // after the translated key
  const rest = data.subarray(at);
  return [key, compressed ? await inflated(rest, "utf-8") : new TextDecoder().decode(rest)];
}

async function inflated(data, encoding) {
  const stream = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate"));
  const reader = stream.getReader();
  const parts = [];
  let total = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    total += value.length;
    if (total > 10 * LONGEST) throw new Error("too long"); // a small chunk can hold gigabytes
    parts.push(value);
  }
  return new TextDecoder(encoding).decode(await new Blob(parts).arrayBuffer());
}

/** A PNG with lines of text more, behind its head. @param {Record<string, string>} lines */
export async function withText(blob, lines) {
  // Not compressed, of no language, with no other name for the key.
  const chunks = Object.entries(lines).map(([key, text]) => chunk("iTXt", `${key}\0\0\0\0\0${text}`));
  const head = 8 + 25; // the signature and IHDR
  return new Blob([blob.slice(0, head), ...chunks, blob.slice(head)], { type: "image/png" });
}

function chunk(type, text) {
  const bytes = new TextEncoder().encode(type + text);
  const framed = new Uint8Array(bytes.length + 8);
  const view = new DataView(framed.buffer);
  view.setUint32(0, bytes.length - 4);
  framed.set(bytes, 4);
  view.setUint32(bytes.length + 4, crc(bytes));
  return framed;
}

/** The check sum of PNG (CRC-32). */
function crc(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let i = 0; i < 8; i++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return (sum ^ 0xffffffff) >>> 0;
}
