/** The terms of a predicted completion time as parts of a bar. Pure. */

import type { Candidate, Round, Term } from '$lib/api/types';

export interface Part {
  name: string;
  /** Share of the bar's scale, 0 to 1. */
  start: number;
  width: number;
}

/** Terms smaller than this would be thinner than a line. */
const LEAST_SHARE = 0.004;

/** Lengthening terms one after the other; what shortens is taken off at the end of the whole. */
export function parts(
  terms: readonly Term[],
  scaleMs: number,
): { parts: Part[]; saved: Part | null } {
  let end = 0;
  const longer = terms
    .filter(({ ms }) => ms > 0)
    .map(({ name, ms }) => {
      const part = { name, start: end, width: ms / scaleMs };
      end += part.width;
      return part;
    });
  const less = terms.reduce((sum, { ms }) => sum - Math.min(0, ms), 0) / scaleMs;
  const saved = less > 0 ? { name: 'saved', start: Math.max(0, end - less), width: less } : null;
  return { parts: longer.filter(({ width }) => width >= LEAST_SHARE), saved };
}

/** The longest bar of a round, so that all its bars compare. */
export function scaleOf({ candidates }: Round): number {
  const lengths = candidates.map(({ terms }) =>
    terms.reduce((sum, { ms }) => sum + Math.max(0, ms), 0),
  );
  return Math.max(1, ...lengths);
}

export function chosenOf({ candidates }: Round): Candidate | undefined {
  return candidates.find(({ outcome }) => outcome.outcome === 'chosen');
}

/** Who else could have run it, best first. */
export function runnersUp({ candidates }: Round): Candidate[] {
  return candidates.filter(
    ({ outcome, terms }) => outcome.outcome !== 'chosen' && terms.length > 0,
  );
}

/** Who could not, and says why. */
export function ruledOut({ candidates }: Round): Candidate[] {
  return candidates.filter(
    ({ outcome, terms }) => outcome.outcome !== 'chosen' && terms.length === 0,
  );
}

const colours: Record<string, string> = {
  wait: 'var(--hue-8)',
  load: 'var(--hue-5)',
  prefill: 'var(--hue-2)',
  decode: 'var(--hue-1)',
  network: 'var(--hue-7)',
  penalty: 'var(--trouble)',
};

export const colourOf = (term: string): string => colours[term] ?? 'var(--n8)';
