import { describe, expect, test } from 'vitest';
import { en } from './en';
import { dictionaries, preferred } from './locale.svelte';

/** Every key with what kind of thing it is: text, a function of so many values, a list of so many. */
function shape(words: unknown, path = ''): string[] {
  if (Array.isArray(words)) return [`${path}: list of ${words.length}`];
  if (typeof words === 'function') return [`${path}: function of ${words.length}`];
  if (typeof words !== 'object' || words === null) return [`${path}: ${typeof words}`];
  return Object.entries(words).flatMap(([key, value]) => shape(value, `${path}.${key}`));
}

function texts(words: unknown): string[] {
  if (typeof words === 'string') return [words];
  // Where there is nothing to do, the second of two sentences is empty.
  if (typeof words !== 'object' || words === null || Array.isArray(words)) return [];
  return Object.values(words).flatMap(texts);
}

describe.each(Object.entries(dictionaries))('%s', (_, words) => {
  test('has the keys of English, no more and no fewer', () => {
    expect(shape(words)).toEqual(shape(en));
  });

  test('leaves no text empty', () => {
    expect(texts(words).filter((text) => text.trim() === '')).toEqual([]);
  });
});

test.each([
  [['ko-KR', 'en'], 'ko'],
  [['fr', 'en-GB', 'ko'], 'en'],
  [['fr'], 'en'],
  [[], 'en'],
])('%j speaks %s', (asked, locale) => {
  expect(preferred(asked)).toBe(locale);
});
