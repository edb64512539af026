/** What is saved and shared: on each tab, what it shows. */
import { computed } from "./vendor.js";
import { data, entryAt, looked } from "./mapdata.js";
import { codes, mixture } from "./mixing.js";
import { entry } from "./state.js";
import { tab } from "./tabs.js";

const BY_TAB = {
  edit: [() => Boolean(entry.value), () => entry.value],
  mix: [() => Boolean(codes.value), mixture],
  map: [() => Boolean(data.value) && looked.value >= 0, () => entryAt(looked.value)],
};

/** Whether there is anything to save. */
export const isThere = computed(() => Boolean(BY_TAB[tab.value]?.[0]()));

/** @returns {import("./state.js").Entry|null} */
export function current() {
  return isThere.value ? BY_TAB[tab.value][1]() : null;
}
