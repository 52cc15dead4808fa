/** Where a provider's model is and how it stands, in the language of the moment. */

import type { ProviderModel } from '$lib/api/types';
import { say } from '$lib/format/say.svelte';
import { locale } from '$lib/i18n/locale.svelte';
import { elsewhere } from '$lib/state/providers.svelte';
import { ALIAS } from './groups';
import { atOf, titleOf } from './standing';

/** “OpenAI” for `openai`; an id that is not known stands for itself. */
export function nameOf(id: string): string {
  const provider = elsewhere.of(id);
  if (provider) return titleOf(provider);
  const far = elsewhere.far(id)[0];
  return far ? `${far.name} · ${far.node.name}` : id;
}

/** “at OpenAI (outside the office)”, or what a name stands for. */
export function placeOf(id: string, model: string): string {
  if (id === ALIAS) return chainOf(model);
  const provider = elsewhere.of(id);
  const words = locale.words.providers;
  if (provider) return atOf(provider, words);
  const far = elsewhere.far(id);
  const [first] = far;
  if (!first) return words.at(id);
  const through = words.far.through(far.map(({ node }) => node.name).join(', '));
  const outside = first.outside ? `${words.outside}, ` : '';
  return `${words.at(first.name)} (${outside}${through})`;
}

function chainOf(alias: string): string {
  const words = locale.words.picker;
  const chain = elsewhere.seen?.routing.aliases[alias];
  return chain ? words.standsFor(chain.join(words.then)) : words.standFor;
}

/** “rests, 42 s more”. */
export function stateOf({ state, retry_s: retry }: ProviderModel): string {
  const words = locale.words.providers;
  const said = words.states[state];
  return retry === null ? said : words.for(said, say.duration(retry * 1_000));
}

export function priceOf({ price_in: input, price_out: output }: ProviderModel): string {
  if (input === null || output === null) return locale.words.providers.priceUnknown;
  const dollars = new Intl.NumberFormat(locale.chosen, { maximumFractionDigits: 4 });
  return `${dollars.format(input)} / ${dollars.format(output)}`;
}
