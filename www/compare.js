// The dialog of one image shows original and result under a slider, what is known of both, and links.

import { probe } from "./api.js";
import { badge, release } from "./badge.js";
import { byId, button, copy, element, link } from "./dom.js";
import { fileSize, pixels, refusal, say, sentence, when } from "./messages.js";

const dialog = byId("compare");
const frame = byId("frame");
const [before, after, split, note] = ["before", "after", "split", "compare-note"].map(byId);

const describe = (file) => `${pixels(file)} pixels, ${file.format}, ${fileSize(file.size)}`;

function slide() {
  frame.style.setProperty("--split", `${split.value}%`);
  split.setAttribute("aria-valuetext", `${split.value}% original`);
}

/** Handles a picture that does not come: shows the other one, and says why. */
async function explainLoss({ target: picture }) {
  const address = picture.getAttribute("src");
  if (!address) return; // the dialog was closed meanwhile
  const isResult = picture === after;
  if (isResult) frame.hidden = true;
  else frame.classList.add("single");
  let reason = `This browser cannot show the ${isResult ? "result" : "original"}. It can be downloaded.`;
  try {
    await probe(address);
  } catch (error) {
    reason = sentence(error);
  }
  if (picture.getAttribute("src") === address) note.textContent = reason;
}

function tellFacts(image) {
  const { state } = image.sync;
  const follow = (now) => now && now.sync.state !== state && tellFacts(now);
  const rows = [
    ["Result", describe(image)],
    ["Original", describe(image.original)],
    ["Uploaded", element("time", { datetime: image.timestamp }, when(image.timestamp))],
    ["Cloud", badge(image, follow)],
  ];
  const reason = refusal(image.sync);
  if (reason) rows.push(["Reason", reason]);
  // Until then there is nothing to compare.
  if (image.s3Path && ["stored", "synced"].includes(state)) rows.push(["Address", image.s3Path]);
  release(dialog);
  byId("facts").replaceChildren(
    ...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

function actions(image) {
  const { processed, original, renditions = {} } = image.links;
  const files = [["result", processed], ["original", original], ...Object.entries(renditions)];
  return [...files.filter(([, href]) => href).map(([name, href]) =>
    link(`Download ${name}`, `of ${image.filename}`, href, { download: image.filename })), copyButton(image)];
}

/** Makes a button that copies the result's address, and says so for a moment. */
export function copyButton(image) {
  const label = "Copy link";
  const made = button(label, `of ${image.filename}`, async () => {
    const copied = await copy(new URL(image.links.processed, location.href).href);
    made.textContent = copied ? "Copied" : "Not allowed";
    say(copied ? `The link of ${image.filename} is copied.` : "The browser does not allow copying.");
    setTimeout(() => (made.textContent = label), 2000);
  });
  return made;
}

export function show(image) {
  byId("compare-title").textContent = image.filename;
  frame.classList.toggle("single", !image.links.original);
  frame.hidden = false;
  note.textContent = image.links.original ? "" : "The original was not kept.";
  frame.style.setProperty("--ratio", image.width / image.height);
  frame.style.setProperty("--width", `${image.width}px`);
  split.value = 50;
  slide();
  after.alt = `Result of ${image.filename}`;
  after.src = image.links.processed;
  before.alt = `Original of ${image.filename}`;
  if (image.links.original) before.src = image.links.original;
  tellFacts(image);
  byId("compare-actions").replaceChildren(...actions(image));
  dialog.showModal();
}

export function start() {
  split.addEventListener("input", slide);
  for (const picture of [before, after]) picture.addEventListener("error", explainLoss);
  byId("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    for (const picture of [before, after]) picture.removeAttribute("src");
    release(dialog);
  });
}
