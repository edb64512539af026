/** Faces that no photograph shows: drawn from a prior, or out of the test set. */
import { signal } from "./vendor.js";
import { dismissRefusal, report } from "./notices.js";
import { source, urlOf } from "./pictures.js";
import { about, begin, subjectOf } from "./state.js";

/** Faces that are drawn for one seed. */
export const COUNT = 16;

/** @type {{value: {source: object, code: Float32Array, url: string}[]}} */
export const tiles = signal([]);
export const seed = signal(5);
export const drawing = signal(false);

/** Draw the faces of a seed; the first one is shown where nothing else is. */
export async function draw(kind, choose = false) {
  drawing.value = true;
  const own = seed.value;
  const engine = source.engine;
  try {
    const told = sourceOf(kind, own);
    const codes = await engine.draw({ ...told, count: COUNT });
    const early = choose && about.value?.exported; // sixteen faces take a while there
    if (early) take({ source: { ...told, index: 0 }, code: codes[0] });
    const pictures = await engine.decode(codes);
    if (engine !== source.engine || own !== seed.value) return;
    tiles.value = codes.map((code, index) => ({
      source: { ...told, index },
      code,
      url: urlOf(pictures[index]),
    }));
    if (choose && !early) take(tiles.value[0]);
  } catch (error) {
    report(error);
  } finally {
    drawing.value = false;
  }
}

/** Edit the face of a tile. */
export function take(tile, start = {}) {
  const { code } = tile;
  dismissRefusal();
  const face = { square: null, code, crop: null, inverted: 0 };
  begin(subjectOf(tile.source, [face]), start.terms, start.method);
}

/** The face that a source describes, drawn again. */
export async function takeSource(told, start) {
  const { index, ...rest } = told;
  const engine = source.engine;
  const codes = await engine.draw({ ...rest, count: COUNT });
  if (engine === source.engine) take({ source: told, code: codes[index] }, start);
}

function sourceOf(kind, number) {
  if (kind === "testset") return { kind, seed: number };
  return { kind, seed: number, temperature: null, prior: about.value.usual_prior };
}
