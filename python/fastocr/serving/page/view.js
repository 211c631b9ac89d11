// The page with the boxes of its lines over it.

import { linesOf } from "./reading.js";
import { placed, sizeAsRead } from "./picture.js";

const SVG = "http://www.w3.org/2000/svg";
const LARGEST = 8;
const LARGEST_FIT = 2;
const ZOOM_STEP = 1.25;

export class PageView {
  /**
   * @param {import("./selection.js").Selection} selection
   * @param {(index: number) => void} activate called when a box is clicked
   */
  constructor(selection, activate) {
    this.stage = document.getElementById("stage");
    this.sheet = document.getElementById("sheet");
    this.image = document.getElementById("picture");
    this.overlay = document.getElementById("overlay");
    this.note = document.getElementById("picture-note");
    this.size = { width: 1, height: 1 };
    /** @type {?number} CSS pixels for a pixel of the page; null: to fit */
    this.scale = null;
    /** @type {SVGPolygonElement[]} */
    this.boxes = [];
    selection.follow(this.overlay, () => this.boxes, activate);
    selection.onChange((index, source) => this.#mark(index, source));
    this.#listen();
  }

  /**
   * @param {import("./reading.js").Page} page
   * @param {?import("./picture.js").Picture} file the file, if the browser can show it
   */
  show(page, file) {
    this.size = page.error ? { width: 1, height: 1 } : sizeAsRead(page);
    this.stage.hidden = Boolean(page.error);
    this.stage.style.setProperty("--ratio", String(this.size.height / this.size.width));
    this.#showPicture(page.error ? null : placed(page, file));
    this.note.hidden = !this.image.hidden || Boolean(page.error);
    this.#showBoxes(linesOf(page));
    this.zoom(null);
  }

  /** @param {?number} scale null: the whole page */
  zoom(scale) {
    const fit = this.#fittingScale();
    const smallest = Math.min(fit, 1) / 2;
    this.scale = scale && Math.min(Math.max(scale, smallest), LARGEST);
    const drawn = this.scale ?? fit;
    this.sheet.style.width = `${this.size.width * drawn}px`;
    this.sheet.style.height = `${this.size.height * drawn}px`;
  }

  /**
   * Zooms by a factor; the place at (x, y) in the window stays where it is.
   * @param {number} factor
   */
  zoomBy(factor, x = middle(this.stage).x, y = middle(this.stage).y) {
    const before = this.sheet.getBoundingClientRect();
    this.zoom((this.scale ?? this.#fittingScale()) * factor);
    const after = this.sheet.getBoundingClientRect();
    const growth = after.width / before.width;
    this.stage.scrollBy(
      after.left + (x - before.left) * growth - x,
      after.top + (y - before.top) * growth - y,
    );
  }

  #fittingScale() {
    const style = getComputedStyle(this.stage);
    const width = this.stage.clientWidth - 2 * parseFloat(style.paddingLeft);
    const height = this.stage.clientHeight - 2 * parseFloat(style.paddingTop);
    const scale = Math.min(width / this.size.width, height / this.size.height, LARGEST_FIT);
    return Math.max(scale, 0.001);
  }

  #showPicture(picture) {
    const shown = this.image.getAttribute("src");
    this.image.hidden = picture === null;
    if (picture === null) {
      this.image.removeAttribute("src");
    } else {
      Object.assign(this.image.style, picture.style);
      this.image.src = URL.createObjectURL(picture.blob);
    }
    if (shown) URL.revokeObjectURL(shown);
  }

  #showBoxes(lines) {
    const { width, height } = this.size;
    this.overlay.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.boxes = lines.map(box);
    this.overlay.replaceChildren(...lines.flatMap(({ words }) => words.map(word)), ...this.boxes);
  }

  #mark(index, source) {
    this.overlay.querySelector(".active")?.classList.remove("active");
    if (index === null) return;
    const marked = this.boxes[index];
    marked.classList.add("active");
    if (source !== this.overlay) scrollInto(this.stage, marked);
  }

  #listen() {
    new ResizeObserver(() => this.scale === null && this.zoom(null)).observe(this.stage);
    // Pinching on a touch pad arrives as a turned wheel with Ctrl.
    const wheel = (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.zoomBy(Math.exp(-event.deltaY / 200), event.clientX, event.clientY);
    };
    this.stage.addEventListener("wheel", wheel, { passive: false });
    this.stage.addEventListener("keydown", (event) => this.#zoomByKey(event));
    onClick("zoom-in", () => this.zoomBy(ZOOM_STEP));
    onClick("zoom-out", () => this.zoomBy(1 / ZOOM_STEP));
    onClick("zoom-fit", () => this.zoom(null));
    onClick("toggle-boxes", ({ currentTarget }) => {
      const hidden = this.overlay.classList.toggle("hidden");
      currentTarget.setAttribute("aria-pressed", String(!hidden));
    });
  }

  #zoomByKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "+" || event.key === "=") this.zoomBy(ZOOM_STEP);
    if (event.key === "-") this.zoomBy(1 / ZOOM_STEP);
    if (event.key === "0") this.zoom(null);
  }
}

function onClick(id, listener) {
  document.getElementById(id).addEventListener("click", listener);
}

/** @returns {SVGPolygonElement} */
function box({ text, score, polygon }, index) {
  const element = document.createElementNS(SVG, "polygon");
  element.setAttribute("points", polygon.map((point) => point.join(",")).join(" "));
  element.setAttribute("class", "box");
  element.setAttribute("role", "button");
  element.setAttribute("tabindex", index === 0 ? "0" : "-1");
  element.setAttribute("aria-label", `${text}, score ${percent(score)}`);
  return element;
}

function word([left, top, right, bottom]) {
  const element = document.createElementNS(SVG, "rect");
  element.setAttribute("class", "word");
  element.setAttribute("x", left);
  element.setAttribute("y", top);
  element.setAttribute("width", right - left);
  element.setAttribute("height", bottom - top);
  return element;
}

/** @param {number} score */
export function percent(score) {
  return `${(100 * score).toFixed(1)} %`;
}

function middle(element) {
  const { left, top, width, height } = element.getBoundingClientRect();
  return { x: left + width / 2, y: top + height / 2 };
}

/** Scrolls an area, and nothing around it, as little as shows the element. */
export function scrollInto(area, element) {
  const outer = area.getBoundingClientRect();
  const inner = element.getBoundingClientRect();
  area.scrollBy(
    outside(inner.left, inner.right, outer.left, outer.right),
    outside(inner.top, inner.bottom, outer.top, outer.bottom),
  );
}

function outside(begin, end, least, most) {
  if (begin < least) return begin - least;
  return end > most ? Math.min(end - most, begin - least) : 0;
}
