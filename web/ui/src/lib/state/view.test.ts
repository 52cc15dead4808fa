import { expect, test } from 'vitest';
import type { Event, Job, Model, Node, Snapshot } from '$lib/api/types';
import { apply, JOBS_KEPT, type View } from './view';

const view = (): View => ({
  status: null,
  nodes: new Map(),
  models: new Map(),
  jobs: new Map(),
  providers: 0,
  pulls: new Map(),
});
const job = (id: number, ended: number | null = 1): Job =>
  ({ id: `${id}`, ended_ms: ended }) as Job;
const snapshot = (over: Partial<Snapshot>): Event => ({
  type: 'snapshot',
  snapshot: { status: { members: 1 }, nodes: [], models: [], jobs: [], ...over } as Snapshot,
});

test('a snapshot replaces everything, also what is no longer there', () => {
  const seen = view();
  apply(seen, { type: 'node', node: { id: 'old' } as Node });
  apply(seen, snapshot({ nodes: [{ id: 'new' } as Node] }));
  expect([...seen.nodes.keys()]).toEqual(['new']);
  expect(seen.status).toEqual({ members: 1 });
});

test('applying an event twice is applying it once', () => {
  const once = view();
  const twice = view();
  const events: Event[] = [
    { type: 'node', node: { id: 'a' } as Node },
    { type: 'model', model: { name: 'm' } as Model },
    { type: 'job', job: job(1) },
    { type: 'node_gone', id: 'a' },
    { type: 'model_gone', name: 'm' },
  ];
  for (const event of events) {
    apply(once, event);
    apply(twice, event);
    apply(twice, event);
  }
  expect(twice).toEqual(once);
  expect([once.nodes.size, once.models.size, once.jobs.size]).toEqual([0, 0, 1]);
});

test('memory is bounded: the oldest finished jobs go, the living stay', () => {
  const seen = view();
  apply(seen, snapshot({ jobs: [job(3), job(2), job(1, null)] }));
  for (let id = 4; id <= JOBS_KEPT + 20; id += 1) apply(seen, { type: 'job', job: job(id) });
  expect(seen.jobs.size).toBe(JOBS_KEPT);
  expect(seen.jobs.has('1')).toBe(true);
  expect(seen.jobs.has('2')).toBe(false);
});

test('a change of providers is counted, so that who shows them asks again', () => {
  const seen = view();
  apply(seen, { type: 'providers' });
  apply(seen, { type: 'providers' });
  expect(seen.providers).toBe(2);
});
