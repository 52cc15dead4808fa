/** What was used, as the page asks for it and draws it. Pure. */

import type { HistoryPoint, UsageBy, UsageRow } from '$lib/api/types';

export const sorts = ['model', 'place', 'person', 'key', 'day'] as const satisfies UsageBy[];
export const spans = ['7', '30', '90'] as const;
export type Span = (typeof spans)[number];

export function asSort(text: string | null): UsageBy {
  return sorts.find((sort) => sort === text) ?? 'model';
}

export function asSpan(text: string | null): Span {
  return spans.find((span) => span === text) ?? '30';
}

/** The first of so many days of UTC, of which today is the last. */
export function firstDay(span: Span, now: number): string {
  const day = 24 * 60 * 60 * 1_000;
  return new Date(now - (Number(span) - 1) * day).toISOString().slice(0, 10);
}

/** What a row is about; where that has no name, none. */
export function nameOf(row: UsageRow, by: UsageBy): string {
  if (by === 'key') return row.key_name ?? row.key ?? '';
  if (by === 'place') return row.place_name ?? row.place ?? '';
  return row[by] ?? '';
}

export const tokensOf = (row: UsageRow): number => row.prompt_tokens + row.completion_tokens;

/** How wide each row's bar is, the widest being 1. */
export function shares(rows: readonly UsageRow[]): number[] {
  const most = Math.max(1, ...rows.map(tokensOf));
  return rows.map((row) => tokensOf(row) / most);
}

/** Values in as many columns as there are steps of the time shown; where nothing was kept, null. */
export function columns(
  points: readonly HistoryPoint[],
  stepMs: number,
  fromMs: number,
  toMs: number,
  value: (point: HistoryPoint) => number | null,
): (number | null)[] {
  const first = Math.floor(fromMs / stepMs);
  const count = Math.max(1, Math.floor(toMs / stepMs) - first + 1);
  const filled = new Array<number | null>(count).fill(null);
  for (const point of points) {
    const at = Math.floor(point.at_ms / stepMs) - first;
    if (at >= 0 && at < count) filled[at] = value(point);
  }
  return filled;
}

/** The places that any point knows, in the order in which they first come. */
export function placesOf(points: readonly HistoryPoint[]): string[] {
  return [...new Set(points.flatMap(({ places }) => places.map(({ place }) => place)))];
}
