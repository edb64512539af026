/** The canvas of the map: points, and faces where there is room for them. */
import { effect, signal } from "./vendor.js";
import { colours, data, looked } from "./mapdata.js";
import { arrived, faceAt, wantFaces } from "./mapfaces.js";
import { placeOf, pointAt, room, scale, view, watchBounds } from "./mapplace.js";
import { about } from "./state.js";
import { tab } from "./tabs.js";

/** Whether faces are drawn where there is room for them. */
export const showsFaces = signal(true);

/** Side of a face, and what it keeps from others, in pixels of the page; less on a phone. */
const FACE = 44;
const SMALL = 36;
const APART = 5;
const SHADES = 9;

let canvas = null;
let asked = 0;
/** The points that show their faces, as long as nothing changes which: see `chosenFor`. */
let chosen = { of: null, length: 0, indices: [] };
/** The faces that are drawn now: point and place. */
let drawnFaces = [];

export function mountCanvas(root) {
  const watch = new ResizeObserver(([{ contentRect: { width, height } }]) => (room.value = { width, height }));
  effect(() => {
    const there = tab.value === "map" ? root.querySelector("#plane") : null;
    if (there === canvas) return;
    watch.disconnect();
    canvas = there;
    if (there) watch.observe(there);
  });
  watchBounds();
  effect(() => {
    for (const one of [view, room, data, colours, looked, showsFaces, arrived, about]) one.value;
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(draw);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

function draw() {
  if (!canvas || !room.value.width) return;
  const density = Math.min(devicePixelRatio || 1, 2);
  const { width, height } = room.value;
  const [w, h] = [Math.round(width * density), Math.round(height * density)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const context = canvas.getContext("2d");
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  drawnFaces = [];
  if (!data.value) return;
  const style = getComputedStyle(canvas);
  const shades = shadesOf(style);
  const by = scale();
  const count = data.value.codes.length;
  const places = Array.from({ length: count }, (_, i) => placeOf(i, by));
  const shown = visible(places);
  drawPoints(context, places, shown, shades);
  if (showsFaces.value) drawFaces(context, places, shown, shades);
  if (looked.value >= 0) ring(context, places[looked.value], style);
}

/** The point at a place of the canvas: whose face is there, or the nearest one; −1 for none. */
export function pointUnder(x, y) {
  const half = sideOf() / 2;
  const hit = drawnFaces.findLast(({ at }) => Math.abs(at[0] - x) < half && Math.abs(at[1] - y) < half);
  return hit?.i ?? pointAt(x, y);
}

function visible(places) {
  const { width, height } = room.value;
  const inside = ([x, y]) => x > -FACE && y > -FACE && x < width + FACE && y < height + FACE;
  return places.flatMap((place, i) => (inside(place) ? [i] : []));
}

/** Nine colours from not seen to seen, and one for points without any. */
function shadesOf(style) {
  const parse = (name) => style.getPropertyValue(name).match(/\w\w/g).map((part) => parseInt(part, 16));
  const [low, middle, high] = ["--map-low", "--map-middle", "--map-high"].map(parse);
  const between = (a, b, share) => a.map((one, i) => Math.round(one + (b[i] - one) * share)).join(" ");
  const shades = Array.from({ length: SHADES }, (_, i) => {
    const share = (2 * i) / (SHADES - 1);
    return `rgb(${share < 1 ? between(low, middle, share) : between(middle, high, share - 1)})`;
  });
  return { shades, plain: style.getPropertyValue("--map-plain") };
}

function shadeOf(i, { shades, plain }) {
  const all = colours.value;
  return all ? shades[Math.min(SHADES - 1, Math.floor(all[i] * SHADES))] : plain;
}

function drawPoints(context, places, shown, shades) {
  const radius = Math.min(6, (places.length > 1500 ? 2.2 : 3.2) * Math.sqrt(Math.sqrt(view.value.zoom)));
  const groups = new Map();
  for (const i of shown) {
    const shade = shadeOf(i, shades);
    if (!groups.has(shade)) groups.set(shade, []);
    groups.get(shade).push(places[i]);
  }
  context.globalAlpha = 0.85;
  for (const [shade, group] of groups) {
    context.fillStyle = shade;
    context.beginPath();
    for (const [x, y] of group) {
      context.moveTo(x + radius, y);
      context.arc(x, y, radius, 0, 2 * Math.PI);
    }
    context.fill();
  }
  context.globalAlpha = 1;
}

/** Faces where there is room. */
function drawFaces(context, places, shown, shades) {
  const side = sideOf();
  const there = new Set(shown);
  const indices = chosenFor(side + APART).filter((i) => there.has(i));
  context.lineWidth = 3;
  for (const i of indices) {
    const face = faceAt(i);
    if (!face) continue;
    const [x, y] = places[i].map((value) => Math.round(value - side / 2));
    drawnFaces.push({ i, at: places[i] });
    const frame = () => {
      context.beginPath();
      context.roundRect(x, y, side, side, 8);
    };
    context.save();
    frame();
    context.clip();
    context.drawImage(face, x, y, side, side);
    context.restore();
    if (!colours.value) continue;
    context.strokeStyle = shadeOf(i, shades);
    frame();
    context.stroke();
  }
  wantFaces(indices);
}

function sideOf() {
  return room.value.width < 500 ? SMALL : FACE;
}

/**
 * The points whose faces keep apart from each other, the first ones first.
 * They stay the same while the map is moved, or zoomed a little.
 */
function chosenFor(apart) {
  const { zoom } = view.value;
  const steady = 2 ** (Math.floor(2 * Math.log2(zoom) + 1e-6) / 2);
  const length = (apart / scale()) * (zoom / steady);
  const { points } = data.value;
  if (chosen.of === points && Math.abs(chosen.length / length - 1) < 1e-6) return chosen.indices;
  const cells = new Map();
  const indices = [];
  for (let i = 0; i < points.length / 2; i++) {
    const [u, v] = [points[2 * i] / length, points[2 * i + 1] / length];
    const [column, row] = [Math.floor(u), Math.floor(v)];
    const around = [-1, 0, 1].flatMap((dx) => [-1, 0, 1].map((dy) => `${column + dx} ${row + dy}`));
    const hits = ([x, y]) => Math.abs(x - u) < 1 && Math.abs(y - v) < 1;
    if (around.some((key) => cells.has(key) && hits(cells.get(key)))) continue;
    cells.set(`${column} ${row}`, [u, v]); // a cell has room for one
    indices.push(i);
  }
  chosen = { of: points, length, indices };
  return indices;
}

function ring(context, [x, y], style) {
  context.lineWidth = 3;
  for (const [radius, name] of [[11, "--panel"], [9, "--accent"]]) {
    context.strokeStyle = style.getPropertyValue(name);
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.stroke();
  }
}
