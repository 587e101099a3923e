// How the page makes and finds elements. Text is always text, never markup.

export const byId = (id) => document.getElementById(id);

/** Makes an element. Properties named on… become listeners, unknown ones become attributes. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** Shows an image, or an empty plate if that fails. */
export function present(image, address) {
  image.addEventListener("error", () => (image.src = "icon.svg"), { once: true });
  image.src = address;
  return image;
}

/** Makes a button whose name for a screen reader also says what it is about. */
export const button = (label, about, onclick) =>
  element("button", { type: "button", class: "plain", "aria-label": `${label} ${about}`, onclick }, label);

export const link = (label, about, href, more = {}) =>
  element("a", { class: "plain", href, "aria-label": `${label} ${about}`, ...more }, label);

/** Puts text on the clipboard and tells whether that worked: browsers allow it on secure pages only. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = element("textarea", { value: text, class: "unseen" });
    const before = document.activeElement;
    (before?.closest("dialog") ?? document.body).append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    before?.focus();
    return copied;
  }
}
