/** Who else may ask a provider, and what others used of it, in words. Pure. */

import type { Sharing } from '$lib/api/types';
import type { Words } from '$lib/i18n/en';

/** “every computer of the mesh (60 requests a minute)”. */
export function sharedWith(sharing: Sharing, words: Words['providers']): string {
  const { nobody, everyone, people, limits } = words.sharing;
  if (sharing.with === 'nobody') return nobody;
  const whom = sharing.with === 'everyone' ? everyone : people(sharing.people.join(', '));
  const most = limits(sharing.requests_per_minute, sharing.tokens_per_day);
  return most ? `${whom} (${most})` : whom;
}

/** A row for each computer that used it today. */
export function lentRows(sharing: Sharing, words: Words['providers']): [string, string][] {
  return sharing.lent.map(({ node, person, requests, tokens }, index) => [
    index === 0 ? words.sharing.usedToday : '',
    words.sharing.lent(person ? `${node.name} (${person})` : node.name, requests, tokens),
  ]);
}
