import { describe, expect, test } from 'vitest';
import { bytes } from './bytes';
import { ago, duration } from './duration';
import { dollars, figure } from './number';

test.each([
  [0, '0 B'],
  [1_023, '1,023 B'],
  [466_816, '456 KB'],
  [1.3 * 1024 ** 3, '1.3 GB'],
  [24 * 1024 ** 3, '24 GB'],
  [2 ** 60, '1,024 PB'],
])('%d bytes are %s', (size, text) => {
  expect(bytes(size, 'en').replace('\u00a0', ' ')).toBe(text);
});

test.each([
  [0.4, '0.4 ms'],
  [99, '99 ms'],
  [400, '0.4 sec'],
  [12_400, '12 sec'],
  [59_960, '1 min'],
  [96_341, '1.6 min'],
  [3_600_000, '1 hr'],
  [-90, '-90 ms'],
])('%d ms are %s', (ms, text) => {
  expect(duration(ms, 'en')).toBe(text);
});

describe('ago', () => {
  test.each([
    [0, 'now'],
    [-60_000, 'now'],
    [30_000, '30 sec. ago'],
    [3_599_000, '59 min. ago'],
    [90_000_000, 'yesterday'],
  ])('%d ms before', (before, text) => {
    expect(ago(1_000_000_000_000 - before, 1_000_000_000_000, 'en')).toBe(text);
  });

  test('speaks Korean', () => {
    expect(ago(0, 180_000, 'ko')).toBe('3분 전');
  });
});

test.each([
  [0, '$0.00'],
  [0.00042, '$0.0004'],
  [12.345, '$12.35'],
])('%d dollars are %s', (usd, text) => {
  expect(dollars(usd, 'en')).toBe(text);
});

test('small figures keep one digit, large ones none', () => {
  expect([figure(3.14, 'en'), figure(1_234.5, 'en')]).toEqual(['3.1', '1,235']);
});
