// What the page says of errors, states, sizes and times. The server's own sentence goes first.

import { byId } from "./dom.js";

/** Has screen readers say a text; it is not shown. */
export function say(text) {
  const said = byId("said");
  // Screen readers speak only what has changed, so a repeated text gets another ending.
  said.textContent = said.textContent === text ? `${text}\u00a0` : text;
}

/** The words for how far an image is on its way to the cloud. */
const STATES = {
  off: "On this server",
  pending: "Waiting for the cloud",
  stored: "Safe in S3",
  synced: "Safe in S3, listed",
  dead: "Refused by the cloud",
};

export const stateText = ({ state }) => STATES[state] ?? state;

/** Gives the reason why the cloud refused an image, in the cloud's words and of any length. */
export const refusal = ({ state, lastError }) => (state === "dead" && lastError) || "";

/** Gives an error's title and what to do about it: { title, detail }. */
export function explain(error) {
  if (error.problem) {
    const { title, detail, status, requestId } = error.problem;
    return { title, detail: status >= 500 ? `${detail} (Request ${requestId})` : detail };
  }
  switch (error.status) {
    case undefined: // the page itself made a mistake
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
