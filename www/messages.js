// Words: what the page says of errors, states, sizes and times. A server's own sentence goes first.

import { byId } from "./dom.js";

/** Said once by screen readers; nothing is seen of it. */
export function say(text) {
  const said = byId("said");
  // The same words twice are a change only if there was something else between.
  said.textContent = said.textContent === text ? `${text}\u00a0` : text;
}

/** How far an image is on its way to the cloud. */
const STATES = {
  off: "On this server",
  pending: "Waiting for the cloud",
  stored: "Safe in S3",
  synced: "Safe in S3, listed",
  dead: "Refused by the cloud",
};

export const stateText = ({ state }) => STATES[state] ?? state;

/** Why the cloud refused it: of any length, and in the cloud's words. */
export const refusal = ({ state, lastError }) => (state === "dead" && lastError) || "";

/** An error's title and what to do about it: { title, detail }. */
export function explain(error) {
  if (error.problem) {
    const { title, detail, status, requestId } = error.problem;
    return { title, detail: status >= 500 ? `${detail} (Request ${requestId})` : detail };
  }
  switch (error.status) {
    case undefined: // a mistake of this page
      return { title: "This did not work", detail: "Load the page again, then try once more." };
    case 0:
      return navigator.onLine
        ? { title: "The connection failed", detail: "Check the network, then try again." }
        : { title: "You are offline", detail: "Try again when the network is back." };
    case 401:
    case 403:
      return { title: "You may not do this here", detail: "Sign in, or ask whoever runs this server." };
    case 413:
      return { title: "The file is too large", detail: `Send one of at most ${fileSize(byId("form").dataset.maxBytes)}.` };
    case 502:
    case 503:
    case 504:
      return { title: "The server is not ready", detail: "Try again in a minute." };
    default:
      return { title: "The server cannot do this now", detail: `It answered ${error.status}. Try again later.` };
  }
}

export const sentence = (error) => {
  const { title, detail } = explain(error);
  return `${title}. ${detail}`;
};

export function fileSize(bytes) {
  const kilo = bytes / 1000;
  const [value, unit] = kilo < 1000 ? [Math.max(1, Math.round(kilo)), "kB"] : [(kilo / 1000).toFixed(1), "MB"];
  return `${value} ${unit}`;
}

export const pixels = ({ width, height }) => `${width} × ${height}`;

export const plural = (count, one, many) => `${count} ${count === 1 ? one : many}`;

const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
export const when = (timestamp) => clock.format(new Date(timestamp));
