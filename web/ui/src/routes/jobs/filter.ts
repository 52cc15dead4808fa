/** Which jobs a list shows, as the address says it. Pure. */

import type { Job, JobKind } from '$lib/api/types';

export const shown = ['all', 'live', 'done', 'failed'] as const;
export type Shown = (typeof shown)[number];

export const asShown = (text: string | null): Shown =>
  shown.find((value) => value === text) ?? 'all';

const fits: Record<Shown, (job: Job) => boolean> = {
  all: () => true,
  live: (job) => job.ended_ms === null,
  done: (job) => job.state === 'completed',
  failed: (job) => job.state === 'failed' || job.state === 'cancelled',
};

export interface Filter {
  shown: Shown;
  kind: JobKind | null;
  node: string | null;
}

export function filtered(jobs: readonly Job[], { shown, kind, node }: Filter): Job[] {
  return jobs.filter((job) => {
    const here = node === null || job.node?.id === node;
    return fits[shown](job) && here && (kind === null || job.kind === kind);
  });
}
