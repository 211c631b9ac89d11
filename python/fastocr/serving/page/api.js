// Requests to the service. Addresses are relative to the page, so that a proxy may add a prefix.

/**
 * What `/info` tells.
 * @typedef {object} Info
 * @property {string} version
 * @property {?Object<string, boolean>} switches steps that are loaded; null while they are loaded
 * @property {boolean} auth whether a key is needed
 * @property {{maxBodyBytes: number, maxPages: number, maxPixels: ?number}} limits
 */

/**
 * A line of the answer of `/ocr/stream`.
 * @typedef {object} StreamLine
 * @property {number} [pageIndex] missing in the last line
 * @property {boolean} [done]
 * @property {any} [result]
 * @property {number} errorCode
 * @property {string} errorMsg
 */

/** The service refuses a request. */
export class RefusedError extends Error {
  /**
   * @param {string} message a sentence for people
   * @param {number} status HTTP status
   * @param {number} retryAfter seconds; 0 if the service does not say
   */
  constructor(message, status, retryAfter = 0) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** There is no answer, or it ends too early. */
export class ConnectionError extends Error {}

/**
 * @param {string} path
 * @param {RequestInit} [options]
 */
async function request(path, options) {
  try {
    return await fetch(new URL(path, document.baseURI), options);
  } catch (error) {
    throw lost(error);
  }
}

/** @param {unknown} error what `fetch` or a reader of its answer threw */
function lost(error) {
  const cancelled = error instanceof DOMException && error.name === "AbortError";
  return cancelled ? error : new ConnectionError("The service cannot be reached.");
}

/** @returns {Promise<Info>} */
export async function fetchInfo() {
  const response = await request("info");
  if (!response.ok) throw await refusal(response);
  return response.json();
}

/**
 * Sends a file and yields the lines of the answer, the last one included.
 * @param {Blob} file
 * @param {Object<string, string>} options query parameters
 * @param {string} key API key; empty: none
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<StreamLine>}
 * @throws {RefusedError | ConnectionError}
 */
export async function* readPages(file, options, key, signal) {
  const headers = { "Content-Type": "application/octet-stream" };
  if (key) headers["X-API-Key"] = key;
  const path = `ocr/stream?${new URLSearchParams(options)}`;
  const response = await request(path, { method: "POST", body: file, headers, signal });
  if (!response.ok) throw await refusal(response);
  let complete = false;
  for await (const text of textLines(response.body)) {
    const line = JSON.parse(text);
    if (line.done && line.errorCode) throw new RefusedError(line.errorMsg, line.errorCode);
    yield line;
    complete = Boolean(line.done);
  }
  if (!complete) throw new ConnectionError("The connection was lost before the last page.");
}

/**
 * @param {ReadableStream<Uint8Array>} stream
 * @returns {AsyncGenerator<string>}
 */
async function* textLines(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let begun = []; // parts of a line, which may be megabytes long
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const [first, ...others] = value.split("\n");
      begun.push(first);
      for (const next of others) {
        yield begun.join("");
        begun = [next];
      }
    }
  } catch (error) {
    throw lost(error);
  } finally {
    reader.cancel().catch(() => {});
  }
}

/**
 * @param {Response} response one that is no success
 * @returns {Promise<RefusedError>}
 */
async function refusal(response) {
  const answer = await response.json().catch(() => ({}));
  const message = answer.errorMsg ?? `The service answered with status ${response.status}.`;
  const retryAfter = Number(response.headers.get("Retry-After")) || 0;
  return new RefusedError(readable(message), response.status, retryAfter);
}

/**
 * Wrong options are reported as a list in JSON.
 * @param {string} message
 */
function readable(message) {
  try {
    const problems = JSON.parse(message);
    return problems.map(({ loc, msg }) => `${loc.split(".").pop()}: ${msg}`).join("; ");
  } catch {
    return message;
  }
}
