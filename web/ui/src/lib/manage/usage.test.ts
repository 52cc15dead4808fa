import { expect, test } from 'vitest';
import type { HistoryPoint, UsageRow } from '$lib/api/types';
import { asSort, asSpan, columns, firstDay, nameOf, placesOf, shares } from './usage';

const row = (more: Partial<UsageRow>): UsageRow => ({
  day: null,
  person: null,
  key: null,
  key_name: null,
  model: null,
  place: null,
  place_name: null,
  requests: 1,
  failed: 0,
  prompt_tokens: 0,
  cached_tokens: 0,
  completion_tokens: 0,
  thinking_tokens: 0,
  engine_s: 0,
  cost_usd: null,
  unpriced: 0,
  ...more,
});

test('what an address says is taken only where it means something', () => {
  expect([asSort('person'), asSort('colour'), asSort(null)]).toEqual(['person', 'model', 'model']);
  expect([asSpan('7'), asSpan('8')]).toEqual(['7', '30']);
  expect(firstDay('7', Date.UTC(2026, 2, 3, 23))).toBe('2026-02-25');
});

test('rows are called by what people call them', () => {
  expect(nameOf(row({ key: '0a', key_name: 'bot' }), 'key')).toBe('bot');
  expect(nameOf(row({ place: 'openai' }), 'place')).toBe('openai');
  expect(nameOf(row({}), 'person')).toBe('');
});

test('the widest bar is whole', () => {
  const rows = [row({ prompt_tokens: 30, completion_tokens: 10 }), row({ prompt_tokens: 10 })];
  expect(shares(rows)).toEqual([1, 0.25]);
  expect(shares([row({})])).toEqual([0]);
});

test('minutes that were not kept are gaps, not zeros', () => {
  const point = (at_ms: number, requests: number, place: string): HistoryPoint => ({
    at_ms,
    requests,
    failed: 0,
    prompt_tokens: 0,
    completion_tokens: 0,
    tokens_per_s: 0,
    ttft_p50_ms: null,
    ttft_p99_ms: null,
    waiting: 0,
    places: [{ place, state: 'up' }],
  });
  const points = [point(60_000, 4, 'a'), point(180_000, 2, 'b'), point(900_000, 1, 'a')];
  const values = columns(points, 60_000, 60_000, 180_000, ({ requests }) => requests);
  expect(values).toEqual([4, null, 2]);
  expect(placesOf(points)).toEqual(['a', 'b']);
});
