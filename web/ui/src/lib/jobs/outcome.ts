/** What became of a candidate, in words. Reasons come from the node that gave them. */

import type { Candidate, CandidateOutcome, Round } from '$lib/api/types';
import { say } from '$lib/format/say.svelte';
import { locale } from '$lib/i18n/locale.svelte';
import { chosenOf, ruledOut, runnersUp } from './terms';

export function outcomeWords(outcome: CandidateOutcome): string {
  const said = locale.words.why.outcomes[outcome.outcome];
  return 'reason' in outcome ? `${said}: ${outcome.reason}` : said;
}

export function termWords(name: string): string {
  const known: Record<string, string> = locale.words.why.terms;
  return known[name] ?? name;
}

const expected = ({ bid_ms: bid, predicted_ms: predicted }: Candidate): number | null =>
  bid ?? predicted;

/** The reason in one sentence of our own; null where nothing was chosen yet. */
export function reasonOf(round: Round | undefined): string | null {
  const chosen = round && chosenOf(round);
  const took = chosen ? expected(chosen) : null;
  if (!chosen || took === null) return null;
  const words = locale.words.why;
  const next = runnersUp(round)
    .flatMap((candidate) => {
      const ms = expected(candidate);
      return ms === null ? [] : [{ name: candidate.node.name, ms }];
    })
    .sort((a, b) => a.ms - b.ms)[0];
  if (!next) {
    const alone = ruledOut(round).length > 0 ? words.onlyOne : words.unasked;
    return alone(chosen.node.name, say.duration(took));
  }
  const later = next.ms - took;
  if (later <= 0) return words.free(chosen.node.name, say.duration(took));
  return words.soonest(chosen.node.name, say.duration(took), next.name, say.duration(later));
}
