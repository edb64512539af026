/**
 * The engine of an exported page: it does in the browser what `ServerEngine` asks a server for.
 *
 * What it knows lies in model/: about.json, the networks, codes drawn beforehand, directions and
 * a map. Nothing that is given to it leaves the page.
 */
import { signal } from "./vendor.js";
import { bytesOf, addressOf, jsonOf } from "./own.js";
import { rows } from "./bytes.js";
import { unusable } from "./errors.js";
import { t } from "./i18n.js";
import { Line } from "./line.js";
import { edited } from "./browseredit.js";
import { Guide } from "./guide.js";
import { opened } from "./browserphotograph.js";

/** Codes of one seed. */
const TOGETHER = 16;
const RUNTIME = "runtime/onnxruntime-web";

export class BrowserEngine {
  /** @type {Map<string, object>} what `encode` found, by the hash of the photograph */
  #photographs = new Map();
  #codes = null;
  #guide = null;
  #line = null;
  #ready = null;
  #encoder = null;

  constructor() {
    /** @type {object} what the run is; set by `about` */
    this.facts = null;
    /** There is no server that could be lost. */
    this.link = { state: signal("open"), retry() {} };
  }

  /** The one run that there is, in the form of `ServerEngine.runs`. */
  async runs() {
    const { id, name, size, latent } = await this.about();
    this.#open().catch(() => {}); // it takes a while, and whoever needs it waits for it
    return { runs: [{ id, name, size, latent }], usual: id, network: null };
  }

  async about() {
    this.facts ??= await jsonOf("../model/about.json");
    return this.facts;
  }

  async directions(set) {
    const found = Object.hasOwn(this.facts.sets, set) ? this.facts.sets[set] : null;
    if (!found) throw unusable(t("engine.directions"));
    const { file, names } = found;
    const vectors = rows(await floats(`../model/${file}.bin`), this.facts.latent);
    return new Map(names.map((name, i) => [name, vectors[i]]));
  }

  /** What reads codes, and leads them. */
  guide() {
    this.#guide ??= this.#read();
    return this.#guide;
  }

  async trajectory(code, attribute, sign) {
    return (await this.guide()).trajectory(code, attribute, sign);
  }

  /** Codes of the seeds that the page holds, and of the ones after where more are asked for. */
  async draw({ kind, seed, count = TOGETHER, temperature = null, prior = null }) {
    const { seeds, usual_prior: usual } = this.facts;
    const known = kind === "prior" && temperature === null && (prior === null || prior === usual);
    if (!known) throw unusable(t("engine.prior"));
    if (seed * TOGETHER + count > seeds * TOGETHER) throw unusable(t("engine.seeds", { last: seeds - 1 }));
    return (await this.#drawn()).slice(seed * TOGETHER, seed * TOGETHER + count);
  }

  /**
   * The faces of a photograph, whose eyes a person taps where nobody knows them.
   * @param {Blob} photograph @param {number[][]|null} eyes [left x, left y, right x, right y] each
   */
  async encode(photograph, eyes = null) {
    if (!this.facts.abilities.photographs) throw unusable(t("engine.encoder"));
    const found = await opened(photograph, this.facts, eyes);
    await this.#open();
    this.#encoder ??= this.#add("encoder");
    await this.#encoder;
    const means = await this.#line.send("encode", { crops: found.faces.map((face) => face.crop) });
    rows(means, this.facts.latent).forEach((code, i) => (found.faces[i].code = code));
    this.#photographs.set(found.sha256, found);
    return found;
  }

  async decode(codes, first = false) {
    await this.#open();
    // One by one, so that a slider has its turn between two.
    return Promise.all(codes.map((code) => this.#line.send("decode", { code }, first)));
  }

  /** One code quickly, while a slider is being moved: its details are those of the face before. */
  async draft(code) {
    await this.#open();
    return this.#line.send("draft", { code }, true);
  }

  /** @param {boolean} quickly whether a draft will do, as of `draft` */
  async carry(before, after, crops, first = false, quickly = false) {
    await this.#open();
    const content = { before: joined(before), after: joined(after), crops, quickly };
    const parts = await this.#line.send("carry", content, first);
    return crops.map((_, i) => {
      const [decoding, flow, colour, tint] = parts.slice(4 * i, 4 * i + 4);
      return { decoding, flow, colour, tint };
    });
  }

  /** The picture of an edit, in full, with its record: see `edited`. */
  edit(record, photograph, source, onStep = () => {}) {
    return edited(this, record, photograph, source, onStep);
  }

  /** What `encode` found in a photograph, by the hash of its file. */
  photograph(sha256) {
    return this.#photographs.get(sha256) ?? null;
  }

  async mapAttributes() {
    return this.facts.map.attributes;
  }

  async map({ kind, seed, count, method }) {
    if (kind !== "prior" || method !== "pca") throw unusable(t("engine.map"));
    const codes = await this.draw({ kind, seed, count });
    const start = seed * TOGETHER;
    const points = (await floats("../model/map.bin")).slice(2 * start, 2 * (start + count));
    const places = Uint32Array.from({ length: count }, (_, i) => i);
    return { shares: this.facts.map.shares, places, points, codes };
  }

  async mapSeen({ seed, count }) {
    const { seeds, map } = this.facts;
    const all = map.attributes.length ? await bytesOf("../model/seen.bin") : new Uint8Array();
    const start = seed * TOGETHER;
    const column = (i) => all.subarray(i * seeds * TOGETHER + start).subarray(0, count);
    return new Map(map.attributes.map((name, i) => [name, Float32Array.from(column(i), (one) => one / 255)]));
  }

  close() {
    this.#line?.close();
  }

  async #drawn() {
    this.#codes ??= rows(await floats("../model/codes.bin"), this.facts.latent);
    return this.#codes;
  }

  async #read() {
    return new Guide(await jsonOf("../model/guided.json"), await floats("../model/guide.bin"));
  }

  /** The runtime and the networks that decode, brought to the worker once. */
  #open() {
    this.#ready ??= this.#begin();
    return this.#ready;
  }

  async #begin() {
    this.#line = new Line();
    const { size, latent, widen } = this.facts;
    const [runtime, glue] = ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs"].map((name) => addressOf(`${RUNTIME}/${name}`));
    const networks = this.facts.networks.filter((name) => name !== "encoder");
    const asked = networks.map((name) => bytesOf(`../model/${name}.onnx`));
    const wasm = await bytesOf(`${RUNTIME}/ort-wasm-simd-threaded.wasm.gz`);
    const content = { runtime, glue, wasm, size, latent, widen };
    await this.#line.send("open", content, false, [wasm.buffer]);
    for (const [i, bytes] of (await Promise.all(asked)).entries()) await this.#add(networks[i], bytes);
  }

  async #add(name, given = null) {
    const bytes = given ?? (await bytesOf(`../model/${name}.onnx`));
    await this.#line.send("add", { name, bytes }, true, [bytes.buffer]);
  }
}

async function floats(name) {
  const bytes = await bytesOf(name);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

function joined(codes) {
  const all = new Float32Array(codes.reduce((sum, code) => sum + code.length, 0));
  codes.forEach((code, i) => all.set(code, i * code.length));
  return all;
}
