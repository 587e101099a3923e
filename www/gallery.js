// The gallery shows the uploads that match the filter, newest first, a page at a time.

import { list } from "./api.js";
import { release } from "./badge.js";
import { card, flush } from "./card.js";
import { byId } from "./dom.js";
import { plural, say, sentence } from "./messages.js";

const PAGE = 24;
const [cards, more, nothing, trouble, filter] = ["cards", "more", "nothing", "trouble", "filter"].map(byId);
let cursor = null;
let loading = null; // the AbortController of the request for a page
let ondeleted = () => {};

/** Gives local midnight, some days after a date field's day; "" when the field is empty. */
function midnight(id, days = 0) {
  if (!byId(id).value) return "";
  const [year, month, day] = byId(id).value.split("-").map(Number);
  return new Date(year, month - 1, day + days).toISOString();
}

const asked = () => ({
  filename: byId("filename").value.trim(),
  status: byId("status").value,
  since: midnight("since"),
  until: midnight("until", 1), // the last day is included
});

const isFiltered = () => Object.values(asked()).some(Boolean);

function matches(image) {
  const { filename, status, since, until } = asked();
  return (!filename || filename === image.filename) && (!status || status === image.sync.state) &&
    (!since || image.timestamp >= since) && (!until || image.timestamp < until);
}

function showIfEmpty() {
  nothing.hidden = cards.childElementCount > 0 || loading !== null || trouble.textContent !== "";
  byId("nothing-text").textContent = isFiltered()
    ? "No pictures match. A filename is found only in full, as it was uploaded."
    : "No pictures yet. Yours will hang here.";
}

function drop(gone) {
  const next = gone.nextElementSibling ?? gone.previousElementSibling ?? byId("gallery");
  if (gone.contains(document.activeElement)) next.focus();
  release(gone);
  gone.remove();
  ondeleted(gone.dataset.id);
  showIfEmpty();
}

const find = (id) => cards.querySelector(`[data-id="${CSS.escape(id)}"]`);

/** Adds an image that was just uploaded. Its card stays, even if the image no longer matches later. */
export function add(image) {
  if (!matches(image) || find(image.id)) return;
  cards.prepend(card(image, drop));
  showIfEmpty();
}

/** Asks for a page once flushed has settled, and drops a request that is still under way. */
async function load(flushed) {
  const controller = new AbortController();
  loading?.abort();
  loading = controller;
  cards.setAttribute("aria-busy", "true");
  trouble.textContent = "";
  const isFirst = cursor === null;
  try {
    await flushed;
    const page = await list({ ...asked(), limit: PAGE, cursor }, controller.signal);
    if (loading !== controller) return;
    // Images uploaded meanwhile are here already.
    const fresh = page.images.filter((image) => !find(image.id)).map((image) => card(image, drop));
    cards.append(...fresh);
    if (document.activeElement === more) fresh[0]?.querySelector("button").focus();
    cursor = page.next;
    more.hidden = cursor === null;
    more.textContent = "Show more";
    if (!isFirst || isFiltered()) say(`${plural(page.images.length, "picture", "pictures")} shown.`);
  } catch (error) {
    if (loading !== controller) return; // another request has replaced this one
    trouble.textContent = `The pictures cannot be listed. ${sentence(error)}`;
    more.hidden = false;
    more.textContent = "Try again";
  }
  loading = null;
  cards.setAttribute("aria-busy", "false");
  showIfEmpty();
  // The observer reports changes only, so it looks again.
  observer.unobserve(more);
  observer.observe(more);
}

const observer = new IntersectionObserver(
  ([{ isIntersecting }]) => {
    if (isIntersecting && !more.hidden && !loading && !trouble.textContent) load();
  },
  { rootMargin: "400px" },
);

function reload() {
  release(cards);
  cards.replaceChildren();
  byId("show-all").hidden = !isFiltered();
  cursor = null;
  more.hidden = true;
  nothing.hidden = true;
  load(flush());
}

/** Starts the gallery. options.ondeleted(id) is called when an image is gone. */
export function start(options) {
  ondeleted = options.ondeleted;
  more.addEventListener("click", () => loading ?? load());
  filter.addEventListener("change", reload);
  filter.addEventListener("submit", (event) => {
    event.preventDefault();
    reload();
  });
  filter.addEventListener("reset", () => {
    byId("filename").focus(); // the focused button goes
    setTimeout(reload); // the fields are empty only after this event
  });
  load();
}
