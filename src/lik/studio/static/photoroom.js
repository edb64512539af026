/**
 * A room in which a picture is shown larger or smaller, and moved about, by mouse, fingers and keys.
 *
 * @typedef {{scale: number, x: number, y: number}} Look pixels of the room in one of the picture, and
 *   where the picture's corner is in the room
 */
import { signal } from "./vendor.js";

const LARGEST = 24; // times as large as it fits
const SLACK = 8; // pixels that a tap may move
const WHEEL = 0.0015;

export class PhotoRoom {
  constructor(width, height) {
    [this.width, this.height] = [width, height]; // of the picture
    this.room = { width: 1, height: 1 };
    /** @type {{value: Look}} */
    this.look = signal({ scale: 1, x: 0, y: 0 });
    this.fit = 1;
  }

  /** The room has another size: what was seen whole is so again. */
  resize(width, height) {
    const whole = this.look.peek().scale <= this.fit * 1.001;
    this.room = { width, height };
    this.fit = Math.min(width / this.width, height / this.height);
    const { scale, x, y } = this.look.peek();
    this.#set(whole ? { scale: this.fit, x: 0, y: 0 } : { scale, x, y });
  }

  /** Larger by a factor, about a place of the room. */
  zoom(factor, x = this.room.width / 2, y = this.room.height / 2) {
    const old = this.look.peek();
    const scale = Math.min(Math.max(old.scale * factor, this.fit), this.fit * LARGEST);
    const share = scale / old.scale;
    this.#set({ scale, x: x - (x - old.x) * share, y: y - (y - old.y) * share });
  }

  pan(dx, dy) {
    const { scale, x, y } = this.look.peek();
    this.#set({ scale, x: x + dx, y: y + dy });
  }

  /** Bring a point of the picture into the room, a way from its border. */
  reveal(point, margin = 48) {
    const [x, y] = this.toRoom(point);
    const off = (at, length) => Math.max(0, margin - at) - Math.max(0, at - length + margin);
    const [dx, dy] = [off(x, this.room.width), off(y, this.room.height)];
    if (dx || dy) this.pan(dx, dy);
  }

  toRoom([x, y]) {
    const look = this.look.value;
    return [look.x + x * look.scale, look.y + y * look.scale];
  }

  /** The point of the picture at a place of the room; within the picture. */
  toPicture([x, y]) {
    const look = this.look.peek();
    return [
      Math.min(Math.max((x - look.x) / look.scale, 0), this.width),
      Math.min(Math.max((y - look.y) / look.scale, 0), this.height),
    ];
  }

  holds([x, y]) {
    const look = this.look.peek();
    const [u, v] = [(x - look.x) / look.scale, (y - look.y) / look.scale];
    return u >= 0 && v >= 0 && u <= this.width && v <= this.height;
  }

  /** The picture covers the room, or lies in its middle. */
  #set({ scale, x, y }) {
    const place = (at, length, room) => {
      const own = length * scale;
      return own <= room ? (room - own) / 2 : Math.min(0, Math.max(room - own, at));
    };
    const { width, height } = this.room;
    this.look.value = { scale, x: place(x, this.width, width), y: place(y, this.height, height) };
  }
}

/**
 * Pointers in a room: a tap, a mark that is dragged, the picture that is moved, two fingers that
 * make it larger.
 * @param {HTMLElement} element
 * @param {() => PhotoRoom|null} roomOf
 * @param {{find: (at: number[], touch: boolean) => {loose: boolean}|null, tap: (at: number[]) => void,
 *   grab: (mark: object) => void, drag: (mark: object, at: number[]) => void,
 *   drop: (mark: object) => void}} on places are those of the room
 */
export function listenToPointers(element, roomOf, on) {
  const down = new Map(); // pointer → its place
  /** What the first pointer does: {mark, off} is dragged, else it taps or moves the picture. */
  let doing = null;
  const placeOf = (event) => {
    const { left, top } = element.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };
  const end = () => {
    if (doing?.mark && doing.went) on.drop(doing.mark);
    doing = null;
  };

  element.addEventListener("pointerdown", (event) => {
    if (event.button || !roomOf()) return;
    const at = placeOf(event);
    try {
      element.setPointerCapture(event.pointerId);
    } catch {
      // The pointer is gone already.
    }
    down.set(event.pointerId, at);
    if (down.size > 1) {
      end();
      doing = { pinch: true };
      return;
    }
    const mark = on.find(at, event.pointerType !== "mouse");
    doing = { mark, start: at, went: false };
    if (mark) on.grab(mark);
  });

  element.addEventListener("pointermove", (event) => {
    const was = down.get(event.pointerId);
    if (!was || !doing) return;
    const at = placeOf(event);
    const room = roomOf();
    if (doing.pinch) {
      if (down.size === 2) pinch(room, down, event.pointerId, at);
      down.set(event.pointerId, at);
      return;
    }
    const [dx, dy] = [at[0] - doing.start[0], at[1] - doing.start[1]];
    if (!doing.went && Math.hypot(dx, dy) < (doing.mark && !doing.mark.loose ? 3 : SLACK)) return;
    doing.went = true;
    // A mark keeps its distance from the pointer, so that it does not jump.
    if (doing.mark) on.drag(doing.mark, [dx, dy]);
    else room.pan(at[0] - was[0], at[1] - was[1]);
    down.set(event.pointerId, at);
  });

  element.addEventListener("pointerup", (event) => {
    const at = placeOf(event);
    if (!down.delete(event.pointerId) || !doing) return;
    if (doing.pinch) doing = down.size ? doing : null;
    else if (!doing.went && (doing.mark?.loose ?? true) && roomOf()?.holds(at)) finish(() => on.tap(at));
    else end();
  });
  element.addEventListener("pointercancel", (event) => {
    down.delete(event.pointerId);
    end();
  });
  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      roomOf()?.zoom(Math.exp(-event.deltaY * WHEEL * (event.deltaMode ? 20 : 1)), ...placeOf(event));
    },
    { passive: false },
  );

  function finish(action) {
    doing = null;
    action();
  }
}

/** Two fingers: the picture follows them. */
function pinch(room, down, moving, at) {
  const [id] = [...down.keys()].filter((one) => one !== moving);
  const still = down.get(id);
  const was = down.get(moving);
  const length = (p) => Math.max(1, Math.hypot(p[0] - still[0], p[1] - still[1]));
  const middle = (p) => [(p[0] + still[0]) / 2, (p[1] + still[1]) / 2];
  const [from, to] = [middle(was), middle(at)];
  room.pan(to[0] - from[0], to[1] - from[1]);
  room.zoom(length(at) / length(was), ...to);
}
