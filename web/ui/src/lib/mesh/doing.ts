/** The words and the mark for how a computer is doing. */

import type { Node } from '$lib/api/types';
import { say } from '$lib/format/say.svelte';
import { locale } from '$lib/i18n/locale.svelte';
import type { Mark } from '$lib/ui/StateMark.svelte';
import { doingOf, figuresOf, minutesLeft, type Doing } from './figures';

const marks: Record<Doing, Mark> = {
  free: 'good',
  working: 'busy',
  owner: 'busy',
  doubtful: 'trouble',
  misbehaving: 'trouble',
  paused: 'offline',
  away: 'offline',
};

export const doingMark = (node: Node): Mark => marks[doingOf(node)];

export function doingWords(node: Node, now: number): string {
  const words = locale.words.mesh.doing;
  const doing = doingOf(node);
  const { busy, waiting } = figuresOf(node);
  if (doing === 'away') {
    return node.seen_ms === null ? words.away : words.awaySince(say.ago(node.seen_ms, now));
  }
  if (doing === 'misbehaving') return words.misbehaving(minutesLeft(node, now));
  if (doing !== 'working') return words[doing];
  return waiting ? words.busyAndWaiting(busy, waiting) : words.busy(busy);
}
