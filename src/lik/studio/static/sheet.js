/** A sheet of all runs that are compared, as one picture. */
import { contenders, given, terms } from "./comparing.js";
import { editWords, givenWords, wordsOf } from "./compare.js";
import { SIDE } from "./contender.js";
import { t } from "./i18n.js";
import { capital, tell } from "./notices.js";
import { withText } from "./pngtext.js";
import { download } from "./saving.js";

const GAP = 24;
const HEAD = 96;
const CAPTION = 68;
const FONT = "system-ui, sans-serif";
const DESCRIPTION = "Contains pictures made by a generative model (a variational autoencoder).";

/** Draw what is shown, and what was before where it is edited; save it as PNG. */
export async function saveSheet() {
  const all = contenders.value.filter((one) => one.drawn.value);
  const rows = terms.value.length ? ["before", "after"] : ["after"];
  const sheet = document.createElement("canvas");
  sheet.width = GAP + all.length * (SIDE + GAP);
  sheet.height = HEAD + rows.length * (SIDE + GAP) + CAPTION;
  const context = sheet.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, sheet.width, sheet.height);
  const write = (text, x, y, font, colour, width) => {
    context.font = `${font} ${FONT}`;
    context.fillStyle = colour;
    context.fillText(text, x, y, width);
  };
  const broad = sheet.width - 2 * GAP;
  // The name of a photograph's file may be that of a person.
  const title = given.value.kind === "photograph" ? capital(t("photo")) : givenWords();
  write(title, GAP, 44, "600 26px", "#1d1d1b", broad);
  write(editWords() || t("history.start"), GAP, 76, "20px", "#5e5c55", broad);
  all.forEach((one, column) => {
    const x = GAP + column * (SIDE + GAP);
    rows.forEach((row, i) => context.drawImage(one.painter[row], x, HEAD + i * (SIDE + GAP)));
    const y = HEAD + rows.length * (SIDE + GAP);
    write(one.facts.value.name, x, y + 10, "600 22px", "#1d1d1b", SIDE);
    write(wordsOf(one.facts.value), x, y + 38, "18px", "#5e5c55", SIDE);
  });
  const png = await new Promise((resolve) => sheet.toBlob(resolve, "image/png"));
  download(await withText(png, { Software: "Lik", Description: DESCRIPTION }), "lik-compare.png");
  tell(t("compare.saved"));
}
