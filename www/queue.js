// The queue sends files to the server, two at a time, and shows the progress of each. Every entry of
// the list has an object, whose state is waiting, sending, processing, done, failed or cancelled.

import { upload } from "./api.js";
import { badge, release } from "./badge.js";
import { copyButton, show } from "./compare.js";
import { byId, button, element, link, present } from "./dom.js";
import { explain, fileSize, plural, say, sentence } from "./messages.js";

const AT_ONCE = 2;
const BUSY_RETRIES = 3; // how often a busy server is asked again
const PATIENCE_S = 10; // if the server asks for a longer wait, the person decides
const OVER = ["done", "cancelled", "failed"];
const SAME_ANSWER = [400, 403, 413, 415, 422]; // the server would give it again to the same file

const maxBytes = () => Number(byId("form").dataset.maxBytes);
const list = byId("entries");
let entries = [];
let ondone = () => {};

const mayRetry = (entry) => !SAME_ANSWER.includes(entry.error?.status);
const isBusy = ({ status, retryAfterS }) => status === 503 && retryAfterS > 0 && retryAfterS <= PATIENCE_S;
const inState = (...states) => entries.filter((entry) => states.includes(entry.state));

// ---- what is seen of an entry ----

function preview(file) {
  const picture = element("img", { alt: "", width: 56, height: 56, loading: "lazy", decoding: "async" });
  const address = URL.createObjectURL(file);
  // The browser may not know the format. An error then ends the loading as well.
  picture.addEventListener("load", () => URL.revokeObjectURL(address), { once: true });
  return present(picture, address);
}

function draw(entry) {
  const { file, state, row, image, sent } = entry;
  const { bar, text, actions } = entry.parts;
  const act = (label, does) => button(label, file.name, () => does(entry));
  row.dataset.state = state;
  bar.hidden = OVER.includes(state);
  if (state === "processing") bar.removeAttribute("value");
  else bar.value = sent;
  text.replaceChildren(...describe(entry));
  if (!OVER.includes(state)) actions.replaceChildren(act("Cancel", cancel));
  else if (state === "done")
    actions.replaceChildren(
      button("Compare", file.name, () => show(image)),
      link("Download", file.name, image.links.processed, { download: image.filename }),
      copyButton(image));
  else actions.replaceChildren(...(mayRetry(entry) ? [act("Retry", retry)] : []), act("Remove", discard));
  drawHead();
}

/** Shows the list and the buttons above it. */
function drawHead() {
  byId("queue").hidden = entries.length === 0;
  byId("retry-all").hidden = inState("failed").filter(mayRetry).length < 2;
  byId("clear").hidden = inState(...OVER).length === 0;
}

function describe(entry) {
  const { state, file, sent, busy, image, error } = entry;
  switch (state) {
    case "waiting":
      return [busy ? "The server is busy; trying again soon" : "Waiting for its turn"];
    case "sending":
      return [`Sending: ${Math.floor(sent * 100)}% of ${fileSize(file.size)}`];
    case "processing":
      return ["Sent. Processing…"];
    case "done":
      return [badge(image, (now) => (now ? (entry.image = now) : discard(entry))),
        ` · ${fileSize(image.original.size)} → ${fileSize(image.size)}`];
    case "cancelled":
      return [sent === 1
        ? "Cancelled. The file was sent already, and may appear among the pictures."
        : "Cancelled."];
    default: {
      const { title, detail } = explain(error);
      return [element("strong", {}, `${title}.`), ` ${detail}`];
    }
  }
}

function set(entry, state, more = {}) {
  const changed = entry.state !== state;
  const hadFocus = changed && entry.parts.actions.contains(document.activeElement);
  Object.assign(entry, { state }, more);
  if (!changed && state === "sending") {
    entry.parts.bar.value = entry.sent;
    entry.parts.text.textContent = describe(entry)[0];
    return;
  }
  draw(entry);
  if (hadFocus) entry.parts.actions.querySelector("button, a").focus();
}

// ---- what becomes of it ----

function cancel(entry) {
  entry.controller.abort();
  if (entry.state === "waiting") set(entry, "cancelled");
}

function retry(entry) {
  set(entry, "waiting", { sent: 0, retries: 0, busy: false, controller: new AbortController() });
  next();
}

function discard(entry) {
  const sibling = entry.row.nextElementSibling ?? entry.row.previousElementSibling;
  const hadFocus = entry.row.contains(document.activeElement);
  entry.controller.abort();
  URL.revokeObjectURL(entry.row.querySelector("img").src); // the preview may never have been shown
  release(entry.row);
  entry.row.remove();
  entries = entries.filter((other) => other !== entry);
  drawHead();
  if (hadFocus) (sibling?.querySelector("button, a") ?? byId("file")).focus();
}

async function send(entry) {
  const { file, controller } = entry;
  const body = new FormData();
  for (const [name, value] of entry.options) body.append(name, value);
  body.append("file", file, file.name);
  set(entry, "sending", { sent: 0 });
  try {
    const onsent = (sent) => set(entry, sent < 1 ? "sending" : "processing", { sent });
    const image = await upload(body, { signal: controller.signal, onsent });
    set(entry, "done", { image });
    say(`${file.name} is done.`);
    ondone(image);
  } catch (error) {
    if (controller.signal.aborted) set(entry, "cancelled");
    else if (isBusy(error) && entry.retries < BUSY_RETRIES) wait(entry, error.retryAfterS);
    else say(fail(entry, error));
  }
  next();
}

/** Marks an entry as failed, and gives the sentence to say. */
function fail(entry, error) {
  set(entry, "failed", { error });
  return `${entry.file.name} failed. ${sentence(error)}`;
}

/** Puts an entry back in line, but not before the time that the server named. */
function wait(entry, seconds) {
  set(entry, "waiting", { sent: 0, busy: true, retries: entry.retries + 1 });
  setTimeout(() => {
    entry.busy = false;
    if (entry.state === "waiting") {
      draw(entry);
      next();
    }
  }, seconds * 1000);
}

function next() {
  const free = AT_ONCE - inState("sending", "processing").length;
  for (const entry of inState("waiting").filter((one) => !one.busy).slice(0, Math.max(0, free))) send(entry);
}

/** Adds an entry, and gives the sentence to say, if there is one. */
function enter(file, options) {
  const parts = {
    bar: element("progress", { max: 1, value: 0, "aria-label": `Upload of ${file.name}` }),
    text: element("p", { class: "text" }),
    actions: element("div", { class: "actions" }),
  };
  const row = element("li", { class: "entry" }, preview(file),
    element("div", {}, element("h3", { title: file.name }, file.name), parts.bar, parts.text, parts.actions));
  const entry = { file, options, row, parts, sent: 0, retries: 0, controller: new AbortController() };
  entries.push(entry);
  list.append(row);
  if (file.size > maxBytes()) return fail(entry, { status: 413 });
  set(entry, "waiting");
  return "";
}

/** Queues files, all with the same options ([name, value] pairs). */
export function add(files, options) {
  const news = files.map((file) => enter(file, options)).filter(Boolean);
  say([`${plural(files.length, "picture", "pictures")} in the queue.`, ...news].join(" "));
  next();
}

/** Forgets an image that is gone. */
export function forget(id) {
  for (const entry of entries.filter((one) => one.image?.id === id)) discard(entry);
}

/** Starts the queue. options.ondone(image) is called for each image that is safe on the server. */
export function start(options) {
  ondone = options.ondone;
  byId("clear").addEventListener("click", () => {
    for (const entry of inState(...OVER)) discard(entry);
    byId("file").focus();
  });
  byId("retry-all").addEventListener("click", () => {
    for (const entry of inState("failed").filter(mayRetry)) retry(entry);
    list.querySelector("button").focus(); // the focused button goes
  });
  addEventListener("beforeunload", (event) => {
    if (inState(...OVER).length < entries.length) event.preventDefault();
  });
}
