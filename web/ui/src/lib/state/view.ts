/** What the page knows of the mesh, and how one event changes it. Pure: works on any maps. */

import type { Event, Job, Model, Node, Pull, Snapshot, Status } from '$lib/api/types';

/** Older jobs than these many are dropped from memory; the node still has them. */
export const JOBS_KEPT = 500;

export interface View {
  status: Status | null;
  nodes: Map<string, Node>;
  models: Map<string, Model>;
  jobs: Map<string, Job>;
  /** Counts up whenever something about providers changed: who shows them asks again. */
  providers: number;
  pulls: Map<string, Pull>;
}

export function apply(view: View, event: Event): void {
  switch (event.type) {
    case 'snapshot':
      return replace(view, event.snapshot);
    case 'status':
      view.status = event.status;
      return;
    case 'node':
      view.nodes.set(event.node.id, event.node);
      return;
    case 'node_gone':
      view.nodes.delete(event.id);
      return;
    case 'model':
      view.models.set(event.model.name, event.model);
      return;
    case 'model_gone':
      view.models.delete(event.name);
      return;
    case 'job':
      view.jobs.set(event.job.id, event.job);
      return trim(view.jobs);
    case 'pull':
      view.pulls.set(event.pull.id, event.pull);
      return;
    case 'pull_gone':
      view.pulls.delete(event.id);
      return;
    case 'key':
      // No page shows keys.
      return;
    case 'providers':
      view.providers += 1;
      return;
  }
}

function replace(view: View, snapshot: Snapshot): void {
  view.status = snapshot.status;
  refill(view.nodes, snapshot.nodes, (node) => node.id);
  refill(view.models, snapshot.models, (model) => model.name);
  // A map gives its oldest entry first, so that trimming drops the oldest job.
  refill(view.jobs, [...snapshot.jobs].reverse(), (job) => job.id);
}

function refill<T>(map: Map<string, T>, entries: T[], key: (entry: T) => string): void {
  map.clear();
  for (const entry of entries) map.set(key(entry), entry);
}

function trim(jobs: Map<string, Job>): void {
  for (const [id, job] of jobs) {
    if (jobs.size <= JOBS_KEPT) return;
    if (job.ended_ms !== null) jobs.delete(id);
  }
}
