/** Which computer or provider an answer comes from: the job knows best, since a job may move. Pure. */

import type { Origin } from '$lib/api/completion';
import type { Job, NodeRef } from '$lib/api/types';

export function helperOf(origin: Origin | null, job: Job | undefined): NodeRef | null {
  if (job?.node) return job.node;
  return origin?.node ? { id: origin.nodeId ?? origin.node, name: origin.node } : null;
}

/** By id; none where a computer of the mesh answers. */
export function providerOf(origin: Origin | null, job: Job | undefined): string | null {
  if (job && (job.node || job.provider)) return job.node ? null : job.provider;
  return origin?.node ? null : (origin?.provider ?? null);
}
