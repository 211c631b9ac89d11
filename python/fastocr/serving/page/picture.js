// Which picture shows a page, and how it lies under boxes, which are on the page as it was read:
// turned upright and flattened.

/**
 * A file that the browser can show, in pixels after its EXIF orientation.
 * @typedef {{blob: Blob, width: number, height: number}} Picture
 */

/**
 * A picture of a page. `style` places it in an element that has the page's shape.
 * @typedef {{blob: Blob, style: Object<string, string>}} Placed
 */

// Browsers that show PDF or TIFF as an image show one page only, in a size of their own.
const DOCUMENTS = [/^%PDF/, /^II\*\0/, /^MM\0\*/];

/**
 * Returns the file as a picture, or null if the browser cannot show it.
 * @param {Blob} file
 * @returns {Promise<?Picture>}
 */
export async function pictureOf(file) {
  const head = String.fromCharCode(...new Uint8Array(await file.slice(0, 8).arrayBuffer()));
  if (DOCUMENTS.some((sign) => sign.test(head))) return null;
  const url = URL.createObjectURL(file);
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    return { blob: file, width: image.naturalWidth, height: image.naturalHeight };
  } catch {
    return null;
  } finally {
    URL.revokeObjectURL(url);
  }
}

/**
 * Returns the size of a page as it was read.
 * @param {import("./reading.js").Page} page
 */
export function sizeAsRead(page) {
  const { width, height } = page;
  return angleOf(page) % 180 ? { width: height, height: width } : { width, height };
}

/**
 * Returns what shows the page, or null.
 * @param {import("./reading.js").Page} page
 * @param {?Picture} file
 * @returns {?Placed}
 */
export function placed(page, file) {
  if (flattened(page)) return page.stages && { blob: page.stages, style: lastStage(page) };
  const fits = file !== null && file.width === page.width && file.height === page.height;
  const blob = fits ? file.blob : page.input;
  return blob && { blob, style: turned(page) };
}

/** By how many degrees the page was turned counter-clockwise. */
function angleOf(page) {
  return Math.max(0, page.pruned.doc_preprocessor_res?.angle ?? 0);
}

function flattened(page) {
  return Boolean(page.pruned.doc_preprocessor_res?.model_settings.use_doc_unwarping);
}

/** The picture of the page as it came is turned about the middle. */
function turned(page) {
  const { width, height } = sizeAsRead(page);
  const angle = angleOf(page);
  const [across, down] = angle % 180 ? [height / width, width / height] : [1, 1];
  return {
    left: "50%",
    top: "50%",
    width: percent(across),
    height: percent(down),
    transform: `translate(-50%, -50%) rotate(${-angle}deg)`,
  };
}

/** Of three pictures side by side, the last one is in sight. */
function lastStage(page) {
  const { width } = sizeAsRead(page);
  const before = page.width + width;
  return {
    left: percent(-before / width),
    top: "0",
    width: percent((before + width) / width),
    height: "auto",
    transform: "none",
  };
}

function percent(ratio) {
  return `${100 * ratio}%`;
}
