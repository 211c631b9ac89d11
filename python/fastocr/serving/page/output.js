// Ways out of the page: clipboard and files.

/**
 * Copies a text; throws if the browser does not allow it.
 * @param {string} text
 */
export async function copy(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
  } else {
    copySelected(text);
  }
}

/** Pages that do not come by HTTPS or from this machine have no other way. */
function copySelected(text) {
  const focused = document.activeElement;
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (focused instanceof Element) focused.focus();
  if (!done) throw new Error("copying is not allowed");
}

/**
 * @param {string} name
 * @param {Blob} blob
 */
export function download(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser needs the address a little longer than the click.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
