/** What the palette offers, and which of it a person means. Pure. */

import type { IconName } from '$lib/ui/icons';

export interface Entry {
  /** Tells it apart from every other. */
  key: string;
  /** What it is: pages, actions, conversations, models, computers. */
  group: string;
  icon: IconName;
  name: string;
  /** More words by which it is found, and what it says beside its name. */
  more: string;
  run: () => void;
}

/** So many of one group are offered at most. */
const OF_A_GROUP = 6;

/** How well words fit: 0 not at all. The beginning of a word counts more than its middle. */
export function fit(text: string, wanted: string): number {
  const [whole, words] = [text.toLowerCase(), wanted.toLowerCase().split(/\s+/).filter(Boolean)];
  let sum = 1;
  for (const word of words) {
    const at = whole.indexOf(word);
    if (at < 0) return 0;
    const begins = at === 0 || /[\s\-_/.:·]/.test(whole[at - 1] ?? ' ');
    sum += (begins ? 4 : 1) + (at === 0 ? 4 : 0);
  }
  return sum;
}

/** The entries that fit, best first within their groups; groups stay in the order in which they came. */
export function matching(entries: readonly Entry[], wanted: string): Entry[] {
  const groups = new Map<string, { entry: Entry; fits: number }[]>();
  for (const entry of entries) {
    const fits = Math.max(fit(entry.name, wanted) * 2, fit(`${entry.name} ${entry.more}`, wanted));
    if (fits === 0) continue;
    const group = groups.get(entry.group);
    if (group) group.push({ entry, fits });
    else groups.set(entry.group, [{ entry, fits }]);
  }
  const sorted = [...groups.values()].map((group) =>
    group.sort((a, b) => b.fits - a.fits).slice(0, OF_A_GROUP),
  );
  return sorted.flat().map(({ entry }) => entry);
}
