/** What pointers and keys do in the dialog for eyes. */
import { added, moved, ordered, tapped, without } from "./eyes.js";
import { asked, done, faces, held, pause, step, undo } from "./tapsstate.js";

/** What arrow keys move a mark by, in pixels of the screen; with Shift the longer one. */
const STEP = 1;
const LEAP = 10;
export const ZOOM = 1.5;
/** How near a mark is taken hold of, in pixels of the screen: by a mouse and by a finger. */
const GRASP = { mouse: 14, touch: 26 };

/** What pointers in the room do. */
export const pointing = {
  find(at, touch) {
    const { room } = asked.value;
    const marks = faces.value.flatMap(({ eyes }, face) =>
      eyes.map((point, eye) => ({ face, eye, point })).filter(({ point }) => point),
    );
    const far = ({ point }) => {
      const [x, y] = room.toRoom(point);
      return Math.hypot(x - at[0], y - at[1]);
    };
    const near = marks.filter((mark) => far(mark) < (touch ? GRASP.touch : GRASP.mouse));
    const [mark] = near.sort((a, b) => far(a) - far(b));
    // What was not shown yet is in nobody's way: a tap on it is one on the picture.
    return mark ? { ...mark, loose: !faces.value[mark.face].shown[mark.eye] } : null;
  },
  tap(at) {
    const { room, crop } = asked.value;
    const point = room.toPicture(at);
    const { faces: next, face } = tapped(faces.value, point, crop);
    step(ordered(next));
    markOf(face, faces.value[face].eyes.indexOf(point))?.focus({ preventScroll: true }); // for keys
  },
  grab({ face, eye, loose }) {
    if (!loose) markOf(face, eye)?.focus({ preventScroll: true });
  },
  drag({ face, eye, point }, off) {
    const { room } = asked.value;
    const [x, y] = room.toRoom(point);
    if (!held.value) held.value = { face, eye };
    step(moved(faces.value, face, eye, room.toPicture([x + off[0], y + off[1]])), "drag");
  },
  drop() {
    pause();
    held.value = null;
    faces.value = ordered(faces.value);
  },
};

function markOf(face, eye) {
  return document.querySelector(`#eyes [data-mark="${face}.${eye}"]`);
}

/** Keys in the dialog; those of buttons are theirs. */
export function pressed(event) {
  const { room } = asked.value;
  const mark = event.target.dataset?.mark?.split(".").map(Number);
  const did = (action) => {
    event.preventDefault();
    action();
  };
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") return did(undo);
  if (event.ctrlKey || event.metaKey || event.altKey) return undefined;
  const about = mark ? room.toRoom(faces.value[mark[0]].eyes[mark[1]]) : [];
  if (event.key === "+" || event.key === "=") return did(() => room.zoom(ZOOM, ...about));
  if (event.key === "-") return did(() => room.zoom(1 / ZOOM, ...about));
  if (event.key === "Enter" && (mark || event.target.tagName !== "BUTTON")) return did(done);
  if (!mark) return undefined;
  if (event.key === "Delete" || event.key === "Backspace") return did(() => remove(mark[0]));
  const along = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  return along ? did(() => nudge(...mark, along, event.shiftKey ? LEAP : STEP)) : undefined;
}

function nudge(face, eye, along, length) {
  const { room } = asked.value;
  const [x, y] = room.toRoom(faces.value[face].eyes[eye]);
  const point = room.toPicture([x + along[0] * length, y + along[1] * length]);
  step(moved(faces.value, face, eye, point), `key ${face} ${eye}`);
  room.reveal(point);
}

/** Another face, whose marks stand in the middle of what is seen. */
export function addFace() {
  const { room } = asked.value;
  const middle = room.toPicture([room.room.width / 2, room.room.height / 2]);
  step(added(faces.value, middle, room.width, room.height));
  markOf(faces.value.length - 1, 0).focus({ focusVisible: true });
}

export function remove(face) {
  step(without(faces.value, face));
  document.querySelector("#eyes .taps-mark, #eyes .taps-add").focus();
}
