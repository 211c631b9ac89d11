// What goes on, for eyes and for screen readers: work in progress, what is done, what went wrong.

const TOAST_SECONDS = 3;

export class Status {
  /** @param {{cancel: () => void, retry: () => void}} actions */
  constructor({ cancel, retry }) {
    this.progress = document.getElementById("progress");
    this.progressText = document.getElementById("progress-text");
    this.failure = document.getElementById("failure");
    this.error = document.getElementById("error");
    this.retry = document.getElementById("retry");
    this.toast = document.getElementById("toast");
    this.announced = document.getElementById("status");
    this.timer = 0;
    document.getElementById("cancel").addEventListener("click", cancel);
    document.getElementById("dismiss").addEventListener("click", () => this.clear());
    this.retry.addEventListener("click", retry);
  }

  /** @param {string} text */
  working(text) {
    hide(this.failure);
    this.progress.hidden = false;
    this.progressText.textContent = text;
    this.announce(text);
  }

  /**
   * Shows how long it is until the next try; the seconds are not read aloud one by one.
   * @param {string} why
   * @param {number} seconds
   */
  waiting(why, seconds) {
    this.progressText.textContent = `${why}. Trying again in ${seconds} s.`;
    this.announce(`${why}. Trying again soon.`);
  }

  /**
   * @param {string} text
   * @param {boolean} again whether to try again may help
   */
  failed(text, again) {
    this.clear();
    this.failure.hidden = false;
    this.error.textContent = text;
    this.retry.hidden = !again;
  }

  /** Says something that is soon out of date. */
  say(text) {
    this.announce(text);
    this.toast.textContent = text;
    this.toast.hidden = false;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (this.toast.hidden = true), 1000 * TOAST_SECONDS);
  }

  /** Nothing is in progress, and nothing is wrong. */
  clear() {
    hide(this.progress);
    hide(this.failure);
    this.error.textContent = "";
  }

  /** @param {string} text for screen readers only */
  announce(text) {
    if (this.announced.textContent !== text) this.announced.textContent = text;
  }
}

/** Hides what may have the focus, which then goes to where files are chosen. */
function hide(element) {
  const focused = element.contains(document.activeElement);
  element.hidden = true;
  if (focused) document.getElementById("choose").focus({ preventScroll: true });
}
