/** Fields that are not written to while somebody types in them. */
import { noChange } from "./vendor/lit-html/lit-html.js";
import { Directive, directive } from "./vendor/lit-html/directive.js";

class UnlessTyped extends Directive {
  #value = null;
  #typing = false;
  #element = null;

  render(value) {
    return value;
  }

  /** @param {object} part of the property `value` @param {[string]} values */
  update({ element }, [value]) {
    this.#value = value;
    if (!this.#element) this.#listen(element);
    this.#show();
    return noChange;
  }

  #listen(element) {
    this.#element = element;
    element.addEventListener("input", () => (this.#typing = true));
    element.addEventListener("change", () => {
      this.#typing = false;
      setTimeout(() => this.#show()); // what was made of it, once all have heard
    });
    element.addEventListener("blur", () => (this.#typing = false));
  }

  #show() {
    if (!this.#typing && this.#element.value !== this.#value) this.#element.value = this.#value;
  }
}

/** Used for a value: `<input .value=${unlessTyped(text)}>`; before `@change`, so that it hears first. */
export const unlessTyped = directive(UnlessTyped);
