/** The page starts: token, language, runs; then each region draws itself. */
import { batch, effect } from "./vendor.js";
import { mountBanner, watchLink } from "./banner.js";
import { mountBatch } from "./batch.js";
import { mountCamera } from "./camera.js";
import { mountCompare } from "./compare.js";
import { mountDialogs } from "./dialogs.js";
import { draw, tiles } from "./drawing.js";
import { ServerEngine } from "./engine.js";
import { mountFaces } from "./faces.js";
import { forgetTrajectories, watchTrajectories } from "./guided.js";
import { mountHeader } from "./header.js";
import { mountHistory } from "./history.js";
import { choose, preferred, t } from "./i18n.js";
import { listenForFiles } from "./intake.js";
import { listenForKeys } from "./keys.js";
import { clearMap, mountMap } from "./map.js";
import { mountMix } from "./mix.js";
import { clearMix } from "./mixing.js";
import { dismissRefusal, report, unreachable } from "./notices.js";
import { mountOffers, openLinked, tellUnreadable } from "./offers.js";
import { directionsOf, source, useEngine } from "./pictures.js";
import { openPhotograph, photographs } from "./photograph.js";
import { watchPresenting } from "./present.js";
import { readFragment } from "./record.js";
import { mountShare } from "./share.js";
import { mountStage } from "./stage.js";
import { about, clear, entry, runs } from "./state.js";
import { thumbnails } from "./thumbnails.js";
import { show, watchTabs } from "./tabs.js";
import { mountTaps } from "./taps.js";
import { mountTraining } from "./training.js";
import { mountTraits } from "./traits.js";

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

/** Open a run: everything on the page is about it from then on; a photograph is opened again. */
async function openRun(token, id) {
  const kept = entry.value?.subject.photograph ? entry.value : null;
  source.engine?.close();
  batch(() => {
    clear();
    clearMix();
    clearMap();
    tiles.value = [];
    photographs.value = [];
    about.value = null;
  });
  forgetTrajectories();
  thumbnails.clear();
  dismissRefusal();
  const engine = new ServerEngine(token, id);
  useEngine(engine);
  try {
    const facts = await engine.about();
    if (engine !== source.engine) return;
    about.value = facts;
    await Promise.all([draw("prior", true), directionsOf(facts.usual_method)]);
    if (kept && engine === source.engine) await openAgain(kept);
  } catch (error) {
    report(error);
  }
}

/** The photograph of an entry in the run that is open now, with what was changed if it can be. */
function openAgain({ subject, terms, face }) {
  const known = new Set(about.value.traits.map(({ name }) => name));
  const kept = terms.filter(([name]) => known.has(name));
  return openPhotograph(subject.photograph.blob, subject.name, { terms: kept, face });
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

function openShared(text) {
  const found = readFragment(text);
  if (found) openLinked(found);
  else tellUnreadable();
}

async function retry(token) {
  source.engine?.link.retry();
  const there = await ServerEngine.runs(token).catch(() => null);
  if (there) unreachable.value = false;
}

async function start() {
  const region = (id) => document.getElementById(id);
  const { token, shared } = readAddress();
  await choose(preferred());
  effect(() => {
    document.title = t("title");
    for (const id of ["faces", "stage", "traits", "history", "mix", "map"]) {
      region(id).setAttribute("aria-label", t(`region.${id}`));
    }
  });
  mountHeader(region("header"), (id) => openRun(token, id));
  mountBanner(region("banner"), () => retry(token));
  mountFaces(region("faces"));
  mountStage(region("stage"));
  mountTraits(region("traits"));
  mountHistory(region("history"));
  mountMix(region("mix"));
  mountMap(region("map"));
  mountTraining(region("training"), token);
  mountCompare(region("compare"), token);
  watchTabs();
  watchPresenting();
  const dialogs = [mountDialogs, mountOffers, mountShare, mountBatch, mountCamera, mountTaps];
  dialogs.forEach((mount, i) => mount(region(`dialogs-${i + 1}`)));
  listenForFiles();
  listenForKeys();
  watchTrajectories();
  watchLink();
  addEventListener("hashchange", () => {
    if (/[#&]t=/.test(location.hash)) return location.reload(); // the studio was begun anew
    const again = about.value && readAddress().shared;
    return again && openShared(again);
  });
  await connect(token);
  if (!runs.value.usual) await firstRun(); // one is being trained
  await openRun(token, runs.value.usual);
  if (shared) openShared(shared);
}

start().catch(() => document.body.classList.add("failed"));
