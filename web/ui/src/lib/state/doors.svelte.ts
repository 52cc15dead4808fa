/** Who may come in: what this computer shows while it belongs to no mesh, and who asks at its door.
 *  Asked for each second, as long as a page shows it: to look is to keep the door open. */

import { createSubscriber } from 'svelte/reactivity';
import { askIn, doors as ask } from '$lib/api/calls';
import type { Pairing } from '$lib/api/types';
import { mesh } from './mesh.svelte';

const LOOK_MS = 1_000;

class Doors {
  #seen = $state.raw<Pairing | null>(null);
  #asking = false;
  #subscribe = createSubscriber(() => {
    void this.look();
    const timer = setInterval(() => void this.look(), LOOK_MS);
    return () => clearInterval(timer);
  });

  get seen(): Pairing | null {
    this.#subscribe();
    return this.#seen;
  }

  /** `again`: a person opens the door once more, after too many wrong digits. */
  async look(again = false): Promise<void> {
    if (this.#asking && !again) return;
    this.#asking = true;
    try {
      this.#seen = mesh.status?.mesh === null ? await askIn(again) : await ask();
    } catch {
      // The page says by itself that there is no contact; until then the last that was known stays.
    } finally {
      this.#asking = false;
    }
  }
}

export const doors = new Doors();
