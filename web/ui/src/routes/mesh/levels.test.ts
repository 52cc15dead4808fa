import { expect, test } from 'vitest';
import { heightOf, levels } from './levels';

test('half the area is half the height, and little area is more height than share', () => {
  expect(heightOf(0)).toBe(0);
  expect(heightOf(0.5)).toBeCloseTo(0.5, 5);
  expect(heightOf(1)).toBe(1);
  expect(heightOf(0.1)).toBeCloseTo(0.1564, 3);
});

test('bands lie on each other without gap and never leave the disc', () => {
  const bands = [
    { name: 'a', bytes: 8 },
    { name: 'b', bytes: 6 },
    { name: 'c', bytes: 4 },
  ];
  const figures = { memory: 16, bands, taken: 18, busy: 0, slots: 0, waiting: 0 };
  const got = levels(figures, 50);
  expect(got[0]?.bottom).toBe(50);
  expect(got[1]?.bottom).toBe(got[0]?.top);
  expect(got[2]?.top).toBe(-50);
});
