/** How a provider and its models stand, and where a text goes that it is asked. Pure. */

import type { Provider, ProviderModel } from '$lib/api/types';
import type { Words } from '$lib/i18n/en';
import type { Mark } from '$lib/ui/StateMark.svelte';

/** Its name for people: what the kind is called, unless a person gave it a name of its own. */
export const titleOf = (provider: Provider): string =>
  provider.id === provider.kind ? provider.name : provider.id;

/** “outside the office”, “this computer, found by itself”, or its address. */
export function whereOf(provider: Provider, words: Words['providers']): string {
  if (provider.found) return words.foundHere;
  if (provider.outside) return words.outside;
  return provider.base ?? words.thisComputer;
}

/** “at OpenAI (outside the office)”. */
export function atOf(provider: Provider, words: Words['providers']): string {
  return `${words.at(titleOf(provider))} (${whereOf(provider, words)})`;
}

const marks: Record<ProviderModel['state'], Mark> = {
  ready: 'good',
  resting: 'trouble',
  trying: 'busy',
  held_back: 'busy',
};

export const modelMark = (model: ProviderModel): Mark => marks[model.state];

export type Standing = { kind: 'ready' | 'none' | 'empty' } | { kind: 'some'; count: number };

/** The worst of its models, in one word. */
export function standingOf({ models }: Pick<Provider, 'models'>): Standing {
  if (!models.length) return { kind: 'empty' };
  const away = models.filter(({ state }) => state !== 'ready').length;
  if (!away) return { kind: 'ready' };
  return away === models.length ? { kind: 'none' } : { kind: 'some', count: away };
}

const standings: Record<Standing['kind'], Mark> = {
  ready: 'good',
  some: 'busy',
  none: 'trouble',
  empty: 'offline',
};

export const standingMark = (standing: Standing): Mark => standings[standing.kind];

/** What happened, for the closed word that a provider's last fault is; a new word stands for itself. */
export function faultWords(word: string, words: Words['providers']): string {
  const known: Record<string, string> = words.faults;
  return known[word] ?? word;
}

/** A model's name without its provider's: `gpt-4o` of `openai/gpt-4o`. */
export function bareName(name: string, provider: string): string {
  return name.startsWith(`${provider}/`) ? name.slice(provider.length + 1) : name;
}

/** Those that need a look first, then those that were asked, then by name. */
export function byNeed(models: readonly ProviderModel[]): ProviderModel[] {
  return [...models].sort(
    (a, b) =>
      Number(a.state === 'ready') - Number(b.state === 'ready') ||
      Number(b.requests > 0) - Number(a.requests > 0) ||
      a.name.localeCompare(b.name),
  );
}
