/** The stage: the picture, what it was before, the boxes of its faces, and the command. */
import { effect, html, live, nothing, render, signal } from "./vendor.js";
import { commandView } from "./command.js";
import { pointOf } from "./compositor.js";
import { guiding } from "./guided.js";
import { number, t, traitLabel } from "./i18n.js";
import { notice, report } from "./notices.js";
import { Painter } from "./painter.js";
import { presenting } from "./present.js";
import { before, draftOf, isReady, pictureOf, showsDecoding } from "./pictures.js";
import { Rest } from "./resting.js";
import { about, change, entry, gesture, keyOf, news, past, pinned } from "./state.js";
import { thumbnails } from "./thumbnails.js";
import { styled } from "./styled.js";
import { settling } from "./photograph.js";
import { comparison, comparisonView } from "./comparison.js";
import { divider, oneToOne, showsBefore, toolbar } from "./toolbar.js";

/** On a phone: whether the faces are shown under the stage, or the traits. */
const showsFaces = signal(true);

const LONGEST_SIDE = 640;
const LONGEST_SIDE_PRESENTED = 1200;
const painter = new Painter();
/** Draws for the history what the stage has no time for; `behind` is what it holds. */
const background = new Painter();
let behind = "";
const failed = new WeakSet();
/** What the painter holds now: an entry, and the size of the canvas. */
let shown = null;
let wanted = null;
let busy = false;
const rest = new Rest();
const room = signal({ width: 0, height: 0 });
const drawn = signal(0);
let frameAsked = 0;

export function mountStage(root) {
  effect(() => render(view(), root));
  const frame = root.querySelector(".picture-room");
  effect(() => oneToOne.value && requestAnimationFrame(() => scrollToFace(frame)));
  effect(() => document.body.classList.toggle("show-faces", showsFaces.value));
  new ResizeObserver(([{ contentRect }]) => {
    const { width, height } = contentRect;
    if (width !== room.value.width || height !== room.value.height) room.value = { width, height };
  }).observe(frame);
  effect(() => {
    news.value; // a code was fitted, or a trajectory is there
    gesture.value; // a gesture that ends leaves a picture for the history
    oneToOne.value;
    room.value;
    if (entry.value) want(entry.value);
  });
  effect(() => {
    drawn.value;
    comparison.value;
    const [old, share] = [showsBefore.value, divider.value];
    const show = () => blit(root.querySelector("#picture"), old, share);
    cancelAnimationFrame(frameAsked);
    if (root.querySelector("#picture")) show();
    else frameAsked = requestAnimationFrame(show); // once the canvas is there
  });
}

/** Ask for an entry's picture: of those asked for while one is made, only the newest is. */
function want(of) {
  wanted = of;
  rest.disturb();
  if (!busy) work();
}

async function work() {
  busy = true;
  while (wanted) {
    const of = wanted;
    wanted = null;
    try {
      const old = await pictureOf(before(of));
      const draft = gesture.value && (await draftOf(of));
      if (draft) {
        present(of, draft, old);
        if (!wanted) await rest.come();
        if (wanted) continue;
      }
      present(of, await pictureOf(of), old);
    } catch (error) {
      report(error);
    }
  }
  busy = false;
  fillHistory();
}

function present(of, picture, old) {
  if (entry.value?.subject !== of.subject) return; // the user has moved on
  const size = sizeOf(of.subject);
  const key = keyFor(of, size);
  draw(painter, key !== shown?.key, of, picture, old, size);
  shown = { key, of, size };
  drawn.value++;
  if (!gesture.value && keyOf(of) === keyOf(entry.value)) keepThumbnail(painter, of, size);
}

/** Pictures of entries that were passed too fast to be shown, made when there is time. */
async function fillHistory() {
  const missing = (of) => !thumbnails.get(of) && !failed.has(of) && isReady(of);
  const of = past.value.findLast(missing);
  if (!of || busy || gesture.value) return;
  failed.add(of); // so that it is tried but once
  try {
    const [old, picture] = [await pictureOf(before(of), false), await pictureOf(of, false)];
    const size = sizeOf(of.subject);
    const key = keyFor(of, size);
    draw(background, key !== behind, of, picture, old, size);
    behind = key;
    keepThumbnail(background, of, size);
  } catch (error) {
    report(error);
  }
  if (!busy) fillHistory();
}

function keyFor(of, size) {
  return `${of.subject.id}.${of.subject.version} ${size.canvas}`;
}

/** Draw the picture after with a painter, and before it the one before where that is `fresh`. */
function draw(by, fresh, of, picture, old, size) {
  const decoding = showsDecoding(of);
  if (fresh) {
    by.resize(...size.canvas);
    if (decoding) by.decoding("before", old.decoding);
    else by.photograph(of.subject.photograph.bitmap);
  }
  if (decoding) by.decoding("after", picture.decoding);
  else by.changed(picture.faces, scaleOf(of, size));
}

function keepThumbnail(by, of, size) {
  const face = of.face === null ? 0 : of.face - 1;
  const square = showsDecoding(of) ? null : of.subject.faces[face].square;
  thumbnails.put(of, by.thumbnail(square, scaleOf(of, size)), by.whole());
}

/** Pixels of the canvas in one of the photograph. */
function scaleOf(of, size) {
  return size.canvas[0] / (showsDecoding(of) ? about.value.size : of.subject.photograph.width);
}

/** The size on the page, and that of the canvas: as large as there is room, 640 at the most. */
function sizeOf(subject) {
  const side = { width: about.value.size, height: about.value.size };
  const own = showsDecoding({ subject }) ? side : subject.photograph;
  const [width, height] = [own.width, own.height];
  const longest = presenting.value ? LONGEST_SIDE_PRESENTED : LONGEST_SIDE;
  const most = { width: Math.min(room.value.width, longest), height: Math.min(room.value.height, longest) };
  const fit = Math.min(most.width / width, most.height / height) || 1;
  const scale = oneToOne.value ? Math.min(1, 4096 / Math.max(width, height)) : fit;
  const page = [width, height].map((length) => Math.max(1, Math.round(length * scale)));
  const density = oneToOne.value ? 1 : Math.min(window.devicePixelRatio || 1, 2);
  return { page, canvas: page.map((length) => Math.round(length * density)) };
}

function blit(canvas, old, share) {
  if (!canvas || !shown) return;
  const [width, height] = shown.size.canvas;
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d");
  context.drawImage(old ? painter.before : painter.after, 0, 0);
  if (share !== null && !old) {
    const at = Math.round(share * width);
    if (at > 0) context.drawImage(painter.before, 0, 0, at, height, 0, 0, at, height);
  }
}

function view() {
  const of = entry.value;
  drawn.value;
  room.value;
  return html`
    ${toolbar(of)}
    <div class="picture-room ${oneToOne.value ? "one-to-one" : ""}">
      ${comparison.value && pinned.value.length ? comparisonView() : pictureView(of)}
    </div>
    ${progress()} ${commandView(of)} ${phoneTabs()}
  `;
}

function pictureView(of) {
  const page = of && shown ? sizeOf(of.subject).page : null;
  const frame = page ? { width: `${page[0]}px`, height: `${page[1]}px` } : {};
  return html`<div class="picture-frame ${page ? "" : "empty"}" data-place=${styled(frame)}>
    <canvas id="picture" role="img" aria-label=${altOf(of)} ?hidden=${!page}></canvas>
    ${page || notice.value?.bad ? nothing : html`<p class="quiet">${t("stage.loading")}</p>`}
    ${page ? boxes(of, page) : nothing} ${page ? dividerView(page) : nothing}
    ${showsBefore.value ? html`<span class="badge">${t("stage.before")}</span>` : nothing}
  </div>`;
}

/** Bring the face that is edited into the middle of the room. */
function scrollToFace(frame) {
  const of = entry.peek();
  const square = of?.subject.faces[(of.face ?? 1) - 1].square;
  if (!square || showsDecoding(of)) return;
  const [x, y] = pointOf(square, 0.5, 0.5);
  const scale = sizeOf(of.subject).page[0] / of.subject.photograph.width;
  frame.scrollTo(x * scale - frame.clientWidth / 2, y * scale - frame.clientHeight / 2);
}

/** The boxes of the faces of a photograph: each is a button that chooses its face. */
function boxes(of, [width]) {
  const { photograph, faces } = of.subject;
  if (showsDecoding(of) || oneToOne.value || faces.length < 2) return nothing;
  const scale = width / photograph.width;
  return faces.map((face, i) => {
    const { x, y, side, angle } = face.square;
    const place = {
      left: `${x * scale}px`,
      top: `${y * scale}px`,
      width: `${side * scale}px`,
      height: `${side * scale}px`,
      transform: `rotate(${angle}deg)`,
    };
    const on = of.face === null || of.face === i + 1;
    return html`<button
      type="button" class="face-box ${on ? "on" : ""}" data-place=${styled(place)}
      aria-pressed=${on} aria-label=${t("face.number", { number: i + 1 })}
      @click=${() => change({ face: of.face === i + 1 ? null : i + 1 })}
    ><span>${i + 1}</span></button>`;
  });
}

function dividerView([width]) {
  if (divider.value === null) return nothing;
  const line = { left: `${divider.value * width}px` };
  return html`<span class="divider-line" data-place=${styled(line)}></span>
    <input
      type="range" class="divider" min="0" max="1" step="0.01" .value=${live(String(divider.value))}
      aria-label=${t("stage.divider.label")}
      aria-valuetext=${t("stage.divider.value", { share: Math.round(divider.value * 100) })}
      @input=${(e) => (divider.value = Number(e.target.value))}
    />`;
}

/** On a phone one column is shown at a time. */
function phoneTabs() {
  const tab = (faces, words) => html`<button
    type="button" aria-pressed=${showsFaces.value === faces} @click=${() => (showsFaces.value = faces)}
  >${t(words)}</button>`;
  return html`<div class="phone-tabs">${tab(true, "phone.faces")}${tab(false, "phone.traits")}</div>`;
}

function progress() {
  const bar = guiding.value;
  const fitting = settling.value;
  const words = bar
    ? t("guided.running", { trait: traitLabel(bar.name) })
    : fitting ? t("photo.fitting", { count: fitting }) : "";
  return html`<div class="progress-room">
    ${words
      ? html`<label><span>${words}</span>
          ${bar?.total
            ? html`<progress max=${bar.total} .value=${bar.done}></progress>`
            : html`<progress></progress>`}</label>`
      : nothing}
  </div>`;
}

/** What the picture shows, in words. */
function altOf(of) {
  if (!of) return t("stage.loading");
  const { photograph, faces, source, name } = of.subject;
  const what = photograph
    ? t("alt.photograph", { name, count: faces.length })
    : t(`alt.${source.kind}`, { seed: source.seed ?? "", number: (source.index ?? 0) + 1 });
  const edits = of.terms
    .map(([trait, strength]) => `${traitLabel(trait)} ${number(strength)}`)
    .join(", ");
  return edits ? t("alt.edited", { what, edits }) : what;
}
