import { expect, test } from 'vitest';
import { sliceOf } from './window';

const ten = (): number => 10;

test('draws what is in sight, and knows how high the rest is', () => {
  expect(sliceOf(100, ten, 200, 300)).toEqual({ from: 19, to: 30, before: 190, after: 700 });
  expect(sliceOf(100, ten, 0, 50)).toEqual({ from: 0, to: 5, before: 0, after: 950 });
});

test('heights that differ count as they are', () => {
  const heights = [100, 5, 5, 100];
  const slice = sliceOf(4, (index) => heights[index] ?? 0, 101, 109);
  expect(slice).toEqual({ from: 1, to: 3, before: 100, after: 100 });
});

test('beyond the end nothing is drawn, and an empty list is empty', () => {
  expect(sliceOf(3, ten, 500, 600)).toEqual({ from: 3, to: 3, before: 30, after: 0 });
  expect(sliceOf(0, ten, 0, 600)).toEqual({ from: 0, to: 0, before: 0, after: 0 });
});

test('20,000 rows cost no more than a look at each', () => {
  let looked = 0;
  sliceOf(20_000, () => ((looked += 1), 80), 800_000, 801_000);
  expect(looked).toBeLessThan(20_000 * 3);
});
