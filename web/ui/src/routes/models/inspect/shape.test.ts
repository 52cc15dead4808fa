import { describe, expect, it } from 'vitest';
import type { CachePoint, Fit } from '$lib/api/types';
import { ceiling, colourOfBits, drawn, leftFor, line, setOf, yOf } from './shape';

const plot = { width: 108, height: 112, left: 0, bottom: 0 };
const point = (context: number, f16: number): CachePoint => ({ context, f16, q8_0: 0, q4_0: 0 });

describe('the curve of the cache', () => {
  it('goes from the origin to the top', () => {
    const path = line([point(0, 0), point(50, 500), point(100, 1000)], 'f16', 100, 1000, plot);
    expect(path).toBe('M0.0 112.0L50.0 62.0L100.0 12.0');
  });
  it('has a round number above', () => {
    expect([0, 100, 128, 150, 255].map(ceiling)).toEqual([1, 112, 128, 160, 256]);
    expect(yOf(1, 0, plot)).toBeLessThan(112);
  });
});

describe('heads', () => {
  it('look at the set of their group', () => {
    const sets = [0, 1, 2, 3, 4, 5, 6, 7].map((head) => setOf(head, 8, 2));
    expect(sets).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
  });
  it('are drawn in a bounded number, as many for each set', () => {
    expect(drawn(32, 8)).toEqual({ heads: 32, sets: 8 });
    expect(drawn(64, 8)).toEqual({ heads: 32, sets: 4 });
    expect(drawn(128, 128)).toEqual({ heads: 32, sets: 32 });
    expect(drawn(71, 1)).toEqual({ heads: 32, sets: 1 });
    expect(drawn(0, 0)).toEqual({ heads: 0, sets: 0 });
  });
});

describe('memory', () => {
  const device = { device: '', kind: 'cpu', cache: 5, total: 100 } as const;
  const fit = (free: number | null): Fit => ({
    node: null,
    plan: { context: 1, slots: 1, cache: 'f16', flash_attention: true, gpu_layers: null },
    devices: [{ ...device, weights: 10, compute: 2, overhead: 3, free }],
    needed: 20,
    fits: true,
    longest_context: null,
    advice: null,
    speed: null,
  });
  it('is what the cache may take beside the rest', () => {
    expect(leftFor(fit(50))).toBe(35);
    expect(leftFor(fit(5))).toBe(0);
    expect(leftFor(fit(null))).toBeNull();
  });
});

it('more bits are drawn darker', () => {
  const share = (bits: number): number => Number(/(\d+)%/.exec(colourOfBits(bits))?.[1]);
  expect(share(2)).toBeLessThan(share(4.5));
  expect(share(4.5)).toBeLessThan(share(8.5));
  expect(share(32)).toBe(100);
});
