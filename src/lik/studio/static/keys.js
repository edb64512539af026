/** Keys that work everywhere on the page, but not where one types. */
import { current } from "./current.js";
import { openHelp } from "./dialogs.js";
import { save } from "./saving.js";
import { redo, undo } from "./state.js";
import { tab } from "./tabs.js";
import { showsBefore } from "./toolbar.js";

export function listenForKeys() {
  addEventListener("keydown", pressed);
  addEventListener("keyup", (event) => {
    if (event.key === " ") showsBefore.value = false;
  });
  addEventListener("blur", () => (showsBefore.value = false));
}

function pressed(event) {
  if (document.querySelector("dialog[open]")) return;
  const command = event.ctrlKey || event.metaKey;
  const key = event.key.toLowerCase();
  if (command && key === "s") return did(event, () => save(current()));
  if (isText(event.target)) return;
  if (!command && !event.altKey && key === "?") return did(event, openHelp);
  if (tab.value !== "edit") return;
  if (command && key === "z") return did(event, event.shiftKey ? redo : undo);
  if (command && key === "y") return did(event, redo);
  if (command || event.altKey) return;
  if (key === "/") return did(event, () => document.querySelector("#search")?.focus());
  // Space presses a button that has the focus; elsewhere it shows what was before.
  if (key === " " && !event.target.closest("button, summary, select, a, input[type=radio]")) {
    did(event, () => (showsBefore.value = true));
  }
}

function did(event, action) {
  event.preventDefault();
  action();
}

function isText(target) {
  return target.matches("textarea, input[type=text], input[type=search], input[type=number]");
}
