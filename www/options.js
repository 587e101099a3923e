// How results are made: the fields, remembered by this browser, and the form that is sent.

import { byId, element } from "./dom.js";
import { say } from "./messages.js";

const KEY = "tintype.options";
const OWN_TEXT = "text:"; // the choice that shows the field for a text
const form = byId("form");
const [width, height, format, quality] = ["width", "height", "format", "quality"].map(byId);
const [preset, result, watermark, ownText] = ["preset", "result", "watermark", "watermark-text"].map(byId);
const fields = () => byId("options").querySelectorAll("input, select");

function remember() {
  try {
    localStorage.setItem(KEY, JSON.stringify(Object.fromEntries([...fields()].map((f) => [f.id, f.value]))));
  } catch {
    // Storage may be full or forbidden: options then last as long as the page.
  }
}

function recall() {
  let values = {};
  try {
    values = JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    // As above.
  }
  for (const field of fields()) {
    const value = values[field.id];
    const known = field.options ? [...field.options].some((choice) => choice.value === value) : true;
    if (typeof value === "string" && known) field.value = value;
  }
}

const chosen = (select) => select.selectedOptions[0].text;

function summary() {
  if (preset.value) return preset.value;
  const box = [width.value || "any", height.value || "any"].join(" × ");
  return [box, chosen(byId("fit")), chosen(byId("grayscale")), chosen(format)].join(" · ");
}

/** Shows only what has an effect. */
function show() {
  result.disabled = preset.value !== "";
  quality.closest(".field").hidden = format.value === "png";
  ownText.closest(".field").hidden = watermark.value !== OWN_TEXT;
  byId("position").closest(".field").hidden = watermark.value === "false";
  byId("summary").textContent = summary();
}

/** Whether the fields hold what the server takes; shows what does not. */
export function check() {
  const wrong = [...fields()].find((field) => !field.closest(".field").hidden && !field.checkValidity());
  if (!wrong) return true;
  byId("options").open = true;
  wrong.reportValidity();
  say(`${wrong.labels[0].textContent}: ${wrong.validationMessage}`);
  return false;
}

/** What is asked now, as [name, value] pairs; what is left empty is the server's to choose. */
export function current() {
  const pairs = new Map([...new FormData(form)].filter(([name, value]) => name !== "file" && value !== ""));
  if (format.value === "png") pairs.delete("quality");
  if (preset.value) pairs.set("preset", preset.value);
  if (watermark.value === OWN_TEXT) pairs.set("watermark", ownText.value);
  if (pairs.get("watermark") === "") pairs.delete("watermark");
  if (watermark.value === "false") pairs.delete("watermark_position");
  return [...pairs];
}

export function start() {
  // One side alone leaves the other free, which a form without a script cannot ask for.
  for (const side of [width, height]) side.required = false;
  for (const choice of form.querySelectorAll("option:disabled")) choice.disabled = false;
  watermark.append(element("option", { value: OWN_TEXT }, "This text"));
  const names = form.dataset.presets.split(/[\s,]+/).filter(Boolean);
  preset.append(...names.map((name) => element("option", { value: name }, name)));
  preset.disabled = false;
  preset.closest(".field").hidden = names.length === 0;
  recall();
  show();
  byId("options").addEventListener("input", () => {
    show();
    remember();
  });
  form.addEventListener("reset", () => {
    // The fields have their values after this event.
    setTimeout(() => {
      show();
      remember();
    });
  });
}
