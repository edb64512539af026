/** One of the runs that are compared: it finds, draws and edits by itself what it is given. */
import { signal } from "./vendor.js";
import { pointOf, windowOf } from "./compositor.js";
import { ServerEngine } from "./engine.js";
import { sentenceOf } from "./notices.js";
import { Painter } from "./painter.js";
import { led } from "./sums.js";
import { aroundOf } from "./tinting.js";

/** Pixels of a picture that is compared. */
export const SIDE = 512;
/** How much of a photograph is shown around a face, in sides of its square. */
const AROUND = 0.1;

export class Contender {
  #wanted = null;
  #busy = false;
  #face = null;
  #given = 0;
  #bitmap = null;
  /** What the painter holds as the picture before. */
  #before = "";

  /** @param {string} token @param {string} id of the run */
  constructor(token, id) {
    this.id = id;
    this.engine = new ServerEngine(token, id);
    this.painter = new Painter();
    /** Of the square that is shown, on the canvas. */
    this.square = null;
    /** @type {{value: object|null}} what the run is */
    this.facts = signal(null);
    /** Counts the pictures that were drawn; 0 for none yet. */
    this.drawn = signal(0);
    /** How many faces it has found in the photograph. */
    this.found = signal(1);
    this.failure = signal("");
    /** @type {Map<string, Float32Array>} */
    this.directions = new Map();
    this.ready = this.#open();
  }

  close() {
    this.#given = -1;
    this.engine.close();
  }

  knows(trait) {
    return this.directions.has(trait);
  }

  async #open() {
    try {
      const facts = await this.engine.about();
      if (facts.usual_method) this.directions = await this.engine.directions(facts.usual_method);
      this.facts.value = facts;
    } catch (error) {
      this.failure.value = sentenceOf(error);
    }
  }

  /**
   * Take what all of them are given.
   * @param {{kind: "prior"|"testset", seed: number, index: number}
   *   | {kind: "photograph", subject: object, face: number}} given
   */
  async take(given, wanted) {
    const own = ++this.#given;
    await this.ready;
    if (!this.facts.value) return;
    this.failure.value = "";
    try {
      const face = given.kind === "photograph" ? await this.#found(given) : await this.#drawn(given);
      if (own !== this.#given) return;
      this.#face = face;
      const photograph = face.square && given.subject.photograph;
      const around = photograph && aroundOf(face, photograph, this.facts.value);
      this.#bitmap = photograph && { ...cut(photograph, face.square), around };
      this.want(wanted, true);
      if (given.kind === "photograph" && this.facts.value.invert) await this.#fit(face, own);
    } catch (error) {
      if (own === this.#given) this.failure.value = sentenceOf(error);
    }
  }

  async #drawn({ kind, seed, index }) {
    const prior = this.facts.value.usual_prior;
    const told = kind === "prior" ? { kind, seed, temperature: null, prior } : { kind, seed };
    const codes = await this.engine.draw({ ...told, count: 16 });
    return { code: codes[Math.min(index, codes.length - 1)], square: null, crop: null };
  }

  async #found({ subject, face }) {
    const { faces, a_crop: aCrop } = await this.engine.encode(subject.photograph.blob);
    this.found.value = faces.length;
    const one = faces[Math.min(face, faces.length - 1)];
    const carried = this.facts.value.abilities.carry && !aCrop;
    return carried ? one : { ...one, square: null };
  }

  /** The code that suits the face best, which takes a moment. */
  async #fit(face, own) {
    const [code] = await this.engine.fit([face.crop]);
    if (own !== this.#given) return;
    this.#face = { ...face, code };
    this.want(this.#wanted ?? this.last, true);
  }

  /**
   * Ask for a picture: of those asked for while one is made, only the newest is.
   * @param {{terms: [string, string][], decoding: boolean}} wanted
   */
  want(wanted, fresh = false) {
    this.last = wanted;
    this.#wanted = { ...wanted, fresh: fresh || this.#wanted?.fresh };
    if (!this.#busy && this.#face) this.#work();
  }

  async #work() {
    this.#busy = true;
    while (this.#wanted) {
      const wanted = this.#wanted;
      this.#wanted = null;
      try {
        await this.#picture(wanted);
      } catch (error) {
        this.failure.value = sentenceOf(error);
      }
    }
    this.#busy = false;
  }

  async #picture({ terms, decoding, fresh }) {
    const { code, crop } = this.#face;
    const known = terms.filter(([name]) => this.knows(name));
    const after = led(code, known, this.directions);
    const { size } = this.facts.value;
    const kind = decoding || !this.#bitmap ? "decoding" : "photograph";
    const anew = fresh || kind !== this.#before;
    this.#before = "";
    if (kind === "decoding") {
      const [now, old] = await this.engine.decode(anew ? [after, code] : [after]);
      if (anew) this.painter.resize(SIDE, SIDE);
      if (anew) this.painter.decoding("before", old, size);
      this.painter.decoding("after", now, size);
    } else {
      const carried = known.length ? await this.engine.carry([code], [after], [crop]) : [];
      if (anew) this.painter.resize(SIDE, SIDE);
      if (anew) this.painter.photograph(this.#bitmap.picture);
      const { square, around } = this.#bitmap;
      this.painter.changed(carried.map((one) => ({ ...one, square, around, size })), 1);
    }
    this.#before = kind;
    this.drawn.value++;
  }
}

/** The part of a photograph around a face, SIDE pixels a side, and the face's square in it. */
function cut({ bitmap, width, height }, square) {
  const [x, y] = pointOf(square, 0.5, 0.5);
  const found = windowOf(square, Infinity, Infinity) ?? square;
  const length = Math.max(found.width, found.height, square.side) * (1 + 2 * AROUND);
  const scale = SIDE / length;
  const within = (at, whole) => Math.max(0, Math.min(at - length / 2, whole - length));
  const [left, top] = [within(x, width), within(y, height)];
  const picture = document.createElement("canvas");
  picture.width = picture.height = SIDE;
  const context = picture.getContext("2d");
  context.fillStyle = "#7f7f7f"; // where the photograph ends
  context.fillRect(0, 0, SIDE, SIDE);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, -left * scale, -top * scale, width * scale, height * scale);
  const { side, angle } = square;
  const own = { x: (square.x - left) * scale, y: (square.y - top) * scale, side: side * scale, angle };
  return { picture, square: own };
}
