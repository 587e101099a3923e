// The service: one function for each request, and errors that carry its problem document.
// The form holds its address, which is written nowhere else.

import { byId } from "./dom.js";

const images = byId("form").action;
const HEADERS = { Accept: "application/json" };

/** An Error with status (0: no answer), problem (RFC 9457, if there is one), retryAfterS. */
function failure(status, text = "", retryAfter = null) {
  const error = new Error(`status ${status}`);
  error.status = status;
  error.retryAfterS = Number.parseInt(retryAfter, 10) || 0;
  try {
    const document = JSON.parse(text);
    if (document.detail && document.title) error.problem = document;
  } catch {
    // The error page of a web server tells the person who uploads nothing of use.
  }
  return error;
}

async function ask(address, options = {}) {
  let answer;
  try {
    answer = await fetch(address, { headers: HEADERS, ...options });
  } catch (error) {
    throw error.name === "AbortError" ? error : failure(0);
  }
  if (!answer.ok && answer.type !== "opaqueredirect")
    throw failure(answer.status, await answer.text(), answer.headers.get("Retry-After"));
  return answer;
}

/** Asks what uploads the server takes, and which defaults it has. */
export const offer = async () => (await ask(new URL("options", images), { signal: AbortSignal.timeout(5000) })).json();

/** Asks for a page of images, { images, next }. Empty members of the query are left out. */
export async function list(query, signal) {
  const given = Object.entries(query).filter(([, value]) => value);
  return (await ask(`${images}?${new URLSearchParams(given)}`, { signal })).json();
}

export const look = async (image) => (await ask(image.links.self)).json();

/** Checks that a file can be had, and throws the reason if not. A redirect means that the cloud has it. */
export async function probe(address) {
  const answer = await ask(address, { redirect: "manual" });
  await answer.body?.cancel();
}

/** With keepalive the request goes out even if the page is left at once. */
export const remove = (image) => ask(image.links.self, { method: "DELETE", keepalive: true });

/**
 * Sends a form, and gives the image. onsent is called with the sent part of it, 0 to 1.
 * XMLHttpRequest, because fetch tells nothing of an upload's progress.
 */
export function upload(body, { signal, onsent }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    request.open("POST", images);
    for (const [name, value] of Object.entries(HEADERS)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded, total }) => onsent(total ? loaded / total : 0);
    request.upload.onload = () => onsent(1);
    request.onload = () => {
      const { status, responseText } = request;
      try {
        if (status === 200) return resolve(JSON.parse(responseText));
      } catch {
        // A network that asks people to log in first answers with a page of its own.
      }
      reject(failure(status, responseText, request.getResponseHeader("Retry-After")));
    };
    request.onerror = () => reject(failure(0));
    request.onabort = () => reject(signal.reason);
    request.onloadend = () => signal.removeEventListener("abort", abort);
    signal.addEventListener("abort", abort);
    request.send(body);
  });
}
