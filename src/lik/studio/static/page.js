/** What the page does with any engine: its regions are mounted, and an engine is opened. */
import { batch, effect } from "./vendor.js";
import { mountBanner, watchLink } from "./banner.js";
import { mountBatch } from "./batch.js";
import { mountCamera } from "./camera.js";
import { mountDialogs } from "./dialogs.js";
import { draw, tiles } from "./drawing.js";
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
import { dismissRefusal, report } from "./notices.js";
import { mountOffers, openLinked, tellUnreadable } from "./offers.js";
import { directionsOf, source, useEngine } from "./pictures.js";
import { openPhotograph, photographs } from "./photograph.js";
import { watchPresenting } from "./present.js";
import { readFragment } from "./record.js";
import { mountShare } from "./share.js";
import { mountStage } from "./stage.js";
import { about, clear, entry, runs } from "./state.js";
import { thumbnails } from "./thumbnails.js";
import { watchTabs } from "./tabs.js";
import { mountTraits } from "./traits.js";

export { about, runs };

/** The region of a name. */
export function region(id) {
  return document.getElementById(id);
}

/**
 * Mount all that is there with any engine.
 * @param {(id: string) => void} openRun @param {() => void} retry when the engine was lost
 */
export async function mountPage(openRun, retry) {
  await choose(preferred());
  effect(() => {
    document.title = about.value?.exported ? `${about.value.name} · Lik` : t("title");
    for (const id of ["faces", "stage", "traits", "history", "mix", "map"]) {
      region(id).setAttribute("aria-label", t(`region.${id}`));
    }
  });
  mountHeader(region("header"), openRun);
  mountBanner(region("banner"), retry);
  mountFaces(region("faces"));
  mountStage(region("stage"));
  mountTraits(region("traits"));
  mountHistory(region("history"));
  mountMix(region("mix"));
  mountMap(region("map"));
  watchTabs();
  watchPresenting();
  const dialogs = [mountDialogs, mountOffers, mountShare, mountBatch, mountCamera];
  dialogs.forEach((mount, i) => mount(region(`dialogs-${i + 1}`)));
  listenForFiles();
  listenForKeys();
  watchTrajectories();
  watchLink();
}

/** Open an engine: everything on the page is about its run; a photograph is opened again. */
export async function openEngine(engine) {
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
  return openPhotograph(subject.photograph.blob, subject.name, { terms: kept, face, eyes: subject.source.eyes });
}

/** Open what the fragment of an address holds. */
export function openShared(text) {
  const found = readFragment(text);
  if (found) openLinked(found);
  else tellUnreadable();
}
