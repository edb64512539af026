/**
 * The edit record of `lik edit`, as the page writes and reads it; what is read is not trusted.
 */
import { fromFragment, toFragment } from "./bytes.js";
import { PLAIN, about } from "./state.js";

/** Bytes of a record that is read, at the most. */
const LONGEST = 20_000;
const MOST_TERMS = 300;

/** An entry → the record that `lik edit` would write. */
export function recordOf(of) {
  const run = about.value;
  const { photograph } = of.subject;
  const record = {
    version: 1,
    strengths: Object.fromEntries(of.terms),
    method: of.method,
    mode: photograph && !photograph.aCrop ? "transfer" : "decode",
    inverted: photograph ? run.invert : 0,
    run: run.name,
    model_sha256: run.model_sha256,
  };
  // What else belongs to a method: networks that guide, and by what they were measured.
  Object.assign(record, run.methods.find(({ name }) => name === of.method)?.record);
  if (of.face !== null) record.face = of.face;
  if (run.recipe_sha256) record.recipe_sha256 = run.recipe_sha256;
  return record;
}

/** An entry → what a link or a file holds: the record, and where the face came from. */
export function shareable(of) {
  return { record: recordOf(of), source: of.subject.source };
}

/** A link to an entry; "" where the page is a file, whose place is nobody else's business. */
export function linkOf(of) {
  const { origin, pathname, protocol } = location;
  if (protocol === "file:") return "";
  return `${origin}${pathname}#r=${toFragment(shareable(of))}`;
}

/** What a fragment holds; null for nothing that could be read. */
export function readFragment(text) {
  return text.length > LONGEST ? null : readShared(fromFragment(text));
}

/** JSON text → {record, source}; null for anything else. */
export function readText(text) {
  if (text.length > LONGEST) return null;
  try {
    return readShared(JSON.parse(text));
  } catch {
    return null;
  }
}

/**
 * A value of unknown origin → {record, source}; null where it is none. A bare record will do.
 * @returns {{record: object, source: object|null}|null}
 */
function readShared(value) {
  if (!isObject(value)) return null;
  const record = isObject(value.record) ? value.record : value;
  const { version = 1 } = record; // one without is of this version
  if (version !== 1 || !isObject(record.strengths)) return null;
  const terms = Object.entries(record.strengths);
  const fine = terms.length <= MOST_TERMS && terms.every(([name, strength]) => isTerm(name, strength));
  const { method, face = null } = record;
  const numbered = face === null || (Number.isInteger(face) && face >= 1);
  if (!fine || typeof method !== "string" || method.length > 100 || !numbered) return null;
  return { record: { ...record, face }, source: readSource(value.source) };
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTerm(name, strength) {
  const number = typeof strength === "string" && /^-?\d{1,3}(\.\d{1,20})?$/.test(strength);
  return name.length > 0 && name.length < 200 && number;
}

function readSource(source) {
  return isObject(source) && source.kind === "mix" ? readMix(source) : readFace(source);
}

/** A mixture of faces; null where one of them cannot be read. */
function readMix({ ends, shares, path = "straight" }) {
  if (!Array.isArray(ends) || !Array.isArray(shares) || shares.length !== ends.length) return null;
  if (ends.length < 2 || ends.length > 4 || !["straight", "spherical"].includes(path)) return null;
  const read = ends.map(readEnd);
  const isShare = (one) => typeof one === "string" && /^[01](\.\d{1,6})?$/.test(one);
  if (!read.every(Boolean) || !shares.every(isShare)) return null;
  if (path === "spherical" && ends.length === 3) return null;
  if (Math.abs(shares.reduce((sum, one) => sum + Number(one), 0) - 1) > 0.001) return null;
  return { kind: "mix", ends: read, shares, path };
}

function readEnd(end) {
  if (!isObject(end) || end.kind !== "edited") return readFace(end);
  const { source, method, strengths } = end;
  const of = readFace(source);
  if (!of || typeof method !== "string" || method.length > 100 || !isObject(strengths)) return null;
  const terms = Object.entries(strengths);
  const fine = terms.length <= MOST_TERMS && terms.every(([name, value]) => isTerm(name, value));
  return fine ? { kind: "edited", source: of, method, strengths } : null;
}

function readFace(source) {
  if (!isObject(source)) return null;
  const { kind, sha256, seed, index, face } = source;
  if (kind === "photograph" && /^[0-9a-f]{64}$/.test(sha256)) {
    const told = Number.isInteger(face) && face > 0 ? { face } : {};
    return { kind, sha256, ...told, ...(areEyes(source.eyes) ? { eyes: source.eyes } : {}) };
  }
  const drawn = ["prior", "testset"].includes(kind) && Number.isInteger(seed) && seed >= 0;
  if (!drawn || !Number.isInteger(index) || index < 0 || index > 15) return null;
  const { temperature = null, prior = null } = source;
  const text = (one) => one === null || (typeof one === "string" && one.length < 100);
  if (!text(temperature) || !text(prior)) return null;
  return kind === "testset" ? { kind, seed, index } : { kind, seed, index, temperature, prior };
}

/** Whether a value is both eyes of some faces, which somebody tapped: left x, left y, right x, right y. */
function areEyes(value) {
  const isPair = (one) => Array.isArray(one) && one.length === 4 && one.every(Number.isFinite);
  return Array.isArray(value) && value.length > 0 && value.length <= 64 && value.every(isPair);
}

/**
 * The parts of an entry that a record asks for, as far as this run knows them.
 * @returns {{terms: import("./state.js").Term[], method: string, face: number|null,
 *   unknown: string[], otherWeights: boolean}}
 */
export function partsOf(record) {
  const run = about.value;
  const known = new Set(run.traits.map((trait) => trait.name));
  const dimension = (name) =>
    /^dimension:\d+$/.test(name) && Number(name.slice(10)) < run.latent;
  const all = Object.entries(record.strengths).filter(([, strength]) => Number(strength) !== 0);
  const terms = all.filter(([name]) => known.has(name) || dimension(name));
  const there = run.methods.find((method) => method.name === record.method);
  const otherwise = record.measured && there?.record && record.measured !== there.record.measured;
  return {
    terms,
    method: there ? record.method : (run.usual_method ?? PLAIN),
    face: record.face ?? null,
    unknown: all.filter((term) => !terms.includes(term)).map(([name]) => name),
    otherWeights: record.model_sha256 !== run.model_sha256 || Boolean(otherwise),
  };
}
