import { expect, test } from 'vitest';
import type { Model, ModelState } from '$lib/api/types';
import { outlook, suggested } from './outlook';

const ref = (id: string): { id: string; name: string } => ({ id, name: id });

function model(name: string, states: ModelState[], over: Partial<Model> = {}): Model {
  const places = states.map((state, index) => ({
    node: ref(`n${index}`),
    state,
    file: '',
    prefill_tokens_per_s: 100,
    decode_tokens_per_s: 10,
    wait_ms: state.state === 'held' ? 4_000 : 0,
  }));
  const capabilities: Model['capabilities'] = ['generate'];
  return {
    name,
    places,
    capabilities,
    starter: false,
    best: null,
    provider: null,
    ...over,
  } as Model;
}

const loaded: ModelState = { state: 'loaded', slots: 4, busy: 1 };

test('says where it would run and how soon', () => {
  const held = model('m', [{ state: 'held' }, loaded], { best: ref('n1') });
  expect(outlook(held)).toMatchObject({ node: ref('n1'), readiness: { kind: 'ready' } });
  expect(outlook(model('m', [{ state: 'held' }])).readiness).toEqual({ kind: 'loads', ms: 4_000 });
  const loading = model('m', [{ state: 'loading', permille: 250 }]);
  expect(outlook(loading).readiness).toEqual({ kind: 'loading', share: 0.25 });
  const full = model('m', [{ state: 'loaded', slots: 2, busy: 2 }]);
  expect(outlook(full).readiness.kind).toBe('soon');
});

test('a damaged file, or no place at all, is nowhere', () => {
  expect(outlook(model('m', [{ state: 'unusable' }])).readiness.kind).toBe('nowhere');
  expect(outlook(model('m', [])).node).toBeNull();
});

test('suggests a real model that is awake before the starter, and the starter before a sleeper', () => {
  const starter = model('starter', [loaded], { starter: true });
  const sleeper = model('a-sleeper', [{ state: 'held' }]);
  const awake = model('z-awake', [loaded]);
  const embedder = model('b-embed', [loaded], { capabilities: ['embed'] });
  expect(suggested([starter, sleeper, embedder])?.name).toBe('starter');
  expect(suggested([starter, sleeper, awake, embedder])?.name).toBe('z-awake');
  expect(suggested([embedder])).toBeUndefined();
});

test('a model of a provider is elsewhere, and is suggested only where there is no other', () => {
  const cloud = model('openai/gpt', [], { provider: 'openai' });
  const broken = model('z-broken', [{ state: 'unusable' }]);
  expect(outlook(cloud)).toMatchObject({
    provider: 'openai',
    node: null,
    readiness: { kind: 'elsewhere' },
  });
  expect(suggested([cloud, broken])?.name).toBe('z-broken');
  expect(suggested([cloud])?.name).toBe('openai/gpt');
});
