/** Curves over epochs, drawn as SVG: as many panels as there are parts of a loss. */
import { html, nothing, svg } from "./vendor.js";
import { number } from "./i18n.js";

const HEIGHT = 176;
const MARGIN = { left: 62, right: 14, top: 10, bottom: 26 };

/**
 * @typedef {{label: string, kind: string, values: (number|null)[]}} Series `kind` is its class
 * @param {object} panel
 * @param {number} panel.width in pixels
 * @param {number[]} panel.epochs where the values of all series are
 * @param {Series[]} panel.series
 * @param {number|null} panel.marked the epoch that is pointed at
 * @param {string} panel.label what it shows, in words
 * @param {(epoch: number|null) => void} panel.onPoint an epoch is pointed at, or none any more
 * @param {(epoch: number) => void} panel.onPick
 */
export function chart({ width, epochs, series, marked, label, onPoint, onPick }) {
  const across = scale(extent(epochs, 0), [MARGIN.left, width - MARGIN.right]);
  const values = series.flatMap((one) => one.values).filter((value) => value !== null);
  const range = extent(values, 0.06);
  const down = scale(range, [HEIGHT - MARGIN.bottom, MARGIN.top]);
  const rows = ticks(range, 4);
  const digits = Math.max(0, -Math.floor(Math.log10(rows[1] - rows[0] || 1)));
  const at = (event) => {
    const x = event.clientX - event.currentTarget.getBoundingClientRect().left;
    return epochs.reduce((best, one) => (Math.abs(across(one) - x) < Math.abs(across(best) - x) ? one : best));
  };
  return html`<svg
    class="chart" width=${width} height=${HEIGHT} role="img" aria-label=${label}
    @pointermove=${(e) => onPoint(at(e))} @pointerleave=${() => onPoint(null)}
    @click=${(e) => onPick(at(e))}
  >
    ${rows.map(
      (value) => svg`<line class="rule" x1=${MARGIN.left} x2=${width - MARGIN.right} y1=${down(value)} y2=${down(value)} />
        <text class="tick" x=${MARGIN.left - 8} y=${down(value) + 4} text-anchor="end">${number(value, Math.min(digits, 6))}</text>`,
    )}
    ${ticks(extent(epochs, 0), Math.max(2, Math.floor(width / 110)), 1).map(
      (value) => svg`<text class="tick" x=${across(value)} y=${HEIGHT - 6} text-anchor="middle">${value}</text>`,
    )}
    ${marked === null
      ? nothing
      : svg`<line class="mark" x1=${across(marked)} x2=${across(marked)} y1=${MARGIN.top} y2=${HEIGHT - MARGIN.bottom} />`}
    ${series.map(({ kind, values: own }) => curve(epochs, own, across, down, kind, marked))}
  </svg>`;
}

/** A line through what is known, in pieces where something is not; a dot where one stands alone. */
function curve(epochs, values, across, down, kind, marked) {
  let path = "";
  let open = false;
  values.forEach((value, i) => {
    if (value !== null) {
      path += `${open ? "L" : "M"}${across(epochs[i]).toFixed(1)} ${down(value).toFixed(1)}`;
    }
    open = value !== null;
  });
  const seen = values.length === 1 ? 0 : epochs.indexOf(marked);
  const dot = seen >= 0 && values[seen] !== null;
  return svg`<path class="curve ${kind}" d=${path} />
    ${dot ? svg`<circle class="dot ${kind}" cx=${across(epochs[seen])} cy=${down(values[seen])} r="4" />` : nothing}`;
}

/**
 * Bars from the highest to the lowest, with a line at which they begin to count.
 * @param {{index: number, value: number}[]} bars
 */
export function bars({ width, height = 150, bars: all, line, label, nameOf }) {
  const most = Math.max(line * 2, ...all.map(({ value }) => value));
  const down = scale([0, most], [height - 6, 8]);
  const step = (width - MARGIN.left - MARGIN.right) / all.length;
  const gap = step > 4 ? 1 : 0;
  return html`<svg class="chart bars" width=${width} height=${height} role="img" aria-label=${label}>
    ${ticks([0, most], 3).map(
      (value) => svg`<line class="rule" x1=${MARGIN.left} x2=${width - MARGIN.right} y1=${down(value)} y2=${down(value)} />
        <text class="tick" x=${MARGIN.left - 8} y=${down(value) + 4} text-anchor="end">${number(value, most < 0.2 ? 3 : most < 4 ? 1 : 0)}</text>`,
    )}
    ${all.map(
      (one, i) => svg`<rect
        class=${one.value > line ? "bar on" : "bar"} x=${MARGIN.left + i * step} width=${Math.max(0.5, step - gap)}
        y=${down(one.value)} height=${Math.max(0.5, down(0) - down(one.value))}
      ><title>${nameOf(one)}</title></rect>`,
    )}
  </svg>`;
}

/** The lowest and the highest, and some room beyond them. */
function extent(values, room) {
  if (!values.length) return [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const more = (high - low) * room || (room ? Math.abs(high) * 0.1 || 1 : 0);
  return high + more > low - more ? [low - more, high + more] : [low - 0.5, high + 0.5];
}

function scale([low, high], [from, to]) {
  return (value) => from + ((value - low) / (high - low)) * (to - from);
}

/** Round numbers within a range, about so many. */
function ticks([low, high], count, least = 0) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(least, [1, 2, 5, 10].find((one) => one * power >= rough) * power);
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) found.push(Number((i * step).toPrecision(12)));
  return found;
}
