import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Piece } from '$lib/api/completion';
import { paced } from './paced';

const text = (value: string): Piece => ({ kind: 'text', text: value });

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('shows the first piece at once and joins the rest', () => {
  const shown: Piece[] = [];
  const stream = paced((piece) => shown.push(piece));
  for (const word of ['a', 'b', 'c']) stream.take(text(word));
  expect(shown).toEqual([text('a')]);
  vi.runAllTimers();
  expect(shown).toEqual([text('a'), text('bc')]);
});

test('keeps the order of kinds and loses nothing at the end', () => {
  const shown: Piece[] = [];
  const stream = paced((piece) => shown.push(piece));
  const usage: Piece = { kind: 'usage', prompt: 1, completion: 3 };
  for (const piece of [text('a'), text('b'), usage, text('c')]) stream.take(piece);
  stream.flush();
  expect(shown).toEqual([text('a'), text('b'), usage, text('c')]);
});
