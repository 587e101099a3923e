// The script of the page starts each part and joins them. Without it the form is posted as any form
// is, and the server answers with a page.

import * as compare from "./compare.js";
import { byId } from "./dom.js";
import * as gallery from "./gallery.js";
import * as intake from "./intake.js";
import { say } from "./messages.js";
import * as options from "./options.js";
import * as queue from "./queue.js";

function refuse(text) {
  byId("refusal").textContent = text;
}

async function take(files, folders) {
  if (byId("compare").open) return; // the dialog would hide it
  refuse(folders > 0 ? "Folders are not taken. Open them, and drop the pictures." : "");
  if (files.length === 0) return;
  await ready;
  if (options.check()) queue.add(files, options.current());
  else refuse("One of the options is not valid. Correct it, then choose the pictures again.");
}

document.documentElement.classList.add("script");
byId("form").addEventListener("submit", (event) => event.preventDefault());
const ready = options.start();
compare.start();
queue.start({ ondone: gallery.add });
gallery.start({ ondeleted: queue.forget });
intake.start(take);
