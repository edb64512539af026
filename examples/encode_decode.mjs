// Needs onnxruntime-web as ort/, and decoder.onnx (encoder.onnx, directions.json) beside the page.
import * as ort from "./ort/ort.wasm.min.mjs";

ort.env.wasm.wasmPaths = new URL("./ort/", import.meta.url).href;
ort.env.wasm.numThreads = 1;
const at = (id) => document.getElementById(id);
const decoder = await ort.InferenceSession.create("decoder.onnx");
const latent = decoder.inputMetadata[0].shape[1];
const size = decoder.outputMetadata[0].shape[2];
let code = new Float32Array(latent); // of zeros: the face in the middle
let [busy, again] = [false, false];

/** A code (D) → pixels on the canvas. */
async function show() {
  if (busy) return void (again = true);
  [busy, again] = [true, false];
  const along = vectors[at("along").value];
  const strength = Number(at("strength").value);
  const step = along.map((number) => strength * number);
  const single = at("along").value.startsWith("dimension ");
  const square = single ? 0 : step.reduce((sum, one) => sum + one * one, 0);
  const longer = Math.sqrt(1 + square / latent); // along directions codes keep about their length
  const moved = code.map((number, index) => (number + step[index]) / longer);
  const { images } = await decoder.run({ codes: new ort.Tensor("float32", moved, [1, latent]) });
  const pixels = new ImageData(size, size);
  for (let i = 0; i < size * size; i++) {
    for (let c = 0; c < 3; c++) pixels.data[4 * i + c] = 255 * images.data[c * size * size + i];
    pixels.data[4 * i + 3] = 255; // the array rounds, and keeps to 0…255
  }
  Object.assign(at("face"), { width: size, height: size });
  at("face").getContext("2d").putImageData(pixels, 0, 0);
  at("told").value = strength;
  busy = false;
  if (again) await show();
}

/** A file with a face, cropped → its code (D), the mean of its posterior. */
async function encode(file) {
  const encoder = await ort.InferenceSession.create("encoder.onnx");
  const canvas = new OffscreenCanvas(size, size).getContext("2d");
  canvas.drawImage(await createImageBitmap(file), 0, 0, size, size);
  const { data } = canvas.getImageData(0, 0, size, size);
  const planes = Float32Array.from({ length: 3 * size * size }, (_, i) =>
    data[4 * (i % (size * size)) + Math.floor(i / (size * size))] / 255);
  const images = new ort.Tensor("float32", planes, [1, 3, size, size]);
  return (await encoder.run({ images })).means.data;
}

const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
const found = await fetch("directions.json");
const vectors = { ...(found.ok ? (await found.json()).sets.joint : {}) };
for (let k = 0; k < latent; k++) vectors[`dimension ${k}`] = code.map((_, index) => Number(index === k));
at("along").append(...Object.keys(vectors).map((name) => new Option(name)));
at("along").onchange = at("strength").oninput = show;
at("draw").onclick = () => { code = code.map(normal); return show(); };
at("file").onchange = async ({ target }) => { code = await encode(target.files[0]); await show(); };
await show();
