/** A job's time as parts of a bar: waiting, reading, writing. Pure. */

import type { Job } from '$lib/api/types';

export interface Span {
  kind: 'wait' | 'read' | 'write';
  ms: number;
}

/** What was measured if it is over; while it lives, all of it so far is what it does now. */
export function spans(job: Job, now: number): Span[] {
  const total = Math.max(0, (job.ended_ms ?? now) - job.accepted_ms);
  if (job.timings && job.ended_ms !== null) {
    const read = Math.min(job.timings.prefill_ms, total);
    const write = Math.min(job.timings.decode_ms, total - read);
    return present([
      { kind: 'wait', ms: total - read - write },
      { kind: 'read', ms: read },
      { kind: 'write', ms: write },
    ]);
  }
  const runs = job.state === 'running' || job.state === 'completed';
  return present([{ kind: runs ? 'write' : 'wait', ms: total }]);
}

const present = (all: Span[]): Span[] => all.filter(({ ms }) => ms > 0);
