/** A photograph by the camera, in a dialog; nothing of it is kept but the picture taken. */
import { html, nothing, render, signal, effect } from "./vendor.js";
import { t } from "./i18n.js";
import { openPhotograph } from "./photograph.js";

const open = signal(false);
const failed = signal("");
let stream = null;

/** Cameras are there on secure addresses and on this computer alone. */
export function hasCamera() {
  return Boolean(navigator.mediaDevices?.getUserMedia);
}

export function mountCamera(root) {
  effect(() => render(view(), root));
}

export async function openCamera() {
  failed.value = "";
  open.value = true;
  document.querySelector("#camera").showModal();
  try {
    const wanted = { width: { ideal: 1280 }, facingMode: "user" };
    stream = await navigator.mediaDevices.getUserMedia({ video: wanted });
    if (!open.value) return stop();
    const video = document.querySelector("#camera video");
    video.srcObject = stream;
    await video.play();
  } catch {
    failed.value = t("camera.failed");
  }
}

function stop() {
  open.value = false;
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
}

async function shoot() {
  const video = document.querySelector("#camera video");
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  if (!canvas.width) return;
  canvas.getContext("2d").drawImage(video, 0, 0);
  document.querySelector("#camera").close();
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  openPhotograph(blob, "camera.png");
}

function view() {
  return html`<dialog id="camera" aria-labelledby="camera-title" @close=${stop}>
    <h2 id="camera-title">${t("camera.title")}</h2>
    ${failed.value ? html`<p class="refusal">${failed.value}</p>` : nothing}
    <video playsinline muted ?hidden=${Boolean(failed.value)}></video>
    <div class="row end">
      <button type="button" @click=${() => document.querySelector("#camera").close()}>
        ${t("close")}</button>
      <button type="button" class="primary" ?disabled=${Boolean(failed.value)} @click=${shoot}>
        ${t("camera.shoot")}</button>
    </div>
  </dialog>`;
}
