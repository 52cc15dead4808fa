import { expect, test } from 'vitest';
import type { Origin } from '$lib/api/completion';
import type { Job } from '$lib/api/types';
import { helperOf, providerOf } from './helper';

const origin = (over: Partial<Origin>): Origin => ({
  job: '1',
  node: null,
  nodeId: null,
  provider: null,
  why: null,
  ...over,
});
const job = (over: Partial<Job>): Job => ({ node: null, provider: null, ...over }) as Job;
const desk = { id: 'd', name: 'desk' };

test('before the job is known, the reply says who answers', () => {
  expect(providerOf(origin({ provider: 'lab' }), undefined)).toBe('lab');
  expect(providerOf(origin({ node: 'desk', nodeId: 'd' }), undefined)).toBeNull();
  expect(helperOf(origin({ node: 'desk', nodeId: 'd' }), undefined)).toEqual(desk);
  expect(providerOf(null, undefined)).toBeNull();
});

test('the job knows better: an answer that began at a provider may end on the mesh', () => {
  expect(providerOf(origin({ provider: 'lab' }), job({ node: desk }))).toBeNull();
  expect(helperOf(origin({ provider: 'lab' }), job({ node: desk }))).toEqual(desk);
  expect(providerOf(origin({ node: 'desk' }), job({ provider: 'lab' }))).toBe('lab');
});

test('a job that is nowhere yet leaves it to the reply', () => {
  expect(providerOf(origin({ provider: 'lab' }), job({}))).toBe('lab');
});
