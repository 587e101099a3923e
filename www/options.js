// The options of an upload: the page adopts what the server offers, remembers the fields in this
// browser, and tells what is to be sent.

import { offer } from "./api.js";
import { byId, element } from "./dom.js";
import { fileSize, say } from "./messages.js";

const KEY = "tintype.options";
const OWN_TEXT = "text:"; // this choice shows the field for a text
const form = byId("form");
const [width, height, format, quality] = ["width", "height", "format", "quality"].map(byId);
const [preset, result, watermark, ownText] = ["preset", "result", "watermark", "watermark-text"].map(byId);
const fields = () => byId("options").querySelectorAll("input, select");

const defaultOf = (field) =>
  field.options ? ([...field.options].find((o) => o.defaultSelected) ?? field.options[0]).value : field.defaultValue;

/** Remembers changed fields alone, so that the others follow the server. */
function remember() {
  const changed = [...fields()].filter((field) => field.value !== defaultOf(field));
  try {
    localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(changed.map((f) => [f.id, f.value]))));
  } catch {
    // Storage may be full or forbidden. The options then last as long as the page.
  }
}

function recall() {
  let values = {};
  try {
    values = JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    // The stored text cannot be read, so the defaults stand.
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

/** Shows only the fields that have an effect. */
function show() {
  result.disabled = preset.value !== "";
  quality.closest(".field").hidden = format.value === "png";
  ownText.required = watermark.value === OWN_TEXT;
  ownText.closest(".field").hidden = !ownText.required;
  byId("position").closest(".field").hidden = watermark.value === "false";
  byId("summary").textContent = summary();
}

/** Tells whether the server will take the fields' values, and shows the first that is wrong. */
export function check() {
  const wrong = [...fields()].find((field) => !field.closest(".field").hidden && !field.checkValidity());
  if (!wrong) return true;
  byId("options").open = true;
  wrong.reportValidity();
  say(`${wrong.labels[0].textContent}: ${wrong.validationMessage}`);
  return false;
}

/** Gives the options as [name, value] pairs. The server chooses what is left empty. */
export function current() {
  const pairs = new Map([...new FormData(form)].filter(([name, value]) => name !== "file" && value !== ""));
  if (format.value === "png") pairs.delete("quality");
  if (preset.value) pairs.set("preset", preset.value);
  if (watermark.value === OWN_TEXT) pairs.set("watermark", ownText.value);
  if (watermark.value === "false") pairs.delete("watermark_position");
  return [...pairs];
}

function setDefault(field, value) {
  if (!field.options) field.defaultValue = value;
  else for (const choice of field.options) choice.defaultSelected = choice.value === value;
}

/** Sets limits, defaults and choices to those of the server. */
function adopt({ maxBodyBytes, defaults, presets, watermark: { configured, text } }) {
  form.dataset.maxBytes = maxBodyBytes;
  byId("limit").textContent = fileSize(maxBodyBytes);
  for (const field of result.querySelectorAll("input, select")) setDefault(field, String(defaults[field.id] ?? ""));
  preset.append(...presets.map((name) => element("option", { value: name }, name)));
  preset.closest(".field").hidden = presets.length === 0;
  // Choices go that the server would refuse, or that would draw nothing.
  for (const choice of [...watermark.options])
    if ((choice.value === OWN_TEXT && !text) || (choice.value === "true" && !configured)) choice.remove();
  watermark.closest(".fields").hidden = !text && !configured;
}

/** Settles once the fields hold the server's values, or the page's own if it does not answer. */
export async function start() {
  for (const choice of form.querySelectorAll("option:disabled")) choice.disabled = false;
  watermark.append(element("option", { value: OWN_TEXT }, "This text"));
  preset.disabled = false;
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
  try {
    adopt(await offer());
  } catch {
    return; // the server is older, or does not answer now
  }
  recall();
  show();
}
