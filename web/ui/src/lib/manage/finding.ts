/** A finding of the check-up in our own sentences; what we have no words for speaks for itself. Pure. */

import type { Check, CheckOutcome } from '$lib/api/types';
import type { Words } from '$lib/i18n/en';
import type { Mark } from '$lib/ui/StateMark.svelte';

export interface Finding {
  what: string;
  next: string;
  /** The node's own words, where ours do not say all. */
  more: string;
}

/** Puts the values into the places of a sentence that bear their names. */
export function fill(sentence: string, values: Record<string, string | undefined>): string {
  return sentence.replace(/\{(\w+)\}/g, (place, name: string) => values[name] ?? place);
}

export function findingOf(check: Check, words: Words['checkUp']): Finding {
  const known: Record<string, readonly string[]> = words.known;
  const topics: Record<string, string> = words.topics;
  const [what, next] = known[check.code] ?? [];
  const filled = what === undefined ? null : fill(what, check.values);
  // A place that stays empty belongs to another version's finding.
  if (filled !== null && !/\{\w+\}/.test(filled)) {
    return { what: filled, next: next ?? '', more: '' };
  }
  const topic = topics[check.code];
  if (topic === undefined) return { what: check.message, next: check.advice ?? '', more: '' };
  return { what: topic, next: check.advice ?? '', more: check.message };
}

export const marks: Record<CheckOutcome, Mark> = {
  good: 'good',
  warning: 'busy',
  trouble: 'trouble',
  skipped: 'offline',
};

const order: CheckOutcome[] = ['trouble', 'warning', 'good', 'skipped'];

/** What needs attention first; otherwise as it was found. */
export function sorted(checks: readonly Check[]): Check[] {
  return [...checks].sort((a, b) => order.indexOf(a.outcome) - order.indexOf(b.outcome));
}

export function isFine({ outcome }: Check): boolean {
  return outcome === 'good' || outcome === 'skipped';
}

/** All of it as plain text, in the node's own words, which whoever runs the machines can look up. */
export function asText(checks: readonly Check[], head: string): string {
  const lines = checks.flatMap(({ outcome, code, message, advice, details }) => [
    `[${outcome}] ${code}: ${message}`,
    ...(advice ? [`    ${advice}`] : []),
    ...details.map((detail) => `    - ${detail}`),
  ]);
  return [head, ...lines].join('\n') + '\n';
}
