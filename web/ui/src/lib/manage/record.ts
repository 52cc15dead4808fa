/** An entry of the record in our own words. Pure. */

import type { AuditEntry } from '$lib/api/types';
import type { Words } from '$lib/i18n/en';

export const shown = ['all', 'people', 'jobs'] as const;
export type Shown = (typeof shown)[number];

export function asShown(text: string | null): Shown {
  return shown.find((value) => value === text) ?? 'all';
}

export function fits(entry: AuditEntry, which: Shown): boolean {
  return which === 'all' || (which === 'jobs') === (entry.job !== null);
}

/** What was done; what a newer node writes is its own word. */
export function sentence(entry: AuditEntry, words: Words['record']): string {
  const { act, job, about } = entry;
  if (job) {
    return act === 'ran'
      ? words.ran(job.model, job.owner.name)
      : words.asked(job.model, job.ran_on?.name ?? job.provider ?? words.nowhere);
  }
  const acts: Record<string, (name: string, grants: string) => string> = words.acts;
  const name = about?.person ? `${about.name} (${about.person})` : (about?.name ?? '');
  return acts[act]?.(name, about?.grants.join(', ') ?? '') ?? act;
}

/** Everybody who did something, by name. */
export function peopleOf(entries: readonly AuditEntry[]): string[] {
  const names = entries.flatMap(({ person, about }) => [person, about?.person ?? null]);
  return [...new Set(names.filter((name) => name !== null))].sort((a, b) => a.localeCompare(b));
}
