/**
 * Eyes that a person shows in a photograph: where marks stand, and what a tap does to them.
 *
 * All of it is plain values: a step gives a new list of faces, so that the one before can be had back.
 *
 * @typedef {[number, number]} Point in pixels of the photograph
 * @typedef {{eyes: (Point|null)[], shown: boolean[]}} Face the eye on the left of the picture first;
 *   an eye that is not shown yet stands where it may be
 */
import { pointOf } from "./compositor.js";
import { squareOf } from "./cutting.js";

/** Where eyes are in a square picture of a face, and in one that is taller, in shares of it. */
const USUAL = [[0.36, 0.465], [0.64, 0.465]];
const TALL = [[0.41, 0.43], [0.59, 0.43]];
const TALLEST = 1.9;
const BROADEST = 1.05;
/** How far marks that are added stand apart, in shares of the shorter side. */
const APART = 0.15;
/** Pixels between two eyes, at the least. */
const NEAREST = 4;
/** A tap within so many squares of a face, from its middle, is meant for it. */
const NEAR = 0.6;

/** Faces to begin with: one, not shown yet, where the picture may be a portrait; else none. */
export function startFaces(width, height) {
  const ratio = height / width;
  if (ratio > TALLEST || ratio < 1 / BROADEST) return [];
  const shares = ratio < 1.15 ? USUAL : TALL;
  return [{ eyes: shares.map(([x, y]) => [x * width, y * height]), shown: [false, false] }];
}

/** A face more, whose eyes stand about a place until they are moved. */
export function added(faces, [x, y], width, height) {
  const half = (APART * Math.min(width, height)) / 2;
  const place = (at, length) => Math.min(Math.max(at, half), length - half);
  const eyes = [-half, half].map((off) => [place(x, width) + off, place(y, height)]);
  return [...faces, { eyes, shown: [false, false] }];
}

/** @returns {{faces: Face[], face: number}} the faces after a tap, and which of them it set */
export function tapped(faces, point, crop) {
  const face = faces.findIndex(({ shown }) => !shown.every(Boolean));
  if (face >= 0) {
    const eye = faces[face].shown.indexOf(false);
    return { faces: replaced(faces, face, shownAt(faces[face], eye, point)), face };
  }
  const own = faces.findIndex((one) => isNear(one, point, crop));
  if (own < 0) {
    const fresh = { eyes: [point, null], shown: [true, false] };
    return { faces: [...faces, fresh], face: faces.length };
  }
  const [left, right] = faces[own].eyes.map((eye) => distance(eye, point));
  const eye = left <= right ? 0 : 1;
  return { faces: moved(faces, own, eye, point), face: own };
}

/** An eye set to a point: a mark that was moved counts as shown. */
export function moved(faces, face, eye, point) {
  const { eyes, shown } = faces[face];
  const set = (list, value) => list.map((old, i) => (i === eye ? value : old));
  return replaced(faces, face, { eyes: set(eyes, point), shown: set(shown, true) });
}

/** The same faces, but the eye on the left of the picture is the first of each. */
export function ordered(faces) {
  return faces.map((face) => {
    const [left, right] = face.eyes;
    if (!right || left[0] <= right[0]) return face;
    return { eyes: [right, left], shown: [...face.shown].reverse() };
  });
}

export function without(faces, face) {
  return faces.filter((_, i) => i !== face);
}

/** What is wrong with the faces: the key of a sentence and the number of a face; null if nothing. */
export function wrong(faces) {
  if (!faces.length) return { key: "eyes.none", number: 0 };
  const of = (key, test) => {
    const at = faces.findIndex(test);
    return at < 0 ? null : { key, number: at + 1 };
  };
  return (
    of("eyes.missing", ({ eyes }) => !eyes[1]) ??
    of("eyes.same", ({ eyes }) => distance(...eyes) < NEAREST)
  );
}

/** Whether a face has two eyes that make a square. */
export function isWhole({ eyes }) {
  return Boolean(eyes[1]) && distance(...eyes) >= NEAREST;
}

/** The first eye moves, and the other one along with it while nobody has shown it. */
function shownAt({ eyes, shown }, eye, point) {
  const other = 1 - eye;
  const along = eyes[other] && !shown[other];
  const rest = along ? eyes[other].map((at, i) => at + point[i] - eyes[eye][i]) : eyes[other];
  const both = [point, rest];
  return {
    eyes: eye ? both.reverse() : both,
    shown: shown.map((was, i) => was || i === eye),
  };
}

function isNear(face, point, crop) {
  if (!isWhole(face)) return false;
  const square = squareOf(face.eyes, crop);
  return distance(pointOf(square, 0.5, 0.5), point) < NEAR * square.side;
}

function replaced(faces, at, face) {
  return faces.map((old, i) => (i === at ? face : old));
}

function distance([x, y], [u, v]) {
  return Math.hypot(x - u, y - v);
}
