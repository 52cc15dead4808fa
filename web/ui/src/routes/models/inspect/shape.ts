/** Colours and lines of the inspector's pictures. Pure. */

import type { CachePoint, CacheFormat, Fit, WeightPart } from '$lib/api/types';

const colours: Record<WeightPart, string> = {
  embedding: 'var(--hue-1)',
  attention: 'var(--accent)',
  recurrent: 'var(--hue-2)',
  feed_forward: 'var(--hue-3)',
  experts: 'var(--hue-8)',
  norms: 'var(--n8)',
  output: 'var(--hue-7)',
  other: 'var(--n6)',
};

export const colourOf = (part: WeightPart): string => colours[part];

/** Formats of the cache, the largest first. */
export const formats: readonly CacheFormat[] = ['f16', 'q8_0', 'q4_0'];

/** From 1 bit (pale) to 16 and more (full). */
export function colourOfBits(bits: number): string {
  // Most files lie between 2 and 9 bits: the ramp is steep there.
  const strength = Math.round(8 + 92 * Math.min(1, Math.max(0, (bits - 1) / 8)));
  return `color-mix(in oklch, var(--accent) ${strength}%, var(--surface))`;
}

export interface Plot {
  width: number;
  height: number;
  left: number;
  bottom: number;
}

/** Where the most bytes of a plot lie: a round number above all that is drawn. */
export function ceiling(most: number): number {
  if (most <= 0) return 1;
  const power = 2 ** Math.floor(Math.log2(most));
  return [1, 1.25, 1.5, 1.75, 2].map((step) => step * power).find((step) => step >= most) ?? most;
}

export const xOf = (context: number, longest: number, plot: Plot): number =>
  plot.left + (context / Math.max(1, longest)) * (plot.width - plot.left - 8);

export const yOf = (bytes: number, most: number, plot: Plot): number =>
  plot.height - plot.bottom - (bytes / Math.max(1, most)) * (plot.height - plot.bottom - 12);

/** The path of one format's line. */
export function line(
  points: readonly CachePoint[],
  format: CacheFormat,
  longest: number,
  most: number,
  plot: Plot,
): string {
  const at = (point: CachePoint): string => {
    const [x, y] = [xOf(point.context, longest, plot), yOf(point[format], most, plot)];
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  };
  return points.map((point, index) => `${index ? 'L' : 'M'}${at(point)}`).join('');
}

/** What one computer has left for the cache once weights and all else are in. */
export function leftFor(fit: Fit): number | null {
  let left = 0;
  for (const device of fit.devices) {
    if (device.free === null) return null;
    left += Math.max(0, device.free - device.weights - device.compute - device.overhead);
  }
  return left;
}

/** Which set of keys and values a query head looks at. */
export const setOf = (head: number, heads: number, sets: number): number =>
  Math.floor((head * sets) / Math.max(1, heads));

/** At most this many heads are drawn; more are drawn as if they were these. */
const DRAWN = 32;

/** Heads and sets in a drawing of bounded size, with the same number of heads for each set where
 *  that can be. */
export function drawn(heads: number, sets: number): { heads: number; sets: number } {
  if (heads <= DRAWN) return { heads, sets };
  const group = Math.max(1, Math.round(heads / Math.max(1, sets)));
  const kept = Math.max(1, Math.floor(DRAWN / Math.min(group, DRAWN)));
  return { heads: kept * Math.min(group, DRAWN), sets: kept };
}
