import { expect, test } from 'vitest';
import type { Job } from '$lib/api/types';
import { asShown, filtered } from './filter';
import { spans } from './span';

const job = (over: Partial<Job>): Job =>
  ({
    id: '1',
    kind: 'chat',
    state: 'completed',
    accepted_ms: 1_000,
    provider: null,
    ended_ms: 2_000,
    ...over,
  }) as Job;

test('a finished job splits into what was measured, and the rest was waiting', () => {
  const timings = { queued_ms: 5, prefill_ms: 200, decode_ms: 500 };
  expect(spans(job({ timings }), 9_000)).toEqual([
    { kind: 'wait', ms: 300 },
    { kind: 'read', ms: 200 },
    { kind: 'write', ms: 500 },
  ]);
});

test('clocks that disagree never make a part longer than the whole', () => {
  const timings = { queued_ms: 0, prefill_ms: 900, decode_ms: 900 };
  const parts = spans(job({ timings }), 0);
  expect(parts.reduce((sum, { ms }) => sum + ms, 0)).toBe(1_000);
  expect(spans(job({ ended_ms: null, state: 'waiting', timings: null }), 0)).toEqual([]);
});

test('a living job grows with the clock', () => {
  const living = job({ ended_ms: null, state: 'running', timings: null });
  expect(spans(living, 4_000)).toEqual([{ kind: 'write', ms: 3_000 }]);
});

test('the address filters by state, kind and computer', () => {
  const node = { id: 'a', name: 'A' };
  const jobs = [
    job({ id: '1', node }),
    job({ id: '2', state: 'failed', node }),
    job({ id: '3', state: 'running', ended_ms: null, kind: 'image', node: null }),
  ];
  const ids = (filter: Parameters<typeof filtered>[1]): string[] =>
    filtered(jobs, filter).map(({ id }) => id);
  expect(ids({ shown: 'all', kind: null, node: null })).toEqual(['1', '2', '3']);
  expect(ids({ shown: 'live', kind: null, node: null })).toEqual(['3']);
  expect(ids({ shown: 'failed', kind: null, node: 'a' })).toEqual(['2']);
  expect(ids({ shown: 'all', kind: 'image', node: null })).toEqual(['3']);
  expect(asShown('nonsense')).toBe('all');
});
