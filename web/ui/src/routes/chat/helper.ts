/** Which computer an answer comes from: the job knows best, since a job may move. Pure. */

import type { Origin } from '$lib/api/completion';
import type { Job, Node, NodeRef } from '$lib/api/types';

export function helperOf(
  origin: Origin | null,
  job: Job | undefined,
  nodes: ReadonlyMap<string, Node>,
): NodeRef | null {
  if (job?.node) return job.node;
  if (!origin?.node) return null;
  const named = nodes.get(origin.node) ?? [...nodes.values()].find((n) => n.name === origin.node);
  return { id: named?.id ?? origin.node, name: named?.name ?? origin.node };
}
