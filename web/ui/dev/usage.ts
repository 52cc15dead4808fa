/** Development only: what was used of the mock mesh, and how its last week went. */

import type { History, HistoryPoint, Usage, UsageBy, UsageRow } from '../src/lib/api/types.ts';
import type { World } from './world.ts';

const MINUTE_MS = 60_000;

/** The same moment always gives the same figure, between 0 and 1. */
function wave(at: number, shift: number): number {
  return 0.5 + 0.5 * Math.sin(at / 7 + shift) * Math.cos(at / 3 + shift);
}

function nameOf(row: UsageRow, by: UsageBy, world: World, index: number): UsageRow {
  const node = world.nodes[index % Math.max(1, world.nodes.length)];
  const models = ['starter-chat', 'gpt-4o-mini', 'qwen3-30b', 'claude-haiku-4-5'];
  if (by === 'model') return { ...row, model: models[index % models.length] ?? '-' };
  if (by === 'person') return { ...row, person: node?.person ?? '' };
  if (by === 'key') return { ...row, key: `3f9a${index}`, key_name: `번역 도우미 ${index}` };
  if (by === 'day') return { ...row, day: `2026-03-0${index + 1}` };
  const place = index === 1 ? 'openai' : `mesh/${node?.id.slice(0, 8) ?? ''}`;
  return { ...row, place, place_name: index === 1 ? null : (node?.name ?? null) };
}

export function usageOf(world: World, url: URL): Usage {
  const by = (url.searchParams.get('by') ?? 'model') as UsageBy;
  const row = (size: number, cost_usd: number | null): UsageRow => ({
    day: null,
    person: null,
    key: null,
    key_name: null,
    model: null,
    place: null,
    place_name: null,
    requests: 3 * size,
    failed: size % 4,
    prompt_tokens: 9_120 * size,
    cached_tokens: 2_100 * size,
    completion_tokens: 3_410 * size,
    thinking_tokens: 0,
    engine_s: 12.5 * size,
    cost_usd,
    unpriced: cost_usd === null ? 3 * size : 0,
  });
  const rows = [row(40, 0), row(21, 0.42), row(12, 0), row(3, null)];
  const named = rows.map((one, index) => nameOf(one, by, world, index));
  const total = { ...row(76, 0.42), unpriced: 9 };
  return { from: '2026-02-02', to: '2026-03-03', by: [by], rows: named, total };
}

export function historyOf(world: World, url: URL): History {
  const [from, to] = ['from_ms', 'to_ms'].map((name) => Number(url.searchParams.get(name)));
  const step = url.searchParams.get('step') === 'minute' ? MINUTE_MS : 60 * MINUTE_MS;
  const points: HistoryPoint[] = [];
  for (let at = Math.ceil((from ?? 0) / step); at < (to ?? 0) / step; at += 1) {
    const busy = wave(at, 0);
    points.push({
      at_ms: at * step,
      requests: Math.round(busy * 30),
      failed: busy > 0.9 ? 2 : 0,
      prompt_tokens: Math.round(busy * 9_000),
      completion_tokens: Math.round(busy * 4_000),
      tokens_per_s: busy * 60,
      ttft_p50_ms: busy > 0.1 ? 180 + 200 * wave(at, 1) : null,
      ttft_p99_ms: busy > 0.1 ? 900 + 2_000 * wave(at, 2) : null,
      waiting: 0,
      places: world.nodes.slice(0, 3).map(({ id, presence }) => ({
        place: `mesh/${id.slice(0, 8)}`,
        state: presence === 'offline' ? 'down' : wave(at, 3) > 0.97 ? 'shaky' : 'up',
      })),
    });
  }
  return { step_s: step / 1_000, points };
}
