// Badges of how far images are on their way to the cloud, kept true: those that are still under way
// and seen are asked for, one at a time, ever more seldom while nothing changes.

import { look } from "./api.js";
import { element } from "./dom.js";
import { stateText } from "./messages.js";

const FIRST_MS = 1500;
const LONGEST_MS = 30000;
const SLOWER = 1.6;
// Where no table is configured, being stored is the end: a few looks more, then it is left at that.
const LOOKS_WHEN_STORED = 5;

const watched = new Map(); // badge → { image, onchange, seen, looks }
let pause_ms = FIRST_MS;
let timer = null; // of the next round
let asking = false; // a round is under way

const isUnderWay = ({ image, looks }) =>
  image.sync.state === "pending" || (image.sync.state === "stored" && looks < LOOKS_WHEN_STORED);

const observer = new IntersectionObserver((changes) => {
  for (const { target, isIntersecting } of changes) {
    const entry = watched.get(target);
    if (entry) entry.seen = isIntersecting;
  }
  plan();
});

function fill(badge, image) {
  badge.dataset.state = image.sync.state;
  badge.textContent = stateText(image.sync);
}

function forget(badge) {
  observer.unobserve(badge);
  watched.delete(badge);
}

/** What has been learnt of an image goes to each badge of it. gone: it is no more. */
function tell(id, image) {
  let changed = false;
  for (const [badge, entry] of [...watched]) {
    if (entry.image.id !== id) continue;
    changed ||= !image || entry.image.sync.state !== image.sync.state;
    entry.looks = changed ? 0 : entry.looks + 1;
    if (image) {
      entry.image = image;
      fill(badge, image);
    }
    entry.onchange(image);
    if (!image || !isUnderWay(entry)) forget(badge);
  }
  return changed;
}

async function round() {
  let changed = false;
  timer = null;
  asking = true;
  const due = [...watched.values()].filter((entry) => entry.seen).map((entry) => entry.image);
  for (const image of new Map(due.map((one) => [one.id, one])).values()) {
    if (document.hidden) break;
    try {
      changed = tell(image.id, await look(image)) || changed;
    } catch (error) {
      if (error.status === 404) changed = tell(image.id, null) || changed;
      else break; // a server in trouble is not asked for the rest
    }
  }
  pause_ms = changed ? FIRST_MS : Math.min(pause_ms * SLOWER, LONGEST_MS);
  asking = false;
  plan();
}

function plan() {
  const wanted = !document.hidden && [...watched.values()].some((entry) => entry.seen);
  if (wanted && !asking) timer ??= setTimeout(round, pause_ms);
}

/** There is something new to learn: not after the long pause at hand. */
function hurry() {
  clearTimeout(timer);
  timer = null;
  pause_ms = FIRST_MS;
  plan();
}

document.addEventListener("visibilitychange", hurry);

/** A badge for an image. onchange is called with the image as it now is, or null when it is gone. */
export function badge(image, onchange = () => {}) {
  const made = element("span", { class: "badge" });
  const entry = { image, onchange, seen: false, looks: 0 };
  fill(made, image);
  if (isUnderWay(entry)) {
    watched.set(made, entry);
    observer.observe(made);
    hurry();
  }
  return made;
}

/** To be called when what holds badges leaves the page. */
export function release(holder) {
  for (const made of holder.querySelectorAll(".badge")) forget(made);
}
