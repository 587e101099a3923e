// The gallery: everything uploaded, newest first, a page at a time, as the filter says.

import { list } from "./api.js";
import { release } from "./badge.js";
import { card, flush } from "./card.js";
import { byId } from "./dom.js";
import { plural, say, sentence } from "./messages.js";

const PAGE = 24;
const [cards, more, nothing, trouble, filter] = ["cards", "more", "nothing", "trouble", "filter"].map(byId);
let cursor = null;
let loading = null; // the AbortController of the page under way
let ondeleted = () => {};

/** Midnight at the start of a date field's day here, some days on; "" when it is empty. */
function midnight(id, days = 0) {
  if (!byId(id).value) return "";
  const [year, month, day] = byId(id).value.split("-").map(Number);
  return new Date(year, month - 1, day + days).toISOString();
}

const asked = () => ({
  filename: byId("filename").value.trim(),
  status: byId("status").value,
  since: midnight("since"),
  until: midnight("until", 1), // the day itself belongs to it
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
    ? "No picture is so. A filename is found only in full, as it was uploaded."
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

/** An image that has just been uploaded. What a card's image becomes later does not take it away. */
export function add(image) {
  if (!matches(image) || find(image.id)) return;
  cards.prepend(card(image, drop));
  showIfEmpty();
}

/** flushed: is to be over before the page is asked for. One under way is forgotten at once. */
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
    // What came in meanwhile is here already.
    const fresh = page.images.filter((image) => !find(image.id)).map((image) => card(image, drop));
    cards.append(...fresh);
    if (document.activeElement === more) fresh[0]?.querySelector("button").focus();
    cursor = page.next;
    more.hidden = cursor === null;
    more.textContent = "Show more";
    if (!isFirst || isFiltered()) say(`${plural(page.images.length, "picture", "pictures")} shown.`);
  } catch (error) {
    if (loading !== controller) return; // another page is wanted by now
    trouble.textContent = `The pictures cannot be listed. ${sentence(error)}`;
    more.hidden = false;
    more.textContent = "Try again";
  }
  loading = null;
  cards.setAttribute("aria-busy", "false");
  showIfEmpty();
  // Where the first page does not fill the window, the observer has nothing to tell.
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

/** options.ondeleted(id) is called when an image is no more. */
export function start(options) {
  ondeleted = options.ondeleted;
  more.addEventListener("click", () => loading ?? load());
  filter.addEventListener("change", reload);
  filter.addEventListener("submit", (event) => {
    event.preventDefault();
    reload();
  });
  filter.addEventListener("reset", () => {
    byId("filename").focus(); // the button goes
    setTimeout(reload); // once the fields are empty
  });
  load();
}
