/** Providers as every page sees them: asked for as long as a page shows one, whenever an event says that
 *  something changed, and now and then for what is only counted. */

import { createSubscriber } from 'svelte/reactivity';
import { providers as ask, route as change } from '$lib/api/calls';
import { asFault, type Fault } from '$lib/api/fault';
import type {
  Provider,
  ProviderElsewhere,
  ProviderModel,
  Providers,
  RoutingChange,
} from '$lib/api/types';
import { mesh } from './mesh.svelte';

const LOOK_MS = 30_000;

class Elsewhere {
  #seen = $state.raw<Providers | null>(null);
  #fault = $state.raw<Fault | null>(null);
  /** What was asked for before something changed here tells of the time before. */
  #turn = 0;
  #subscribe = createSubscriber(() => {
    const stop = $effect.root(() => {
      $effect(() => {
        void mesh.providers;
        void this.look();
      });
    });
    const timer = setInterval(() => void this.look(), LOOK_MS);
    return () => {
      stop();
      clearInterval(timer);
    };
  });

  get seen(): Providers | null {
    this.#subscribe();
    return this.#seen;
  }

  get fault(): Fault | null {
    return this.#fault;
  }

  async look(): Promise<void> {
    const turn = ++this.#turn;
    try {
      const seen = await ask();
      if (turn === this.#turn) [this.#seen, this.#fault] = [seen, null];
    } catch (thrown) {
      if (turn === this.#turn) this.#fault = asFault(thrown);
    }
  }

  async route(wanted: Partial<RoutingChange>): Promise<void> {
    this.#turn += 1;
    const routing = await change(wanted);
    this.#turn += 1;
    if (this.#seen) this.#seen = { ...this.#seen, routing };
  }

  of(id: string): Provider | undefined {
    return this.seen?.providers.find((provider) => provider.id === id);
  }

  /** Those of other computers that have this id there, or here. */
  far(id: string): ProviderElsewhere[] {
    const all = this.seen?.elsewhere ?? [];
    return all.filter((one) => one.id === id || one.id.startsWith(`${id}.`));
  }

  /** The model as it stands here, or else where it stands best. */
  model(id: string, name: string): ProviderModel | undefined {
    const own = this.of(id)?.models.find((model) => model.name === name);
    if (own) return own;
    const bare = name.slice(name.indexOf('/') + 1);
    const far = this.far(id).flatMap((one) =>
      one.models.filter((model) => model.name === `${one.id}/${bare}`),
    );
    return far.find(({ state }) => state === 'ready') ?? far[0];
  }
}

export const elsewhere = new Elsewhere();
