// What was read of a file: its pages, and their texts and JSON.

/** @typedef {[number, number]} Point */

/**
 * One page.
 * @typedef {object} Page
 * @property {any} pruned `prunedResult`
 * @property {number} width of the page as it came, in pixels
 * @property {number} height
 * @property {string} [error] why it could not be read
 * @property {number} [errorCode]
 * @property {?Blob} input the page as it came
 * @property {?Blob} stages the page as it came, turned, and flattened, side by side
 * @property {?Blob} drawn the page with its boxes beside its texts
 */

/** The pages of one file, as far as they have arrived. */
export class Reading {
  /**
   * @param {File} file
   * @param {?import("./picture.js").Picture} picture the file, if the browser can show it
   * @param {boolean} keepDrawn whether `drawn` is wanted
   */
  constructor(file, picture, keepDrawn) {
    this.file = file;
    this.picture = picture;
    this.keepDrawn = keepDrawn;
    /** @type {Page[]} */
    this.pages = [];
    /** @type {any} `dataInfo`; null until all pages are there */
    this.dataInfo = null;
    this.milliseconds = 0;
  }

  /** The name of the file without its ending. */
  get stem() {
    return this.file.name.replace(/\.[^.]*$/, "") || "page";
  }

  /** @param {import("./api.js").StreamLine} line */
  add(line) {
    if (line.done) {
      this.dataInfo = line.result.dataInfo;
    } else if (line.errorCode) {
      this.pages.push(failedPage(line));
    } else {
      this.pages.push(readPage(line.result, this.keepDrawn));
    }
  }

  /** All texts: a line each, an empty line between pages. */
  text() {
    return this.pages.map((page) => linesOf(page).map(({ text }) => text).join("\n")).join("\n\n");
  }

  /** The `result` that `/ocr` answers, without pictures. */
  json() {
    const ocrResults = this.pages.map(({ pruned, errorCode, error }) =>
      errorCode ? { prunedResult: pruned, errorCode, errorMsg: error } : { prunedResult: pruned },
    );
    const result = this.dataInfo ? { ocrResults, dataInfo: this.dataInfo } : { ocrResults };
    return JSON.stringify(result, null, 2);
  }
}

/**
 * The lines of a page in reading order.
 * @param {Page} page
 * @returns {{text: string, score: number, polygon: Point[], words: number[][]}[]}
 */
export function linesOf({ pruned }) {
  return (pruned.rec_texts ?? []).map((text, i) => ({
    text,
    score: pruned.rec_scores[i],
    polygon: pruned.rec_polys[i],
    words: pruned.text_word_boxes?.[i] ?? [],
  }));
}

/** @returns {Page} */
function failedPage({ errorCode, errorMsg }) {
  const none = { width: 0, height: 0, input: null, stages: null, drawn: null };
  return { pruned: { error: errorMsg }, error: errorMsg, errorCode, ...none };
}

/**
 * @param {any} result
 * @param {boolean} keepDrawn
 * @returns {Page}
 */
function readPage(result, keepDrawn) {
  return {
    pruned: result.prunedResult,
    width: result.width,
    height: result.height,
    input: jpeg(result.inputImage),
    stages: jpeg(result.docPreprocessingImage),
    drawn: keepDrawn ? jpeg(result.ocrImage) : null,
  };
}

/**
 * Pictures are kept outside of the script's memory.
 * @param {string} [base64]
 */
function jpeg(base64) {
  if (!base64) return null;
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return new Blob([bytes], { type: "image/jpeg" });
}
