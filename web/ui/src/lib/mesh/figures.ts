/** What a computer's advert means for a picture: memory, what models take of it, load. Pure. */

import type { Node, NodeModel } from '$lib/api/types';

export interface Band {
  name: string;
  bytes: number;
}

export interface Figures {
  /** Memory that models could use, in bytes, over all devices. */
  memory: number;
  /** What each awake model takes of it, largest first. */
  bands: Band[];
  /** Taken by the models together, in bytes. */
  taken: number;
  /** Jobs that decode now, and how many could. */
  busy: number;
  slots: number;
  waiting: number;
}

export function figuresOf(node: Node): Figures {
  const devices = node.devices.reduce((sum, device) => sum + device.memory_total_bytes, 0);
  const bands = node.models
    .map((model) => ({ name: model.name, bytes: bytesOf(model) }))
    .filter(({ bytes }) => bytes > 0)
    .sort((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
  const loaded = node.models.flatMap(({ state }) => (state.state === 'loaded' ? [state] : []));
  return {
    memory: devices || node.memory_total_bytes,
    bands,
    taken: bands.reduce((sum, { bytes }) => sum + bytes, 0),
    busy: loaded.reduce((sum, { busy }) => sum + busy, 0),
    slots: loaded.reduce((sum, { slots }) => sum + slots, 0),
    waiting: node.queue.interactive + node.queue.batch,
  };
}

function bytesOf({ state, memory_bytes: bytes }: NodeModel): number {
  if (state.state === 'loaded') return bytes;
  return state.state === 'loading' ? (bytes * state.permille) / 1_000 : 0;
}

/** For how many minutes more it is cut off, the last one begun included. */
export function minutesLeft(node: Node, now: number): number {
  return Math.max(1, Math.ceil(((node.cut_off?.until_ms ?? now) - now) / 60_000));
}

/** How a computer is doing, in the one word that matters most. */
export type Doing = 'free' | 'working' | 'doubtful' | 'misbehaving' | 'away' | 'owner' | 'paused';

export function doingOf(node: Node): Doing {
  if (node.cut_off) return 'misbehaving';
  if (node.presence === 'offline') return 'away';
  if (node.presence === 'suspect') return 'doubtful';
  if (node.admission === 'owner_busy') return 'owner';
  if (node.admission !== 'accepting') return 'paused';
  return figuresOf(node).busy > 0 ? 'working' : 'free';
}
