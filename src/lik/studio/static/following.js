/** Trainings by their files: which there are, and one that is followed while it is looked at. */
import { effect, signal, untracked } from "./vendor.js";
import { ServerEngine, events, request } from "./engine.js";
import { report, unreachable } from "./notices.js";
import { about, runs } from "./state.js";
import { tab } from "./tabs.js";

const LIST_EVERY = 8000;
const WAIT = 2500;
const NOTHING = { records: [], dimensions: null, training: null };

/** @type {{value: object[]|null}} trainings of the server; null until it told them */
export const trainings = signal(null);
/** @type {{value: string}} id of the one that is followed, or "" */
export const chosen = signal("");
/** @type {{value: {records: object[], dimensions: number[]|null, training: object|null}}} */
export const followed = signal(NOTHING);

let token = "";
let going = null;
let timer = 0;

/** @param {string} own the token. Follow what is chosen while the tab for trainings is open. */
export function watchTrainings(own) {
  token = own;
  effect(() => {
    clearInterval(timer);
    if (tab.value !== "training") return;
    untracked(list);
    timer = setInterval(list, LIST_EVERY);
  });
  effect(() => {
    const id = chosen.value;
    going?.abort();
    going = null;
    untracked(() => (followed.value = NOTHING));
    if (!id || tab.value !== "training") return;
    going = new AbortController();
    follow(id, going.signal);
  });
}

async function list() {
  try {
    trainings.value = (await (await request(token, "/api/trainings")).json()).trainings;
    unreachable.value = false;
  } catch (error) {
    return report(error);
  }
  if (trainings.value.some(({ id }) => id === chosen.value)) return undefined;
  const one = trainings.value.find(({ state }) => state === "running");
  const own = trainings.value.find(({ id }) => id === about.value?.id);
  chosen.value = (one ?? own ?? trainings.value[0])?.id ?? "";
  return undefined;
}

/** Read what comes of a run, and again where the server was lost. */
async function follow(id, signalled) {
  while (!signalled.aborted) {
    let fresh = true;
    try {
      const path = `/api/runs/${encodeURIComponent(id)}/events`;
      const answer = await request(token, path, { signal: signalled });
      for await (const { event, data } of events(answer.body)) {
        if (signalled.aborted) return;
        if (event === "journal") take(data, fresh || data.anew);
        if (event === "journal") fresh = false;
        if (event === "state") stands(data.training);
        if (event === "error") return report(Object.assign(new Error(data.error.message), data.error));
      }
    } catch (error) {
      if (signalled.aborted) return;
      report(error);
      if (error.code && error.code !== "lost" && error.code !== "busy") return;
    }
    await new Promise((resolve) => setTimeout(resolve, WAIT));
  }
}

function take({ records, dimensions }, anew) {
  const { records: before, ...rest } = followed.value;
  followed.value = {
    ...rest,
    records: anew ? records : [...before, ...records],
    dimensions: dimensions ?? (anew ? null : rest.dimensions),
  };
}

/** How the run stands now; one that came to have weights is a run that can be opened. */
function stands(training) {
  const was = followed.value.training?.state;
  followed.value = { ...followed.value, training };
  const known = runs.value.runs.some(({ id }) => id === chosen.value);
  if (training && !known && training.state !== "running" && was !== training.state) refresh();
}

async function refresh() {
  runs.value = await ServerEngine.runs(token).catch(() => runs.value);
}

/** The sample grid of an epoch, as the address of a picture. */
export async function gridOf(id, epoch) {
  const path = `/api/runs/${encodeURIComponent(id)}/samples/${epoch}`;
  return URL.createObjectURL(await (await request(token, path)).blob());
}
