/** What went wrong, as a sentence for people. */
export class StudioError extends Error {
  /** @param {{code?: string, message?: string, hint?: string|null}} told @param {number} status */
  constructor({ code = "unknown", message = "", hint = null }, status = 0) {
    super(message || code);
    this.code = code;
    this.hint = hint;
    this.status = status;
  }

  /** The sentence, and what to do where that is known. */
  get sentence() {
    return this.hint ? `${this.message} ${this.hint}` : this.message;
  }
}

/** An error for what cannot be used. */
export function unusable(message) {
  return new StudioError({ code: "unusable", message });
}
