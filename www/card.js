// One picture of the gallery, and its deletion. The request to delete is sent after some seconds in
// which it can be undone, or at once when the page is left.

import { remove } from "./api.js";
import { badge, release } from "./badge.js";
import { copyButton, show } from "./compare.js";
import { byId, button, element, link, present } from "./dom.js";
import { fileSize, pixels, say, sentence, when } from "./messages.js";

const THUMBNAIL_PX = 240; // a card is about this wide
const undoable = new Map(); // card → { image, timer, ongone }

/** Finds the smallest file that is still sharp on a card. */
function thumbnail(image) {
  const renditions = Object.entries(image.renditions ?? {})
    .map(([name, file]) => ({ ...file, href: image.links.renditions[name] }))
    .filter((file) => Math.min(file.width, file.height) >= THUMBNAIL_PX / 2);
  const all = [{ ...image, href: image.links.processed }, ...renditions];
  return all.reduce((best, file) => (file.size < best.size ? file : best));
}

function plate(image) {
  const { href, width, height } = thumbnail(image);
  const picture = element("img", { alt: "", loading: "lazy", decoding: "async", width, height });
  return element("button", { type: "button", class: "plate", onclick: () => show(image),
    "aria-label": `Compare original and result of ${image.filename}` }, present(picture, href));
}

/** Makes a card. ongone(card) is called once the image is gone. */
export function card(image, ongone) {
  const made = element("li", { class: "card", tabIndex: -1 });
  made.dataset.id = image.id;
  fill(made, image, ongone);
  return made;
}

function fill(made, image, ongone) {
  const { filename, links } = image;
  const follow = (now) => (now ? Object.assign(image, now) : ongone(made));
  made.replaceChildren(
    plate(image),
    element("h3", { title: filename }, filename),
    element("p", { class: "faint" }, `${pixels(image)}, ${image.format}, ${fileSize(image.size)}`, element("br"),
      element("time", { datetime: image.timestamp }, when(image.timestamp))),
    badge(image, follow),
    element("div", { class: "actions" },
      link("Download", filename, links.processed, { download: filename }),
      copyButton(image),
      button("Delete", filename, () => askDeletion(made, image, ongone))),
  );
}

function askDeletion(made, image, ongone) {
  const delay_ms = Number(byId("gallery").dataset.undoMs);
  const undo = button("Undo", `deletion of ${image.filename}`, () => {
    clearTimeout(undoable.get(made).timer);
    undoable.delete(made);
    fill(made, image, ongone);
    made.querySelector(".actions button:last-child").focus();
    say(`${image.filename} is kept.`);
  });
  release(made);
  made.replaceChildren(element("div", { class: "deleted" },
    element("p", {}, element("strong", {}, image.filename), " is deleted."), undo));
  undo.focus();
  say(`${image.filename} is deleted. Undo within ${Math.round(delay_ms / 1000)} seconds.`);
  undoable.set(made, { image, ongone, timer: setTimeout(() => finish(made, image, ongone), delay_ms) });
}

async function finish(made, image, ongone) {
  undoable.delete(made);
  if (made.contains(document.activeElement)) made.focus(); // the focused button goes
  made.querySelector("button").remove();
  try {
    await remove(image);
  } catch (error) {
    if (error.status !== 404) {
      fill(made, image, ongone);
      made.append(element("p", { class: "error", role: "alert" }, `It is not deleted. ${sentence(error)}`));
      return;
    }
  }
  ongone(made);
}

/** Sends all deletions that could still be undone, because their cards are about to go. */
export function flush() {
  const sent = [...undoable].map(([made, { image, timer, ongone }]) => {
    clearTimeout(timer);
    return remove(image).then(() => ongone(made), () => {}); // an image that could not be deleted is in the next list
  });
  undoable.clear();
  return Promise.all(sent);
}

addEventListener("pagehide", flush);
