/** A hand that rests: after a draft the real picture waits until nothing newer is asked for. */

/** So long, in milliseconds: longer than from one event of a slider to the next, also by keys. */
const REST = 90;

export class Rest {
  #wake = null;

  /** Something newer is asked for. */
  disturb() {
    this.#wake?.();
  }

  /** Until nothing was asked for so long, or something is. */
  come() {
    return new Promise((resolve) => {
      this.#wake = resolve;
      setTimeout(resolve, REST);
    });
  }
}
