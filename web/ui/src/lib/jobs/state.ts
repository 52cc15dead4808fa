/** How a job's state looks and reads. */

import type { Job, JobState } from '$lib/api/types';
import { say } from '$lib/format/say.svelte';
import { locale } from '$lib/i18n/locale.svelte';
import type { Mark } from '$lib/ui/StateMark.svelte';

const marks: Record<JobState, Mark> = {
  waiting: 'offline',
  bound: 'busy',
  running: 'busy',
  completed: 'good',
  failed: 'trouble',
  cancelled: 'offline',
};

export const markOf = (job: Job): Mark => marks[job.state];

/** `running`, or what the engine does right now. */
export function stateWords(job: Job): string {
  const words = locale.words.jobs;
  const { progress } = job;
  if (job.ended_ms !== null || !progress) return words.states[job.state];
  const share = progress.total ? ` · ${say.percent(progress.step / progress.total)}` : '';
  return words.phases[progress.phase] + share;
}

export function tookMs(job: Job, now: number): number {
  return Math.max(0, (job.ended_ms ?? now) - job.accepted_ms);
}
