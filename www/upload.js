// Sends the form in place: progress, the picture or the error below it, without a change of page.
// Without this file the form posts as any form does, and the server answers with a page.

const form = document.getElementById("form");
const button = form.querySelector("button");
const progress = document.getElementById("progress");
const message = document.getElementById("message");
const result = document.getElementById("result");
const caption = document.getElementById("caption");
const link = document.getElementById("link");
const picture = document.getElementById("picture");
const facts = document.getElementById("facts");

function say(text, isError = false) {
  message.textContent = text;
  message.classList.toggle("error", isError);
}

function kilobytes(bytes) {
  return `${Math.max(1, Math.round(bytes / 1000)).toLocaleString()} kB`;
}

function show(image) {
  caption.textContent = image.filename;
  link.href = image.links.self;
  picture.src = image.links.processed;
  picture.width = image.width;
  picture.height = image.height;
  picture.alt = `Result for ${image.filename}`;
  facts.textContent =
    `${image.width} × ${image.height} pixels, ${image.format}, ${kilobytes(image.size)}; ` +
    `from ${image.original.width} × ${image.original.height}, ${kilobytes(image.original.size)}`;
  result.hidden = false;
  result.focus();
}

// The server's sentence where it sent one (problem+json), else what the status alone can tell: the
// web server's own errors are pages.
function explain(request) {
  try {
    const problem = JSON.parse(request.responseText);
    if (problem.detail) return problem.detail;
  } catch {
    // not JSON
  }
  if (request.status === 413) return "The file is too large. Send a smaller one.";
  return `The server answered ${request.status}. Try again later.`;
}

function finish(request) {
  if (request.status !== 200) {
    say(explain(request), true);
    return;
  }
  say("Done.");
  show(JSON.parse(request.responseText));
}

// XMLHttpRequest, since fetch tells nothing about the progress of an upload.
function send() {
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json");
  request.upload.addEventListener("progress", (event) => {
    if (!event.lengthComputable) return;
    progress.value = event.loaded / event.total;
    if (event.loaded === event.total) say("Processing…");
  });
  request.addEventListener("load", () => finish(request));
  request.addEventListener("error", () =>
    say("The connection failed. Check the network, then try again.", true));
  request.addEventListener("loadend", () => {
    progress.hidden = true;
    button.disabled = false;
  });
  progress.value = 0;
  progress.hidden = false;
  result.hidden = true;
  button.disabled = true;
  say("Uploading…");
  request.send(new FormData(form));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
