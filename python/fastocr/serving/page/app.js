// The page for people: takes a file, has it read, shows what was read.

import { ConnectionError, RefusedError, fetchInfo, readPages } from "./api.js";
import { listen } from "./intake.js";
import { LineList } from "./lines.js";
import { OptionsForm } from "./options.js";
import { copy, download } from "./output.js";
import { Reading, linesOf } from "./reading.js";
import { Selection } from "./selection.js";
import { UnfitError, bytes, number, opened, persistently } from "./sending.js";
import { Status } from "./status.js";
import { Tip } from "./tip.js";
import { PageView, percent } from "./view.js";

const KEY_NAME = "fastocr-api-key";
const INFO_SECONDS = 2;
const UNAUTHORIZED = 401;
const TIMED_OUT = 408;

const element = (id) => document.getElementById(id);
const onClick = (id, listener) => element(id).addEventListener("click", listener);

const keyField = element("key");
const optionsPanel = element("options");
const options = new OptionsForm(element("options-form"), element("options-fields"));
const status = new Status({ cancel, retry: () => read(file) });
const selection = new Selection();
const view = new PageView(selection, copyLine);
const list = new LineList(selection, copyLine);
const tip = new Tip();

/** @type {?import("./api.js").Info} */
let info = null;
/** @type {?File} the file that was chosen last */
let file = null;
/** @type {?AbortController} of the request in progress */
let request = null;
/** @type {?Reading} what is shown */
let reading = null;
let pageIndex = 0;

// ---- the service ---------------------------------------------------------------------------------

/** Learns what the service can do; asks again until it is ready. */
async function learn() {
  try {
    info = await fetchInfo();
    describe(info);
  } catch {
    element("limits").textContent = "The service cannot be reached. Trying again …";
  }
  if (!info?.switches) setTimeout(learn, 1000 * INFO_SECONDS);
}

function describe({ switches, auth, limits, version }) {
  const most = `up to ${bytes(limits.maxBodyBytes)} and ${number(limits.maxPages)} pages`;
  element("limits").textContent = switches
    ? `PNG, JPEG, WebP, BMP, TIFF, PDF; ${most}`
    : "The service is still loading its models …";
  element("version").textContent = `version ${version} ·`;
  element("key-form").hidden = !auth;
  options.describe(info);
}

function askForKey(message) {
  element("key-form").hidden = false;
  status.failed(message, false);
  keyField.focus();
}

/** @throws {RefusedError} there is none, or one that no request can carry */
function checkedKey() {
  const key = keyField.value;
  if (info?.auth && !key) throw new RefusedError("Please enter the API key first.", UNAUTHORIZED);
  if (/^[ -~]*$/.test(key)) return key;
  throw new RefusedError("The API key has characters that no key has.", UNAUTHORIZED);
}

// ---- reading a file ------------------------------------------------------------------------------

/** @param {File} chosen */
async function read(chosen) {
  file = chosen;
  element("again").hidden = false;
  if (!options.check()) return;
  request?.abort();
  const own = (request = new AbortController());
  try {
    await send(chosen, own.signal);
    if (request === own) status.clear();
  } catch (error) {
    if (request === own) report(error);
  } finally {
    if (request === own) request = null;
  }
}

function cancel() {
  request?.abort();
  request = null;
  status.clear();
  status.say("Cancelled");
}

/**
 * @param {File} chosen
 * @param {AbortSignal} signal
 */
async function send(chosen, signal) {
  const key = checkedKey();
  const chosenOptions = options.values();
  status.working(`Opening ${chosen.name} …`);
  const picture = await opened(chosen, info?.limits);
  const visualize = chosenOptions.visualize ?? String(needsPictures(picture, chosenOptions));
  const attempt = async () => {
    signal.throwIfAborted();
    status.working(`Reading ${chosen.name} …`);
    const next = new Reading(chosen, picture, chosenOptions.visualize === "true");
    const lines = readPages(chosen, { ...chosenOptions, visualize }, key, signal);
    await receive(next, lines, signal);
  };
  await persistently(attempt, (why, seconds) => status.waiting(why, seconds), signal);
}

/** Whether the browser cannot show the page as it is read. */
function needsPictures(picture, { useDocUnwarping }) {
  const flattens = useDocUnwarping ?? String(info?.switches?.useDocUnwarping);
  return picture === null || flattens === "true";
}

/**
 * Shows pages as they come; what was shown before stays until the first one is there.
 * @param {Reading} next
 * @param {AsyncIterable<import("./api.js").StreamLine>} lines
 * @param {AbortSignal} signal
 */
async function receive(next, lines, signal) {
  const begin = performance.now();
  for await (const line of lines) {
    signal.throwIfAborted();
    next.add(line);
    next.milliseconds = performance.now() - begin;
    if (reading === next) showCounts();
    else open(next);
    const count = next.pages.length;
    if (count > 1) status.working(`Reading ${next.file.name}: ${number(count)} pages so far …`);
  }
  status.announce(`${next.file.name}: ${summary(next)}`);
}

function report(error) {
  const begun = reading?.file === file && !reading.dataInfo;
  const before = begun ? `Only the first pages were read (${number(reading.pages.length)}). ` : "";
  if (error instanceof RefusedError && error.status === UNAUTHORIZED) {
    askForKey(error.message);
  } else if (error instanceof RefusedError) {
    const again = error.status >= 500 || error.status === TIMED_OUT;
    status.failed(`${file.name}: ${before}${error.message}`, again);
  } else if (error instanceof ConnectionError) {
    status.failed(before + error.message, true);
  } else if (error instanceof UnfitError) {
    status.failed(error.message, false);
  } else {
    status.failed("This page has failed. Please reload it.", true);
    throw error;
  }
}

// ---- showing it ----------------------------------------------------------------------------------

/** @param {Reading} next */
function open(next) {
  reading = next;
  document.body.classList.add("has-result");
  document.title = `${next.file.name} – fastocr`;
  element("result").hidden = false;
  element("name").textContent = next.file.name;
  showPage(0);
}

function showPage(index) {
  pageIndex = Math.min(Math.max(index, 0), reading.pages.length - 1);
  const page = reading.pages[pageIndex];
  selection.set(null);
  view.show(page, reading.picture);
  list.show(page);
  element("save-picture").hidden = page.drawn === null;
  showCounts();
}

function showCounts() {
  const count = reading.pages.length;
  element("summary").textContent = summary(reading);
  element("pager").hidden = count === 1;
  element("page-count").textContent = reading.dataInfo ? `of ${count}` : `of ${count} so far`;
  element("page-number").max = count;
  element("page-number").value = pageIndex + 1;
  element("previous").disabled = pageIndex === 0;
  element("next").disabled = pageIndex === count - 1;
}

/** @param {Reading} of */
function summary({ pages, dataInfo, milliseconds }) {
  const scores = pages.flatMap((page) => linesOf(page).map(({ score }) => score));
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  const parts = [counted(scores.length, "line")];
  if (pages.length > 1) parts.unshift(counted(pages.length, "page"));
  if (scores.length) parts.push(`mean score ${percent(mean)}`);
  if (dataInfo) parts.push(`${(milliseconds / 1000).toFixed(1)} s`);
  return parts.join(" · ");
}

function counted(count, noun) {
  return `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
}

selection.onChange((index, source) => {
  if (index !== null && source === view.overlay) {
    tip.show(view.boxes[index], linesOf(reading.pages[pageIndex])[index]);
  } else {
    tip.hide();
  }
});

// ---- taking it away ------------------------------------------------------------------------------

/** @param {number} index of a line of the page */
function copyLine(index) {
  const { text } = linesOf(reading.pages[pageIndex])[index];
  copyAndSay(text, `Copied: ${text}`);
}

async function copyAndSay(text, done) {
  try {
    await copy(text);
    status.say(done);
  } catch {
    status.say("The browser does not allow copying.");
  }
}

function ofAllPages() {
  const count = reading.pages.length;
  return count > 1 ? ` of ${number(count)} pages` : "";
}

function save(ending, type, content) {
  download(`${reading.stem}${ending}`, new Blob([content], { type }));
}

onClick("copy-text", () => copyAndSay(reading.text(), `Text${ofAllPages()} copied`));
onClick("copy-json", () => copyAndSay(reading.json(), `JSON${ofAllPages()} copied`));
onClick("save-text", () => save(".txt", "text/plain;charset=utf-8", `${reading.text()}\n`));
onClick("save-json", () => save(".json", "application/json", `${reading.json()}\n`));
onClick("save-picture", () =>
  save(`-${pageIndex + 1}.jpg`, "image/jpeg", reading.pages[pageIndex].drawn),
);

// ---- the controls --------------------------------------------------------------------------------

onClick("previous", () => showPage(pageIndex - 1));
onClick("next", () => showPage(pageIndex + 1));
element("page-number").addEventListener("change", ({ target }) => showPage(Math.round(target.value) - 1));

element("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEY_NAME, keyField.value);
  if (file) read(file);
  else status.say("The key will be sent with each file.");
});

options.form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (file) read(file);
});
options.form.addEventListener("input", showChanged);
// The event comes before the fields are empty.
options.form.addEventListener("reset", () => setTimeout(showChanged));

function showChanged() {
  const count = Object.keys(options.values()).length;
  element("options-changed").hidden = count === 0;
  element("options-changed").textContent = `${count} changed`;
}

addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  tip.hide();
  if (optionsPanel.open && optionsPanel.contains(document.activeElement)) {
    optionsPanel.open = false;
    optionsPanel.querySelector("summary").focus();
  }
});

keyField.value = sessionStorage.getItem(KEY_NAME) ?? "";
listen(read, (message) => status.say(message));
learn();
