/** Keys that work everywhere on the page, but not where one types. */
import { current } from "./current.js";
import { openHelp } from "./dialogs.js";
import { save } from "./saving.js";
import { present, presenting } from "./present.js";
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
  if (document.querySelector("dialog[open]")) return undefined;
  const command = event.ctrlKey || event.metaKey;
  const key = event.key.toLowerCase();
  if (command && key === "s") return did(event, () => save(current()));
  if (isText(event.target)) return undefined;
  if (!command && !event.altKey && key === "?") return did(event, openHelp);
  if (!command && key === " " && tab.value === "compare") return hold(event);
  if (tab.value !== "edit") return undefined;
  if (command && key === "z") return did(event, event.shiftKey ? redo : undo);
  if (command && key === "y") return did(event, redo);
  if (command || event.altKey) return undefined;
  if (key === "p") return did(event, () => present());
  if (key === "escape" && presenting.value) return did(event, () => present(false));
  if (key === "/") return did(event, () => document.querySelector("#search")?.focus());
  if (key === " ") hold(event);
  return undefined;
}

/** Space presses a button that has the focus; elsewhere it shows what was before. */
function hold(event) {
  if (event.target.closest("button, summary, select, a, input:is([type=radio], [type=checkbox], [type=file])")) return;
  did(event, () => (showsBefore.value = true));
}

function did(event, action) {
  event.preventDefault();
  action();
}

function isText(target) {
  return target.matches("textarea, input[type=text], input[type=search], input[type=number]");
}
