/** Where points are on the canvas of the map: a view that pans and zooms. */
import { effect, signal } from "./vendor.js";
import { data, looked } from "./mapdata.js";

const MARGIN = 34;
const MOST_ZOOM = 60;
/** A point is meant from so far, in pixels of the page. */
const REACH = 26;

export const view = signal({ zoom: 1, x: 0, y: 0 });
export const room = signal({ width: 0, height: 0 });
let bounds = null;

/** Keep the bounds of the map that is shown; another map is shown as a whole. */
export function watchBounds() {
  effect(() => {
    const now = data.value;
    bounds = now && boundsOf(now.points);
    showAll();
  });
}

function boundsOf(points) {
  const low = [Infinity, Infinity];
  const high = [-Infinity, -Infinity];
  points.forEach((value, i) => {
    low[i % 2] = Math.min(low[i % 2], value);
    high[i % 2] = Math.max(high[i % 2], value);
  });
  return { low, high, middle: low.map((value, i) => (value + high[i]) / 2) };
}

/** Pixels of the page for a unit of the map: both axes have the same. */
export function scale() {
  const { width, height } = room.value;
  const [across, up] = bounds.high.map((value, i) => value - bounds.low[i] || 1);
  const fit = Math.min((width - 2 * MARGIN) / across, (height - 2 * MARGIN) / up);
  return Math.max(fit, 1e-6) * view.value.zoom;
}

/** The place of a point on the canvas. */
export function placeOf(i, by = scale()) {
  const { points } = data.value;
  const { x, y } = view.value;
  const { width, height } = room.value;
  return [
    width / 2 + x + (points[2 * i] - bounds.middle[0]) * by,
    height / 2 + y - (points[2 * i + 1] - bounds.middle[1]) * by,
  ];
}

/** The point under a place of the canvas, or −1. */
export function pointAt(x, y) {
  if (!data.value) return -1;
  const by = scale();
  let best = { far: REACH ** 2, i: -1 };
  for (let i = 0; i < data.value.codes.length; i++) {
    const [u, v] = placeOf(i, by);
    const far = (u - x) ** 2 + (v - y) ** 2;
    if (far < best.far) best = { far, i };
  }
  return best.i;
}

/** Zoom by a factor; what lies at a place of the canvas stays there. */
export function zoomBy(factor, x = room.value.width / 2, y = room.value.height / 2) {
  const old = view.value;
  const zoom = Math.min(MOST_ZOOM, Math.max(1, old.zoom * factor));
  const ratio = zoom / old.zoom;
  const [u, v] = [x - room.value.width / 2, y - room.value.height / 2];
  pan({ zoom, x: u - (u - old.x) * ratio, y: v - (v - old.y) * ratio });
}

/** Show all of the map. */
export function showAll() {
  view.value = { zoom: 1, x: 0, y: 0 };
}

/** A view that never loses the map out of sight. */
export function pan({ zoom, x, y }) {
  const { width, height } = room.value;
  const within = (value, length) => Math.max(-length, Math.min(length, value));
  view.value = { zoom, x: within(x, (width * zoom) / 2), y: within(y, (height * zoom) / 2) };
}

/** Look at a point, and move the map where it is out of sight. */
export function lookAt(i) {
  looked.value = i;
  const [x, y] = placeOf(i);
  const { width, height } = room.value;
  if (x > 20 && y > 20 && x < width - 20 && y < height - 20) return;
  pan({ zoom: view.value.zoom, x: view.value.x + width / 2 - x, y: view.value.y + height / 2 - y });
}

/** Go to the nearest point in a direction; from nowhere, to the one in the middle. */
export function step(dx, dy) {
  const own = looked.value;
  const { width, height } = room.value;
  const [x, y] = own < 0 ? [width / 2, height / 2] : placeOf(own);
  const by = scale();
  let best = { far: Infinity, i: -1 };
  for (let i = 0; i < data.value.codes.length; i++) {
    const [u, v] = placeOf(i, by);
    const along = (u - x) * dx + (v - y) * dy;
    const aside = Math.abs((u - x) * dy) + Math.abs((v - y) * dx);
    const far = own < 0 ? (u - x) ** 2 + (v - y) ** 2 : along + 2 * aside;
    if (i !== own && (own < 0 || (along > 0 && aside <= along)) && far < best.far) best = { far, i };
  }
  if (best.i >= 0) lookAt(best.i);
}
