/**
 * The WebSocket: one frame in flight, the others wait in line; the stage goes first.
 *
 * That only the newest place of a slider is asked for is decided above (`stage.js`), where it is
 * known which picture is still wanted.
 */
import { signal } from "./vendor.js";
import { StudioError } from "./errors.js";
import { t } from "./i18n.js";

const FIRST_WAIT = 400;
const LONGEST_WAIT = 8000;
/** The code with which the server closes a socket that may not go on. */
const REFUSED = 1008;
/** The code with which it closes one that there is no room for now. */
const BUSY = 1013;

export class Link {
  #socket = null;
  #waiting = [];
  #flying = null;
  #next = 1;
  #failures = 0;
  #timer = 0;
  #closed = false;

  /**
   * @param {string} token
   * @param {string} run the id of the run whose codes are decoded
   */
  constructor(token, run) {
    this.token = token;
    this.run = run;
    /** @type {{value: "opening"|"open"|"lost"|"busy"|"refused"}} */
    this.state = signal("opening");
    this.#open();
  }

  /**
   * Send one frame.
   * @param {number} kind 0 decode, 1 carry
   * @param {number} count faces in it
   * @param {Uint8Array} payload
   * @param {boolean} first whether it goes before what waits
   * @returns {Promise<DataView>} what follows the eight bytes of the head
   */
  send(kind, count, payload, first = false) {
    const frame = new Uint8Array(8 + payload.length);
    const id = this.#next++;
    const view = new DataView(frame.buffer);
    view.setUint32(0, id, true);
    view.setUint16(4, count, true);
    view.setUint16(6, kind, true);
    frame.set(payload, 8);
    return new Promise((resolve, reject) => {
      const job = { id, frame, resolve, reject };
      if (first) this.#waiting.unshift(job);
      else this.#waiting.push(job);
      this.#pump();
    });
  }

  /** Try again at once, and not when the wait is over. */
  retry() {
    if (this.state.value !== "lost") return;
    clearTimeout(this.#timer);
    this.#open();
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
    this.#giveUp(new DOMException("another run was opened", "AbortError"));
  }

  #open() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/api/live`);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    socket.onopen = () => {
      socket.send(JSON.stringify({ token: this.token, run: this.run }));
      this.state.value = "open";
      this.#pump();
    };
    socket.onmessage = (event) => {
      this.#failures = 0;
      this.#received(event.data);
    };
    socket.onclose = ({ code }) => (code === REFUSED ? this.#refused() : this.#lost(code === BUSY));
  }

  /** Another try would be refused too: whoever waits is told. */
  #refused() {
    this.#closed = true;
    this.state.value = "refused";
    this.#giveUp(new StudioError({ code: "refused", message: t("refused") }));
  }

  /** Tell all who wait that nothing will come. */
  #giveUp(error) {
    const jobs = [...(this.#flying ? [this.#flying] : []), ...this.#waiting.splice(0)];
    this.#flying = null;
    for (const job of jobs) job.reject(error);
  }

  #lost(busy) {
    if (this.#flying) {
      this.#waiting.unshift(this.#flying); // it is asked for again, so that nothing hangs
      this.#flying = null;
    }
    if (this.#closed) return;
    this.state.value = busy ? "busy" : "lost";
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures++);
    this.#timer = setTimeout(() => this.#open(), wait * (0.8 + 0.4 * Math.random()));
  }

  #pump() {
    if (this.#flying || this.#socket?.readyState !== WebSocket.OPEN) return;
    const job = this.#waiting.shift();
    if (!job) return;
    this.#flying = job;
    this.#socket.send(job.frame);
  }

  #received(data) {
    const job = this.#flying;
    if (!job) return;
    this.#flying = null;
    if (typeof data === "string") {
      job.reject(new StudioError(JSON.parse(data).error ?? {}));
    } else {
      job.resolve(new DataView(data, 8));
    }
    this.#pump();
  }
}
