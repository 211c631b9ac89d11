// The ways a file comes to the page: chosen, dropped anywhere, pasted.

/**
 * @param {(file: File) => void} take
 * @param {(message: string) => void} say tells why nothing was taken
 */
export function listen(take, say) {
  const input = document.getElementById("file");
  document.getElementById("choose").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    takeFirst(input.files);
    input.value = ""; // the same file may be chosen again
  });

  const hint = document.getElementById("drop-hint");
  addEventListener("dragover", (event) => {
    if (isForField(event)) return;
    event.preventDefault();
    hint.hidden = !hasFiles(event);
  });
  addEventListener("dragleave", ({ relatedTarget }) => {
    if (relatedTarget === null) hint.hidden = true; // it has left the window
  });
  addEventListener("drop", (event) => {
    if (isForField(event)) return;
    event.preventDefault(); // or the browser would leave the page for what was dropped
    hint.hidden = true;
    if (!takeFirst(event.dataTransfer.files)) say("That is no file. Save it first.");
  });

  addEventListener("paste", (event) => {
    if (takeFirst(event.clipboardData.files)) event.preventDefault();
    else if (!event.target.closest("input")) say("There is no image in the clipboard.");
  });

  /**
   * @param {FileList} files
   * @returns {boolean} whether there is one
   */
  function takeFirst(files) {
    if (files.length > 1) say(`One file at a time: ${files[0].name} is read.`);
    if (files.length) take(files[0]);
    return files.length > 0;
  }
}

function hasFiles({ dataTransfer }) {
  return dataTransfer.types.includes("Files");
}

/** Texts may be dropped into fields. */
function isForField(event) {
  return !hasFiles(event) && event.target.closest("input") !== null;
}
