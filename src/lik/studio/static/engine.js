/**
 * The engine behind the page: it encodes and decodes, and keeps nothing.
 *
 * @typedef {{x: number, y: number, side: number, angle: number}} Square
 * @typedef {{square: Square, code: Float32Array, crop: Uint8Array, inverted: number}} Face
 * @typedef {{decoding: Uint8Array, flow: Int16Array, colour: Int16Array, tint: Float32Array}} Carried
 *   decoding S×S×3; flow S×S×2 in 1/256 px of the crop; colour S×S×3 in 1/64 of a level; tint 3×4
 */
import { fromBase64, rows, toBase64 } from "./bytes.js";
import { StudioError } from "./errors.js";
import { Link } from "./link.js";

/** Bytes of a WebSocket message, at the most: the server takes no longer one. */
const LONGEST_MESSAGE = 60_000;
/** Bytes of a tint: 3×4 numbers. */
const TINT = 3 * 4 * 4;
/** Faces of a message, at the most. */
const MOST_FACES = 64;

export class ServerEngine {
  /** @param {string} token @param {string} run the id of the run */
  constructor(token, run) {
    this.token = token;
    this.run = run;
    this.link = new Link(token, run);
    /** @type {object} what the run is; set by `about` */
    this.facts = null;
  }

  /** The runs that there are: {runs, usual, network}. */
  static async runs(token) {
    return (await request(token, "/api/runs")).json();
  }

  async about() {
    this.facts = await (await this.#ask("")).json();
    return this.facts;
  }

  /** @returns {Promise<Map<string, Float32Array>>} name → vector (D,) of strength 1 */
  async directions(set) {
    const answer = await this.#ask(`/directions/${encodeURIComponent(set)}`);
    const names = JSON.parse(answer.headers.get("X-Lik-Names"));
    const vectors = rows(await answer.arrayBuffer(), this.facts.latent);
    return new Map(names.map((name, i) => [name, vectors[i]]));
  }

  /** @returns {Promise<Float32Array[]>} codes of what a source describes */
  async draw(source) {
    const answer = await this.#ask("/draw", json(source));
    return rows(await answer.arrayBuffer(), this.facts.latent);
  }

  /**
   * @param {Blob} photograph @param {number[][]|null} eyes of its faces, where a person has shown them
   * @returns {Promise<object>} its faces, the largest first
   */
  async encode(photograph, eyes = null) {
    const headers = eyes ? { "X-Lik-Eyes": JSON.stringify(eyes) } : {};
    const found = await (await this.#ask("/faces", { method: "PUT", body: photograph, headers })).json();
    if (eyes) found.eyes = eyes;
    for (const face of found.faces) {
      face.code = new Float32Array(fromBase64(face.code).buffer);
      face.crop = fromBase64(face.crop);
    }
    return found;
  }

  /** @param {Uint8Array[]} crops @returns {Promise<Float32Array[]>} codes fitted to them */
  async fit(crops) {
    const answer = await this.#ask("/fit", { method: "POST", body: new Blob(crops) });
    return rows(await answer.arrayBuffer(), this.facts.latent);
  }

  /** @param {Float32Array[]} codes @returns {Promise<Uint8Array[]>} S×S×3 each */
  async decode(codes, first = false) {
    const { size, latent } = this.facts;
    const one = size * size * 3;
    const pictures = [];
    for (const some of parts(codes, LONGEST_MESSAGE / (4 * latent))) {
      const payload = new Float32Array(some.length * latent);
      some.forEach((code, i) => payload.set(code, i * latent));
      const view = await this.link.send(0, some.length, new Uint8Array(payload.buffer), first);
      some.forEach((_, i) => pictures.push(bytesAt(view, i * one, one)));
    }
    return pictures;
  }

  /**
   * What an edit does to faces of a photograph.
   * @param {Float32Array[]} before @param {Float32Array[]} after @param {Uint8Array[]} crops
   * @returns {Promise<Carried[]>}
   */
  async carry(before, after, crops, first = false) {
    const { size, latent } = this.facts;
    const own = 8 * latent + size * size * 3;
    const carried = [];
    for (const some of parts([...crops.keys()], LONGEST_MESSAGE / own)) {
      const payload = new Uint8Array(some.length * own);
      some.forEach((at, i) => {
        payload.set(new Uint8Array(before[at].buffer), i * own);
        payload.set(new Uint8Array(after[at].buffer), i * own + 4 * latent);
        payload.set(crops[at], i * own + 8 * latent);
      });
      const view = await this.link.send(1, some.length, payload, first);
      carried.push(...carriedOf(view, some.length, size * size));
    }
    return carried;
  }

  /**
   * The trajectory of a face, guided; its own code first.
   * @param {(done: number, total: number) => void} onStep @param {AbortSignal} signal
   */
  async trajectory(code, attribute, sign, onStep, signal) {
    const body = json({ code: toBase64(code), attribute, sign });
    const { stops } = await this.#steps("/trajectory", { ...body, signal }, onStep);
    return rows(fromBase64(stops).buffer, this.facts.latent);
  }

  /**
   * The picture that `lik edit` writes.
   * @param {object} record @param {Blob|null} photograph
   * @param {object|null} source where the face came from, if it is not just in the photograph
   * @returns {Promise<{png: Blob, notices: string[]}>} notices are sentences for people
   */
  async edit(record, photograph, source, onStep = () => {}) {
    const head = source ? { record, source } : record;
    const text = new TextEncoder().encode(JSON.stringify(head));
    const length = new DataView(new ArrayBuffer(4));
    length.setUint32(0, text.length, true);
    const body = new Blob([length.buffer, text, ...(photograph ? [photograph] : [])]);
    const told = await this.#steps("/edit", { method: "POST", body }, onStep);
    const png = new Blob([fromBase64(told.png)], { type: "image/png" });
    return { png, notices: told.notices ?? [] };
  }

  /** @returns {Promise<string[]>} attributes by which a map can be coloured */
  async mapAttributes() {
    return (await (await this.#ask("/map")).json()).attributes;
  }

  /**
   * The codes of a map and their points.
   * @param {{kind: string, seed: number, count: number, method: string}} wanted
   * @returns {Promise<{shares: number[]|null, places: Uint32Array, points: Float32Array,
   *   codes: Float32Array[]}>} points are x, y, x, y …
   */
  async map(wanted, onStep, signal) {
    const told = await this.#steps("/map", { ...json(wanted), signal }, onStep);
    return {
      shares: told.shares,
      places: new Uint32Array(fromBase64(told.places).buffer),
      points: new Float32Array(fromBase64(told.points).buffer),
      codes: rows(fromBase64(told.codes).buffer, this.facts.latent),
    };
  }

  /** What the network of the run sees in the faces of a map: attribute → N probabilities. */
  async mapSeen(wanted, onStep, signal) {
    const told = await this.#steps("/map/attributes", { ...json(wanted), signal }, onStep);
    const all = new Float32Array(fromBase64(told.seen).buffer);
    const columns = rows(all, all.length / told.names.length);
    return new Map(told.names.map((name, i) => [name, columns[i]]));
  }

  close() {
    this.link.close();
  }

  #ask(path, options) {
    return request(this.token, `/api/runs/${encodeURIComponent(this.run)}${path}`, options);
  }

  async #steps(path, options, onStep) {
    const headers = { ...options.headers, Accept: "text/event-stream" };
    const answer = await this.#ask(path, { ...options, headers });
    for await (const { event, data } of events(answer.body)) {
      if (event === "step") onStep(data.done, data.total, data.stage);
      if (event === "done") return data;
      if (event === "error") throw new StudioError(data.error ?? data);
    }
    throw new StudioError({ code: "lost" });
  }
}

function json(value) {
  const headers = { "Content-Type": "application/json" };
  return { method: "POST", headers, body: JSON.stringify(value) };
}

export async function request(token, path, options = {}) {
  let answer;
  try {
    const headers = { ...options.headers, "X-Lik-Token": token };
    answer = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new StudioError({ code: "lost" });
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new StudioError(told.error ?? { code: "unknown" }, answer.status);
}

/** A list in parts of so many at the most, and of one at least: no more than a message holds. */
function parts(list, most) {
  const length = Math.max(1, Math.min(MOST_FACES, Math.floor(most)));
  const count = Math.ceil(list.length / length);
  return Array.from({ length: count }, (_, i) => list.slice(i * length, (i + 1) * length));
}

function bytesAt(view, start, length) {
  return new Uint8Array(view.buffer.slice(view.byteOffset + start, view.byteOffset + start + length));
}

function carriedOf(view, count, pixels) {
  const own = pixels * (3 + 4 + 6) + TINT;
  return Array.from({ length: count }, (_, i) => {
    const at = i * own;
    return {
      decoding: bytesAt(view, at, pixels * 3),
      flow: new Int16Array(bytesAt(view, at + pixels * 3, pixels * 4).buffer),
      colour: new Int16Array(bytesAt(view, at + pixels * 7, pixels * 6).buffer),
      tint: new Float32Array(bytesAt(view, at + pixels * 13, TINT).buffer),
    };
  });
}

/** The events of a stream of server-sent events: {event, data}. */
export async function* events(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value.replaceAll("\r\n", "\n");
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const event = /^event: ?(.*)$/m.exec(block)?.[1] ?? "message";
      const data = [...block.matchAll(/^data: ?(.*)$/gm)].map((m) => m[1]).join("\n");
      if (data) yield { event, data: JSON.parse(data) };
    }
  }
}
