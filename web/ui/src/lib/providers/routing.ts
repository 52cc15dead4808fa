/** What routing would mean: who answers when nobody outside the office may be asked. Pure. */

import type { Provider, Providers } from '$lib/api/types';

/** As many models at most stand in, or stand behind one name. */
export const CHAIN = 8;

/** A provider of this computer, or of another one. */
type Asked = Pick<Provider, 'id' | 'outside' | 'models'>;

/** Those that `openai/gpt-4o` is addressed to: on this computer, or as `openai.desk` on another one. */
function addressed(all: readonly Asked[], name: string): Asked[] {
  const id = name.includes('/') ? name.slice(0, name.indexOf('/')) : null;
  return all.filter((one) => one.id === id || (id && one.id.startsWith(`${id}.`)));
}

const lists = (provider: Asked, name: string): boolean =>
  provider.models.some((model) => model.name === `${provider.id}/${name}`);

/** Whether somebody in the office has it. */
function isInside(all: readonly Asked[], name: string, mesh: ReadonlySet<string>): boolean {
  const providers = addressed(all, name);
  if (providers.length) return providers.some(({ outside }) => !outside);
  return mesh.has(name) || all.some((one) => !one.outside && lists(one, name));
}

export type Failing =
  { kind: 'none' } | { kind: 'stoodIn'; name: string } | { kind: 'some'; names: string[] };

/** What would fail if every provider outside the office were down. */
export function failing(seen: Providers, mesh: ReadonlySet<string>): Failing {
  const { routing } = seen;
  const providers: readonly Asked[] = [...seen.providers, ...seen.elsewhere];
  const outside = providers.filter((one) => one.outside);
  if (!outside.length) return { kind: 'none' };
  const standIn = routing.stand_in.find((name) => mesh.has(name));
  if (standIn !== undefined) return { kind: 'stoodIn', name: standIn };
  const aliases = Object.entries(routing.aliases)
    .filter(([, chain]) => !chain.some((name) => isInside(providers, name, mesh)))
    .map(([name]) => name);
  // Also one that lists nothing can be asked for a model by its name.
  const models = outside.flatMap((one) =>
    one.models.length ? one.models.map(({ name }) => name) : [`${one.id}/…`],
  );
  return { kind: 'some', names: [...aliases, ...models] };
}

/** The list with one entry a step further up or down. */
export function moved(list: readonly string[], index: number, by: -1 | 1): string[] {
  const next = [...list];
  const [one] = next.splice(index, 1);
  if (one !== undefined) next.splice(Math.max(0, index + by), 0, one);
  return next;
}

/** Names that stand for models of this provider. */
export function namesFor(id: string, { routing }: Providers): string[] {
  return Object.entries(routing.aliases)
    .filter(([, chain]) => chain.some((name) => name.startsWith(`${id}/`)))
    .map(([name]) => name);
}

/** One name a line, or between commas, as a person writes it. */
export function linesOf(text: string): string[] {
  return [...new Set(text.split(/[\n,]/).map((line) => line.trim()))].filter(Boolean);
}
