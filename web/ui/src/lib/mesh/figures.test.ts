import { expect, test } from 'vitest';
import type { Node } from '$lib/api/types';
import { locale } from '$lib/i18n/locale.svelte';
import { doingWords } from './doing';
import { doingOf, minutesLeft } from './figures';

const node = (parts: Partial<Node>): Node =>
  ({
    presence: 'offline',
    admission: 'accepting',
    models: [],
    devices: [],
    queue: { interactive: 0, batch: 0, work_ms: 0 },
    cut_off: null,
    seen_ms: null,
    ...parts,
  }) as unknown as Node;

test('who is cut off is called that, though it cannot be reached either', () => {
  const cut = node({ cut_off: { why: 'flood', until_ms: 181_000 } });
  expect(doingOf(cut)).toBe('misbehaving');
  expect(doingOf(node({}))).toBe('away');
  locale.chosen = 'en';
  expect(doingWords(cut, 0)).toBe('cut off for 4 minutes');
});

test('the last minute counts, and a time that is over is never negative', () => {
  const minutes = (until_ms: number, now: number) =>
    minutesLeft(node({ cut_off: { why: 'nonsense', until_ms } }), now);
  expect([minutes(60_000, 0), minutes(60_001, 0), minutes(10, 5), minutes(0, 99)]).toEqual([
    1, 2, 1, 1,
  ]);
});
