/** Turns a fault into our own sentences; what we have no words for speaks for itself. Pure. */

import type { Words } from '$lib/i18n/en';

export interface Explained {
  what: string;
  next: string;
}

export function explain(
  { code, message }: { code: string; message: string },
  words: Words['trouble'],
): Explained {
  const known: Record<string, readonly string[]> = words.known;
  const [what, next] = known[code] ?? [];
  if (what !== undefined) return { what, next: next ?? '' };
  return { what: message || words.unknown, next: message ? '' : words.unknownNext };
}
