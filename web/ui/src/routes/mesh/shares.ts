/** A computer's memory in parts: each model, what other programs hold, what is free. Pure. */

import type { Node } from '$lib/api/types';
import type { Figures } from '$lib/mesh/figures';

export interface Share {
  kind: 'model' | 'other' | 'free';
  name: string;
  bytes: number;
}

export function shares(node: Node, { bands, memory, taken }: Figures): Share[] {
  const devices = node.devices.reduce((sum, device) => sum + device.memory_free_bytes, 0);
  const free = node.devices.length ? devices : node.memory_free_bytes;
  const other = Math.max(0, memory - free - taken);
  const parts: Share[] = bands.map(({ name, bytes }) => ({ kind: 'model', name, bytes }));
  parts.push({ kind: 'other', name: '', bytes: other });
  parts.push({ kind: 'free', name: '', bytes: Math.max(0, memory - taken - other) });
  return parts.filter(({ bytes }) => bytes > 0);
}
