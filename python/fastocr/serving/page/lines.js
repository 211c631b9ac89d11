// The list of the lines of a page.

import { linesOf } from "./reading.js";
import { percent, scrollInto } from "./view.js";

const UNSURE = 0.8; // lines with a lower score stand out

export class LineList {
  /**
   * @param {import("./selection.js").Selection} selection
   * @param {(index: number) => void} activate called when a line is clicked
   */
  constructor(selection, activate) {
    this.list = document.getElementById("lines");
    this.none = document.getElementById("lines-none");
    this.help = document.getElementById("lines-help");
    /** @type {HTMLButtonElement[]} */
    this.buttons = [];
    selection.follow(this.list, () => this.buttons, activate);
    selection.onChange((index, source) => this.#mark(index, source));
  }

  /** @param {import("./reading.js").Page} page */
  show(page) {
    const lines = linesOf(page);
    this.buttons = lines.map(button);
    this.list.replaceChildren(...this.buttons.map(item));
    this.list.scrollTop = 0;
    this.list.hidden = this.help.hidden = lines.length === 0;
    this.none.hidden = lines.length > 0;
    this.none.textContent = page.error ?? "No text was found on this page.";
  }

  #mark(index, source) {
    this.list.querySelector(".active")?.classList.remove("active");
    if (index === null) return;
    this.buttons[index].classList.add("active");
    if (source !== this.list) scrollInto(this.list, this.buttons[index]);
  }
}

function item(child) {
  const element = document.createElement("li");
  element.append(child);
  return element;
}

function button({ text, score }, index) {
  const element = document.createElement("button");
  element.type = "button";
  element.className = "line";
  element.tabIndex = index === 0 ? 0 : -1;
  element.append(part("line-text", text), part("line-score", percent(score)));
  element.firstElementChild.dir = "auto";
  element.classList.toggle("unsure", score < UNSURE);
  return element;
}

function part(name, text) {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  return element;
}
