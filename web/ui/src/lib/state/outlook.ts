/** What asking a model would mean now: where it would most likely run, and how soon. Pure. */

import type { Model, ModelPlace, NodeRef } from '$lib/api/types';

export type Readiness =
  | { kind: 'ready' }
  | { kind: 'soon'; ms: number }
  | { kind: 'loading'; share: number }
  | { kind: 'loads'; ms: number | null }
  | { kind: 'nowhere' }
  /** Not on the mesh: a provider has it. */
  | { kind: 'elsewhere' };

export interface Outlook {
  /** The model, and the provider that has it; none: the mesh has it. */
  model: string;
  provider: string | null;
  node: NodeRef | null;
  readiness: Readiness;
  /** Writing speed there, 0 where it was never measured. */
  rate: number;
}

/** Waits shorter than this are not worth a word. */
const AT_ONCE_MS = 250;

export function outlook(model: Model): Outlook {
  const { name, provider } = model;
  const of = { model: name, provider };
  if (provider !== null) return { ...of, node: null, readiness: { kind: 'elsewhere' }, rate: 0 };
  const place = likely(model);
  if (!place) return { ...of, node: null, readiness: { kind: 'nowhere' }, rate: 0 };
  const { node, decode_tokens_per_s: rate } = place;
  return { ...of, node, readiness: readinessOf(place), rate };
}

function likely(model: Model): ModelPlace | undefined {
  const usable = model.places.filter((place) => place.state.state !== 'unusable');
  return usable.find((place) => place.node.id === model.best?.id) ?? usable[0];
}

function readinessOf({ state, wait_ms: wait }: ModelPlace): Readiness {
  switch (state.state) {
    case 'loaded':
      if (wait !== null && wait > AT_ONCE_MS) return { kind: 'soon', ms: wait };
      return state.busy < state.slots ? { kind: 'ready' } : { kind: 'soon', ms: wait ?? 0 };
    case 'loading':
      return { kind: 'loading', share: state.permille / 1_000 };
    case 'held':
      return { kind: 'loads', ms: wait };
    case 'unusable':
      return { kind: 'nowhere' };
  }
}

export function canChat(model: Model): boolean {
  return model.capabilities.includes('generate');
}

/** What to offer first: a real model that is awake, else a real one, else the starter. One of a
 *  provider only where nothing else is: what it is asked may leave the office. */
export function suggested(models: Model[]): Model | undefined {
  const able = models.filter(canChat);
  const rank = (model: Model): number => {
    const { kind } = outlook(model).readiness;
    const awake = kind === 'ready' || kind === 'soon' || kind === 'loading';
    if (kind === 'elsewhere') return 5;
    if (kind === 'nowhere') return 4;
    if (model.starter) return awake ? 1 : 3;
    return awake ? 0 : 2;
  };
  return able.sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name))[0];
}
