// The text and the score of the box that is pointed at, beside it.

import { percent } from "./view.js";

const GAP = 8;

export class Tip {
  constructor() {
    this.element = document.getElementById("tip");
    this.text = document.getElementById("tip-text");
    this.score = document.getElementById("tip-score");
    /** @type {?Element} */
    this.box = null;
    addEventListener("scroll", () => this.#place(), { capture: true, passive: true });
    new ResizeObserver(() => this.#place()).observe(document.getElementById("stage"));
  }

  /**
   * @param {Element} box
   * @param {{text: string, score: number}} line
   */
  show(box, { text, score }) {
    this.box = box;
    this.text.textContent = text;
    this.score.textContent = percent(score);
    this.element.hidden = false;
    this.#place();
  }

  hide() {
    this.box = null;
    this.element.hidden = true;
  }

  /** Above the box, or below it where there is no room. */
  #place() {
    if (!this.box) return;
    const box = this.box.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const most = document.documentElement.clientWidth - width - GAP;
    const left = Math.max(GAP, Math.min(box.left + (box.width - width) / 2, most));
    const above = box.top - height - GAP;
    this.element.style.left = `${left}px`;
    this.element.style.top = `${above < GAP ? box.bottom + GAP : above}px`;
  }
}
