/** The way to the worker of an exported page: one task at a time, the others wait in line. */
import { StudioError } from "./errors.js";
import { t } from "./i18n.js";
import { addressOf } from "./own.js";

export class Line {
  #worker = null;
  #waiting = [];
  #flying = null;
  #next = 1;

  constructor() {
    this.#worker = new Worker(addressOf("networks.js"), { type: "module" });
    this.#worker.onmessage = ({ data }) => this.#received(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#end(failed(event.message));
    };
  }

  /**
   * Ask the worker for something.
   * @param {boolean} first whether it goes before what waits
   * @param {ArrayBuffer[]} given what the worker may keep
   */
  send(kind, content, first = false, given = []) {
    return new Promise((resolve, reject) => {
      if (!this.#worker) throw failed("");
      const task = { id: this.#next++, kind, content, given, resolve, reject };
      if (first) this.#waiting.unshift(task);
      else this.#waiting.push(task);
      this.#pump();
    });
  }

  close() {
    this.#end(new DOMException("the page is closed", "AbortError"));
  }

  #pump() {
    if (this.#flying || !this.#waiting.length) return;
    this.#flying = this.#waiting.shift();
    const { id, kind, content, given } = this.#flying;
    this.#worker.postMessage({ id, kind, content }, given);
  }

  #received({ id, value, error }) {
    const task = this.#flying;
    if (task?.id !== id) return;
    this.#flying = null;
    if (error === undefined) task.resolve(value);
    else task.reject(failed(error));
    this.#pump();
  }

  /** Nothing more will come: whoever waits is told. */
  #end(error) {
    this.#worker?.terminate();
    this.#worker = null;
    const tasks = [...(this.#flying ? [this.#flying] : []), ...this.#waiting.splice(0)];
    this.#flying = null;
    for (const task of tasks) task.reject(error);
  }
}

function failed(what) {
  return new StudioError({ code: "engine", message: t("engine.failed"), hint: what || null });
}
