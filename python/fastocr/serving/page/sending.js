// What happens to a file before it is sent, and while the service is busy.

import { RefusedError } from "./api.js";
import { pictureOf } from "./picture.js";

const BUSY = 503;
const MOST_RETRIES = 5;

/** A file that is not worth sending. */
export class UnfitError extends Error {}

/**
 * Returns the file as a picture, or null if the browser cannot show it.
 * @param {File} file
 * @param {import("./api.js").Info["limits"]} [limits]
 * @throws {UnfitError} a file that cannot be opened, or that the service would refuse
 */
export async function opened(file, limits) {
  checkBytes(file, limits?.maxBodyBytes ?? Infinity);
  const picture = await pictureOf(file).catch(() => {
    throw new UnfitError(`${file.name} cannot be opened. Is it a folder?`);
  });
  if (picture) checkPixels(file, picture, limits?.maxPixels ?? Infinity);
  return picture;
}

function checkBytes({ name, size }, most) {
  if (size === 0) throw new UnfitError(`${name} is empty.`);
  if (size > most) {
    throw new UnfitError(
      `${name} is too large: it has ${bytes(size)}, this service takes ${bytes(most)} at most.`,
    );
  }
}

function checkPixels({ name }, { width, height }, most) {
  if (width * height > most) {
    throw new UnfitError(
      `${name} is too large: it has ${width} × ${height} pixels, this service takes ` +
        `${number(most / 1e6)} million at most.`,
    );
  }
}

/**
 * Returns what `attempt` returns; waits and tries again while the service is busy.
 * @template Result
 * @param {() => Promise<Result>} attempt
 * @param {(message: string, seconds: number) => void} onWait called every second of waiting
 * @param {AbortSignal} signal
 * @returns {Promise<Result>}
 */
export async function persistently(attempt, onWait, signal) {
  for (let retries = 0; ; retries += 1) {
    try {
      return await attempt();
    } catch (error) {
      const passes = error instanceof RefusedError && error.status === BUSY && error.retryAfter;
      if (!passes || retries === MOST_RETRIES) throw error;
      for (let seconds = error.retryAfter; seconds > 0; seconds -= 1) {
        onWait(error.message, seconds);
        await aSecond();
        signal.throwIfAborted();
      }
    }
  }
}

function aSecond() {
  return new Promise((resolve) => setTimeout(resolve, 1000));
}

/** @param {number} count */
export function bytes(count) {
  const megabytes = count / 2 ** 20;
  return megabytes < 1 ? `${number(count / 2 ** 10)} KB` : `${number(megabytes)} MB`;
}

/** @param {number} value */
export function number(value) {
  return value.toLocaleString("en", { maximumFractionDigits: 1 });
}
