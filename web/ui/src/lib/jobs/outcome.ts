/** What became of a candidate, in words. Reasons come from the node that gave them. */

import type { CandidateOutcome } from '$lib/api/types';
import { locale } from '$lib/i18n/locale.svelte';

export function outcomeWords(outcome: CandidateOutcome): string {
  const said = locale.words.why.outcomes[outcome.outcome];
  return 'reason' in outcome ? `${said}: ${outcome.reason}` : said;
}

export function termWords(name: string): string {
  const known: Record<string, string> = locale.words.why.terms;
  return known[name] ?? name;
}
