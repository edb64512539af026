/** Styles set through the object model alone: the policy of the page refuses style attributes. */
import { nothing, noChange } from "./vendor/lit-html/lit-html.js";
import { Directive, directive } from "./vendor/lit-html/directive.js";

class Styled extends Directive {
  #set = [];

  render() {
    return nothing;
  }

  /** @param {object} part @param {[Record<string, string>]} values property → value */
  update({ element }, [properties]) {
    for (const name of this.#set) {
      if (!(name in properties)) element.style.removeProperty(name);
    }
    for (const [name, value] of Object.entries(properties)) element.style.setProperty(name, value);
    this.#set = Object.keys(properties);
    return noChange;
  }
}

/** Used as an attribute of any name: `<div data-place=${styled({ width: "3px" })}>`. */
export const styled = directive(Styled);
