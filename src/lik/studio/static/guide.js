/**
 * Guided edits in the browser, by a network that reads codes: what `lik.latent.guided` does, in
 * doubles as there, so that a page leads a face where `lik edit` does.
 */
import { unusable } from "./errors.js";
import { t } from "./i18n.js";
import { placeOn } from "./sums.js";

/** Of Adam: how slowly its two means forget, and what keeps it from dividing by nothing. */
const [FIRST, SECOND, EPSILON] = [0.9, 0.99, 1e-8];

export class Guide {
  /**
   * @param {object} told sizes of the layers, attributes, and what trajectories are measured by
   * @param {Float32Array} numbers what codes are divided by; then weights (out · in) and biases
   */
  constructor(told, numbers) {
    this.told = told;
    let at = 0;
    const next = (count) => Float64Array.from(numbers.subarray(at, (at += count)));
    this.scale = next(told.sizes[0]);
    this.layers = told.sizes.slice(1).map((outputs, i) => {
      const inputs = told.sizes[i];
      return { inputs, outputs, weight: next(inputs * outputs), bias: next(outputs) };
    });
  }

  /** Where terms lead a code, one after the other. @param {[string, string|number][]} terms */
  led(code, terms) {
    return terms.reduce((place, [name, strength]) => {
      const stops = this.trajectory(place, name, Number(strength) > 0 ? 1 : -1);
      return placeOn(stops, strength);
    }, code);
  }

  /** @returns {Float32Array[]} where a code passes on its way to an attribute (1) or from it (−1) */
  trajectory(code, attribute, sign) {
    const { told } = this;
    const { steps, rate, residual_weight, code_weight } = told.guidance;
    const target = told.attributes.indexOf(attribute);
    if (target < 0) throw unusable(t("offer.unknown", { names: attribute }));
    const marks = told.marks[attribute][sign > 0 ? 0 : 1];
    const origin = Float64Array.from(code);
    const wanted = this.#wanted(origin, target, sign);
    const direction = Object.hasOwn(told.directions, attribute) ? told.directions[attribute] : null;
    const price = direction ? residual_weight : code_weight;
    const last = origin.length; // what is shared comes behind each number's own
    const moves = new Adam(last + 1, rate);
    const place = () => {
      const way = origin.map((_, d) => told.scale[d] * (moves.at[d] + moves.at[last] * (direction?.[d] ?? 0)));
      const longer = Math.sqrt(1 + dot(way, way) / last);
      return { way, longer, at: origin.map((value, d) => (value + way[d]) / longer) };
    };
    const stops = [Float32Array.from(code)];
    for (let step = 1; step <= steps; step++) {
      const share = Math.min(1, step / (told.rise * steps));
      const slope = [...origin, 0];
      if (wanted.shortAtFirst(share) > 0) {
        const { way, longer, at } = place();
        const uphill = wanted.slope(at, share);
        const outward = dot(uphill, at) / (last * longer); // of which the longer way takes a part back
        uphill.forEach((value, d) => {
          const own = ((value - outward * way[d]) / longer) * told.scale[d];
          slope[d] = own + 2 * price * moves.at[d];
          slope[last] += direction ? own * direction[d] : 0;
        });
      } else slope.fill(0);
      moves.step(slope);
      for (const mark of marks) if (mark === step) stops.push(Float32Array.from(place().at));
    }
    return stops;
  }

  /** Codes → logits, and what is needed on the way back. */
  #forward(code) {
    const hidden = [];
    let values = code.map((value, d) => value / this.scale[d]);
    this.layers.forEach(({ inputs: width, weight, bias }, number) => {
      const sums = bias.map((sum, o) => {
        for (let i = 0, w = o * width; i < width; i++, w++) sum += weight[w] * values[i];
        return sum;
      });
      if (number === this.layers.length - 1) values = sums;
      else {
        hidden.push(sums);
        values = sums.map((h) => h * logistic(h));
      }
    });
    return { logits: values, hidden };
  }

  /** The slope of logits' slopes with respect to the code. */
  #backward(slopes, hidden) {
    let back = slopes;
    for (let number = this.layers.length - 1; number >= 0; number--) {
      const { inputs: width, outputs, weight } = this.layers[number];
      const before = new Float64Array(width);
      for (let o = 0; o < outputs; o++) {
        for (let i = 0, w = o * width; i < width; i++, w++) before[i] += back[o] * weight[w];
      }
      if (number) {
        hidden[number - 1].forEach((h, i) => {
          const share = logistic(h);
          before[i] *= share * (1 + h * (1 - share));
        });
      }
      back = before;
    }
    return back.map((value, d) => value / this.scale[d]);
  }

  /** What is wanted of a face, measured from where it is. */
  #wanted(origin, target, sign) {
    const { told } = this;
    const { guidance, std, delta } = told;
    const before = this.#forward(origin).logits;
    const start = (sign * before[target]) / std[target];
    const goal = (share) => {
      const most = guidance.max_logit_first + share ** 3 * (guidance.max_logit - guidance.max_logit_first);
      return Math.max(Math.min(start + share * guidance.distance, most), start);
    };
    const growth = guidance.target_weight / guidance.target_weight_first;
    const slope = (code, share) => {
      const { logits, hidden } = this.#forward(code);
      const moved = logits.map((value, a) => (value - before[a]) / std[a]);
      const short = Math.max(goal(share) - (start + sign * moved[target]), 0);
      const slopes = moved.map((value, a) => {
        const own =
          a === target
            ? -2 * sign * short * guidance.target_weight_first * growth ** share
            : (2 * delta * guidance.preserve_weight * value) / Math.sqrt(value * value + delta * delta);
        return own / std[a];
      });
      return this.#backward(slopes, hidden);
    };
    return { slope, shortAtFirst: (share) => goal(share) - start };
  }
}

/** Numbers that are moved by steps of Adam (arXiv:1412.6980, algorithm 1). */
class Adam {
  constructor(count, rate) {
    this.at = new Float64Array(count);
    this.rate = rate;
    this.mean = new Float64Array(count);
    this.square = new Float64Array(count);
    this.steps = 0;
  }

  step(slope) {
    this.steps++;
    const length = this.rate / (1 - FIRST ** this.steps);
    const spread = Math.sqrt(1 - SECOND ** this.steps);
    for (let i = 0; i < this.at.length; i++) {
      this.mean[i] += (1 - FIRST) * (slope[i] - this.mean[i]);
      this.square[i] = this.square[i] * SECOND + (1 - SECOND) * slope[i] * slope[i];
      this.at[i] -= (length * this.mean[i]) / (Math.sqrt(this.square[i]) / spread + EPSILON);
    }
  }
}

function dot(a, b) {
  return a.reduce((sum, value, d) => sum + value * b[d], 0);
}

function logistic(value) {
  return 1 / (1 + Math.exp(-value));
}
