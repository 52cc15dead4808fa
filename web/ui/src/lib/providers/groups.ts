/** Models by where they are: those of the office first, then each provider’s. Pure. */

import type { Model } from '$lib/api/types';

/** What the node says in a model's `provider` where a name stands for models. */
export const ALIAS = 'alias';

export interface Group {
  /** The provider's id; none: the office; `alias`: names that stand for models. */
  provider: string | null;
  models: Model[];
}

export function grouped(models: readonly Model[]): Group[] {
  const groups = new Map<string | null, Model[]>();
  for (const model of models) {
    groups.set(model.provider, [...(groups.get(model.provider) ?? []), model]);
  }
  const rank = ({ provider }: Group): number =>
    provider === null ? 0 : provider === ALIAS ? 1 : 2;
  return [...groups]
    .map(([provider, models]) => ({ provider, models }))
    .sort((a, b) => rank(a) - rank(b) || (a.provider ?? '').localeCompare(b.provider ?? ''));
}

/** Those with all of these letters in their name. */
export function named(models: readonly Model[], text: string): Model[] {
  const wanted = text.trim().toLowerCase();
  return models.filter(({ name }) => name.toLowerCase().includes(wanted));
}
