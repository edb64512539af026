/**
 * The worker of an exported page: it runs the networks, so that the page itself never waits.
 *
 * Asked is {id, kind, content}, answered {id, value} or {id, error}. Networks see and give images
 * planar, 3 · S · S in 0 … 1; pictures are S×S×3 bytes.
 */

/** Faces that are kept: what a refiner added to each, and what does not change while it is edited. */
const MOST_DETAILS = 24;
const MOST_GROUNDS = 16;

let ort = null;
let facts = null;
const sessions = new Map();
/** @type {{code: Float32Array, detail: Float32Array}[]} the last one first */
const details = [];
const grounds = new Map();

const ANSWERS = { open, add, decode, draft, carry, encode };

addEventListener("message", async ({ data: { id, kind, content } }) => {
  try {
    const value = await ANSWERS[kind](content);
    const moved = [value].flat().flatMap((one) => (ArrayBuffer.isView(one) ? [one.buffer] : []));
    postMessage({ id, value }, [...new Set(moved)]);
  } catch (error) {
    postMessage({ id, error: String(error?.message ?? error) });
  }
});

/** Begin: the runtime's two modules by address, its WebAssembly in bytes, what the run is. */
async function open({ runtime, glue, wasm, size, latent, widen }) {
  facts = { size, latent, widen };
  ort = await import(runtime);
  Object.assign(ort.env, { logLevel: "error" });
  const wasmBinary = (await unpacked(wasm)).buffer;
  Object.assign(ort.env.wasm, { numThreads: 1, wasmPaths: { mjs: glue }, wasmBinary });
}

/** A network: base, refiner or encoder. */
async function add({ name, bytes }) {
  const options = { executionProviders: ["wasm"], graphOptimizationLevel: "all", logSeverityLevel: 3 };
  sessions.set(name, await ort.InferenceSession.create(bytes, options));
}

async function unpacked(bytes) {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes; // a server has unpacked it already
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A code (D,) → its picture. */
async function decode({ code }) {
  return pictureOf((await both(code)).sharp);
}

/** A code → its picture as the base decoder has it, with the details of a face near to it. */
async function draft({ code }) {
  return pictureOf((await quick(code)).sharp);
}

/**
 * What edits do to faces: codes before and after (N · D), and their crops.
 * @returns {Promise<import("./engine.js").Carried[]>} flat: decoding, flow, colour, tint; decoding, …
 */
async function carry({ before, after, crops, quickly }) {
  const { changeOf } = await import("./carrying.js");
  const ends = each(after, facts.latent);
  const parts = [];
  for (const [i, code] of each(before, facts.latent).entries()) {
    const ground = await groundFor(code, crops[i]);
    const { sharp, base } = await (quickly ? quick(ends[i]) : both(ends[i]));
    const { decoding, flow, colour, tint } = changeOf(ground, { after: sharp, baseAfter: base });
    parts.push(decoding, flow, colour, tint);
  }
  return parts;
}

/** N pictures → means of the posteriors of their codes (N · D). */
async function encode({ crops }) {
  const { size, latent } = facts;
  const means = new Float32Array(crops.length * latent);
  for (const [i, crop] of crops.entries()) {
    const images = new ort.Tensor("float32", planar(crop), [1, 3, size, size]);
    const found = await sessions.get("encoder").run({ images });
    means.set(found.means.data, i * latent);
  }
  return means;
}

async function groundFor(code, crop) {
  const key = code.join(" ");
  if (!grounds.has(key)) {
    const { groundOf } = await import("./carrying.js");
    const { sharp, base } = await both(code);
    grounds.set(key, groundOf({ crop, before: sharp, baseBefore: base }, facts.size, facts.widen));
    if (grounds.size > MOST_GROUNDS) grounds.delete(grounds.keys().next().value);
  }
  return grounds.get(key);
}

/** A code → what the whole decoder makes of it, and the base decoder, where there is a refiner. */
async function both(code) {
  const images = await baseOf(code);
  if (!sessions.has("refiner")) return { sharp: images.data, base: null };
  const found = await sessions.get("refiner").run({ images, codes: tensorOf(code) });
  const [sharp, base] = [found.refined.data, images.data];
  details.unshift({ code, detail: sharp.map((value, i) => value - base[i]) });
  details.splice(MOST_DETAILS);
  return { sharp, base };
}

/** The same, where details are those of the nearest code of which they are known. */
async function quick(code) {
  const near = sessions.has("refiner") && nearest(code);
  if (!near) return both(code);
  const base = (await baseOf(code)).data;
  const sharp = base.map((value, i) => Math.min(1, Math.max(0, value + near.detail[i])));
  return { sharp, base };
}

async function baseOf(code) {
  return (await sessions.get("base").run({ codes: tensorOf(code) })).images;
}

/** What is known nearest to a code: of the same face, and not of somebody else; or null. */
function nearest(code) {
  let best = null;
  let least = facts.latent / 2; // two faces drawn from the prior are four times as far apart
  for (const known of details) {
    const far = known.code.reduce((sum, value, d) => sum + (value - code[d]) ** 2, 0);
    if (far < least) [best, least] = [known, far];
  }
  return best;
}

function tensorOf(code) {
  return new ort.Tensor("float32", code, [1, facts.latent]);
}

function each(codes, width) {
  return Array.from({ length: codes.length / width }, (_, i) => codes.slice(i * width, (i + 1) * width));
}

/** An image, planar → a picture, rounded as Lik rounds. */
function pictureOf(image) {
  const pixels = image.length / 3;
  const picture = new Uint8ClampedArray(image.length); // which rounds, and keeps within 0 … 255
  for (let i = 0; i < pixels; i++) {
    for (let c = 0; c < 3; c++) picture[3 * i + c] = image[c * pixels + i] * 255;
  }
  return new Uint8Array(picture.buffer);
}

function planar(picture) {
  const pixels = picture.length / 3;
  return Float32Array.from({ length: picture.length }, (_, i) => picture[3 * (i % pixels) + Math.floor(i / pixels)] / 255);
}
