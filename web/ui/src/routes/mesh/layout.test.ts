import { describe, expect, test } from 'vitest';
import { layOut, middle, spread } from './layout';

test.each([
  [7, 3, [2, 3, 2]],
  [3, 1, [3]],
  [8, 3, [3, 3, 2]],
  [20, 4, [5, 5, 5, 5]],
])('%i tables over %i rows', (count, rows, counts) => {
  expect(spread(count, rows)).toEqual(counts);
});

describe.each([358, 760, 1400])('in a hall of %i pixels', (width) => {
  test.each([1, 2, 3, 5, 20, 40])('%i tables stand inside and apart', (count) => {
    const { places, height, radius } = layOut(count, width);
    expect(places).toHaveLength(count);
    for (const { x, y } of places) {
      expect(x).toBeGreaterThanOrEqual(radius);
      expect(x).toBeLessThanOrEqual(width - radius);
      expect(y + radius).toBeLessThanOrEqual(height);
    }
    const gaps = places.flatMap((a, index) =>
      places.slice(index + 1).map((b) => Math.hypot(a.x - b.x, a.y - b.y)),
    );
    for (const gap of gaps) expect(gap).toBeGreaterThan(radius * 2);
  });
});

test('of three in a row, the one in the middle is the middle', () => {
  expect(middle(layOut(3, 1200))).toBe(1);
});
