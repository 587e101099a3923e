// Badges say how far images are on their way to the cloud. The page asks again for each image that is
// under way and on the screen, one at a time, and less and less often while nothing changes.

import { look } from "./api.js";
import { element } from "./dom.js";
import { refusal, stateText } from "./messages.js";

const FIRST_MS = 1500;
const SLOWER = 1.6;
// The longest pause between two questions, for each state that may change.
const LONGEST_MS = { pending: 30000, stored: 300000 };

const watched = new Map(); // badge → { image, onchange, seen, pause_ms, due_ms }
let timer = null; // starts the next round
let asking = false; // a round is under way

const isUnderWay = (image) => image.sync.state in LONGEST_MS;
const isDue = ({ seen, due_ms }) => seen && due_ms <= performance.now();

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
  badge.title = refusal(image.sync);
}

function forget(badge) {
  observer.unobserve(badge);
  watched.delete(badge);
}

function postpone(entry, pause_ms) {
  entry.pause_ms = Math.min(pause_ms, LONGEST_MS[entry.image.sync.state]);
  entry.due_ms = performance.now() + entry.pause_ms;
}

/** Gives each badge of an image what was learnt of it, or null when the image is gone. */
function tell(id, image) {
  let changed = false;
  for (const [badge, entry] of [...watched]) {
    if (entry.image.id !== id) continue;
    changed ||= entry.image.sync.state !== image?.sync.state;
    if (image) {
      entry.image = image;
      fill(badge, image);
    }
    entry.onchange(image);
    if (image && isUnderWay(image)) postpone(entry, changed ? FIRST_MS : entry.pause_ms * SLOWER);
    else forget(badge);
  }
}

async function round() {
  asking = true;
  const due = [...watched.values()].filter(isDue).map((entry) => entry.image);
  for (const image of new Map(due.map((one) => [one.id, one])).values()) {
    if (document.hidden) break;
    try {
      tell(image.id, await look(image));
    } catch (error) {
      if (error.status === 404) tell(image.id, null);
      else {
        // The server is in trouble, so the others wait.
        for (const entry of watched.values()) if (isDue(entry)) postpone(entry, entry.pause_ms * SLOWER);
        break;
      }
    }
  }
  asking = false;
  plan();
}

function plan() {
  clearTimeout(timer);
  const times = [...watched.values()].filter((entry) => entry.seen).map((entry) => entry.due_ms);
  if (times.length > 0 && !asking && !document.hidden)
    timer = setTimeout(round, Math.max(0, Math.min(...times) - performance.now()));
}

// Whoever comes back to the page sees the present state at once.
document.addEventListener("visibilitychange", () => {
  for (const entry of watched.values()) Object.assign(entry, { pause_ms: FIRST_MS, due_ms: 0 });
  plan();
});

/** Makes a badge for an image. onchange is called with the changed image, or null when it is gone. */
export function badge(image, onchange = () => {}) {
  const made = element("span", { class: "badge" });
  fill(made, image);
  if (isUnderWay(image)) {
    const entry = { image, onchange, seen: false };
    postpone(entry, FIRST_MS);
    watched.set(made, entry);
    observer.observe(made); // it plans the first round
  }
  return made;
}

/** Forgets the badges within an element that leaves the page. */
export function release(holder) {
  for (const made of holder.querySelectorAll(".badge")) forget(made);
}
