/** Who sits where, from one moment to the next: a job keeps its seat until it moves or ends. */

import type { Job } from '$lib/api/types';

export interface Guest {
  job: Job;
  /** Where it sits: the computer that runs it, or the one that still looks for a place for it. */
  at: string;
  seat: number;
  /** Where it came from, if it was seen to move. */
  from: string | null;
}

/** Seats every live job. `before` is the seating of the moment before, null at the first look. */
export function seating(jobs: readonly Job[], before: readonly Guest[] | null): Guest[] {
  const known = new Map(before?.map((guest) => [guest.job.id, guest]));
  const taken = new Map<string, Set<number>>();
  const claim = (at: string, wanted: number | null): number => {
    const seats = taken.get(at) ?? new Set();
    taken.set(at, seats);
    let seat = wanted ?? 0;
    while (seats.has(seat)) seat += 1;
    seats.add(seat);
    return seat;
  };
  const place = (job: Job): string => job.node?.id ?? job.owner.id;
  const staying = jobs.filter((job) => known.get(job.id)?.at === place(job));
  const moving = jobs.filter((job) => known.get(job.id)?.at !== place(job));
  return [
    ...staying.map((job) => {
      const old = known.get(job.id);
      const seat = claim(place(job), old?.seat ?? null);
      return { job, at: place(job), seat, from: old?.from ?? null };
    }),
    ...moving.map((job) => {
      const from = before ? (known.get(job.id)?.at ?? job.owner.id) : null;
      const at = place(job);
      return { job, at, seat: claim(at, null), from: from === at ? null : from };
    }),
  ];
}
