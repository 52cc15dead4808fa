/** The time of day as state, for "3 minutes ago". One timer for the whole page. */

import { createSubscriber } from 'svelte/reactivity';

const STEP_MS = 1_000;

class Clock {
  #subscribe = createSubscriber((update) => {
    const timer = setInterval(update, STEP_MS);
    return () => clearInterval(timer);
  });

  /** Unix time in milliseconds, refreshed each second while somebody looks. */
  get now(): number {
    this.#subscribe();
    return Date.now();
  }
}

export const clock = new Clock();
