// The dialog of one image: original and result under a slider, what is known of both, links.

import { badge, release } from "./badge.js";
import { byId, button, copy, element, link } from "./dom.js";
import { fileSize, pixels, say, when } from "./messages.js";

const dialog = byId("compare");
const frame = byId("frame");
const [before, after, split, note] = ["before", "after", "split", "compare-note"].map(byId);

const describe = (file) => `${pixels(file)} pixels, ${file.format}, ${fileSize(file.size)}`;

function slide() {
  frame.style.setProperty("--split", `${split.value}%`);
  split.setAttribute("aria-valuetext", `${split.value}% original`);
}

/** Only the result is left to see. */
function showResultOnly(reason) {
  frame.classList.add("single");
  note.textContent = reason;
}

function facts(image) {
  const rows = [
    ["Result", describe(image)],
    ["Original", describe(image.original)],
    ["Uploaded", element("time", { datetime: image.timestamp }, when(image.timestamp))],
    ["Cloud", badge(image)],
  ];
  if (image.s3Path) rows.push(["Address", image.s3Path]);
  return rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]);
}

function actions(image) {
  const { processed, original, renditions = {} } = image.links;
  const made = [link("Download result", `of ${image.filename}`, processed, { download: image.filename })];
  if (original)
    made.push(link("Download original", `of ${image.filename}`, original, { download: image.filename }));
  for (const [name, href] of Object.entries(renditions))
    made.push(link(`Download ${name}`, `of ${image.filename}`, href, { download: image.filename }));
  made.push(copyButton(image));
  return made;
}

/** Copies the address of the result, and says so on its face for a moment. */
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
  frame.classList.remove("single");
  note.textContent = "";
  frame.style.setProperty("--ratio", image.width / image.height);
  frame.style.setProperty("--width", `${image.width}px`);
  split.value = 50;
  slide();
  after.alt = `Result of ${image.filename}`;
  after.src = image.links.processed;
  before.alt = `Original of ${image.filename}`;
  if (image.links.original) before.src = image.links.original;
  else showResultOnly("The original was not kept.");
  byId("facts").replaceChildren(...facts(image));
  byId("compare-actions").replaceChildren(...actions(image));
  dialog.showModal();
}

export function start() {
  split.addEventListener("input", slide);
  before.addEventListener("error", () => {
    if (before.hasAttribute("src"))
      showResultOnly("This browser cannot show the original. It can be downloaded.");
  });
  byId("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    for (const picture of [before, after]) picture.removeAttribute("src");
    release(dialog);
  });
}
