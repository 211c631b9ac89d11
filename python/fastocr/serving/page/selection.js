// The line that is pointed at, in the picture or in the list, and how keys move it.

const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

/**
 * What is told of a change.
 * @callback Listener
 * @param {?number} index of the line; null: none
 * @param {?Element} source where it was pointed at
 */

export class Selection {
  constructor() {
    /** @type {?number} */
    this.index = null;
    /** @type {Listener[]} */
    this.listeners = [];
  }

  /** @param {Listener} listener */
  onChange(listener) {
    this.listeners.push(listener);
  }

  /**
   * @param {?number} index
   * @param {?Element} source
   */
  set(index, source = null) {
    if (index === this.index) return;
    this.index = index;
    for (const listener of this.listeners) listener(index, source);
  }

  /**
   * Follows pointer, focus and keys among the items in an element. One of them is a tab stop, arrow
   * keys move to the others.
   * @param {Element} container
   * @param {() => Element[]} items
   * @param {(index: number) => void} activate called for a click, Enter and the space bar
   */
  follow(container, items, activate) {
    const indexOf = (element) => {
      const index = items().findIndex((item) => item.contains(element));
      return index < 0 ? null : index;
    };
    const point = ({ target }) => this.set(indexOf(target), container);
    container.addEventListener("pointerover", point);
    container.addEventListener("pointerleave", ({ pointerType }) => {
      if (pointerType === "touch") return; // a finger leaves at once; what it touched stays
      this.set(indexOf(container.querySelector(":focus-visible")), container);
    });
    container.addEventListener("focusin", (event) => {
      const index = indexOf(event.target);
      if (index !== null) moveTabStop(items(), index);
      point(event);
    });
    container.addEventListener("focusout", () => this.set(null, container));
    container.addEventListener("click", ({ target }) => {
      const index = indexOf(target);
      if (index !== null) activate(index);
    });
    container.addEventListener("keydown", (event) => {
      const index = indexOf(event.target);
      if (index !== null) this.#key(event, items(), index, activate);
    });
  }

  #key(event, items, index, activate) {
    const next = items[neighbour(event.key, index, items.length)];
    const pressed = event.key === "Enter" || event.key === " ";
    if (event.key === "Escape") {
      this.set(null);
    } else if (next) {
      event.preventDefault();
      next.focus();
    } else if (pressed && !(items[index] instanceof HTMLButtonElement)) {
      event.preventDefault();
      activate(index);
    }
  }
}

/**
 * Makes one item the one that the tab key reaches.
 * @param {Element[]} items
 * @param {number} index
 */
function moveTabStop(items, index) {
  items.forEach((item, i) => item.setAttribute("tabindex", i === index ? "0" : "-1"));
}

/** Returns where a key leads; no index if nowhere. */
function neighbour(key, index, count) {
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  return key in STEPS ? index + STEPS[key] : -1;
}
