// Files come in here, whether they are chosen, dropped, pasted or taken with the camera.

import { byId } from "./dom.js";

/** Picks the files alone, because browsers list a dropped folder as if it were a file. */
function filesOf(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const folders = items.filter((item) => item.webkitGetAsEntry?.()?.isDirectory);
  return { files: items.filter((i) => !folders.includes(i)).map((i) => i.getAsFile()), folders: folders.length };
}

/** Starts listening. onfiles is called with the files and the number of folders left out. */
export function start(onfiles) {
  const drop = byId("drop");
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  let depth = 0; // dragenter and dragleave also come from elements inside

  for (const input of [byId("file"), byId("camera")]) {
    input.hidden = false;
    input.required = false;
    input.addEventListener("change", () => {
      onfiles([...input.files], 0);
      input.value = ""; // so that the same file can be chosen again
    });
  }
  byId("file").multiple = true;

  // The whole page takes drops, because the browser would open a file dropped elsewhere in its place.
  addEventListener("dragenter", (event) => {
    if (hasFiles(event)) drop.classList.toggle("over", ++depth > 0);
  });
  addEventListener("dragleave", (event) => {
    if (hasFiles(event)) drop.classList.toggle("over", --depth > 0);
  });
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    drop.classList.remove("over");
    const { files, folders } = filesOf(event.dataTransfer);
    onfiles(files, folders);
  });

  document.addEventListener("paste", (event) => {
    const { files } = filesOf(event.clipboardData);
    if (files.length === 0) return; // the pasted text is for a field
    event.preventDefault();
    onfiles(files, 0);
  });
}
