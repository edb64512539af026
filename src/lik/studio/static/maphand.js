/** The hand on the map: it points, pans and zooms, with a mouse, fingers or keys. */
import { pointUnder } from "./mapcanvas.js";
import { data, edit, looked } from "./mapdata.js";
import { pan, showAll, step, view, zoomBy } from "./mapplace.js";

/** So far a pointer may slip, in pixels, and still clicks. */
const SLIP = 4;
const pointers = new Map();
let moved = 0;

export const listeners = {
  wheel(event) {
    event.preventDefault();
    zoomBy(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), ...at(event));
  },
  down(event) {
    if (event.button) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, at(event));
    if (pointers.size === 1) moved = 0;
  },
  move(event) {
    const here = at(event);
    const before = pointers.get(event.pointerId);
    if (!before) {
      const i = pointUnder(...here);
      if (i >= 0) looked.value = i;
      event.currentTarget.classList.toggle("on-point", i >= 0);
      return;
    }
    moved += Math.hypot(here[0] - before[0], here[1] - before[1]);
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    pointers.set(event.pointerId, here);
    const { zoom, x, y } = view.value;
    if (!other) {
      if (moved > SLIP) pan({ zoom, x: x + here[0] - before[0], y: y + here[1] - before[1] });
      return;
    }
    const apart = (one) => Math.max(8, Math.hypot(one[0] - other[0], one[1] - other[1]));
    zoomBy(apart(here) / apart(before), (here[0] + other[0]) / 2, (here[1] + other[1]) / 2);
  },
  up(event) {
    const alone = pointers.size === 1;
    if (!pointers.delete(event.pointerId) || !alone || moved > SLIP) return;
    const i = pointUnder(...at(event));
    if (i < 0) return;
    if (event.pointerType === "mouse") edit(i); // a finger has no hovering: it looks first
    else looked.value = i;
  },
  cancel(event) {
    pointers.delete(event.pointerId);
  },
  key(event) {
    if (!data.value || event.ctrlKey || event.metaKey || event.altKey) return;
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const does = { "+": () => zoomBy(1.4), "=": () => zoomBy(1.4), "-": () => zoomBy(1 / 1.4), 0: showAll };
    const { zoom, x, y } = view.value;
    if (way && event.shiftKey) pan({ zoom, x: x - 60 * way[0], y: y - 60 * way[1] });
    else if (way) step(...way);
    else if (event.key === "Enter" && looked.value >= 0) edit(looked.value);
    else if (does[event.key]) does[event.key]();
    else return;
    event.preventDefault();
  },
};

function at(event) {
  const box = event.currentTarget.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}
