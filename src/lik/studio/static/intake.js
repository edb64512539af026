/** Files that are given: chosen, dropped or pasted. */
import { effect, signal } from "./vendor.js";
import { t } from "./i18n.js";
import { refusal } from "./notices.js";
import { offerBatch } from "./batch.js";
import { offer, tellUnreadable } from "./offers.js";
import { openPhotograph } from "./photograph.js";
import { recordIn } from "./pngtext.js";
import { readText } from "./record.js";
import { about } from "./state.js";

/** Whether a file is being dragged over the page. */
export const dragging = signal(false);

/** Open what was given: a photograph, a picture that holds a record, a record, or several. */
export async function openFiles(files) {
  if (!about.value) return undefined; // no run is open that could look at them
  const pictures = files.filter((file) => file.type.startsWith("image/"));
  const [record] = files.filter((file) => file.name?.endsWith(".json"));
  if (pictures.length > 1) return offerBatch(pictures);
  if (record && !pictures.length) return openRecord(record);
  if (!pictures.length) {
    if (files.length) refusal.value = t("drop.nopicture");
    return undefined;
  }
  const [file] = pictures;
  const found = await recordIn(file);
  return found ? offer(found, file) : openPhotograph(file, file.name);
}

async function openRecord(file) {
  const found = readText(await file.text());
  return found ? offer(found, null) : tellUnreadable();
}

/** Listen for files that are dropped or pasted anywhere on the page. */
export function listenForFiles() {
  let depth = 0;
  const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  addEventListener("dragenter", (event) => {
    if (!holdsFiles(event)) return;
    depth++;
    dragging.value = true;
  });
  addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (!depth) dragging.value = false;
  });
  addEventListener("dragover", (event) => holdsFiles(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    depth = 0;
    dragging.value = false;
    openFiles([...event.dataTransfer.files]);
  });
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    openFiles(files);
  });
  effect(() => document.body.classList.toggle("dragging", dragging.value));
}
