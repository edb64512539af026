/** The studio starts: token, runs, and what only a server has; then the page opens a run. */
import { effect } from "./vendor.js";
import { mountCompare } from "./compare.js";
import { ServerEngine } from "./engine.js";
import { report, unreachable } from "./notices.js";
import { mountPage, openEngine, openShared, region } from "./page.js";
import { source } from "./pictures.js";
import { about, runs } from "./state.js";
import { TABS, show } from "./tabs.js";
import { mountTraining } from "./training.js";

const FIRST_WAIT = 500;
const LONGEST_WAIT = 8000;

/** The token and the record of the address; the token leaves the address bar. */
function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  const token = given.get("t") ?? sessionStorage.getItem("lik-token") ?? "";
  sessionStorage.setItem("lik-token", token);
  const shared = given.get("r");
  // Without a token the record stays, until the printed address brings one.
  if (token) history.replaceState(null, "", location.pathname + location.search);
  return { token, shared };
}

async function connect(token) {
  for (let tries = 0; ; tries++) {
    try {
      runs.value = await ServerEngine.runs(token);
      unreachable.value = false;
      return;
    } catch (error) {
      report(error);
      if (error.code !== "lost") throw error;
      const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** tries);
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}

/** Watch trainings until there is a run with weights. */
function firstRun() {
  show("training");
  return new Promise((resolve) => {
    effect(() => runs.value.usual && resolve());
  });
}

async function retry(token) {
  source.engine?.link.retry();
  const there = await ServerEngine.runs(token).catch(() => null);
  if (there) unreachable.value = false;
}

async function start() {
  const { token, shared } = readAddress();
  const openRun = (id) => openEngine(new ServerEngine(token, id));
  TABS.push("training", "compare");
  await mountPage(openRun, () => retry(token));
  mountTraining(region("training"), token);
  mountCompare(region("compare"), token);
  addEventListener("hashchange", () => {
    if (/[#&]t=/.test(location.hash)) return location.reload(); // the studio was begun anew
    const again = about.value && readAddress().shared;
    return again && openShared(again);
  });
  await connect(token);
  if (!runs.value.usual) await firstRun(); // one is being trained
  await openRun(runs.value.usual);
  if (shared) openShared(shared);
}

start().catch(() => document.body.classList.add("failed"));
