/** Heights at which a disc is filled to given shares of its area. Pure. */

import type { Figures } from '$lib/mesh/figures';

export interface Level {
  name: string;
  top: number;
  bottom: number;
}

const TINIEST = 0.004;

export function levels({ bands, memory }: Figures, radius: number): Level[] {
  let below = 0;
  return bands
    .filter(({ bytes }) => bytes / memory > TINIEST)
    .map(({ name, bytes }) => {
      const bottom = radius - 2 * radius * heightOf(below);
      below = Math.min(1, below + bytes / memory);
      return { name, bottom, top: radius - 2 * radius * heightOf(below) };
    });
}

/** The height, as a share of the diameter, below which lies this share of a disc's area. */
export function heightOf(share: number): number {
  if (share <= 0) return 0;
  if (share >= 1) return 1;
  let low = 0;
  let high = 1;
  for (let step = 0; step < 24; step += 1) {
    const middle = (low + high) / 2;
    if (areaBelow(middle) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Share of a unit disc's area below a height given as a share of its diameter (circular segment). */
function areaBelow(height: number): number {
  const distance = 1 - 2 * height;
  return (Math.acos(distance) - distance * Math.sqrt(1 - distance * distance)) / Math.PI;
}
