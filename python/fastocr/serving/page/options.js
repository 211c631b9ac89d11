// The form of the options of a request.

/**
 * @typedef {object} Field
 * @property {string} name as in requests
 * @property {string} label
 * @property {string} help
 * @property {"switch" | "choice" | "number" | "text"} kind
 * @property {boolean} [step] whether a model of its own has to be loaded for it
 * @property {[string, string][]} [choices] values and their labels
 * @property {string} [unset] what it means to choose nothing, if no value of the service
 * @property {Object<string, string>} [limits] attributes of the input
 */

/** @type {[string, Field[]][]} */
const GROUPS = [
  [
    "Before reading",
    [
      {
        name: "useDocOrientationClassify",
        label: "Turn pages upright",
        help: "For pages that lie on their side or upside down.",
        kind: "switch",
        step: true,
      },
      {
        name: "useDocUnwarping",
        label: "Flatten bent pages",
        help: "For photographs of books and folded sheets.",
        kind: "switch",
        step: true,
      },
      {
        name: "useTextlineOrientation",
        label: "Turn upside-down lines",
        help: "For pages on which some lines are upside down.",
        kind: "switch",
        step: true,
      },
    ],
  ],
  [
    "Finding lines",
    [
      {
        name: "textDetLimitType",
        label: "Scale pages",
        help: "What the limit below says of pages before lines are looked for.",
        kind: "choice",
        choices: [
          ["max", "longer side at most"],
          ["min", "shorter side at least"],
          ["resize_long", "longer side exactly"],
        ],
      },
      {
        name: "textDetLimitSideLen",
        label: "Side limit",
        help: "Pixels. More finds smaller text and takes longer.",
        kind: "number",
        limits: { min: "1", step: "1" },
      },
      {
        name: "textDetThresh",
        label: "Pixel threshold",
        help: "0 to 1. Pixels with a higher probability are text.",
        kind: "number",
        limits: { min: "0", step: "any" },
      },
      {
        name: "textDetBoxThresh",
        label: "Line threshold",
        help: "0 to 1. Lower finds fainter lines, and more that are none.",
        kind: "number",
        limits: { min: "0", step: "any" },
      },
      {
        name: "textDetUnclipRatio",
        label: "Growth of boxes",
        help: "How far boxes are grown around the text; more than 0.",
        kind: "number",
        limits: { min: "0", step: "any" },
      },
    ],
  ],
  [
    "Result",
    [
      {
        name: "textRecScoreThresh",
        label: "Least score",
        help: "0 to 1. Lines with a lower score are left out.",
        kind: "number",
        limits: { min: "0", step: "any" },
      },
      {
        name: "returnWordBox",
        label: "Boxes of words",
        help: "Also show where the words of each line are.",
        kind: "switch",
      },
      {
        name: "visualize",
        label: "Pictures from the service",
        help: "On: also the page with its boxes drawn into it, to download.",
        kind: "switch",
        unset: "where the browser needs them",
      },
    ],
  ],
  [
    "Request",
    [
      {
        name: "fileType",
        label: "Kind of file",
        help: "A file of another kind is refused.",
        kind: "choice",
        unset: "either",
        choices: [
          ["1", "image"],
          ["0", "PDF"],
        ],
      },
      {
        name: "logId",
        label: "Name in the log",
        help: "To find the request in the service’s log.",
        kind: "text",
        limits: { maxlength: "256" },
      },
    ],
  ],
];
const OPTIONS = GROUPS.flatMap(([, options]) => options);
const SWITCH = [
  ["true", "on"],
  ["false", "off"],
];

/** The options that were chosen; those of the service are left out of requests. */
export class OptionsForm {
  /**
   * @param {HTMLFormElement} form
   * @param {HTMLElement} fields where the fields go
   */
  constructor(form, fields) {
    this.form = form;
    fields.append(...GROUPS.map(([title, options]) => group(title, options)));
  }

  /**
   * Shows the service's own values, and which steps it does not have.
   * @param {import("./api.js").Info} info
   */
  describe({ switches, defaults }) {
    const own = { ...defaults, ...switches };
    for (const { name, step, help, unset } of OPTIONS) {
      const field = this.form.elements[name];
      if (!unset) showDefault(field, own[name]);
      if (step) this.#allow(field, help, switches);
    }
  }

  /** The query parameters of a request. */
  values() {
    const given = OPTIONS.map(({ name }) => [name, this.form.elements[name]])
      .filter(([, field]) => !field.disabled && field.value !== "")
      .map(([name, field]) => [name, field.value]);
    return Object.fromEntries(given);
  }

  /** Whether all values are allowed; if not, the browser points at the first one that is not. */
  check() {
    if (this.form.checkValidity()) return true;
    const panel = this.form.closest("details");
    panel.open = true;
    return this.form.reportValidity();
  }

  #allow(field, help, switches) {
    const missing = switches !== null && !switches[field.name];
    field.disabled = missing;
    if (missing) field.value = "";
    const text = document.getElementById(`${field.id}-help`);
    text.textContent = missing ? "Not available: its model is not loaded in this service." : help;
  }
}

function group(title, options) {
  const set = document.createElement("fieldset");
  const legend = document.createElement("legend");
  legend.textContent = title;
  set.append(legend, ...options.map(row));
  return set;
}

/** @param {Field} option */
function row({ name, label, help, kind, choices, unset, limits }) {
  const element = document.createElement("div");
  element.className = "field";
  const caption = document.createElement("label");
  const text = document.createElement("p");
  const field = kind === "number" || kind === "text" ? input(kind, limits) : select(choices, unset);
  field.id = `option-${name}`;
  field.name = name;
  field.setAttribute("aria-describedby", `${field.id}-help`);
  caption.htmlFor = field.id;
  caption.textContent = label;
  text.id = `${field.id}-help`;
  text.className = "muted small";
  text.textContent = help;
  element.append(caption, field, text);
  return element;
}

function input(kind, limits) {
  const field = document.createElement("input");
  field.type = kind;
  field.autocomplete = "off";
  for (const [attribute, value] of Object.entries(limits)) field.setAttribute(attribute, value);
  return field;
}

function select(choices = SWITCH, unset = "default") {
  const field = document.createElement("select");
  field.append(...[["", unset], ...choices].map(([value, label]) => new Option(label, value)));
  return field;
}

/** A field in which nothing is chosen shows the service's own value, if it is known. */
function showDefault(field, value) {
  if (field instanceof HTMLInputElement) {
    field.placeholder = value ?? "";
    return;
  }
  const own = Array.from(field.options).find((option) => option.value === String(value));
  field.options[0].textContent = own ? `default (${own.textContent})` : "default";
}
